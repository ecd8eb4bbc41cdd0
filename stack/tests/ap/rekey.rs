//! Keys that are replaced while traffic flows.

use std::collections::BTreeSet;
use std::time::Duration;

use stack::ap::{ApEvent, NetworkConfig, VirtualApKind};
use stack::crypto::{Cipher, CipherKey, EapolMic};
use stack::mac::DropReason;
use stack::rsn::{Akm, Pmk, Ptk, PtkInputs};
use stack::sta::{LinkConfig, LinkState};
use stack::wire::eapol::{EapolKey, EapolKeyFrame, KeyInfo, set_mic};
use stack::wire::{FrameKind, MacAddr, MacHeader, QosControl, ReasonCode};

use crate::world::{FAR, KINDS, OnAir, World, contains, secure, station, wpa2};

const EAPOL: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e];

fn group_rekey(kind: VirtualApKind, seconds: u64) -> NetworkConfig {
    NetworkConfig { group_rekey: Some(Duration::from_secs(seconds)), ..wpa2(kind) }
}

/// The key IDs of the group frames that the AP has sent since an index into the air, in their order.
fn key_ids(world: &World, since: usize) -> Vec<u8> {
    let group = |on_air: &&OnAir| on_air.frame[0] & 0x0c == 8 && on_air.frame[4] & 1 == 1;
    let mut ids: Vec<_> =
        world.air[since..].iter().filter(group).map(|on_air| on_air.frame[27] >> 6).collect();
    ids.dedup();
    ids
}

fn plaintext(world: &World, since: usize) -> usize {
    let data = |frame: &[u8]| frame[0] & 0x0c == 8 && frame[0] & 0x40 == 0 && frame[1] & 0x40 == 0;
    world.air[since..].iter().filter(|on_air| data(&on_air.frame)).count()
}

#[test]
fn the_group_key_is_replaced_under_traffic_and_nothing_is_lost() {
    for kind in KINDS {
        let mut world = World::joined(group_rekey(kind, 3), 3);
        let since = world.air.len();
        for n in 0..100 {
            world.send_down(MacAddr::BROADCAST, format!("group {n:03}").as_bytes());
            world.run(100);
        }
        for index in 0..3 {
            for n in 0..100 {
                let text = format!("group {n:03}");
                assert_eq!(
                    world.got(index, text.as_bytes()),
                    1,
                    "{kind:?} {index} {n} {:?}",
                    world.ap.drops()
                );
            }
        }
        let ids = key_ids(&world, since);
        assert!(ids.len() >= 3 && ids.iter().all(|id| [1, 2].contains(id)), "they alternate: {ids:?}");
        assert_eq!(plaintext(&world, since), 0);
    }
}

#[test]
fn a_dozing_station_gets_the_group_key_as_well() {
    let mut world = World::new(group_rekey(VirtualApKind::Shared, 3));
    world.link(LinkConfig { doze_after: Some(Duration::from_millis(50)), ..secure(1, 1) });
    world.link(secure(2, 1));
    world.run(500);
    for n in 0..40 {
        world.send_down(MacAddr::BROADCAST, format!("group {n:03}").as_bytes());
        world.run(250);
    }
    for index in 0..2 {
        let got = (0..40).filter(|n| world.got(index, format!("group {n:03}").as_bytes()) == 1).count();
        assert_eq!(got, 40, "{:?}", world.ap.drops());
    }
    assert_eq!(world.left(station(1)) + world.left(station(2)), 0);
    assert!(key_ids(&world, 0).len() >= 3);
}

#[test]
fn a_station_that_never_answers_leaves_with_16_and_the_others_get_on() {
    let mut world = World::joined(group_rekey(VirtualApKind::Shared, 3), 2);
    world.away.push(1);
    world.run(8000);
    let left = world.ap_events.iter().find_map(|event| match event {
        ApEvent::StationLeft { station: s, reason, .. } if *s == station(2) => Some(*reason),
        _ => None,
    });
    assert_eq!(left, Some(ReasonCode::GROUP_KEY_TIMEOUT));
    world.traffic_both_ways(0);
}

