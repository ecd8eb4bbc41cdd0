//! Stories of a client whose virtual AP moves between two radios while it is served.

use std::time::Duration;

use drivers::propagation::Position;
use stack::ap::{NetworkConfig, VirtualApKind};
use stack::sta::{Fetch, LinkConfig, LinkEvent};
use tests::roam::{Carry, World, as_bytes, by_value};
use tests::story::{address, in_order, link, network};

fn told(name: &str, story: impl Fn(u64) + std::panic::RefUnwindSafe) {
    tests::story::told("stories_move", name, story);
}

/// Within a host, and between two that are two milliseconds apart.
const WAYS: [(Carry, Duration); 2] = [(by_value, Duration::ZERO), (as_bytes, Duration::from_millis(2))];

fn joined(seed: u64, network: NetworkConfig, config: LinkConfig, way: (Carry, Duration)) -> World {
    let mut world = World::joined(seed, network, config);
    (world.carry, world.backhaul) = way;
    world
}

fn protected() -> NetworkConfig {
    network(VirtualApKind::PerClient, true)
}

/// A hundred MSDUs a second both ways, and a move every `every` of them until there were fifty.
fn to_and_fro(world: &mut World, every: u32) -> u32 {
    let mut number = 0;
    while world.moves < 50 {
        world.up(number, 300);
        world.down(address(0), number, 300);
        number += 1;
        if number % every == 0 {
            world.begin_move();
        }
        world.run(Duration::from_millis(10));
        assert!(number < 100 * every, "{} moves only", world.moves);
    }
    world.run(Duration::from_secs(2));
    number
}

fn is_clean(world: &World) {
    let overseer = world.overseer.borrow();
    assert!(overseer.recorder.offences.is_empty(), "{:?}", overseer.recorder.offences);
    assert_eq!(overseer.management, [], "no management frame because of a move");
    assert_eq!(overseer.jump, 0, "the TSF timer goes on");
    assert!(!world.events.iter().any(|event| matches!(event, LinkEvent::Disconnected { .. })));
}

#[test]
fn fifty_moves_under_traffic_lose_nothing_and_double_nothing() {
    told("fifty_moves_under_traffic", |seed| {
        for (wpa2, way) in [true, false].into_iter().flat_map(|wpa2| WAYS.map(|way| (wpa2, way))) {
            let network = network(VirtualApKind::PerClient, wpa2);
            let mut world = joined(seed, network, link(0, wpa2), way);
            let count = to_and_fro(&mut world, 7);
            let all: Vec<_> = (0..count).collect();
            assert_eq!(
                world.downs(),
                all,
                "{:?}",
                world.masts.iter().map(|mast| mast.ap.drops()).collect::<Vec<_>>()
            );
            assert_eq!(world.up_numbers(), all);
            if wpa2 {
                is_clean(&world);
            }
            let overseer = world.overseer.borrow();
            assert_eq!((overseer.eapol(), overseer.recorder.keys()), (0, if wpa2 { 1 } else { 0 }));
            assert!(overseer.longest_gap < Duration::from_millis(120), "{:?}", overseer.longest_gap);
        }
    });
}

#[test]
fn fifty_moves_on_a_lossy_air_double_nothing_and_keep_the_order() {
    told("fifty_moves_on_a_lossy_air", |seed| {
        for way in WAYS {
            let mut world = joined(seed, protected(), link(0, true), way);
            world.loss(0.1);
            let count = to_and_fro(&mut world, 7);
            for numbers in [world.downs(), world.up_numbers()] {
                assert!(in_order(&numbers), "{numbers:?}");
                assert!(numbers.len() as u32 >= count - 2, "{} of {count}", numbers.len());
            }
            is_clean(&world);
        }
    });
}

#[test]
fn a_dozing_client_is_moved_with_its_queue() {
    told("a_dozing_client_is_moved", |seed| {
        let ways = [Fetch::Poll, Fetch::Wake, Fetch::Trigger];
        for (fetch, way) in ways.into_iter().flat_map(|fetch| WAYS.map(|way| (fetch, way))) {
            let doze_after = Some(Duration::from_millis(30));
            let config = LinkConfig { fetch, doze_after, ..link(0, true) };
            let mut world = joined(seed, protected(), config, way);
            assert!(world.until(Duration::from_secs(5), |world| world.link.is_dozing()));
            let mut number = 0;
            while world.moves < 50 {
                for _ in 0..5 {
                    world.down(address(0), number, 200);
                    number += 1;
                }
                world.run(Duration::from_millis(number as u64 % 97));
                world.begin_move();
                world.run(Duration::from_millis(150));
                assert!(number < 1000);
            }
            world.run(Duration::from_secs(2));
            assert_eq!(world.downs(), (0..number).collect::<Vec<_>>(), "{fetch:?}");
            is_clean(&world);
        }
    });
}

#[test]
fn keys_change_while_the_client_moves() {
    told("keys_change_while", |seed| {
        for way in WAYS {
            let network = NetworkConfig {
                group_rekey: Some(Duration::from_millis(350)),
                pairwise_rekey: Some(Duration::from_millis(450)),
                ..protected()
            };
            let mut world = joined(seed, network, link(0, true), way);
            let count = to_and_fro(&mut world, 7);
            let all: Vec<_> = (0..count).collect();
            assert_eq!((world.downs(), world.up_numbers()), (all.clone(), all));
            assert!(world.overseer.borrow().recorder.keys() >= 6);
            is_clean(&world);
        }
    });
}

#[test]
fn a_client_walks_from_one_radio_to_the_other() {
    told("a_client_walks", |seed| {
        let mut world = World::joined(seed, protected(), link(0, true));
        let from = world.home().unwrap();
        let side = if from == 0 { -1.0 } else { 1.0 };
        let mut number = 0;
        for step in 0..100 {
            world.place(Position::new(side * (40.0 - f64::from(step) * 0.8), 3.0));
            if step == 50 {
                assert!(world.begin_move());
            }
            for _ in 0..5 {
                world.up(number, 300);
                world.down(address(0), number, 300);
                number += 1;
                world.run(Duration::from_millis(10));
            }
        }
        world.run(Duration::from_secs(1));
        assert_eq!(world.home(), Some(1 - from));
        let all: Vec<_> = (0..number).collect();
        assert_eq!((world.downs(), world.up_numbers()), (all.clone(), all));
        is_clean(&world);
    });
}
