use std::time::Duration;

use super::{Fetch, Link, LinkConfig, LinkEnd, LinkEvent, LinkState};
use crate::mac::DropReason;
use crate::random::Random;
use crate::time::Instant;
use crate::wire::amsdu::{Amsdu, AmsduWriter};
use crate::wire::element::{ElementKind, ElementsBuf, HtCapabilities, Ssid, TimBitmap, Wmm};
use crate::wire::management::{Algorithm, AssociationResponse, Authentication, Beacon, Leave};
use crate::wire::{
    AssociationId, Capabilities, ElementId, EtherType, Frame, FrameKind, Llc, MacAddr, MacHeader,
    ManagementBody, QosControl, ReasonCode, RxInfo, SequenceControl, StatusCode, Transmit, TxStatus,
};

pub(super) const STATION: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x10]);
pub(super) const AP: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
pub(super) const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 2, 0]);
pub(super) const AID: u16 = 5;
const WMM: &[u8] = &[1, 1, 0, 0, 3, 0xa4, 0, 0, 0x27, 0xa4, 0, 0, 0x42, 0x43, 0x5e, 0, 0x62, 0x32, 0x2f, 0];

/// Counts up: every draw differs, every run is the same.
pub(super) struct Counting(pub(super) u8);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0 += 1;
        buffer.fill(self.0);
    }
}

pub(super) fn random() -> Box<dyn Random + Send> {
    Box::new(Counting(0))
}

pub(super) fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn link() -> Link {
    let mut link = Link::new(plain(), random());
    link.start(at(0));
    link
}

pub(super) fn hear(link: &mut Link, millis: u64, frame: &[u8]) {
    let info = RxInfo { signal: Some(-50), ..RxInfo::default() };
    link.handle_frame(at(millis), &info, &mut frame.to_vec());
}

pub(super) fn management(bssid: MacAddr, body: &ManagementBody<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    MacHeader::management(body.kind(), STATION, bssid, bssid).emit(&mut frame);
    body.emit(&mut frame);
    frame
}

pub(super) fn elements(ssid: &[u8], tim: Option<(&TimBitmap, bool)>) -> ElementsBuf {
    let mut elements = ElementsBuf::new();
    let mut writer = elements.writer();
    writer.put(&Ssid::new(ssid).unwrap());
    if let Some((bitmap, group)) = tim {
        writer.put(&bitmap.tim(0, 1, group));
    }
    writer.put_kind(ElementKind::WMM, |out| out.extend_from_slice(WMM));
    elements
}

pub(super) fn beacon_of(bssid: MacAddr, interval: u16, elements: &ElementsBuf) -> Vec<u8> {
    let capabilities = Capabilities::default().with_ess(true);
    let beacon = Beacon { timestamp: 1, interval, capabilities, elements: elements.elements() };
    management(bssid, &ManagementBody::Beacon(beacon))
}

/// A beacon of our AP at this time of its clock.
fn beacon_at(timestamp: u64) -> Vec<u8> {
    let elements = elements(b"open", None);
    let capabilities = Capabilities::default().with_ess(true);
    let beacon = Beacon { timestamp, interval: 100, capabilities, elements: elements.elements() };
    management(AP, &ManagementBody::Beacon(beacon))
}

pub(super) fn authentication(bssid: MacAddr, transaction: u16, status: StatusCode) -> Vec<u8> {
    management(bssid, &ManagementBody::Authentication(Authentication::open(transaction, status)))
}

pub(super) fn association(bssid: MacAddr, status: StatusCode, aid: u16) -> Vec<u8> {
    let elements = elements(b"open", None);
    let body = AssociationResponse {
        capabilities: Capabilities::default().with_ess(true),
        status,
        aid: AssociationId::new(aid),
        elements: elements.elements(),
    };
    management(bssid, &ManagementBody::AssociationResponse(body))
}

pub(super) fn sent(link: &mut Link) -> Vec<Transmit> {
    std::iter::from_fn(|| link.poll_transmit()).collect()
}

