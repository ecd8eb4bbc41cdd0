//! The TSF timer of a BSS (802.11-2020 11.1.3), and the beacons that follow from it.

use std::time::Duration;

use crate::time::Instant;

/// A TSF timer, by how far it is ahead of our clock. It may be older than the clock: it comes along when its BSS moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tsf {
    ahead: i64,
}

impl Tsf {
    /// The timer that is zero at this time.
    pub(super) fn zero_at(zero: Instant) -> Self {
        Self { ahead: 0_i64.wrapping_sub_unsigned(zero.as_micros()) }
    }

    /// The timer that is so far ahead of our clock, in microseconds.
    pub(super) const fn ahead_of_clock(ahead: i64) -> Self {
        Self { ahead }
    }

    /// How far it is ahead of our clock, in microseconds.
    pub(super) const fn ahead(self) -> i64 {
        self.ahead
    }

    /// What it shows, in microseconds; zero before it began.
    pub(super) fn at(self, now: Instant) -> u64 {
        u64::try_from(self.elapsed(now)).unwrap_or(0)
    }

    /// When a beacon is due first: now, if it is time.
    pub(super) fn first_beacon(self, interval: Duration, now: Instant) -> Instant {
        let waits = self.elapsed(now).wrapping_neg().rem_euclid(micros(interval));
        now + Duration::from_micros(waits.unsigned_abs())
    }

    /// When a beacon is due next: at every multiple of the interval (802.11-2020 11.1.3.2). Missed ones are skipped.
    pub(super) fn next_beacon(self, interval: Duration, now: Instant) -> Instant {
        let into = self.elapsed(now).rem_euclid(micros(interval));
        now + Duration::from_micros((micros(interval) - into).unsigned_abs())
    }

    /// What it shows at the beacon that is due at `now`, or was last.
    pub(super) fn tbtt_before(self, interval: Duration, now: Instant) -> u64 {
        let elapsed = self.elapsed(now);
        u64::try_from(elapsed - elapsed.rem_euclid(micros(interval))).unwrap_or(0)
    }

    const fn elapsed(self, now: Instant) -> i64 {
        self.ahead.wrapping_add_unsigned(now.as_micros())
    }
}

fn micros(interval: Duration) -> i64 {
    i64::try_from(interval.as_micros()).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_micros(100);

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn beacons_are_due_at_every_multiple_of_the_interval() {
        let tsf = Tsf::zero_at(at(1030));
        assert_eq!((tsf.at(at(1000)), tsf.at(at(1030)), tsf.at(at(1090))), (0, 0, 60));
        assert_eq!(tsf.first_beacon(INTERVAL, at(1000)), at(1030));
        assert_eq!(tsf.first_beacon(INTERVAL, at(1030)), at(1030));
        assert_eq!(tsf.next_beacon(INTERVAL, at(1030)), at(1130));
        assert_eq!(tsf.next_beacon(INTERVAL, at(1399)), at(1430));
        assert_eq!((tsf.tbtt_before(INTERVAL, at(1330)), tsf.tbtt_before(INTERVAL, at(1429))), (300, 300));
    }

    #[test]
    fn a_timer_may_be_older_than_the_clock() {
        let tsf = Tsf::ahead_of_clock(5_000_000_030);
        assert_eq!(tsf.at(at(0)), 5_000_000_030);
        assert_eq!(tsf.next_beacon(INTERVAL, at(0)), at(70));
    }
}
