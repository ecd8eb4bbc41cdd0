//! Floods: memory stays bounded, and those who are associated notice nothing.

use stack::ap::{ApEvent, NetworkConfig, Occupancy};
use stack::mac::DropReason;
use stack::sta::{LinkConfig, LinkState};
use stack::wire::{FrameKind, MacAddr, StatusCode};

use crate::world::{
    BASE, FAR, KINDS, WPA2_PSK, World, association, at, authentication, bssid, contains, data, kind_of, open,
    probe, secure, station, status_of, stranger, wpa2,
};

fn assert_bounded(occupancy: &Occupancy, stations: usize) {
    assert!(occupancy.virtual_aps <= 16, "{occupancy:?}");
    assert!(occupancy.stations <= stations, "{occupancy:?}");
    assert!(occupancy.directory <= 2 * stations, "{occupancy:?}");
    assert!(occupancy.strangers <= 2072, "{occupancy:?}");
    assert!(occupancy.outbox <= 512, "{occupancy:?}");
    assert!(occupancy.in_flight <= 64, "{occupancy:?}");
    assert!(occupancy.timers <= 16 + stations, "{occupancy:?}");
    assert!(occupancy.queued <= 512 + 4 * stations, "{occupancy:?}");
}

/// Ten strangers in a millisecond, each with everything that a stranger can send.
fn flood(world: &mut World, millis: u32, stations: usize) {
    for n in 0..millis * 10 {
        let to = bssid((n % 16) as u8);
        world.heard(&probe(stranger(n), b""));
        world.heard(&authentication(BASE, stranger(n)));
        world.heard(&authentication(to, stranger(n)));
        world.heard(&association(to, stranger(n), &WPA2_PSK, 2));
        world.heard(&association(BASE, stranger(n), &WPA2_PSK, 2));
        world.heard(&data(FrameKind::NULL, to, stranger(n), true, &[]));
        if n % 10 == 9 {
            world.run(1);
            assert_bounded(&world.ap.occupancy(), stations);
        }
    }
}

#[test]
fn sec_m9_ten_thousand_strangers_in_a_second_harm_nobody() {
    for kind in KINDS {
        for network in [open(kind), wpa2(kind)] {
            let mut world = World::joined(NetworkConfig { max_stations: 200, ..network }, 1);
            let (mut up, mut down) = (0, 0);
            for _ in 0..10 {
                world.send_up(0, FAR, b"up through the flood");
                world.send_down(station(1), b"down through the flood");
                (up, down) = (up + 1, down + 1);
                flood(&mut world, 100, 200);
            }
            world.run(50);
            assert_eq!(world.left(station(1)), 0);
            assert_eq!(world.got(0, b"down through the flood"), down, "{kind:?} {:?}", world.ap.drops());
            assert_eq!(world.reached_ds(b"up through the flood"), up);
            world.traffic_both_ways(0);
            // What they have left behind goes.
            world.run(6000);
            world
                .link(LinkConfig { security: world_security(&world), ..LinkConfig::new(station(2), b"net") });
            world.run(6000);
            assert_eq!(world.links[1].1.state(), LinkState::Connected, "{kind:?} {:?}", world.ap.drops());
        }
    }
}

fn world_security(world: &World) -> stack::sta::LinkSecurity {
    let protected = world.ap.virtual_aps().any(|ap| ap.config().security != stack::ap::Security::Open);
    if protected { secure(2, 1).security } else { stack::sta::LinkSecurity::Open }
}

#[test]
fn sec_m9_when_all_bssids_are_taken_the_answer_is_17_until_one_is_proven_empty() {
    let mut world = World::joined(open(stack::ap::VirtualApKind::PerClient), 1);
    for n in 0..15 {
        let free = (1..16).map(bssid).find(|bssid| !world.ap.virtual_aps().any(|ap| ap.bssid() == *bssid));
        let Some(free) = free else { continue };
        world.heard(&authentication(free, stranger(n)));
        world.heard(&association(free, stranger(n), &[], 2));
    }
    assert_eq!(world.ap.occupancy().virtual_aps, 15);
    world.run(4000);
    let since = world.air.len();
    world.heard(&authentication(BASE, stranger(99)));
    world.run(1);
    let answer = world.answers(since, stranger(99), FrameKind::AUTHENTICATION)[0].to_vec();
    assert_eq!(status_of(&answer), StatusCode::TOO_MANY_STATIONS);
    world.run(2000);
    let since = world.air.len();
    world.heard(&authentication(BASE, stranger(99)));
    world.run(1);
    let answer = world.answers(since, stranger(99), FrameKind::AUTHENTICATION)[0].to_vec();
    assert_eq!(status_of(&answer), StatusCode::SUGGESTED_BSS_TRANSITION, "half-open ones have gone");
    assert_eq!(world.left(station(1)), 0);
}

