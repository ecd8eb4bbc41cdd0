//! What a link wants of the air, from what it has used of it.

use std::time::Duration;

use crate::mac::{PeerStats, air_time};
use crate::slot::Demand;
use crate::time::Instant;
use crate::wire::Rate;

/// How often it is reckoned.
const EVERY: Duration = Duration::from_secs(1);

/// The traffic of a link as it was counted last, and what it wanted then.
#[derive(Debug, Default)]
pub(super) struct Usage {
    counted: Option<(Instant, Counts)>,
    demand: Demand,
}

/// Frames and bytes so far, in one direction and the other.
#[derive(Clone, Copy, Debug)]
struct Counts {
    received: (u64, u64),
    sent: (u64, u64),
}

impl Usage {
    /// What the link wants, if that is reckoned anew now: half as much again as it has used in the last second, so that it
    /// can grow; at least half of what it wanted before, so that a pause costs little.
    pub(super) fn reckon(&mut self, now: Instant, stats: &PeerStats) -> Option<Demand> {
        let counts =
            Counts { received: (stats.rx_frames, stats.rx_bytes), sent: (stats.tx_frames, stats.tx_bytes) };
        let (at, before) = *self.counted.get_or_insert((now, counts));
        let time = now.since(at);
        if time < EVERY {
            return None;
        }
        self.counted = Some((now, counts));
        let received = since(counts.received, before.received);
        let used = air_of(received, stats.rx_rate) + air_of(since(counts.sent, before.sent), stats.tx_rate);
        let wanted = Demand {
            air: Duration::from_micros(per_second(used * 3 / 2, time)).max(self.demand.air / 2),
            arriving: u32::try_from(per_second(received.0, time))
                .unwrap_or(u32::MAX)
                .max(self.demand.arriving / 2),
        };
        let changed = wanted != self.demand;
        self.demand = wanted;
        changed.then_some(wanted)
    }
}

/// Counts of a new association begin anew.
const fn since((frames, bytes): (u64, u64), before: (u64, u64)) -> (u64, u64) {
    (frames.saturating_sub(before.0), bytes.saturating_sub(before.1))
}

/// In microseconds.
fn air_of((frames, bytes): (u64, u64), rate: Option<Rate>) -> u64 {
    let each = usize::try_from(bytes / frames.max(1)).unwrap_or(usize::MAX);
    frames.saturating_mul(u64::try_from(air_time(each, rate)).unwrap_or(u64::MAX))
}

fn per_second(count: u64, time: Duration) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000_000) / micros
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn stats(received: u64, sent: u64) -> PeerStats {
        let mut stats = PeerStats::default();
        (stats.rx_frames, stats.rx_bytes) = (received, received * 1500);
        (stats.tx_frames, stats.tx_bytes) = (sent, sent * 1500);
        (stats.rx_rate, stats.tx_rate) = (Some(Rate::Legacy(24)), Some(Rate::Legacy(24)));
        stats
    }

    #[test]
    fn it_wants_half_as_much_again_as_it_used_and_forgets_slowly() {
        let mut usage = Usage::default();
        assert_eq!(usage.reckon(at(0), &stats(0, 0)), None);
        assert_eq!(usage.reckon(at(999), &stats(100, 100)), None);
        // 1500 bytes at 12 Mb/s take 1 ms, and 0.1 ms around it.
        let demand = usage.reckon(at(2000), &stats(200, 200)).unwrap();
        assert_eq!((demand.air, demand.arriving), (Duration::from_millis(330), 100));
        let demand = usage.reckon(at(3000), &stats(200, 200)).unwrap();
        assert_eq!((demand.air, demand.arriving), (Duration::from_millis(165), 50));
    }

    #[test]
    fn a_new_association_counts_from_zero() {
        let mut usage = Usage::default();
        usage.reckon(at(0), &stats(1000, 1000));
        assert_eq!(usage.reckon(at(1000), &stats(10, 0)), None, "nothing is wanted, as before");
    }
}
