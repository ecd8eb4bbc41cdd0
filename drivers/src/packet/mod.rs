//! Radios of the Linux kernel. [`PacketRadio`] is a whole phy; [`PacketSocket`] is one monitor interface by `AF_PACKET`:
//! frames come through a ring that is shared with the kernel, are decrypted where they lie, and leave in batches.
//!
//! Each injected frame comes back on the monitor with radiotap TX flags. That echo is never a frame that was heard: it
//! becomes the [`TxStatus`](stack::wire::TxStatus) of the frame that it is the echo of, or it is dropped.

mod acks;
mod echo;
mod error;
mod filter;
mod held;
mod radio;
mod ring;
mod socket;

pub use acks::AckState;
pub use error::{ChannelProblem, PacketRadioError};
pub use filter::AddressFilter;
pub use radio::{PacketRadio, PacketRadioConfig};
pub use socket::{PacketCounts, PacketSocket};
