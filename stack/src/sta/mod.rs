//! The station side of one network.
//!
//! A [`Link`] looks for its network on the channel that its radio is on, by beacons and by asking; authenticates and
//! associates; carries data both ways; dozes when there is nothing to do and fetches what the AP has kept for it; follows
//! the AP to another channel; takes leave while its radio is on other channels; and starts over, ever more patiently, when
//! the AP is gone. It is a value and does nothing by itself: see the
//! vocabulary in the [crate] page.
//!
//! It joins open networks and those of WPA2 with a passphrase (CCMP-128).

mod absence;
mod association;
mod config;
mod data;
mod doze;
mod follow;
mod join;
mod link;
mod scan;
mod secure;

pub use config::{Fetch, LinkConfig, LinkEnd, LinkEvent, LinkSecurity, LinkState};
pub use link::Link;

#[cfg(test)]
mod absence_tests;

#[cfg(test)]
mod follow_tests;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod wpa2_tests;
