//! When the beacons of a network are due.

use std::time::Duration;

use crate::time::Instant;

/// Target beacon transmission times (802.11-2020 11.1.3.2): one known, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacons {
    tbtt: Instant,
    interval: Duration,
}

impl Beacons {
    /// One beacon is due at `tbtt`, the others lie `interval` apart. `None` if that is zero or above 67.1 s (the
    /// interval is 16 bits of TU).
    pub fn new(tbtt: Instant, interval: Duration) -> Option<Self> {
        let possible = interval >= Duration::from_micros(1) && interval <= crate::time::TU * 65_535;
        possible.then_some(Self { tbtt, interval })
    }

    /// How far they lie apart.
    pub const fn interval(self) -> Duration {
        self.interval
    }

    /// The first that is due at `at` or later.
    pub fn next(self, at: Instant) -> Instant {
        let interval = micros(self.interval);
        if at <= self.tbtt {
            let ahead = self.tbtt.as_micros() - at.as_micros();
            return Instant::from_micros(at.as_micros() + ahead % interval);
        }
        let past = at.as_micros() - self.tbtt.as_micros();
        at + Duration::from_micros((interval - past % interval) % interval)
    }

    /// The one that lies nearest to `at`.
    pub fn nearest(self, at: Instant) -> Instant {
        let next = self.next(at);
        let before = next - self.interval;
        if at.since(before) < next.since(at) { before } else { next }
    }

    /// One is due from `from` to `to`, both included.
    pub fn within(self, from: Instant, to: Instant) -> bool {
        self.next(from) <= to
    }
}

/// At least one microsecond, see [`Beacons::new`].
fn micros(interval: Duration) -> u64 {
    u64::try_from(interval.as_micros()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn beacons_are_found_before_and_after_the_known_one() {
        let beacons = Beacons::new(at(1030), Duration::from_micros(100)).unwrap();
        let next = [0, 29, 30, 31, 1030, 1031, 1130].map(|now| beacons.next(at(now)).as_micros());
        assert_eq!(next, [30, 30, 30, 130, 1030, 1130, 1130]);
        let nearest = [1040, 1079, 1081].map(|now| beacons.nearest(at(now)).as_micros());
        assert_eq!(nearest, [1030, 1030, 1130]);
        assert!(beacons.within(at(1100), at(1130)) && !beacons.within(at(1031), at(1129)));
    }

    #[test]
    fn an_interval_is_one_that_a_beacon_can_say() {
        assert_eq!(Beacons::new(at(0), Duration::ZERO), None);
        assert_eq!(Beacons::new(at(0), Duration::from_secs(68)), None);
    }
}
