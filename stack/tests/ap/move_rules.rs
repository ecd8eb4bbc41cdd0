//! What must hold when a virtual AP moves: the rules of handover, queues and power save.

use std::time::Duration;

use stack::ap::{Context, ContextError, NetworkConfig, Refusal, SharedClock};
use stack::mac::{DropReason, TxRange};
use stack::sta::LinkState;
use stack::wire::{FrameKind, MacAddr, SequenceControl};

use crate::two::{OWN, Two, above, dozing, half, packet_numbers, rises};
use crate::world::{
    FAR, WPA2_PSK, association, at, authentication, bssid, contains, data, open, probe, station, transmitter,
    wpa2,
};

#[test]
fn sec_h1_and_h11_packet_numbers_of_both_keys_rise_over_both_radios() {
    for step in [Two::moved as fn(&mut Two), Two::moved_far] {
        let mut two = Two::joined(wpa2(OWN));
        for _ in 0..4 {
            two.world.traffic_both_ways(0);
            step(&mut two);
        }
        two.world.traffic_both_ways(0);
        for numbers in packet_numbers(&two.world.air) {
            assert!(rises(&numbers), "{numbers:?}");
        }
        assert_eq!(two.world.answers(0, station(1), FrameKind::ASSOCIATION_RESPONSE).len(), 1);
    }
}

#[test]
fn sec_h1_packet_numbers_that_may_have_been_used_are_refused() {
    let mut two = Two::joined(wpa2(OWN));
    two.world.traffic_both_ways(0);
    let now = at(two.world.now);
    let copy = two.world.ap.virtual_aps().next().unwrap().context(now, SharedClock::default()).unwrap();
    let context = two.take().into_context(now, SharedClock::default()).unwrap();
    let used: Vec<_> = context.keys().collect();
    assert_eq!(used.len(), 2);
    let [own, group] = packet_numbers(&two.world.air);
    assert_eq!((used[0].1, used[1].1), (own[own.len() - 1], group[group.len() - 1]));
    let reserved: Vec<_> = copy.keys().collect();
    let limit = half(0).fresh_keys.limit;
    assert_eq!(
        reserved,
        [(used[0].0, limit), (used[1].0, limit)],
        "its owner may go on to the end of its range"
    );
    for (n, less, refused) in [(0, 1, true), (1, 1, true), (0, 0, false)] {
        let (key, last) = used[n];
        let range = |id, used| {
            let after = if id == key { last - less } else { used };
            Some(TxRange { after, ..TxRange::ALL })
        };
        let result =
            context.clone().into_virtual_ap(now, SharedClock::default(), &two.network, range).map(|_| ());
        let too_low = ContextError::RangeTooLow { given: last - less, used: last };
        assert_eq!(result, if refused { Err(too_low) } else { Ok(()) });
    }
    let none = context.into_virtual_ap(now, SharedClock::default(), &two.network, |_, _| None);
    assert_eq!(none.map(|_| ()), Err(ContextError::NoRange));
}

#[test]
fn sec_h2_what_was_heard_at_one_radio_is_a_replay_at_the_other() {
    for step in [Two::moved as fn(&mut Two), Two::moved_far] {
        let mut two = Two::joined(wpa2(OWN));
        two.world.send_up(0, FAR, b"once and no more");
        two.world.run(10);
        let heard = two.world.sent.last().unwrap().1.clone();
        step(&mut two);
        two.world.run(6000);
        let before = two.world.ap.drops().of(DropReason::Replay);
        two.hear(&heard);
        assert_eq!(two.world.reached_ds(b"once and no more"), 1);
        assert_eq!(two.world.ap.drops().of(DropReason::Replay), before + 1);
        two.world.traffic_both_ways(0);
    }
}

#[test]
fn sec_h2_without_receive_counters_nothing_is_taken_before_a_new_handshake() {
    let mut two = Two::joined(wpa2(OWN));
    let clock = SharedClock::default();
    let copy = two.world.ap.virtual_aps().next().unwrap().context(at(two.world.now), clock).unwrap();
    two.world.send_up(0, FAR, b"after the copy");
    two.world.run(10);
    let heard = two.world.sent.last().unwrap().1.clone();
    // The first radio is gone.
    let copy = Context::decode(&copy.encode()).unwrap();
    let now = at(two.world.now);
    let ap = copy.into_virtual_ap(now, clock, &two.network, above).unwrap();
    two.hand_over(ap);
    two.hear(&heard);
    assert_eq!(two.world.reached_ds(b"after the copy"), 1, "not a second time");
    assert_eq!(two.world.ap.drops().of(DropReason::CountersUnknown), 1);
    let since = two.world.air.len();
    two.world.run(200);
    assert_eq!(two.world.links[0].1.state(), LinkState::Connected);
    assert_eq!(two.world.answers(since, station(1), FrameKind::DEAUTHENTICATION).len(), 0);
    two.hear(&heard);
    assert_eq!(two.world.reached_ds(b"after the copy"), 1, "nor under the new key");
    two.world.traffic_both_ways(0);
}

