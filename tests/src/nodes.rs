//! Nodes of a cluster on the simulated air: each with a radio or more, a port of a bridge, and its part in the cluster over a
//! simulated backhaul; links as clients, and wired hosts on the bridges.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, sync_channel};
use std::time::Duration;

use airloom::config::PlacementPolicy;
use airloom::node::{
    Abroad, Cable, Departed, Home, Member, MemoryJournal, News, Order, Placer, Segment, Switch,
    SwitchNetwork, Wish, Worker, range_of,
};
use airloom::status;
use drivers::air::{Air, AirRadio};
use drivers::propagation::{Model, Position};
use mesh::announce::{NodeId, Profile};
use mesh::engine::{Backhaul, Link as Way, Simulated, Timing};
use mesh::handover::Incarnation;
use mesh::lease::{Lease, NodeSlot};
use stack::ap::{BssidBlock, NetworkConfig, RadioConfig, SharedClock, VirtualApKind};
use stack::sta::LinkState;
use stack::time::{Instant, earliest};
use stack::wire::{Channel, MacAddr};

use crate::bridge::{Bridge, Host, Port};
use crate::scene::{Client, NETWORK, ethernet, random, station, text, wpa2};
use crate::signing::announcing;

/// So often everybody takes a turn until all is quiet at one moment: an order to a radio and its answer take two.
const ROUNDS: usize = 4;
/// How often nodes gossip.
const GOSSIP: Duration = Duration::from_millis(50);
/// Where the nodes are, in metres.
const PLACES: [(f64, f64); 3] = [(0.0, 0.0), (40.0, 0.0), (20.0, 30.0)];

/// One node.
pub struct Node {
    /// Its part in the cluster.
    pub member: Member<Simulated>,
    workers: Vec<Worker<AirRadio>>,
    placer: Placer,
    cable: Arc<Cable>,
    bridge: usize,
    /// It has crashed.
    dead: bool,
    /// What it told people.
    pub news: Vec<News>,
}

/// All of it, in virtual time.
pub struct Nodes {
    /// The air.
    pub air: Rc<RefCell<Air>>,
    /// The time.
    pub now: Instant,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Between them.
    pub backhaul: Backhaul,
    /// The clients.
    pub clients: Vec<Client>,
    bridges: Vec<Bridge>,
    hosts: Vec<Host>,
    network: NetworkConfig,
    channels: [Channel; 3],
}

/// How the nodes are wired.
#[derive(Clone, Copy, Debug)]
pub struct Wiring {
    /// All are on one bridge; else each has its own.
    pub one_ethernet: bool,
    /// They carry between them what is for all.
    pub flood: bool,
    /// How they sign what they tell all, if they do.
    pub announce: Option<Profile>,
    /// Where clients go by themselves.
    pub placement: PlacementPolicy,
    /// How often they gossip.
    pub gossip: Duration,
    /// How many radios each has, on one channel and side by side.
    pub radios: u8,
}

impl Wiring {
    /// One Ethernet that everybody is on.
    pub const SHARED: Self = Self {
        one_ethernet: true,
        flood: false,
        announce: None,
        placement: PlacementPolicy::ByHand,
        gossip: GOSSIP,
        radios: 1,
    };
    /// Each on an Ethernet of its own.
    pub const APART: Self = Self { one_ethernet: false, flood: true, ..Self::SHARED };

    /// One Ethernet, and what is told to all is signed. Gossip is slow: what is known soon is known by that.
    #[must_use]
    pub const fn signed(profile: Profile) -> Self {
        Self { announce: Some(profile), gossip: Duration::from_secs(1), ..Self::SHARED }
    }
}

impl Nodes {
    /// Three nodes on one channel, which know each other.
    ///
    /// # Panics
    /// If they do not find each other.
    #[must_use]
    pub fn new(wiring: Wiring, latency: Duration) -> Self {
        Self::on(wiring, latency, [36; 3])
    }

