//! An AP radio among clients that send anything: the bytes are a script of what happens to it.
//!
//! Three links join networks of all kinds and exchange valid frames with the AP, handshakes included. The script lets time
//! pass, changes bytes of their frames, repeats old ones, sends all kinds of frames of its own from their addresses and
//! others, loses acknowledgements, gives the AP traffic, and has virtual APs leave and come. What must hold whatever it does
//! is checked.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use stack::ap::{
    ApEvent, ApRadio, BssidBlock, Context, NetworkConfig, NetworkId, RadioConfig, Security, SharedClock,
    VirtualAp, VirtualApKind,
};
use stack::mac::TxRange;
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkSecurity};
use stack::time::Instant;
use stack::wire::element::{ElementsBuf, HtCapabilities, Rsn, Ssid, Wmm};
use stack::wire::management::{
    Action, AssociationRequest, Authentication, Leave, ProbeRequest, ReassociationRequest,
};
use stack::wire::{
    AckChange, Band, Capabilities, Channel, ElementId, FrameKind, MacAddr, MacHeader, ManagementBody,
    QosControl, ReasonCode, RxInfo, SequenceControl, StatusCode, TxStatus,
};

/// Most steps of a script.
const STEPS: usize = 64;
/// Frames of links that are kept for repetition.
const KEPT: usize = 16;
const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 1, 0]), bits: 3 };
const NETWORKS: [(&[u8], VirtualApKind, bool); 3] = [
    (b"shared", VirtualApKind::Shared, true),
    (b"own", VirtualApKind::PerClient, true),
    (b"open", VirtualApKind::PerClient, false),
];
const MOST_STATIONS: u16 = 12;
const RATES: [u8; 8] = [0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c];
/// What no frame of a protected network shows.
const SECRET: &[u8] = b"that is a secret";

/// The bytes as a script.
pub fn ap(data: &[u8]) {
    let mut world = World::new();
    let mut script = Script(data);
    for _ in 0..STEPS {
        let Some(step) = script.next() else { break };
        world.step(step & 7, step >> 3, &mut script);
        world.check();
    }
    world.run(200_000);
    world.check();
}

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// Changes up to three bytes of a frame, or its length.
    fn change(&mut self, frame: &mut Vec<u8>) {
        let how = self.byte();
        for _ in 0..how & 3 {
            let (at, value) = (usize::from(self.byte()), self.byte());
            let at = at % frame.len().max(1);
            if let Some(byte) = frame.get_mut(at) {
                *byte = value;
            }
        }
        if how & 4 != 0 {
            frame.truncate(usize::from(self.byte()));
        }
        if how & 8 != 0 {
            frame.resize(frame.len() + usize::from(self.byte()), how);
        }
    }
}

struct Counting(u64);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

struct World {
    now: u64,
    ap: ApRadio,
    links: Vec<Link>,
    acknowledged: BTreeSet<MacAddr>,
    /// Virtual APs that have left.
    away: Vec<VirtualAp>,
    kept: VecDeque<Vec<u8>>,
    /// What is done to the next frame of a link: bytes of the script.
    change: Option<[u8; 6]>,
    acked: bool,
    status_comes: bool,
    stopped: bool,
}

fn station(index: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 2, index % 8])
}