#[test]
fn sec_h3_what_was_queued_under_an_association_that_ended_after_the_move_is_not_sent() {
    for step in [Two::moved as fn(&mut Two), Two::moved_far] {
        let mut two = dozing(5);
        let bssid = two.bssid();
        step(&mut two);
        let since = two.world.air.len();
        two.hear(&authentication(bssid, station(1)));
        two.hear(&association(bssid, station(1), &WPA2_PSK, 9));
        two.hear(&data(FrameKind::NULL, bssid, station(1), false, &[]));
        two.world.run(100);
        assert_eq!(two.world.ap.drops().of(DropReason::StaleAssociation), 5);
        assert!(!two.world.answers(since, station(1), FrameKind::ASSOCIATION_RESPONSE).is_empty());
        assert!(packet_numbers(&two.world.air[since..])[0].is_empty());
        assert!(!two.world.air.iter().any(|on_air| contains(&on_air.frame, b"for the one who dozes")));
    }
}

#[test]
fn sec_h4_a_station_that_has_joined_anew_meanwhile_gets_nothing_of_before() {
    let mut two = dozing(5);
    let ap = two.take();
    two.change();
    two.world.links.clear();
    two.world.away.clear();
    two.link(|config| config);
    let refused = two.world.ap.adopt(at(two.world.now), ap).unwrap_err();
    assert_eq!(
        (refused.why, refused.ap.peers().map(|peer| peer.queued()).sum::<usize>()),
        (Refusal::StationHere, 5)
    );
    drop(refused);
    two.world.traffic_both_ways(0);
    assert_eq!(two.world.got(0, b"for the one who dozes"), 0);
}

#[test]
fn sec_h5_nothing_leaves_the_old_radio_and_its_keys_are_gone() {
    let mut two = dozing(5);
    let bssid = two.bssid();
    two.world.send_down(MacAddr::BROADCAST, b"for all");
    // What its radio would have sent next: answers, and a beacon that is due.
    two.hear(&probe(station(1), b"net"));
    two.world.ap.handle_timeout(at(two.world.now + 150));
    let ap = two.take();
    let since = two.world.air.len();
    two.world.send_down(station(1), b"too late");
    two.world.run(3000);
    assert!(!two.world.air[since..].iter().any(|on_air| transmitter(&on_air.frame) == bssid));
    assert!(two.world.ap.drops().of(DropReason::MovedAway) > 0, "{:?}", two.world.ap.drops());
    assert_eq!((two.world.ap.occupancy().queued, two.world.ap.virtual_aps().count()), (0, 0));
    assert!(!two.world.acknowledged.contains(&bssid));
    assert_eq!(ap.peers().map(|peer| peer.queued()).sum::<usize>(), 5);
}

#[test]
fn sec_h10_a_handshake_is_not_interrupted_by_a_move() {
    let mut two = Two::new(wpa2(OWN));
    let to = bssid(3);
    two.hear(&authentication(to, station(1)));
    two.hear(&association(to, station(1), &WPA2_PSK, 2));
    two.world.run(5);
    assert_eq!(two.world.ap.occupancy().stations, 1);
    assert!(!two.world.ap.drain(to), "message 1 was not answered");
    let clock = SharedClock::default();
    assert!(two.world.ap.virtual_aps().all(|ap| ap.context(at(two.world.now), clock).is_none()));

    let network = NetworkConfig { group_rekey: Some(Duration::from_millis(600)), ..wpa2(OWN) };
    let mut two = Two::joined(network);
    two.world.away.push(0);
    two.world.run(400);
    assert!(!two.world.ap.drain(two.bssid()), "the group key was not answered");
    assert!(!two.world.ap.drain(bssid(9)) && !two.world.ap.drain(FAR), "there is none");
    two.world.away.clear();
    two.world.run(1100);
    assert!(two.world.ap.drain(two.bssid()));
}

#[test]
fn sec_h10_fragments_heard_before_a_move_are_forgotten() {
    for step in [Two::moved as fn(&mut Two), Two::moved_far] {
        for moves in [false, true] {
            let mut two = Two::joined(open(OWN));
            let piece = |fragment: u8, body: &[u8], more: bool, bssid| {
                let mut frame = data(FrameKind::DATA, bssid, station(1), false, body);
                frame[22..24].copy_from_slice(&SequenceControl::new(700, fragment).0.to_le_bytes());
                frame[1] |= if more { 4 } else { 0 };
                frame
            };
            let bssid = two.bssid();
            two.hear(&piece(0, b"\xaa\xaa\x03\x00\x00\x00\x08\x00the first half", true, bssid));
            if moves {
                step(&mut two);
            }
            two.hear(&piece(1, b" and the other", false, bssid));
            assert_eq!(two.world.reached_ds(b"the first half and the other"), usize::from(!moves));
        }
    }
}
