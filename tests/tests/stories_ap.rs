//! Stories of an AP and its stations on the simulated air.

use std::collections::BTreeSet;
use std::time::Duration;

use drivers::middleware::Faults;
use drivers::propagation::{Model, Position};
use stack::ap::{NetworkConfig, RadioConfig, Security, VirtualApKind};
use stack::mac::DropReason;
use stack::sta::{Fetch, LinkConfig, LinkEnd, LinkEvent};
use stack::wire::{Channel, MacAddr};
use tests::story::{BLOCK, KINDS, World, address, in_order, link, network, numbers};

fn told(name: &str, story: impl Fn(u64) + std::panic::RefUnwindSafe) {
    tests::story::told("stories_ap", name, story);
}

/// Traffic both ways, `count` MSDUs each, and time for the last to arrive.
fn traffic(world: &mut World, n: usize, count: u32, pause: Duration) {
    for number in 0..count {
        world.up(n, tests::story::HOST, number, 300);
        world.down(address(n), number, 300);
        world.run(pause);
    }
    world.run(Duration::from_secs(1));
}

fn joined(seed: u64, kind: VirtualApKind, wpa2: bool, loss: f64) -> World {
    joined_as(seed, network(kind, wpa2), loss)
}

fn joined_as(seed: u64, network: NetworkConfig, loss: f64) -> World {
    let wpa2 = network.security != Security::Open;
    let mut world = World::new(seed, network);
    world.loss(loss);
    world.station(Position::new(8.0, 3.0), link(0, wpa2));
    let joined = world.until(Duration::from_secs(20), World::all_joined);
    assert!(joined, "{:?} {:?}", world.stations[0].events, world.ap.drops());
    world
}

fn is_clean(world: &World) {
    let recorder = world.recorder.borrow();
    assert!(recorder.offences.is_empty(), "{:?}", recorder.offences);
}

#[test]
fn on_a_clear_air_all_arrives_once_and_in_order() {
    told("on_a_clear_air", |seed| {
        for (kind, wpa2) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
            let mut world = joined(seed, kind, wpa2, 0.0);
            traffic(&mut world, 0, 300, Duration::from_millis(2));
            let all: Vec<_> = (0..300).collect();
            assert_eq!((world.ups(0), world.downs(0)), (all.clone(), all));
            is_clean(&world);
            assert_eq!(world.recorder.borrow().decrypted > 500, wpa2);
        }
    });
}

#[test]
fn in_2_4_ghz_the_rates_of_dsss_and_cck_are_there_too() {
    told("in_2_4_ghz", |seed| {
        let config = RadioConfig::new(Channel::from_number(6).unwrap(), BLOCK);
        let network = network(VirtualApKind::Shared, true);
        let mut world = World::with(seed, network, Model::default(), config);
        world.station(Position::new(30.0, 0.0), link(0, true));
        assert!(world.until(Duration::from_secs(20), World::all_joined), "{:?}", world.stations[0].events);
        traffic(&mut world, 0, 100, Duration::from_millis(3));
        let all: Vec<_> = (0..100).collect();
        assert_eq!((world.ups(0), world.downs(0)), (all.clone(), all));
    });
}

#[test]
fn under_loss_nearly_all_arrives_and_nothing_twice_or_out_of_order() {
    told("under_loss", |seed| {
        for (kind, wpa2, loss) in [
            (VirtualApKind::Shared, false, 0.1),
            (VirtualApKind::PerClient, true, 0.1),
            (VirtualApKind::PerClient, false, 0.3),
            (VirtualApKind::Shared, true, 0.3),
        ] {
            let mut world = joined(seed, kind, wpa2, loss);
            traffic(&mut world, 0, 200, Duration::from_millis(10));
            for numbers in [world.ups(0), world.downs(0)] {
                assert!(in_order(&numbers), "{loss}: {numbers:?}");
                assert!(numbers.len() >= 190, "{loss}: {} {:?}", numbers.len(), world.ap.drops());
            }
            is_clean(&world);
        }
    });
}

