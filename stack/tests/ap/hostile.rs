//! Frames that a station should not have sent.

use stack::ap::VirtualApKind;
use stack::mac::DropReason;
use stack::sta::{LinkConfig, LinkState};
use stack::wire::management::{Action, Leave};
use stack::wire::{FrameKind, MacAddr, ManagementBody, ReasonCode, RxInfo};

use crate::world::{
    BASE, FAR, KINDS, WPA2_PSK, World, association, at, authentication, bssid, contains, data, kind_of,
    management, open, probe, secure, station, stranger, wpa2,
};

const EAPOL: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e];
const IPV4: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];

/// A world in which the handshake of a station waits for its message 2, and the BSSID that it is at.
fn half_open(kind: VirtualApKind) -> (World, MacAddr) {
    let mut world = World::new(wpa2(kind));
    world.lose = |frame| frame[0] & 0x0c == 8;
    world.link(secure(1, 1));
    world.run(200);
    assert_eq!(world.links[0].1.state(), LinkState::Securing);
    let bssid = world.bssid_of(0);
    (world, bssid)
}

fn finish(mut world: World) {
    world.lose = |_| false;
    world.run(1500);
    assert_eq!(world.links[0].1.state(), LinkState::Connected, "{:?}", world.ap.drops());
    world.traffic_both_ways(0);
}

#[test]
fn sec_m3_a_group_or_own_transmitter_gets_no_answer() {
    for kind in KINDS {
        let mut world = World::new(open(kind));
        let from = [MacAddr::BROADCAST, BASE, bssid(7), MacAddr([3, 0, 0, 0, 0, 1]), MacAddr::ZERO];
        for from in from {
            world.heard(&authentication(BASE, from));
            world.heard(&probe(from, b""));
        }
        world.run(1);
        assert!(world.air.iter().all(|on_air| kind_of(&on_air.frame) == Some(FrameKind::BEACON)));
        assert_eq!(world.ap.drops().of(DropReason::BadTransmitter), 10);
    }
}

#[test]
fn sec_m4_eapol_start_logoff_and_eap_change_nothing() {
    let packets = [[2, 1, 0, 0].to_vec(), [2, 2, 0, 0].to_vec(), [2, 0, 0, 4, 4, 0, 0, 4].to_vec()];
    for kind in KINDS {
        let (mut world, bssid) = half_open(kind);
        for packet in &packets {
            for _ in 0..100 {
                let body = [&EAPOL[..], packet].concat();
                world.heard(&data(FrameKind::DATA, bssid, station(1), false, &body));
            }
        }
        assert_eq!(world.left(station(1)), 0);
        finish(world);
        // And after the handshake they are not even looked at in plaintext.
        let mut world = World::joined(wpa2(kind), 1);
        let bssid = world.bssid_of(0);
        for packet in &packets {
            let mut frame = data(FrameKind::DATA, bssid, station(1), false, &[&EAPOL[..], packet].concat());
            frame[16..22].copy_from_slice(&bssid.octets());
            world.heard(&frame);
        }
        assert_eq!(world.ap.drops().of(DropReason::Unprotected), 3);
        world.traffic_both_ways(0);
    }
}

#[test]
fn sec_k6_forged_handshake_messages_change_nothing() {
    for kind in KINDS {
        let (mut world, bssid) = half_open(kind);
        let message_2 = world.sent.iter().map(|(_, frame)| frame).find(|frame| contains(frame, &EAPOL));
        let message_2 = message_2.unwrap().clone();
        let start = message_2.windows(8).position(|window| window == EAPOL).unwrap() + 8;
        let rejected = world.ap.drops().of(DropReason::EapolRejected);
        let mut forged = 0;
        for at in start..message_2.len() {
            let mut frame = message_2.clone();
            frame[at] ^= 0x41;
            world.heard(&frame);
            forged += 1;
        }
        for len in start..message_2.len() {
            world.heard(&message_2[..len]);
            forged += 1;
        }
        // The EAPOL version and bits that no version of the handshake looks at may differ; the MIC covers them.
        assert!(world.ap.drops().of(DropReason::EapolRejected) >= rejected + forged - 4);
        assert_eq!((world.left(station(1)), bssid), (0, world.bssid_of(0)));
        finish(world);
    }
}

