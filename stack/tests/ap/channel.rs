//! A client's virtual AP moves to a radio on another channel, and the client follows it.

use std::time::Duration;

use stack::ap::{ApEvent, Context, ContextError, NetworkConfig, SharedClock};
use stack::sta::{LinkConfig, LinkEvent, LinkState};
use stack::wire::element::{ChannelSwitch, ExtendedChannelSwitch};
use stack::wire::frame::PsPoll;
use stack::wire::management::ActionDetails;
use stack::wire::{Band, Channel, Elements, Frame, FrameKind, MacAddr, ManagementBody, RecordError, RxInfo};

use crate::two::{LINGER, OWN, Two, carried, packet_numbers, rises};
use crate::world::{FAR, at, contains, data, ethernet, open, probe, station, transmitter, wpa2};

fn near() -> Channel {
    Channel::new(Band::Ghz5, 44).unwrap()
}

/// In the other band.
fn far() -> Channel {
    Channel::new(Band::Ghz2, 6).unwrap()
}

fn apart(network: NetworkConfig, channel: Channel) -> Two {
    let mut two = Two::apart(network, channel);
    two.link(|config| config);
    two
}

/// What a frame says of a switch: the old announcement, and the extended one.
fn said(frame: &[u8]) -> (Option<ChannelSwitch>, Option<ExtendedChannelSwitch>) {
    let of = |elements: &Elements<'_>| (elements.get().unwrap(), elements.get().unwrap());
    let Ok(Frame::Management(frame)) = Frame::parse(frame) else { panic!("no management frame") };
    match frame.parse_body().unwrap() {
        ManagementBody::Beacon(body) | ManagementBody::ProbeResponse(body) => of(&body.elements),
        ManagementBody::Action(body) => match body.parse_details() {
            ActionDetails::ChannelSwitch { elements } => of(&elements),
            ActionDetails::Public { action: 4, fields: &[mode, operating_class, channel, count] } => {
                (None, Some(ExtendedChannelSwitch { mode, operating_class, channel, count }))
            }
            other => panic!("another action: {other:?}"),
        },
        other => panic!("no announcement: {other:?}"),
    }
}

impl Two {
    /// Tells the client and drains; says what index the air had when it began.
    fn announce(&mut self) -> usize {
        let since = self.world.air.len();
        let (now, bssid) = (at(self.world.now), self.bssid());
        let until = self.world.ap.drain_to(now, bssid, self.other_channel, false).unwrap();
        assert!(until > now + Duration::from_millis(200) && until <= now + Duration::from_millis(310));
        while !self.world.ap_events.contains(&ApEvent::Drained(bssid)) {
            assert!(at(self.world.now) < until + Duration::from_millis(5));
            self.world.run(1);
        }
        self.world.ap_events.retain(|event| *event != ApEvent::Drained(bssid));
        assert!(at(self.world.now) >= until);
        since
    }

    /// The other radio has it, as the value or by its bytes.
    fn switched(&mut self, by_bytes: bool) {
        self.announce();
        let ap = self.world.ap.take(at(self.world.now), self.bssid(), LINGER).unwrap();
        let ap = if by_bytes { carried(self, ap) } else { ap };
        self.hand_over(ap);
    }

    /// The beacons of the client's virtual AP since an index into the air.
    fn beacons(&self, since: usize) -> Vec<&[u8]> {
        let frames = self.world.air[since..].iter().map(|on_air| &on_air.frame[..]);
        frames.filter(|frame| frame[0] == 0x80 && transmitter(frame) == self.bssid()).collect()
    }

    fn happened(&self, event: &ApEvent) -> bool {
        self.world.ap_events.contains(event)
    }
}

