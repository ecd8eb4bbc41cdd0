//! `ApRadio` against `Link`, without an air: every frame arrives and is acknowledged.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use stack::ap::{ApEvent, ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::mac::DropReason;
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity, LinkState};
use stack::time::Instant;
use stack::wire::management::{Authentication, Leave};
use stack::wire::{
    Band, Channel, Frame, FrameKind, MacAddr, MacHeader, ManagementBody, ReasonCode, RxInfo, SequenceControl,
    StatusCode, TxStatus,
};

const BASE: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const NETWORK: NetworkId = NetworkId(7);
const FAR: MacAddr = MacAddr([2, 9, 9, 9, 9, 9]);

struct Counting(u64);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

fn station(n: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 2, n])
}

fn at(millis: u64) -> Instant {
    Instant::from_micros(1_000_000 + millis * 1000)
}

struct World {
    now: u64,
    ap: ApRadio,
    links: Vec<(MacAddr, Link)>,
    ap_events: Vec<ApEvent>,
    link_events: Vec<(usize, LinkEvent)>,
    /// What the AP sent, with its time.
    air: Vec<(u64, Vec<u8>)>,
}

impl World {
    fn new(network: NetworkConfig) -> Self {
        let channel = Channel::new(Band::Ghz5, 36).unwrap();
        let config = RadioConfig::new(channel, BssidBlock { base: BASE, bits: 4 });
        let ap = ApRadio::new(config, vec![network], at(0), Box::new(Counting(1)));
        Self {
            now: 0,
            ap,
            links: Vec::new(),
            ap_events: Vec::new(),
            link_events: Vec::new(),
            air: Vec::new(),
        }
    }

    fn link(&mut self, config: LinkConfig) {
        let address = config.address;
        let mut link = Link::new(config, Box::new(Counting(u64::from(address.octets()[5]) + 77)));
        link.start(at(self.now));
        self.links.push((address, link));
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += 1;
            let now = at(self.now);
            self.ap.handle_timeout(now);
            for (_, link) in &mut self.links {
                link.handle_timeout(now);
            }
            for _ in 0..8 {
                self.exchange(now);
            }
        }
    }

    fn exchange(&mut self, now: Instant) {
        let info = RxInfo::default();
        while let Some(transmit) = self.ap.poll_transmit(now) {
            self.air.push((self.now, transmit.frame.clone()));
            for (_, link) in &mut self.links {
                link.handle_frame(now, &info, &mut transmit.frame.clone());
            }
            let receiver = MacAddr::from_slice(&transmit.frame[4..10]).unwrap();
            let acked = receiver.is_group() || self.links.iter().any(|(address, _)| *address == receiver);
            let id = transmit.id;
            self.ap.recycle(transmit);
            self.ap.handle_tx_status(now, TxStatus { id, acked, retries: 0 });
        }
        for (index, (_, link)) in self.links.iter_mut().enumerate() {
            while let Some(mut transmit) = link.poll_transmit() {
                self.ap.handle_frame(now, &info, &mut transmit.frame);
                link.handle_tx_status(now, TxStatus { id: transmit.id, acked: true, retries: 0 });
            }
            while let Some(event) = link.poll_event() {
                self.link_events.push((index, event));
            }
        }
        while let Some(event) = self.ap.poll_event() {
            self.ap_events.push(event);
        }
    }

    fn heard(&mut self, frame: &[u8]) {
        self.ap.handle_frame(at(self.now), &RxInfo::default(), &mut frame.to_vec());
    }

    fn got(&self, index: usize, what: &[u8]) -> usize {
        let is = |event: &LinkEvent| format!("{event:?}").contains(&format!("{what:?}")[1..]);
        self.link_events.iter().filter(|(i, event)| *i == index && is(event)).count()
    }
}

fn ethernet(destination: MacAddr, source: MacAddr, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend_from_slice(&destination.octets());
    frame.extend_from_slice(&source.octets());
    frame.extend_from_slice(&[0x08, 0x00]);
    frame.extend_from_slice(payload);
    frame
}

fn open() -> NetworkConfig {
    NetworkConfig::new(NETWORK, b"net".to_vec(), Security::Open)
}

fn wpa2() -> NetworkConfig {
    NetworkConfig::new(NETWORK, b"net".to_vec(), Security::Wpa2(Pmk::new(&[1; 32]).unwrap()))
}

fn secure(n: u8, pmk: u8) -> LinkConfig {
    let security = LinkSecurity::Wpa2(Pmk::new(&[pmk; 32]).unwrap());
    LinkConfig { security, ..LinkConfig::new(station(n), b"net") }
}

