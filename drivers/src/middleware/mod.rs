//! Radios around radios: each is a [`Radio`](crate::radio::Radio) itself, so they can be put one into the other.
//!
//! - [`Fault`] loses, doubles, damages and reorders what is heard, and loses statuses, by a seed.
//! - [`Trace`] writes a line for each frame.
//! - [`Record`] writes all frames to a pcapng file.

mod fault;
mod record;
mod trace;

pub use fault::{Fault, Faults};
pub use record::Record;
pub use trace::Trace;

/// A clock, read whenever a frame passes: nanoseconds since 1970.
pub type Clock = Box<dyn FnMut() -> u64>;

#[cfg(test)]
mod tests;
