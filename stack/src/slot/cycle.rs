//! How long a revolution takes, and who gets how much of it.

use std::time::Duration;

use crate::slot::SlotConfig;

/// What a stop needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    /// Air time in each second.
    pub(super) air: Duration,
    /// How long it can be left alone before an AP loses what arrives.
    pub(super) absence: Option<Duration>,
}

/// What the length of a cycle depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// How many stops there are.
    pub(super) stops: u32,
    /// What their hops take together.
    pub(super) dead: Duration,
    /// The shortest time that one of them can be left alone.
    pub(super) absence: Option<Duration>,
    /// How far the beacons of an AP of ours lie apart, if there is one.
    pub(super) own: Option<Duration>,
    /// The same of a foreign network.
    pub(super) foreign: Option<Duration>,
}

impl Terms {
    /// The shortest cycle at all.
    fn least(&self, config: &SlotConfig) -> Duration {
        self.dead + config.shortest_slot * self.stops
    }
}

/// The longest absence from stations of ours for which the medium can be reserved (802.11-2020 9.2.5), less what it takes
/// to go and to come back.
const RESERVED: Duration = Duration::from_millis(28);

/// How long a revolution should take: what latency and buffers allow, at least as much as dead air demands, and in step
/// with beacons where that is near.
pub(super) fn length(config: &SlotConfig, terms: &Terms) -> Duration {
    // Where there is time for more than the shortest slots, stations of ours can be asked to wait.
    let waits = (terms.dead + config.shortest_slot * terms.stops) * 2 <= RESERVED + config.shortest_slot;
    let reserved = terms.own.filter(|_| waits).map(|_| RESERVED);
    let absence = [terms.absence, reserved].into_iter().flatten().min();
    // The stop itself is served for a while, at least for its shortest slot.
    let allowed = absence.map_or(config.cycle, |absence| config.cycle.min(absence + config.shortest_slot));
    // Half of the air is to be left, if that is to be had.
    let demanded = (terms.dead * 2).max(terms.least(config));
    let wished = allowed.max(demanded).min(config.longest_cycle.max(config.cycle));
    if let Some(own) = terms.own {
        return in_step(own, wished, terms.least(config), config.longest_cycle);
    }
    let near = terms.foreign.and_then(|interval| nearest_step(interval, wished));
    near.filter(|&near| near >= demanded && near <= config.longest_cycle.max(config.cycle)).unwrap_or(wished)
}

/// The longest even part of an interval that is no longer than wished, so that no beacon of ours is missed; if there is not
/// even that much time, every second beacon, or third.
fn in_step(interval: Duration, wished: Duration, least: Duration, longest: Duration) -> Duration {
    let wished = wished.max(least) + wished / 20;
    let parts = (1..=64_u32).map(|part| interval / part);
    let step = parts.into_iter().find(|&part| part <= wished && part >= least);
    let multiples = (2..=64_u32).map(|times| interval * times);
    let fits = |multiple: &Duration| *multiple >= least && *multiple <= longest;
    step.or_else(|| multiples.into_iter().find(fits)).unwrap_or(wished)
}

/// The even part or multiple of an interval within a tenth of what is wished.
fn nearest_step(interval: Duration, wished: Duration) -> Option<Duration> {
    let steps = (1..=16_u32).flat_map(|count| [interval / count, interval * count]);
    steps
        .into_iter()
        .filter(|step| step.abs_diff(wished) * 10 <= wished)
        .min_by_key(|step| step.abs_diff(wished))
}

/// Shares out the air of one cycle: everybody the least first, then what they want, the most modest first; what is left
/// over goes to all alike.
pub(super) fn shares(config: &SlotConfig, cycle: Duration, dead: Duration, needs: &[Need]) -> Vec<Duration> {
    let wants: Vec<Duration> =
        needs.iter().map(|need| in_cycle(need.air, cycle).saturating_sub(config.shortest_slot)).collect();
    let count = u32::try_from(needs.len()).unwrap_or(u32::MAX).max(1);
    let mut left = cycle.saturating_sub(dead).saturating_sub(config.shortest_slot * count);
    let mut modest: Vec<Duration> = wants.clone();
    modest.sort_unstable();
    let mut fair = Duration::MAX;
    for (want, rest) in modest.iter().zip((1..=count).rev()) {
        if *want > left / rest {
            fair = left / rest;
            left = Duration::ZERO;
            break;
        }
        left -= *want;
    }
    wants.iter().map(|&want| config.shortest_slot + want.min(fair) + left / count).collect()
}

