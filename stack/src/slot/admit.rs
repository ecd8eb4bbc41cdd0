//! Which channels the radio hops between: as many as leave air worth having, the most important first.

use std::time::Duration;

use crate::slot::ceiling::share_left;
use crate::slot::dead_air::DeadAir;
use crate::slot::{PER_MILLE, Refusal, SlotConfig};
use crate::wire::Channel;

/// A channel that was refused has to be better than the limit by a fifth to come back, else it comes and goes.
const BETTER: u32 = 5;

impl SlotConfig {
    /// Hops to a channel that was refused have to take less than this.
    pub(super) fn readmitted(&self) -> Duration {
        self.most_dead_air - self.most_dead_air / BETTER
    }
}

/// A channel that somebody lives on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) channel: Channel,
    /// It was refused before.
    pub(super) refused: bool,
}

/// Takes the candidates in their order, and says of each why not, if not. The first is never refused: one channel needs no
/// hop.
pub(super) fn admit(config: &SlotConfig, air: &DeadAir, candidates: &[Candidate]) -> Vec<Option<Refusal>> {
    let mut admitted: Vec<Channel> = Vec::new();
    let mut verdicts = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let slow = slow_hop(config, air, &admitted, *candidate);
        let refusal = slow.or_else(|| no_air_left(config, air, &admitted, *candidate));
        if refusal.is_none() {
            admitted.push(candidate.channel);
        }
        verdicts.push(refusal);
    }
    verdicts
}

fn slow_hop(
    config: &SlotConfig,
    air: &DeadAir,
    admitted: &[Channel],
    candidate: Candidate,
) -> Option<Refusal> {
    let limit = config.most_dead_air;
    let stricter = if candidate.refused { config.readmitted() } else { limit };
    let channel = candidate.channel;
    let hops = admitted.iter().flat_map(|&other| [(other, channel), (channel, other)]);
    let measured = hops.filter_map(|(from, to)| Some((air.settled(from, to)?, from, to)));
    let (dead, from, to) = measured.max()?;
    (dead >= stricter).then_some(Refusal::SlowHop { from, to, dead, limit })
}

fn no_air_left(
    config: &SlotConfig,
    air: &DeadAir,
    admitted: &[Channel],
    candidate: Candidate,
) -> Option<Refusal> {
    if admitted.is_empty() {
        return None;
    }
    let channel = candidate.channel;
    let with: Vec<Channel> = admitted.iter().copied().chain([channel]).collect();
    let cycle = config.longest_cycle.max(config.cycle);
    let dead = revolution(&with, |from, to| air.assumed(from, to));
    let kept = share_left(dead, cycle).unwrap_or(0);
    let slots = config.shortest_slot * u32::try_from(with.len()).unwrap_or(u32::MAX);
    let for_slots = PER_MILLE - share_left(slots, cycle).unwrap_or(0);
    let least = config.least_kept.max(for_slots);
    let stricter = if candidate.refused { least + least / BETTER } else { least };
    let stops = with.len();
    (kept < stricter).then_some(Refusal::NoAirLeft { channel, stops, dead, cycle, kept, least })
}

/// What the hops of a revolution take, whatever its order: each stop left once, for any of the others.
pub(super) fn revolution(stops: &[Channel], hop: impl Fn(Channel, Channel) -> Duration) -> Duration {
    let Some(others) = u32::try_from(stops.len()).ok().and_then(|stops| stops.checked_sub(1)) else {
        return Duration::ZERO;
    };
    let leave = |from: Channel| -> Duration {
        let all: Duration = stops.iter().filter(|to| **to != from).map(|&to| hop(from, to)).sum();
        all.checked_div(others).unwrap_or_default()
    };
    stops.iter().map(|&from| leave(from)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn channels(count: usize) -> Vec<Channel> {
        [1, 6, 11, 36, 40, 44, 48, 149].into_iter().take(count).filter_map(Channel::from_number).collect()
    }

    fn measured(channels: &[Channel], dead: impl Fn(Channel, Channel) -> Duration) -> DeadAir {
        let mut air = DeadAir::default();
        for &from in channels {
            for &to in channels.iter().filter(|to| **to != from) {
                (0..3).for_each(|_| _ = air.measured(from, to, dead(from, to)));
            }
        }
        air
    }

    fn refused(air: &DeadAir, channels: &[Channel], refused: bool) -> Vec<Option<Refusal>> {
        let candidates: Vec<_> = channels.iter().map(|&channel| Candidate { channel, refused }).collect();
        admit(&SlotConfig::default(), air, &candidates)
    }

    #[test]
    fn a_slow_hop_keeps_one_channel_out_and_not_the_others() {
        let channels = channels(5);
        let air =
            measured(
                &channels,
                |from, to| {
                    if from.band() == to.band() && from.number() >= 36 { ms(52) } else { ms(6) }
                },
            );
        let verdicts = refused(&air, &channels, false);
        assert_eq!(verdicts[..4], [None; 4]);
        let expected = Refusal::SlowHop { from: channels[4], to: channels[3], dead: ms(52), limit: ms(30) };
        assert_eq!(verdicts[4], Some(expected));
    }

    #[test]
    fn as_many_as_leave_a_quarter_of_the_air() {
        let channels = channels(8);
        let air = measured(&channels, |_, _| ms(28));
        let verdicts = refused(&air, &channels, false);
        assert_eq!(verdicts.iter().filter(|verdict| verdict.is_none()).count(), 5);
        let Some(Refusal::NoAirLeft { stops: 6, dead, kept: 179, .. }) = verdicts[5] else {
            panic!("{:?}", verdicts[5]);
        };
        assert_eq!(dead, ms(168));
    }

    #[test]
    fn one_channel_is_never_refused_and_nothing_is_before_it_is_measured() {
        let channels = channels(8);
        let air = measured(&channels, |_, _| ms(600));
        assert_eq!(refused(&air, &channels, true).iter().filter(|verdict| verdict.is_none()).count(), 1);
        let mut air = DeadAir::default();
        air.measured(channels[0], channels[1], ms(600));
        assert_eq!(refused(&air, &channels, false), [None; 8]);
    }

    #[test]
    fn who_was_refused_comes_back_only_when_it_is_clearly_better() {
        let channels = channels(2);
        let back = [29, 25, 23].map(|dead| {
            let air = measured(&channels, |_, _| ms(dead));
            [false, true].map(|before| refused(&air, &channels, before)[1].is_none())
        });
        assert_eq!(back, [[true, false], [true, false], [true, true]]);
    }
}