fn management(from: MacAddr, body: &ManagementBody<'_>, number: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    MacHeader::management(body.kind(), BASE, from, BASE)
        .with_sequence(SequenceControl::new(number, 0))
        .emit(&mut frame);
    body.emit(&mut frame);
    frame
}

fn authentication(from: MacAddr) -> Vec<u8> {
    management(from, &ManagementBody::Authentication(Authentication::open(1, StatusCode::SUCCESS)), 1)
}

fn null(from: MacAddr) -> Vec<u8> {
    let mut frame = vec![0x48, 0x01, 0, 0];
    for address in [BASE, from, BASE] {
        frame.extend_from_slice(&address.octets());
    }
    frame.extend_from_slice(&[0, 0]);
    frame
}

fn kind(frame: &[u8]) -> Option<FrameKind> {
    Frame::parse(frame).ok().map(|frame| match frame {
        Frame::Management(frame) => frame.frame_control().kind(),
        Frame::Control(frame) => frame.frame_control().kind(),
        Frame::Data(frame) => frame.frame_control().kind(),
        Frame::Extension(frame) => frame.frame_control().kind(),
    })
}

fn traffic_both_ways(world: &mut World) {
    let up = ethernet(FAR, station(1), b"a frame to the far side");
    world.links[0].1.handle_msdu(at(world.now), &up);
    world.ap.handle_msdu(at(world.now), NETWORK, &ethernet(station(1), FAR, b"a frame to the station"));
    world.ap.handle_msdu(at(world.now), NETWORK, &ethernet(MacAddr::BROADCAST, FAR, b"a frame to all"));
    world.run(300);
    let arrived = |event: &ApEvent| matches!(event, ApEvent::Msdu { ethernet, .. } if *ethernet == up);
    assert!(world.ap_events.iter().any(arrived), "{:?} {:?}", world.ap_events, world.ap.drops());
    assert_eq!(world.got(0, b"a frame to the station"), 1, "{:?}", world.ap.drops());
    assert_eq!(world.got(0, b"a frame to all"), 1, "{:?}", world.ap.drops());
}

#[test]
fn a_link_joins_an_open_network_and_talks_both_ways() {
    let mut world = World::new(open());
    world.link(LinkConfig::new(station(1), b"net"));
    world.run(500);
    assert_eq!(world.links[0].1.state(), LinkState::Connected, "{:?}", world.ap.drops());
    traffic_both_ways(&mut world);
}

#[test]
fn a_link_joins_a_wpa2_network_and_talks_both_ways_encrypted() {
    let mut world = World::new(wpa2());
    world.link(secure(1, 1));
    world.run(500);
    assert_eq!(world.links[0].1.state(), LinkState::Connected, "{:?}", world.ap.drops());
    traffic_both_ways(&mut world);
    let plain = |frame: &[u8]| frame.windows(7).any(|bytes| bytes == b"a frame");
    assert!(!world.air.iter().any(|(_, frame)| plain(frame)), "data left in plaintext");
}

#[test]
fn a_wrong_passphrase_is_refused_and_the_ap_lives() {
    let mut world = World::new(wpa2());
    world.link(secure(1, 2));
    world.link(secure(2, 1));
    world.run(6000);
    assert_ne!(world.links[0].1.state(), LinkState::Connected);
    assert_eq!(world.links[1].1.state(), LinkState::Connected);
}

#[test]
fn two_stations_reach_each_other_unless_isolated() {
    for isolate in [false, true] {
        let mut world = World::new(NetworkConfig { isolate, ..wpa2() });
        world.link(secure(1, 1));
        world.link(secure(2, 1));
        world.run(800);
        let frame = ethernet(station(2), station(1), b"to my neighbour");
        world.links[0].1.handle_msdu(at(world.now), &frame);
        world.run(100);
        assert_eq!(world.got(1, b"to my neighbour"), usize::from(!isolate));
        assert_eq!(world.ap.drops().of(DropReason::Isolated), u64::from(isolate));
    }
}

#[test]
fn a_hidden_network_tells_its_name_only_to_those_who_know_it() {
    let mut world = World::new(NetworkConfig { hidden: true, ..open() });
    world.run(300);
    assert!(
        !world.air.is_empty() && !world.air.iter().any(|(_, frame)| frame.windows(3).any(|w| w == b"net"))
    );
    world.link(LinkConfig::new(station(1), b"net"));
    world.run(500);
    assert_eq!(world.links[0].1.state(), LinkState::Connected);
}

