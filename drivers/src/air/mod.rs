//! A simulated air in virtual time.
//!
//! Radios stand at places and are tuned to channels. A frame takes its airtime at its rate; it arrives with a
//! log-distance loss; whoever senses it defers and counts slots; who starts in the same slot collides, and the much
//! stronger of two survives. A receiver understands a frame by its signal to noise and interference. A radio
//! acknowledges frames to the addresses in its ACK set a SIFS later; a sender without its ACK tries again with the
//! Retry bit and a doubled window, and says at the end what became of it. Radios on adjacent channels raise each
//! other's noise, and a radio that changes its channel is deaf and mute for a while. A frame that says no rate goes out at
//! the lowest basic one of its band, all attempts alike: rate control is the sender's.
//!
//! Time is an argument. The one who drives the air asks [`Air::poll_timeout`], calls [`Air::advance`] at exactly that
//! time (or earlier, when something else is due), hands what [`Air::receive`] yields to the stacks, and what they send
//! to [`Air::transmit`]. The same seed and the same calls give the same run, byte for byte.

mod access;
mod flight;
mod handle;
mod medium;
mod reception;
mod transceiver;

pub use flight::OnAir;
pub use handle::AirRadio;
pub use medium::{Air, QueueFull, Witness};
pub use transceiver::{RadioId, RadioStats, Report};

#[cfg(test)]
mod tests;
