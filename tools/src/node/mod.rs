//! A node: radios with their virtual APs and links, and the switch between them and the outside.

mod addresses;
mod block;
mod cluster;
mod crew;
mod daemon;
mod follow;
mod home;
mod hop;
mod inbound;
mod inspector;
mod links;
mod log;
mod member;
mod moves;
mod orders;
mod outside;
mod pins;
mod placer;
mod port;
mod random;
mod report;
mod stopwatch;
mod switch;
mod table;
mod voice;
mod wire;
mod worker;

pub use block::{Blocks, address_of_phy, block_at, contains};
pub use cluster::Identity;
pub(crate) use cluster::blocks;
pub use crew::{Crew, CrewNetwork, Ending, Post};
pub use daemon::{Parts, Verbosity, attend, run};
pub use home::{Abroad, Home, Remote, Routes};
pub use inspector::Inspector;
pub use links::{LinkChange, LinkNews, Links, link_address};
pub use log::Log;
pub use member::{
    Announcing, BoxedJournal, ClusterClock, Departed, Member, MemoryJournal, News, Segment, SignerJournal,
    StoreJournal, Wish, range_of,
};
pub use moves::{MoveError, Moved};
pub use orders::{Order, Told};
pub use outside::{Cable, Outside};
pub use pins::Pins;
pub use placer::Placer;
pub use port::Port;
pub use random::OsRandom;
pub use report::Report;
pub use switch::{Switch, SwitchNetwork};
pub use table::Table;
pub use worker::{Inspect, Worker, WorkerEvent};
