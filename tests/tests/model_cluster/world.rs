//! The whole cluster in virtual time: events in the order of their time, and the actions of the cores carried out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use mesh::announce::NodeId;
use mesh::handover::{Action, Event as Told, Ticket};
use mesh::lease::{Journal, Lease, NodeSlot};
use stack::wire::MacAddr;

use super::air::Client;
use super::net::Net;
use super::node::Node;
use super::oracle::{Oracle, Violation};
use super::plan::{Dice, Knobs, MILLI, Plan};

/// Something that happens at a time. What is of a node names the start of that node which it is for.
#[derive(Debug)]
pub enum Event {
    Packet { from: usize, to: usize, bytes: Vec<u8> },
    Order { node: usize, start: u64, order: Action },
    Synced { node: usize, start: u64, ticket: Ticket },
    Timer { node: usize, start: u64 },
    Send { node: usize, start: u64, bssid: MacAddr },
    Sent { node: usize, start: u64, bssid: MacAddr, number: u64 },
    Renew { node: usize, start: u64, bssid: MacAddr, key: u64, tries: u32 },
    ClientSends { client: usize },
    MsduComes { client: usize },
    Start { node: usize },
    Fault(usize),
    Tick,
}

struct Due {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

pub struct World {
    pub dice: Dice,
    pub plan: Plan,
    pub knobs: Knobs,
    pub now: u64,
    queue: BinaryHeap<Reverse<Due>>,
    order: u64,
    pub nodes: Vec<Node>,
    pub clients: Vec<Client>,
    pub net: Net,
    pub oracle: Oracle,
    /// No more faults, and all nodes are there.
    pub calm: bool,
    /// Clients and the wired network have said all that they wanted.
    pub quiet: bool,
    /// When a node last began with a virtual AP that nobody had given to it, or had to stop because another had.
    pub grabbed: BTreeMap<MacAddr, u64>,
    pub last_key: u64,
    pub last_msdu: u32,
    pub trace: bool,
}

impl World {
    pub fn new(seed: u64, knobs: Knobs, trace: bool) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::draw(&mut dice);
        let count = plan.nodes;
        let mut world = Self {
            dice,
            knobs,
            now: 0,
            queue: BinaryHeap::new(),
            order: 0,
            nodes: (0..count).map(|index| Node::new(index, count)).collect(),
            clients: Vec::new(),
            net: Net::new(count),
            oracle: Oracle::default(),
            calm: false,
            quiet: false,
            grabbed: BTreeMap::new(),
            last_key: 0,
            last_msdu: 0,
            trace,
            plan,
        };
        world.set_up();
        world
    }

    fn set_up(&mut self) {
        for node in 0..self.nodes.len() {
            if self.plan.clocks {
                self.nodes[node].drift = self.dice.between(0, 2000) as i64 - 1000;
            }
            self.nodes[node].offset = self.dice.below(1 << 40) as i64;
            self.nodes[node].start();
        }
        self.at(0, Event::Tick);
        for client in 0..self.plan.clients {
            self.clients.push(Client::new(client));
            self.walk(client);
            let first = self.dice.between(60, 160) * MILLI;
            self.at(first, Event::ClientSends { client });
            self.at(first, Event::MsduComes { client });
        }
        for index in 0..self.plan.faults.len() {
            self.at(self.plan.faults[index].0 + 200 * MILLI, Event::Fault(index));
        }
    }

