//! Access points: every virtual AP of one radio, sans-IO.
//!
//! - [`VirtualAp`]: one BSS as one owned value: its stations, keys, group queue and beacon schedule.
//! - [`ApRadio`]: the virtual APs that share a radio, admission to them, the bridge between their stations.
//!
//! A network is served in one of two ways. *Shared*: one BSS with all its stations. *Per client*: a parent BSSID beacons to
//! everybody and takes nobody, and each client has a BSS of its own, at an address out of the rest of the radio's block.
//! Such a one can be drained, taken out and adopted by another radio: within a host as the value, else as a [`Context`]. If
//! that radio is on another channel, the client is told to go there, and waited for.

mod absence;
mod acks;
mod admission;
mod announce;
mod arrival;
mod association;
mod block;
mod channel_switch;
mod config;
mod context;
mod data;
mod directory;
mod group;
mod handshake;
mod management;
mod network;
mod offer;
mod outbox;
mod places;
mod presence;
mod radio;
mod transfer;
mod transmit;
mod tsf;
mod virtual_ap;

#[cfg(test)]
mod tests;

pub use block::BssidBlock;
pub use config::{ApEvent, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind};
pub use context::{Context, ContextError, KeyId, SharedClock};
pub use radio::{ApRadio, Occupancy};
pub use transfer::{Refusal, Refused};
pub use virtual_ap::VirtualAp;
