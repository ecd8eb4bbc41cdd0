//! A radio that has a part of the block to itself, and a part of the packet numbers.

use stack::ap::{BssidBlock, RadioConfig, VirtualApKind};
use stack::crypto::CipherHeader;
use stack::mac::TxRange;
use stack::wire::{Frame, FrameKind, MacAddr};

use crate::world::{
    BASE, World, association, authentication, bssid, open, probe, radio, stranger, transmitter, wpa2,
};

const BLOCK: BssidBlock = BssidBlock { base: BASE, bits: 4 };
/// Addresses 8 to 11 of it.
const OWN: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 1, 8]), bits: 2 };

fn world(networks: Vec<stack::ap::NetworkConfig>) -> World {
    World::on(RadioConfig { own: OWN, ..radio(BLOCK) }, networks)
}

#[test]
fn parents_and_offers_are_at_the_own_addresses_alone() {
    let mut world = world(vec![open(VirtualApKind::PerClient)]);
    world.run(300);
    for n in 1..=20 {
        world.heard(&probe(stranger(n), b"net"));
        world.run(1);
    }
    let beacons = world.air.iter().filter(|on_air| on_air.frame[4..10] == MacAddr::BROADCAST.octets());
    assert!(beacons.clone().count() >= 2);
    assert!(beacons.into_iter().all(|on_air| transmitter(&on_air.frame) == bssid(8)));
    let offered = world.air.iter().filter(|on_air| on_air.frame[0] == 0x50);
    let offered: std::collections::BTreeSet<_> = offered.map(|answer| transmitter(&answer.frame)).collect();
    assert!(offered.is_subset(&[9, 10, 11].map(bssid).into()) && !offered.is_empty(), "{offered:?}");
    assert!(world.acknowledged.iter().all(|bssid| (8..12).contains(&bssid.octets()[5])));
}

#[test]
fn nobody_is_answered_at_an_address_of_another_radio() {
    let mut world = world(vec![open(VirtualApKind::PerClient), open(VirtualApKind::Shared)]);
    for place in (0..8).chain(12..16) {
        world.heard(&authentication(bssid(place), stranger(1)));
        world.heard(&association(bssid(place), stranger(1), &[], 2));
    }
    world.run(20);
    assert!(!world.air.iter().any(|on_air| on_air.frame[4..10] == stranger(1).octets()));
    for (place, kind) in [(8, FrameKind::AUTHENTICATION), (9, FrameKind::ASSOCIATION_RESPONSE)] {
        world.heard(&authentication(bssid(place), stranger(2)));
        world.heard(&association(bssid(place), stranger(2), &[], 2));
        world.run(20);
        assert!(!world.answers(0, stranger(2), kind).is_empty(), "{place}");
    }
}

#[test]
fn places_for_clients_are_counted_in_the_own_part() {
    let mut world = world(vec![open(VirtualApKind::PerClient)]);
    for n in 1..=5 {
        world.heard(&probe(stranger(n), b"net"));
        world.run(1);
        let Some(answer) = world.answers(0, stranger(n), FrameKind::PROBE_RESPONSE).first().copied() else {
            break;
        };
        let to = transmitter(answer);
        world.heard(&authentication(to, stranger(n)));
        world.heard(&association(to, stranger(n), &[], 2));
        world.run(20);
    }
    assert_eq!(world.ap.virtual_aps().count(), 3);
}

#[test]
fn fresh_keys_begin_in_the_range_that_the_radio_was_given() {
    let range = TxRange { after: (5 << 22) - 1, rekey_above: (6 << 22) - 100, limit: (6 << 22) - 1 };
    for kind in crate::world::KINDS {
        let config = RadioConfig { own: OWN, fresh_keys: range, ..radio(BLOCK) };
        let mut world = World::on(config, vec![wpa2(kind)]);
        world.link(crate::world::secure(1, 1));
        world.run(1000);
        world.traffic_both_ways(0);
        let (mut own, mut group) = (Vec::new(), Vec::new());
        for on_air in &world.air {
            let Ok(Frame::Data(frame)) = Frame::parse(&on_air.frame) else { continue };
            if frame.frame_control().protected() {
                let numbers = if frame.addr1().is_group() { &mut group } else { &mut own };
                numbers.push(CipherHeader::peek(&on_air.frame, frame.header_len()).unwrap().pn);
            }
        }
        assert_eq!((own.first(), group.first()), (Some(&(5 << 22)), Some(&(5 << 22))), "{kind:?}");
        assert!(own.iter().chain(&group).all(|pn| *pn < 6 << 22));
    }
}
