//! The new owner's side: asked, given the context, and transmitting once the journal and the radio have said yes.

use stack::time::Instant;
use stack::wire::MacAddr;

use super::cluster::{After, Cluster};
use super::message::{Message, MoveId};
use super::owner::lease;
use super::vap::{Activating, Origin, Role, Stopping};
use super::{Action, Context, Event, Provenance, RadioIndex, Rank, Title};
use crate::announce::NodeId;
use crate::lease::{Generation, KeyId};
use crate::table::Key;

impl Cluster {
    /// An owner asks whether this node would take the virtual AP. It would, once the journal allows it a generation.
    pub(super) fn prepare(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        (from, id): (NodeId, MoveId),
        rank: Rank,
        (radio, keys): (Option<RadioIndex>, Vec<(KeyId, Generation)>),
    ) {
        self.learn_from(now, bssid, from, rank, None);
        if let Some(vap) = self.vaps.get_mut(&bssid) {
            vap.wanted = radio.map(|radio| (from, id, radio));
        }
        let next = self.journal.next(&keys, rank.generation);
        let Some(next) = next.filter(|_| self.may_take_from(bssid, from, rank)) else {
            return self.send(from, bssid, &Message::Refuse { id });
        };
        if self.journal.allows(&keys, next) {
            return self.answer_ready(bssid, (from, id), &keys, rank.generation);
        }
        let records = self.journal.reserve(&keys, next);
        self.write(now, bssid, records, After::Ready { to: from, id, keys, seen: rank.generation });
    }

    pub(super) fn answer_ready(
        &mut self,
        bssid: MacAddr,
        (to, id): (NodeId, MoveId),
        keys: &[(KeyId, Generation)],
        seen: Generation,
    ) {
        let answer = match self.journal.next(keys, seen) {
            Some(generation) => Message::Ready { id, generation },
            None => Message::Refuse { id },
        };
        self.send(to, bssid, &answer);
    }

    /// The sender has the highest title that is known, and this node has nothing of its own to sort out first.
    fn may_take_from(&self, bssid: MacAddr, from: NodeId, rank: Rank) -> bool {
        let Some(vap) = self.vaps.get(&bssid) else { return false };
        let idle = matches!(vap.role, Role::Elsewhere | Role::Guard(_));
        idle && vap.title.is_some_and(|title| title.owner == from && title.rank == rank)
    }

    /// The owner, which has stopped, gives its virtual AP to this node.
    pub(super) fn commit(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        (from, id): (NodeId, MoveId),
        rank: Rank,
        context: Context,
    ) {
        self.learn_from(now, bssid, from, rank, context.client);
        if !self.may_take_from(bssid, from, rank) {
            return self.send(from, bssid, &Message::Refuse { id });
        }
        let mut activating = Activating::new(context, rank, rank.generation, Origin::Commit { from, id });
        let wanted = self.vaps.get_mut(&bssid).and_then(|vap| vap.wanted.take());
        activating.radio =
            wanted.filter(|(whose, of, _)| (*whose, *of) == (from, id)).map(|(_, _, radio)| radio);
        self.activate(now, bssid, activating);
    }

    /// Sets about making a context a virtual AP that transmits, under a generation that nobody has used.
    pub(super) fn activate(&mut self, now: Instant, bssid: MacAddr, activating: Activating) {
        let Some(vap) = self.entry(bssid) else { return };
        vap.role = Role::Activating(activating);
        self.order_activation(now, bssid);
    }

    pub(super) fn order_activation(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let Role::Activating(activating) = &mut vap.role else { return };
        if activating.ordered.is_some() {
            return;
        }
        let sequence = activating.below.sequence;
        let rival = vap.title.filter(|title| title.rank.sequence == sequence);
        let rival = rival.map_or(Generation::default(), |title| title.rank.generation);
        let seen = activating.above.max(activating.below.generation).max(rival);
        let keys = activating.context.keys.clone();
        let lease = self.journal.next(&keys, seen).and_then(|next| lease(next, self.me.slot));
        let Some(lease) = lease else { return self.abandon(now, bssid) };
        let generation = lease.generation();
        if !self.journal.allows(&keys, generation) {
            let records = self.journal.reserve(&keys, generation);
            return self.write(now, bssid, records, After::Activate);
        }
        self.journal.mark_used(&keys, generation);
        activating.context.raise(generation);
        activating.ordered = Some(Rank { sequence, generation, slot: self.me.slot });
        let provenance = match activating.origin {
            Origin::Commit { .. } | Origin::Reclaim { refused: true, .. } => Provenance::Final,
            Origin::Copy | Origin::Reclaim { refused: false, .. } => Provenance::Copy,
        };
        let (context, radio) = (activating.context.clone(), activating.radio);
        self.out.push_back(Action::Activate { bssid, context, lease, radio, provenance });
    }