pub(super) fn kinds(transmits: &[Transmit]) -> Vec<FrameKind> {
    transmits.iter().map(|transmit| Frame::parse(&transmit.frame).unwrap().kind()).collect()
}

pub(super) fn events(link: &mut Link) -> Vec<LinkEvent> {
    std::iter::from_fn(|| link.poll_event()).collect()
}

/// Joined by 130 ms.
pub(super) fn connected(config: LinkConfig) -> Link {
    let mut link = Link::new(config, random());
    link.start(at(0));
    hear(&mut link, 10, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(120));
    hear(&mut link, 125, &authentication(AP, 2, StatusCode::SUCCESS));
    hear(&mut link, 130, &association(AP, StatusCode::SUCCESS, AID));
    assert_eq!(events(&mut link), [LinkEvent::Connected { bssid: AP, aid: AID }]);
    sent(&mut link);
    link
}

pub(super) fn plain() -> LinkConfig {
    LinkConfig::new(STATION, b"open")
}

fn dozing() -> Link {
    dozing_as(LinkConfig { doze_after: Some(Duration::from_millis(100)), ..plain() })
}

fn dozing_as(config: LinkConfig) -> Link {
    let mut link = connected(config);
    assert_eq!(link.poll_timeout(), Some((at(230), "nothing to do: time to doze")));
    link.handle_timeout(at(230));
    let null = sent(&mut link).remove(0);
    let control = Frame::parse(&null.frame).unwrap().frame_control();
    assert!(control.kind() == FrameKind::NULL && control.power_management());
    assert!(link.is_listening(at(231)) && !link.is_dozing(), "not before its ACK");
    link.handle_tx_status(at(232), TxStatus { id: null.id, acked: true, retries: 0 });
    assert_eq!(events(&mut link), [LinkEvent::Dozing]);
    hear(&mut link, 235, &beacon_of(AP, 100, &elements(b"open", None)));
    link
}

fn data(destination: MacAddr, sequence: u16, flag: fn(MacHeader) -> MacHeader) -> Vec<u8> {
    let header = MacHeader::from_ds(destination, AP, OTHER).with_sequence(SequenceControl::new(sequence, 0));
    let mut frame = Vec::new();
    flag(header).emit(&mut frame);
    frame.extend_from_slice(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 1, 2, 3]);
    frame
}

pub(super) fn ethernet(destination: MacAddr, source: MacAddr) -> Vec<u8> {
    [&destination.octets()[..], &source.octets(), &[8, 0, 1, 2, 3]].concat()
}

const NO_FLAG: fn(MacHeader) -> MacHeader = |header| header;

#[test]
fn it_asks_joins_and_carries_data_both_ways() {
    let mut link = link();
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::PROBE_REQUEST]);
    hear(&mut link, 10, &beacon_of(AP, 100, &elements(b"open", None)));
    assert_eq!(link.poll_timeout(), Some((at(120), "the end of the scan")));
    link.handle_timeout(at(120));
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::AUTHENTICATION]);
    hear(&mut link, 121, &authentication(AP, 2, StatusCode::SUCCESS));
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::ASSOCIATION_REQUEST]);
    hear(&mut link, 122, &association(AP, StatusCode::SUCCESS, AID));
    assert_eq!(events(&mut link), [LinkEvent::Connected { bssid: AP, aid: AID }]);

    link.handle_msdu(at(130), &ethernet(OTHER, STATION));
    let up = sent(&mut link).remove(0);
    let Frame::Data(frame) = Frame::parse(&up.frame).unwrap() else { panic!("data") };
    assert_eq!((frame.addr1(), frame.destination(), frame.source()), (AP, OTHER, STATION));
    assert!(frame.qos().is_some() && !frame.frame_control().power_management());

    hear(&mut link, 131, &data(STATION, 9, NO_FLAG));
    assert_eq!(events(&mut link), [LinkEvent::Msdu(ethernet(STATION, OTHER))]);
}

