//! Announcements that every node can check and none can forge: "this client is mine now", load, what a radio hears.
//!
//! They go to all nodes at once, over the air too, where anybody can inject; so checking one must cost microseconds,
//! also when it is a lie. BiBa (Perrig, CCS 2001) and HORS sign by revealing a few of many secret values, *SEALs*; a
//! verifier only hashes. Each SEAL is one link of a one-way chain whose end everybody knows:
//!
//! ```text
//!            row 0          row 1          row 2                row L
//! chain 0   S(0,0)  <- F -  S(0,1)  <- F - S(0,2)  <- ...  <-   tip      <- HMAC(seed)
//! chain 1   S(1,0)  <- F -  S(1,1)  <- ...
//!            ^ public: its hash stands in the epoch record, signed with Ed25519
//! ```
//!
//! Row `j` is used in period `j` of the epoch only, for at most two signatures. Once its time is over its SEALs are
//! worth nothing, which is why clocks matter: a verifier that has lost its clock takes Ed25519 alone.
//!
//! - [`Profile`]: the parameters there are. [`Scheme`]: signing and verifying, one trait over [`Biba`], [`Hors`] and
//!   [`Ed25519`].
//! - [`EpochPlan`] makes the chains of an epoch, [`Signer`] uses them up, [`Pending`] holds a signed message back until
//!   the state it stands for is saved.
//! - [`Verifier`]: what a node knows of the others, and the order of checks.
//! - [`Payload`]: what can be announced. **A context or a key never is**: announcements are signed, not encrypted.

mod biba;
mod chain;
mod clock;
mod heads;
mod hors;
mod identity;
mod payload;
mod profile;
mod record;
mod refusal;
mod row;
mod schedule;
mod scheme;
mod seal;
mod signer;
mod verifier;
mod wire;

#[cfg(test)]
mod formula;
#[cfg(test)]
mod tests;

pub use biba::Biba;
pub use clock::{ClusterTime, Reading};
pub use heads::{Heads, Revealed};
pub use hors::Hors;
pub use identity::{Ed25519, Identity, PublicIdentity};
pub use payload::{Claim, Item, Items, Load, Payload, PayloadError, SaBinding, Signal};
pub use profile::{Profile, SchemeId};
pub use record::{EpochRecord, RowRecord};
pub use refusal::{Refusal, RefusalCounts};
pub use row::{Row, RowError};
pub use schedule::{MAX_ROWS, Schedule};
pub use scheme::{MAX_TRIES, NoSignature, Place, RowScheme, Scheme};
pub use seal::{RowHash, Seal, SealRow};
pub use signer::{
    EpochPlan, Journal, OpenError, Opened, Pending, SignError, Signer, SignerConfig, SignerState,
};
pub use verifier::{Announcement, Verifier};
pub use wire::{MAX_PAYLOAD, VERSION};

/// A node of the cluster, as announcements name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// A signer's epoch: rises with every restart and every renewal of the chains, and is never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);
