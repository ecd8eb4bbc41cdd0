//! A node on the simulated air: two radios, their switch and a cable to a wired host; links as clients.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use airloom::config::PlacementPolicy;
use airloom::node::{Cable, Placer, Switch, SwitchNetwork, Worker, WorkerEvent};
use airloom::status;
use drivers::air::{Air, AirRadio, RadioId, Report};
use drivers::propagation::{Model, Position};
use mesh::lease::NodeSlot;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::ap::{BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::random::Random;
use stack::rsn::Pmk;
use stack::sta::{Link, LinkConfig, LinkEvent, LinkSecurity, LinkState};
use stack::time::{Instant, earliest};
use stack::wire::{AckChange, Channel, MacAddr};

/// The only network.
pub const NETWORK: NetworkId = NetworkId(0);
/// The wired host.
pub const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);

struct Seeded(ChaCha8Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

/// Chance that is the same each time.
#[must_use]
pub fn random(seed: u64) -> Box<dyn Random + Send> {
    Box::new(Seeded(ChaCha8Rng::seed_from_u64(seed)))
}

/// The address of a client.
///
/// # Panics
/// If there are so many.
#[must_use]
pub fn station(n: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 5, u8::try_from(n).unwrap()])
}

fn pmk() -> Pmk {
    Pmk::new(&[7; 32]).unwrap()
}

/// A frame with a text in it.
#[must_use]
pub fn ethernet(to: MacAddr, from: MacAddr, text: &str) -> Vec<u8> {
    let mut frame = [&to.octets()[..], &from.octets(), &[0x88, 0xb5], text.as_bytes()].concat();
    frame.resize(60, 0);
    frame
}

/// The text of a frame made by [`ethernet`].
#[must_use]
pub fn text(frame: &[u8]) -> Option<String> {
    let payload = frame.get(14..).filter(|_| frame[12..14] == [0x88, 0xb5])?;
    Some(String::from_utf8_lossy(payload).trim_end_matches('\0').to_owned())
}

/// A client with its radio.
pub struct Client {
    /// Its radio.
    pub radio: RadioId,
    /// Its MAC.
    pub link: Link,
    /// The texts that it got.
    pub got: Vec<String>,
    /// It sends back what it gets.
    pub answers: bool,
    /// How often it lost its connection.
    pub lost: usize,
}

/// All of it, in virtual time.
pub struct Scene {
    /// The air.
    pub air: Rc<RefCell<Air>>,
    /// The time.
    pub now: Instant,
    /// To the wired host.
    pub cable: Arc<Cable>,
    /// The node's radios.
    pub workers: Vec<Worker<AirRadio>>,
    /// Between them.
    pub switch: Arc<Switch>,
    /// The clients.
    pub clients: Vec<Client>,
    /// What the radios told.
    pub events: Vec<(usize, WorkerEvent)>,
    /// Who decides which radio serves whom, if anybody.
    pub placer: Option<Placer>,
}