#[test]
fn it_prefers_the_bss_that_answered_it() {
    let mut link = link();
    hear(&mut link, 10, &beacon_of(OTHER, 100, &elements(b"open", None)));
    let elements = elements(b"open", None);
    let answer = Beacon {
        timestamp: 1,
        interval: 100,
        capabilities: Capabilities::default().with_ess(true),
        elements: elements.elements(),
    };
    let mut answer = management(AP, &ManagementBody::ProbeResponse(answer));
    link.handle_frame(at(20), &RxInfo { signal: Some(-80), ..RxInfo::default() }, &mut answer);
    link.handle_timeout(at(120));
    assert_eq!(link.bssid(), Some(AP));
}

#[test]
fn other_names_hidden_names_and_encrypted_networks_are_passed_over() {
    let mut link = link();
    hear(&mut link, 10, &beacon_of(AP, 100, &elements(b"other", None)));
    hear(&mut link, 11, &beacon_of(AP, 100, &elements(b"", None)));
    let elements = elements(b"open", None);
    let capabilities = Capabilities::default().with_ess(true).with_privacy(true);
    let private = Beacon { timestamp: 1, interval: 100, capabilities, elements: elements.elements() };
    hear(&mut link, 12, &management(AP, &ManagementBody::Beacon(private)));
    link.handle_timeout(at(120));
    assert_eq!(link.state(), LinkState::Waiting);
}

#[test]
fn an_ap_that_does_not_answer_is_asked_four_times_and_then_waited_for() {
    let mut link = link();
    hear(&mut link, 10, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(120));
    let mut now = 120;
    while link.state() == LinkState::Authenticating {
        now += 200;
        link.handle_timeout(at(now));
    }
    assert_eq!(kinds(&sent(&mut link))[1..], [FrameKind::AUTHENTICATION; 4]);
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end: LinkEnd::Unanswered }]);
    let (first, _) = link.poll_timeout().unwrap();
    link.handle_timeout(first);
    assert_eq!(link.state(), LinkState::Scanning);
    let end = first + Duration::from_millis(120);
    link.handle_timeout(end);
    assert_eq!(link.poll_timeout().unwrap().0, end + Duration::from_millis(400), "twice as patient");
}

#[test]
fn sec_m8_a_clock_that_jumps_back_ends_nothing_but_the_ap_is_asked_whether_it_knows_us() {
    let mut link = connected(plain());
    let nulls = |link: &mut Link, millis| {
        link.handle_timeout(at(millis));
        kinds(&sent(link))
    };
    for (millis, timestamp) in [(200, 900_000), (300, 1_000_000), (400, 950_000)] {
        hear(&mut link, millis, &beacon_at(timestamp));
        assert_eq!(nulls(&mut link, millis), [], "a clock may be corrected");
    }
    hear(&mut link, 500, &beacon_at(20_000));
    assert_eq!(nulls(&mut link, 500), [FrameKind::NULL]);
    assert_eq!((link.state(), events(&mut link)), (LinkState::Connected, vec![]));
    // An answer to that says it, one way or the other.
    hear(
        &mut link,
        501,
        &management(AP, &ManagementBody::Deauthentication(Leave::new(ReasonCode::CLASS2_FRAME))),
    );
    let end = LinkEnd::Deauthenticated(ReasonCode::CLASS2_FRAME);
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end }]);
}

#[test]
fn a_refusal_says_why() {
    let mut link = link();
    hear(&mut link, 10, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(120));
    hear(&mut link, 121, &authentication(AP, 2, StatusCode::SUCCESS));
    hear(&mut link, 122, &association(AP, StatusCode::TOO_MANY_STATIONS, 0));
    let end = LinkEnd::Refused(StatusCode::TOO_MANY_STATIONS);
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end }]);
}

