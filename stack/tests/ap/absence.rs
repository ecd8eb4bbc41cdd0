//! The radio goes to another channel for a while.

use std::time::Duration;

use stack::ap::{ApEvent, VirtualApKind};
use stack::wire::FrameKind;

use crate::world::{
    BASE, KINDS, World, at, authentication, kind_of, probe, station, stranger, transmitter, wpa2,
};

const OWN: VirtualApKind = VirtualApKind::PerClient;

/// Lets the AP fall silent, and time pass until it has.
fn leave(world: &mut World, absence: Duration) {
    let now = at(world.now);
    world.ap.fall_silent(now, now + absence);
    world.ap_events.clear();
    world.run(10);
    assert!(world.ap.is_away());
    assert_eq!(world.ap_events.iter().filter(|event| **event == ApEvent::Away).count(), 1);
}

fn reservations(world: &World, since: usize) -> Vec<u16> {
    let cts = world.air[since..].iter().filter(|on_air| kind_of(&on_air.frame) == Some(FrameKind::CTS));
    cts.map(|on_air| {
        assert!(on_air.options.no_ack && on_air.frame[4..10] == BASE.octets());
        u16::from_le_bytes([on_air.frame[2], on_air.frame[3]])
    })
    .collect()
}

#[test]
fn what_comes_in_an_absence_waits_for_its_end_beacons_too() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 2);
        leave(&mut world, Duration::from_millis(100));
        let since = world.air.len();
        world.send_down(station(1), b"not yet");
        world.run(250);
        assert_eq!(world.air.len(), since, "nothing leaves");
        world.ap.come_back();
        world.run(10);
        assert_eq!((world.got(0, b"not yet"), world.ap.is_away()), (1, false));
        let bssid = world.bssid_of(0);
        let beacons = world.air[since..].iter().filter(|on_air| {
            transmitter(&on_air.frame) == bssid && kind_of(&on_air.frame) == Some(FrameKind::BEACON)
        });
        assert_eq!(beacons.count(), 1, "late, and one for two that were due");
        world.traffic_both_ways(0);
    }
}

#[test]
fn the_medium_is_reserved_for_an_absence_that_is_short_enough() {
    let mut world = World::joined(wpa2(OWN), 1);
    let since = world.air.len();
    leave(&mut world, Duration::from_millis(30));
    // Less what it has listened for answers.
    assert_eq!(reservations(&world, since), [27_000]);
    world.ap.come_back();
    leave(&mut world, Duration::from_millis(40));
    assert_eq!(reservations(&world, since).len(), 1, "that is beyond what a Duration can say");

    let mut alone = World::new(wpa2(OWN));
    leave(&mut alone, Duration::from_millis(30));
    assert!(reservations(&alone, 0).is_empty(), "there is nobody to wait");
}

#[test]
fn a_radio_that_stays_after_all_goes_on() {
    let mut world = World::joined(wpa2(OWN), 1);
    let now = at(world.now);
    world.ap.fall_silent(now, now + Duration::from_millis(30));
    world.ap.come_back();
    world.ap_events.clear();
    world.traffic_both_ways(0);
    assert!(!world.ap.is_away() && !world.ap_events.contains(&ApEvent::Away));
}

#[test]
fn who_asks_for_the_network_or_joins_needs_the_radio() {
    let mut world = World::new(wpa2(OWN));
    assert!(!world.ap.needs_radio(at(world.now)));
    world.heard(&probe(stranger(1), b"another"));
    assert!(!world.ap.needs_radio(at(world.now)));
    world.heard(&probe(stranger(1), b""));
    assert!(world.ap.needs_radio(at(world.now)));
    world.run(500);
    assert!(!world.ap.needs_radio(at(world.now)), "but not for long");
    let mut world = World::new(wpa2(VirtualApKind::Shared));
    world.heard(&authentication(BASE, stranger(2)));
    assert!(world.ap.needs_radio(at(world.now)));
}
