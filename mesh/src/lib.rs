//! Nodes that share the virtual-AP table.
//!
//! A single node needs one thing of it, the [`lease`]: the layout of packet numbers that lets a virtual AP change its
//! owner without two owners ever encrypting under the same key and packet number. Every transmit key starts inside a
//! lease from the first day, so that nothing changes for a client when its virtual AP begins to move.
//!
//! In a cluster nodes tell each other by [`announce`] who serves whom: signed, cheap to check, open to all.

#![forbid(unsafe_code)]

pub mod announce;
pub mod claim;
pub mod engine;
pub mod handover;
pub mod lease;
pub mod placement;
pub mod table;

pub use handover::Cluster;