#[test]
fn sec_m13_answers_that_were_not_asked_for_change_nothing() {
    let mut link = link();
    hear(&mut link, 5, &authentication(AP, 2, StatusCode::SUCCESS));
    hear(&mut link, 6, &association(AP, StatusCode::SUCCESS, AID));
    assert_eq!(link.state(), LinkState::Scanning);
    hear(&mut link, 10, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(120));

    hear(&mut link, 121, &authentication(OTHER, 2, StatusCode::SUCCESS));
    hear(&mut link, 122, &authentication(AP, 1, StatusCode::SUCCESS));
    hear(&mut link, 123, &authentication(AP, 4, StatusCode::SUCCESS));
    let sae = Authentication { algorithm: Algorithm::SAE, ..Authentication::open(2, StatusCode::SUCCESS) };
    hear(&mut link, 124, &management(AP, &ManagementBody::Authentication(sae)));
    hear(&mut link, 125, &association(AP, StatusCode::SUCCESS, AID));
    assert_eq!(link.state(), LinkState::Authenticating);

    hear(&mut link, 126, &authentication(AP, 2, StatusCode::SUCCESS));
    hear(&mut link, 127, &association(OTHER, StatusCode::SUCCESS, AID));
    hear(&mut link, 128, &association(AP, StatusCode::SUCCESS, 0));
    hear(&mut link, 129, &association(AP, StatusCode::SUCCESS, 2008));
    assert_eq!(link.state(), LinkState::Associating);
    assert!(events(&mut link).is_empty());
    assert!(link.drops().of(DropReason::UnexpectedManagement) >= 5);
}

#[test]
fn sec_m13_another_bss_cannot_end_the_association() {
    let mut link = connected(plain());
    let leave = ManagementBody::Deauthentication(Leave::new(ReasonCode::LEAVING));
    hear(&mut link, 140, &management(OTHER, &leave));
    assert_eq!((link.state(), link.drops().of(DropReason::WrongBssid)), (LinkState::Connected, 1));
    hear(&mut link, 150, &management(AP, &leave));
    let end = LinkEnd::Deauthenticated(ReasonCode::LEAVING);
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end }]);
}

#[test]
fn sec_m8_absurd_beacons_neither_stop_the_clock_nor_keep_a_dead_ap_alive() {
    for interval in [0, 1, u16::MAX] {
        let mut link = Link::new(plain(), random());
        link.start(at(0));
        hear(&mut link, 10, &beacon_of(AP, interval, &elements(b"open", None)));
        link.handle_timeout(at(120));
        hear(&mut link, 125, &authentication(AP, 2, StatusCode::SUCCESS));
        hear(&mut link, 130, &association(AP, StatusCode::SUCCESS, AID));
        let (gone, _) = link.poll_timeout().unwrap();
        assert!(gone > at(1000) && gone < at(200_000), "{interval}: {gone}");
        link.handle_timeout(gone);
        assert_eq!(events(&mut link)[1], LinkEvent::Disconnected { bssid: AP, end: LinkEnd::BeaconLoss });
    }
}

#[test]
fn sec_m8_a_senseless_tim_is_no_tim() {
    for tim in [&[0, 0, 0, 0xff][..], &[0, 1, 0xfe, 0xff], &[0, 1], &[]] {
        let mut link = dozing();
        let mut elements = ElementsBuf::new();
        elements.writer().element(crate::wire::ElementId::TIM, tim);
        hear(&mut link, 335, &beacon_of(AP, 100, &elements));
        assert!(sent(&mut link).is_empty() && link.is_dozing(), "{tim:?}");
    }
}

#[test]
fn sec_d13_group_frames_to_the_ds_are_dropped() {
    let mut link = connected(plain());
    let to_ds = data(MacAddr::BROADCAST, 1, |mut header| {
        header.frame_control = header.frame_control.with_to_ds(true).with_from_ds(false);
        header
    });
    hear(&mut link, 140, &to_ds);
    assert!(events(&mut link).is_empty());
    assert_eq!(link.drops().of(DropReason::WrongDirection), 1);
}

