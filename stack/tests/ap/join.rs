//! Joining, and what an AP answers.

use stack::ap::{NetworkConfig, VirtualApKind};
use stack::mac::DropReason;
use stack::sta::{LinkConfig, LinkState};
use stack::wire::element::{ElementKind, ElementsBuf, HtCapabilities, Wmm};
use stack::wire::{ElementId, Frame, FrameKind, MacAddr, ManagementBody, StatusCode};

use crate::world::{
    BASE, KINDS, OnAir, World, association, authentication, bssid, contains, kind_of, open, probe, secure,
    station, status_of, stranger, wpa2,
};

#[test]
fn a_link_joins_an_open_network_and_talks_both_ways() {
    for kind in KINDS {
        World::joined(open(kind), 1).traffic_both_ways(0);
    }
}

#[test]
fn a_link_joins_a_wpa2_network_and_talks_both_ways_encrypted() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        world.traffic_both_ways(0);
        let plain = |bytes: &[u8]| contains(bytes, b"to the") || contains(bytes, b"to everybody");
        assert!(!world.air.iter().any(|on_air| plain(&on_air.frame)), "data left in plaintext");
    }
}

#[test]
fn a_wrong_passphrase_is_refused_and_the_ap_lives() {
    for kind in KINDS {
        let mut world = World::new(wpa2(kind));
        world.link(secure(1, 2));
        world.link(secure(2, 1));
        world.run(6000);
        assert_ne!(world.links[0].1.state(), LinkState::Connected);
        assert_eq!(world.links[1].1.state(), LinkState::Connected);
        assert!(world.left(station(1)) > 0, "its place is free again");
    }
}

#[test]
fn two_stations_reach_each_other_unless_isolated() {
    for kind in KINDS {
        for isolate in [false, true] {
            let mut world = World::joined(NetworkConfig { isolate, ..wpa2(kind) }, 3);
            let since = world.air.len();
            world.send_up(0, station(2), b"to my neighbour");
            world.send_up(0, MacAddr::BROADCAST, b"to all of them");
            world.run(300);
            assert_eq!(world.got(1, b"to my neighbour"), usize::from(!isolate), "{kind:?}");
            assert_eq!(world.ap.drops().of(DropReason::Isolated), u64::from(isolate));
            assert_eq!((world.got(0, b"to my neighbour"), world.got(2, b"to my neighbour")), (0, 0));
            let group = usize::from(!isolate);
            assert_eq!((world.got(1, b"to all of them"), world.got(2, b"to all of them")), (group, group));
            assert_eq!((world.got(0, b"to all of them"), world.reached_ds(b"to all of them")), (0, 1));
            let to_group = |on_air: &&OnAir| on_air.frame[0] & 0x0c == 8 && on_air.frame[4] & 1 == 1;
            let frames = if kind == VirtualApKind::Shared { 1 } else { 2 };
            assert_eq!(
                world.air[since..].iter().filter(to_group).count(),
                frames * group,
                "not to its sender"
            );
        }
    }
}

#[test]
fn a_hidden_network_tells_its_name_only_to_those_who_know_it() {
    for kind in KINDS {
        let mut world = World::new(NetworkConfig { hidden: true, ..open(kind) });
        world.heard(&probe(stranger(1), b""));
        world.heard(&probe(stranger(1), b"other"));
        world.run(300);
        assert!(!world.air.is_empty() && !world.air.iter().any(|on_air| contains(&on_air.frame, b"net")));
        world.link(LinkConfig::new(station(1), b"net"));
        world.run(500);
        assert_eq!(world.links[0].1.state(), LinkState::Connected);
        let since = world.air.len();
        world.run(500);
        assert!(
            !world.air[since..].iter().any(|on_air| contains(&on_air.frame, b"net")),
            "its beacons neither"
        );
    }
}

#[test]
fn a_full_network_answers_17() {
    for kind in KINDS {
        let mut world = World::joined(NetworkConfig { max_stations: 1, ..open(kind) }, 1);
        world.link(LinkConfig::new(station(2), b"net"));
        world.run(400);
        assert!(format!("{:?}", world.link_events).contains("Refused(17"), "{:?}", world.link_events);
        assert_eq!(world.links[0].1.state(), LinkState::Connected);
    }
}

#[test]
fn sixty_four_clients_of_both_kinds_join_within_ten_seconds_and_talk() {
    let shared = wpa2(VirtualApKind::Shared);
    let own = NetworkConfig {
        ssid: b"own".to_vec(),
        id: stack::ap::NetworkId(8),
        ..wpa2(VirtualApKind::PerClient)
    };
    let mut world = World::with(vec![shared, own], 6);
    for n in 0..64 {
        let ssid = if n % 2 == 0 { b"net".to_vec() } else { b"own".to_vec() };
        world.link(LinkConfig { ssid, ..secure(n, 1) });
    }
    world.run(5000);
    let connected = world.links.iter().filter(|(_, link)| link.state() == LinkState::Connected).count();
    assert_eq!(connected, 64, "{:?}", world.ap.drops());
    let own = world.ap.virtual_aps().filter(|ap| ap.config().kind == VirtualApKind::PerClient);
    assert_eq!(own.map(|ap| ap.peers().count()).collect::<Vec<_>>(), [1; 32]);
    for (from, to) in [(0, 2), (1, 3), (61, 63)] {
        world.send_up(from, station(to), b"hello");
        world.run(50);
        assert_eq!(world.got(usize::from(to), b"hello"), 1);
    }
}

