//! Stories of links on the simulated air. The AP in them is a stand-in of a few lines that beacons, lets everybody in
//! and echoes what it is sent.
//!
//! `AIRLOOM_SEEDS=N` runs N seeds; a story that fails names its seed, and `AIRLOOM_SEED=N` runs that one alone.

use std::collections::BTreeSet;
use std::time::Duration;

use drivers::air::{Air, Knobs, Model, Position, RadioId, Report};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::random::Random;
use stack::sta::{Link, LinkConfig, LinkEnd, LinkEvent};
use stack::time::{Instant, earliest};
use stack::wire::element::{ElementsBuf, Ssid};
use stack::wire::management::{AssociationResponse, Authentication, Beacon};
use stack::wire::{
    AckChange, AssociationId, Capabilities, Channel, Frame, MacAddr, MacHeader, ManagementBody,
    SequenceControl, StatusCode, Transmit,
};

const AP: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const STATION: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x10]);
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);
const BEACON: Duration = Duration::from_micros(102_400);

struct Seeded(ChaCha8Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

struct Scene {
    air: Air,
    now: Instant,
    ap: RadioId,
    station: RadioId,
    link: Link,
    events: Vec<LinkEvent>,
    /// The AP is switched on.
    alive: bool,
    next_beacon: Instant,
    sequence: u16,
    /// Numbers of the last frames, so that retransmissions are echoed once.
    last: Option<SequenceControl>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let channel = Channel::from_number(6).unwrap();
        let mut air = Air::new(seed, Model::default());
        let ap = air.add_radio(Position::new(0.0, 0.0), channel);
        let station = air.add_radio(Position::new(8.0, 3.0), channel);
        air.change_ack(ap, AckChange::Add(AP));
        air.change_ack(station, AckChange::Add(STATION));
        let random = Box::new(Seeded(ChaCha8Rng::seed_from_u64(seed)));
        let mut link = Link::new(LinkConfig::new(STATION, b"story"), random);
        link.start(Instant::ZERO);
        Self {
            air,
            now: Instant::ZERO,
            ap,
            station,
            link,
            events: Vec::new(),
            alive: true,
            next_beacon: Instant::ZERO,
            sequence: 0,
            last: None,
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let own = earliest(self.link.poll_timeout(), Some((self.next_beacon, "beacon")));
            let (next, _) = earliest(self.air.poll_timeout(), own).unwrap();
            if next > end {
                self.now = end;
                return;
            }
            self.now = next.max(self.now);
            self.air.advance(self.now);
            self.link.handle_timeout(self.now);
            if self.next_beacon <= self.now {
                self.next_beacon += BEACON;
                self.management(MacAddr::BROADCAST, |elements| {
                    ManagementBody::Beacon(Beacon {
                        timestamp: 0,
                        interval: 100,
                        capabilities: Capabilities::default().with_ess(true),
                        elements: elements.elements(),
                    })
                });
            }
        }
    }

    /// Hands out what the air has brought, and to the air what they answer.
    fn settle(&mut self) {
        while let Some(report) = self.air.receive(self.station) {
            match report {
                Report::Frame(info, mut frame) => self.link.handle_frame(self.now, &info, &mut frame),
                Report::Status(status) => self.link.handle_tx_status(self.now, status),
            }
        }
        while let Some(report) = self.air.receive(self.ap) {
            if let (Report::Frame(_, frame), true) = (report, self.alive) {
                self.ap_hears(&frame);
            }
        }
        while let Some(transmit) = self.link.poll_transmit() {
            self.air.transmit(self.now, self.station, &transmit).unwrap();
        }
        self.events.extend(std::iter::from_fn(|| self.link.poll_event()));
    }

    fn ap_hears(&mut self, mpdu: &[u8]) {
        match Frame::parse(mpdu).unwrap() {
            Frame::Management(frame) if frame.addr1() == AP => match frame.parse_body().unwrap() {
                ManagementBody::Authentication(_) => self.management(STATION, |_| {
                    ManagementBody::Authentication(Authentication::open(2, StatusCode::SUCCESS))
                }),
                ManagementBody::AssociationRequest(_) | ManagementBody::ReassociationRequest(_) => self
                    .management(STATION, |elements| {
                        ManagementBody::AssociationResponse(AssociationResponse {
                            capabilities: Capabilities::default().with_ess(true),
                            status: StatusCode::SUCCESS,
                            aid: AssociationId::new(1),
                            elements: elements.elements(),
                        })
                    }),
                _ => {}
            },
            Frame::Data(frame) if frame.addr1() == AP && self.last != Some(frame.sequence()) => {
                self.last = Some(frame.sequence());
                let header = MacHeader::from_ds(STATION, AP, frame.destination());
                self.send(header, frame.payload());
            }
            _ => {}
        }
    }

    fn management<F>(&mut self, to: MacAddr, body: F)
    where
        F: for<'a> FnOnce(&'a ElementsBuf) -> ManagementBody<'a>,
    {
        let mut elements = ElementsBuf::new();
        elements.writer().put(&Ssid::new(b"story").unwrap());
        let body = body(&elements);
        let mut bytes = Vec::new();
        body.emit(&mut bytes);
        self.send(MacHeader::management(body.kind(), to, AP, AP), &bytes);
    }

    fn send(&mut self, header: MacHeader, body: &[u8]) {
        if !self.alive {
            return;
        }
        self.sequence = (self.sequence + 1) & 0x0fff;
        let mut frame = Vec::new();
        header.with_sequence(SequenceControl::new(self.sequence, 0)).emit(&mut frame);
        frame.extend_from_slice(body);
        self.air.transmit(self.now, self.ap, &Transmit { frame, ..Transmit::default() }).unwrap();
    }

    fn ping(&mut self, number: u32) {
        let mut ethernet = [&HOST.octets()[..], &STATION.octets(), &[0x88, 0xb5]].concat();
        ethernet.extend_from_slice(&number.to_be_bytes());
        ethernet.resize(78, 0);
        self.link.handle_msdu(self.now, &ethernet);
    }

    /// The numbers of the echoes that came, in their order.
    fn echoes(&self) -> Vec<u32> {
        let number = |event: &LinkEvent| match event {
            LinkEvent::Msdu(frame) => Some(u32::from_be_bytes(frame[14..18].try_into().unwrap())),
            _ => None,
        };
        self.events.iter().filter_map(number).collect()
    }

    fn connections(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, LinkEvent::Connected { .. })).count()
    }
}