#[test]
fn sec_d14_a_retransmission_is_delivered_once() {
    let mut link = connected(plain());
    let retry = |mut header: MacHeader| {
        header.frame_control = header.frame_control.with_retry(true);
        header
    };
    hear(&mut link, 140, &data(STATION, 1, NO_FLAG));
    hear(&mut link, 141, &data(STATION, 1, retry));
    hear(&mut link, 142, &data(STATION, 2, retry));
    assert_eq!((events(&mut link).len(), link.drops().of(DropReason::Duplicate)), (2, 1));
}

#[test]
fn what_is_not_ours_is_dropped_by_name() {
    let mut link = connected(plain());
    hear(&mut link, 140, &data(OTHER, 1, NO_FLAG));
    let reflected = |mut header: MacHeader| {
        header.addr3 = STATION;
        header
    };
    hear(&mut link, 141, &data(MacAddr::BROADCAST, 2, reflected));
    let protected = |mut header: MacHeader| {
        header.frame_control = header.frame_control.with_protected(true);
        header
    };
    hear(&mut link, 142, &data(STATION, 3, protected));
    let fragment = |header: MacHeader| header.with_sequence(SequenceControl::new(4, 1));
    hear(&mut link, 143, &data(STATION, 4, fragment));
    hear(&mut link, 144, &data(MacAddr::BROADCAST, 5, fragment));
    hear(&mut link, 145, &[0; 3]);
    assert!(events(&mut link).is_empty());
    for reason in [
        DropReason::NotForUs,
        DropReason::OwnEcho,
        DropReason::ProtectedUnexpectedly,
        DropReason::FragmentWithoutFirst,
        DropReason::GroupFragment,
        DropReason::Malformed,
    ] {
        assert_eq!(link.drops().of(reason), 1, "{reason:?}");
    }
}

#[test]
fn a_dozing_station_fetches_what_waits_for_it_frame_by_frame() {
    let mut link = dozing();
    assert!(!link.is_listening(at(300)) && link.is_listening(at(336)));
    let mut bitmap = TimBitmap::new();
    bitmap.set(AID, true);
    hear(&mut link, 338, &beacon_of(AP, 100, &elements(b"open", Some((&bitmap, false)))));
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::PS_POLL]);
    assert!(link.is_listening(at(340)));
    let more = |mut header: MacHeader| {
        header.frame_control = header.frame_control.with_more_data(true);
        header
    };
    hear(&mut link, 341, &data(STATION, 1, more));
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::PS_POLL]);
    hear(&mut link, 342, &data(STATION, 2, NO_FLAG));
    assert!(sent(&mut link).is_empty() && link.is_dozing() && !link.is_listening(at(343)));
    assert_eq!(events(&mut link).len(), 2);
}

#[test]
fn a_dozing_station_stays_on_for_group_frames_until_the_last() {
    let mut link = dozing();
    hear(&mut link, 338, &beacon_of(AP, 100, &elements(b"open", Some((&TimBitmap::new(), true)))));
    assert!(sent(&mut link).is_empty() && link.is_listening(at(340)));
    hear(&mut link, 341, &data(MacAddr::BROADCAST, 1, NO_FLAG));
    assert!(!link.is_listening(at(342)));
    assert_eq!(events(&mut link).len(), 1);
}

#[test]
fn a_poll_without_answer_is_given_up_and_tried_again_at_the_next_beacon() {
    let mut link = dozing();
    let mut bitmap = TimBitmap::new();
    bitmap.set(AID, true);
    for beacon in [338, 438] {
        hear(&mut link, beacon, &beacon_of(AP, 100, &elements(b"open", Some((&bitmap, false)))));
        assert_eq!(kinds(&sent(&mut link)), [FrameKind::PS_POLL]);
        assert_eq!(link.poll_timeout().unwrap().0, at(beacon + 40));
        link.handle_timeout(at(beacon + 40));
        assert!(!link.is_listening(at(beacon + 41)));
    }
}

