//! Beacons: of our own none is skipped where it can be placed, and most foreign ones are heard.

use std::time::Duration;

use stack::slot::{Demand, Kind, SlotConfig};
use stack::wire::Channel;

use crate::dice::Dice;
use crate::network::Network;
use crate::world::{Counts, Radio, World, at};

/// Ten seconds of `stops` networks, those at the phases of `own` (in microseconds) our own, the others drifting past them
/// and, with `pins`, rekeying every now and then.
fn lives(own: &[u64], stops: usize, dead: u64, seed: u64, pins: bool) -> Counts {
    let radio = Radio { dead, jitter: 100, outliers: 0, failures: 0, leaving: (100, 300) };
    let mut world = World::new(SlotConfig::default(), radio, Dice::new(seed));
    let mut links = Vec::new();
    for (nth, number) in [1, 6, 11, 36, 44, 100].into_iter().take(stops).enumerate() {
        let kind = if nth < own.len() { Kind::VirtualAp } else { Kind::Link };
        let phase = own.get(nth).copied().unwrap_or_else(|| world.dice.below(102_400));
        let mut network = Network::new(kind, Channel::from_number(number).unwrap(), world.now - phase);
        if kind == Kind::Link {
            network.drift = world.dice.between(0, 200) as i64 - 100;
        }
        let demand = Demand { air: Duration::from_micros(world.dice.below(900_000)), arriving: 0 };
        let id = world.add(network, demand);
        links.extend((kind == Kind::Link).then_some(id));
    }
    world.run_until(world.now + 1_000_000);
    world.counts = Counts::default();
    for _ in 0..20 {
        let link = links[world.dice.below(links.len() as u64) as usize];
        let (now, length) = (world.now, world.dice.between(10_000, 400_000));
        if pins {
            world.schedule.pin(at(now), link, at(now + length));
        }
        world.run_until(now + 500_000);
    }
    assert!(world.wrong.is_empty(), "{:?}", world.wrong);
    world.counts
}

#[test]
fn no_beacon_of_our_own_is_skipped() {
    for dead in [500, 3000, 6000] {
        for stops in 2..=6 {
            for seed in 0..2 {
                let counts = lives(&[0], stops, dead, seed, false);
                assert!(counts.own_beacons > 90, "{counts:?}");
                assert_eq!(counts.own_missed, 0, "{stops} x {dead} us, seed {seed}: {counts:?}");
            }
        }
    }
}

/// A pin that comes in an overlong revolution may cost one: nobody is to starve for a beacon.
#[test]
fn a_pin_elsewhere_hardly_ever_costs_a_beacon_of_our_own() {
    let mut sum = Counts::default();
    for dead in [500, 3000, 6000] {
        for stops in 2..=6 {
            sum.add(&lives(&[0], stops, dead, 0, true));
            sum.add(&lives(&[0], stops, dead, 1, true));
        }
    }
    assert!(sum.own_missed * 500 <= sum.own_beacons, "{sum:?}");
}

#[test]
fn two_aps_of_our_own_are_both_heard_if_their_beacons_lie_apart() {
    for apart in [15_000, 50_000, 85_000] {
        for seed in 0..3 {
            let counts = lives(&[0, apart], 4, 3000, seed, true);
            assert_eq!(counts.own_missed, 0, "{apart} us, seed {seed}: {counts:?}");
        }
    }
    // Those that are due at once share the loss.
    let counts = lives(&[0, 500], 4, 3000, 0, true);
    assert!(counts.own_missed * 100 / counts.own_beacons <= 55, "{counts:?}");
}

#[test]
fn most_foreign_beacons_are_heard_whatever_the_order_in_which_networks_came() {
    for phases in [[0, 25_000, 50_000, 75_000], [75_000, 0, 50_000, 25_000], [10_000, 90_000, 40_000, 60_000]]
    {
        let radio = Radio { dead: 3000, jitter: 100, outliers: 0, failures: 0, leaving: (100, 300) };
        let mut world = World::new(SlotConfig::default(), radio, Dice::new(1));
        for (number, phase) in [1, 6, 11, 36].into_iter().zip(phases) {
            let network = Network::new(Kind::Link, Channel::from_number(number).unwrap(), world.now - phase);
            world.add(network, Demand::default());
        }
        world.run_until(world.now + 1_000_000);
        world.counts = Counts::default();
        world.run_until(world.now + 10_240_000);
        assert!(world.counts.heard >= 380, "{phases:?}: {} of 400", world.counts.heard);
    }
}
