//! What came to the wrong node, or at the wrong moment, and where it goes.

use stack::time::Instant;
use stack::wire::MacAddr;

use super::cluster::Cluster;
use super::discard::Discard;
use super::message::Message;
use super::vap::{Burden, Held, MAX_HELD, Parked, Role};
use super::{Action, Context, Rank, SecretBytes, Title};
use crate::announce::NodeId;

/// Where something goes, and because of which title.
struct Way {
    to: NodeId,
    rank: Rank,
    /// It is the way that the virtual AP itself went, so what came here for its sake goes there too.
    given: bool,
}

impl Way {
    /// Whether what came here because of `after` may go: never back, so that nothing goes in circles.
    fn takes(&self, after: Option<Rank>) -> bool {
        after.is_none_or(|after| after < self.rank || self.given && after == self.rank)
    }
}

impl Cluster {
    /// Something came here for a virtual AP that is not here, or not any more: a frame of its client that a radio of this
    /// node acknowledged, or an MSDU for the client. It goes to the owner and arrives there once, as
    /// [`Action::Stray`], unless a node on the way starts anew; without an owner it waits for one.
    pub fn handle_stray(&mut self, now: Instant, bssid: MacAddr, frame: SecretBytes) {
        self.stray(now, bssid, None, frame);
        self.settle(now);
    }

    /// `after` is the title because of which another sent it here.
    pub(super) fn stray(&mut self, now: Instant, bssid: MacAddr, after: Option<Rank>, frame: SecretBytes) {
        self.hold(bssid, Held { since: now, after, what: Burden::Frame(frame) });
    }

    /// Another that had the virtual AP leaves this to its owner.
    pub(super) fn left(&mut self, now: Instant, bssid: MacAddr, rank: Rank, context: Context) {
        self.hold(bssid, Held { since: now, after: Some(rank), what: Burden::Left(context) });
    }

    /// This node has something of a virtual AP that it does not own: it goes to whoever does, before the frames that
    /// came meanwhile, since it tells which of them were received already.
    pub(super) fn leave(&mut self, now: Instant, bssid: MacAddr, context: Context) {
        let Some(vap) = self.entry(bssid) else { return };
        vap.held.push_front(Held { since: now, after: None, what: Burden::Left(context) });
    }

    fn hold(&mut self, bssid: MacAddr, held: Held) {
        let Some(vap) = self.entry(bssid) else { return };
        if vap.held.len() >= MAX_HELD {
            return self.drops.count(Discard::HeldFull);
        }
        vap.held.push_back(held);
    }

    /// Sends on what is held, if there is somebody who takes it.
    pub(super) fn flush(&mut self, bssid: MacAddr) {
        let Some(vap) = self.vaps.get_mut(&bssid).filter(|vap| !vap.held.is_empty()) else { return };
        if Self::is_settled_here(vap) {
            self.out.extend(vap.held.drain(..).map(|held| match held.what {
                Burden::Frame(frame) => Action::Stray { bssid, frame },
                Burden::Left(context) => Action::Merge { bssid, context },
            }));
            return;
        }
        let Some(way) = self.way(bssid) else { return };
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let (go, stay): (Vec<_>, Vec<_>) = vap.held.drain(..).partition(|held| way.takes(held.after));
        vap.held.extend(stay);
        let rank = way.rank;
        for held in go {
            let message = match held.what {
                Burden::Frame(frame) => Message::Stray { rank, frame },
                Burden::Left(context) => Message::Yield { rank, context },
            };
            self.send(way.to, bssid, &message);
        }
    }

    /// Who takes what is held. What was given to another goes after it: should that one never have had it, or have
    /// lost it, both have the same fate.
    fn way(&self, bssid: MacAddr) -> Option<Way> {
        let vap = self.vaps.get(&bssid)?;
        match &vap.role {
            Role::Parked(Parked { to: Some((to, _)), rank, .. }) => {
                Some(Way { to: *to, rank: *rank, given: true })
            }
            Role::Elsewhere | Role::Guard(_) if vap.lost.is_none() => {
                let Title { owner, rank, .. } = vap.title?;
                self.peers.reach(owner)?;
                Some(Way { to: owner, rank, given: false })
            }
            _ => None,
        }
    }
    /// Nobody has come for it in time.
    pub(super) fn drop_held(&mut self, now: Instant, bssid: MacAddr) {
        let life = self.timing.hold;
        let Some(vap) = self.vaps.get_mut(&bssid) else { return };
        let before = vap.held.len();
        vap.held.retain(|held| held.since + life > now);
        (vap.held.len()..before).for_each(|_| self.drops.count(Discard::HeldTooLong));
    }
}
