//! The station side of one network.
//!
//! A [`Link`] looks for its network on the channel that its radio is on, by beacons and by asking; authenticates and
//! associates; carries data both ways; dozes when there is nothing to do and fetches what the AP has kept for it; and
//! starts over, ever more patiently, when the AP is gone. It is a value and does nothing by itself: see the
//! vocabulary in the [crate](crate) page.
//!
//! So far it joins open networks.

mod config;
mod data;
mod doze;
mod join;
mod link;
mod scan;

pub use config::{LinkConfig, LinkEnd, LinkEvent, LinkState};
pub use link::Link;

#[cfg(test)]
mod tests;
