//! A node whose radio is a station of several foreign networks, and may serve one of its own, on the simulated air: the node's
//! worker with its cables, foreign APs on other channels, and a client of the node.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use airloom::node::{Cable, LinkChange, Links, Switch, SwitchNetwork, Worker, WorkerEvent, link_address};
use airloom::status;
use drivers::air::{Air, AirRadio};
use drivers::propagation::{Model, Position};
use stack::ap::{BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::rsn::Pmk;
use stack::slot::SlotConfig;
use stack::sta::{LinkConfig, LinkSecurity, LinkState};
use stack::time::{Instant, earliest};
use stack::wire::{Channel, MacAddr};

use crate::scene::{Client, HOST, ethernet, random, station, text};

/// The addresses of the links of the radio that hops.
pub const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 7, 0]), bits: 7 };
/// The BSSIDs of what it serves.
const HOME: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 7, 0x80]), bits: 7 };

fn channel(number: u8) -> Channel {
    Channel::from_number(number).unwrap()
}

/// A key of a network.
pub fn pmk(byte: u8) -> Pmk {
    Pmk::new(&[byte; 32]).unwrap()
}

/// A foreign network: its AP, and the host behind it.
pub struct Foreign {
    /// The AP.
    pub ap: Worker<AirRadio>,
    /// To the host.
    pub cable: Arc<Cable>,
    _switch: Switch,
}

/// All of it, in virtual time.
pub struct World {
    air: Rc<RefCell<Air>>,
    /// The time.
    pub now: Instant,
    /// The networks.
    pub foreign: Vec<Foreign>,
    /// The node.
    pub node: Worker<AirRadio>,
    /// What the node's TAPs would be, by the link.
    pub taps: Vec<Arc<Cable>>,
    /// To the host behind what it serves.
    pub lan: Arc<Cable>,
    /// The client of what it serves, if there is one.
    pub client: Option<Client>,
    /// What became of the links.
    pub told: Vec<LinkChange>,
    _switch: Switch,
}

impl Foreign {
    fn new(air: &Rc<RefCell<Air>>, n: u8, (number, security): (u8, Security)) -> Self {
        let place = Position::new(3.0 + f64::from(n), 2.0);
        let id = air.borrow_mut().add_radio(place, channel(number));
        let cable = Arc::new(Cable::default());
        let network = NetworkConfig::new(NetworkId(0), name(n), security);
        let outside = Some(Box::new(Arc::clone(&cable)) as _);
        let served = SwitchNetwork { id: network.id, isolate: false, outside };
        let (switch, mut ports) = Switch::new(vec![served], &[None]);
        let block = BssidBlock { base: MacAddr([2, 0, 0, 1, n, 0]), bits: 4 };
        let ap = Worker::new(
            "ap",
            AirRadio::new(Rc::clone(air), id),
            RadioConfig::new(channel(number), block),
            vec![network],
            ports.remove(0),
            Instant::ZERO,
            random(10 + u64::from(n)),
        );
        Self { ap, cable, _switch: switch }
    }
}

/// What a network is called.
fn name(n: u8) -> Vec<u8> {
    format!("net{n}").into_bytes()
}

impl World {
    /// A node with a link to each of these networks.
    pub fn new(networks: &[(u8, Security)], securities: &[LinkSecurity]) -> Self {
        Self::serving(networks, securities, None)
    }

    /// The same, and it serves a network besides, on channel 1.
    fn serving(
        networks: &[(u8, Security)],
        securities: &[LinkSecurity],
        home: Option<&NetworkConfig>,
    ) -> Self {
        let model = Model { shadowing: 0.0, retune: Duration::from_millis(3), ..Model::default() };
        let air = Rc::new(RefCell::new(Air::new(1, model)));
        let foreign = networks.iter().cloned().zip(0..).map(|(network, n)| Foreign::new(&air, n, network));
        let foreign = foreign.collect();
        let here = channel(1);
        let id = air.borrow_mut().add_radio(Position::default(), here);
        let lan = Arc::new(Cable::default());
        let served = home.map(|network| SwitchNetwork {
            id: network.id,
            isolate: network.isolate,
            outside: Some(Box::new(Arc::clone(&lan))),
        });
        let (switch, mut ports) =
            Switch::among(served.into_iter().collect(), &[None], usize::from(home.is_some()));
        let mut links = Links::new(SlotConfig::default(), Instant::ZERO, here);
        if home.is_some() {
            links = links.beside_networks(Instant::ZERO);
        }
        let taps: Vec<_> = securities.iter().map(|_| Arc::new(Cable::default())).collect();
        for ((security, tap), n) in securities.iter().zip(&taps).zip(0..) {
            let address = link_address(&BLOCK, usize::from(n)).unwrap();
            let channels = [1, 6, 36, 149].map(channel).to_vec();
            let usual = LinkConfig::new(address, &name(n));
            let config = LinkConfig { security: security.clone(), channels, ..usual };
            let behind = (format!("hop{n}"), Box::new(Arc::clone(tap)) as _);
            links.add(Instant::ZERO, config, Some(behind), random(u64::from(n)));
        }
        let node = Worker::new(
            "phy0",
            AirRadio::new(Rc::clone(&air), id),
            RadioConfig { hops: true, ..RadioConfig::new(here, HOME) },
            home.cloned().into_iter().collect(),
            ports.remove(0),
            Instant::ZERO,
            random(99),
        );
        let node = node.with_links(links);
        let (now, client, told) = (Instant::ZERO, None, Vec::new());
        Self { air, now, foreign, node, taps, lan, client, told, _switch: switch }
    }