#[test]
fn sec_k8_the_rsne_of_the_association_is_that_of_message_2() {
    for kind in KINDS {
        let mut world = World::new(wpa2(kind));
        world.lose = |frame| kind_of(frame) == Some(FrameKind::ASSOCIATION_REQUEST);
        world.link(secure(1, 1));
        world.run(200);
        let mut requests = world.sent.iter().map(|(_, frame)| frame);
        let mut request =
            requests.rfind(|frame| kind_of(frame) == Some(FrameKind::ASSOCIATION_REQUEST)).unwrap().clone();
        let at = request.windows(2).position(|window| window == [48, 20]).unwrap();
        request[at + 20] ^= 0x0c;
        world.heard(&request);
        world.run(20);
        let left = world.ap_events.iter().find_map(|event| match event {
            stack::ap::ApEvent::StationLeft { reason, .. } => Some(*reason),
            _ => None,
        });
        assert_eq!(left, Some(ReasonCode::HANDSHAKE_ELEMENT_MISMATCH));
    }
}

#[test]
fn sec_d10_nothing_is_forwarded_before_the_handshake_and_eapol_never() {
    for kind in KINDS {
        let (mut world, bssid) = half_open(kind);
        let body = [&IPV4[..], b"too early"].concat();
        world.heard(&data(FrameKind::DATA, bssid, station(1), false, &body));
        world.heard(&data(FrameKind::DATA, bssid, station(1), false, &[&EAPOL[..], b"too early"].concat()));
        let dropped = |reason| world.ap.drops().of(reason);
        assert_eq!(dropped(DropReason::Unprotected) + dropped(DropReason::PortClosed), 1);
        assert_eq!(dropped(DropReason::EapolNotForUs), 1);
        world.send_down(station(1), b"also too early");
        world.run(5);
        assert_eq!((world.reached_ds(b"too early"), world.ap.occupancy().queued), (0, 0));
        finish(world);
        let mut world = World::joined(wpa2(kind), 2);
        let eapol =
            [&station(2).octets()[..], &station(1).octets(), &[0x88, 0x8e], b"for my neighbour"].concat();
        world.links[0].1.handle_msdu(at(world.now), &eapol);
        world.run(50);
        assert_eq!((world.got(1, b"for my neighbour"), world.reached_ds(b"for my neighbour")), (0, 0));
        assert_eq!(world.links[0].1.drops().of(DropReason::EapolNotForUs), 1, "nor does a link send it");
    }
}

#[test]
fn sec_d1_plaintext_data_in_a_protected_association_is_dropped() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        let bssid = world.bssid_of(0);
        let body = [&IPV4[..], b"forged"].concat();
        world.heard(&data(FrameKind::DATA, bssid, station(1), false, &body));
        world.run(5);
        assert_eq!((world.reached_ds(b"forged"), world.ap.drops().of(DropReason::Unprotected)), (0, 1));
    }
}

#[test]
fn sec_d14_a_retransmission_is_dropped_also_of_an_association_request() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        world.send_up(0, FAR, b"only once");
        world.run(5);
        let mut again = world.sent.last().unwrap().1.clone();
        again[1] |= 0x08;
        world.heard(&again);
        world.run(5);
        assert_eq!((world.reached_ds(b"only once"), world.ap.drops().of(DropReason::Duplicate)), (1, 1));

        let mut requests = world.sent.iter().map(|(_, frame)| frame);
        let mut request =
            requests.find(|frame| kind_of(frame) == Some(FrameKind::ASSOCIATION_REQUEST)).unwrap().clone();
        request[1] |= 0x08;
        world.heard(&request);
        assert_eq!(world.ap.drops().of(DropReason::Duplicate), 2);
        world.traffic_both_ways(0);
    }
}

#[test]
fn sec_d12_a_replayed_frame_is_dropped() {
    let mut world = World::joined(wpa2(VirtualApKind::PerClient), 1);
    world.send_up(0, FAR, b"only once");
    world.run(5);
    let mut again = world.sent.last().unwrap().1.clone();
    again[22] = again[22].wrapping_add(0x10);
    world.heard(&again);
    world.run(5);
    assert_eq!((world.reached_ds(b"only once"), world.ap.drops().of(DropReason::Replay)), (1, 1));
}