    /// The radio has the virtual AP: the answer to [`Action::Activate`].
    pub fn handle_adopted(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        match std::mem::take(&mut vap.role) {
            Role::Activating(activating) => {
                if let Some(rank) = activating.ordered {
                    self.arrived(now, bssid, rank, activating);
                } else {
                    vap.role = Role::Activating(activating);
                }
            }
            // Another was quicker: what was given did arrive, and is handed on.
            Role::Stopping(Stopping { rank, sa, activating: Some(Activating { origin, context, .. }) }) => {
                vap.role = Role::Stopping(Stopping { rank, sa, activating: None });
                self.confirm(bssid, origin, rank, context.client);
            }
            other => vap.role = other,
        }
        self.settle(now);
    }

    fn arrived(&mut self, now: Instant, bssid: MacAddr, rank: Rank, activating: Activating) {
        let Activating { context, origin, .. } = activating;
        let me = self.me.node;
        let before = self.vaps.get(&bssid).and_then(|vap| vap.title).map(|title| title.owner);
        let before = before.filter(|owner| *owner != me);
        self.confirm(bssid, origin, rank, context.client);
        self.own(now, bssid, rank, context);
        self.demand_rekey(bssid, rank.generation);
        let (from, asked) = match origin {
            Origin::Commit { from, .. } => (Some(from), None),
            Origin::Copy => (before, None),
            Origin::Reclaim { to, .. } => (None, to),
        };
        self.tell(Event::Arrived { bssid, from, taken_over: origin == Origin::Copy });
        // Those who may take it for theirs hear it for certain, as soon as they can be reached.
        let title = self.own_title(rank, None);
        let rival = before.filter(|rival| asked != Some(*rival));
        for other in [asked, rival].into_iter().flatten() {
            if self.peers.reach(other).is_some() {
                self.send(other, bssid, &Message::Title(title));
            }
        }
    }

    const fn own_title(&self, rank: Rank, client: Option<MacAddr>) -> Title {
        Title { rank, owner: self.me.node, incarnation: self.me.incarnation, client }
    }

    /// Tells the one who gave it that it has arrived.
    fn confirm(&mut self, bssid: MacAddr, origin: Origin, rank: Rank, client: Option<MacAddr>) {
        if let Origin::Commit { from, id } = origin {
            let title = self.own_title(rank, client);
            self.send(from, bssid, &Message::Took { id, title });
        }
    }

    /// The radio does not take the virtual AP: the other answer to [`Action::Activate`].
    pub fn handle_refused(&mut self, now: Instant, bssid: MacAddr) {
        self.abandon(now, bssid);
        self.settle(now);
    }

    /// The virtual AP will not be here after all.
    pub(super) fn abandon(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let activating = match std::mem::take(&mut vap.role) {
            Role::Activating(activating) | Role::Stopping(Stopping { activating: Some(activating), .. }) => {
                activating
            }
            other => return vap.role = other,
        };
        self.touch(bssid);
        match activating.origin {
            Origin::Commit { from, id } => self.send(from, bssid, &Message::Refuse { id }),
            Origin::Copy => {}
            Origin::Reclaim { refused, .. } => self.lose(now, bssid, activating.context, refused),
        }
    }

    /// What this node had given away and wanted back stays with whom has it now; if that is nobody, the client has to
    /// come again.
    fn lose(&mut self, now: Instant, bssid: MacAddr, context: Context, complete: bool) {
        self.out.push_back(Action::RemoveRow { key: Key::Owned(bssid).encode() });
        let me = self.me.node;
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        if vap.title.is_none_or(|title| title.owner == me) {
            vap.title = None;
            let client = context.client;
            self.out.push_back(Action::Invite { bssid, client });
            self.tell(Event::Ended { bssid });
        } else if complete {
            self.leave(now, bssid, context);
        }
    }
}
