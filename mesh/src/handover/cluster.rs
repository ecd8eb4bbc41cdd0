//! One node's view of the cluster: what goes in, what comes out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stack::time::{Instant, earliest};
use stack::wire::MacAddr;

use super::discard::{Discard, DiscardCounts};
use super::message::{Message, MoveId};
use super::peers::{self, Change, Peers};
use super::vap::{Role, Step, Vap};
use super::{Action, Context, Event, Me, RadioIndex, SecretBytes, Standing, Ticket, Timing, Title};
use crate::announce::NodeId;
use crate::lease::{Generation, KeyId, Record, Reservations};
use crate::table::{Key, Row};

/// Virtual APs that a node keeps account of, its own and those of others.
const MAX_VAPS: usize = 1 << 16;
/// Keys that the journal names.
const JOURNAL_KEYS: usize = 1 << 14;
/// Events that wait to be fetched; the oldest go first.
const MAX_EVENTS: usize = 4096;
/// Contexts given away of which it is not known whether they arrived.
pub(super) const MAX_DOUBTS: usize = 256;

/// Another node has a virtual AP of that address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {} has a virtual AP of this address", .0.0)]
pub struct Taken(pub NodeId);

/// Why a move does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// Nobody is known to have it.
    #[error("no node is known to have this virtual AP")]
    Unknown,
    /// It is moving already, or not quite here yet.
    #[error("the virtual AP is on the move already")]
    Busy,
    /// It has more keys than a context may name.
    #[error("a virtual AP with so many keys stays where it is")]
    TooManyKeys,
    /// The one it is to go to, or the one that has it, is not there.
    #[error("node {} is not there", .0.0)]
    NodeMissing(NodeId),
}

/// A context that was given away and then taken back, the answer having failed to come. Should it turn out that it never
/// arrived, what waits in it has still to be sent.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) bssid: MacAddr,
    pub(super) to: NodeId,
    pub(super) id: MoveId,
    pub(super) context: Context,
}

/// What goes on once the journal is synced.
#[derive(Debug)]
pub(super) enum After {
    Copied { to: NodeId, version: u32, highest: Generation },
    Ready { to: NodeId, id: MoveId, keys: Vec<(KeyId, Generation)>, seen: Generation },
    Activate,
    Extend,
}

#[derive(Debug)]
pub(super) struct Writing {
    pub(super) bssid: MacAddr,
    pub(super) records: Vec<Record>,
    pub(super) after: After,
}

/// One node's part in the cluster. One thread owns it: after each `handle_*` call, take all that
/// [`poll_action`](Self::poll_action) has and carry it out in order.
#[derive(Debug)]
pub struct Cluster {
    pub(super) me: Me,
    pub(super) timing: Timing,
    pub(super) peers: Peers,
    pub(super) journal: Reservations,
    pub(super) writing: BTreeMap<Ticket, Writing>,
    pub(super) vaps: BTreeMap<MacAddr, Vap>,
    pub(super) doubts: VecDeque<Doubt>,
    pub(super) wired: bool,
    pub(super) out: VecDeque<Action>,
    pub(super) drops: DiscardCounts,
    events: VecDeque<Event>,
    timers: BTreeSet<(Instant, MacAddr)>,
    /// Those whose timers, and what is held for them, have to be looked at.
    touched: BTreeSet<MacAddr>,
    last_number: u64,
    /// The highest sequence of all titles that this node knew of: what is made anew is above those of before, of which nothing
    /// may be left.
    pub(super) highest: u64,
}

impl Cluster {
    /// A node that has just started, with all that its journal holds.
    pub fn new(me: Me, timing: Timing, journal: &[Record]) -> Self {
        Self {
            me,
            timing,
            peers: Peers::new(me),
            journal: Reservations::new(journal, JOURNAL_KEYS),
            writing: BTreeMap::new(),
            vaps: BTreeMap::new(),
            doubts: VecDeque::new(),
            wired: true,
            out: VecDeque::new(),
            drops: DiscardCounts::default(),
            events: VecDeque::new(),
            timers: BTreeSet::new(),
            touched: BTreeSet::new(),
            last_number: 0,
            highest: 0,
        }
    }

    /// A packet of another node: what its core gave as [`Action::Send`] or [`Action::Notify`].
    pub fn handle_message(&mut self, now: Instant, from: NodeId, packet: &[u8]) {
        match self.peers.receive(now, from, packet, &mut self.out) {
            Ok(messages) => messages.iter().for_each(|message| self.dispatch(now, from, message)),
            Err(reason) => self.drops.count(reason),
        }
        self.settle(now);
    }