    /// On these channels.
    ///
    /// # Panics
    /// If the nodes do not find each other.
    #[must_use]
    pub fn on(wiring: Wiring, latency: Duration, channels: [u8; 3]) -> Self {
        let network = NetworkConfig { kind: VirtualApKind::PerClient, ..wpa2() };
        let air = Rc::new(RefCell::new(Air::new(1, Model { shadowing: 0.0, ..Model::default() })));
        let gossip = wiring.gossip;
        let timing = Timing { gossip, down: 10 * gossip, ..Timing::default() };
        let backhaul = Backhaul::new(timing, random(77));
        backhaul.set_usual_link(Instant::ZERO, Way { latency, ..Way::default() });
        let mut scene = Self {
            air,
            now: Instant::ZERO,
            nodes: Vec::new(),
            backhaul,
            clients: Vec::new(),
            bridges: Vec::new(),
            hosts: Vec::new(),
            network,
            channels: channels.map(|number| Channel::from_number(number).unwrap()),
        };
        for n in 0..PLACES.len() {
            if n == 0 || !wiring.one_ethernet {
                scene.bridges.push(Bridge::default());
            }
            let bridge = scene.bridges.len() - 1;
            scene.bridges[bridge].ports.push(Port::Node(n));
            let node = scene.node(n, bridge, wiring);
            scene.nodes.push(node);
        }
        scene.run(20 * gossip);
        assert!(scene.nodes.iter().all(|node| node.member.others().len() == PLACES.len() - 1));
        scene
    }

    fn node(&self, n: usize, bridge: usize, wiring: Wiring) -> Node {
        let number = u8::try_from(n).unwrap();
        let slot = NodeSlot::new(u16::from(number)).unwrap();
        let name = format!("node{n}");
        let cable = Arc::new(Cable::default());
        let served =
            SwitchNetwork { id: NETWORK, isolate: false, outside: Some(Box::new(Arc::clone(&cable))) };
        let (switch, ports) = Switch::new(vec![served], &vec![None; wiring.radios.into()]);
        let switch = Arc::new(switch);
        let channel = self.channels[n];
        let (x, y) = PLACES[n];
        let block = BssidBlock { base: MacAddr([2, 0, 0, 1, 0, 0]), bits: 10 };
        let fresh_keys = range_of(&Lease::first(slot));
        let names: Vec<_> = (0..wiring.radios).map(|radio| format!("phy{radio}")).collect();
        let radios = names.iter().zip(ports).zip(0..wiring.radios);
        let workers = radios.map(|((name, port), index)| {
            let place = Position::new(x, y - f64::from(index));
            let radio = self.air.borrow_mut().add_radio(place, channel);
            let own = BssidBlock { base: MacAddr([2, 0, 0, 1, number, index << 6]), bits: 6 };
            Worker::new(
                name,
                AirRadio::new(Rc::clone(&self.air), radio),
                RadioConfig { block, fresh_keys, ..RadioConfig::new(channel, own) },
                vec![self.network.clone()],
                port,
                self.now,
                random(u64::from(number) + 1000 * u64::from(index)),
            )
        });
        let workers: Vec<_> = workers.collect();
        let engine = self.backhaul.join(self.now, NodeId(u64::from(number)), slot, &name);
        let (tell, told) = mpsc::channel();
        let abroad = Abroad::default();
        let home = Home::new(tell, None, abroad.clone());
        switch.order_all(|| Order::Enlist(home.clone(), SharedClock::default()));
        let journal = Box::new(MemoryJournal::default());
        let channels = vec![channel; names.len()];
        let radios = names.into_iter().zip(channels.iter().copied()).collect();
        let member =
            Member::new(engine, Incarnation(1), journal, Arc::clone(&switch), (told, abroad), radios)
                .unwrap();
        let segment = Segment { id: NETWORK, ssid: self.network.ssid.clone(), vlan: 0 };
        let mut member = member.serving(name, vec![segment], wiring.flood);
        if let Some(profile) = wiring.announce {
            member = member.announcing(self.now, announcing(number, profile)).unwrap();
        }
        let placer = Placer::new(wiring.placement, (slot, channels), switch);
        Node { member, workers, placer, cable, bridge, dead: false, news: Vec::new() }
    }

    /// A wired host on the bridge of a node; tells its number.
    pub fn host(&mut self, node: usize) -> usize {
        let (n, bridge) = (self.hosts.len(), self.nodes[node].bridge);
        self.bridges[bridge].ports.push(Port::Host(n));
        self.hosts.push(Host { bridge, got: Vec::new() });
        n
    }

