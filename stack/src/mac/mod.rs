//! What both roles share: the receive pipeline, transmit, duplicates, fragments, A-MSDU, power save, queues.

mod drop;
mod duplicate;
mod packet_number;
mod qos;

pub use drop::{DropCounts, DropReason};
pub use duplicate::{DuplicateCache, SequenceNumbers, SequenceSpace};
pub use packet_number::{MAX_PACKET_NUMBER, PacketNumbersUsedUp, ReplayCounters, ReplaySpace, TxPn};
pub use qos::{AccessCategory, EAPOL_TID, tid_of};