    /// Lets `event` happen in so many microseconds.
    pub fn at(&mut self, wait: u64, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Due { at: self.now + wait, order: self.order, event }));
    }

    /// Goes on until `end`, or until something is wrong.
    pub fn run(&mut self, end: u64) {
        while self.oracle.violations.is_empty() && self.queue.peek().is_some_and(|due| due.0.at <= end) {
            let Some(Reverse(Due { at, event, .. })) = self.queue.pop() else { return };
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Packet { from, to, bytes } => {
                let from = self.nodes[from].id;
                self.core(to, |core, now| core.handle_message(now, from, &bytes));
            }
            Event::Order { node, start, order } if self.is_live(node, start) => self.obey(node, order),
            Event::Synced { node, start, ticket } if self.is_live(node, start) => {
                let Ok(()) = self.nodes[node].journal.sync();
                self.core(node, |core, now| core.journal_done(now, ticket));
            }
            Event::Timer { node, start } if self.is_live(node, start) => {
                self.nodes[node].timer = None;
                self.core(node, |core, now| core.handle_timeout(now));
            }
            Event::Send { node, start, bssid } if self.is_live(node, start) => self.air_send(node, bssid),
            Event::Sent { node, start, bssid, number } if self.is_live(node, start) => {
                self.air_sent(node, bssid, number);
            }
            Event::Renew { node, start, bssid, key, tries } if self.is_live(node, start) => {
                self.renew(node, bssid, key, tries);
            }
            Event::ClientSends { client } if !self.quiet => self.client_sends(client),
            Event::MsduComes { client } if !self.quiet => self.msdu_comes(client),
            Event::Start { node } => self.start(node),
            Event::Fault(index) => {
                let fault = self.plan.faults[index].1;
                self.say(|| format!("{fault:?}"));
                self.fault(fault);
            }
            Event::Tick => self.tick(),
            Event::ClientSends { .. }
            | Event::MsduComes { .. }
            | Event::Order { .. }
            | Event::Synced { .. }
            | Event::Timer { .. }
            | Event::Send { .. }
            | Event::Sent { .. }
            | Event::Renew { .. } => {}
        }
    }

    fn is_live(&self, node: usize, start: u64) -> bool {
        self.nodes[node].is_up() && self.nodes[node].incarnation == start
    }

    /// Calls a node's core, if the node is up, and carries out what it wants.
    pub fn core<T>(
        &mut self,
        node: usize,
        call: impl FnOnce(&mut mesh::Cluster, stack::time::Instant) -> T,
    ) -> Option<T> {
        let now = self.nodes[node].clock(self.now);
        let result = call(self.nodes[node].core.as_mut()?, now);
        while let Some(action) = self.nodes[node].core.as_mut().and_then(mesh::Cluster::poll_action) {
            if !self.calm && self.dice.chance(self.plan.sudden) {
                self.crash(node);
                break;
            }
            self.act(node, action);
        }
        self.listen(node);
        self.set_timer(node);
        Some(result)
    }

    fn listen(&mut self, node: usize) {
        while let Some(event) = self.nodes[node].core.as_mut().and_then(mesh::Cluster::poll_event) {
            let counts = &mut self.oracle.counts;
            match event {
                Told::Moved { .. } => counts.moved += 1,
                Told::MoveFailed { .. } => counts.move_failed += 1,
                Told::Arrived { bssid, from, taken_over } => {
                    counts.taken_over += u64::from(taken_over);
                    if taken_over || from.is_none() {
                        self.grabbed.insert(bssid, self.now);
                    }
                }
                Told::Superseded { bssid, .. } => {
                    counts.superseded += 1;
                    self.grabbed.insert(bssid, self.now);
                }
                Told::SlotConflict { .. } | Told::Ended { .. } => {}
            }
            self.say(|| format!("node {node}: {event:?}"));
        }
    }

    fn set_timer(&mut self, node: usize) {
        let Some((local, _)) = self.nodes[node].core.as_ref().and_then(mesh::Cluster::poll_timeout) else {
            return;
        };
        let at = self.nodes[node].when(self.now, local);
        let start = self.nodes[node].incarnation;
        if self.nodes[node].timer.is_none_or(|timer| at < timer || timer < self.now) {
            self.nodes[node].timer = Some(at);
            self.at(at - self.now, Event::Timer { node, start });
        }
    }

    fn act(&mut self, node: usize, action: Action) {
        let start = self.nodes[node].incarnation;
        match action {
            Action::Send { to, packet } => {
                let to = self.index(to);
                self.transmit(node, to, packet.expose());
            }
            Action::Notify { packet } => {
                for to in (0..self.nodes.len()).filter(|to| *to != node) {
                    self.transmit(node, to, packet.expose());
                }
            }
            Action::WriteRow { key, value } => {
                self.nodes[node].rows.insert(key, value);
                self.nodes[node].version += 1;
            }
            Action::RemoveRow { key } => {
                self.nodes[node].rows.remove(&key);
                self.nodes[node].version += 1;
            }
            Action::Journal { ticket, records } => {
                let Ok(()) = self.nodes[node].journal.write(&records);
                let wait = self.dice.below(self.plan.slow);
                self.at(wait, Event::Synced { node, start, ticket });
            }
            order => {
                let wait = self.dice.below(self.plan.slow);
                let done = self.nodes[node].radio_free.max(self.now + wait);
                self.nodes[node].radio_free = done;
                self.at(done - self.now, Event::Order { node, start, order });
            }
        }
    }

    pub fn index(&self, id: NodeId) -> usize {
        self.nodes.iter().position(|node| node.id == id).expect("a node of the model")
    }

    /// A packet on the backhaul: lost, doubled, late, overtaken.
    fn transmit(&mut self, from: usize, to: usize, bytes: &[u8]) {
        if !self.net.is_open(from, to) || self.dice.chance(self.plan.loss) {
            return;
        }
        let copies = 1 + u64::from(self.dice.chance(self.plan.doubled));
        for _ in 0..copies {
            let late = if self.dice.chance(self.plan.late) { self.dice.below(400 * MILLI) } else { 0 };
            let wait = 50 + self.dice.below(self.plan.delay) + late;
            self.at(wait, Event::Packet { from, to, bytes: bytes.to_vec() });
        }
    }

    /// The lease, or the one that it would be if packet numbers did not tell the slot.
    pub fn lease(&self, lease: Lease) -> Lease {
        if !self.knobs.no_slot {
            return lease;
        }
        let before = lease.generation().number().checked_sub(1).and_then(mesh::lease::Generation::new);
        let same = before.and_then(|before| Lease::take_over(before, NodeSlot::SINGLE));
        same.unwrap_or(Lease::first(NodeSlot::SINGLE))
    }

    /// How many radios may transmit for a virtual AP.
    pub fn owners(&self, bssid: MacAddr) -> Vec<usize> {
        let holds = |node: &usize| self.nodes[*node].is_up() && self.nodes[*node].radio.contains_key(&bssid);
        (0..self.nodes.len()).filter(holds).collect()
    }

    pub fn fail(&mut self, violation: Violation) {
        self.say(|| format!("WRONG: {violation:?}"));
        self.oracle.fail(violation);
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>9.3} ms  {}", self.now as f64 / 1000.0, what());
        }
    }
}
