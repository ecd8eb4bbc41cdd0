//! The 802.11 MAC, sans-IO: no socket, no thread, no clock, no random number of its own. Bytes, time and
//! randomness come in as arguments; frames, events and deadlines come out. The same code runs on radios, on a
//! simulated air in virtual time, and over a capture.
//!
//! The rooms, in the only order in which they may know each other
//! (`wire <- crypto <- rsn <- mac <- ap, sta, slot <- hop`):
//!
//! - [`wire`]: bytes to values and back. Zero-copy views that cannot panic, small values with `parse` and `emit`.
//! - [`crypto`]: ciphers and key derivation, thin over RustCrypto.
//! - [`rsn`]: the 4-way and group handshakes, both sides, as state machines that consume themselves.
//! - [`mac`]: what both roles share: the receive pipeline as an ordered list of named steps, transmit, duplicates,
//!   fragments, A-MSDU, power save, queues.
//! - [`ap`]: a virtual AP as one owned value: its beacon, its stations, its group key; admission of new ones.
//! - [`sta`]: a link, the station side of one network.
//! - [`slot`]: the schedule of a radio that is in several places: what it does when.
//! - [`hop`]: the links of one radio, and how it goes from one to the next without losing a frame.
//!
//! Every machine in here speaks the same few words. In: `handle_frame`, `handle_msdu`, `handle_tx_status`,
//! `handle_timeout(now)`. Out: `poll_transmit`, `poll_event`, `poll_timeout -> (deadline, reason)`.

#![forbid(unsafe_code)]

pub mod ap;
pub mod crypto;
pub mod hop;
pub mod mac;
pub mod random;
pub mod rsn;
pub mod slot;
pub mod sta;
pub mod time;
pub mod wire;
