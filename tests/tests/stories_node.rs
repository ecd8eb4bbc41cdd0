//! Stories of a node on the simulated air: two radios, their switch and a cable to a wired host; links as clients.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use airloom::node::{Cable, Switch, SwitchNetwork, Worker, WorkerEvent};
use airloom::status;
use drivers::air::{Air, AirRadio, RadioId, Report};
use drivers::propagation::{Model, Position};
use drivers::{Radio, RadioError, Received, TransmitError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::ap::{ApEvent, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind};
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity, LinkState};
use stack::time::{Instant, earliest};
use stack::wire::element::{ElementsBuf, Ssid};
use stack::wire::management::ProbeRequest;
use stack::wire::{AckChange, Channel, MacAddr, MacHeader, ManagementBody, RxInfo, Transmit, TxStatus};

const NETWORK: NetworkId = NetworkId(0);
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);

struct Seeded(ChaCha8Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

fn random(seed: u64) -> Box<Seeded> {
    Box::new(Seeded(ChaCha8Rng::seed_from_u64(seed)))
}

fn station(n: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 5, u8::try_from(n).unwrap()])
}

fn pmk() -> Pmk {
    Pmk::new(&[7; 32]).unwrap()
}

fn ethernet(to: MacAddr, from: MacAddr, text: &str) -> Vec<u8> {
    let mut frame = [&to.octets()[..], &from.octets(), &[0x88, 0xb5], text.as_bytes()].concat();
    frame.resize(60, 0);
    frame
}

/// The text of a frame made by [`ethernet`].
fn text(frame: &[u8]) -> Option<String> {
    let payload = frame.get(14..).filter(|_| frame[12..14] == [0x88, 0xb5])?;
    Some(String::from_utf8_lossy(payload).trim_end_matches('\0').to_owned())
}

struct Client {
    radio: RadioId,
    link: Link,
    got: Vec<String>,
}

struct Scene {
    air: Rc<RefCell<Air>>,
    now: Instant,
    cable: Arc<Cable>,
    workers: Vec<Worker<AirRadio>>,
    switch: Switch,
    clients: Vec<Client>,
    events: Vec<(usize, WorkerEvent)>,
}

impl Scene {
    /// Two radios 40 m apart on these channels.
    fn new(network: &NetworkConfig, channels: [u8; 2]) -> Self {
        let air = Rc::new(RefCell::new(Air::new(1, Model { shadowing: 0.0, ..Model::default() })));
        let cable = Arc::new(Cable::default());
        let served = SwitchNetwork {
            id: NETWORK,
            isolate: network.isolate,
            outside: Some(Box::new(Arc::clone(&cable))),
        };
        let (switch, ports) = Switch::new(vec![served], &[None, None]);
        let workers = ports.into_iter().zip(channels).zip(0..).map(|((port, channel), n)| {
            let channel = Channel::from_number(channel).unwrap();
            let id = air.borrow_mut().add_radio(Position::new(f64::from(n) * 40.0, 0.0), channel);
            let block = BssidBlock { base: MacAddr([2, 0, 0, 1, n, 0]), bits: 6 };
            Worker::new(
                &format!("phy{n}"),
                AirRadio::new(Rc::clone(&air), id),
                RadioConfig::new(channel, block),
                vec![network.clone()],
                port,
                Instant::ZERO,
                random(u64::from(n)),
            )
        });
        let workers = workers.collect();
        let (now, clients, events) = (Instant::ZERO, Vec::new(), Vec::new());
        Self { air: Rc::clone(&air), now, cable, workers, switch, clients, events }
    }

    /// A client beside radio `near`, on its channel. The two radios' clients do not hear each other's AP: the channels
    /// differ.
    fn join(&mut self, network: &NetworkConfig, near: u8) -> usize {
        let n = self.clients.len();
        let channel = Channel::from_number(if near == 0 { 36 } else { 149 }).unwrap();
        let radio = self
            .air
            .borrow_mut()
            .add_radio(Position::new(f64::from(near) * 40.0 + 2.0 + n as f64, 1.0), channel);
        self.air.borrow_mut().set_promiscuous(radio, false);
        self.air.borrow_mut().change_ack(radio, AckChange::Add(station(n)));
        let security = match &network.security {
            Security::Wpa2(pmk) => LinkSecurity::Wpa2(pmk.clone()),
            _ => LinkSecurity::Open,
        };
        let config = LinkConfig { security, ..LinkConfig::new(station(n), &network.ssid) };
        let mut link = Link::new(config, random(100 + n as u64));
        link.start(self.now);
        self.clients.push(Client { radio, link, got: Vec::new() });
        self.run(Duration::from_secs(2));
        assert_eq!(self.clients[n].link.state(), LinkState::Connected, "client {n}");
        n
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.settle().filter(|&next| next <= end) {
            self.now = next.max(self.now);
            self.air.borrow_mut().advance(self.now);
            for client in &mut self.clients {
                client.link.handle_timeout(self.now);
            }
        }
        self.now = end;
        self.air.borrow_mut().advance(end);
    }

