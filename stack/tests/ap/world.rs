//! One radio, some links, and the frames between them.

use stack::ap::{
    ApEvent, ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind,
};
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity, LinkState};
use stack::time::Instant;
use stack::wire::element::{ElementsBuf, Ssid};
use stack::wire::management::{AssociationRequest, Authentication, ProbeRequest};
use stack::wire::{
    AckChange, Band, Capabilities, Channel, Frame, FrameKind, MacAddr, MacHeader, ManagementBody, RxInfo,
    SequenceControl, StatusCode, TxOptions, TxStatus,
};

pub(super) const BASE: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
pub(super) const NETWORK: NetworkId = NetworkId(7);
pub(super) const FAR: MacAddr = MacAddr([2, 9, 9, 9, 9, 9]);
pub(super) const KINDS: [VirtualApKind; 2] = [VirtualApKind::Shared, VirtualApKind::PerClient];
pub(super) const RATES: [u8; 8] = [0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c];

/// An RSNE for CCMP and a PSK.
pub(super) const WPA2_PSK: [u8; 22] =
    [48, 20, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 2, 0, 0];

pub(super) struct Counting(pub(super) u64);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

pub(super) fn station(n: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 2, n])
}

/// One of 65,536 addresses that nobody has.
pub(super) fn stranger(n: u32) -> MacAddr {
    let [_, _, a, b] = n.to_be_bytes();
    MacAddr([2, 7, 7, 7, a, b])
}

pub(super) fn at(millis: u64) -> Instant {
    Instant::from_micros(1_000_000 + millis * 1000)
}

/// A frame of the AP, and when it left.
pub(super) struct OnAir {
    pub(super) at: u64,
    pub(super) frame: Vec<u8>,
    pub(super) options: TxOptions,
}

pub(super) fn radio(block: BssidBlock) -> RadioConfig {
    RadioConfig::new(Channel::new(Band::Ghz5, 36).unwrap(), block)
}

pub(super) struct World {
    pub(super) now: u64,
    pub(super) ap: ApRadio,
    /// Where the AP is.
    pub(super) channel: Channel,
    /// Where the links are.
    pub(super) tuned: Vec<Channel>,
    pub(super) links: Vec<(MacAddr, Link)>,
    pub(super) ap_events: Vec<ApEvent>,
    pub(super) link_events: Vec<(usize, LinkEvent)>,
    pub(super) air: Vec<OnAir>,
    /// What the links sent, encrypted as it was.
    pub(super) sent: Vec<(usize, Vec<u8>)>,
    /// Links that hear nothing and whose frames are lost.
    pub(super) away: Vec<usize>,
    /// Addresses that the radio acknowledges.
    pub(super) acknowledged: Vec<MacAddr>,
    /// How many frames the radio takes in a millisecond.
    pub(super) pace: usize,
    /// How the stations are heard, in dBm, if the radio says so.
    pub(super) signal: Option<i8>,
    /// Frames of links that are lost on their way.
    pub(super) lose: fn(&[u8]) -> bool,
}

impl World {
    pub(super) fn new(network: NetworkConfig) -> Self {
        Self::with(vec![network], 4)
    }

    pub(super) fn with(networks: Vec<NetworkConfig>, bits: u8) -> Self {
        Self::on(radio(BssidBlock { base: BASE, bits }), networks)
    }

    pub(super) fn on(config: RadioConfig, networks: Vec<NetworkConfig>) -> Self {
        let channel = config.channel;
        let ap = ApRadio::new(config, networks, at(0), Box::new(Counting(1)));
        Self {
            now: 0,
            ap,
            channel,
            tuned: Vec::new(),
            links: Vec::new(),
            ap_events: Vec::new(),
            link_events: Vec::new(),
            air: Vec::new(),
            sent: Vec::new(),
            away: Vec::new(),
            acknowledged: Vec::new(),
            pace: usize::MAX,
            signal: None,
            lose: |_| false,
        }
    }

    pub(super) fn link(&mut self, config: LinkConfig) {
        let address = config.address;
        let mut link = Link::new(config, Box::new(Counting(u64::from(address.octets()[5]) + 77)));
        link.start(at(self.now));
        self.links.push((address, link));
        self.tuned.push(self.channel);
    }

    /// The link neither hears nor is heard.
    fn is_away(&self, index: usize) -> bool {
        self.away.contains(&index) || self.tuned[index] != self.channel
    }

    /// A world in which this many links have joined.
    pub(super) fn joined(network: NetworkConfig, links: u8) -> Self {
        let protected = network.security != Security::Open;
        let mut world = Self::new(network);
        for n in 1..=links {
            world.link(if protected { secure(n, 1) } else { LinkConfig::new(station(n), b"net") });
            world.run(300);
        }
        for index in 0..usize::from(links) {
            assert_eq!(world.links[index].1.state(), LinkState::Connected, "{:?}", world.ap.drops());
        }
        world
    }