    fn dispatch(&mut self, now: Instant, from: NodeId, message: &SecretBytes) {
        let Some((bssid, message)) = Message::decode(message.expose()) else {
            return self.drops.count(Discard::Malformed);
        };
        self.touched.insert(bssid);
        match message {
            Message::Copy { rank, order, version, context } => {
                self.copy(now, bssid, from, (rank, order, version), context);
            }
            Message::Copied { version, highest } => self.copied(now, bssid, from, version, highest),
            Message::Forget => self.forget(bssid, from),
            Message::Prepare { id, rank, radio, keys } => {
                self.prepare(now, bssid, (from, id), rank, (radio, keys));
            }
            Message::Ready { id, generation } => self.ready(now, bssid, (from, id), generation),
            Message::Refuse { id } => self.refused(now, bssid, (from, id)),
            Message::Commit { id, rank, context } => self.commit(now, bssid, (from, id), rank, context),
            Message::Took { id, title } => self.took(now, bssid, (from, id), title),
            Message::Title(title) => self.learn(now, bssid, title),
            Message::Yield { rank, context } => self.left(now, bssid, rank, context),
            Message::Stray { rank, frame } => self.stray(now, bssid, Some(rank), frame),
            Message::Move { rank, to, radio } => self.asked_to_move(now, bssid, rank, (to, radio)),
            Message::Ask { keys } => self.asked_for_used(bssid, from, &keys),
            Message::Used { highest } => self.climb(now, bssid, highest),
        }
    }

    /// A row of another node is new or has changed, or is gone. Also called for rows that are no business of this core.
    pub fn handle_row(&mut self, now: Instant, node: NodeId, key: &[u8], value: Option<&[u8]>) {
        let Some(key @ Key::Owned(bssid)) = Key::decode(key) else { return };
        match value.map(|value| Row::decode(node, key, value)) {
            Some(Some(Row::Owned(_, title))) => {
                self.touched.insert(bssid);
                self.learn(now, bssid, title);
            }
            Some(_) => self.drops.count(Discard::Malformed),
            None => self.row_gone(now, bssid, node),
        }
        self.settle(now);
    }

    /// The engine found out how a peer is.
    pub fn handle_peer(&mut self, now: Instant, node: NodeId, standing: Standing) {
        match self.peers.stand(node, standing) {
            Change::Nothing => return,
            Change::Conflict => return self.tell(Event::SlotConflict { node }),
            Change::Reach => self.review(now, node, false),
            Change::New => {
                self.review(now, node, false);
                self.ask_for_used(node);
            }
            Change::Restarted => {
                self.review(now, node, true);
                self.ask_for_used(node);
                // It cannot answer any more. It may have sent what waited, so that nobody else may.
                self.doubts.retain(|doubt| doubt.to != node);
            }
        }
        self.settle(now);
    }

    /// Whether this node's wired network is there (rule U6). It is, until this says otherwise.
    pub fn handle_wired(&mut self, now: Instant, up: bool) {
        self.wired = up;
        self.review_guards(now);
        self.settle(now);
    }

    /// The virtual AP is to be moved to another node, to this radio of it or to whichever that likes. Where another has
    /// it, that one is asked.
    pub fn handle_move(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        to: NodeId,
        radio: Option<RadioIndex>,
    ) -> Result<(), MoveError> {
        let begun = self.begin_move(now, bssid, (to, radio));
        self.settle(now);
        begun
    }

    /// What was given as [`Action::Journal`] is synced.
    pub fn journal_done(&mut self, now: Instant, ticket: Ticket) {
        let Some(Writing { bssid, records, after }) = self.writing.remove(&ticket) else { return };
        self.journal.confirm(&records);
        self.touched.insert(bssid);
        match after {
            After::Copied { to, version, highest } => {
                self.send(to, bssid, &Message::Copied { version, highest });
            }
            After::Ready { to, id, keys, seen } => self.answer_ready(bssid, (to, id), &keys, seen),
            After::Activate => self.order_activation(now, bssid),
            After::Extend => self.extend(now, bssid),
        }
        self.settle(now);
    }

