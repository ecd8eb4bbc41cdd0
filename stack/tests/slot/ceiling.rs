//! How much of the air is kept, against what physics leaves.

use std::time::Duration;

use stack::slot::{Demand, Kind, SlotConfig, air_left};
use stack::wire::Channel;

use crate::dice::Dice;
use crate::network::Network;
use crate::world::{Counts, Radio, World, micros};

const CHANNELS: [u8; 8] = [1, 6, 11, 36, 44, 100, 108, 149];
/// What may be lost besides, per mille.
const BELOW: u64 = 30;

/// What a schedule of `stops` networks made of 16 seconds, and its cycle.
fn lives(stops: usize, dead: u64, seed: u64) -> (Counts, Duration) {
    let mut dice = Dice::new(seed);
    let phases: Vec<u64> = (0..stops).map(|_| dice.below(102_400)).collect();
    let radio = Radio { dead, jitter: 0, outliers: 0, failures: 0, leaving: (100, 250) };
    let mut world = World::new(SlotConfig::default(), radio, dice);
    for (number, phase) in CHANNELS.into_iter().zip(phases) {
        let mut network = Network::new(Kind::Link, Channel::from_number(number).unwrap(), world.now - phase);
        network.drift = world.dice.between(0, 40) as i64 - 20;
        let demand = Demand { air: Duration::from_micros(world.dice.below(600_000)), arriving: 0 };
        world.add(network, demand);
    }
    world.run_until(world.now + 500_000);
    world.counts = Counts::default();
    world.run_until(world.now + 16_000_000);
    assert!(world.wrong.is_empty(), "{:?}", world.wrong);
    (world.counts, world.schedule.cycle())
}

#[test]
fn air_kept_is_within_three_points_of_the_ceiling() {
    let mut wrong = Vec::new();
    for dead in [500, 1500, 3000, 6000, 15_000] {
        for stops in [2, 3, 4, 8] {
            for seed in 0..2 {
                let (counts, cycle) = lives(stops, dead, seed);
                let kept = counts.share_kept();
                let of = |cycle| air_left(stops, Duration::from_micros(dead), cycle).map_or(0, u64::from);
                let revolution = (counts.kept + counts.gone) * stops as u64 / counts.hops;
                let ceilings = (of(Duration::from_millis(100)), of(cycle));
                if seed == 0 {
                    println!(
                        "{stops} networks, {dead} us dead: kept {kept} per mille; ceiling {} at 100 ms, {} at {} us; a \
                         revolution takes {revolution} us",
                        ceilings.0,
                        ceilings.1,
                        micros(cycle)
                    );
                }
                // A longer cycle keeps more, and would be cheating.
                let slow = revolution > micros(cycle) * 103 / 100;
                if slow || kept + BELOW < ceilings.0.max(ceilings.1) {
                    wrong.push(format!(
                        "{stops} x {dead} us, seed {seed}: {kept}, {ceilings:?}, {revolution} us\n"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