    pub(super) fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += 1;
            let now = at(self.now);
            self.ap.handle_timeout(now);
            for (_, link) in &mut self.links {
                link.handle_timeout(now);
            }
            let mut left = self.pace;
            for _ in 0..8 {
                self.exchange(now, &mut left);
            }
        }
    }

    fn exchange(&mut self, now: Instant, left: &mut usize) {
        let info =
            RxInfo { frequency: Some(self.channel.frequency()), signal: self.signal, ..RxInfo::default() };
        while *left > 0
            && let Some(transmit) = self.ap.poll_transmit(now)
        {
            *left -= 1;
            let receiver = MacAddr::from_slice(&transmit.frame[4..10]).unwrap();
            self.air.push(OnAir { at: self.now, frame: transmit.frame.clone(), options: transmit.options });
            let mut acked = receiver.is_group();
            for index in 0..self.links.len() {
                let away = self.is_away(index);
                let (address, link) = &mut self.links[index];
                if !away && (receiver.is_group() || *address == receiver) {
                    link.handle_frame(now, &info, &mut transmit.frame.clone());
                    acked = true;
                }
            }
            let id = transmit.id;
            self.ap.recycle(transmit);
            self.ap.handle_tx_status(now, TxStatus { id, acked, retries: 0 });
        }
        for index in 0..self.links.len() {
            let away = self.is_away(index);
            let (_, link) = &mut self.links[index];
            while let Some(mut transmit) = link.poll_transmit() {
                let lost = away || (self.lose)(&transmit.frame);
                self.sent.push((index, transmit.frame.clone()));
                if !lost {
                    self.ap.handle_frame(now, &info, &mut transmit.frame);
                }
                link.handle_tx_status(now, TxStatus { id: transmit.id, acked: !lost, retries: 0 });
            }
            while let Some(event) = link.poll_event() {
                if let LinkEvent::SwitchChannel(channel) = event {
                    self.tuned[index] = channel;
                    link.handle_channel_set(now);
                }
                self.link_events.push((index, event));
            }
        }
        self.take_events();
    }

    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.ap.poll_event() {
            match event {
                ApEvent::Ack(AckChange::Add(bssid)) => {
                    assert!(!self.acknowledged.contains(&bssid));
                    self.acknowledged.push(bssid);
                }
                ApEvent::Ack(AckChange::Remove(bssid)) => self.acknowledged.retain(|other| *other != bssid),
                event => self.ap_events.push(event),
            }
        }
    }

    pub(super) fn heard(&mut self, frame: &[u8]) {
        self.ap.handle_frame(at(self.now), &RxInfo::default(), &mut frame.to_vec());
    }

    /// How many MSDUs with this in them a link has received.
    pub(super) fn got(&self, index: usize, what: &[u8]) -> usize {
        let has = |event: &LinkEvent| match event {
            LinkEvent::Msdu(msdu) => contains(msdu, what),
            _ => false,
        };
        self.link_events.iter().filter(|(i, event)| *i == index && has(event)).count()
    }

    /// How many MSDUs with this in them have reached the distribution system.
    pub(super) fn reached_ds(&self, what: &[u8]) -> usize {
        let has =
            |event: &&ApEvent| matches!(event, ApEvent::Msdu { ethernet, .. } if contains(ethernet, what));
        self.ap_events.iter().filter(has).count()
    }

    pub(super) fn send_down(&mut self, destination: MacAddr, payload: &[u8]) {
        self.ap.handle_msdu(at(self.now), NETWORK, &ethernet(destination, FAR, payload));
    }

    pub(super) fn send_up(&mut self, index: usize, destination: MacAddr, payload: &[u8]) {
        let (address, link) = &mut self.links[index];
        link.handle_msdu(at(self.now), &ethernet(destination, *address, payload));
    }

    /// The frames of a kind that the AP has sent to somebody since an index into the air.
    pub(super) fn answers(&self, since: usize, to: MacAddr, kind: FrameKind) -> Vec<&[u8]> {
        let frames = self.air[since..].iter().map(|on_air| &on_air.frame[..]);
        frames.filter(|frame| kind_of(frame) == Some(kind) && frame[4..10] == to.octets()).collect()
    }

    pub(super) fn left(&self, station: MacAddr) -> usize {
        let left =
            |event: &&ApEvent| matches!(event, ApEvent::StationLeft { station: s, .. } if *s == station);
        self.ap_events.iter().filter(left).count()
    }

    pub(super) fn bssid_of(&self, index: usize) -> MacAddr {
        self.links[index].1.bssid().unwrap()
    }

    pub(super) fn traffic_both_ways(&mut self, index: usize) {
        let (before, all) = (self.got(index, b"to the station"), self.got(index, b"to everybody"));
        let up = self.reached_ds(b"to the far side");
        let address = self.links[index].0;
        self.send_up(index, FAR, b"to the far side");
        self.send_down(address, b"to the station");
        self.send_down(MacAddr::BROADCAST, b"to everybody");
        self.run(300);
        assert_eq!(self.reached_ds(b"to the far side"), up + 1, "{:?}", self.ap.drops());
        assert_eq!(self.got(index, b"to the station"), before + 1, "{:?}", self.ap.drops());
        assert_eq!(self.got(index, b"to everybody"), all + 1, "{:?}", self.ap.drops());
    }
}