#[test]
fn a_dozing_station_loses_nothing_and_group_frames_wait_for_the_dtim() {
    let mut world = World::new(wpa2());
    world.link(LinkConfig { doze_after: Some(Duration::from_millis(50)), ..secure(1, 1) });
    world.run(1500);
    assert!(world.ap_events.iter().any(|event| matches!(event, ApEvent::PowerSave { dozing: true, .. })));
    for n in 0..20 {
        let text = format!("number {n:03} to one");
        world.ap.handle_msdu(at(world.now), NETWORK, &ethernet(station(1), FAR, text.as_bytes()));
    }
    world.ap.handle_msdu(at(world.now), NETWORK, &ethernet(MacAddr::BROADCAST, FAR, b"number to all"));
    let before = world.air.len();
    world.run(1500);
    for n in 0..20 {
        assert_eq!(
            world.got(0, format!("number {n:03} to one").as_bytes()),
            1,
            "{n}: {:?}",
            world.ap.drops()
        );
    }
    assert_eq!(world.got(0, b"number to all"), 1);
    let group = |frame: &[u8]| frame[0] & 0x0c == 8 && frame[4] & 1 == 1;
    let index = before + world.air[before..].iter().position(|(_, frame)| group(frame)).unwrap();
    assert!(index > before, "not before the next beacon");
    assert_eq!(kind(&world.air[index - 1].1), Some(FrameKind::BEACON), "directly after a beacon");
}

#[test]
fn a_full_network_answers_17() {
    let mut world = World::new(NetworkConfig { max_stations: 1, ..open() });
    world.link(LinkConfig::new(station(1), b"net"));
    world.run(400);
    world.link(LinkConfig::new(station(2), b"net"));
    world.run(400);
    assert!(format!("{:?}", world.link_events).contains("Refused(17"), "{:?}", world.link_events);
    assert_eq!(world.links[0].1.state(), LinkState::Connected);
}

#[test]
fn a_silent_station_is_asked_and_then_leaves() {
    let mut world = World::new(NetworkConfig { inactivity: Duration::from_secs(2), ..wpa2() });
    world.link(secure(1, 1));
    world.run(6000);
    assert_eq!(world.links[0].1.state(), LinkState::Connected, "it acknowledges the question");
    world.links.clear();
    world.run(5000);
    let gone = |e: &ApEvent| matches!(e, ApEvent::StationLeft { reason: ReasonCode::INACTIVITY, .. });
    assert_eq!(world.ap_events.iter().filter(|event| gone(event)).count(), 1);
}

#[test]
fn sec_m3_a_group_or_own_transmitter_gets_no_answer() {
    let mut world = World::new(open());
    for from in [MacAddr::BROADCAST, BASE, MacAddr([3, 0, 0, 0, 0, 1])] {
        world.heard(&authentication(from));
    }
    world.run(1);
    assert!(world.air.iter().all(|(_, frame)| kind(frame) == Some(FrameKind::BEACON)));
    assert_eq!(world.ap.drops().of(DropReason::BadTransmitter), 3);
}

#[test]
fn sec_m9_a_flood_of_strangers_evicts_nobody() {
    let mut world = World::new(wpa2());
    world.link(secure(1, 1));
    world.run(500);
    for n in 0..10_000_u32 {
        let [_, _, a, b] = n.to_be_bytes();
        world.heard(&authentication(MacAddr([2, 7, 7, 7, a, b])));
    }
    world.run(1);
    assert!(world.air.len() < 1000, "answers are bounded: {}", world.air.len());
    assert_eq!(world.links[0].1.state(), LinkState::Connected);
    traffic_both_ways(&mut world);
    world.link(secure(2, 1));
    world.run(1000);
    assert_eq!(world.links[1].1.state(), LinkState::Connected, "there is room for another");
}

#[test]
fn sec_m10_a_stranger_is_told_once_a_second() {
    let mut world = World::new(open());
    for _ in 0..3000 {
        world.heard(&null(station(9)));
        world.run(1);
    }
    let told = |(_, frame): &&(u64, Vec<u8>)| kind(frame) == Some(FrameKind::DEAUTHENTICATION);
    assert_eq!(world.air.iter().filter(told).count(), 3);
}

#[test]
fn sec_h5_nothing_leaves_after_a_deauthentication() {
    let mut world = World::new(wpa2());
    world.link(secure(1, 1));
    world.run(500);
    for _ in 0..50 {
        world.ap.handle_msdu(at(world.now), NETWORK, &ethernet(station(1), FAR, b"too late"));
    }
    let leave = ManagementBody::Deauthentication(Leave::new(ReasonCode::LEAVING));
    world.heard(&management(station(1), &leave, 4000));
    let before = world.air.len();
    world.run(300);
    assert!(!world.air[before..].iter().any(|(_, frame)| frame[0] & 0x0c == 8 && frame[4] & 1 == 0));
    assert_eq!(world.ap.drops().of(DropReason::StaleAssociation), 50);
}
