//! One node's view of who is where.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use stack::time::Instant;

use super::dispute::{Moves, is_outdated, is_weaker};
use super::{Lookup, Place, Station};
use crate::announce::{Claim, NodeId, SaBinding};
use crate::handover::Rank;
use crate::lease::Generation;

/// Events that wait to be fetched; the oldest go first.
const MAX_EVENTS: usize = 4096;
/// No claim is believed for longer than this without being renewed.
const MAX_TTL: Duration = Duration::from_secs(60);
/// An address on the wire of this node that was not seen for so long is forgotten, as bridges do.
const WIRED_LIFE: Duration = Duration::from_secs(300);

/// What is bounded, and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a claim of this node holds; it is renewed after a third of it.
    pub ttl: Duration,
    /// How many stations are kept account of.
    pub stations: usize,
    /// A station that moves more often than this ...
    pub moves: usize,
    /// ... in so long ...
    pub window: Duration,
    /// ... stays where it is for so long.
    pub freeze: Duration,
}

impl Default for Limits {
    /// Thirty moves in five seconds: more than any walk, fewer than two nodes that quarrel.
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(6),
            stations: 1 << 16,
            moves: 30,
            window: Duration::from_secs(5),
            freeze: Duration::from_secs(5),
        }
    }
}

/// What happened to a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is behind another node than before. If that is this node, the outside has to be told.
    Moved {
        /// Which.
        station: Station,
        /// Where it was, if that was known.
        from: Option<NodeId>,
        /// Where it is.
        to: NodeId,
    },
    /// It is nowhere any more: released, or its claim was not renewed.
    Gone {
        /// Which.
        station: Station,
    },
    /// A node claims a station that is live at another, by an association of its own: one of the two is not who it says,
    /// or the client has come again elsewhere. The stronger claim holds.
    Conflict {
        /// Which.
        station: Station,
        /// Who had it before.
        holder: NodeId,
        /// Who wants it.
        claimant: NodeId,
    },
    /// It has moved too often and stays where it is for a while.
    Frozen {
        /// Which.
        station: Station,
        /// Where it stays.
        node: NodeId,
    },
}

/// A claim of this node that others are to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// What is claimed.
    pub claim: Claim,
    /// Others do not know it yet: it goes out at once, and not only as a row.
    pub urgent: bool,
}

/// Why a claim was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Another holds the station by a stronger claim.
    #[error("node {} holds the station by a stronger claim", .0.0)]
    Weaker(NodeId),
    /// The station has moved too often.
    #[error("the station has moved too often and stays where it is for now")]
    Frozen,
    /// More stations than are kept account of.
    #[error("more stations than are kept account of")]
    TooMany,
    /// Group addresses and this node's own name are not for others to claim.
    #[error("nobody can claim that")]
    Impossible,
}

#[derive(Clone, Debug)]
struct Entry {
    claim: Claim,
    until: Instant,
    /// When this node renews it, if it is its own.
    renew: Option<Instant>,
    moves: Moves,
    /// The timer that is set for it.
    wake: Instant,
}

/// The claims of all nodes, as this one sees them.
#[derive(Debug)]
pub struct Claims {
    me: NodeId,
    limits: Limits,
    stations: BTreeMap<Station, Entry>,
    timers: BTreeSet<(Instant, Station)>,
    lookup: Arc<Lookup>,
    /// Claims of this node to be announced.
    due: VecDeque<Due>,
    events: VecDeque<Event>,
}