#[test]
fn sec_m9_a_probe_flood_is_no_flood_of_interface_changes() {
    let mut world = World::with(vec![wpa2(stack::ap::VirtualApKind::PerClient)], 8);
    let mut changes = 0;
    for n in 0..10_000 {
        world.heard(&probe(stranger(n), b""));
        if n % 10 == 0 {
            let now = at(u64::from(n) / 10);
            while world.ap.poll_transmit(now).is_some() {}
            changes += std::iter::from_fn(|| world.ap.poll_event())
                .filter(|event| matches!(event, ApEvent::Ack(_)))
                .count();
        }
    }
    assert!(changes <= 1 + 8 + 2 * 4 + 2, "{changes} changes in a second");
}

#[test]
fn sec_m9_strangers_do_not_push_out_what_stations_wait_for() {
    let mut world = World::new(wpa2(stack::ap::VirtualApKind::Shared));
    world.heard(&authentication(BASE, station(1)));
    world.heard(&association(BASE, station(1), &WPA2_PSK, 2));
    for n in 0..5000 {
        world.heard(&probe(stranger(n), b""));
        world.heard(&authentication(BASE, stranger(n)));
    }
    assert!(world.ap.drops().of(DropReason::QueueFull) > 9000);
    world.run(1);
    assert_eq!(world.answers(0, station(1), FrameKind::ASSOCIATION_RESPONSE).len(), 1);
    let position = |kind| world.air.iter().position(|on_air| kind_of(&on_air.frame) == Some(kind)).unwrap();
    assert!(position(FrameKind::ASSOCIATION_RESPONSE) < position(FrameKind::PROBE_RESPONSE));
    let eapol = |frame: &[u8]| frame[0] & 0x0c == 8 && contains(frame, &[0x88, 0x8e]);
    let message_1 = world.air.iter().position(|on_air| eapol(&on_air.frame)).unwrap();
    assert!(message_1 <= 3, "the handshake does not wait for them: {message_1}");
}

#[test]
fn sec_m9_no_more_handshakes_run_at_a_time_than_the_air_bears() {
    let mut world = World::joined(wpa2(stack::ap::VirtualApKind::Shared), 1);
    for n in 0..2000 {
        world.heard(&authentication(BASE, stranger(n)));
        world.heard(&association(BASE, stranger(n), &WPA2_PSK, 2));
    }
    assert_eq!(world.ap.occupancy().stations, 1 + 128);
    world.run(6000);
    assert_eq!((world.ap.occupancy().stations, world.left(station(1))), (1, 0));
    world.traffic_both_ways(0);
}

#[test]
fn events_that_nobody_fetches_are_bounded() {
    let mut world = World::joined(open(stack::ap::VirtualApKind::Shared), 1);
    let body = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], b"payload"].concat();
    for _ in 0..6000 {
        world.heard(&data(FrameKind::DATA, BASE, station(1), false, &body));
    }
    assert_eq!(world.ap.occupancy().events, 2048);
    assert_eq!(world.ap.drops().of(DropReason::EventsFull), 6000 - 2048);
    for n in 0..6000 {
        world.heard(&data(FrameKind::NULL, BASE, station(1), n % 2 == 0, &[]));
    }
    assert_eq!(world.ap.occupancy().events, 4096);
}

#[test]
fn sec_m10_a_stranger_is_told_once_a_second() {
    for kind in KINDS {
        let mut world = World::new(open(kind));
        for _ in 0..3000 {
            world.heard(&data(FrameKind::NULL, BASE, station(9), false, &[]));
            world.run(1);
        }
        assert_eq!(world.answers(0, station(9), FrameKind::DEAUTHENTICATION).len(), 3);
    }
}

#[test]
fn sec_m10_many_strangers_are_told_no_more_often_than_the_table_is_long() {
    let mut world = World::new(open(stack::ap::VirtualApKind::Shared));
    for n in 0..5000 {
        world.heard(&data(FrameKind::NULL, BASE, stranger(n), false, &[]));
        if n % 5 == 0 {
            world.run(1);
        }
    }
    let told = world.air.iter().filter(|on_air| kind_of(&on_air.frame) == Some(FrameKind::DEAUTHENTICATION));
    assert!(told.count() <= 1024);
    let limited = world.ap.drops().of(DropReason::RateLimited);
    assert!(limited >= 5000 - 1024 - 5, "{limited}");
    assert_eq!(world.answers(0, MacAddr::BROADCAST, FrameKind::DEAUTHENTICATION).len(), 0);
}
