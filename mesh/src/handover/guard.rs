//! A guard has an inactive copy, and takes over when the owner is lost.

use stack::time::Instant;
use stack::wire::MacAddr;

use super::cluster::{After, Cluster};
use super::vap::{Activating, Guard, Origin, Role};
use super::{Action, Context, Event, Rank};
use crate::announce::NodeId;

impl Cluster {
    /// An owner wants this node for a guard, or renews its copy. It reserves generations at once, so that a takeover
    /// writes nothing (rule U3), and confirms when they are synced.
    pub(super) fn copy(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        from: NodeId,
        (rank, order, version): (Rank, u8, u32),
        mut context: Context,
    ) {
        self.learn_from(now, bssid, from, rank, context.client);
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        if vap.title.is_none_or(|title| title.owner != from || title.rank != rank) {
            return;
        }
        match &vap.role {
            Role::Elsewhere => {}
            Role::Guard(guard) => context.remember(&guard.copy),
            _ => return,
        }
        let keys = context.keys.clone();
        vap.role = Role::Guard(Guard { copy: context, rank, order, stale: None });
        let next = self.journal.next(&keys, rank.generation);
        let short = next.filter(|next| !self.journal.allows(&keys, *next));
        let records = short.map(|next| self.journal.reserve(&keys, next)).unwrap_or_default();
        let highest = self.journal.highest(&keys);
        self.write(now, bssid, records, After::Copied { to: from, version, highest });
    }

    /// The owner does not want this node for a guard any more, or the virtual AP is gone.
    pub(super) fn forget(&mut self, bssid: MacAddr, from: NodeId) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        if matches!(vap.role, Role::Guard(_)) && vap.title.is_none_or(|title| title.owner == from) {
            vap.role = Role::Elsewhere;
        }
    }

    /// A radio here hears the virtual AP, which another transmits: its owner is alive, whatever the wire says.
    pub fn handle_heard(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        vap.heard = Some(now);
        if vap.lost.is_some() {
            self.touch(bssid);
            self.settle(now);
        }
    }

    /// Takes over, if it is time; tells the client to come again, if nobody does; forgets what is of no use.
    pub(super) fn expire_guard(&mut self, now: Instant, bssid: MacAddr) {
        let timing = self.timing;
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        if vap.released.is_some_and(|since| since + timing.ended <= now) && vap.lost.is_none() {
            vap.released = None;
            vap.title = None;
            return self.tell(Event::Ended { bssid });
        }
        if vap.invitation(&timing).is_some_and(|(at, _)| at <= now) {
            let client = vap.title.take().and_then(|title| title.client);
            vap.lost = None;
            self.out.push_back(Action::Invite { bssid, client });
            return self.tell(Event::Ended { bssid });
        }
        let Role::Guard(guard) = &vap.role else { return };
        if vap.takeover(guard, &timing).is_some_and(|(at, _)| at <= now) {
            self.take_over(now, bssid);
        } else if guard.stale.is_some_and(|since| since + timing.copy_life <= now) {
            vap.role = Role::Elsewhere;
        }
    }

    fn take_over(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let Role::Guard(Guard { copy, rank, .. }) = std::mem::take(&mut vap.role) else { return };
        let above = rank.generation;
        let activating = Activating::new(copy, rank, above, Origin::Copy);
        self.activate(now, bssid, activating);
    }
}