    /// Lets everybody do what there is to do now, and tells when there is more.
    fn settle(&mut self) -> Option<Instant> {
        loop {
            for (n, worker) in self.workers.iter_mut().enumerate() {
                worker.turn(self.now).unwrap();
                self.events.extend(std::iter::from_fn(|| worker.poll_event()).map(|event| (n, event)));
            }
            for client in &mut self.clients {
                client.turn(self.now, &self.air);
            }
            let own = self.workers.iter().map(Worker::poll_timeout).fold(None, earliest);
            let links = self.clients.iter().map(|client| client.link.poll_timeout()).fold(None, earliest);
            let next = earliest(earliest(own, links), self.air.borrow().poll_timeout());
            match next {
                Some((at, _)) if at <= self.now => {
                    self.air.borrow_mut().advance(self.now);
                    for client in &mut self.clients {
                        client.link.handle_timeout(self.now);
                    }
                }
                next => return next.map(|(at, _)| at),
            }
        }
    }

    fn say(&mut self, from: usize, to: MacAddr, what: &str) {
        self.clients[from].link.handle_msdu(self.now, &ethernet(to, station(from), what));
        self.run(Duration::from_millis(300));
    }

    fn host_says(&mut self, to: MacAddr, what: &str) {
        assert!(self.cable.host_send(ethernet(to, HOST, what)));
        self.run(Duration::from_millis(300));
    }

    fn host_got(&self) -> Vec<String> {
        std::iter::from_fn(|| self.cable.host_receive()).filter_map(|frame| text(&frame)).collect()
    }

    fn got(&mut self, client: usize) -> Vec<String> {
        std::mem::take(&mut self.clients[client].got)
    }

    fn dropped(&mut self, reason: &str) -> u64 {
        let of = |worker: &mut Worker<AirRadio>| {
            worker.report(self.now).radio.drops.get(reason).copied().unwrap_or_default()
        };
        self.workers.iter_mut().map(of).sum()
    }

    /// The stations that the status of a radio shows.
    fn on_radio(&mut self, radio: usize) -> Vec<status::Client> {
        let report = self.workers[radio].report(self.now);
        report.virtual_aps.into_iter().flat_map(|ap| ap.clients).collect()
    }
}

impl Client {
    fn turn(&mut self, now: Instant, air: &Rc<RefCell<Air>>) {
        while let Some(report) = { air.borrow_mut().receive(self.radio) } {
            match report {
                Report::Frame(info, mut frame) => self.link.handle_frame(now, &info, &mut frame),
                Report::Status(status) => self.link.handle_tx_status(now, status),
            }
        }
        while let Some(transmit) = self.link.poll_transmit() {
            air.borrow_mut().transmit(now, self.radio, &transmit).unwrap();
            self.link.recycle(transmit);
        }
        while let Some(event) = self.link.poll_event() {
            if let LinkEvent::Msdu(frame) = event {
                self.got.extend(text(&frame));
            }
        }
    }
}

fn wpa2() -> NetworkConfig {
    NetworkConfig::new(NETWORK, b"story".to_vec(), Security::Wpa2(pmk()))
}

/// Runs a story with one virtual AP a radio, and with one a client.
fn told(story: fn(NetworkConfig)) {
    for kind in [VirtualApKind::Shared, VirtualApKind::PerClient] {
        story(NetworkConfig { kind, ..wpa2() });
    }
}

/// Client 0 on the first radio, client 1 on the second.
fn two_clients(network: &NetworkConfig) -> Scene {
    let mut scene = Scene::new(network, [36, 149]);
    scene.join(network, 0);
    scene.join(network, 1);
    assert_eq!(scene.on_radio(0).len(), 1);
    assert_eq!(scene.on_radio(1).len(), 1);
    scene.host_got();
    scene
}

#[test]
fn clients_of_two_radios_and_the_host_reach_each_other_once() {
    told(|network| {
        let mut scene = two_clients(&network);
        scene.say(0, station(1), "across");
        assert_eq!(scene.got(1), ["across"]);
        assert_eq!(scene.host_got(), Vec::<String>::new(), "a frame to a station does not go outside");
        scene.say(1, station(0), "back");
        assert_eq!(scene.got(0), ["back"]);
        scene.say(1, HOST, "out");
        assert_eq!(scene.host_got(), ["out"]);
        for client in [0, 1] {
            scene.host_says(station(client), "in");
            assert_eq!(scene.got(client), ["in"]);
        }
        assert_eq!(scene.got(0).len() + scene.got(1).len(), 0);
    });
}

