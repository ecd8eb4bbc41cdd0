//! `airloom demo --hop`: one radio that is a station of four foreign networks on four channels, on the simulated air.
//!
//! - The scene: the networks, what is said on them, whose AP loses its power, who changes its keys.
//! - The radio is a [`crate::node::Worker`] with [`crate::node::Links`] on an [`drivers::air::AirRadio`], as `airloom hop`
//!   has it; each AP is a worker too, with the switch and the wired host behind it. One thread drives all in virtual time.
//! - A witness sees every frame that goes on the air, and asks the air where the radio is. What the radio says of itself
//!   is told where nothing else knows it: what it has learnt of an AP's buffer, and why it has discarded something.

mod account;
mod ear;
mod foreign;
mod outcome;
mod play;
mod portrait;
mod scene;
mod sight;
mod stage;
mod witness;

pub use outcome::HopOutcome;
pub use play::{HopDemo, play_hop};

#[cfg(test)]
mod tests;
