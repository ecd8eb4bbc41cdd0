//! How long this radio is deaf on its way from one channel to another, and how long it takes to get away from one:
//! measured on this very adapter, hop by hop.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::wire::Channel;

/// What a hop takes before any is measured: about what most hardware needs.
const UNMEASURED_HOP: Duration = Duration::from_millis(5);
/// What leaving takes before any is measured: a null frame and its ACK on a quiet medium, twice.
const UNMEASURED_LEAVING: Duration = Duration::from_micros(500);
/// However much a bad day of the medium takes, leaving begins no earlier than this before the edge.
const MOST_GUARD: Duration = Duration::from_millis(3);
/// Measurements that are remembered of each.
const REMEMBERED: usize = 31;
/// So many make an estimate that decides over hopping; one outlier does not.
const ENOUGH: usize = 3;

/// The last measurements of one thing.
#[derive(Clone, Debug, Default)]
struct Samples {
    recent: VecDeque<Duration>,
    typical: Duration,
    high: Duration,
}

impl Samples {
    fn record(&mut self, sample: Duration) {
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(sample);
        let mut sorted: Vec<Duration> = self.recent.iter().copied().collect();
        sorted.sort_unstable();
        self.typical = sorted.get((sorted.len() - 1) / 2).copied().unwrap_or(sample);
        // One outlier in so many is passed over: else every hiccup would stretch all guards for a while.
        let over = usize::from(sorted.len() >= ENOUGH);
        self.high = sorted.get(sorted.len() - 1 - over).copied().unwrap_or(sample);
    }

    fn is_settled(&self) -> bool {
        self.recent.len() >= ENOUGH
    }
}

/// All that is measured about the hops of one radio.
#[derive(Debug, Default)]
pub(super) struct DeadAir {
    pairs: BTreeMap<(Channel, Channel), Samples>,
    leaving: BTreeMap<Channel, Samples>,
    /// The median over the pairs of what is typical of each.
    overall: Option<Duration>,
    /// Hops measured in all.
    count: usize,
}

impl DeadAir {
    /// A hop took so long from the first step of retuning until the radio could hear and be heard. Says whether
    /// what is believed of this pair has changed by a tenth or more, or has just become certain.
    pub(super) fn measured(&mut self, from: Channel, to: Channel, dead: Duration) -> bool {
        let samples = self.pairs.entry((from, to)).or_default();
        let (before, settled) = (samples.typical, samples.is_settled());
        samples.record(dead);
        self.count = self.count.saturating_add(1);
        let changed = samples.typical.abs_diff(before) * 10 >= before || settled != samples.is_settled();
        if changed || self.overall.is_none() {
            self.reckon();
        }
        changed
    }

    fn reckon(&mut self) {
        let mut typical: Vec<Duration> = self.pairs.values().map(|samples| samples.typical).collect();
        typical.sort_unstable();
        self.overall = typical.get(typical.len().saturating_sub(1) / 2).copied();
    }

    /// Pairs whose hops take as long as this, or longer, are as if they had never been measured.
    pub(super) fn forget_above(&mut self, limit: Duration) {
        self.pairs.retain(|_, samples| samples.typical < limit);
        self.reckon();
    }

    /// Getting away from a channel took so long: from the order to leave until the radio could be retuned.
    pub(super) fn left(&mut self, from: Channel, took: Duration) {
        self.leaving.entry(from).or_default().record(took);
    }

    /// What a hop takes: the median of the last ones of this pair; of an unmeasured pair, of the others.
    pub(super) fn typical(&self, from: Channel, to: Channel) -> Duration {
        let known = self.pairs.get(&(from, to)).map(|samples| samples.typical);
        known.or(self.overall).unwrap_or(UNMEASURED_HOP)
    }

    /// What a hop takes when it must not be late.
    pub(super) fn careful(&self, from: Channel, to: Channel) -> Duration {
        let known = self.pairs.get(&(from, to)).map(|samples| samples.high);
        known.unwrap_or_else(|| self.typical(from, to))
    }

