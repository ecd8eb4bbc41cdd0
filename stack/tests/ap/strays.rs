//! What is heard at the old place, and its place among what is heard at the new one.

use stack::ap::ApEvent;
use stack::mac::DropReason;
use stack::wire::FrameKind;

use crate::two::{OWN, Two};
use crate::world::{FAR, at, contains, data, kind_of, open, station, stranger, wpa2};

#[test]
fn strays_are_passed_on_for_as_long_as_the_address_is_acknowledged() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    let ap = two.take();
    two.world.send_up(0, FAR, b"heard at the old place");
    two.world.run(2);
    assert_eq!(two.world.reached_ds(b"heard at the old place"), 0);
    let strays = two.world.ap_events.iter().filter_map(|event| match event {
        ApEvent::Stray { bssid: of, frame, .. } if *of == bssid => Some(frame.clone()),
        _ => None,
    });
    let strays: Vec<_> = strays.collect();
    assert_eq!(strays.len(), 1);
    assert!(two.world.acknowledged.contains(&bssid));
    two.hear(&data(FrameKind::NULL, bssid, stranger(1), false, &[]));
    let passed = two.world.ap_events.iter().filter(|event| matches!(event, ApEvent::Stray { .. })).count();
    assert_eq!(passed, 1, "of the client alone");
    two.world.run(300);
    assert!(!two.world.acknowledged.contains(&bssid));
    let before = two.world.ap.drops().of(DropReason::NotForUs);
    two.hear(&data(FrameKind::NULL, bssid, station(1), false, &[]));
    assert_eq!(two.world.ap.drops().of(DropReason::NotForUs), before + 1);
    two.hand_over(ap);
    two.hear(&strays[0]);
    assert_eq!(two.world.reached_ds(b"heard at the old place"), 1);
}

/// Uplink frames of the client that nobody heard yet.
fn sent(two: &mut Two, texts: &[&[u8]]) -> Vec<Vec<u8>> {
    two.world.lose =
        |frame| kind_of(frame) == Some(FrameKind::DATA) || kind_of(frame) == Some(FrameKind::QOS_DATA);
    let since = two.world.sent.len();
    for text in texts {
        two.world.send_up(0, FAR, text);
        two.world.run(1);
    }
    two.world.lose = |_| false;
    let frames = two.world.sent[since..].iter().map(|(_, frame)| frame.clone());
    frames.filter(|frame| frame[0] & 0x0c == 8 && frame[1] & 0x40 != 0).collect()
}

#[test]
fn a_frame_ahead_of_its_turn_waits_and_one_that_comes_on_two_ways_is_taken_once() {
    for network in [wpa2(OWN), open(OWN)] {
        let protected = network.security != stack::ap::Security::Open;
        let mut two = Two::joined(network);
        two.world.traffic_both_ways(0);
        two.moved();
        let texts: [&[u8]; 3] = [b"number 1", b"number 2", b"number 3"];
        let since = two.world.sent.len();
        two.world.lose = |frame| frame[0] & 0x0c == 8;
        for text in texts {
            two.world.send_up(0, FAR, text);
            two.world.run(1);
        }
        two.world.lose = |_| false;
        let mut frames: Vec<_> = two.world.sent[since..].iter().map(|(_, frame)| frame.clone()).collect();
        frames.retain(|frame| frame[0] & 0x4c == 8);
        frames.dedup();
        assert_eq!(frames.len(), 3, "{frames:?}");
        for n in [1, 2, 0, 0, 1, 2] {
            two.hear(&frames[n]);
        }
        let told = two.world.ap_events.iter().filter_map(|event| match event {
            ApEvent::Msdu { ethernet, .. } => texts.iter().position(|text| contains(ethernet, text)),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [0, 1, 2], "protected: {protected}");
        assert_eq!(two.world.ap.drops().of(DropReason::Duplicate), 3);
        assert_eq!(two.world.ap.drops().of(DropReason::Replay), 0, "known before they are decrypted");
    }
}

#[test]
fn what_is_missing_is_waited_for_twenty_milliseconds() {
    let mut two = Two::joined(wpa2(OWN));
    two.world.traffic_both_ways(0);
    two.moved();
    let frames = sent(&mut two, &[b"number 1", b"number 2"]);
    two.hear(&frames[frames.len() - 1]);
    assert_eq!(two.world.reached_ds(b"number 2"), 0);
    two.world.run(19);
    assert_eq!(two.world.reached_ds(b"number 2"), 0);
    two.world.run(2);
    assert_eq!(two.world.reached_ds(b"number 2"), 1);
}

#[test]
fn sec_d12_what_is_waited_for_in_vain_is_taken_once_when_it_comes_and_says_nothing_of_its_station() {
    let mut two = Two::joined(wpa2(OWN));
    two.world.traffic_both_ways(0);
    two.moved();
    let frames = sent(&mut two, &[b"number 1", b"number 2", b"number 3"]);
    let [.., first, second, third] = &frames[..] else { panic!("{frames:?}") };
    two.hear(third);
    two.world.run(30);
    assert_eq!(two.world.reached_ds(b"number 3"), 1);
    let dozing = |frame: &[u8]| {
        let mut frame = frame.to_vec();
        frame[1] |= 0x10;
        frame
    };
    two.hear(&dozing(second));
    assert_eq!(two.world.reached_ds(b"number 2"), 1);
    assert!(two.world.ap.virtual_aps().flat_map(|ap| ap.peers()).all(|peer| !peer.power_save().is_dozing()));
    two.hear(second);
    assert_eq!((two.world.reached_ds(b"number 2"), two.world.ap.drops().of(DropReason::Duplicate)), (1, 1));
    two.moved();
    for frame in [first, second, third] {
        two.hear(frame);
    }
    let reached = [b"number 1", b"number 2", b"number 3"].map(|text| two.world.reached_ds(text));
    assert_eq!((reached, two.world.ap.drops().of(DropReason::Replay)), ([1, 1, 1], 0));
}

#[test]
fn what_another_host_passes_on_is_waited_for_until_it_is_there() {
    let mut two = Two::joined(wpa2(OWN));
    two.world.traffic_both_ways(0);
    let frames = sent(&mut two, &[b"number 1", b"number 2", b"number 3", b"number 4"]);
    let [.., first, second, _, fourth] = &frames[..] else { panic!("{frames:?}") };
    two.moved_far();
    let bssid = two.bssid();
    two.world.ap.await_strays(at(two.world.now), bssid);
    two.hear(second);
    two.world.run(300);
    assert_eq!(two.world.reached_ds(b"number 2"), 0);
    two.hear(first);
    assert_eq!([two.world.reached_ds(b"number 1"), two.world.reached_ds(b"number 2")], [1, 1]);
    two.hear(fourth);
    two.world.ap.strays_came(at(two.world.now), bssid);
    two.world.run(105);
    assert_eq!(two.world.reached_ds(b"number 4"), 1, "the third was lost on the air");
}
