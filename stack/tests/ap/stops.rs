//! Two hosts have a virtual AP, and one of them stops; and one that nobody has any more.

use stack::ap::{ApEvent, ApRadio, SharedClock, VirtualAp};
use stack::mac::DropReason;
use stack::wire::{FrameKind, MacAddr, ReasonCode, RxInfo};

use crate::two::{LINGER, OWN, Two, above, dozing, half};
use crate::world::{Counting, FAR, at, authentication, data, kind_of, station, stranger, transmitter, wpa2};

/// The other radio has it too, from a copy.
fn taken_over(two: &mut Two) {
    let now = at(two.world.now);
    let copy =
        two.world.ap.virtual_aps().next().and_then(|ap| ap.context(now, SharedClock::default())).unwrap();
    let ap = copy.into_virtual_ap(now, SharedClock::default(), &two.network, above).unwrap();
    two.other.adopt(now, ap).unwrap();
}

fn withdrawn(two: &mut Two) -> VirtualAp {
    let (now, bssid) = (at(two.world.now), two.bssid());
    two.world.ap.withdraw(now, bssid, LINGER).unwrap()
}

#[test]
fn what_the_one_that_stops_has_queued_is_sent_by_the_other() {
    let mut two = dozing(0);
    let (now, clock) = (at(two.world.now), SharedClock::default());
    let context = two.take().into_context(now, clock).unwrap();
    for radio in [&mut two.world.ap, &mut two.other] {
        let ap = context.clone().into_virtual_ap(now, clock, &two.network, above).unwrap();
        radio.adopt(now, ap).unwrap();
    }
    for _ in 0..3 {
        two.world.send_down(station(1), b"for the one who dozes");
    }
    let left = withdrawn(&mut two).into_context(now, clock).unwrap();
    two.other.merge(now, left);
    two.change();
    two.world.away.clear();
    two.world.run(1000);
    assert_eq!(two.world.got(0, b"for the one who dozes"), 3);
}

#[test]
fn sec_h2_what_another_may_have_gone_on_with_is_taken_for_a_copy() {
    let mut two = dozing(3);
    let (now, clock) = (at(two.world.now), SharedClock::default());
    let copy = two.world.ap.virtual_aps().next().and_then(|ap| ap.context(now, clock)).unwrap();
    let before = copy.keys().next().unwrap().0;
    let whole = two.take().into_context(now, clock).unwrap();
    assert_ne!(whole, copy);
    let ap = whole.into_copy().into_virtual_ap(now, clock, &two.network, above).unwrap();
    two.hand_over(ap);
    let key = |two: &Two| {
        let ap = two.world.ap.virtual_aps().next()?;
        ap.context(at(two.world.now), clock)?.keys().next().map(|(id, _)| id)
    };
    two.world.away.clear();
    two.world.run(1000);
    let after = key(&two);
    assert!(after.is_some() && after != Some(before), "a new handshake");
    assert_eq!(two.world.got(0, b"for the one who dozes"), 0);
    two.world.traffic_both_ways(0);
}

#[test]
fn sec_h3_what_was_queued_under_another_key_is_not() {
    let mut two = dozing(3);
    taken_over(&mut two);
    two.change();
    two.world.away.clear();
    // What comes from a copy gets a new key.
    two.world.run(1000);
    std::mem::swap(&mut two.world.ap, &mut two.other);
    let now = at(two.world.now);
    let left = withdrawn(&mut two).into_context(now, SharedClock::default()).unwrap();
    let before = two.other.drops().of(DropReason::StaleAssociation);
    two.other.merge(now, left);
    assert_eq!(two.other.drops().of(DropReason::StaleAssociation), before + 3);
    two.change();
    two.world.run(1000);
    assert_eq!(two.world.got(0, b"for the one who dozes"), 0);
}

#[test]
fn sec_h2_what_the_one_that_stops_has_received_is_not_accepted_again() {
    let mut two = Two::joined(wpa2(OWN));
    two.world.traffic_both_ways(0);
    taken_over(&mut two);
    let since = two.world.sent.len();
    two.world.send_up(0, FAR, b"once");
    two.world.run(2);
    assert_eq!(two.world.reached_ds(b"once"), 1);
    let frames: Vec<_> = two.world.sent[since..].iter().map(|(_, frame)| frame.clone()).collect();
    let now = at(two.world.now);
    let left = withdrawn(&mut two).into_context(now, SharedClock::default()).unwrap();
    two.other.merge(now, left);
    two.change();
    frames.iter().for_each(|frame| two.hear(frame));
    assert_eq!(two.world.reached_ds(b"once"), 1);
}

#[test]
fn who_is_withdrawn_says_nothing_more_and_passes_on_what_it_hears() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    two.world.send_down(station(1), b"in flight");
    assert!(two.world.ap.poll_transmit(at(two.world.now)).is_some());
    drop(withdrawn(&mut two));
    let since = two.world.air.len();
    two.world.send_up(0, FAR, b"a stray");
    two.world.run(50);
    assert!(!two.world.air[since..].iter().any(|on_air| transmitter(&on_air.frame) == bssid));
    let strays = two.world.ap_events.iter().filter(|event| matches!(event, ApEvent::Stray { .. }));
    assert!(strays.count() > 0);
}