    /// A client beside a node, which joins there.
    ///
    /// # Panics
    /// If it does not.
    pub fn join(&mut self, node: usize) -> usize {
        let n = self.clients.len();
        let (x, y) = PLACES[node];
        let place = Position::new(x + 2.0 + n as f64, y + 1.0);
        let place = (place, self.channels[node]);
        self.clients.push(Client::appear(&self.air, self.now, n, &self.network, place));
        self.run(Duration::from_secs(3));
        assert_eq!(self.clients[n].link.state(), LinkState::Connected, "client {n}");
        n
    }

    /// Another that says that it is this client, beside a node; it is the last of the clients then. The first is switched off.
    pub fn appear_again(&mut self, client: usize, node: usize) {
        let (x, y) = PLACES[node];
        let place = (Position::new(x + 2.0, y + 1.0), self.channels[node]);
        let away = Position::new(100_000.0, 0.0);
        self.air.borrow_mut().set_position(self.clients[client].radio, away);
        self.clients.push(Client::appear(&self.air, self.now, client, &self.network, place));
    }

    /// A client goes beside a node.
    pub fn walk(&mut self, client: usize, node: usize) {
        let (x, y) = PLACES[node];
        self.air.borrow_mut().set_position(self.clients[client].radio, Position::new(x + 2.0, y + 1.0));
    }

    /// A node is gone from one moment to the next: from the backhaul, from the air, from its bridge.
    pub fn crash(&mut self, node: usize) {
        self.backhaul.crash(self.now, NodeId(node as u64));
        let lost = &mut self.nodes[node];
        lost.dead = true;
        for worker in &lost.workers {
            self.air.borrow_mut().set_position(worker.radio().id(), Position::new(100_000.0, 0.0));
        }
        for bridge in &mut self.bridges {
            bridge.ports.retain(|port| *port != Port::Node(node));
            bridge.learnt.retain(|_, port| *port != Port::Node(node));
        }
    }

    /// A client goes to where all nodes hear it.
    pub fn to_the_middle(&mut self, client: usize) {
        self.air.borrow_mut().set_position(self.clients[client].radio, Position::new(20.0, 10.0));
    }

    /// A client's virtual AP is to go from a node to another.
    #[must_use]
    pub fn begin_move(
        &mut self,
        client: usize,
        from: usize,
        to: usize,
    ) -> Receiver<Result<Departed, String>> {
        self.begin_move_to(client, from, (&format!("node{to}"), None))
    }

    /// The same by names, and to a radio of that node.
    #[must_use]
    pub fn begin_move_to(
        &mut self,
        client: usize,
        from: usize,
        (node, radio): (&str, Option<&str>),
    ) -> Receiver<Result<Departed, String>> {
        let (answer, answered) = sync_channel(1);
        let (node, radio) = (node.to_owned(), radio.map(ToOwned::to_owned));
        let wish = Wish { station: station(client), node, radio, answer: Some(answer) };
        self.nodes[from].member.handle_wish(self.now, wish);
        answered
    }

