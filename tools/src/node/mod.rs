//! A node: radios with their virtual APs, and the switch between them and the outside.

mod outside;
mod port;
mod report;
mod switch;
mod table;
mod worker;

pub use outside::{Cable, Outside};
pub use port::Port;
pub use report::Report;
pub use switch::{Switch, SwitchNetwork};
pub use worker::{Worker, WorkerEvent};
