//! A monitor interface by `AF_PACKET`: frames come through a `TPACKET_V3` ring that is shared with the kernel, and leave
//! in batches.
//!
//! The kernel hands a block of the ring over when it is full or when its timer runs out, which is one jiffy at the
//! shortest (4 ms on a kernel of 250 Hz): what that costs in latency is to be measured before it is kept.
//!
//! Each injected frame comes back on the monitor with radiotap TX flags. That echo is never a frame that was heard: it
//! becomes the [`TxStatus`](stack::wire::TxStatus) of the frame that it is the echo of, or it is dropped.

mod acks;
mod echo;
mod filter;
mod held;
mod radio;
mod ring;
mod socket;

pub use acks::AckState;
pub use filter::AddressFilter;
pub use radio::{ChannelProblem, PacketRadio, PacketRadioConfig, PacketRadioError};
pub use socket::{PacketCounts, PacketSocket};