impl World {
    fn new() -> Self {
        let pmk = Pmk::new(&[7; 32]).expect("a key");
        let networks = (0..).zip(NETWORKS).map(|(id, (ssid, kind, protected))| NetworkConfig {
            kind,
            max_stations: MOST_STATIONS,
            inactivity: Duration::from_secs(20),
            group_rekey: Some(Duration::from_millis(700)),
            pairwise_rekey: Some(Duration::from_millis(900)),
            hidden: id == 1,
            isolate: id == 2,
            ..NetworkConfig::new(
                NetworkId(id),
                ssid.to_vec(),
                if protected { Security::Wpa2(pmk.clone()) } else { Security::Open },
            )
        });
        let channel = Channel::new(Band::Ghz5, 36).expect("a channel");
        let config = RadioConfig { window: 16, ..RadioConfig::new(channel, BLOCK) };
        let start = Instant::from_micros(1_000_000);
        let links = (0..).zip(NETWORKS).map(|(index, (ssid, _, protected))| {
            let security = if protected { LinkSecurity::Wpa2(pmk.clone()) } else { LinkSecurity::Open };
            let doze_after = (index == 1).then_some(Duration::from_millis(50));
            let config = LinkConfig { security, doze_after, ..LinkConfig::new(station(index), ssid) };
            let mut link = Link::new(config, Box::new(Counting(u64::from(index) + 9)));
            link.start(start);
            link
        });
        let links = links.collect();
        Self {
            now: start.as_micros(),
            ap: ApRadio::new(config, networks.collect(), start, Box::new(Counting(1))),
            links,
            acknowledged: BTreeSet::new(),
            away: Vec::new(),
            kept: VecDeque::new(),
            change: None,
            acked: true,
            status_comes: true,
            stopped: false,
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    fn step(&mut self, what: u8, how: u8, script: &mut Script<'_>) {
        match what {
            0 => self.run(u64::from(how + 1) * 4000),
            1 => {
                self.now += u64::from(how + 1) * 250_000;
                self.ap.handle_timeout(self.now());
                self.exchange();
            }
            2 => self.change = Some(std::array::from_fn(|_| script.byte())),
            3 => {
                let (from, to) = (script.byte(), script.byte());
                let mut frame =
                    template(how, station(from), BLOCK.address(u32::from(to % 8)).unwrap_or_default());
                script.change(&mut frame);
                self.hear(frame);
            }
            4 => (self.acked, self.status_comes, self.stopped) = (how & 1 != 0, how & 2 == 0, how & 4 != 0),
            5 => self.traffic(how, script.byte()),
            6 => {
                let frame = self.kept.get(usize::from(how) % KEPT).cloned();
                let mut frame = frame.unwrap_or_default();
                script.change(&mut frame);
                self.hear(frame);
            }
            _ => self.event(how, script),
        }
    }

    fn event(&mut self, how: u8, script: &mut Script<'_>) {
        let (now, index) = (self.now(), usize::from(how) / 4 % self.links.len());
        match how & 3 {
            0 => self.ap.station_elsewhere(now, NetworkId(u16::from(how / 4)), station(script.byte())),
            1 => {
                let len = usize::from(script.byte()) * 8;
                let frame = ethernet(station(script.byte()), station(index as u8), len);
                self.links[index].handle_msdu(now, &frame);
                self.exchange();
            }
            2 => {
                let len = script.0.len().min(usize::from(how));
                let (bytes, rest) = script.0.split_at(len);
                script.0 = rest;
                self.hear(bytes.to_vec());
            }
            _ => self.moves(how / 4, script),
        }
        self.fetch();
    }

    /// Virtual APs leave and come, as values and as contexts; also such as nobody told the radio about.
    fn moves(&mut self, what: u8, script: &mut Script<'_>) {
        let now = self.now();
        let bssid = BLOCK.address(u32::from(script.byte() % 8)).unwrap_or_default();
        match what {
            0 => self.ap.stop(ReasonCode::LEAVING),
            1 => drop(self.ap.drain(bssid)),
            2 => self.ap.resume(now, bssid),
            3 => {
                let linger = Duration::from_millis(u64::from(script.byte()));
                self.away.extend(self.ap.take(now, bssid, linger));
            }
            4 => drop(self.away.pop().map(|ap| self.ap.adopt(now, ap))),
            5 => {
                drop(self.away.pop().and_then(|ap| through_context(now, ap)).map(|ap| self.ap.adopt(now, ap)))
            }
            6 => self.ap.vacated(bssid),
            _ => drop(self.ap.expect(now, bssid, station(script.byte()), Duration::from_millis(300))),
        }
    }

    fn traffic(&mut self, how: u8, what: u8) {
        let to = if what & 0x80 != 0 { MacAddr::BROADCAST } else { station(what) };
        let frame = ethernet(to, MacAddr([2, 9, 9, 9, 9, 9]), usize::from(what) * 12);
        let times = if how & 8 != 0 { 40 } else { 1 };
        for _ in 0..times {
            self.ap.handle_msdu(self.now(), NetworkId(u16::from(how % 4)), &frame);
        }
    }

    fn hear(&mut self, mut frame: Vec<u8>) {
        let info = RxInfo { bad_fcs: frame.len() % 64 == 63, ..RxInfo::default() };
        self.ap.handle_frame(self.now(), &info, &mut frame);
    }

    fn run(&mut self, micros: u64) {
        self.now += micros;
        let now = self.now();
        self.ap.handle_timeout(now);
        self.links.iter_mut().for_each(|link| link.handle_timeout(now));
        for _ in 0..6 {
            self.exchange();
        }
    }

    fn exchange(&mut self) {
        let (now, info) = (self.now(), RxInfo::default());
        while !self.stopped
            && let Some(transmit) = self.ap.poll_transmit(now)
        {
            assert!(!shows_secret(&transmit.frame) || self.is_open(&transmit.frame), "plaintext on the air");
            let id = transmit.id;
            for link in &mut self.links {
                link.handle_frame(now, &info, &mut transmit.frame.clone());
            }
            self.ap.recycle(transmit);
            if self.status_comes {
                self.ap.handle_tx_status(now, TxStatus { id, acked: self.acked, retries: 1 });
            }
        }
        for index in 0..self.links.len() {
            while let Some(transmit) = self.links[index].poll_transmit() {
                let mut frame = transmit.frame;
                self.kept.push_front(frame.clone());
                self.kept.truncate(KEPT);
                if let Some(change) = self.change.take() {
                    Script(&change).change(&mut frame);
                }
                self.hear(frame);
                self.links[index]
                    .handle_tx_status(now, TxStatus { id: transmit.id, acked: true, retries: 0 });
            }
            while self.links[index].poll_event().is_some() {}
        }
        self.fetch();
    }

    /// The frame is of a BSS that is not protected.
    fn is_open(&self, frame: &[u8]) -> bool {
        let bssid = frame.get(10..16).and_then(MacAddr::from_slice);
        let ap = self.ap.virtual_aps().find(|ap| Some(ap.bssid()) == bssid);
        ap.is_some_and(|ap| ap.config().security == Security::Open)
    }

    fn fetch(&mut self) {
        while let Some(event) = self.ap.poll_event() {
            match event {
                ApEvent::Ack(AckChange::Add(bssid)) => {
                    assert!(self.acknowledged.insert(bssid), "{bssid} twice")
                }
                ApEvent::Ack(AckChange::Remove(bssid)) => {
                    assert!(self.acknowledged.remove(&bssid), "{bssid}")
                }
                ApEvent::Msdu { ethernet, .. } => self.ap.recycle_event(ethernet),
                _ => {}
            }
        }
    }

    fn check(&mut self) {
        self.fetch();
        let full = self.ap.occupancy();
        let stations = usize::from(MOST_STATIONS) + BLOCK.len();
        assert!(full.virtual_aps <= BLOCK.len() && full.stations <= stations, "{full:?}");
        assert!(full.directory <= 2 * stations && full.timers <= BLOCK.len() + stations, "{full:?}");
        assert!(full.strangers <= 2072 && full.outbox <= 512 && full.in_flight <= 16, "{full:?}");
        assert!(full.queued <= stations * 1280 + BLOCK.len() * 256 && full.events == 0, "{full:?}");
        let mut active = BTreeSet::new();
        for ap in self.ap.virtual_aps() {
            assert!(self.acknowledged.contains(&ap.bssid()), "{} is not acknowledged", ap.bssid());
            check_members(ap, &mut active);
        }
        let due = self.ap.poll_timeout().map(|(at, _)| at);
        assert!(
            due.is_some_and(|at| at <= self.now() + Duration::from_millis(200)),
            "it looks after its stations"
        );
    }
}

/// What another node makes of it.
fn through_context(now: Instant, ap: VirtualAp) -> Option<VirtualAp> {
    let (config, clock) = (ap.config().clone(), SharedClock { ahead: 1_000_000_000 });
    let bytes = ap.into_context(now, clock)?.encode();
    let context = Context::decode(&bytes).expect("what is written can be read");
    let range = |_, used| Some(TxRange { after: used, ..TxRange::ALL });
    Some(context.into_virtual_ap(now, clock, &config, range).expect("what left can come"))
}

/// A client's virtual AP has one station, and a station is active on one BSS of a network (SEC-H4).
fn check_members(ap: &VirtualAp, active: &mut BTreeSet<(NetworkId, MacAddr)>) {
    let own = ap.config().kind == VirtualApKind::PerClient;
    assert!(!own || ap.peers().count() == 1, "{} has not one client", ap.bssid());
    for peer in ap.peers().filter(|peer| peer.is_port_open()) {
        assert!(active.insert((ap.config().id, peer.address())), "{} is active twice", peer.address());
        assert!(!peer.config().protected || peer.pairwise().is_some(), "a port is open without a key");
    }
}

fn shows_secret(frame: &[u8]) -> bool {
    frame.windows(SECRET.len()).any(|window| window == SECRET)
}

fn ethernet(to: MacAddr, from: MacAddr, len: usize) -> Vec<u8> {
    let mut frame = [&to.octets()[..], &from.octets(), &[0x08, 0x00]].concat();
    frame.extend(SECRET.iter().cycle().take(len.max(SECRET.len())));
    frame
}

/// A valid frame of one of many kinds.
fn template(which: u8, from: MacAddr, to: MacAddr) -> Vec<u8> {
    let (ssid, _, protected) = NETWORKS[usize::from(which) / 4 % 3];
    let mut elements = ElementsBuf::new();
    if let Some(ssid) = Ssid::new(ssid) {
        elements.writer().put(&ssid).rates(&RATES);
    }
    if protected {
        elements.writer().put(&Rsn::WPA2_PSK);
    }
    elements
        .writer()
        .element(ElementId::HT_CAPABILITIES, &HtCapabilities::data(0, 0, [0xff, 0, 0, 0]))
        .put(&Wmm::Information { qos: 0x0f });
    let capabilities = Capabilities::default().with_ess(true);
    let elements = elements.elements();
    let body = match which % 16 {
        0 | 1 => {
            let body = ManagementBody::ProbeRequest(ProbeRequest { elements });
            return management(MacAddr::BROADCAST, from, &body);
        }
        2 | 3 => ManagementBody::Authentication(Authentication::open(1, StatusCode::SUCCESS)),
        4..=6 => ManagementBody::AssociationRequest(AssociationRequest {
            capabilities,
            listen_interval: u16::from(which),
            elements,
        }),
        7 => ManagementBody::ReassociationRequest(ReassociationRequest {
            capabilities,
            listen_interval: 1,
            current_ap: to,
            elements,
        }),
        8 if which < 16 => ManagementBody::Deauthentication(Leave::new(ReasonCode::LEAVING)),
        8 => ManagementBody::Disassociation(Leave::new(ReasonCode::LEAVING)),
        9 => ManagementBody::Action(Action { category: 3, details: &[0, 1, 2, 0, 0, 0, 0x10, 0] }),
        10 => return control(from, to),
        _ => return data(which, from, to),
    };
    management(to, from, &body)
}

fn management(to: MacAddr, from: MacAddr, body: &ManagementBody<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    MacHeader::management(body.kind(), to, from, to)
        .with_sequence(SequenceControl::new(5, 0))
        .emit(&mut frame);
    body.emit(&mut frame);
    frame
}

/// A PS-Poll with association ID 1.
fn control(from: MacAddr, to: MacAddr) -> Vec<u8> {
    [&[0xa4, 0, 1, 0xc0][..], &to.octets(), &from.octets()].concat()
}

fn data(which: u8, from: MacAddr, to: MacAddr) -> Vec<u8> {
    let far = if which & 16 != 0 { to } else { MacAddr::BROADCAST };
    let mut header = MacHeader::to_ds(to, from, far);
    let (kind, body): (FrameKind, &[u8]) = match which % 16 {
        11 => (FrameKind::NULL, &[]),
        12 => (FrameKind::DATA, &[0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 2, 1, 0, 0]),
        13 => (FrameKind::DATA, b"\xaa\xaa\x03\x00\x00\x00\x08\x00payload"),
        14 => {
            header = header.with_qos(QosControl::new(which).with_amsdu(which & 16 != 0));
            (FrameKind::DATA, b"\xaa\xaa\x03\x00\x00\x00\x08\x00payload")
        }
        _ => (FrameKind::NULL, &[]),
    };
    header.frame_control = header.frame_control.with_kind(kind).with_power_management(which % 16 == 15);
    let mut frame = Vec::new();
    header.emit(&mut frame);
    frame.extend_from_slice(body);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(script: &[u8]) -> World {
        let (mut world, mut script) = (World::new(), Script(script));
        while let Some(step) = script.next() {
            world.step(step & 7, step >> 3, &mut script);
            world.check();
        }
        world
    }

    #[test]
    fn the_scripts_of_the_corpus_get_as_far_as_they_should() {
        let world = after(include_bytes!("../../fuzz/corpus/ap/join"));
        let open = world.ap.virtual_aps().flat_map(VirtualAp::peers).filter(|peer| peer.is_port_open());
        assert_eq!(open.count(), 3);
        let world = after(include_bytes!("../../fuzz/corpus/ap/rekey"));
        let frames = |peer: &stack::mac::Peer| peer.stats.tx_frames;
        let sent: u64 = world.ap.virtual_aps().flat_map(VirtualAp::peers).map(frames).sum();
        assert!(sent > 30, "handshakes, rekeys and traffic: {sent}");
        let world = after(include_bytes!("../../fuzz/corpus/ap/full"));
        let refused = world.ap.drops().of(stack::mac::DropReason::AssociationRefused);
        assert!((3..16).contains(&refused), "some got in and some did not: {refused}");
    }
}