#[test]
fn who_joins_while_the_group_key_is_replaced_hears_group_frames_before_and_after() {
    let mut world = World::joined(group_rekey(VirtualApKind::Shared, 3), 2);
    // The second one does not answer, so that the replacement takes its time.
    world.away.push(1);
    while world
        .answers(0, station(1), FrameKind::QOS_DATA)
        .iter()
        .filter(|frame| frame[1] & 0x40 != 0)
        .count()
        < 1
    {
        world.run(10);
        assert!(world.now < 5000);
    }
    let since = world.air.len();
    world.link(secure(3, 1));
    world.run(400);
    assert_eq!(world.links[2].1.state(), LinkState::Connected);
    let mut sent = 0;
    for n in 0..30 {
        world.send_down(MacAddr::BROADCAST, format!("group {n:03}").as_bytes());
        world.run(200);
        sent += 1;
    }
    let got = (0..sent).filter(|n| world.got(2, format!("group {n:03}").as_bytes()) == 1).count();
    assert_eq!(got, sent, "{:?}", world.ap.drops());
    assert!(
        key_ids(&world, since).len() >= 2,
        "the key was replaced in between: {:?}",
        key_ids(&world, since)
    );
}

#[test]
fn sec_k11_the_pairwise_key_is_replaced_under_traffic_and_nothing_is_lost_or_in_plaintext() {
    for kind in KINDS {
        let network = NetworkConfig { pairwise_rekey: Some(Duration::from_secs(2)), ..wpa2(kind) };
        let mut world = World::joined(network, 1);
        let (since, sent) = (world.air.len(), world.sent.len());
        for n in 0..500 {
            for part in 0..4 {
                world.send_down(station(1), format!("down {n:03} {part}").as_bytes());
            }
            world.send_up(0, FAR, format!("up {n:03}").as_bytes());
            world.run(20);
        }
        for n in 0..500 {
            for part in 0..4 {
                let text = format!("down {n:03} {part}");
                assert_eq!(world.got(0, text.as_bytes()), 1, "{n} {:?}", world.ap.drops());
            }
            assert_eq!(world.reached_ds(format!("up {n:03}").as_bytes()), 1, "{n} {:?}", world.ap.drops());
        }
        assert_eq!(plaintext(&world, since), 0, "no data and no handshake message");
        assert!(!world.sent[sent..].iter().any(|(_, frame)| contains(frame, &EAPOL)));
        // Packet numbers began anew under each key.
        let to_link = world.answers(since, station(1), FrameKind::QOS_DATA);
        let numbers: Vec<_> =
            to_link.iter().map(|frame| u16::from_le_bytes([frame[26], frame[27]])).collect();
        let keys = 1 + numbers.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!(keys >= 4, "{keys} keys in ten seconds");
    }
}

#[test]
fn sec_k11_data_stands_still_while_the_keys_change() {
    let network =
        NetworkConfig { pairwise_rekey: Some(Duration::from_secs(2)), ..wpa2(VirtualApKind::PerClient) };
    let mut world = World::joined(network, 1);
    // The answers of the station are lost from now on.
    world.lose = |frame| frame[0] & 0x0c == 8;
    world.run(2300);
    let since = world.air.len();
    for _ in 0..5 {
        world.send_down(station(1), b"has to wait for the new key");
    }
    world.run(500);
    assert_eq!(world.ap.occupancy().queued, 5);
    let frames = world.answers(since, station(1), FrameKind::QOS_DATA);
    assert!(frames.len() <= 1, "nothing but the handshake: {}", frames.len());
    world.lose = |_| false;
    world.run(1000);
    assert_eq!(world.got(0, b"has to wait for the new key"), 5, "{:?}", world.ap.drops());
}

#[test]
fn sec_k11_what_was_queued_before_a_rekey_goes_out_before_the_keys_change() {
    for kind in KINDS {
        let network = NetworkConfig { pairwise_rekey: Some(Duration::from_secs(2)), ..wpa2(kind) };
        let mut world = World::joined(network, 1);
        let since = world.air.len();
        world.pace = 1;
        for n in 0..20 {
            for part in 0..130 {
                world.send_down(station(1), format!("number {n:02} {part:03}").as_bytes());
            }
            world.run(150);
        }
        world.run(1000);
        let number = |n: usize| format!("number {:02} {:03}", n / 130, n % 130);
        let got = (0..2600).filter(|n| world.got(0, number(*n).as_bytes()) == 1).count();
        assert_eq!(got, 2600, "{:?}", world.ap.drops());
        assert!(world.ap.drops().of(DropReason::StaleAssociation) == 0 && plaintext(&world, since) == 0);
    }
}

#[test]
fn sec_k4_a_group_key_is_handed_out_with_the_packet_number_that_it_has_reached() {
    let mut world = World::joined(wpa2(VirtualApKind::Shared), 1);
    for _ in 0..5 {
        world.send_down(MacAddr::BROADCAST, b"before the other came");
    }
    world.run(300);
    world.link(secure(2, 1));
    world.run(300);
    let eapol = world.answers(0, station(2), FrameKind::QOS_DATA);
    let rsc = eapol.iter().filter_map(|frame| {
        let at = frame.windows(8).position(|window| window == EAPOL)? + 8;
        Some(EapolKey::parse(&frame[at..], 16).ok()??.rsc())
    });
    assert_eq!(rsc.collect::<Vec<_>>(), [0, 5], "of messages 1 and 3");
}

