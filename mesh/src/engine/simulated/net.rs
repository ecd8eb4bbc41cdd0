//! The network itself: nodes, sessions, and what is on its way.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use stack::random::{Random, bytes};
use stack::time::Instant;

use super::gossip::{Known, News, news};
use super::{Link, Timing};
use crate::announce::NodeId;
use crate::engine::{Counts, Event, Member, PeerState};
use crate::lease::NodeSlot;

/// Frames and notices that wait in a node to be polled.
const INBOX: usize = 4096;
/// How many others a node gossips with at a time.
const GOSSIP_WITH: usize = 3;

pub(super) struct Net {
    timing: Timing,
    random: Box<dyn Random + Send>,
    now: Instant,
    usual: Link,
    links: BTreeMap<(NodeId, NodeId), Link>,
    pub(super) nodes: BTreeMap<NodeId, Node>,
    incarnations: BTreeMap<NodeId, u64>,
    sessions: BTreeMap<(NodeId, NodeId), Session>,
    flights: BTreeMap<(Instant, u64), Flight>,
    flown: u64,
}

/// A node that runs.
pub(super) struct Node {
    pub(super) slot: NodeSlot,
    name: String,
    pub(super) incarnation: u64,
    pub(super) inbox: VecDeque<Event>,
    pub(super) peers: BTreeMap<NodeId, Member>,
    pub(super) known: BTreeMap<NodeId, Known>,
    pub(super) counts: Counts,
}

/// What is between two nodes; the smaller id first.
#[derive(Default)]
struct Session {
    /// Rises with every change, so that what was planned before it is void.
    epoch: u64,
    up: bool,
    /// Messages that arrived while the link was cut, in order, and where they go.
    held: VecDeque<(NodeId, Vec<u8>)>,
    /// When the last message arrives, by whom it goes to.
    last: BTreeMap<NodeId, Instant>,
}

enum Flight {
    Message { from: NodeId, to: NodeId, epoch: u64, bytes: Vec<u8> },
    Frame { from: NodeId, to: NodeId, notice: bool, bytes: Vec<u8> },
    News { from: NodeId, to: NodeId, news: Vec<(NodeId, News)> },
    Gossip { node: NodeId, incarnation: u64 },
    Connect { pair: (NodeId, NodeId), epoch: u64 },
    Break { pair: (NodeId, NodeId), epoch: u64 },
}

impl Net {
    pub(super) fn new(timing: Timing, random: Box<dyn Random + Send>) -> Self {
        Self {
            timing,
            random,
            now: Instant::ZERO,
            usual: Link::default(),
            links: BTreeMap::new(),
            nodes: BTreeMap::new(),
            incarnations: BTreeMap::new(),
            sessions: BTreeMap::new(),
            flights: BTreeMap::new(),
            flown: 0,
        }
    }

    pub(super) fn join(&mut self, id: NodeId, slot: NodeSlot, name: &str) -> u64 {
        self.crash(id);
        let count = self.incarnations.entry(id).or_default();
        *count += 1;
        let incarnation = *count;
        let node = Node {
            slot,
            name: name.to_owned(),
            incarnation,
            inbox: VecDeque::new(),
            peers: BTreeMap::new(),
            known: BTreeMap::from([(id, Known::new(incarnation, self.now))]),
            counts: Counts::default(),
        };
        self.nodes.insert(id, node);
        // A new incarnation ends the session with the one before.
        let others: Vec<NodeId> = self.nodes.keys().copied().filter(|other| *other != id).collect();
        for other in others {
            self.break_session(pair(id, other));
            self.path_changed(pair(id, other));
        }
        let first = self.below(self.timing.gossip);
        self.fly(first, Flight::Gossip { node: id, incarnation });
        incarnation
    }

    pub(super) fn crash(&mut self, id: NodeId) {
        if self.nodes.remove(&id).is_some() {
            let others: Vec<NodeId> = self.nodes.keys().copied().collect();
            others.into_iter().for_each(|other| self.path_changed(pair(id, other)));
        }
    }

    pub(super) fn set_usual_link(&mut self, link: Link) {
        self.usual = link;
        self.all_paths_changed();
    }

    pub(super) fn set_link(&mut self, from: NodeId, to: NodeId, link: Link) {
        self.links.insert((from, to), link);
        self.path_changed(pair(from, to));
    }