#[test]
fn three_beacons_and_an_action_frame_tell_the_client_and_nothing_follows_the_last() {
    let mut two = apart(wpa2(OWN), near());
    let since = two.announce();
    let switch = |count| (Some(ChannelSwitch { mode: 0, channel: 44, count }), None);
    let beacons: Vec<_> = two.beacons(since).iter().map(|frame| said(frame)).collect();
    assert_eq!(beacons, [switch(3), switch(2), switch(1)]);
    let actions = two.world.answers(since, station(1), FrameKind::ACTION);
    assert_eq!(actions.iter().map(|frame| said(frame)).collect::<Vec<_>>(), [switch(3)]);
    let len = two.world.air.len();
    two.world.send_down(station(1), b"held from here on");
    two.world.run(300);
    let bssid = two.bssid();
    assert!(!two.world.air[len..].iter().any(|on_air| transmitter(&on_air.frame) == bssid));
}

#[test]
fn a_client_may_be_told_to_be_silent_until_it_is_there() {
    let mut two = apart(wpa2(OWN), near());
    let (now, bssid, since) = (at(two.world.now), two.bssid(), two.world.air.len());
    two.world.ap.drain_to(now, bssid, near(), true).unwrap();
    two.world.run(110);
    let switch = ChannelSwitch { mode: 1, channel: 44, count: 3 };
    assert_eq!(said(two.beacons(since)[0]).0, Some(switch));
    let sent = two.world.sent.len();
    two.world.send_up(0, FAR, b"when it is there");
    two.world.run(240);
    assert_eq!(two.world.sent.len(), sent, "it has nothing to say");
    let ap = two.world.ap.take(at(two.world.now), bssid, LINGER).unwrap();
    two.hand_over(ap);
    two.world.run(150);
    assert_eq!(two.world.reached_ds(b"when it is there"), 1);
}

#[test]
fn another_band_is_announced_by_its_operating_class_alone() {
    let mut two = apart(wpa2(OWN), far());
    let since = two.announce();
    let action = two.world.answers(since, station(1), FrameKind::ACTION)[0];
    for first in [said(two.beacons(since)[0]), said(action)] {
        let switch = ExtendedChannelSwitch { mode: 0, operating_class: 81, channel: 6, count: 3 };
        assert_eq!(first, (None, Some(switch)));
    }
}

#[test]
fn a_client_that_asks_meanwhile_is_told_and_others_are_not() {
    let mut two = apart(wpa2(OWN), near());
    let (now, bssid) = (at(two.world.now), two.bssid());
    two.world.ap.drain_to(now, bssid, near(), false).unwrap();
    let since = two.world.air.len();
    for n in [1, 2] {
        two.hear(&probe(station(n), b"net"));
    }
    two.world.run(5);
    let counts = |n| {
        let answers = two.world.answers(since, station(n), FrameKind::PROBE_RESPONSE);
        answers.iter().map(|frame| said(frame).0.map(|switch| switch.count)).collect::<Vec<_>>()
    };
    assert!(matches!(counts(1)[..], [Some(3 | 4)]), "{:?}", counts(1));
    assert_eq!(counts(2), [None]);
}

#[test]
fn the_client_follows_there_and_back_with_its_keys_and_its_traffic() {
    for (network, channel) in [(wpa2(OWN), near()), (wpa2(OWN), far()), (open(OWN), near())] {
        for by_bytes in [false, true] {
            let mut two = apart(network.clone(), channel);
            let (bssid, since) = (two.bssid(), two.world.air.len());
            for n in 0..4_u8 {
                two.world.traffic_both_ways(0);
                two.switched(by_bytes);
                two.world.send_down(station(1), &[b'w', n]);
                two.world.run(200);
                assert!(two.happened(&ApEvent::Followed(bssid)));
                assert_eq!(two.world.got(0, &[b'w', n]), 1);
                two.world.ap_events.clear();
                assert_eq!(two.world.tuned[0], two.world.channel);
            }
            two.world.traffic_both_ways(0);
            assert_eq!(two.world.answers(since, station(1), FrameKind::AUTHENTICATION).len(), 0);
            assert_eq!(two.world.answers(since, station(1), FrameKind::DEAUTHENTICATION).len(), 0);
            for numbers in packet_numbers(&two.world.air[since..]) {
                assert!(numbers.is_empty() || rises(&numbers), "{numbers:?}");
            }
            for frame in two.beacons(since) {
                let timestamp = u64::from_le_bytes(frame[24..32].try_into().unwrap());
                assert!(timestamp % 102_400 < 1000, "at its TBTT: {}", timestamp % 102_400);
            }
        }
    }
}

