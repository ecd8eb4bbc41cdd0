//! What one radio does when: the schedule of its slots.
//!
//! A slot is a channel with whatever lives on it (links, virtual APs, a scan, silence). All that lives on one channel shares
//! a slot. A [`Schedule`] goes round its slots, one revolution a cycle, and only decides: it is told who lives
//! where, what they want, when their beacons are due and how long hops took, and says where to stay until when, and where
//! to go then.
//!
//! - The cycle is as long as latency allows ([`SlotConfig::cycle`]), shorter if an AP could not keep what arrives
//!   meanwhile, longer if dead air would eat more than half of it.
//! - Slots share the air by demand, and lie around the beacons of their networks. A slot that was cut short for the
//!   beacon of another gets it back later.
//! - A pinned link (it joins, or is in a handshake) keeps the radio as long as the others can do with their least slots.
//! - Dead air is measured for each pair of channels. Where it leaves no air worth having, the schedule says so
//!   ([`Refusal`]) and stays where it can. What was refused for slow hops is tried again, ever less often.
//!
//! Figures of hardware and the reasons behind the limits: 0.5 ms (a userspace driver of its own) to 600 ms (a stock
//! MT7612U); ath9k's `channel.c`; FatVAP, Juggler and Spider for how stations share a radio.

mod admit;
mod beacons;
mod buffer;
mod ceiling;
mod config;
mod cycle;
mod dead_air;
mod plan;
mod refusal;
mod retry;
mod roster;
mod route;
mod schedule;
mod turns;

pub use beacons::Beacons;
pub use ceiling::{PER_MILLE, air_left};
pub use config::{Demand, Hop, Kind, Occupant, OccupantId, SlotConfig, SlotEvent, Stay};
pub use refusal::Refusal;
pub use schedule::Schedule;

#[cfg(test)]
mod tests;