    fn all_paths_changed(&mut self) {
        let ids: Vec<NodeId> = self.nodes.keys().copied().collect();
        for (at, a) in ids.iter().enumerate() {
            ids.iter().skip(at + 1).for_each(|b| self.path_changed((*a, *b)));
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let ((at, _), flight) = self.flights.first_key_value()?;
        let reason = match flight {
            Flight::Message { .. } | Flight::Frame { .. } | Flight::News { .. } => "a packet arrives",
            Flight::Gossip { .. } => "a node gossips",
            Flight::Connect { .. } | Flight::Break { .. } => "a session changes",
        };
        Some((*at, reason))
    }

    pub(super) fn advance(&mut self, now: Instant) {
        while let Some(entry) = self.flights.first_entry() {
            if entry.key().0 > now {
                break;
            }
            self.now = entry.key().0;
            let flight = entry.remove();
            self.land(flight);
        }
        self.now = self.now.max(now);
    }

    pub(super) fn has_session(&self, a: NodeId, b: NodeId) -> bool {
        self.sessions.get(&pair(a, b)).is_some_and(|session| session.up)
    }

    pub(super) fn send(&mut self, from: NodeId, to: NodeId, bytes: Vec<u8>) {
        let link = self.link(from, to);
        let mut delay = link.latency + self.below(link.jitter);
        // Bounded, so that a link which loses everything is slow and not a hang.
        for _ in 0..100 {
            if !self.chance(link.loss) {
                break;
            }
            delay += self.timing.again;
        }
        let now = self.now;
        let session = self.sessions.entry(pair(from, to)).or_default();
        let last = session.last.entry(to).or_default();
        let at = (now + delay).max(*last);
        *last = at;
        let epoch = session.epoch;
        self.fly(at.since(now), Flight::Message { from, to, epoch, bytes });
    }

    pub(super) fn send_frame(&mut self, from: NodeId, to: NodeId, notice: bool, bytes: &[u8]) {
        let link = self.link(from, to);
        if self.chance(link.loss) {
            return;
        }
        for _ in 0..1 + usize::from(self.chance(link.duplication)) {
            let delay = link.latency + self.below(link.jitter);
            self.fly(delay, Flight::Frame { from, to, notice, bytes: bytes.to_vec() });
        }
    }

    fn land(&mut self, flight: Flight) {
        match flight {
            Flight::Message { from, to, epoch, bytes } => self.message_lands(from, to, epoch, bytes),
            Flight::Frame { from, to, notice, bytes } => self.frame_lands(from, to, notice, bytes),
            Flight::News { from, to, news } if self.passes(from, to) => self.news_land(to, news),
            Flight::News { .. } => {}
            Flight::Gossip { node, incarnation } => self.gossip(node, incarnation),
            Flight::Connect { pair, epoch } => {
                if self.is_now(pair, epoch) && self.reaches(pair) {
                    self.make_session(pair);
                }
            }
            Flight::Break { pair, epoch } => {
                if self.is_now(pair, epoch) && !self.reaches(pair) {
                    self.break_session(pair);
                }
            }
        }
    }

    fn message_lands(&mut self, from: NodeId, to: NodeId, epoch: u64, bytes: Vec<u8>) {
        let passes = self.passes(from, to);
        let Some(session) = self.sessions.get_mut(&pair(from, to)) else { return };
        if !session.up || session.epoch != epoch {
            return;
        }
        if passes && !session.held.iter().any(|(held_for, _)| *held_for == to) {
            self.tell(to, Event::Message { from, bytes });
        } else {
            session.held.push_back((to, bytes));
        }
    }

    fn frame_lands(&mut self, from: NodeId, to: NodeId, notice: bool, bytes: Vec<u8>) {
        if !self.passes(from, to) || !self.has_session(from, to) {
            return;
        }
        let Some(node) = self.nodes.get_mut(&to) else { return };
        if node.inbox.len() >= INBOX {
            node.counts.inbox_full += 1;
            return;
        }
        node.inbox.push_back(if notice {
            Event::Notice { from, bytes }
        } else {
            Event::Frame { from, bytes }
        });
    }

    fn news_land(&mut self, to: NodeId, news: Vec<(NodeId, News)>) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&to) else { return };
        for (about, news) in news {
            if about == to {
                continue;
            }
            let changes = node.known.entry(about).or_default().learn(news, now);
            // The rows of a node that is down are not shown; when it comes up they are told then.
            if node.peers.get(&about).is_some_and(|peer| peer.state != PeerState::Down) {
                let told = changes.into_iter().map(|(key, row)| Event::Row { node: about, key, row });
                node.inbox.extend(told);
            }
        }
    }

    /// One round of gossip of a node, and a look at who is down.
    fn gossip(&mut self, id: NodeId, incarnation: u64) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.incarnation == incarnation) else {
            return;
        };
        if let Some(own) = node.known.get_mut(&id) {
            own.beat(now);
        }
        let mut others: Vec<NodeId> = self.nodes.keys().copied().filter(|other| *other != id).collect();
        for _ in 0..GOSSIP_WITH {
            if others.is_empty() {
                break;
            }
            let at = usize::try_from(self.draw()).unwrap_or(0) % others.len();
            let other = others.swap_remove(at);
            self.tell_news(id, other);
            self.tell_news(other, id);
        }
        self.look_who_is_down(id);
        self.fly(self.timing.gossip, Flight::Gossip { node: id, incarnation });
    }

    fn tell_news(&mut self, from: NodeId, to: NodeId) {
        let (Some(ours), Some(theirs)) = (self.nodes.get(&from), self.nodes.get(&to)) else { return };
        let news = news(&ours.known, &theirs.known);
        let link = self.link(from, to);
        if !self.chance(link.loss) {
            let delay = link.latency + self.below(link.jitter);
            self.fly(delay, Flight::News { from, to, news });
        }
    }

    fn look_who_is_down(&mut self, id: NodeId) {
        let (now, after) = (self.now, self.timing.down);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        for (other, peer) in &mut node.peers {
            let silent = node.known.get(other).is_none_or(|known| now.since(known.heard) > after);
            if peer.state == PeerState::Suspect && silent {
                peer.state = PeerState::Down;
                node.inbox.push_back(Event::Down(*other));
            }
        }
    }

    /// A link or node has changed: plans what follows if it stays so.
    fn path_changed(&mut self, pair: (NodeId, NodeId)) {
        let reaches = self.reaches(pair);
        let (suspect, latency) = (self.timing.suspect, self.link(pair.0, pair.1).latency);
        let session = self.sessions.entry(pair).or_default();
        let (up, epoch) = (session.up, session.epoch);
        match (reaches, up) {
            (true, false) => self.fly(latency * 3, Flight::Connect { pair, epoch }),
            (false, true) => self.fly(suspect, Flight::Break { pair, epoch }),
            (true, true) => {
                let held = std::mem::take(&mut session.held);
                for (to, bytes) in held {
                    let from = if to == pair.0 { pair.1 } else { pair.0 };
                    self.tell(to, Event::Message { from, bytes });
                }
            }
            (false, false) => {}
        }
    }

    fn make_session(&mut self, pair: (NodeId, NodeId)) {
        let session = self.sessions.entry(pair).or_default();
        *session = Session { epoch: session.epoch + 1, up: true, ..Session::default() };
        for (id, other) in [pair, (pair.1, pair.0)] {
            let Some(peer) = self.nodes.get(&other).map(|node| Member {
                node: other,
                slot: node.slot,
                name: node.name.clone(),
                incarnation: node.incarnation,
                state: PeerState::Up,
            }) else {
                continue;
            };
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            let before = node.peers.insert(other, peer.clone()).map(|peer| peer.state);
            node.inbox.push_back(Event::Up(peer));
            // Rows that are known already were not told while it was down.
            let hidden = before.is_none_or(|state| state == PeerState::Down);
            if let Some(known) = node.known.get(&other).filter(|_| hidden) {
                let rows = known.rows().map(|(key, row)| (key.to_vec(), Some(row)));
                node.inbox.extend(rows.map(|(key, row)| Event::Row { node: other, key, row }));
            }
        }
    }

    fn break_session(&mut self, pair: (NodeId, NodeId)) {
        let session = self.sessions.entry(pair).or_default();
        let was_up = session.up;
        *session = Session { epoch: session.epoch + 1, ..Session::default() };
        for (id, other) in [pair, (pair.1, pair.0)] {
            let Some(node) = self.nodes.get_mut(&id).filter(|_| was_up) else { continue };
            if let Some(peer) = node.peers.get_mut(&other) {
                peer.state = PeerState::Suspect;
                node.inbox.push_back(Event::Suspect(other));
                // A session that lasted was news too.
                let last = self.now - self.timing.suspect;
                let known = node.known.entry(other).or_default();
                known.heard = known.heard.max(last);
            }
        }
        if was_up {
            self.path_changed(pair);
        }
    }

    fn is_now(&self, pair: (NodeId, NodeId), epoch: u64) -> bool {
        self.sessions.get(&pair).is_some_and(|session| session.epoch == epoch)
    }

    fn tell(&mut self, to: NodeId, event: Event) {
        if let Some(node) = self.nodes.get_mut(&to) {
            node.inbox.push_back(event);
        }
    }

    fn passes(&self, from: NodeId, to: NodeId) -> bool {
        self.nodes.contains_key(&from) && self.nodes.contains_key(&to) && self.link(from, to).open
    }

    fn reaches(&self, (a, b): (NodeId, NodeId)) -> bool {
        self.passes(a, b) && self.passes(b, a)
    }

    fn link(&self, from: NodeId, to: NodeId) -> Link {
        self.links.get(&(from, to)).copied().unwrap_or(self.usual)
    }

    fn fly(&mut self, after: Duration, flight: Flight) {
        self.flown += 1;
        self.flights.insert((self.now + after, self.flown), flight);
    }

    fn draw(&mut self) -> u64 {
        u64::from_le_bytes(bytes(&mut *self.random))
    }

    fn chance(&mut self, of_1000: u16) -> bool {
        of_1000 > 0 && self.draw() % 1000 < u64::from(of_1000)
    }

    /// Some time from nothing up to `max`.
    fn below(&mut self, max: Duration) -> Duration {
        let micros = u64::try_from(max.as_micros()).unwrap_or(u64::MAX - 1);
        if micros == 0 { Duration::ZERO } else { Duration::from_micros(self.draw() % (micros + 1)) }
    }
}

fn pair(a: NodeId, b: NodeId) -> (NodeId, NodeId) {
    (a.min(b), a.max(b))
}