impl Claims {
    /// Nothing is known yet.
    pub fn new(me: NodeId, limits: Limits) -> Self {
        Self {
            me,
            limits,
            stations: BTreeMap::new(),
            timers: BTreeSet::new(),
            lookup: Arc::default(),
            due: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// A client is this node's: it has completed a handshake here, which made the association `sa`, or its context with
    /// that association was handed here, and it is served by a title of this `rank`. Announce what
    /// [`poll_claim`](Self::poll_claim) has.
    pub fn claim(
        &mut self,
        now: Instant,
        station: Station,
        sa: SaBinding,
        rank: Rank,
    ) -> Result<(), Refused> {
        let claim = self.own(station, rank.sequence, rank.generation, sa);
        // One that is not renewed was handed over: if the client is here again, so is the claim.
        let held = self.stations.get(&station).filter(|entry| entry.renew.is_some());
        if held.is_some_and(|held| held.claim == claim) {
            return Ok(());
        }
        self.take(now, station, claim)
    }

    /// A station is on the wire behind this node: its address was seen there. To be called again as long as it is, since it
    /// is forgotten otherwise.
    pub fn claim_wired(&mut self, now: Instant, station: Station) -> Result<(), Refused> {
        let known = self.stations.get(&station).map(|entry| entry.claim).filter(Claim::is_wired);
        let sequence = match known {
            Some(known) if known.node == self.me => known.sequence,
            Some(known) => known.sequence.saturating_add(1),
            None => 0,
        };
        self.take(now, station, self.own(station, sequence, Generation::default(), SaBinding::WIRED))
    }

    const fn own(&self, station: Station, sequence: u64, generation: Generation, sa: SaBinding) -> Claim {
        let Station { vlan, address: client } = station;
        Claim { client, vlan, node: self.me, generation, sequence, ttl: self.limits.ttl, sa }
    }

    /// Another node claims a station: a notice or an announcement that was checked, or a row of that node. Without time to
    /// live it withdraws its claim.
    pub fn handle_claim(&mut self, now: Instant, claim: Claim) -> Result<(), Refused> {
        let station = Station { vlan: claim.vlan, address: claim.client };
        if claim.node == self.me {
            return Err(Refused::Impossible);
        }
        if claim.ttl.is_zero() {
            self.handle_release(claim.node, station);
            return Ok(());
        }
        self.take(now, station, claim)
    }

    fn take(&mut self, now: Instant, station: Station, claim: Claim) -> Result<(), Refused> {
        if station.address.is_group() {
            return Err(Refused::Impossible);
        }
        let known = self.stations.get(&station);
        if known.is_none() && self.stations.len() >= self.limits.stations {
            return Err(Refused::TooMany);
        }
        if known.is_some_and(|entry| entry.until > now) {
            self.contest(now, station, &claim)?;
        }
        self.put(now, station, claim);
        Ok(())
    }

    /// Whether a claim is as good as the one that holds, and the station may move.
    fn contest(&mut self, now: Instant, station: Station, claim: &Claim) -> Result<(), Refused> {
        let Some(entry) = self.stations.get_mut(&station) else { return Ok(()) };
        let (holder, claimant) = (entry.claim.node, claim.node);
        let rivals = holder != claimant && claim.sa != entry.claim.sa;
        if is_weaker(claim, &entry.claim) {
            if rivals && !is_outdated(claim, &entry.claim) {
                self.tell(Event::Conflict { station, holder, claimant });
            }
            return Err(Refused::Weaker(holder));
        }
        if holder == claimant {
            return Ok(());
        }
        if entry.moves.are_frozen() {
            return Err(Refused::Frozen);
        }
        let given_away = holder == self.me && entry.renew.is_none();
        if entry.moves.add(now, &self.limits) {
            self.arm(station);
            self.tell(Event::Frozen { station, node: holder });
            return Err(Refused::Frozen);
        }
        if rivals && !given_away {
            self.tell(Event::Conflict { station, holder, claimant });
        }
        Ok(())
    }

    fn put(&mut self, now: Instant, station: Station, claim: Claim) {
        let mine = claim.node == self.me;
        let until = match (mine, claim.is_wired()) {
            (true, false) => Instant::from_micros(u64::MAX),
            (true, true) => now + WIRED_LIFE,
            (false, _) => now + claim.ttl.min(MAX_TTL),
        };
        let before = self.remove(station);
        let news = before.as_ref().is_none_or(|entry| entry.claim != claim);
        let renew = mine.then(|| now + self.limits.ttl / 3);
        let place = Place { node: claim.node, wired: claim.is_wired() };
        let was = before.as_ref().filter(|entry| entry.until > now).map(|entry| entry.claim);
        let moves = before.map(|entry| entry.moves).unwrap_or_default();
        self.stations.insert(station, Entry { claim, until, renew, moves, wake: until });
        self.arm(station);
        if mine && news {
            self.announce(claim, true);
        }
        let place_before = was.map(|claim| Place { node: claim.node, wired: claim.is_wired() });
        if place_before != Some(place) {
            Arc::make_mut(&mut self.lookup).set(station, Some(place));
        }
        let from = place_before.map(|place| place.node);
        if from != Some(place.node) {
            self.tell(Event::Moved { station, from, to: place.node });
        }
    }

    /// Takes an entry out, and its timer with it.
    fn remove(&mut self, station: Station) -> Option<Entry> {
        let entry = self.stations.remove(&station)?;
        self.timers.remove(&(entry.wake, station));
        Some(entry)
    }

    fn arm(&mut self, station: Station) {
        let Some(entry) = self.stations.get_mut(&station) else { return };
        self.timers.remove(&(entry.wake, station));
        let thaw = entry.moves.thaws_at(self.limits.freeze);
        entry.wake = [entry.renew, thaw].into_iter().flatten().fold(entry.until, Instant::min);
        self.timers.insert((entry.wake, station));
    }

    /// `node` does not claim the station any more: it has said so, or its row is gone.
    pub fn handle_release(&mut self, node: NodeId, station: Station) {
        if self.stations.get(&station).is_some_and(|entry| entry.claim.node == node) {
            self.forget(station);
        }
    }

    /// A client of this node has left, or an address on its wire has. Yields the claim without time to live, which tells
    /// others so; nothing if this node holds none.
    pub fn release(&mut self, station: Station) -> Option<Claim> {
        let own = self.own_claim(station)?;
        self.forget(station);
        Some(Claim { ttl: Duration::ZERO, ..own })
    }

    /// A client's virtual AP was handed to another node, whose claim has not come yet: this node's holds until then, but is
    /// not renewed any more.
    pub fn hand_over(&mut self, now: Instant, station: Station) {
        let ttl = self.limits.ttl;
        if self.own_claim(station).is_none() {
            return;
        }
        if let Some(entry) = self.stations.get_mut(&station) {
            (entry.until, entry.renew) = (now + ttl, None);
        }
        self.arm(station);
    }

    /// The claims that hold, in the order of VLANs and addresses.
    pub fn all(&self) -> impl Iterator<Item = &Claim> {
        self.stations.values().map(|entry| &entry.claim)
    }

    /// The claim to a station that holds.
    pub fn claim_to(&self, station: Station) -> Option<Claim> {
        self.stations.get(&station).map(|entry| entry.claim)
    }

    /// This node's own claim to a station, if it holds one.
    pub fn own_claim(&self, station: Station) -> Option<Claim> {
        self.claim_to(station).filter(|claim| claim.node == self.me)
    }

    fn forget(&mut self, station: Station) {
        if self.remove(station).is_some() {
            Arc::make_mut(&mut self.lookup).set(station, None);
            self.tell(Event::Gone { station });
        }
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, station)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            let Some(entry) = self.stations.get_mut(&station) else {
                self.timers.pop_first();
                continue;
            };
            if entry.until <= now {
                self.forget(station);
                continue;
            }
            if entry.moves.thaws_at(self.limits.freeze).is_some_and(|at| at <= now) {
                entry.moves.thaw();
            }
            if entry.renew.is_some_and(|at| at <= now) {
                entry.renew = Some(now + self.limits.ttl / 3);
                let claim = entry.claim;
                self.announce(claim, false);
            }
            self.arm(station);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do, and what. May change after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.timers.first().map(|(at, _)| (*at, "claim"))
    }

    /// The next claim of this node to be announced and written to its row: new, or to be renewed.
    pub fn poll_claim(&mut self) -> Option<Due> {
        self.due.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Where everybody is now. Fetch it anew after events.
    pub fn lookup(&self) -> Arc<Lookup> {
        Arc::clone(&self.lookup)
    }

    /// What nobody fetches is renewed later anyway.
    fn announce(&mut self, claim: Claim, urgent: bool) {
        if self.due.len() < self.limits.stations {
            self.due.push_back(Due { claim, urgent });
        }
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}
