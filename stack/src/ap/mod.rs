//! Access points: every virtual AP of one radio, sans-IO.
//!
//! - [`VirtualAp`]: one BSS as one owned value: its stations, keys, group queue and beacon schedule.
//! - [`ApRadio`]: the virtual APs that share a radio, admission to them, the bridge between their stations.

mod admission;
mod beacon;
mod config;
mod data;
mod management;
mod radio;
mod virtual_ap;

pub use config::{ApEvent, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
pub use radio::ApRadio;
pub use virtual_ap::VirtualAp;
