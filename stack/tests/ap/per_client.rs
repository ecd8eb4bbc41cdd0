//! Virtual APs of one client each.

use std::collections::BTreeSet;
use std::time::Duration;

use stack::ap::{ApEvent, VirtualApKind};
use stack::mac::DropReason;
use stack::sta::{LinkConfig, LinkState};
use stack::wire::element::{BssLoad, HtCapabilities};
use stack::wire::{ElementId, Frame, FrameKind, MacAddr, ManagementBody, Rate, RxInfo, StatusCode};

use crate::world::{
    BASE, KINDS, NETWORK, WPA2_PSK, World, association, at, authentication, bssid, kind_of, open, probe,
    secure, station, status_of, stranger, transmitter, wpa2,
};

const OWN: VirtualApKind = VirtualApKind::PerClient;

#[test]
fn every_client_gets_a_bssid_of_its_own_and_the_parent_none() {
    let world = World::joined(wpa2(OWN), 6);
    let bssids: BTreeSet<_> = (0..6).map(|index| world.bssid_of(index)).collect();
    assert_eq!(bssids.len(), 6);
    assert!(!bssids.contains(&BASE));
    assert_eq!(world.ap.virtual_aps().map(|ap| ap.bssid()).collect::<BTreeSet<_>>(), bssids);
}