/// What a demand of so much a second is in one cycle.
fn in_cycle(air: Duration, cycle: Duration) -> Duration {
    let micros = air.as_micros().saturating_mul(cycle.as_micros()) / 1_000_000;
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)).min(cycle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::TU;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn config() -> SlotConfig {
        SlotConfig { cycle: ms(100), longest_cycle: ms(200), ..SlotConfig::default() }
    }

    fn terms(stops: u32, dead: u64) -> Terms {
        Terms { stops, dead: ms(dead), absence: None, own: None, foreign: None }
    }

    #[test]
    fn dead_air_stretches_the_cycle_and_latency_bounds_it() {
        let lengths =
            [(2, 3), (8, 48), (4, 60), (8, 120)].map(|(n, dead)| length(&config(), &terms(n, dead)));
        assert_eq!(lengths, [ms(100), ms(100), ms(120), ms(200)]);
    }

    #[test]
    fn a_small_buffer_shortens_it_while_half_of_the_air_is_left() {
        let bounded = |absence| length(&config(), &Terms { absence: Some(ms(absence)), ..terms(4, 12) });
        assert_eq!([150, 60, 10].map(bounded), [ms(100), ms(65), ms(32)]);
    }

    #[test]
    fn a_cycle_is_in_step_with_our_own_beacons() {
        let own = |interval, stops, dead| {
            let config = SlotConfig { longest_cycle: TU * 200, ..config() };
            length(&config, &Terms { own: Some(interval), ..terms(stops, dead) })
        };
        assert_eq!(own(TU * 100, 3, 9), TU * 100);
        // Short enough for the medium to be reserved.
        assert_eq!(own(TU * 100, 2, 6), TU * 100 / 3);
        assert_eq!(own(TU * 50, 3, 9), TU * 50);
        assert_eq!(own(TU * 200, 3, 9), TU * 100);
        assert_eq!(own(TU * 300, 3, 9), TU * 100);
        // Dead air would have it longer, but every beacon can be placed.
        assert_eq!(own(TU * 100, 4, 60), TU * 100);
        // Here only every second one.
        assert_eq!(own(TU * 100, 8, 120), TU * 200);
    }

    #[test]
    fn foreign_beacons_are_followed_where_they_are_near() {
        let foreign = |interval| length(&config(), &Terms { foreign: Some(interval), ..terms(3, 9) });
        assert_eq!([TU * 100, TU * 200, TU * 70].map(foreign), [TU * 100, TU * 100, ms(100)]);
    }

    #[test]
    fn air_goes_to_those_who_want_it() {
        let need = |millis| Need { air: ms(millis), absence: None };
        let shared = |needs: &[Need]| {
            let shares = shares(&config(), ms(100), ms(10), needs);
            shares.iter().map(|share| share.as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(shared(&[need(0), need(0), need(0)]), [30, 30, 30]);
        assert_eq!(shared(&[need(100), need(900), need(900)]), [10, 40, 40]);
        assert_eq!(shared(&[need(50), need(500), need(100)]), [13, 58, 18]);
        assert_eq!(shared(&[]), [0_u128; 0]);
    }

    #[test]
    fn shares_fill_the_cycle_and_nobody_is_left_out() {
        for air in [[0, 0, 0, 0], [1, 10, 100, 1000], [1000; 4], [0, 0, 0, 5000]] {
            let needs = air.map(|air| Need { air: ms(air), absence: None });
            let shares = shares(&config(), ms(100), ms(24), &needs);
            let sum: Duration = shares.iter().sum();
            assert!(sum.abs_diff(ms(76)) < Duration::from_micros(10), "{shares:?}");
            assert!(shares.iter().all(|share| *share >= config().shortest_slot), "{shares:?}");
        }
    }
}