#[test]
fn a_broadcast_reaches_everybody_once() {
    told(|network| {
        let mut scene = two_clients(&network);
        scene.say(0, MacAddr::BROADCAST, "all");
        assert_eq!((scene.got(1), scene.host_got()), (vec!["all".to_owned()], vec!["all".to_owned()]));
        scene.got(0);
        scene.host_says(MacAddr::BROADCAST, "everybody");
        assert_eq!(
            (scene.got(0), scene.got(1)),
            (vec!["everybody".to_owned()], vec!["everybody".to_owned()])
        );
        assert_eq!(scene.host_got(), Vec::<String>::new(), "nothing comes back");
    });
}

#[test]
fn isolated_clients_reach_the_host_and_not_each_other() {
    told(|network| {
        let mut scene = two_clients(&NetworkConfig { isolate: true, ..network });
        scene.say(0, station(1), "across");
        scene.say(0, MacAddr::BROADCAST, "all");
        assert_eq!(scene.got(1), Vec::<String>::new());
        assert_eq!(scene.dropped("isolated"), 1);
        assert_eq!(scene.host_got(), ["all"]);
        scene.say(0, HOST, "out");
        assert_eq!(scene.host_got(), ["out"]);
    });
}

#[test]
fn a_client_that_moves_is_gone_from_its_old_radio_and_bridges_are_told() {
    told(|network| {
        let mut scene = two_clients(&network);
        // It goes without a word, and appears on the other radio's channel.
        let radio = scene.clients[0].radio;
        scene.air.borrow_mut().set_position(radio, Position::new(41.0, 2.0));
        scene.air.borrow_mut().set_channel(scene.now, radio, Channel::from_number(149).unwrap());
        scene.run(Duration::from_secs(10));
        assert_eq!(scene.clients[0].link.state(), LinkState::Connected);
        assert_eq!(scene.on_radio(0), []);
        let there: BTreeSet<_> = scene.on_radio(1).into_iter().map(|client| client.address).collect();
        assert_eq!(there, BTreeSet::from([station(0).to_string(), station(1).to_string()]));
        let told: Vec<_> = std::iter::from_fn(|| scene.cable.host_receive()).collect();
        let xid = [&[0xff; 6][..], &station(0).octets(), &[0, 6, 0, 1, 0xaf, 0x81, 1, 0]].concat();
        assert_eq!(told, [xid]);
        scene.host_says(station(0), "found");
        assert_eq!((scene.got(0), scene.got(1)), (vec!["found".to_owned()], vec![]));
        scene.say(1, station(0), "near");
        assert_eq!(scene.got(0), ["near"]);
        assert_eq!(scene.dropped("no_destination"), 0);
    });
}

#[test]
fn when_a_radio_dies_the_other_reads_the_cable_and_forgets_its_stations() {
    told(|network| {
        let mut scene = two_clients(&network);
        scene.workers.remove(0);
        scene.switch.radio_gone(0);
        scene.host_says(station(1), "still there");
        assert_eq!(scene.got(1), ["still there"]);
        scene.host_says(station(0), "gone");
        assert_eq!(scene.dropped("no_destination"), 1);
    });
}

#[test]
fn eapol_from_outside_and_frames_to_strangers_go_nowhere() {
    told(|network| {
        let mut scene = two_clients(&network);
        let mut eapol = ethernet(station(0), HOST, "x");
        eapol[12..14].copy_from_slice(&[0x88, 0x8e]);
        assert!(scene.cable.host_send(eapol));
        assert!(scene.cable.host_send(vec![1, 2, 3]));
        scene.host_says(MacAddr([2, 7, 7, 7, 7, 7]), "nobody");
        for reason in ["eapol_not_for_us", "msdu_malformed", "no_destination"] {
            assert_eq!(scene.dropped(reason), 1, "{reason}");
        }
    });
}

#[test]
fn who_stops_tells_the_clients_and_ends() {
    told(|network| {
        let mut scene = two_clients(&network);
        for radio in [0, 1] {
            assert!(scene.switch.stop(radio));
        }
        scene.run(Duration::from_millis(50));
        assert!(scene.workers.iter().all(Worker::is_finished));
        assert!(scene.workers.iter().all(|worker| worker.poll_timeout().is_none()));
        assert!(scene.clients.iter().all(|client| client.link.state() != LinkState::Connected));
        let left = |(_, event): &&(usize, WorkerEvent)| matches!(event, WorkerEvent::Ap(ApEvent::StationLeft { reason, .. }) if reason.0 == 3);
        assert_eq!(scene.events.iter().filter(left).count(), 2);
    });
}

