//! Who owns which virtual AP, and how it changes hands: the core that runs on every node.
//!
//! [`Cluster`] is one node's view of it, sans-IO. Packets of other nodes, rows of the shared table, what the engine finds
//! about peers, what the local radios report and the time go in; [`Action`]s come out. `mesh/handover.md` has the
//! protocol in one picture, and why no packet number is ever used twice.
//!
//! - `title`: who owns a virtual AP by which right; `context`: a virtual AP on the road.
//! - `link`: each message once and in order over packets that get lost; `peers`: one link to each node; `message`.
//! - `vap`: what one node knows of one virtual AP, and which role it plays for it.
//! - `owner` moves a virtual AP away and keeps its guards up to date, `arrival` takes one in, `guard` takes one over,
//!   `dispute` settles who is right, `route` sends on what came to the wrong node.

mod action;
mod arrival;
mod cluster;
mod context;
mod discard;
mod dispute;
mod guard;
mod link;
mod message;
mod owner;
mod parting;
mod peers;
mod route;
mod timing;
mod title;
mod vap;

#[cfg(test)]
mod tests;

pub use action::{Action, Event, Provenance, RadioIndex, Ticket};
pub use cluster::{Cluster, MoveError, Taken};
pub use context::{Context, MAX_KEYS, SecretBytes};
pub use discard::{Discard, DiscardCounts};
pub use link::VERSION;
pub use peers::{Me, Standing};
pub use timing::Timing;
pub use title::{Incarnation, Rank, Title};