#[test]
fn the_parent_beacons_to_all_with_legacy_rates_and_a_full_channel() {
    let mut world = World::new(wpa2(OWN));
    world.run(400);
    assert_eq!(world.air.len(), 4);
    for on_air in &world.air {
        let Ok(Frame::Management(frame)) = Frame::parse(&on_air.frame) else { panic!() };
        assert_eq!((frame.addr1(), frame.bssid()), (MacAddr::BROADCAST, BASE));
        let ManagementBody::Beacon(beacon) = frame.parse_body().unwrap() else { panic!() };
        assert!(beacon.elements.get::<HtCapabilities<'_>>().unwrap().is_none());
        assert_eq!(beacon.elements.get::<BssLoad>().unwrap().unwrap().admission, 0);
        assert!(beacon.capabilities.privacy() && beacon.timestamp % 102_400 < 2000);
    }
}

#[test]
fn beacons_of_clients_go_nameless_to_all_at_12_megabits_and_spread_over_the_interval() {
    let mut world = World::joined(wpa2(OWN), 8);
    world.signal = Some(-60);
    (0..8).for_each(|index| world.traffic_both_ways(index));
    let since = world.air.len();
    world.run(1024);
    let mut times = BTreeSet::new();
    for index in 0..8 {
        let bssid = world.bssid_of(index);
        let mine = world.air[since..].iter().filter(|on_air| transmitter(&on_air.frame) == bssid);
        let beacons: Vec<_> =
            mine.filter(|on_air| kind_of(&on_air.frame) == Some(FrameKind::BEACON)).collect();
        assert_eq!(beacons.len(), 10);
        for beacon in &beacons {
            assert_eq!(beacon.frame[4..10], [0xff; 6], "Linux drops those that go to one station");
            assert_eq!(beacon.options.rate, Some(Rate::Legacy(24)));
            assert_eq!(beacon.frame[36..38], [0, 0], "no name for others that scan");
            let timestamp = u64::from_le_bytes(beacon.frame[24..32].try_into().unwrap());
            assert!(timestamp % 102_400 < 2000, "at its own TBTT: {timestamp}");
        }
        times.insert(beacons[0].at % 102);
    }
    assert!(times.len() >= 7, "not all at once: {times:?}");
}

#[test]
fn beacons_for_a_client_far_away_go_at_the_robust_rate() {
    let mut world = World::joined(wpa2(OWN), 1);
    for (signal, rate) in [(None, 12), (Some(-60), 24), (Some(-85), 12)] {
        world.signal = signal;
        (0..20).for_each(|_| world.traffic_both_ways(0));
        let since = world.air.len();
        world.run(300);
        let bssid = world.bssid_of(0);
        let beacon = world.air[since..].iter().rev().find(|on_air| {
            transmitter(&on_air.frame) == bssid && kind_of(&on_air.frame) == Some(FrameKind::BEACON)
        });
        assert_eq!(beacon.unwrap().options.rate, Some(Rate::Legacy(rate)), "{signal:?}");
    }
}

#[test]
fn a_probe_is_answered_from_the_offered_bssid_and_the_answer_is_always_the_same() {
    let mut world = World::new(wpa2(OWN));
    for _ in 0..3 {
        world.heard(&probe(stranger(1), b""));
        world.heard(&probe(stranger(1), b"net"));
    }
    world.run(1);
    let answers = world.answers(0, stranger(1), FrameKind::PROBE_RESPONSE);
    let from: BTreeSet<_> = answers.iter().map(|frame| transmitter(frame)).collect();
    assert_eq!((answers.len(), from.len()), (6, 1));
    assert!(!from.contains(&BASE) && world.acknowledged.contains(from.first().unwrap()));
    assert_eq!(world.ap.occupancy().virtual_aps, 0, "nothing is kept for an offer");
}

#[test]
fn a_client_that_has_a_virtual_ap_is_answered_by_that_one_alone() {
    let mut world = World::joined(wpa2(OWN), 3);
    for index in 0..3 {
        let (address, bssid) = (world.links[index].0, world.bssid_of(index));
        let since = world.air.len();
        world.heard(&probe(address, b""));
        world.run(1);
        let answers = world.answers(since, address, FrameKind::PROBE_RESPONSE);
        assert_eq!(answers.iter().map(|frame| transmitter(frame)).collect::<Vec<_>>(), [bssid]);
    }
}

#[test]
fn the_parent_refuses_and_names_the_clients_own_bssid() {
    let mut world = World::new(wpa2(OWN));
    world.heard(&authentication(BASE, stranger(1)));
    world.run(1);
    let refusal = world.answers(0, stranger(1), FrameKind::AUTHENTICATION)[0].to_vec();
    assert_eq!((status_of(&refusal), transmitter(&refusal)), (StatusCode::SUGGESTED_BSS_TRANSITION, BASE));
    let Ok(Frame::Management(frame)) = Frame::parse(&refusal) else { panic!() };
    let report = frame.parse_body().unwrap().elements().find(ElementId::NEIGHBOR_REPORT).unwrap();
    let offered = MacAddr::from_slice(&report.data[..6]).unwrap();
    assert_eq!((report.data[10], report.data[11]), (115, 36), "operating class and channel");
    let unasked = world.answers(0, stranger(1), FrameKind::PROBE_RESPONSE);
    assert_eq!(unasked.iter().map(|frame| transmitter(frame)).collect::<Vec<_>>(), [offered]);
    assert!(world.acknowledged.contains(&offered));

    world.run(20_000);
    let beacons: Vec<_> = world.air.iter().filter(|on_air| transmitter(&on_air.frame) == offered).collect();
    assert!((90..110).contains(&beacons.len()), "{} beacons for ten seconds", beacons.len());
    assert!(beacons.iter().all(|beacon| beacon.frame[4..10] == stranger(1).octets()));
    assert_eq!(world.ap.occupancy().virtual_aps, 0);
}

#[test]
fn a_client_that_scans_actively_gets_no_beacons_before_it_is_there() {
    let mut world = World::new(wpa2(OWN));
    world.heard(&probe(stranger(1), b"net"));
    world.run(1);
    let offered = transmitter(world.answers(0, stranger(1), FrameKind::PROBE_RESPONSE)[0]);
    world.heard(&authentication(BASE, stranger(1)));
    world.run(1);
    assert_eq!(world.answers(0, stranger(1), FrameKind::PROBE_RESPONSE).len(), 2, "it is told again");
    world.run(2000);
    let beacons = world.air.iter().filter(|on_air| kind_of(&on_air.frame) == Some(FrameKind::BEACON));
    assert_eq!(beacons.filter(|on_air| transmitter(&on_air.frame) == offered).count(), 0);
}

#[test]
fn a_client_that_only_listens_is_caught_by_the_parent() {
    let mut world = World::new(wpa2(OWN));
    world.link(LinkConfig { passive: true, ..secure(1, 1) });
    world.run(8000);
    assert_eq!(world.links[0].1.state(), LinkState::Connected, "{:?}", world.link_events);
    assert!(format!("{:?}", world.link_events).contains("Refused(82"), "it came to the parent first");
    assert_ne!(world.bssid_of(0), BASE);
    world.traffic_both_ways(0);
}

#[test]
fn any_free_bssid_may_be_taken_and_nobody_elses() {
    let mut world = World::joined(open(OWN), 1);
    let taken = world.bssid_of(0);
    let free = (1..16).map(bssid).find(|bssid| *bssid != taken).unwrap();
    for to in [taken, free] {
        let since = world.air.len();
        world.heard(&authentication(to, stranger(1)));
        world.heard(&association(to, stranger(1), &[], 2));
        world.run(1);
        let answers = world.answers(since, stranger(1), FrameKind::AUTHENTICATION);
        let expected = if to == taken { StatusCode::SUGGESTED_BSS_TRANSITION } else { StatusCode::SUCCESS };
        assert_eq!(status_of(answers[0]), expected);
    }
    let clients: BTreeSet<_> =
        world.ap.virtual_aps().flat_map(|ap| ap.peers()).map(|peer| peer.address()).collect();
    assert_eq!(clients, BTreeSet::from([station(1), stranger(1)]));
    assert_eq!(world.left(station(1)), 0);
}

#[test]
fn a_virtual_ap_goes_with_its_client_and_its_address_is_acknowledged_no_longer() {
    let mut world = World::joined(wpa2(OWN), 2);
    let bssid = world.bssid_of(0);
    assert!(world.acknowledged.contains(&bssid));
    world.links[0].1.stop();
    world.run(10);
    assert!(!world.acknowledged.contains(&bssid));
    assert_eq!(world.ap.virtual_aps().map(|ap| ap.bssid()).collect::<Vec<_>>(), [world.bssid_of(1)]);
    let since = world.air.len();
    world.run(500);
    assert!(!world.air[since..].iter().any(|on_air| transmitter(&on_air.frame) == bssid), "it is silent");
    world.traffic_both_ways(1);
}

#[test]
fn what_comes_for_everybody_reaches_each_client_once_under_its_own_key() {
    let mut world = World::joined(wpa2(OWN), 3);
    let since = world.air.len();
    world.send_down(MacAddr::BROADCAST, b"news for all");
    world.run(300);
    assert_eq!([0, 1, 2].map(|index| world.got(index, b"news for all")), [1, 1, 1]);
    let group = world.air[since..].iter().filter(|on_air| kind_of(&on_air.frame) == Some(FrameKind::DATA));
    assert_eq!(group.filter(|on_air| on_air.frame[4] & 1 == 1).count(), 3);
}

#[test]
fn sec_h4_an_association_ends_when_the_same_station_has_joined_elsewhere_and_not_before() {
    let mut world = World::new(wpa2(OWN));
    world.link(LinkConfig { doze_after: Some(Duration::from_millis(50)), ..secure(1, 1) });
    world.run(500);
    let first = world.bssid_of(0);
    let second = (1..16).map(bssid).find(|bssid| *bssid != first).unwrap();
    world.heard(&authentication(second, station(1)));
    world.heard(&association(second, station(1), &WPA2_PSK, 9));
    assert_eq!(world.ap.occupancy().stations, 2, "one is active, one joins");
    world.traffic_both_ways(0);
    assert_eq!(world.left(station(1)), 0, "who only claims to be the station ends nothing");

    world.run(500);
    world.links.clear();
    for _ in 0..5 {
        world.send_down(station(1), b"for the first");
    }
    assert_eq!(world.ap.occupancy().queued, 5, "it dozes");
    // It knows the second one from before: nobody tells it now.
    let mut known = world.answers(0, station(1), FrameKind::PROBE_RESPONSE)[0].to_vec();
    for field in [10..16, 16..22] {
        known[field].copy_from_slice(&second.octets());
    }
    world.link(LinkConfig { bssid: Some(second), ..secure(1, 1) });
    world.run(10);
    world.links[0].1.handle_frame(at(world.now), &RxInfo::default(), &mut known);
    world.run(600);
    assert_eq!(world.bssid_of(0), second);
    world.traffic_both_ways(0);
    assert_eq!((world.got(0, b"for the first"), world.ap.occupancy().virtual_aps), (0, 1));
    assert_eq!(world.ap.drops().of(DropReason::StaleAssociation), 5);
}

#[test]
fn sec_h4_a_station_that_joined_on_another_radio_leaves_without_a_word_and_without_its_queue() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        world.away.push(0);
        for _ in 0..20 {
            world.send_down(station(1), b"for the old association");
        }
        let since = world.air.len();
        world.ap.station_elsewhere(at(world.now), NETWORK, station(1));
        world.run(50);
        assert_eq!(world.answers(since, station(1), FrameKind::DEAUTHENTICATION).len(), 0);
        let data = |frame: &[u8]| frame[0] & 0x0c == 8;
        assert!(!world.air[since..].iter().any(|on_air| data(&on_air.frame)));
        assert_eq!((world.left(station(1)), world.ap.occupancy().stations), (1, 0));
        world.send_down(station(1), b"too late");
        assert_eq!(world.ap.occupancy().queued, 0);
    }
}

#[test]
fn leaving_is_told_with_network_bssid_and_station() {
    let mut world = World::joined(wpa2(OWN), 1);
    let bssid = world.bssid_of(0);
    world.links[0].1.stop();
    world.run(5);
    let told = world.ap_events.iter().any(|event| {
        matches!(event, ApEvent::StationLeft { network: NETWORK, bssid: b, station: s, .. }
            if *b == bssid && *s == station(1))
    });
    assert!(told, "{:?}", world.ap_events);
}

#[test]
fn those_who_come_at_the_same_time_are_offered_different_bssids() {
    let mut world = World::new(wpa2(OWN));
    for n in 1..=8 {
        world.heard(&probe(stranger(n), b"net"));
    }
    world.run(1);
    let offered: BTreeSet<_> =
        (1..=8).map(|n| transmitter(world.answers(0, stranger(n), FrameKind::PROBE_RESPONSE)[0])).collect();
    assert_eq!(offered.len(), 8);
}