    /// What was given as [`Action::Journal`] could not be written: what would have followed does not happen.
    pub fn journal_failed(&mut self, now: Instant, ticket: Ticket) {
        let Some(Writing { bssid, after, .. }) = self.writing.remove(&ticket) else { return };
        self.touched.insert(bssid);
        match after {
            After::Copied { .. } => {}
            After::Ready { to, id, .. } => self.send(to, bssid, &Message::Refuse { id }),
            After::Activate => self.abandon(now, bssid),
            After::Extend => {
                if let Some(serving) = self.serving(bssid) {
                    serving.extending = false;
                }
            }
        }
        self.settle(now);
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, bssid)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, bssid));
            if let Some(vap) = self.vaps.get_mut(&bssid) {
                vap.wake = None;
            }
            self.touched.insert(bssid);
            self.expire(now, bssid);
        }
        self.settle(now);
    }

    fn expire(&mut self, now: Instant, bssid: MacAddr) {
        self.drop_held(now, bssid);
        self.expire_owner(now, bssid);
        self.expire_guard(now, bssid);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do, and what. May change after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let timer = self.timers.first().map(|(at, _)| (*at, "virtual AP"));
        earliest(timer, self.peers.deadline())
    }

    /// The next thing to do. Call it after each `handle_*` until it yields `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Who owns a virtual AP, as far as this node knows.
    pub fn title(&self, bssid: MacAddr) -> Option<&Title> {
        self.vaps.get(&bssid)?.title.as_ref()
    }

    /// The virtual APs that this node may transmit for, with their titles, in the order of their BSSIDs.
    pub fn owned(&self) -> impl Iterator<Item = (MacAddr, &Title)> + '_ {
        let served = self.vaps.iter().filter(|(_, vap)| matches!(&vap.role, Role::Serving(_)));
        served.filter_map(|(bssid, vap)| Some((*bssid, vap.title.as_ref()?)))
    }

    /// What was dropped, by reason.
    pub const fn drops(&self) -> &DiscardCounts {
        &self.drops
    }

    pub(super) fn tell(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    pub(super) fn send(&mut self, to: NodeId, bssid: MacAddr, message: &Message) {
        let sent = self.peers.send(to, bssid, message);
        peers::count(&mut self.drops, sent);
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Writes to the journal and goes on with `after`; at once if nothing is to be written.
    pub(super) fn write(&mut self, now: Instant, bssid: MacAddr, records: Vec<Record>, after: After) {
        let ticket = Ticket(self.next_number());
        let writing = Writing { bssid, records: records.clone(), after };
        self.writing.insert(ticket, writing);
        if records.is_empty() {
            self.journal_done(now, ticket);
        } else {
            self.out.push_back(Action::Journal { ticket, records });
        }
    }

    /// The entry of a virtual AP, made if there is room.
    pub(super) fn entry(&mut self, bssid: MacAddr) -> Option<&mut Vap> {
        if self.vaps.len() >= MAX_VAPS && !self.vaps.contains_key(&bssid) {
            self.drops.count(Discard::TooMany);
            return None;
        }
        self.touched.insert(bssid);
        Some(self.vaps.entry(bssid).or_default())
    }

    pub(super) fn serving(&mut self, bssid: MacAddr) -> Option<&mut super::vap::Serving> {
        match &mut self.vaps.get_mut(&bssid)?.role {
            Role::Serving(serving) => Some(serving),
            _ => None,
        }
    }

    /// Whether the virtual AP is here, and not on its way out of the radio.
    pub(super) fn is_settled_here(vap: &Vap) -> bool {
        matches!(&vap.role, Role::Serving(serving) if !matches!(serving.step, Step::Taking { .. }))
    }

    pub(super) fn touch(&mut self, bssid: MacAddr) {
        self.touched.insert(bssid);
    }

    /// Brings on its way what can go now, and sets the timers anew.
    pub(super) fn settle(&mut self, now: Instant) {
        while let Some(bssid) = self.touched.pop_first() {
            self.flush(bssid);
            let Some(vap) = self.vaps.get_mut(&bssid) else { continue };
            let wake = vap.deadline(&self.timing).map(|(at, _)| at);
            if let Some(before) = std::mem::replace(&mut vap.wake, wake) {
                self.timers.remove(&(before, bssid));
            }
            self.timers.extend(wake.map(|at| (at, bssid)));
            let blank = vap.title.is_none() && vap.held.is_empty() && matches!(vap.role, Role::Elsewhere);
            if blank && wake.is_none() {
                self.vaps.remove(&bssid);
            }
        }
        self.peers.poll(now, &mut self.out);
    }
}