#[test]
fn a_stack_that_hears_things_lost_doubled_and_swapped_delivers_nothing_twice() {
    told("a_stack_that_hears", |seed| {
        let mut world = joined(seed, VirtualApKind::PerClient, true, 0.1);
        world.faults(Faults {
            loss: 0.05,
            duplication: 0.1,
            reordering: 0.1,
            corruption: 0.02,
            status_loss: 0.02,
        });
        traffic(&mut world, 0, 300, Duration::from_millis(3));
        for numbers in [world.ups(0), world.downs(0)] {
            let distinct: BTreeSet<_> = numbers.iter().collect();
            assert_eq!(distinct.len(), numbers.len(), "{numbers:?}");
            assert!(numbers.len() >= 150, "{}", numbers.len());
        }
        is_clean(&world);
    });
}

#[test]
fn a_dozing_station_misses_nothing_whichever_way_it_fetches() {
    told("a_dozing_station", |seed| {
        let ways = [Fetch::Poll, Fetch::Wake, Fetch::Trigger];
        for (kind, fetch) in KINDS.into_iter().flat_map(|kind| ways.map(|fetch| (kind, fetch))) {
            let mut world = World::new(seed, network(kind, true));
            let doze_after = Some(Duration::from_millis(50));
            world.station(Position::new(8.0, 3.0), LinkConfig { fetch, doze_after, ..link(0, true) });
            assert!(world.until(Duration::from_secs(5), |world| world.all_joined()
                && world.stations[0].link.is_dozing()));
            for number in 0..60 {
                world.down(address(0), number, 200);
                if number % 10 == 0 {
                    world.down(MacAddr::BROADCAST, 1000 + number, 200);
                }
                world.run(Duration::from_millis(if number % 4 == 0 { 250 } else { 5 }));
            }
            world.run(Duration::from_secs(1));
            let (group, own): (Vec<u32>, _) = world.downs(0).into_iter().partition(|number| *number >= 1000);
            assert_eq!(own, (0..60).collect::<Vec<_>>(), "{fetch:?} {:?}", world.ap.drops());
            // They are not acknowledged: one may collide with what a station asks for after the same beacon.
            assert!(in_order(&group) && group.len() >= 5, "{fetch:?} {group:?}");
            is_clean(&world);
        }
    });
}

#[test]
fn sixty_four_stations_join_within_ten_seconds_and_all_exchange_traffic() {
    told("sixty_four_stations", |seed| {
        // A long story: one seed in four.
        if seed % 4 == 0 {
            KINDS.into_iter().for_each(|kind| sixty_four(seed, kind));
        }
    });
}

fn sixty_four(seed: u64, kind: VirtualApKind) {
    let mut world = World::new(seed, network(kind, true));
    for n in 0..64 {
        let (angle, far) = (n as f64, 3.0 + (n % 8) as f64);
        world.station(Position::new(far * angle.cos(), far * angle.sin()), link(n, true));
    }
    let joined = world.until(Duration::from_secs(10), World::all_joined);
    assert!(joined, "{kind:?}: {:?}", world.ap.drops());
    let bssids: BTreeSet<_> = world.stations.iter().map(|station| station.link.bssid()).collect();
    assert_eq!(bssids.len(), if kind == VirtualApKind::Shared { 1 } else { 64 });
    for number in 0..5 {
        for n in 0..64 {
            world.up(n, address((n + 1) % 64), number, 400);
            world.down(address(n), number, 400);
        }
        world.run(Duration::from_millis(300));
    }
    world.run(Duration::from_secs(1));
    for n in 0..64 {
        let neighbour = numbers(&world.stations[(n + 1) % 64].got, address(n));
        let all: Vec<_> = (0..5).collect();
        assert_eq!((world.downs(n), neighbour), (all.clone(), all), "{kind:?} {n} {:?}", world.ap.drops());
    }
    is_clean(&world);
}