#[test]
fn sending_wakes_it_and_a_doze_the_ap_did_not_hear_of_is_none() {
    let mut link = dozing();
    link.handle_msdu(at(300), &ethernet(OTHER, STATION));
    assert_eq!(events(&mut link), [LinkEvent::Awake]);
    sent(&mut link);
    link.handle_timeout(at(400));
    let null = sent(&mut link).remove(0);
    link.handle_tx_status(at(410), TxStatus { id: null.id, acked: false, retries: 7 });
    assert!(!link.is_dozing() && link.is_listening(at(411)));
}

#[test]
fn it_leaves_politely_and_stays_away() {
    let mut link = connected(plain());
    link.stop();
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::DEAUTHENTICATION]);
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end: LinkEnd::Stopped }]);
    assert_eq!((link.state(), link.poll_timeout()), (LinkState::Off, None));
}

#[test]
fn without_an_association_data_has_nowhere_to_go() {
    let mut link = link();
    sent(&mut link);
    link.handle_msdu(at(1), &ethernet(OTHER, STATION));
    assert!(sent(&mut link).is_empty());
    assert_eq!(link.drops().of(DropReason::NoDestination), 1);
}

fn data_of(transmit: &Transmit) -> crate::wire::frame::DataFrame<'_> {
    let Frame::Data(frame) = Frame::parse(&transmit.frame).unwrap() else { panic!("data") };
    frame
}

/// What the AP announces of itself in beacon and response: WMM with U-APSD, HT.
fn capable() -> ElementsBuf {
    let mut elements = ElementsBuf::new();
    elements
        .writer()
        .put(&Ssid::new(b"open").unwrap())
        .element(ElementId::HT_CAPABILITIES, &HtCapabilities::data(0x000c, 0, [0xff, 0, 0, 0]))
        .put(&Wmm::parameters(true));
    elements
}

fn capable_association(again: bool) -> Vec<u8> {
    let elements = capable();
    let body = AssociationResponse {
        capabilities: Capabilities::default().with_ess(true),
        status: StatusCode::SUCCESS,
        aid: AssociationId::new(AID),
        elements: elements.elements(),
    };
    management(
        AP,
        &if again {
            ManagementBody::ReassociationResponse(body)
        } else {
            ManagementBody::AssociationResponse(body)
        },
    )
}

/// With an AP that knows HT and U-APSD; the request that it was asked with comes along.
fn connected_capably(config: LinkConfig) -> (Link, Vec<u8>) {
    let mut link = Link::new(config, random());
    link.start(at(0));
    hear(&mut link, 10, &beacon_of(AP, 100, &capable()));
    link.handle_timeout(at(120));
    hear(&mut link, 125, &authentication(AP, 2, StatusCode::SUCCESS));
    let request = sent(&mut link).pop().unwrap().frame;
    hear(&mut link, 130, &capable_association(false));
    assert_eq!(events(&mut link), [LinkEvent::Connected { bssid: AP, aid: AID }]);
    (link, request)
}

