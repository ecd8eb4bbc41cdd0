use super::tests::{AP, OTHER, at, beacon_of, connected, elements, events, kinds, management, plain, sent};
use super::{Link, LinkConfig, LinkEnd, LinkEvent, LinkState};
use crate::wire::element::{ChannelSwitch, ElementsBuf, ExtendedChannelSwitch};
use crate::wire::management::{Action, ActionDetails};
use crate::wire::{
    Channel, Elements, Frame, FrameKind, MacAddr, ManagementBody, RxInfo, Transmit, TxId, TxStatus,
};

/// A link that has joined, and nothing of it is with the radio.
fn idle(config: LinkConfig) -> Link {
    let mut link = connected(config);
    for id in 0..10 {
        link.handle_tx_status(at(130), TxStatus { id: TxId(id), acked: true, retries: 0 });
    }
    link
}

fn channel(number: u8) -> Channel {
    Channel::from_number(number).unwrap()
}

fn hear_on(link: &mut Link, millis: u64, number: u8, frame: &[u8]) {
    let info = RxInfo { frequency: Some(channel(number).frequency()), ..RxInfo::default() };
    link.handle_frame(at(millis), &info, &mut frame.to_vec());
}

fn with_switch(mode: u8, channel: u8, count: u8) -> ElementsBuf {
    let mut all = elements(b"open", None);
    all.writer().put(&ChannelSwitch { mode, channel, count });
    all
}

fn beacon(all: &ElementsBuf) -> Vec<u8> {
    beacon_of(AP, 100, all)
}

fn action(bssid: MacAddr, details: &ActionDetails<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    details.emit(&mut body);
    management(bssid, &ManagementBody::Action(Action { category: body[0], details: &body[1..] }))
}

fn says_something(link: &mut Link, millis: u64) -> Vec<FrameKind> {
    link.handle_msdu(at(millis), &[&OTHER.octets()[..], &[2, 0, 0, 0, 0, 0x10], &[8, 0, 1, 2, 3]].concat());
    let transmits = sent(link);
    for transmit in &transmits {
        link.handle_tx_status(at(millis), TxStatus { id: transmit.id, acked: true, retries: 0 });
    }
    kinds(&transmits)
}

fn due(link: &Link) -> u64 {
    link.poll_timeout().unwrap().0.as_micros() / 1000
}

#[test]
fn it_falls_silent_just_before_the_switch_and_speaks_on_the_new_channel() {
    let mut link = idle(plain());
    hear_on(&mut link, 200, 6, &beacon(&with_switch(0, 11, 3)));
    assert!(events(&mut link).is_empty() && !says_something(&mut link, 210).is_empty());
    hear_on(&mut link, 302, 6, &beacon(&with_switch(0, 11, 2)));
    assert_eq!(due(&link), 200 + 307 - 2, "as the first of them said");
    link.handle_timeout(at(506));
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(11))]);
    assert!(says_something(&mut link, 507).is_empty());
    link.handle_channel_set(at(508));
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::QOS_DATA], "what has waited");
    hear_on(&mut link, 520, 11, &beacon(&elements(b"open", None)));
    assert!(events(&mut link).is_empty() && link.state() == LinkState::Connected);
    hear_on(&mut link, 600, 11, &beacon(&with_switch(0, 6, 1)));
    link.handle_timeout(at(701));
    link.handle_timeout(at(712));
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(6))]);
}

#[test]
fn what_is_with_the_radio_is_waited_for() {
    let mut link = idle(plain());
    link.handle_msdu(at(190), &[&OTHER.octets()[..], &[2, 0, 0, 0, 0, 0x10], &[8, 0, 1, 2, 3]].concat());
    let waiting = sent(&mut link);
    hear_on(&mut link, 200, 6, &beacon(&with_switch(0, 11, 0)));
    assert!(events(&mut link).is_empty());
    link.handle_tx_status(at(204), TxStatus { id: waiting[0].id, acked: true, retries: 0 });
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(11))]);

    let mut link = idle(plain());
    link.handle_msdu(at(190), &[&OTHER.octets()[..], &[2, 0, 0, 0, 0, 0x10], &[8, 0, 1, 2, 3]].concat());
    sent(&mut link);
    hear_on(&mut link, 200, 6, &beacon(&with_switch(0, 11, 0)));
    link.handle_timeout(at(210));
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(11))], "but not for long");
}

#[test]
fn an_ap_may_want_silence_until_the_switch() {
    let mut link = idle(plain());
    hear_on(&mut link, 200, 6, &beacon(&with_switch(1, 11, 3)));
    assert!(says_something(&mut link, 210).is_empty());
    link.handle_timeout(at(506));
    link.handle_channel_set(at(508));
    assert!(says_something(&mut link, 510).is_empty());
    hear_on(&mut link, 520, 11, &beacon(&elements(b"open", None)));
    assert!(!sent(&mut link).is_empty());
}

#[test]
fn action_frames_are_followed_into_another_band_too() {
    let mut one = ElementsBuf::new();
    one.writer().put(&ChannelSwitch { mode: 0, channel: 11, count: 1 });
    let old = ActionDetails::ChannelSwitch { elements: one.elements() };
    let extended = ActionDetails::Public { action: 4, fields: &[0, 115, 36, 1] };
    for (details, to) in [(&old, 11), (&extended, 36)] {
        let mut link = idle(plain());
        hear_on(&mut link, 200, 6, &action(OTHER, details));
        assert!(due(&link) > 400, "of another AP");
        hear_on(&mut link, 200, 6, &action(AP, details));
        link.handle_timeout(at(301));
        assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(to))]);
    }
    let mut both = with_switch(0, 36, 1);
    both.writer().put(&ExtendedChannelSwitch { mode: 0, operating_class: 115, channel: 36, count: 1 });
    let mut link = idle(plain());
    hear_on(&mut link, 200, 6, &beacon(&both));
    link.handle_timeout(at(301));
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(36))]);
}