#[test]
fn beacons_go_on_at_the_announced_time() {
    let mut two = apart(wpa2(OWN), near());
    two.world.run(150);
    let since = two.world.air.len();
    two.switched(false);
    two.world.run(400);
    let beacons = two.world.air[since..].iter().filter(|on_air| on_air.frame[0] == 0x80);
    let times: Vec<_> = beacons.filter(|on_air| transmitter(&on_air.frame) == two.bssid()).collect();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(gaps.len() >= 5 && gaps.iter().all(|gap| (102..=103).contains(gap)), "{gaps:?}");
}

#[test]
fn the_queue_is_held_until_the_client_is_heard_on_the_new_channel() {
    let mut two = apart(wpa2(OWN), near());
    let bssid = two.bssid();
    two.world.away.push(0);
    two.switched(true);
    let since = two.world.air.len();
    two.world.send_down(station(1), b"held");
    two.world.send_down(MacAddr::BROADCAST, b"to all");
    two.world.run(400);
    let kinds: Vec<_> = two.world.air[since..]
        .iter()
        .filter(|on_air| transmitter(&on_air.frame) == bssid)
        .map(|on_air| Frame::parse(&on_air.frame).unwrap().kind())
        .collect();
    assert!(kinds.iter().all(|kind| [FrameKind::BEACON, FrameKind::NULL].contains(kind)), "{kinds:?}");
    assert!(kinds.iter().filter(|kind| **kind == FrameKind::NULL).count() >= 30, "it is asked for");

    // What the radio on the old channel hears and passes on is taken, and is no sign of the client here.
    let info = |channel: Channel| RxInfo { frequency: Some(channel.frequency()), ..RxInfo::default() };
    let null = |number: u8| {
        let mut frame = data(FrameKind::NULL, bssid, station(1), false, &[]);
        frame[22] = number << 4;
        frame
    };
    for (number, from) in [(1, info(two.other_channel)), (2, RxInfo::default())] {
        two.world.ap.handle_frame(at(two.world.now), &from, &mut null(number));
        two.world.take_events();
        assert!(!two.happened(&ApEvent::Followed(bssid)));
    }
    two.world.ap.handle_frame(at(two.world.now), &info(near()), &mut null(3));
    two.world.take_events();
    assert!(two.happened(&ApEvent::Followed(bssid)));
    let len = two.world.air.len();
    two.world.run(50);
    assert!(!packet_numbers(&two.world.air[len..])[0].is_empty());
}

#[test]
fn who_does_not_come_is_given_up_and_found_where_he_was() {
    for by_bytes in [false, true] {
        let mut two = Two::apart(wpa2(OWN), near());
        // It may not follow.
        two.link(|config| LinkConfig { channels: Vec::new(), ..config });
        let bssid = two.bssid();
        two.switched(by_bytes);
        two.world.send_down(station(1), b"for who is elsewhere");
        two.world.run(490);
        assert!(!two.happened(&ApEvent::NotFollowed(bssid)));
        while !two.happened(&ApEvent::NotFollowed(bssid)) {
            two.world.now += 1;
            two.world.ap.handle_timeout(at(two.world.now));
            two.world.take_events();
            assert!(two.world.now < 5000);
        }
        let since = two.world.air.len();
        two.world.run(20);
        assert!(packet_numbers(&two.world.air[since..])[0].is_empty(), "nobody would hear it");
        let ap = two.take();
        let ap = if by_bytes { carried(&mut two, ap) } else { ap };
        two.hand_over(ap);
        two.world.run(50);
        assert_eq!(two.world.got(0, b"for who is elsewhere"), 1);
        two.world.traffic_both_ways(0);
        assert_eq!(two.world.link_events.iter().filter(|(_, event)| is_loss(event)).count(), 0);
    }
}