#[test]
fn sec_m11_malformed_elements_are_survived_and_the_first_of_two_counts() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        let own = world.bssid_of(0);
        let good = [probe(stranger(1), b"net"), association(own, station(1), &WPA2_PSK, 77)];
        for frame in &good {
            for at in 24..frame.len() {
                for value in [0, 1, 255] {
                    let mut frame = frame.clone();
                    frame[at] = value;
                    if kind_of(&frame) == Some(FrameKind::PROBE_REQUEST)
                        || frame[10..16] != station(1).octets()
                    {
                        world.heard(&frame);
                    }
                    frame[10..16].copy_from_slice(&stranger(2).octets());
                    world.heard(&authentication(own, stranger(2)));
                    world.heard(&frame);
                    world.heard(&frame[..at]);
                }
            }
        }
        world.run(50);
        world.traffic_both_ways(0);
        let since = world.air.len();
        let mut twice = probe(stranger(3), b"other");
        twice.extend_from_slice(&[0, 3, b'n', b'e', b't']);
        world.heard(&twice);
        world.run(1);
        assert_eq!(world.answers(since, stranger(3), FrameKind::PROBE_RESPONSE).len(), 0);
    }
}

#[test]
fn sec_m14_frames_with_a_bad_checksum_or_cut_short_are_counted_and_dropped() {
    let mut world = World::new(open(VirtualApKind::Shared));
    let info = RxInfo { bad_fcs: true, ..RxInfo::default() };
    world.ap.handle_frame(at(0), &info, &mut probe(stranger(1), b""));
    for len in 0..24 {
        world.heard(&probe(stranger(1), b"")[..len]);
    }
    world.run(1);
    assert!(world.air.iter().all(|on_air| kind_of(&on_air.frame) == Some(FrameKind::BEACON)));
    assert_eq!(world.ap.drops().of(DropReason::BadFcs), 1);
    assert_eq!(world.ap.drops().total(), 25, "{:?}", world.ap.drops());
}

#[test]
fn sec_h5_nothing_leaves_after_a_deauthentication() {
    for kind in KINDS {
        let mut world = World::joined(wpa2(kind), 1);
        let bssid = world.bssid_of(0);
        for _ in 0..50 {
            world.send_down(station(1), b"too late");
        }
        let leave = ManagementBody::Deauthentication(Leave::new(ReasonCode::LEAVING));
        world.away.push(0);
        world.heard(&management(bssid, station(1), &leave, 4000));
        let since = world.air.len();
        world.run(300);
        let data = |frame: &[u8]| frame[0] & 0x0c == 8 && frame[4] & 1 == 0;
        assert!(!world.air[since..].iter().any(|on_air| data(&on_air.frame)));
        assert_eq!(world.ap.drops().of(DropReason::StaleAssociation), 50);
    }
}

#[test]
fn sec_m10_an_answer_to_an_authentication_is_not_answered() {
    // Else two APs would answer each other for ever, once somebody had sent one of them a frame in the other's name.
    for kind in KINDS {
        let mut world = World::new(open(kind));
        for algorithm in [0, 1, 3] {
            for transaction in [0_u16, 2, 3, u16::MAX] {
                for to in [bssid(3), BASE] {
                    let mut frame = authentication(to, stranger(1));
                    frame[24] = algorithm;
                    frame[26..28].copy_from_slice(&transaction.to_le_bytes());
                    world.heard(&frame);
                }
            }
        }
        world.run(1);
        assert_eq!(world.answers(0, stranger(1), FrameKind::AUTHENTICATION).len(), 0);
        assert_eq!(world.ap.drops().of(DropReason::UnexpectedManagement), 24);
    }
}

#[test]
fn a_public_action_frame_is_of_class_1() {
    for kind in KINDS {
        let mut world = World::new(open(kind));
        for (category, told) in [(4, 0), (5, 1)] {
            let action = ManagementBody::Action(Action { category, details: &[0, 1] });
            world.heard(&management(BASE, stranger(1), &action, 1));
            world.run(1);
            assert_eq!(world.answers(0, stranger(1), FrameKind::DEAUTHENTICATION).len(), told);
        }
    }
}

#[test]
fn class_2_and_3_frames_are_answered_with_their_reasons() {
    let mut world = World::new(open(VirtualApKind::PerClient));
    let reason = |world: &World, since: usize| {
        let answers = world.answers(since, stranger(1), FrameKind::DEAUTHENTICATION);
        answers.iter().map(|frame| frame[24]).collect::<Vec<_>>()
    };
    world.heard(&association(bssid(3), stranger(1), &[], 1));
    world.run(1);
    assert_eq!(reason(&world, 0), [6]);
    world.run(1000);
    let since = world.air.len();
    world.heard(&authentication(bssid(3), stranger(1)));
    world.heard(&data(FrameKind::DATA, bssid(3), stranger(1), false, &IPV4));
    world.run(1);
    assert_eq!(reason(&world, since), [7]);
    world.link(LinkConfig::new(station(1), b"net"));
    world.run(300);
    assert_eq!(world.links[0].1.state(), LinkState::Connected);
}