impl Scene {
    /// Two radios 40 m apart on these channels, each with its part of one block.
    ///
    /// # Panics
    /// If there is no such channel.
    #[must_use]
    pub fn new(network: &NetworkConfig, channels: [u8; 2]) -> Self {
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
            let own = BssidBlock { base: MacAddr([2, 0, 0, 1, n, 0]), bits: 6 };
            let block = BssidBlock { base: MacAddr([2, 0, 0, 1, 0, 0]), bits: 9 };
            Worker::new(
                &format!("phy{n}"),
                AirRadio::new(Rc::clone(&air), id),
                RadioConfig { block, ..RadioConfig::new(channel, own) },
                vec![network.clone()],
                port,
                Instant::ZERO,
                random(u64::from(n)),
            )
        });
        let workers = workers.collect();
        let (now, clients, events) = (Instant::ZERO, Vec::new(), Vec::new());
        let switch = Arc::new(switch);
        Self { air: Rc::clone(&air), now, cable, workers, switch, clients, events, placer: None }
    }

    /// From here on clients are placed by a policy.
    pub fn place_by(&mut self, policy: PlacementPolicy) {
        let air = self.air.borrow();
        let channels = self.workers.iter().filter_map(|worker| air.channel(worker.radio().id())).collect();
        self.placer = Some(Placer::new(policy, (NodeSlot::SINGLE, channels), Arc::clone(&self.switch)));
    }

    /// A client beside radio `near`, on its channel, which joins.
    ///
    /// # Panics
    /// If it does not.
    pub fn join(&mut self, network: &NetworkConfig, near: u8) -> usize {
        let n = self.clients.len();
        let mast = self.workers[usize::from(near)].radio().id();
        let channel = self.air.borrow().channel(mast).unwrap();
        let place = Position::new(f64::from(near) * 40.0 + 2.0 + n as f64, 1.0);
        self.clients.push(Client::appear(&self.air, self.now, n, network, (place, channel)));
        self.run(Duration::from_secs(2));
        assert_eq!(self.clients[n].link.state(), LinkState::Connected, "client {n}");
        n
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// If a radio fails.
    pub fn run(&mut self, time: Duration) {
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
                for event in std::iter::from_fn(|| worker.poll_event()) {
                    if let Some(placer) = &mut self.placer {
                        placer.handle_event(self.now, n, &event);
                    }
                    self.events.push((n, event));
                }
            }
            if let Some(placer) = &mut self.placer {
                let far = placer.turn(self.now);
                assert!(far.is_empty(), "there is no other node");
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

    /// A client sends, and what becomes of it is waited for.
    pub fn say(&mut self, from: usize, to: MacAddr, what: &str) {
        self.clients[from].link.handle_msdu(self.now, &ethernet(to, station(from), what));
        self.run(Duration::from_millis(300));
    }

    /// The wired host sends, and what becomes of it is waited for.
    ///
    /// # Panics
    /// If the cable is full.
    pub fn host_says(&mut self, to: MacAddr, what: &str) {
        assert!(self.cable.host_send(ethernet(to, HOST, what)));
        self.run(Duration::from_millis(300));
    }

    /// What the wired host got.
    pub fn host_got(&self) -> Vec<String> {
        std::iter::from_fn(|| self.cable.host_receive()).filter_map(|frame| text(&frame)).collect()
    }

    /// What a client got since the last call.
    pub fn got(&mut self, client: usize) -> Vec<String> {
        std::mem::take(&mut self.clients[client].got)
    }

    /// How often something was dropped for this reason.
    pub fn dropped(&mut self, reason: &str) -> u64 {
        let of = |worker: &mut Worker<AirRadio>| {
            worker.report(self.now).radio.drops.get(reason).copied().unwrap_or_default()
        };
        self.workers.iter_mut().map(of).sum()
    }

    /// The stations that the status of a radio shows.
    pub fn on_radio(&mut self, radio: usize) -> Vec<status::Client> {
        let report = self.workers[radio].report(self.now);
        report.virtual_aps.into_iter().flat_map(|ap| ap.clients).collect()
    }
}

impl Client {
    /// The `n`th client, which sets out to join.
    pub(crate) fn appear(
        air: &Rc<RefCell<Air>>,
        now: Instant,
        n: usize,
        network: &NetworkConfig,
        (place, channel): (Position, Channel),
    ) -> Self {
        let radio = air.borrow_mut().add_radio(place, channel);
        air.borrow_mut().set_promiscuous(radio, false);
        air.borrow_mut().change_ack(radio, AckChange::Add(station(n)));
        let security = match &network.security {
            Security::Wpa2(pmk) => LinkSecurity::Wpa2(pmk.clone()),
            _ => LinkSecurity::Open,
        };
        let config = LinkConfig { security, ..LinkConfig::new(station(n), &network.ssid) };
        let mut link = Link::new(config, random(100 + n as u64));
        link.start(now);
        Self { radio, link, got: Vec::new(), answers: false, lost: 0 }
    }

    pub(crate) fn turn(&mut self, now: Instant, air: &Rc<RefCell<Air>>) {
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
            match event {
                LinkEvent::Msdu(frame) => {
                    if self.answers {
                        self.link.handle_msdu(now, &[&frame[6..12], &frame[..6], &frame[12..]].concat());
                    }
                    self.got.extend(text(&frame));
                }
                LinkEvent::Disconnected { .. } => self.lost += 1,
                LinkEvent::SwitchChannel(channel) => {
                    air.borrow_mut().set_channel(now, self.radio, channel);
                    self.link.handle_channel_set(now);
                }
                _ => {}
            }
        }
    }
}

/// A protected network.
#[must_use]
pub fn wpa2() -> NetworkConfig {
    NetworkConfig::new(NETWORK, b"story".to_vec(), Security::Wpa2(pmk()))
}
