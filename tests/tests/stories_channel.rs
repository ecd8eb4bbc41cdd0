//! Stories of a client whose virtual AP moves between two radios on different channels.

use std::time::Duration;

use stack::ap::VirtualApKind;
use stack::sta::{Fetch, LinkConfig, LinkEvent};
use tests::roam::{Carry, World, as_bytes, by_value};
use tests::story::{address, in_order, link, network};

fn told(name: &str, story: impl Fn(u64) + std::panic::RefUnwindSafe) {
    tests::story::told("stories_channel", name, story);
}

/// Within a host, and between two that are two milliseconds apart.
const WAYS: [(Carry, Duration); 2] = [(by_value, Duration::ZERO), (as_bytes, Duration::from_millis(2))];
/// Within a band, and from one to the other.
const PAIRS: [[u8; 2]; 2] = [[36, 44], [6, 36]];

/// How much later than others a beacon leaves that waits in the radio behind a queue that was held, in microseconds.
const QUEUED: u64 = 20_000;

fn joined(seed: u64, config: LinkConfig, channels: [u8; 2], way: (Carry, Duration)) -> World {
    let mut world = World::apart(seed, network(VirtualApKind::PerClient, true), config, channels);
    (world.carry, world.backhaul) = way;
    world
}

/// A hundred MSDUs a second both ways, and as many moves.
fn to_and_fro(world: &mut World, moves: usize) -> u32 {
    let mut number = 0;
    while world.moves < moves {
        world.up(number, 300);
        world.down(address(0), number, 300);
        number += 1;
        if number % 20 == 0 {
            world.begin_move();
        }
        world.run(Duration::from_millis(10));
        assert!(number < 200 * moves as u32, "{} moves only", world.moves);
    }
    world.run(Duration::from_secs(2));
    number
}

fn is_clean(world: &World) {
    let overseer = world.overseer.borrow();
    assert!(overseer.recorder.offences.is_empty(), "{:?}", overseer.recorder.offences);
    assert_eq!((&overseer.management[..], overseer.eapol()), (&[][..], 0), "nothing but the announcements");
    assert_eq!(overseer.jump, 0, "the TSF timer goes on");
    assert!(overseer.longest_gap < Duration::from_millis(120), "{:?}", overseer.longest_gap);
    assert!(!world.events.iter().any(|event| matches!(event, LinkEvent::Disconnected { .. })));
}

#[test]
fn moves_between_channels_lose_nothing_and_double_nothing() {
    told("moves_between_channels", |seed| {
        for (channels, way) in PAIRS.into_iter().flat_map(|channels| WAYS.map(|way| (channels, way))) {
            let mut world = joined(seed, link(0, true), channels, way);
            let count = to_and_fro(&mut world, 12);
            let all: Vec<_> = (0..count).collect();
            assert_eq!(
                world.downs(),
                all,
                "{:?}",
                world.masts.iter().map(|mast| mast.ap.drops()).collect::<Vec<_>>()
            );
            assert_eq!(world.up_numbers(), all);
            assert_eq!((world.followed, world.missed), (world.moves, 0));
            assert!(world.overseer.borrow().announcements >= world.moves);
            is_clean(&world);
        }
    });
}

#[test]
fn moves_between_channels_on_a_lossy_air_double_nothing_and_keep_the_order() {
    told("moves_between_channels_on_a_lossy_air", |seed| {
        for way in WAYS {
            let mut world = joined(seed, link(0, true), [36, 44], way);
            // The last message of the handshake may still be on the air.
            world.run(Duration::from_millis(50));
            world.loss(0.1);
            let count = to_and_fro(&mut world, 12);
            for numbers in [world.downs(), world.up_numbers()] {
                assert!(in_order(&numbers), "{numbers:?}");
                assert!(numbers.len() as u32 >= count - 2, "{} of {count}", numbers.len());
            }
            assert_eq!((world.followed, world.missed), (world.moves, 0));
            let overseer = world.overseer.borrow();
            assert!(overseer.recorder.offences.is_empty(), "{:?}", overseer.recorder.offences);
            assert_eq!((&overseer.management[..], overseer.eapol()), (&[][..], 0));
            assert!(overseer.jump < QUEUED, "{}", overseer.jump);
        }
    });
}

#[test]
fn a_dozing_client_changes_the_channel_with_its_queue() {
    told("a_dozing_client_changes_the_channel", |seed| {
        let ways = [Fetch::Poll, Fetch::Wake, Fetch::Trigger];
        for (fetch, way) in ways.into_iter().flat_map(|fetch| WAYS.map(|way| (fetch, way))) {
            let doze_after = Some(Duration::from_millis(30));
            let config = LinkConfig { fetch, doze_after, ..link(0, true) };
            let mut world = joined(seed, config, [36, 44], way);
            assert!(world.until(Duration::from_secs(5), |world| world.link.is_dozing()));
            let mut number = 0;
            while world.moves < 6 {
                for _ in 0..5 {
                    world.down(address(0), number, 200);
                    number += 1;
                }
                world.run(Duration::from_millis(u64::from(number) % 97));
                world.begin_move();
                world.run(Duration::from_millis(150));
                assert!(number < 1000);
            }
            world.run(Duration::from_secs(2));
            assert_eq!(world.downs(), (0..number).collect::<Vec<_>>(), "{fetch:?}");
            assert_eq!((world.followed, world.missed), (world.moves, 0));
            is_clean(&world);
        }
    });
}

#[test]
fn a_client_that_does_not_follow_is_found_where_it_was() {
    told("a_client_that_does_not_follow", |seed| {
        for way in WAYS {
            let config = LinkConfig { channels: Vec::new(), ..link(0, true) };
            let mut world = joined(seed, config, [36, 44], way);
            let home = world.home();
            let mut number = 0;
            while world.missed < 3 {
                world.up(number, 300);
                world.down(address(0), number, 300);
                number += 1;
                if number % 150 == 0 {
                    world.begin_move();
                }
                world.run(Duration::from_millis(10));
                assert!(number < 3000);
            }
            world.run(Duration::from_secs(2));
            assert_eq!((world.home(), world.followed), (home, 0));
            let all: Vec<_> = (0..number).collect();
            assert_eq!((world.downs(), world.up_numbers()), (all.clone(), all));
            let overseer = world.overseer.borrow();
            assert!(overseer.recorder.offences.is_empty(), "{:?}", overseer.recorder.offences);
            assert_eq!((&overseer.management[..], overseer.eapol()), (&[][..], 0));
            assert!(overseer.jump < QUEUED, "{}", overseer.jump);
        }
    });
}
