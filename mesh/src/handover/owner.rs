//! The owner's side: guards that are kept up to date, and longer leases.

use std::collections::BTreeMap;
use std::time::Duration;

use stack::time::Instant;
use stack::wire::MacAddr;

use super::cluster::{After, Cluster, Taken};
use super::message::Message;
use super::vap::{Role, Serving, Step, Vap, Watch};
use super::{Action, Context, Rank, Title};
use crate::announce::NodeId;
use crate::lease::{Generation, KeyId, Lease};
use crate::table::{Key, Row};

/// A copy that a guard has not confirmed for so long is sent again when there is something new.
const COPY_AGAIN: Duration = Duration::from_secs(1);

impl Cluster {
    /// A virtual AP was made here, with fresh keys. `Err` if another node has one of that address: then it has to go.
    pub fn handle_created(&mut self, now: Instant, bssid: MacAddr, context: Context) -> Result<(), Taken> {
        let (me, peers) = (self.me, &self.peers);
        let known = self.vaps.get(&bssid).and_then(|vap| vap.title);
        if let Some(title) = known.filter(|title| title.owner != me.node && !peers.has_lost(title)) {
            return Err(Taken(title.owner));
        }
        let sequence = self.highest.saturating_add(1);
        let rank = Rank { sequence, generation: context.generation(), slot: me.slot };
        self.own(now, bssid, rank, context);
        self.settle(now);
        Ok(())
    }

    /// Somebody counts this far: what is made here from now on is above it.
    pub fn handle_sequence(&mut self, sequence: u64) {
        self.highest = self.highest.max(sequence);
    }

    /// A virtual AP that is here has changed: its keys, or something else that a guard should know.
    pub fn handle_changed(&mut self, now: Instant, bssid: MacAddr, context: Context) {
        let Some(serving) = self.serving(bssid) else { return };
        let rekeyed = context.sa != serving.context.sa;
        let before = std::mem::replace(&mut serving.context, context);
        serving.context.remember(&before);
        if rekeyed {
            serving.rank = serving.rank.renewed(serving.context.generation());
            self.announce(bssid);
        }
        self.renew_copies(now, bssid);
        self.settle(now);
    }

    /// A virtual AP that was here is no more: its client has left.
    pub fn handle_gone(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let guards = match &mut vap.role {
            Role::Serving(serving) => std::mem::take(&mut serving.guards),
            Role::Stopping(_) => BTreeMap::new(),
            _ => return,
        };
        vap.role = Role::Elsewhere;
        let me = self.me.node;
        vap.title = vap.title.filter(|title| title.owner != me);
        guards.keys().for_each(|guard| self.send(*guard, bssid, &Message::Forget));
        self.out.push_back(Action::RemoveRow { key: Key::Owned(bssid).encode() });
        self.touch(bssid);
        self.settle(now);
    }

    /// The lease of a virtual AP's keys is nearly used up. If no generation is left the keys have to be renewed; what
    /// is left of the lease is all there is until then.
    pub fn handle_lease_low(&mut self, now: Instant, bssid: MacAddr) {
        let Some(serving) = self.serving(bssid).filter(|serving| !serving.extending) else { return };
        serving.extending = true;
        self.extend(now, bssid);
        self.settle(now);
    }

    /// Goes on under a higher generation, once the journal has it (rules U2 and U3).
    pub(super) fn extend(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let Role::Serving(serving) = &mut vap.role else { return };
        let keys = serving.context.keys.clone();
        let seen = serving.rank.generation.max(serving.context.generation());
        let lease = self.journal.next(&keys, seen).and_then(|next| lease(next, self.me.slot));
        let Some(lease) = lease.filter(|_| !matches!(serving.step, Step::Taking { .. })) else {
            serving.extending = false;
            return self.out.push_back(Action::Rekey { bssid });
        };
        let generation = lease.generation();
        if !self.journal.allows(&keys, generation) {
            let records = self.journal.reserve(&keys, generation);
            return self.write(now, bssid, records, After::Extend);
        }
        self.journal.mark_used(&keys, generation);
        serving.extending = false;
        serving.rank.generation = generation;
        serving.context.raise(generation);
        let keys = keys.into_iter().map(|(key, _)| key).collect();
        self.out.push_back(Action::Extend { bssid, keys, lease });
        self.demand_rekey(bssid, generation);
        self.announce(bssid);
        self.renew_copies(now, bssid);
    }

    pub(super) fn demand_rekey(&mut self, bssid: MacAddr, generation: Generation) {
        if generation >= Generation::REKEY_AT {
            self.out.push_back(Action::Rekey { bssid });
        }
    }

    /// From now on it is this node's.
    pub(super) fn own(&mut self, now: Instant, bssid: MacAddr, rank: Rank, context: Context) {
        let Some(vap) = self.entry(bssid) else { return };
        vap.role = Role::Serving(Serving::new(rank, context));
        self.announce(bssid);
        self.choose_guards(now, bssid);
    }

    /// Tells everybody whose it is: at once, and by a row that outlasts a lost notice.
    fn announce(&mut self, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let Role::Serving(Serving { rank, context, .. }) = &vap.role else { return };
        let title = Title {
            rank: *rank,
            owner: self.me.node,
            incarnation: self.me.incarnation,
            client: context.client,
        };
        vap.title = Some(title);
        vap.lost = None;
        vap.released = None;
        self.handle_sequence(title.rank.sequence);
        let packet = self.peers.notice(bssid, &Message::Title(title));
        self.out.push_back(Action::Notify { packet });
        let row = Row::Owned(bssid, title);
        self.out.push_back(Action::WriteRow { key: row.key().encode(), value: row.encode() });
    }