#[test]
fn a_new_group_key_is_not_kept_waiting_by_stations_that_come_and_do_not_answer() {
    let mut world = World::joined(group_rekey(VirtualApKind::Shared, 3), 2);
    world.away.push(1);
    world.run(4500 - world.now);
    world.link(secure(3, 1));
    world.lose = |frame| frame[10..16] == station(3).octets() && frame[1] & 0x40 != 0;
    world.run(3000);
    let since = world.air.len();
    world.send_down(MacAddr::BROADCAST, b"under the new key");
    world.run(50);
    assert_eq!((key_ids(&world, since), world.left(station(3))), (vec![2], 0));
}

/// The keys of the only link, from what was said in plaintext.
fn ptk(world: &World) -> Ptk {
    let bssid = world.bssid_of(0);
    let key = |frame: &[u8]| {
        let at = frame.windows(8).position(|window| window == EAPOL)? + 8;
        Some(*EapolKey::parse(&frame[at..], 16).ok()??.nonce())
    };
    let anonce = world.air.iter().find_map(|on_air| key(&on_air.frame)).unwrap();
    let snonce = world.sent.iter().find_map(|(_, frame)| key(frame)).unwrap();
    let inputs = PtkInputs { aa: bssid, spa: station(1), anonce: &anonce, snonce: &snonce };
    Ptk::derive(Akm::Psk, Cipher::Ccmp128, &Pmk::new(&[1; 32]).unwrap(), inputs).unwrap()
}

/// A station's request for a new key (802.11-2020 12.7.2), encrypted.
fn request(world: &World, ptk: &Ptk, info: KeyInfo, counter: u64) -> Vec<u8> {
    let bssid = world.bssid_of(0);
    let info = info.with(KeyInfo::REQUEST).with(KeyInfo::MIC).with(KeyInfo::SECURE);
    let draft = EapolKeyFrame {
        version: 2,
        descriptor: 2,
        info: info.with_version(2),
        key_length: 0,
        replay_counter: counter,
        nonce: [0; 32],
        iv: [0; 16],
        rsc: 0,
        key_data: &[],
    };
    let mut pdu = draft.emit(16);
    let key = EapolKey::parse(&pdu, 16).unwrap().unwrap();
    let mic = EapolMic::HmacSha1.compute(ptk.kck.expose(), &key.authenticated()).unwrap();
    set_mic(&mut pdu, &mic);
    let (mut header, mut frame) = (Vec::new(), Vec::new());
    MacHeader::to_ds(bssid, station(1), bssid).with_qos(QosControl::new(5)).emit(&mut header);
    let body = [&EAPOL[..], &pdu].concat();
    let key = CipherKey::new(Cipher::Ccmp128, ptk.tk.expose()).unwrap();
    key.protect(counter, 0, &header, &body, &mut frame).unwrap();
    frame
}

#[test]
fn a_station_that_asks_for_a_new_pairwise_key_gets_one() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        let (old, since) = (ptk(&world), world.air.len());
        let frame = request(&world, &old, KeyInfo::PAIRWISE, 1);
        world.heard(&frame);
        world.run(300);
        let to_link = world.answers(since, station(1), FrameKind::QOS_DATA);
        assert_eq!(to_link.len(), 2, "messages 1 and 3: {:?}", world.ap.drops());
        world.traffic_both_ways(0);
        let numbers: BTreeSet<_> =
            world.answers(since, station(1), FrameKind::QOS_DATA).iter().map(|f| f[26]).collect();
        assert!(numbers.contains(&1), "packet numbers began anew");
    }
}

#[test]
fn a_station_that_asks_for_a_new_group_key_gets_one_and_not_too_often() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        let keys = ptk(&world);
        world.traffic_both_ways(0);
        for counter in 1..5 {
            let frame = request(&world, &keys, KeyInfo(0), counter);
            world.heard(&frame);
            world.run(100);
        }
        world.traffic_both_ways(0);
        assert_eq!(key_ids(&world, 0), [1, 2], "{:?}", world.ap.drops());
        assert_eq!(world.ap.drops().of(DropReason::EapolRejected), 3);
        assert_eq!(world.links[0].1.state(), LinkState::Connected);
    }
}