#[test]
fn the_client_of_one_that_is_lost_is_told_to_come_again_where_it_is_not_served() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    let since = two.world.air.len();
    for _ in 0..5 {
        two.world.ap.invite(at(two.world.now), bssid, station(1));
        two.world.run(100);
    }
    let told = |two: &Two| {
        let frames = two.world.air[since..].iter().map(|on_air| &on_air.frame);
        let told = frames.filter(|frame| kind_of(frame) == Some(FrameKind::DEAUTHENTICATION));
        told.map(|frame| frame[24]).collect::<Vec<_>>()
    };
    assert_eq!(told(&two), [], "it is served here");
    drop(withdrawn(&mut two));
    for _ in 0..5 {
        two.world.ap.invite(at(two.world.now), bssid, station(1));
        two.world.run(100);
    }
    assert_eq!(told(&two), [ReasonCode::CLASS2_FRAME.0 as u8], "once");
}

#[test]
fn one_that_is_on_the_air_elsewhere_is_told_of() {
    let mut two = Two::joined(wpa2(OWN));
    let (bssid, since) = (two.bssid(), two.world.air.len());
    two.world.run(1000);
    let (info, mut told) = (RxInfo::default(), 0);
    for on_air in &two.world.air[since..] {
        let now = at(on_air.at);
        two.other.handle_frame(now, &info, &mut on_air.frame.clone());
        two.world.ap.handle_frame(now, &info, &mut on_air.frame.clone());
    }
    while let Some(event) = two.other.poll_event() {
        told += usize::from(event == ApEvent::OnAir(bssid));
    }
    assert!((8..=10).contains(&told), "{told}");
    two.world.take_events();
    assert!(!two.world.ap_events.contains(&ApEvent::OnAir(bssid)), "not of what is here");
}

/// What a radio that has just started says to the client of a virtual AP with one of its addresses.
fn answers_after_a_restart(two: &mut Two, prepare: impl Fn(&mut Two)) -> Vec<FrameKind> {
    two.moved();
    let bssid = two.bssid();
    let now = at(two.world.now);
    two.other = ApRadio::new(half(0), vec![two.network.clone()], now, Box::new(Counting(7)));
    prepare(two);
    std::mem::swap(&mut two.world.ap, &mut two.other);
    let since = two.world.air.len();
    two.hear(&data(FrameKind::QOS_DATA, bssid, station(1), false, &[0; 40]));
    two.hear(&authentication(bssid, station(1)));
    two.world.run(60);
    let answers = two.world.air[since..].iter().filter(|on_air| on_air.frame[4..10] == station(1).octets());
    answers.filter_map(|on_air| kind_of(&on_air.frame)).collect()
}

#[test]
fn a_radio_that_starts_anew_leaves_alone_what_another_has_of_its_addresses() {
    let strange = answers_after_a_restart(&mut Two::joined(wpa2(OWN)), |_| {});
    assert!(!strange.is_empty(), "else nothing is shown");
    let told = answers_after_a_restart(&mut Two::joined(wpa2(OWN)), |two| two.other.occupied(two.bssid()));
    assert_eq!(told, []);
    let heard = answers_after_a_restart(&mut Two::joined(wpa2(OWN)), |two| {
        let since = two.world.air.len();
        two.world.run(150);
        let now = at(two.world.now);
        for on_air in &two.world.air[since..] {
            two.other.handle_frame(now, &RxInfo::default(), &mut on_air.frame.clone());
        }
    });
    assert_eq!(heard, []);
}

#[test]
fn an_address_that_was_heard_from_elsewhere_is_given_away_again_when_it_is_silent() {
    let mut two = Two::joined(wpa2(OWN));
    two.moved();
    let bssid = two.bssid();
    let now = at(two.world.now);
    two.other = ApRadio::new(half(0), vec![two.network.clone()], now, Box::new(Counting(7)));
    std::mem::swap(&mut two.world.ap, &mut two.other);
    two.hear(&beacon_of(bssid));
    let answers = |two: &mut Two| {
        let since = two.world.air.len();
        two.hear(&authentication(bssid, stranger(1)));
        two.world.run(5);
        two.world.answers(since, stranger(1), FrameKind::AUTHENTICATION).len()
    };
    assert_eq!(answers(&mut two), 0);
    two.world.run(2500);
    assert_eq!(answers(&mut two), 1);
}

/// A beacon as somebody else would send it.
fn beacon_of(bssid: MacAddr) -> Vec<u8> {
    let mut frame = vec![0x80, 0, 0, 0];
    frame.extend([0xff; 6]);
    frame.extend(bssid.octets());
    frame.extend(bssid.octets());
    frame.extend([0; 2 + 12]);
    frame
}
