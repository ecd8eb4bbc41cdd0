//! Who is right: the higher title. The lower one's owner is told, stops at once, and hands over what it has (rule U5).

use stack::time::Instant;
use stack::wire::MacAddr;

use super::cluster::Cluster;
use super::discard::Discard;
use super::message::Message;
use super::peers::Reach;
use super::vap::{Activating, Origin, Role, Step, Stopping, Vap};
use super::{Action, Event, Rank, Title};
use crate::announce::NodeId;

impl Cluster {
    /// Somebody says who owns the virtual AP.
    pub(super) fn learn(&mut self, now: Instant, bssid: MacAddr, title: Title) {
        if !self.peers.has_right_slot(&title) {
            return self.drops.count(Discard::WrongSlot);
        }
        if title.owner == self.me.node && title.incarnation >= self.me.incarnation {
            // This node knows best what is its own.
            return;
        }
        self.handle_sequence(title.rank.sequence);
        let Some(vap) = self.entry(bssid) else { return };
        match vap.title {
            Some(known) if known.rank > title.rank => return self.fence(bssid, known, title),
            Some(known) if known.rank == title.rank => {
                let known = vap.title.get_or_insert(title);
                known.incarnation = known.incarnation.max(title.incarnation);
                known.client = known.client.or(title.client);
                vap.released = None;
            }
            _ => {
                vap.title = Some(title);
                vap.released = None;
                vap.fenced = None;
                vap.lost = None;
                self.superseded(now, bssid, title);
            }
        }
        self.look_after(now, bssid);
    }

    /// A message of an owner shows its title.
    pub(super) fn learn_from(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        owner: NodeId,
        rank: Rank,
        client: Option<MacAddr>,
    ) {
        if let Some(incarnation) = self.peers.incarnation(owner) {
            self.learn(now, bssid, Title { rank, owner, incarnation, client });
        }
    }

    /// Tells the owner of a lower title about the higher one: once, since it will certainly arrive.
    fn fence(&mut self, bssid: MacAddr, known: Title, lower: Title) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let stale = (lower.owner, lower.rank);
        let told = vap.fenced == Some(stale) || lower.owner == known.owner;
        if !told && self.peers.reach(lower.owner).is_some() {
            vap.fenced = Some(stale);
            self.send(lower.owner, bssid, &Message::Title(known));
        }
    }

    /// A higher title has turned up: whatever this node was to the virtual AP, it is not its owner.
    fn superseded(&mut self, now: Instant, bssid: MacAddr, title: Title) {
        let linger = self.timing.linger;
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        match std::mem::take(&mut vap.role) {
            Role::Serving(serving) => {
                let (rank, sa) = (serving.rank, serving.context.sa);
                vap.role = Role::Stopping(Stopping { rank, sa, activating: None });
                // What is being taken out already needs no second order.
                if !matches!(serving.step, Step::Taking { .. }) {
                    self.out.push_back(Action::Stop { bssid, linger });
                }
                self.tell(Event::Superseded { bssid, by: title.owner });
            }
            // What this node is about to have is above it: the other will hear of that.
            Role::Activating(activating) if activating.rank() > title.rank => {
                vap.role = Role::Activating(activating);
            }
            Role::Activating(activating) => self.overtaken(now, bssid, activating),
            Role::Guard(mut guard) => {
                // A copy with the keys of an earlier security association is worth nothing.
                if guard.rank.sequence == title.rank.sequence {
                    guard.stale.get_or_insert(now);
                    vap.role = Role::Guard(guard);
                }
            }
            other @ (Role::Parked(_) | Role::Stopping(_)) => vap.role = other,
            Role::Elsewhere => {}
        }
    }

    /// Another was quicker while this node was about to begin.
    fn overtaken(&mut self, now: Instant, bssid: MacAddr, activating: Activating) {
        let linger = self.timing.linger;
        if let Some(rank) = activating.ordered
            && let Some(vap) = self.vaps.get_mut(&bssid)
        {
            let sa = activating.context.sa;
            vap.role = Role::Stopping(Stopping { rank, sa, activating: Some(activating) });
            return self.out.push_back(Action::Stop { bssid, linger });
        }
        match activating.origin {
            Origin::Commit { from, id } => self.send(from, bssid, &Message::Refuse { id }),
            Origin::Reclaim { refused: true, .. } => self.leave(now, bssid, activating.context),
            Origin::Copy | Origin::Reclaim { refused: false, .. } => {}
        }
    }

    /// Notes whether the owner is lost, or found again.
    fn look_after(&mut self, now: Instant, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let lost = vap.title.is_some_and(|title| self.peers.has_lost(&title));
        vap.lost = lost.then(|| vap.lost.unwrap_or(now));
        self.touch(bssid);
    }

    /// The owner has taken its row away. If it is still there a moment later it has given the virtual AP up; a node that
    /// is gone loses its rows too.
    pub(super) fn row_gone(&mut self, now: Instant, bssid: MacAddr, node: NodeId) {
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        if vap.title.is_some_and(|title| title.owner == node) {
            vap.released = Some(now);
            self.touch(bssid);
        }
    }

    /// A peer has come, gone, or started anew.
    pub(super) fn review(&mut self, now: Instant, node: NodeId, restarted: bool) {
        let concerns = |vap: &Vap| match &vap.role {
            Role::Serving(serving) => {
                serving.leaving().is_some_and(|(to, _)| to == node) || serving.guards.contains_key(&node)
            }
            Role::Parked(parked) => parked.to.is_some_and(|(to, _)| to == node),
            _ => !vap.held.is_empty() || vap.title.is_some_and(|title| title.owner == node),
        };
        let concerned = self.vaps.iter().filter(|(_, vap)| concerns(vap));
        let concerned: Vec<MacAddr> = concerned.map(|(bssid, _)| *bssid).collect();
        let gone = restarted || self.peers.reach(node) == Some(Reach::Down);
        for bssid in concerned {
            self.look_after(now, bssid);
            if restarted && let Some(serving) = self.serving(bssid) {
                serving.guards.remove(&node);
            }
            if gone {
                self.without(now, bssid, node);
            }
        }
        self.review_guards(now);
    }

    /// A virtual AP that was going to `node` does without it.
    fn without(&mut self, now: Instant, bssid: MacAddr, node: NodeId) {
        match self.vaps.get(&bssid).map(|vap| &vap.role) {
            Some(Role::Serving(serving)) if serving.leaving().is_some_and(|(to, _)| to == node) => {
                self.call_off(bssid);
            }
            Some(Role::Parked(parked)) if parked.to.is_some_and(|(to, _)| to == node) => {
                self.take_back(now, bssid, false);
            }
            _ => {}
        }
    }
}