#[test]
fn it_asks_for_qos_ht_and_u_apsd_where_the_ap_knows_them() {
    let config = LinkConfig { fetch: Fetch::Trigger, ..plain() };
    for (config, uapsd) in [(plain(), 0), (config, 0x0f)] {
        let (_, request) = connected_capably(config);
        let Frame::Management(frame) = Frame::parse(&request).unwrap() else { panic!("management") };
        let elements = frame.parse_body().unwrap().elements();
        assert!(elements.get::<HtCapabilities<'_>>().unwrap().is_some());
        assert_eq!(elements.get::<Wmm<'_>>().unwrap().unwrap().qos(), Some(uapsd));
    }
}

#[test]
fn it_tells_the_rates_that_both_have() {
    let mut link = link();
    let mut elements = elements(b"open", None);
    elements.writer().rates(&[0x82, 0x0c, 0x6c, 0x7e]);
    hear(&mut link, 10, &beacon_of(AP, 100, &elements));
    link.handle_timeout(at(120));
    hear(&mut link, 125, &authentication(AP, 2, StatusCode::SUCCESS));
    let request = sent(&mut link).pop().unwrap().frame;
    let Frame::Management(frame) = Frame::parse(&request).unwrap() else { panic!("management") };
    let rates: Vec<_> = frame.parse_body().unwrap().elements().rates().map(|entry| entry.0 & 0x7f).collect();
    assert_eq!(rates, [0x0c, 0x6c, 0x02]);
}

#[test]
fn short_msdus_go_together_in_an_amsdu_and_those_of_one_are_taken_apart() {
    let (mut link, _) = connected_capably(plain());
    for _ in 0..3 {
        link.handle_msdu(at(140), &ethernet(OTHER, MacAddr([8; 6])));
    }
    let up = sent(&mut link).remove(0);
    assert!(data_of(&up).qos().unwrap().amsdu());
    let sources: Vec<_> = Amsdu::new(data_of(&up).payload()).map(|msdu| msdu.unwrap().source).collect();
    assert_eq!(sources, [STATION; 3], "it sends under its own address alone");

    let mut down = Vec::new();
    let qos = QosControl::new(0).with_amsdu(true);
    MacHeader::from_ds(STATION, AP, AP).with_qos(qos).emit(&mut down);
    let mut writer = AmsduWriter::new(&mut down);
    for text in [1, 2] {
        writer.push(STATION, OTHER, &Llc::Typed(EtherType::ARP, &[text]));
    }
    hear(&mut link, 141, &down);
    assert_eq!(events(&mut link).len(), 2);
}

#[test]
fn fragments_are_put_together() {
    let mut link = connected(plain());
    let first = |mut header: MacHeader| {
        header.frame_control = header.frame_control.with_more_fragments(true);
        header
    };
    hear(&mut link, 140, &data(STATION, 7, first));
    let mut second = Vec::new();
    MacHeader::from_ds(STATION, AP, OTHER).with_sequence(SequenceControl::new(7, 1)).emit(&mut second);
    second.push(4);
    hear(&mut link, 141, &second);
    let whole = [&ethernet(STATION, OTHER)[..], &[4]].concat();
    assert_eq!(events(&mut link), [LinkEvent::Msdu(whole)]);
}

#[test]
fn a_long_msdu_is_sent_in_fragments() {
    let mut link = connected(LinkConfig { fragmentation_threshold: Some(256), ..plain() });
    let mut long = ethernet(OTHER, STATION);
    long.resize(700, 7);
    link.handle_msdu(at(140), &long);
    let fragments = sent(&mut link);
    assert_eq!(fragments.len(), 4);
    assert!(data_of(&fragments[0]).frame_control().more_fragments() && fragments[0].frame.len() <= 252);
}

#[test]
fn with_u_apsd_one_trigger_fetches_all_and_the_end_of_the_service_period_is_the_end() {
    let config =
        LinkConfig { fetch: Fetch::Trigger, doze_after: Some(Duration::from_millis(100)), ..plain() };
    let (mut link, _) = connected_capably(config);
    link.handle_timeout(at(230));
    let id = sent(&mut link).remove(0).id;
    link.handle_tx_status(at(231), TxStatus { id, acked: true, retries: 0 });
    assert_eq!(events(&mut link), [LinkEvent::Dozing]);
    let mut bitmap = TimBitmap::new();
    bitmap.set(AID, true);
    hear(&mut link, 338, &beacon_of(AP, 100, &elements(b"open", Some((&bitmap, false)))));
    let trigger = sent(&mut link).remove(0);
    let frame = data_of(&trigger);
    assert!(frame.is_null() && frame.qos().is_some() && frame.frame_control().power_management());
    for (number, eosp) in [(1, false), (2, true)] {
        assert!(link.is_listening(at(341)));
        let mut frame = Vec::new();
        MacHeader::from_ds(STATION, AP, OTHER)
            .with_sequence(SequenceControl::new(number, 0))
            .with_qos(QosControl::new(0).with_eosp(eosp))
            .emit(&mut frame);
        frame.extend_from_slice(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 1]);
        hear(&mut link, 340, &frame);
        assert!(sent(&mut link).is_empty());
    }
    assert!(link.is_dozing() && !link.is_listening(at(341)));
    assert_eq!(events(&mut link).len(), 2);
}

#[test]
fn it_may_also_fetch_by_waking() {
    let config = LinkConfig { fetch: Fetch::Wake, doze_after: Some(Duration::from_millis(100)), ..plain() };
    let mut link = dozing_as(config);
    let mut bitmap = TimBitmap::new();
    bitmap.set(AID, true);
    hear(&mut link, 338, &beacon_of(AP, 100, &elements(b"open", Some((&bitmap, false)))));
    let null = sent(&mut link).remove(0);
    assert!(data_of(&null).is_null() && !data_of(&null).frame_control().power_management());
    assert!(!link.is_dozing());
    assert_eq!(events(&mut link), [LinkEvent::Awake]);
}

#[test]
fn an_ap_that_believes_us_to_doze_is_told_that_we_are_awake() {
    let mut link = connected(plain());
    let mut bitmap = TimBitmap::new();
    bitmap.set(AID, true);
    hear(&mut link, 200, &beacon_of(AP, 100, &elements(b"open", Some((&bitmap, false)))));
    let null = sent(&mut link).remove(0);
    assert!(data_of(&null).is_null() && !data_of(&null).frame_control().power_management());
}

#[test]
fn a_bss_that_sends_us_on_is_passed_over_for_a_while_and_the_next_scan_follows_at_once() {
    let mut link = link();
    hear(&mut link, 10, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(120));
    let elsewhere = StatusCode::SUGGESTED_BSS_TRANSITION;
    hear(&mut link, 121, &authentication(AP, 2, elsewhere));
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end: LinkEnd::Refused(elsewhere) }]);
    let (again, _) = link.poll_timeout().unwrap();
    assert!(again <= at(150));
    link.handle_timeout(again);
    sent(&mut link);
    hear(&mut link, 160, &beacon_of(AP, 100, &elements(b"open", None)));
    hear(&mut link, 161, &beacon_of(OTHER, 100, &elements(b"open", None)));
    link.handle_timeout(again + Duration::from_millis(120));
    assert_eq!(link.bssid(), Some(OTHER));
    link.stop();
    link.start(at(11_000));
    hear(&mut link, 11_010, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(at(11_120));
    assert_eq!(link.bssid(), Some(AP));
}