    /// Moves it, and waits until that is over.
    ///
    /// # Panics
    /// If it stays.
    pub fn move_over(&mut self, client: usize, from: usize, to: usize) {
        let answered = self.begin_move(client, from, to);
        self.run(Duration::from_millis(300));
        answered.try_recv().unwrap().unwrap();
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// If a radio fails.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.settle().filter(|next| *next <= end) {
            self.go_to(next.max(self.now));
        }
        self.go_to(end);
    }

    fn go_to(&mut self, now: Instant) {
        self.now = now;
        self.air.borrow_mut().advance(now);
        self.backhaul.advance(now);
        for client in &mut self.clients {
            client.link.handle_timeout(now);
        }
    }

    /// Lets everybody do what there is to do now, and tells when there is more.
    fn settle(&mut self) -> Option<Instant> {
        loop {
            let now = self.now;
            for _ in 0..ROUNDS {
                self.living().for_each(|node| node.turn(now));
                self.bridge();
            }
            for client in &mut self.clients {
                client.turn(self.now, &self.air);
            }
            let nodes = self.living().map(|node| {
                let member = node.member.poll_timeout().map(|at| (at, "member"));
                node.workers.iter().map(Worker::poll_timeout).fold(member, earliest)
            });
            let nodes = nodes.fold(None, earliest);
            let links = self.clients.iter().map(|client| client.link.poll_timeout());
            let own = links.fold(nodes, earliest);
            let next =
                earliest(earliest(own, self.air.borrow().poll_timeout()), self.backhaul.poll_timeout());
            match next {
                Some((at, _)) if at <= self.now => self.go_to(self.now),
                next => return next.map(|(at, _)| at),
            }
        }
    }

    fn living(&mut self) -> impl Iterator<Item = &mut Node> {
        self.nodes.iter_mut().filter(|node| !node.dead)
    }

    /// Takes what nodes have sent out to where the bridges bring it.
    fn bridge(&mut self) {
        for n in 0..self.nodes.len() {
            while let Some(frame) = self.nodes[n].cable.host_receive() {
                self.forward(self.nodes[n].bridge, Port::Node(n), &frame);
            }
        }
    }

    fn forward(&mut self, bridge: usize, from: Port, frame: &[u8]) {
        for port in self.bridges[bridge].forward(from, frame) {
            match port {
                Port::Node(n) => assert!(self.nodes[n].cable.host_send(frame.to_vec()), "a full cable"),
                Port::Host(n) => self.hosts[n].got.push(frame.to_vec()),
            }
        }
    }

    /// A host sends a frame, in whose name it may be.
    pub fn host_sends(&mut self, host: usize, frame: &[u8]) {
        self.forward(self.hosts[host].bridge, Port::Host(host), frame);
    }

    /// A host sends a text.
    pub fn host_says(&mut self, host: usize, to: MacAddr, what: &str) {
        self.host_sends(host, &ethernet(to, host_address(host), what));
    }

    /// A client sends a text.
    pub fn client_says(&mut self, client: usize, to: MacAddr, what: &str) {
        self.clients[client].link.handle_msdu(self.now, &ethernet(to, station(client), what));
    }

    /// The frames that a host got since the last call.
    pub fn host_frames(&mut self, host: usize) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.hosts[host].got)
    }

    /// The texts among them.
    pub fn host_got(&mut self, host: usize) -> Vec<String> {
        self.host_frames(host).iter().filter_map(|frame| text(frame)).collect()
    }

    /// The texts that a client got since the last call.
    pub fn got(&mut self, client: usize) -> Vec<String> {
        std::mem::take(&mut self.clients[client].got)
    }

    /// Behind which node a client is, as a node sees it.
    pub fn whereabouts(&self, of: usize, client: usize) -> Option<(String, u64)> {
        let address = station(client).to_string();
        let claims = self.nodes[of].member.claims();
        let found = claims.clients.into_iter().find(|found| found.client == address);
        found.map(|found| (found.node, found.generation))
    }

    /// What a node says of claims.
    pub fn claims(&self, of: usize) -> status::Claims {
        self.nodes[of].member.claims()
    }

    /// How often the radio of a node dropped something for this reason, or its part in the cluster.
    pub fn dropped(&mut self, node: usize, reason: &str) -> u64 {
        let Node { workers, member, .. } = &mut self.nodes[node];
        let of = |drops: &BTreeMap<String, u64>| drops.get(reason).copied().unwrap_or_default();
        let of_radios: u64 = workers.iter_mut().map(|worker| of(&worker.report(self.now).radio.drops)).sum();
        of_radios + of(&member.claims().drops)
    }

    /// The clients on the radios of a node.
    pub fn served_by(&mut self, node: usize) -> Vec<String> {
        (0..self.nodes[node].workers.len()).flat_map(|radio| self.on_radio(node, radio)).collect()
    }

    /// Those on one of them.
    pub fn on_radio(&mut self, node: usize, radio: usize) -> Vec<String> {
        let report = self.nodes[node].workers[radio].report(self.now);
        report.virtual_aps.into_iter().flat_map(|ap| ap.clients).map(|client| client.address).collect()
    }
}

impl Node {
    fn turn(&mut self, now: Instant) {
        for (radio, worker) in self.workers.iter_mut().enumerate() {
            worker.turn(now).unwrap();
            for event in std::iter::from_fn(|| worker.poll_event()) {
                self.placer.handle_event(now, radio, &event);
                self.member.handle_event(now, radio, &event);
            }
        }
        let (news, _) = self.placer.attend(now, &mut self.member);
        self.news.extend(news);
    }

    /// What it told people, in lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.news.iter().filter_map(|news| match news {
            News::Line(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// The address of a wired host.
///
/// # Panics
/// If there are so many.
#[must_use]
pub fn host_address(n: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 9, u8::try_from(n).unwrap()])
}