    /// What a hop of this pair takes, if it has been measured often enough to decide by it.
    pub(super) fn settled(&self, from: Channel, to: Channel) -> Option<Duration> {
        self.pairs.get(&(from, to)).filter(|samples| samples.is_settled()).map(|samples| samples.typical)
    }

    /// What a decision over hopping assumes of any pair: that it is like the others, and until some are measured, that this
    /// radio is one that can hop.
    pub(super) fn assumed(&self, from: Channel, to: Channel) -> Duration {
        let others = self.overall.filter(|_| self.count >= ENOUGH);
        self.settled(from, to).or(others).unwrap_or(UNMEASURED_HOP)
    }

    /// What getting away from a channel usually takes.
    pub(super) fn leaving(&self, from: Channel) -> Duration {
        self.leaving.get(&from).map_or(UNMEASURED_LEAVING, |samples| samples.typical).min(MOST_GUARD)
    }

    /// How long before the edge leaving has to begin.
    pub(super) fn guard(&self, from: Channel) -> Duration {
        self.leaving.get(&from).map_or(UNMEASURED_LEAVING, |samples| samples.high).min(MOST_GUARD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn channels() -> (Channel, Channel, Channel) {
        let of = |number| Channel::from_number(number).unwrap();
        (of(1), of(6), of(36))
    }

    #[test]
    fn one_outlier_moves_nothing() {
        let (a, b, _) = channels();
        let mut air = DeadAir::default();
        for dead in [6, 7, 6, 600, 6, 7] {
            air.measured(a, b, ms(dead));
        }
        assert_eq!((air.typical(a, b), air.careful(a, b)), (ms(6), ms(7)));
    }

    #[test]
    fn what_is_forgotten_counts_for_no_other_pair_either() {
        let (a, b, c) = channels();
        let mut air = DeadAir::default();
        for (to, dead) in [(b, 3), (c, 52)] {
            (0..3).for_each(|_| _ = air.measured(a, to, ms(dead)));
        }
        air.forget_above(ms(24));
        assert_eq!((air.settled(a, b), air.settled(a, c), air.assumed(a, c)), (Some(ms(3)), None, ms(3)));
        air.forget_above(ms(2));
        assert_eq!(air.assumed(a, b), UNMEASURED_HOP);
    }

    #[test]
    fn a_lasting_change_is_followed() {
        let (a, b, _) = channels();
        let mut air = DeadAir::default();
        for _ in 0..40 {
            air.measured(a, b, ms(6));
        }
        let changes = (0..40).filter(|_| air.measured(a, b, ms(60))).count();
        assert_eq!((air.typical(a, b), changes), (ms(60), 1));
    }

    #[test]
    fn each_pair_and_direction_has_its_own() {
        let (a, b, c) = channels();
        let mut air = DeadAir::default();
        assert_eq!(air.typical(a, b), UNMEASURED_HOP);
        air.measured(a, b, ms(1));
        air.measured(b, a, ms(3));
        air.measured(b, c, ms(52));
        assert_eq!([(a, b), (b, a), (b, c)].map(|(from, to)| air.typical(from, to)), [ms(1), ms(3), ms(52)]);
        // What nobody has measured is like the others.
        assert_eq!(air.typical(c, a), ms(3));
    }

    #[test]
    fn a_decision_needs_several() {
        let (a, b, _) = channels();
        let mut air = DeadAir::default();
        let settled = [600, 5, 5].map(|dead| {
            air.measured(a, b, ms(dead));
            air.settled(a, b)
        });
        assert_eq!(settled, [None, None, Some(ms(5))]);
    }

    #[test]
    fn the_guard_covers_a_slow_leaving_but_not_every_one() {
        let (a, _, _) = channels();
        let mut air = DeadAir::default();
        assert_eq!(air.guard(a), UNMEASURED_LEAVING);
        for micros in [200, 210, 220, 900, 200, 400] {
            air.left(a, Duration::from_micros(micros));
        }
        assert_eq!((air.leaving(a).as_micros(), air.guard(a).as_micros()), (210, 400));
        for _ in 0..3 {
            air.left(a, ms(600));
        }
        assert_eq!(air.guard(a), MOST_GUARD);
    }
}