#[test]
fn after_a_loss_of_beacons_it_reassociates() {
    let mut link = connected(plain());
    let (gone, _) = link.poll_timeout().unwrap();
    link.handle_timeout(gone.max(at(1_200)));
    let (scan, _) = link.poll_timeout().unwrap();
    link.handle_timeout(scan);
    let millis = scan.as_micros() / 1000;
    hear(&mut link, millis + 1, &beacon_of(AP, 100, &elements(b"open", None)));
    link.handle_timeout(scan + Duration::from_millis(120));
    hear(&mut link, millis + 121, &authentication(AP, 2, StatusCode::SUCCESS));
    assert_eq!(kinds(&sent(&mut link)).last(), Some(&FrameKind::REASSOCIATION_REQUEST));
    hear(&mut link, millis + 122, &capable_association(true));
    assert_eq!(link.state(), LinkState::Connected);
}

proptest::proptest! {
    #[test]
    fn sec_m11_any_bytes_are_survived_in_every_state(frames in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80), 1..20)) {
        for mut link in [link(), connected(plain()), dozing()] {
            for (n, bytes) in (0u64..).zip(&frames) {
                let mut framed = beacon_of(AP, 100, &elements(b"open", None));
                framed.truncate(36);
                framed.extend_from_slice(bytes);
                hear(&mut link, 600 + n, bytes);
                hear(&mut link, 600 + n, &framed);
                link.handle_timeout(at(600 + n));
            }
            proptest::prop_assert!(sent(&mut link).len() <= 256);
        }
    }
}