pub(super) fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

pub(super) fn ethernet(destination: MacAddr, source: MacAddr, payload: &[u8]) -> Vec<u8> {
    [&destination.octets()[..], &source.octets(), &[0x08, 0x00], payload].concat()
}

pub(super) fn open(kind: VirtualApKind) -> NetworkConfig {
    NetworkConfig { kind, ..NetworkConfig::new(NETWORK, b"net".to_vec(), Security::Open) }
}

pub(super) fn wpa2(kind: VirtualApKind) -> NetworkConfig {
    let security = Security::Wpa2(Pmk::new(&[1; 32]).unwrap());
    NetworkConfig { kind, ..NetworkConfig::new(NETWORK, b"net".to_vec(), security) }
}

pub(super) fn secure(n: u8, pmk: u8) -> LinkConfig {
    let security = LinkSecurity::Wpa2(Pmk::new(&[pmk; 32]).unwrap());
    LinkConfig { security, ..LinkConfig::new(station(n), b"net") }
}

pub(super) fn bssid(index: u8) -> MacAddr {
    let [a, b, c, d, e, f] = BASE.octets();
    MacAddr([a, b, c, d, e, f | index])
}

pub(super) fn management(to: MacAddr, from: MacAddr, body: &ManagementBody<'_>, number: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    let bssid = if to.is_group() { MacAddr::BROADCAST } else { to };
    MacHeader::management(body.kind(), to, from, bssid)
        .with_sequence(SequenceControl::new(number, 0))
        .emit(&mut frame);
    body.emit(&mut frame);
    frame
}

pub(super) fn authentication(to: MacAddr, from: MacAddr) -> Vec<u8> {
    let body = ManagementBody::Authentication(Authentication::open(1, StatusCode::SUCCESS));
    management(to, from, &body, 1)
}

pub(super) fn probe(from: MacAddr, ssid: &[u8]) -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Ssid::new(ssid).unwrap()).rates(&RATES);
    let body = ManagementBody::ProbeRequest(ProbeRequest { elements: elements.elements() });
    management(MacAddr::BROADCAST, from, &body, 0)
}

/// What is added to the SSID and the rates: an RSNE, or whatever the test is about.
pub(super) fn association(to: MacAddr, from: MacAddr, more: &[u8], number: u16) -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Ssid::new(b"net").unwrap()).rates(&RATES).raw(more);
    let body = ManagementBody::AssociationRequest(AssociationRequest {
        capabilities: Capabilities::default().with_ess(true),
        listen_interval: 10,
        elements: elements.elements(),
    });
    management(to, from, &body, number)
}

/// Data or a Null frame to the AP, without QoS and in plaintext.
pub(super) fn data(kind: FrameKind, bssid: MacAddr, from: MacAddr, doze: bool, body: &[u8]) -> Vec<u8> {
    let mut header = MacHeader::to_ds(bssid, from, FAR);
    header.frame_control = header.frame_control.with_kind(kind).with_power_management(doze);
    let mut frame = Vec::new();
    header.emit(&mut frame);
    frame.extend_from_slice(body);
    frame
}

pub(super) fn kind_of(frame: &[u8]) -> Option<FrameKind> {
    Frame::parse(frame).ok().map(|frame| frame.kind())
}

/// Status of an authentication or association answer.
pub(super) fn status_of(frame: &[u8]) -> StatusCode {
    let Ok(Frame::Management(frame)) = Frame::parse(frame) else { panic!("not a management frame") };
    match frame.parse_body().unwrap() {
        ManagementBody::Authentication(body) => body.status,
        ManagementBody::AssociationResponse(body) | ManagementBody::ReassociationResponse(body) => {
            body.status
        }
        other => panic!("no status in {other:?}"),
    }
}

pub(super) fn transmitter(frame: &[u8]) -> MacAddr {
    MacAddr::from_slice(&frame[10..16]).unwrap()
}