    /// Chooses guards among the peers that are up: those next in the order of slots, so that the load is spread.
    pub(super) fn choose_guards(&mut self, now: Instant, bssid: MacAddr) {
        let me = self.me.slot.number();
        let mut up: Vec<_> = self.peers.up_now().collect();
        up.sort_by_key(|(_, slot)| slot.number().wrapping_sub(me));
        let (guards, wired) = (self.timing.guards, self.wired);
        let Some(serving) = self.serving(bssid) else { return };
        let guards = if serving.context.can_travel() { guards } else { 0 };
        let chosen: Vec<NodeId> = up.iter().take(guards).map(|(node, _)| *node).collect();
        let before = std::mem::take(&mut serving.guards);
        let lonely = chosen.is_empty() && !wired && (!before.is_empty() || serving.alone.is_some());
        serving.alone = lonely.then(|| serving.alone.unwrap_or(now));
        if chosen.is_empty() {
            // Nobody is there to take their place.
            serving.guards = before;
            return self.touch(bssid);
        }
        let dismissed: Vec<NodeId> = before.keys().filter(|guard| !chosen.contains(guard)).copied().collect();
        for (order, node) in (0u8..).zip(&chosen) {
            let fresh = Watch { order, sent: 0, sent_at: now, acked: 0 };
            let kept = before.get(node).filter(|watch| watch.order == order);
            let watch = kept.map_or(fresh, |watch| Watch { order, ..*watch });
            serving.guards.insert(*node, watch);
        }
        dismissed.iter().for_each(|guard| self.send(*guard, bssid, &Message::Forget));
        self.send_copies(now, bssid);
        self.touch(bssid);
    }

    /// Peers have come or gone, or the wire has.
    pub(super) fn review_guards(&mut self, now: Instant) {
        let mine = |vap: &Vap| matches!(vap.role, Role::Serving(_) | Role::Parked(_));
        let mine = self.vaps.iter().filter(|(_, vap)| mine(vap));
        let mine: Vec<MacAddr> = mine.map(|(bssid, _)| *bssid).collect();
        for bssid in mine {
            self.unfence(now, bssid);
            self.choose_guards(now, bssid);
        }
    }

    fn renew_copies(&mut self, now: Instant, bssid: MacAddr) {
        if let Some(serving) = self.serving(bssid) {
            serving.version = serving.version.wrapping_add(1);
        }
        self.send_copies(now, bssid);
    }

    /// Sends a copy to each guard that has not got the latest. One is under way to a guard at a time, so that what
    /// changes fast costs no more than the way bears.
    fn send_copies(&mut self, now: Instant, bssid: MacAddr) {
        let Some(Serving { rank, context, version, guards, .. }) = self.serving(bssid) else { return };
        // Version 0 of a watch is "nothing yet".
        let (rank, latest) = (*rank, version.wrapping_add(1).max(1));
        let due = |watch: &Watch| {
            watch.sent != latest && (watch.acked == watch.sent || now.since(watch.sent_at) >= COPY_AGAIN)
        };
        let mut copies = Vec::new();
        for (guard, watch) in guards.iter_mut().filter(|(_, watch)| due(watch)) {
            *watch = Watch { sent: latest, sent_at: now, ..*watch };
            let context = context.clone();
            copies.push((*guard, Message::Copy { rank, order: watch.order, version: latest, context }));
        }
        copies.iter().for_each(|(guard, copy)| self.send(*guard, bssid, copy));
    }

    /// A guard has the copy, and what it reserved for it is synced. It may have used its keys up to `highest`: where it
    /// took over, unknown to this node, and has forgotten it since, the client listens to nothing below that any more.
    pub(super) fn copied(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        from: NodeId,
        version: u32,
        highest: Generation,
    ) {
        let Some(serving) = self.serving(bssid) else { return };
        let Some(watch) = serving.guards.get_mut(&from).filter(|watch| watch.sent == version) else { return };
        watch.acked = version;
        self.climb(now, bssid, highest);
        self.send_copies(now, bssid);
    }

    /// Another node may have sent under a higher generation than this one does: goes on above it.
    pub(super) fn climb(&mut self, now: Instant, bssid: MacAddr, highest: Generation) {
        let Some(serving) = self.serving(bssid) else { return };
        if highest > serving.rank.generation && !serving.extending {
            serving.extending = true;
            serving.context.raise(highest);
            self.extend(now, bssid);
        }
    }

    /// A node that has come may have taken over while it was cut off, and have forgotten that since: its journal knows.
    pub(super) fn ask_for_used(&mut self, node: NodeId) {
        let served = self.vaps.iter().filter_map(|(bssid, vap)| match &vap.role {
            Role::Serving(serving) => Some((*bssid, serving.context.keys.clone())),
            _ => None,
        });
        let served: Vec<_> = served.collect();
        for (bssid, keys) in served {
            self.send(node, bssid, &Message::Ask { keys });
        }
    }

    /// The owner wants to know how far this node may have gone with these keys.
    pub(super) fn asked_for_used(&mut self, bssid: MacAddr, from: NodeId, keys: &[(KeyId, Generation)]) {
        let highest = self.journal.highest(keys);
        if highest > Generation::default() {
            self.send(from, bssid, &Message::Used { highest });
        }
    }
}

/// The lease of this generation, which is above one that was seen.
pub(super) fn lease(generation: Generation, slot: crate::lease::NodeSlot) -> Option<Lease> {
    let seen = Generation::new(generation.number().checked_sub(1)?)?;
    Lease::take_over(seen, slot)
}