const fn is_loss(event: &LinkEvent) -> bool {
    matches!(event, LinkEvent::Disconnected { .. })
}

#[test]
fn who_is_not_taken_back_is_sent_what_waited_after_all() {
    let mut two = apart(open(OWN), near());
    two.world.away.push(0);
    two.switched(false);
    // What has waited for longer than the client listens goes by then.
    two.world.run(2000);
    two.world.send_down(station(1), b"held for a while");
    let since = two.world.air.len();
    let sent = |two: &Two| two.world.air[since..].iter().any(|on_air| contains(&on_air.frame, b"held for a"));
    two.world.run(400);
    assert!(!sent(&two));
    two.world.run(200);
    assert!(sent(&two));
}

#[test]
fn a_dozing_client_is_told_longer_and_waited_for_longer() {
    let mut two = Two::apart(wpa2(OWN), near());
    two.link(|config| LinkConfig { doze_after: Some(Duration::from_millis(50)), ..config });
    two.world.run(200);
    let bssid = two.bssid();
    assert!(two.world.links[0].1.is_dozing());
    let now = at(two.world.now);
    let until = two.world.ap.drain_to(now, bssid, near(), false).unwrap();
    assert!(until > now + Duration::from_millis(900), "ten beacons");
    two.world.send_down(station(1), b"for the one who dozes");
    two.world.run(1100);
    let ap = two.world.ap.take(at(two.world.now), bssid, LINGER).unwrap();
    two.hand_over(ap);
    two.world.send_down(station(1), b"for the one who dozes");
    two.world.run(500);
    assert!(two.happened(&ApEvent::Followed(bssid)));
    assert_eq!(two.world.got(0, b"for the one who dozes"), 2);
}

#[test]
fn what_a_dozing_client_polled_for_on_the_old_channel_does_not_go_out_on_the_new_one() {
    let mut two = Two::apart(wpa2(OWN), near());
    two.link(|config| LinkConfig { doze_after: Some(Duration::from_millis(50)), ..config });
    two.world.run(200);
    let bssid = two.bssid();
    two.world.ap.drain_to(at(two.world.now), bssid, near(), false).unwrap();
    two.world.run(1050);
    two.world.away.push(0);
    two.world.send_down(station(1), b"for who polls");
    let mut poll = Vec::new();
    PsPoll { aid: 1, bssid, station: station(1) }.emit(&mut poll);
    two.hear(&poll);
    let ap = two.world.ap.take(at(two.world.now), bssid, LINGER).unwrap();
    two.hand_over(ap);
    let since = two.world.air.len();
    let info = RxInfo { frequency: Some(near().frequency()), ..RxInfo::default() };
    let mut doze = data(FrameKind::NULL, bssid, station(1), true, &[]);
    two.world.ap.handle_frame(at(two.world.now), &info, &mut doze);
    two.world.run(50);
    assert!(two.happened(&ApEvent::Followed(bssid)));
    assert!(packet_numbers(&two.world.air[since..])[0].is_empty());
    two.world.away.clear();
    two.world.run(300);
    assert_eq!(two.world.got(0, b"for who polls"), 1);
}

#[test]
fn keys_are_not_renewed_while_the_client_changes_its_channel() {
    let rekey = Some(Duration::from_millis(500));
    let network = NetworkConfig { group_rekey: rekey, pairwise_rekey: rekey, ..wpa2(OWN) };
    for wait in (300..700).step_by(40) {
        let mut two = apart(network.clone(), near());
        two.world.run(wait);
        let (now, bssid, since) = (at(two.world.now), two.bssid(), two.world.air.len());
        if two.world.ap.drain_to(now, bssid, near(), false).is_none() {
            continue;
        }
        two.world.run(400);
        assert_eq!(packet_numbers(&two.world.air[since..]), [vec![], vec![]], "no handshake");
        let ap = two.world.ap.take(at(two.world.now), bssid, LINGER).unwrap();
        two.hand_over(ap);
        two.world.run(1000);
        assert_eq!(two.world.links[0].1.state(), LinkState::Connected);
        two.world.traffic_both_ways(0);
    }
}

