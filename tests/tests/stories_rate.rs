//! Stories of rate control on the simulated air.

use std::time::Duration;

use drivers::propagation::{Model, Position};
use stack::ap::{RadioConfig, VirtualApKind};
use stack::sta::LinkConfig;
use stack::wire::{Channel, Rate};
use tests::story::{BLOCK, World, address, link, network};

fn told(name: &str, story: impl Fn(u64) + std::panic::RefUnwindSafe) {
    tests::story::told("stories_rate", name, story);
}

/// More than the air carries, for so long; how many MSDUs of 1500 bytes arrive in a second.
fn saturate(world: &mut World, millis: u32) -> f64 {
    let before = world.downs(0).len();
    for step in 0..millis / 5 {
        for n in 0..60 {
            world.down(address(0), step * 60 + n, 1500);
        }
        world.run(Duration::from_millis(5));
    }
    let arrived = world.downs(0).len() - before;
    f64::from(u32::try_from(arrived).unwrap()) * 1000.0 / f64::from(millis)
}

fn joined(seed: u64, ht_streams: u8, metres: f64) -> World {
    let config = RadioConfig { ht_streams, ..RadioConfig::new(Channel::from_number(36).unwrap(), BLOCK) };
    let mut world = World::with(seed, network(VirtualApKind::Shared, false), Model::default(), config);
    let config = LinkConfig { ht_streams, ..link(0, false) };
    world.station(Position::new(metres, 0.0), config);
    assert!(
        world.until(Duration::from_secs(30), World::all_joined),
        "{metres} m: {:?}",
        world.stations[0].events
    );
    world
}

/// The best of all rates if it alone is used.
fn best_fixed(seed: u64, ht_streams: u8, metres: f64) -> (f64, Rate) {
    let mut world = joined(seed, ht_streams, metres);
    let ht = (0..8 * ht_streams).map(|mcs| Rate::Ht { mcs, wide: false, short_gi: false });
    let rates = [12, 24, 108].map(Rate::Legacy).into_iter().chain(ht);
    let measured = rates.map(|rate| {
        world.fixed_rate = Some(rate);
        // What was queued under the rate before
        saturate(&mut world, 50);
        (saturate(&mut world, 200), rate)
    });
    measured.max_by(|(a, _), (b, _)| a.total_cmp(b)).unwrap()
}

#[test]
fn throughput_falls_with_distance_and_stays_near_that_of_the_best_rate() {
    told("throughput_falls", |seed| {
        // A long story: one seed in four.
        if seed % 4 != 0 {
            return;
        }
        let mut table = Vec::new();
        for streams in [1, 2] {
            for metres in [5.0, 25.0, 40.0, 60.0, 85.0] {
                let (best, rate) = best_fixed(seed, streams, metres);
                let mut world = joined(seed, streams, metres);
                saturate(&mut world, 500);
                let ours = saturate(&mut world, 1000);
                table.push((streams, metres, rate, best, ours));
            }
        }
        let lines: Vec<_> = table
            .iter()
            .map(|(streams, metres, rate, best, ours)| {
                format!("{streams} x {metres} m: {ours:.0} of {best:.0} at {rate:?}")
            })
            .collect();
        let lines = lines.join("\n");
        assert!(table.iter().all(|(.., best, ours)| *ours >= 0.8 * best), "{lines}");
        for streams in [1, 2] {
            let ours: Vec<_> = table.iter().filter(|row| row.0 == streams).map(|row| row.4).collect();
            assert!(ours.windows(2).all(|pair| pair[1] <= pair[0] * 1.05), "{lines}");
            assert!(ours[0] > 3.0 * ours[4], "{lines}");
        }
    });
}

#[test]
fn it_follows_a_station_that_walks_away_and_comes_back() {
    told("it_follows_a_station", |seed| {
        let mut world = joined(seed, 1, 5.0);
        saturate(&mut world, 300);
        let near = saturate(&mut world, 300);
        for metres in 5..80 {
            world.place(0, Position::new(f64::from(metres), 0.0));
            saturate(&mut world, 25);
        }
        let far = saturate(&mut world, 300);
        for metres in (5..80).rev() {
            world.place(0, Position::new(f64::from(metres), 0.0));
            saturate(&mut world, 25);
        }
        let back = saturate(&mut world, 300);
        assert!(far > 200.0 && far < near / 3.0 && back > 0.8 * near, "{near} {far} {back}");
    });
}

#[test]
fn after_a_wall_of_loss_it_is_as_fast_as_before() {
    told("after_a_wall_of_loss", |seed| {
        let mut world = joined(seed, 1, 10.0);
        saturate(&mut world, 300);
        let before = saturate(&mut world, 300);
        world.loss(1.0);
        saturate(&mut world, 500);
        world.loss(0.0);
        saturate(&mut world, 300);
        let after = saturate(&mut world, 300);
        assert!(after > 0.9 * before, "{before} {after}");
    });
}

#[test]
fn on_a_clear_air_probes_cost_no_frame() {
    told("on_a_clear_air_probes", |seed| {
        for metres in [5.0, 40.0, 70.0] {
            let mut world = joined(seed, 2, metres);
            for number in 0..500 {
                world.down(address(0), number, 1000);
                world.run(Duration::from_millis(5));
            }
            assert_eq!(world.downs(0), (0..500).collect::<Vec<_>>(), "{metres} m {:?}", world.ap.drops());
        }
    });
}
