//! What both roles share: the receive pipeline, transmit, duplicates, fragments, A-MSDU, power save, queues.
//!
//! - [`Peer`]: all that is kept about one peer, as one value.
//! - [`rx`]: from MPDUs to MSDUs, as an ordered list of named steps.
//! - [`tx`]: from MSDUs to MPDUs; [`Scheduler`] says whose turn it is, [`InFlight`] what became of what was sent.

mod amsdu;
mod association;
mod defragment;
mod drop;
mod duplicate;
mod gaps;
mod in_flight;
mod moved;
mod msdu;
mod packet_number;
mod peer;
mod pool;
mod power_save;
mod qos;
mod queue;
mod rate;
mod rates;
pub mod rx;
mod schedule;
mod stats;
pub mod tx;

pub use association::{GroupRx, GroupTx, InstallError, PairwiseSa, SaId, SaIds};
pub use defragment::{Defragmenter, Fragment};
pub use drop::{DropCounts, DropReason};
pub use duplicate::{DuplicateCache, SequenceNumbers, SequenceSpace};
pub use in_flight::InFlight;
pub(crate) use moved::{KeyRecord, PeerRecord, Purpose, QueuedRecord};
pub use msdu::Msdu;
pub use packet_number::{MAX_PACKET_NUMBER, PacketNumbersUsedUp, ReplayCounters, ReplaySpace, TxPn, TxRange};
pub use peer::{Bss, Peer, PeerConfig, Role};
pub use pool::BufferPool;
pub use power_save::{PowerSave, Uapsd};
pub use qos::{AccessCategory, EAPOL_TID};
pub use rates::{Rates, TakenRates, robust_rate};
pub use schedule::{Scheduler, Turn};
pub use stats::PeerStats;
pub(crate) use tx::PAUSE;
pub(crate) use tx::air_time;
pub use tx::{Completion, GroupQueue, Outgoing, TxContext};