#[test]
fn sec_m7_an_announcement_that_cannot_be_followed_changes_nothing() {
    let few = LinkConfig { channels: vec![channel(1), channel(11)], ..plain() };
    let mut extended = elements(b"open", None);
    extended.writer().put(&ExtendedChannelSwitch { mode: 0, operating_class: 250, channel: 11, count: 0 });
    let cases = [
        (with_switch(0, 2, 0), "not one of its channels"),
        (with_switch(1, 36, 0), "there is none in the band"),
        (with_switch(1, 6, 0), "where it is"),
        (extended, "a class that is not known"),
    ];
    for (all, why) in cases {
        let mut link = idle(few.clone());
        hear_on(&mut link, 200, 6, &beacon(&all));
        assert!(events(&mut link).is_empty(), "{why}");
        assert!(!says_something(&mut link, 201).is_empty(), "{why}");
    }
    let mut link = idle(few.clone());
    let mut short = Vec::new();
    ActionDetails::ChannelSwitch { elements: Elements::new(&[37, 3, 0, 11]) }.emit(&mut short);
    for details in [&short[1..], &short[1..2], &[]] {
        let frame = management(AP, &ManagementBody::Action(Action { category: 0, details }));
        hear_on(&mut link, 210, 6, &frame);
    }
    let mut link_without = idle(few);
    link_without.handle_frame(at(200), &RxInfo::default(), &mut beacon(&with_switch(0, 11, 0)));
    for link in [&mut link, &mut link_without] {
        assert!(events(link).is_empty() && link.state() == LinkState::Connected);
    }
}

#[test]
fn where_no_beacon_comes_it_goes_back() {
    let mut link = idle(plain());
    hear_on(&mut link, 200, 6, &beacon(&with_switch(0, 11, 0)));
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(11))]);
    link.handle_channel_set(at(205));
    // One that was heard before the radio was tuned, and waited.
    hear_on(&mut link, 206, 6, &beacon(&with_switch(0, 11, 0)));
    while link.state() == LinkState::Connected {
        let (at, _) = link.poll_timeout().unwrap();
        link.handle_timeout(at);
    }
    let lost = LinkEvent::Disconnected { bssid: AP, end: LinkEnd::BeaconLoss };
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(6)), lost]);
}

fn is_null(transmit: &Transmit, dozes: bool) -> bool {
    let control = Frame::parse(&transmit.frame).unwrap().frame_control();
    control.kind() == FrameKind::NULL && control.power_management() == dozes
}

fn hopping() -> Link {
    idle(LinkConfig { hops: true, ..plain() })
}

/// The AP knows that it is away, so a radio that hops may come to the new channel after others.
#[test]
fn where_the_radio_hops_it_takes_leave_before_the_last_beacon_and_speaks_when_it_hears_the_next() {
    let mut link = hopping();
    hear_on(&mut link, 200, 6, &beacon(&with_switch(0, 11, 3)));
    assert!(events(&mut link).is_empty() && !says_something(&mut link, 210).is_empty());
    assert!(!link.needs_radio(), "it may go elsewhere meanwhile");
    assert_eq!(due(&link), 200 + 204 - 12);
    link.handle_timeout(at(393));
    let farewell = sent(&mut link);
    assert!(is_null(&farewell[0], true) && farewell.len() == 1 && link.needs_radio());
    link.handle_tx_status(at(394), TxStatus { id: farewell[0].id, acked: true, retries: 0 });
    assert_eq!(events(&mut link), [LinkEvent::Dozing, LinkEvent::Away { told: true }]);
    assert!(says_something(&mut link, 396).is_empty(), "it hears what the AP had with its radio");
    link.handle_timeout(at(404));
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(11))]);
    link.come_back(at(500));
    link.handle_channel_set(at(500));
    assert!(sent(&mut link).is_empty(), "the AP may not be there yet");
    hear_on(&mut link, 520, 11, &beacon(&elements(b"open", None)));
    let first = sent(&mut link);
    assert!(is_null(&first[0], false));
    assert_eq!(kinds(&first[1..]), [FrameKind::QOS_DATA], "what has waited");
    assert_eq!((events(&mut link), link.state()), (vec![LinkEvent::Awake], LinkState::Connected));
}

#[test]
fn an_ap_that_goes_while_the_radio_is_elsewhere_is_followed_at_once() {
    let mut link = hopping();
    hear_on(&mut link, 200, 6, &beacon(&with_switch(0, 11, 3)));
    link.leave(at(210), at(210));
    assert_eq!(events(&mut link), [LinkEvent::Away { told: false }]);
    assert_eq!(due(&link), 392);
    link.handle_timeout(at(393));
    link.handle_timeout(at(404));
    assert_eq!(events(&mut link), [LinkEvent::SwitchChannel(channel(11))]);
}

#[test]
fn where_the_radio_hops_an_ap_that_wants_silence_has_it_to_the_last() {
    let mut link = hopping();
    hear_on(&mut link, 200, 6, &beacon(&with_switch(1, 11, 3)));
    assert!(says_something(&mut link, 210).is_empty());
    link.handle_timeout(at(393));
    link.handle_timeout(at(404));
    assert!(sent(&mut link).is_empty());
    let untold = LinkEvent::Away { told: false };
    assert_eq!(events(&mut link), [untold, LinkEvent::SwitchChannel(channel(11))]);
}
