//! `airloom demo`: two nodes of two radios each and six clients that walk, on the simulated air, all of it the product's
//! own code. The power of one node fails on the way.
//!
//! - The scene: who is where, who talks to whom, who walks where; everything that is made up.
//! - A node is [`crate::node::Worker`]s on [`drivers::air::AirRadio`]s, their switch, and a [`crate::node::Member`] of a
//!   cluster on [`mesh::engine::Simulated`]; the clients are [`stack::sta::Link`]s; one thread drives all in virtual time.
//! - A witness sees every frame that goes on the air, follows the handshakes with the passphrase, decrypts what it can
//!   and keeps the books: packet numbers, repetitions, which radio speaks for which client. Nothing in the outcome is
//!   taken from the nodes' word that could be seen from outside.
//!
//! `airloom demo --hop` is another stage: one radio on the networks of others.

mod actor;
mod arrivals;
mod bridge;
mod capture;
mod chronicle;
mod hear;
mod hop;
mod keys;
mod ladder;
mod nodes;
mod nonces;
mod outcome;
mod packet;
mod plan;
mod play;
mod portrait;
mod scene;
mod seams;
mod speech;
mod stage;
mod summary;
mod trail;
mod witness;

pub use hop::{HopDemo, HopOutcome, play_hop};
pub use outcome::{Gaps, Outcome};
pub use play::{Demo, DemoError, play};

#[cfg(test)]
mod tests;
