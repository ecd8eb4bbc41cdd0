//! What APs keep meanwhile: nothing is lost at rates that they can hold, however much that is.

use std::time::Duration;

use stack::slot::{Demand, Kind, SlotConfig};
use stack::wire::Channel;

use crate::dice::Dice;
use crate::network::Network;
use crate::world::{Counts, Radio, World};

/// Ten seconds of four networks whose APs get so many frames a second and keep so many.
fn lives(arriving: u32, capacity: u64) -> Counts {
    let radio = Radio { dead: 3000, jitter: 100, outliers: 0, failures: 0, leaving: (100, 300) };
    let mut world = World::new(SlotConfig::default(), radio, Dice::new(1));
    for (number, phase) in [(1, 0), (6, 30_000), (11, 20_000), (36, 90_000)] {
        let mut network = Network::new(Kind::Link, Channel::from_number(number).unwrap(), world.now - phase);
        (network.arriving, network.capacity) = (u64::from(arriving), capacity);
        world.add(network, Demand { air: Duration::from_millis(200), arriving });
    }
    world.run_until(world.now + 10_000_000);
    assert!(world.wrong.is_empty(), "{:?}", world.wrong);
    world.counts
}

#[test]
fn nothing_is_lost_at_rates_that_aps_can_hold() {
    for (arriving, capacity) in [(100, 32), (200, 64), (400, 64), (600, 64), (600, 128)] {
        let counts = lives(arriving, capacity);
        assert_eq!(counts.lost, 0, "{arriving} a second, {capacity} kept: {counts:?}");
    }
    // That it keeps 20 is found out by losing some, once, of 16000 frames.
    let counts = lives(400, 20);
    assert!((1..=100).contains(&counts.lost), "{counts:?}");
}