/// Tells a story once for each seed.
fn told(name: &str, story: fn(u64)) {
    let number = |key: &str| std::env::var(key).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("AIRLOOM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AIRLOOM_SEEDS").unwrap_or(8),
    };
    for seed in seeds {
        if let Err(failure) = std::panic::catch_unwind(|| story(seed)) {
            eprintln!("again: AIRLOOM_SEED={seed} cargo test -p airloom-tests --test stories_link {name}");
            std::panic::resume_unwind(failure);
        }
    }
}

#[test]
fn pings_on_a_clear_air_all_come_back_once_and_in_order() {
    told("pings_on_a_clear_air", |seed| {
        let mut scene = Scene::new(seed);
        scene.run(Duration::from_secs(1));
        assert_eq!(scene.connections(), 1);
        for number in 0..200 {
            scene.ping(number);
            scene.run(Duration::from_millis(10));
        }
        assert_eq!(scene.echoes(), (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn on_a_lossy_air_retries_bring_nearly_all_and_nothing_comes_twice() {
    told("on_a_lossy_air", |seed| {
        let mut scene = Scene::new(seed);
        scene.air.set_all_links(Knobs { loss: 0.25, ..Knobs::default() });
        scene.run(Duration::from_secs(5));
        assert!(scene.connections() >= 1);
        for number in 0..200 {
            scene.ping(number);
            scene.run(Duration::from_millis(20));
        }
        let echoes = scene.echoes();
        let distinct: BTreeSet<_> = echoes.iter().collect();
        assert_eq!(distinct.len(), echoes.len(), "nothing twice");
        assert!(echoes.len() >= 190, "{}", echoes.len());
    });
}

#[test]
fn when_the_ap_dies_the_link_notices_and_when_it_lives_again_the_link_returns() {
    told("when_the_ap_dies", |seed| {
        let mut scene = Scene::new(seed);
        scene.run(Duration::from_secs(1));
        scene.alive = false;
        scene.run(Duration::from_secs(2));
        let lost = LinkEvent::Disconnected { bssid: AP, end: LinkEnd::BeaconLoss };
        assert!(scene.events.contains(&lost), "{:?}", scene.events);
        scene.alive = true;
        scene.run(Duration::from_secs(8));
        assert_eq!(scene.connections(), 2);
        scene.ping(7);
        scene.run(Duration::from_millis(50));
        assert_eq!(scene.echoes(), [7]);
    });
}

#[test]
fn a_station_out_of_reach_never_joins_and_does_not_spin() {
    told("a_station_out_of_reach", |seed| {
        let mut scene = Scene::new(seed);
        scene.air.set_position(scene.station, Position::new(5_000.0, 0.0));
        scene.run(Duration::from_secs(30));
        assert_eq!(scene.connections(), 0);
        assert!(scene.air.stats(scene.station).sent < 30, "{:?}", scene.air.stats(scene.station));
    });
}