#[test]
fn a_move_that_is_called_off_is_announced_no_longer() {
    let mut two = apart(wpa2(OWN), near());
    let bssid = two.bssid();
    two.world.ap.drain_to(at(two.world.now), bssid, near(), false).unwrap();
    assert!(two.world.ap.drain_to(at(two.world.now), bssid, near(), false).is_none(), "it is under way");
    two.world.ap.resume(at(two.world.now), bssid);
    let since = two.world.air.len();
    two.world.traffic_both_ways(0);
    two.world.run(500);
    let beacons = two.beacons(since);
    assert!(beacons.len() >= 5 && beacons.iter().all(|frame| said(frame) == (None, None)));
    assert!(!two.happened(&ApEvent::Drained(bssid)));
}

#[test]
fn a_context_tells_of_the_switch_and_a_psk_has_no_lifetime() {
    let mut two = apart(wpa2(OWN), near());
    let clock = SharedClock::default();
    let bytes = |two: &Two| {
        let now = at(two.world.now);
        two.world.ap.virtual_aps().next().unwrap().context(now, clock).unwrap().encode().to_vec()
    };
    let before = bytes(&two);
    two.world.ap.drain_to(at(two.world.now), two.bssid(), near(), false).unwrap();
    let after = bytes(&two);
    // A flag becomes set, and channel and time of the switch follow it.
    assert_eq!(after.len(), before.len() + 10);
    let place = before.iter().zip(&after).position(|(before, after)| before != after).unwrap();
    assert_eq!((before[place], &after[place..place + 3]), (0, &[1, 115, 44][..]));
    assert_eq!(&after[place - 2..place], [115, 36], "and before it, the channel of the client");
    assert_eq!(Context::decode(&after).unwrap().encode()[..], after[..]);

    // The flag of the lifetime is behind the PMKID.
    let context = Context::decode(&before).unwrap();
    let at_flag = 1 + 6 + 6 + 2 + 3 + 1 + 16;
    assert_eq!(before[at_flag], 0);
    let mut expires = before[..at_flag].to_vec();
    expires.push(1);
    expires.extend(3_600_000_000_u64.to_le_bytes());
    expires.extend(&before[at_flag + 1..]);
    let expires = Context::decode(&expires).unwrap();
    assert_ne!(expires, context);
    let made = expires.into_virtual_ap(at(0), clock, &two.network, crate::two::above);
    let impossible = RecordError::Impossible("a PSK that expires");
    assert_eq!(made.map(|_| ()), Err(ContextError::Record(impossible)));
}

#[test]
fn what_the_client_sends_on_the_new_channel_before_its_virtual_ap_is_there_is_passed_on() {
    let mut two = apart(open(OWN), near());
    let (now, bssid) = (at(two.world.now), two.bssid());
    two.world.ap.drain_to(now, bssid, near(), false).unwrap();
    assert!(two.other.expect(now, bssid, station(1), Duration::from_secs(1)));
    let info = RxInfo { frequency: Some(near().frequency()), ..RxInfo::default() };
    let body = [&b"\xaa\xaa\x03\x00\x00\x00\x08\x00"[..], b"early"].concat();
    two.other.handle_frame(now, &info, &mut data(FrameKind::DATA, bssid, station(1), false, &body));
    let stray = std::iter::from_fn(|| two.other.poll_event()).find_map(|event| match event {
        ApEvent::Stray { info, frame, .. } => Some((info, frame)),
        _ => None,
    });
    let (info, mut frame) = stray.unwrap();
    two.world.ap.handle_frame(now, &info, &mut frame);
    two.world.take_events();
    assert_eq!(two.world.reached_ds(&ethernet(FAR, station(1), b"early")), 1);
    assert!(!two.world.link_events.iter().any(|(_, event)| is_loss(event)));
}