    /// Four networks on four channels of two bands, and a link to each of them.
    pub fn four() -> Self {
        Self::four_beside(None)
    }

    /// The same, and it serves this network on the channel of the first of them. Its client sets out to join it.
    pub fn four_and_home(network: &NetworkConfig) -> Self {
        Self::four_beside(Some(network)).with_client(network)
    }

    /// One network on another channel than what it serves.
    pub fn one_and_home(network: &NetworkConfig) -> Self {
        let (theirs, ours) = (Security::Wpa2(pmk(1)), LinkSecurity::Wpa2(pmk(1)));
        Self::serving(&[(36, theirs)], &[ours], Some(network)).with_client(network)
    }

    fn with_client(mut self, network: &NetworkConfig) -> Self {
        let place = (Position::new(2.0, 1.0), channel(1));
        self.client = Some(Client::appear(&self.air, self.now, 0, network, place));
        self
    }

    fn four_beside(home: Option<&NetworkConfig>) -> Self {
        let wpa2 = |byte| (Security::Wpa2(pmk(byte)), LinkSecurity::Wpa2(pmk(byte)));
        let open = || (Security::Open, LinkSecurity::Open);
        let (theirs, ours): (Vec<_>, Vec<_>) = [wpa2(1), open(), wpa2(3), open()].into_iter().unzip();
        let networks: Vec<_> = [1, 6, 36, 149].into_iter().zip(theirs).collect();
        Self::serving(&networks, &ours, home)
    }

    fn workers(&mut self) -> impl Iterator<Item = &mut Worker<AirRadio>> {
        self.foreign.iter_mut().map(|foreign| &mut foreign.ap).chain([&mut self.node])
    }

    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let now = self.now;
            self.workers().for_each(|worker| worker.turn(now).unwrap());
            while let Some(event) = self.node.poll_event() {
                match event {
                    WorkerEvent::Link(news) => self.told.push(news.what),
                    WorkerEvent::Ap(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            if let Some(client) = &mut self.client {
                client.link.handle_timeout(now);
                client.turn(now, &self.air);
            }
            let next = self.workers().map(|worker| worker.poll_timeout()).fold(None, earliest);
            let next = earliest(next, self.client.as_ref().and_then(|client| client.link.poll_timeout()));
            let next = earliest(next, self.air.borrow().poll_timeout());
            let at = next.map_or(end, |(at, _)| at).min(end);
            if at > self.now {
                self.now = at;
            }
            self.air.borrow_mut().advance(self.now);
            if self.now == end && at == end {
                return;
            }
        }
    }

    /// Lets time pass until something is so, and says how long that took.
    pub fn until(&mut self, most: Duration, mut so: impl FnMut(&mut Self) -> bool) -> Duration {
        let start = self.now;
        while !so(self) {
            assert!(self.now.since(start) < most, "{:#?}\n{:?}", self.links(), self.told);
            self.run(Duration::from_millis(10));
        }
        self.now.since(start)
    }

    pub fn links(&mut self) -> Vec<status::Link> {
        self.node.report(self.now).links
    }

    pub fn connected(&mut self) -> usize {
        self.links().iter().filter(|link| link.state == "connected").count()
    }

    pub fn join_all(&mut self) {
        let all = self.taps.len();
        self.until(Duration::from_secs(5), |world| world.connected() == all);
    }

    /// The client has joined, and the node knows it.
    pub fn is_client_connected(&self) -> bool {
        let mut peers = self.node.ap().virtual_aps().flat_map(|ap| ap.peers());
        let client = self.client.as_ref();
        client.is_some_and(|client| client.link.state() == LinkState::Connected)
            && peers.any(|peer| peer.address() == station(0) && peer.is_port_open())
    }

    /// The client sends to the host behind what the node serves.
    pub fn client_says(&mut self, what: &str) {
        if let Some(client) = &mut self.client {
            client.link.handle_msdu(self.now, &ethernet(HOST, station(0), what));
        }
    }

    /// The host sends to the client.
    pub fn host_says(&self, what: &str) {
        assert!(self.lan.host_send(ethernet(station(0), HOST, what)));
    }

    /// The node's host sends on a link.
    pub fn say(&self, link: usize, what: &str) {
        let own = link_address(&BLOCK, link).unwrap();
        assert!(self.taps[link].host_send(ethernet(HOST, own, what)));
    }

    /// The host behind a foreign AP sends to the node.
    pub fn answer(&self, link: usize, what: &str) {
        let own = link_address(&BLOCK, link).unwrap();
        assert!(self.foreign[link].cable.host_send(ethernet(own, HOST, what)));
    }
}

/// The texts that have come through a cable.
pub fn got(cable: &Cable) -> Vec<String> {
    std::iter::from_fn(|| cable.host_receive()).filter_map(|frame| text(&frame)).collect()
}