#[test]
fn keys_change_under_traffic_and_nothing_is_lost_doubled_or_reused() {
    told("keys_change_under_traffic", |seed| {
        for kind in KINDS {
            let network = NetworkConfig {
                group_rekey: Some(Duration::from_millis(350)),
                pairwise_rekey: Some(Duration::from_millis(450)),
                ..network(kind, true)
            };
            let mut world = joined_as(seed, network, 0.0);
            traffic(&mut world, 0, 1000, Duration::from_millis(3));
            let all: Vec<_> = (0..1000).collect();
            assert!(world.ups(0) == all && world.downs(0) == all, "{:?}", world.ap.drops());
            assert!(world.recorder.borrow().keys() >= 6, "{}", world.recorder.borrow().keys());
            let lost = |event: &LinkEvent| matches!(event, LinkEvent::Disconnected { .. });
            let events = &world.stations[0].events;
            let since = events.iter().skip_while(|event| !matches!(event, LinkEvent::Connected { .. }));
            assert!(!since.into_iter().any(lost), "{kind:?} {events:?} {:?}", world.ap_events);
            is_clean(&world);
        }
    });
}

#[test]
fn keys_change_under_traffic_and_loss() {
    told("keys_change_under_traffic_and_loss", |seed| {
        for kind in KINDS {
            let network = NetworkConfig {
                group_rekey: Some(Duration::from_millis(1700)),
                pairwise_rekey: Some(Duration::from_millis(2900)),
                ..network(kind, true)
            };
            let mut world = joined_as(seed, network, 0.2);
            for number in 0..1000 {
                world.up(0, tests::story::HOST, number, 300);
                world.down(address(0), number, 300);
                world.down(MacAddr::BROADCAST, 10_000 + number, 100);
                world.run(Duration::from_millis(10));
            }
            world.run(Duration::from_secs(2));
            let (group, downs): (Vec<u32>, _) =
                world.downs(0).into_iter().partition(|number| *number >= 10_000);
            for numbers in [&world.ups(0), &downs] {
                assert!(in_order(numbers), "{numbers:?}");
                assert!(numbers.len() >= 950, "{kind:?} {} {:?}", numbers.len(), world.ap.drops());
            }
            assert!(in_order(&group) && group.len() >= 600, "{}", group.len());
            is_clean(&world);
        }
    });
}

#[test]
fn a_station_that_vanishes_returns() {
    told("a_station_that_vanishes", |seed| {
        let mut world = joined(seed, VirtualApKind::PerClient, true, 0.0);
        traffic(&mut world, 0, 5, Duration::from_millis(5));
        world.place(0, Position::new(5_000.0, 0.0));
        world.run(Duration::from_secs(4));
        let lost =
            |event: &LinkEvent| matches!(event, LinkEvent::Disconnected { end: LinkEnd::BeaconLoss, .. });
        assert!(world.stations[0].events.iter().any(lost), "{:?}", world.stations[0].events);
        world.place(0, Position::new(5.0, 0.0));
        assert!(world.until(Duration::from_secs(20), World::all_joined), "{:?}", world.stations[0].events);
        for number in 5..10 {
            world.up(0, tests::story::HOST, number, 100);
            world.down(address(0), number, 100);
        }
        world.run(Duration::from_secs(1));
        let all: Vec<_> = (0..10).collect();
        assert_eq!((world.ups(0), world.downs(0)), (all.clone(), all));
        assert_eq!(world.ap.drops().of(DropReason::DecryptFailed), 0);
        is_clean(&world);
    });
}

#[test]
fn an_ap_that_is_started_anew_is_joined_again() {
    told("an_ap_that_is_started_anew", |seed| {
        let mut world = joined(seed, VirtualApKind::PerClient, true, 0.0);
        world.restart_ap();
        world.up(0, tests::story::HOST, 1, 100);
        world.run(Duration::from_millis(100));
        assert!(world.until(Duration::from_secs(10), World::all_joined), "{:?}", world.stations[0].events);
        traffic(&mut world, 0, 5, Duration::from_millis(5));
        assert_eq!(world.downs(0), (0..5).collect::<Vec<_>>());
        is_clean(&world);
    });
}

#[test]
fn a_station_out_of_reach_never_joins_and_does_not_spin() {
    told("a_station_out_of_reach", |seed| {
        let mut world = World::new(seed, network(VirtualApKind::PerClient, true));
        world.station(Position::new(5_000.0, 0.0), link(0, true));
        assert!(!world.until(Duration::from_secs(30), World::all_joined));
        let stats = world.stats(world.stations[0].id);
        assert!(stats.sent < 30, "{stats:?}");
    });
}
