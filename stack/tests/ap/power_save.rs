//! Stations that doze.

use std::time::Duration;

use stack::ap::{ApEvent, NetworkConfig};
use stack::mac::DropReason;
use stack::sta::{LinkConfig, LinkState};
use stack::wire::{FrameKind, MacAddr, ReasonCode};

use crate::world::{KINDS, WPA2_PSK, World, association, contains, data, kind_of, secure, station, wpa2};

fn dozing(network: NetworkConfig) -> World {
    let mut world = World::new(network);
    world.link(LinkConfig { doze_after: Some(Duration::from_millis(50)), ..secure(1, 1) });
    world.run(1500);
    assert!(world.ap_events.iter().any(|event| matches!(event, ApEvent::PowerSave { dozing: true, .. })));
    world
}

fn is_data(frame: &[u8]) -> bool {
    frame[0] & 0x0c == 8 && kind_of(frame) != Some(FrameKind::NULL)
}

#[test]
fn a_dozing_station_loses_nothing_and_group_frames_wait_for_the_dtim() {
    for kind in KINDS {
        let mut world = dozing(wpa2(kind));
        for n in 0..20 {
            world.send_down(station(1), format!("number {n:03} to one").as_bytes());
        }
        world.send_down(MacAddr::BROADCAST, b"number to all");
        let before = world.air.len();
        world.run(1500);
        for n in 0..20 {
            let text = format!("number {n:03} to one");
            assert_eq!(world.got(0, text.as_bytes()), 1, "{n}: {:?}", world.ap.drops());
        }
        assert_eq!(world.got(0, b"number to all"), 1);
        let group = |frame: &[u8]| frame[0] & 0x0c == 8 && frame[4] & 1 == 1;
        let index = before + world.air[before..].iter().position(|on_air| group(&on_air.frame)).unwrap();
        assert!(index > before, "not before the next beacon");
        assert_eq!(kind_of(&world.air[index - 1].frame), Some(FrameKind::BEACON), "directly after a beacon");
    }
}

#[test]
fn more_data_in_a_group_frame_speaks_of_what_follows_this_dtim() {
    for kind in KINDS {
        let mut world = dozing(wpa2(kind));
        world.pace = 1;
        world.send_down(MacAddr::BROADCAST, b"one");
        world.send_down(MacAddr::BROADCAST, b"two");
        let since = world.air.len();
        let group = |frame: &[u8]| frame[0] & 0x0c == 8 && frame[4] & 1 == 1;
        let more = |world: &World| {
            let frames = world.air[since..].iter().filter(|on_air| group(&on_air.frame));
            frames.map(|on_air| on_air.frame[1] & 0x20 != 0).collect::<Vec<_>>()
        };
        while more(&world).is_empty() {
            world.run(1);
            assert!(world.now < 5000);
        }
        world.send_down(MacAddr::BROADCAST, b"waits for the next DTIM");
        world.run(300);
        assert_eq!(more(&world), [true, false, false]);
        let third = world.air.iter().rposition(|on_air| group(&on_air.frame)).unwrap();
        assert_eq!(kind_of(&world.air[third - 1].frame), Some(FrameKind::BEACON));
    }
}

#[test]
fn sec_h3_what_was_queued_for_an_association_is_not_sent_in_the_next() {
    for kind in KINDS {
        let mut world = dozing(wpa2(kind));
        for _ in 0..5 {
            world.send_down(station(1), b"for the old association");
        }
        // It has forgotten everything and comes again, at the same BSSID, before it would have woken up.
        world.links.clear();
        let since = world.air.len();
        world.link(secure(1, 1));
        world.run(1000);
        assert_eq!(world.links[0].1.state(), LinkState::Connected);
        assert_eq!(world.got(0, b"for the old association"), 0);
        assert!(!world.air[since..].iter().any(|on_air| contains(&on_air.frame, b"for the old")));
        assert_eq!(world.ap.drops().of(DropReason::StaleAssociation), 5);
        world.traffic_both_ways(0);
    }
}

#[test]
fn sec_h6_management_does_not_wait_for_a_station_to_wake_up() {
    for kind in KINDS {
        let mut world = dozing(wpa2(kind));
        let (since, bssid) = (world.air.len(), world.bssid_of(0));
        world.heard(&association(bssid, station(1), &WPA2_PSK, 99));
        world.run(1);
        assert_eq!(world.answers(since, station(1), FrameKind::ASSOCIATION_RESPONSE).len(), 1);
        let mut world = dozing(wpa2(kind));
        let since = world.air.len();
        world.ap.stop(ReasonCode::LEAVING);
        world.run(1);
        assert_eq!(world.answers(since, station(1), FrameKind::DEAUTHENTICATION).len(), 1);
    }
}

#[test]
fn sec_h7_who_has_not_finished_the_handshake_does_not_doze() {
    for kind in KINDS {
        let mut world = World::new(wpa2(kind));
        world.lose = |frame| frame[0] & 0x0c == 8;
        world.link(secure(1, 1));
        world.run(150);
        let bssid = world.bssid_of(0);
        world.heard(&data(FrameKind::NULL, bssid, station(1), true, &[]));
        let mut request = association(bssid, station(1), &WPA2_PSK, 99);
        request[1] |= 0x10;
        world.heard(&request);
        world.heard(&data(FrameKind::NULL, bssid, station(1), true, &[]));
        let dozes =
            world.ap.virtual_aps().flat_map(|ap| ap.peers()).any(|peer| peer.power_save().is_dozing());
        assert!(!dozes);
    }
}

#[test]
fn sec_h7_plaintext_and_undecryptable_data_change_no_power_state() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        let bssid = world.bssid_of(0);
        world.heard(&data(FrameKind::DATA, bssid, station(1), true, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 1]));
        let mut garbage =
            data(FrameKind::DATA, bssid, station(1), true, &[0, 1, 0, 0x20, 0, 0, 0, 9, 1, 2, 3]);
        garbage.extend_from_slice(&[7; 40]);
        garbage[1] |= 0x40;
        world.heard(&garbage);
        world.run(5);
        assert!(!world.ap_events.iter().any(|event| matches!(event, ApEvent::PowerSave { .. })));
        assert_eq!(world.ap.drops().of(DropReason::Unprotected), 1);
        assert_eq!(world.ap.drops().of(DropReason::DecryptFailed), 1);
    }
}

#[test]
fn sec_h7_what_is_kept_for_a_dozing_station_is_bounded_in_count_and_age() {
    for kind in KINDS {
        let mut world = dozing(wpa2(kind));
        world.away.push(0);
        for n in 0..1000 {
            world.send_down(station(1), format!("number {n}").as_bytes());
        }
        assert_eq!(world.ap.occupancy().queued, 256);
        assert_eq!(world.ap.drops().of(DropReason::QueueFull), 1000 - 256, "the oldest have gone");
        // Its listen interval is 10 beacons.
        world.run(1500);
        assert_eq!(world.ap.occupancy().queued, 0);
        assert_eq!(world.ap.drops().of(DropReason::QueueExpired), 256);
        assert!(
            !world.air.iter().any(|on_air| is_data(&on_air.frame) && contains(&on_air.frame, b"number "))
        );
    }
}