#[test]
fn a_full_ring_to_another_radio_is_a_counted_drop() {
    told(|network| {
        let mut scene = two_clients(&network);
        // The second radio takes no turn while frames for its client pile up.
        for n in 0..600 {
            assert!(scene.cable.host_send(ethernet(station(1), HOST, &format!("{n}"))));
        }
        for _ in 0..10 {
            scene.workers[0].turn(scene.now).unwrap();
        }
        assert_eq!(scene.dropped("radio_busy"), 600 - 512);
        assert!(scene.workers[1].poll_timeout().unwrap().0 <= scene.now, "the second has something to do");
    });
}

/// A radio that takes three frames at a time, and none that is longer than `limit` bytes.
struct Narrow {
    heard: Vec<Vec<u8>>,
    frame: Vec<u8>,
    waiting: usize,
    limit: usize,
    sent: Vec<Vec<u8>>,
    statuses: Vec<TxStatus>,
}

impl Radio for Narrow {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        if let Some(status) = self.statuses.pop() {
            return Ok(Some(Received::Status(status)));
        }
        let Some(frame) = self.heard.pop() else { return Ok(None) };
        self.frame = frame;
        Ok(Some(Received::Frame { info: RxInfo::default(), frame: &mut self.frame }))
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        let length = transmit.frame.len();
        if length > self.limit {
            return Err(TransmitError::TooLong { length, limit: self.limit });
        }
        if self.waiting == 3 {
            return Err(TransmitError::Full);
        }
        self.waiting += 1;
        self.sent.push(transmit.frame.clone());
        self.statuses.push(TxStatus { id: transmit.id, acked: true, retries: 0 });
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.waiting = 0;
        Ok(())
    }

    fn set_channel(&mut self, _: Channel) -> Result<(), RadioError> {
        Ok(())
    }

    fn change_ack(&mut self, _: AckChange) -> Result<(), RadioError> {
        Ok(())
    }
}

fn probe_request(from: MacAddr) -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Ssid::WILDCARD).rates(&[0x8c, 0x12]);
    let body = ManagementBody::ProbeRequest(ProbeRequest { elements: elements.elements() });
    let mut frame = Vec::new();
    MacHeader::management(body.kind(), MacAddr::BROADCAST, from, MacAddr::BROADCAST).emit(&mut frame);
    body.emit(&mut frame);
    frame
}

#[test]
fn a_full_radio_is_offered_the_frame_again_and_a_frame_too_long_is_counted() {
    let channel = Channel::from_number(36).unwrap();
    let open = |id, ssid: &[u8]| NetworkConfig::new(NetworkId(id), ssid.to_vec(), Security::Open);
    let networks = vec![open(0, b"x"), open(1, b"a name of thirty-two bytes oh my")];
    let served =
        networks.iter().map(|network| SwitchNetwork { id: network.id, isolate: false, outside: None });
    let (_switch, mut ports) = Switch::new(served.collect(), &[None]);
    let radio = Narrow {
        heard: (0..10).map(|n| probe_request(station(n))).collect(),
        frame: Vec::new(),
        waiting: 0,
        limit: usize::MAX,
        sent: Vec::new(),
        statuses: Vec::new(),
    };
    let config = RadioConfig::new(channel, BssidBlock { base: MacAddr([2, 0, 0, 1, 0, 0]), bits: 6 });
    let port = ports.pop().unwrap();
    let mut worker = Worker::new("phy0", radio, config, networks, port, Instant::ZERO, random(1));
    let answer = |frame: &&Vec<u8>| frame[0] == 0x50;
    let long = |frame: &&Vec<u8>| frame.windows(5).any(|bytes| bytes == b"oh my");
    let until = |worker: &mut Worker<Narrow>, end: u64| {
        while let Some((at, _)) = worker.poll_timeout().filter(|(at, _)| at.as_micros() < end) {
            worker.turn(at).unwrap();
        }
    };
    until(&mut worker, 90_000);
    let sent = &worker.radio().sent;
    assert_eq!(sent.iter().filter(answer).count(), 20, "three at a time, all of them nevertheless");
    let shortest = sent.iter().filter(|frame| !long(frame)).map(Vec::len).max().unwrap();
    assert!(sent.iter().filter(long).all(|frame| frame.len() > shortest));
    let before = sent.len();
    worker.radio_mut().limit = shortest;
    until(&mut worker, 1_000_000);
    let after = &worker.radio().sent[before..];
    assert!(after.len() > 5 && !after.iter().any(|frame| long(&frame)));
    let report = worker.report(Instant::ZERO);
    assert!(report.radio.drops["frame_too_long"] > 5, "{report:?}");
    // The status of the last beacon has not been fetched yet, perhaps.
    assert!(worker.ap().occupancy().in_flight <= 1, "what was too long is not waited for");
}
