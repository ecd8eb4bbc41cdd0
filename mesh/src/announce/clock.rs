//! Time that nodes share, and when not to believe in it.

use std::time::Duration;

use stack::time::Instant;

/// A point on the clock of the cluster, in microseconds since the Unix epoch. The clocks of two nodes differ by no
/// more than the `clock_error` of the epoch record; TSFs overheard or NTP do for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterTime(pub u64);

impl ClusterTime {
    pub(super) fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    pub(super) const fn abs_diff(self, other: Self) -> Duration {
        Duration::from_micros(self.0.abs_diff(other.0))
    }
}

/// What both clocks of a node say at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The node's own monotonic clock.
    pub monotonic: Instant,
    /// The clock of the cluster; `None` while the node knows that it does not have it.
    pub cluster: Option<ClusterTime>,
}

/// Microseconds of a duration.
pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Watches the cluster's clock for jumps against the monotonic one.
///
/// A verifier whose clock jumps back would take SEALs that are public by now; a signer whose clock jumps forward would
/// reveal those of rows that are still to come. So after a jump there is no clock until somebody says so.
#[derive(Clone, Debug)]
pub(super) struct ClockWatch {
    anchor: Option<(Instant, ClusterTime)>,
    jumped: bool,
}

/// How long a reading serves as the one that others are compared with: within this time the clock may be slewed by the
/// tolerance, not more.
const ANCHOR_AGE: Duration = Duration::from_secs(10);

/// Two clocks drift apart by no more than one part in so many: 200 ppm.
const DRIFT: u32 = 5000;

impl ClockWatch {
    /// One that believes the first reading.
    pub(super) const fn new() -> Self {
        Self { anchor: None, jumped: false }
    }

    /// The cluster's time, if it can be believed: it has moved as the monotonic clock has, give or take `tolerance`
    /// and what two clocks drift apart in the time between.
    pub(super) fn check(&mut self, reading: Reading, tolerance: Duration) -> Option<ClusterTime> {
        let now = reading.cluster?;
        let (then, anchor) = *self.anchor.get_or_insert((reading.monotonic, now));
        let elapsed = reading.monotonic.since(then);
        if now.abs_diff(anchor.plus(elapsed)) > tolerance + elapsed / DRIFT {
            self.jumped = true;
        }
        if self.jumped {
            return None;
        }
        if elapsed > ANCHOR_AGE {
            self.anchor = Some((reading.monotonic, now));
        }
        Some(now)
    }

    /// The clock has been set right: believe it from its next reading on.
    pub(super) const fn trust_again(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(monotonic: u64, cluster: u64) -> Reading {
        Reading { monotonic: Instant::from_micros(monotonic), cluster: Some(ClusterTime(cluster)) }
    }

    const TOLERANCE: Duration = Duration::from_millis(60);

    #[test]
    fn a_clock_that_runs_is_believed_and_one_that_jumps_is_not_until_told() {
        for jump in [1_000_000i64, -1_000_000] {
            let mut watch = ClockWatch::new();
            assert_eq!(watch.check(reading(5, 9_000_000), TOLERANCE), Some(ClusterTime(9_000_000)));
            assert!(watch.check(reading(1_000_005, 10_050_000), TOLERANCE).is_some());
            let jumped = 11_000_000u64.checked_add_signed(jump).unwrap();
            assert_eq!(watch.check(reading(2_000_005, jumped), TOLERANCE), None);
            assert_eq!(
                watch.check(reading(3_000_005, 12_000_000), TOLERANCE),
                None,
                "a jump is not forgotten"
            );
            watch.trust_again();
            assert!(watch.check(reading(4_000_005, jumped), TOLERANCE).is_some());
        }
    }

    #[test]
    fn a_clock_that_was_away_is_held_against_what_it_said_before() {
        let mut watch = ClockWatch::new();
        assert!(watch.check(reading(0, 9_000_000), TOLERANCE).is_some());
        let away = Reading { monotonic: Instant::from_micros(10), cluster: None };
        assert_eq!(watch.check(away, TOLERANCE), None);
        assert_eq!(watch.check(reading(1_000_000, 9_500_000), TOLERANCE), None);
    }

    #[test]
    fn a_quiet_hour_is_no_jump() {
        let mut watch = ClockWatch::new();
        assert!(watch.check(reading(0, 9_000_000), TOLERANCE).is_some());
        assert!(watch.check(reading(3_600_000_000, 3_609_100_000), TOLERANCE).is_some());
    }

    #[test]
    fn slow_drift_is_followed() {
        let mut watch = ClockWatch::new();
        for seconds in 0..100_000u64 {
            let at = reading(seconds * 1_000_000, seconds * 1_000_100);
            assert!(watch.check(at, TOLERANCE).is_some());
        }
    }
}
