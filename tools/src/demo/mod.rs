//! `airloom demo`: a node of two radios and four clients on the simulated air, all of it the product's own code.
//!
//! - The scene: who is where, who talks to whom, who walks and who leaves; everything that is made up.
//! - The node is [`crate::node::Worker`]s on [`drivers::air::AirRadio`]s, the clients are [`stack::sta::Link`]s, and
//!   one thread drives them in virtual time.
//! - A witness sees every frame that goes on the air, follows the handshakes with the passphrase, decrypts what it can
//!   and keeps the books: packet numbers, repetitions, handovers. Nothing in the outcome is taken from the node's word
//!   that could be seen from outside.

mod actor;
mod arrivals;
mod capture;
mod hear;
mod ladder;
mod nonces;
mod outcome;
mod packet;
mod plan;
mod play;
mod portrait;
mod scene;
mod speech;
mod stage;
mod summary;
mod witness;

pub use outcome::{Gaps, Outcome};
pub use play::{Demo, DemoError, play};

#[cfg(test)]
mod tests;
