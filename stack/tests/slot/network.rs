//! A network of the world: its beacons, and how long it has waited for the radio.

use std::time::Duration;

use stack::slot::{Beacons, Kind};
use stack::time::Instant;
use stack::wire::Channel;

/// A network of the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network {
    pub(crate) kind: Kind,
    pub(crate) channel: Channel,
    /// A beacon of it, in microseconds.
    pub(crate) first: u64,
    pub(crate) interval: u64,
    /// How far its clock is off, in parts per million.
    pub(crate) drift: i64,
    /// Frames a second, and how many the AP keeps.
    pub(crate) arriving: u64,
    pub(crate) capacity: u64,
    /// When it was last served, or began to wait for it.
    pub(crate) since: u64,
    /// What hops took beyond what they usually take, until then.
    pub(crate) excused: u64,
    /// The longest cycle since then.
    pub(crate) cycle: u64,
    /// Its beacons were counted up to here.
    pub(crate) counted: u64,
}

impl Network {
    pub(crate) fn new(kind: Kind, channel: Channel, first: u64) -> Self {
        Self {
            kind,
            channel,
            first,
            interval: 102_400,
            drift: 0,
            arriving: 0,
            capacity: 64,
            since: 0,
            excused: 0,
            cycle: 0,
            counted: 0,
        }
    }

    fn true_interval(&self) -> i128 {
        i128::from(self.interval) * (1_000_000 + i128::from(self.drift))
    }

    /// Its last beacon that was due at `now` or before.
    pub(crate) fn beacon_before(&self, now: u64) -> u64 {
        let past = (i128::from(now) - i128::from(self.first)) * 1_000_000;
        let count = past.div_euclid(self.true_interval());
        u64::try_from(i128::from(self.first) + count * self.true_interval() / 1_000_000).unwrap_or(0)
    }

    /// How many beacons are due after `from` and up to `to`.
    pub(crate) fn due(&self, from: u64, to: u64) -> u64 {
        let between = self.beacon_before(to).saturating_sub(self.beacon_before(from));
        (between + self.interval / 2) / self.interval
    }

    pub(crate) fn beacons(&self, now: u64) -> Beacons {
        let tbtt = Instant::from_micros(self.beacon_before(now));
        Beacons::new(tbtt, Duration::from_micros(self.interval)).unwrap()
    }
}
