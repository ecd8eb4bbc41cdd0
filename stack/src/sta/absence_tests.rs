use std::time::Duration;

use super::tests::{
    AID, AP, OTHER, STATION, at, beacon_of, connected, elements, events, hear, kinds, plain, random, sent,
};
use super::{Link, LinkConfig, LinkEvent, LinkState};
use crate::wire::element::TimBitmap;
use crate::wire::{Frame, FrameKind, TxId, TxStatus};

fn ethernet() -> Vec<u8> {
    [&OTHER.octets()[..], &STATION.octets(), &[8, 0, 1, 2, 3]].concat()
}

fn dozes(frame: &[u8]) -> bool {
    Frame::parse(frame).unwrap().frame_control().power_management()
}

fn status(link: &mut Link, millis: u64, id: TxId, acked: bool) {
    link.handle_tx_status(at(millis), TxStatus { id, acked, retries: 0 });
}

/// With nothing in flight.
fn joined() -> Link {
    let mut link = connected(plain());
    (0..8).for_each(|id| status(&mut link, 135, TxId(id), true));
    link
}

/// Away since 202 ms, with one frame that waits.
fn away() -> Link {
    let mut link = joined();
    link.leave(at(200), at(210));
    let null = sent(&mut link).remove(0);
    link.handle_msdu(at(201), &ethernet());
    status(&mut link, 202, null.id, true);
    assert_eq!(events(&mut link), [LinkEvent::Dozing, LinkEvent::Away { told: true }]);
    link
}

#[test]
fn the_ap_is_told_and_nothing_else_is_sent_until_the_radio_is_back() {
    let mut link = away();
    assert!(link.is_away() && sent(&mut link).is_empty());
    link.handle_msdu(at(230), &ethernet());
    link.handle_timeout(at(240));
    assert!(sent(&mut link).is_empty());
    link.come_back(at(250));
    let back = sent(&mut link);
    assert_eq!(kinds(&back), [FrameKind::NULL, FrameKind::QOS_DATA, FrameKind::QOS_DATA]);
    assert!(back.iter().all(|transmit| !dozes(&transmit.frame)));
    assert_eq!(events(&mut link), [LinkEvent::Awake]);
}

#[test]
fn what_is_with_the_radio_is_waited_for() {
    let mut link = joined();
    link.handle_msdu(at(199), &ethernet());
    let data = sent(&mut link).remove(0);
    link.leave(at(200), at(210));
    let null = sent(&mut link).remove(0);
    assert!(dozes(&null.frame) && !dozes(&data.frame));
    status(&mut link, 201, null.id, true);
    assert!(!link.is_away());
    status(&mut link, 202, data.id, true);
    assert!(link.is_away());
}

#[test]
fn a_farewell_that_is_not_acknowledged_is_said_again_until_it_is_time() {
    let mut link = joined();
    link.leave(at(200), at(210));
    for millis in 201..205 {
        let null = sent(&mut link);
        assert!(kinds(&null) == [FrameKind::NULL] && dozes(&null[0].frame));
        status(&mut link, millis, null[0].id, false);
    }
    assert_eq!(link.poll_timeout().map(|(due, _)| due), Some(at(210)));
    link.handle_timeout(at(209));
    assert!(!link.is_away());
    link.handle_timeout(at(210));
    assert_eq!(events(&mut link), [LinkEvent::Away { told: false }]);
}

#[test]
fn beacons_that_could_not_be_heard_are_not_missed() {
    let mut link = away();
    link.handle_timeout(at(5000));
    link.come_back(at(5000));
    link.handle_timeout(at(5900));
    assert_eq!(link.state(), LinkState::Connected);
    // Ten intervals after it acknowledged our leaving, the absence not counted.
    link.handle_timeout(at(6025));
    assert_ne!(link.state(), LinkState::Connected, "the AP is gone");
}

#[test]
fn a_search_begins_anew_on_each_channel_and_says_that_nothing_was_there() {
    let mut link = Link::new(LinkConfig { passive: true, ..plain() }, random());
    for visit in 0..20 {
        let now = visit * 1000;
        link.search(at(now), Duration::from_millis(40));
        assert_eq!(link.state(), LinkState::Scanning);
        link.handle_timeout(at(now + 40));
        assert_eq!(events(&mut link), [LinkEvent::NotFound]);
        link.leave(at(now + 41), at(now + 41));
        assert_eq!(events(&mut link), [LinkEvent::Away { told: true }]);
    }
    link.search(at(30_000), Duration::from_millis(40));
    hear(&mut link, 30_001, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(30_040));
    assert_eq!(link.state(), LinkState::Authenticating);
    link.search(at(30_050), Duration::from_millis(40));
    assert_eq!(link.state(), LinkState::Authenticating, "it has found what it looked for");
}

#[test]
fn a_link_that_leaves_fetches_nothing() {
    let mut link = joined();
    link.leave(at(200), at(300));
    let null = sent(&mut link).remove(0);
    let mut waits = TimBitmap::new();
    waits.set(AID, true);
    hear(&mut link, 201, &beacon_of(AP, 100, &elements(b"open", Some((&waits, false)))));
    assert!(sent(&mut link).is_empty());
    link.come_back(at(202));
    status(&mut link, 203, null.id, true);
    let back = sent(&mut link);
    assert!(kinds(&back) == [FrameKind::NULL] && !dozes(&back[0].frame), "it has stayed after all");
    assert!(!link.is_away() && !link.is_dozing());
}

#[test]
fn a_link_that_looks_around_needs_the_radio_and_goes_on_where_it_was() {
    let mut link = Link::new(LinkConfig { passive: true, ..plain() }, random());
    assert!(!link.needs_radio());
    link.start(at(0));
    assert!(link.needs_radio());
    link.leave(at(50), at(60));
    assert_eq!(events(&mut link), [LinkEvent::Away { told: true }]);
    link.handle_timeout(at(500));
    link.come_back(at(500));
    link.handle_timeout(at(569));
    assert_eq!(link.state(), LinkState::Scanning);
    hear(&mut link, 569, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(570));
    assert_eq!(link.state(), LinkState::Authenticating);
    assert!(!joined().needs_radio());
}