#[test]
fn a_client_that_associates_again_gets_a_new_association_at_its_own_bssid() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        let bssid = world.bssid_of(0);
        world.links[0].1.stop();
        world.lose = |frame| kind_of(frame) == Some(FrameKind::DEAUTHENTICATION);
        world.run(100);
        world.links.clear();
        world.link(secure(1, 1));
        world.run(500);
        assert_eq!(world.links[0].1.state(), LinkState::Connected);
        assert_eq!(world.bssid_of(0), bssid, "it is answered from the virtual AP that it has");
        world.traffic_both_ways(0);
    }
}

/// The elements of a frame of the AP, by number, vendor specific ones as 221.
fn numbers(frame: &[u8]) -> Vec<u8> {
    let Ok(Frame::Management(frame)) = Frame::parse(frame) else { panic!("not a management frame") };
    frame.parse_body().unwrap().elements().iter().map(|element| element.id.0).collect()
}

#[test]
fn elements_come_in_the_order_of_the_standard() {
    let mut world = World::joined(wpa2(VirtualApKind::Shared), 1);
    world.run(200);
    let of = |kind| world.air.iter().find(|on_air| kind_of(&on_air.frame) == Some(kind)).unwrap();
    assert_eq!(numbers(&of(FrameKind::BEACON).frame), [0, 1, 5, 48, 45, 61, 127, 221]);
    assert_eq!(numbers(&of(FrameKind::PROBE_RESPONSE).frame), [0, 1, 48, 45, 61, 127, 221]);
    assert_eq!(numbers(&of(FrameKind::ASSOCIATION_RESPONSE).frame), [1, 45, 61, 127, 221]);
}

#[test]
fn what_a_station_needs_for_qos_is_in_the_association_response() {
    let mut world = World::new(open(VirtualApKind::Shared));
    let mut more = ElementsBuf::new();
    more.writer()
        .element(ElementId::HT_CAPABILITIES, &HtCapabilities::data(0, 0, [0xff, 0, 0, 0]))
        .put(&Wmm::Information { qos: 0x0f });
    world.heard(&authentication(BASE, station(1)));
    world.heard(&association(BASE, station(1), more.as_bytes(), 2));
    world.run(1);
    let answer = world.answers(0, station(1), FrameKind::ASSOCIATION_RESPONSE)[0].to_vec();
    let Ok(Frame::Management(frame)) = Frame::parse(&answer) else { panic!() };
    let ManagementBody::AssociationResponse(body) = frame.parse_body().unwrap() else { panic!() };
    assert_eq!((body.status, body.aid.number()), (StatusCode::SUCCESS, 1));
    assert!(
        body.capabilities.qos()
            && body.elements.find_kind(ElementKind::Id(ElementId::HT_OPERATION)).is_some()
    );
    let wmm = body.elements.get::<Wmm<'_>>().unwrap().unwrap();
    assert!(matches!(wmm, Wmm::Parameters { qos: 0x80, .. }), "U-APSD: {wmm:?}");
    let peer = world.ap.virtual_aps().next().unwrap().peers().next().unwrap();
    assert!(peer.config().qos && peer.config().uapsd.all() && peer.config().max_amsdu == Some(3839));
}

#[test]
fn requests_that_cannot_be_accepted_are_refused_with_the_reason() {
    let rsn = |bytes: &[u8]| [&[48, bytes.len() as u8][..], bytes].concat();
    let good = [1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 2, 0, 0];
    let with = |at: usize, value: u8| {
        let mut bytes = good;
        bytes[at] = value;
        rsn(&bytes)
    };
    let cases = [
        (vec![], StatusCode::INVALID_ELEMENT),
        (rsn(&good[..7]), StatusCode::INVALID_ELEMENT),
        (with(5, 2), StatusCode::INVALID_GROUP_CIPHER),
        (with(11, 2), StatusCode::INVALID_PAIRWISE_CIPHER),
        (with(17, 1), StatusCode::INVALID_AKM),
        (vec![48, 200, 1], StatusCode::UNSPECIFIED_FAILURE),
        (rsn(&good), StatusCode::SUCCESS),
    ];
    for kind in KINDS {
        for (number, (more, status)) in (1..).zip(&cases) {
            let mut world = World::new(wpa2(kind));
            world.heard(&authentication(bssid(5), station(1)));
            world.heard(&authentication(BASE, station(1)));
            let to = if kind == VirtualApKind::Shared { BASE } else { bssid(5) };
            world.heard(&association(to, station(1), more, number));
            world.run(1);
            let answers = world.answers(0, station(1), FrameKind::ASSOCIATION_RESPONSE);
            assert_eq!(
                answers.iter().map(|frame| status_of(frame)).collect::<Vec<_>>(),
                [*status],
                "{more:?}"
            );
            let inside = usize::from(*status == StatusCode::SUCCESS);
            assert_eq!(world.ap.occupancy().stations, inside);
        }
    }
}

#[test]
fn a_station_without_the_basic_rates_is_refused_with_18() {
    let mut world = World::new(open(VirtualApKind::Shared));
    world.heard(&authentication(BASE, station(1)));
    let mut frame = association(BASE, station(1), &[], 2);
    let at = frame.windows(2).position(|window| window == [1, 8]).unwrap();
    frame[at + 2] = 0x0b;
    world.heard(&frame);
    world.run(1);
    let answer = world.answers(0, station(1), FrameKind::ASSOCIATION_RESPONSE)[0].to_vec();
    assert_eq!(status_of(&answer), StatusCode::BASIC_RATES_MISMATCH);
    assert_eq!(answer[28..30], [0, 0], "no association ID");
}
