//! Stories of a node whose radio serves a network between its visits to foreign ones, on the simulated air.

use std::time::Duration;

use stack::ap::{NetworkConfig, VirtualApKind};
use stack::sta::LinkState;
use tests::links::{World, got};
use tests::scene::wpa2;
use tests::story::KINDS;

const SECOND: Duration = Duration::from_secs(1);

fn network(kind: VirtualApKind) -> NetworkConfig {
    NetworkConfig { kind, ..wpa2() }
}

/// All networks are joined, and the client of ours has come in.
fn joined(mut world: World) -> World {
    let links = world.taps.len();
    world.until(20 * SECOND, |world| world.connected() == links && world.is_client_connected());
    // What it took to come in is not counted.
    world.client.as_mut().unwrap().lost = 0;
    world
}

fn texts(way: &str) -> Vec<String> {
    (0..100).map(|round| format!("{way} {round}")).collect()
}

/// The foreign networks have traffic both ways, and all of it arrives.
fn round(world: &mut World, round: u32) {
    for link in 0..world.taps.len() {
        world.say(link, &format!("out {round}"));
        world.answer(link, &format!("in {round}"));
    }
    world.run(Duration::from_millis(50));
}

fn foreign_lost_nothing(world: &World) {
    for (link, (foreign, tap)) in world.foreign.iter().zip(&world.taps).enumerate() {
        assert_eq!((got(&foreign.cable), got(tap)), (texts("out"), texts("in")), "{link}");
    }
}

fn client_got(world: &mut World, all: &[String]) {
    let client = world.client.as_mut().unwrap();
    assert_eq!((&client.got[..], client.lost), (all, 0));
}

/// What is asked in a slot is answered in it, and what is asked in an absence waits for its end.
#[test]
fn a_client_answers_between_the_visits_to_four_networks_and_nobody_loses_anything() {
    for kind in KINDS {
        let mut world = joined(World::four_and_home(&network(kind)));
        world.client.as_mut().unwrap().answers = true;
        for number in 0..100 {
            world.host_says(&format!("down {number}"));
            round(&mut world, number);
        }
        world.run(SECOND);
        client_got(&mut world, &texts("down"));
        assert_eq!(got(&world.lan), texts("down"), "its answers, {kind:?}");
        foreign_lost_nothing(&world);
        let hopping = world.node.report(world.now).radio.hopping.unwrap();
        assert!(hopping.hops > 100 && hopping.failed == 0, "{hopping:?}");
    }
}

/// An absence that is short enough is one for which the medium is reserved.
#[test]
fn a_client_waits_while_the_radio_is_on_another_channel_for_a_short_time() {
    for kind in KINDS {
        let mut world = joined(World::one_and_home(&network(kind)));
        for number in 0..100 {
            world.client_says(&format!("up {number}"));
            world.host_says(&format!("down {number}"));
            round(&mut world, number);
        }
        world.run(SECOND);
        assert_eq!(got(&world.lan), texts("up"), "{kind:?}");
        client_got(&mut world, &texts("down"));
        foreign_lost_nothing(&world);
        let hopping = world.node.report(world.now).radio.hopping.unwrap();
        assert!(hopping.hops > 100 && hopping.cycle_ms < 35.0, "{hopping:?}");
    }
}

#[test]
fn at_the_end_the_client_is_told() {
    for kind in KINDS {
        let mut world = joined(World::four_and_home(&network(kind)));
        world.run(SECOND);
        world.node.stop(world.now);
        world.until(2 * SECOND, |world| world.node.is_finished());
        let client = world.client.as_ref().unwrap();
        assert!(client.lost == 1 && client.link.state() != LinkState::Connected, "{kind:?}");
    }
}
