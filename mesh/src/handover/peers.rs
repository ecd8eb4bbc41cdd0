//! The other nodes: who they are, how they are, and the way to each.

use std::collections::BTreeMap;

use stack::time::{Instant, earliest};

use super::discard::{Discard, DiscardCounts};
use super::link::{self, Link, Packet};
use super::message::Message;
use super::{Action, Incarnation, SecretBytes, Title};
use crate::announce::NodeId;
use crate::lease::NodeSlot;
use stack::wire::MacAddr;

/// This node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Me {
    /// Its name.
    pub node: NodeId,
    /// Its slot, which nobody else in the cluster has.
    pub slot: NodeSlot,
    /// Which of its starts this is.
    pub incarnation: Incarnation,
}

/// How a peer is, as the engine finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there, with the slot that its certificate says, and in this of its starts.
    Up {
        /// Its slot.
        slot: NodeSlot,
        /// Which of its starts it is.
        incarnation: Incarnation,
    },
    /// It has not been heard for a while: nothing new is begun with it.
    Suspect,
    /// It counts as gone.
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Up,
    Suspect,
    Down,
}

#[derive(Debug)]
struct Peer {
    slot: NodeSlot,
    reach: Reach,
    link: Link,
}

/// What a change of a peer's standing means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    /// It may be sent to, or chosen as a guard, or not any more.
    Reach,
    /// It was never seen before.
    New,
    /// It has forgotten all; what was under way is lost.
    Restarted,
    /// Its slot is taken by another.
    Conflict,
}

#[derive(Debug)]
pub(super) struct Peers {
    me: Me,
    all: BTreeMap<NodeId, Peer>,
}

impl Peers {
    pub(super) const fn new(me: Me) -> Self {
        Self { me, all: BTreeMap::new() }
    }

    pub(super) fn stand(&mut self, node: NodeId, standing: Standing) -> Change {
        let reach = match standing {
            Standing::Up { slot, incarnation } => return self.up(node, slot, incarnation),
            Standing::Suspect => Reach::Suspect,
            Standing::Down => Reach::Down,
        };
        match self.all.get_mut(&node) {
            Some(peer) if peer.reach != reach => {
                peer.reach = reach;
                Change::Reach
            }
            _ => Change::Nothing,
        }
    }

    fn up(&mut self, node: NodeId, slot: NodeSlot, incarnation: Incarnation) -> Change {
        let taken = self.all.iter().any(|(other, peer)| *other != node && peer.slot == slot);
        if taken || slot == self.me.slot || node == self.me.node {
            return Change::Conflict;
        }
        let link = || Link::new(self.me.incarnation, incarnation);
        let Some(peer) = self.all.get_mut(&node) else {
            self.all.insert(node, Peer { slot, reach: Reach::Up, link: link() });
            return Change::New;
        };
        let before = std::mem::replace(&mut peer.reach, Reach::Up);
        if incarnation > peer.link.peer() {
            *peer = Peer { slot, reach: Reach::Up, link: link() };
            Change::Restarted
        } else if before == Reach::Up {
            Change::Nothing
        } else {
            Change::Reach
        }
    }

    /// How a peer is; `None` if it was never up.
    pub(super) fn reach(&self, node: NodeId) -> Option<Reach> {
        self.all.get(&node).map(|peer| peer.reach)
    }

    /// A peer's incarnation, as far as it is known.
    pub(super) fn incarnation(&self, node: NodeId) -> Option<Incarnation> {
        self.all.get(&node).map(|peer| peer.link.peer())
    }

    /// The peers that are up, with their slots.
    pub(super) fn up_now(&self) -> impl Iterator<Item = (NodeId, NodeSlot)> + '_ {
        self.all.iter().filter(|(_, peer)| peer.reach == Reach::Up).map(|(node, peer)| (*node, peer.slot))
    }

    /// Whether the owner of this title is gone, or has forgotten it.
    pub(super) fn has_lost(&self, title: &Title) -> bool {
        if title.owner == self.me.node {
            return title.incarnation != self.me.incarnation;
        }
        self.all
            .get(&title.owner)
            .is_some_and(|peer| peer.reach == Reach::Down || peer.link.peer() > title.incarnation)
    }

    /// Whether the title names the slot of its owner (rule U1), as far as that is known.
    pub(super) fn has_right_slot(&self, title: &Title) -> bool {
        let slot = if title.owner == self.me.node {
            Some(self.me.slot)
        } else {
            self.all.get(&title.owner).map(|peer| peer.slot)
        };
        slot.is_none_or(|slot| slot == title.rank.slot)
    }

    /// Sends a message to a peer, which will get it in order, once, unless either of both starts anew.
    pub(super) fn send(&mut self, to: NodeId, bssid: MacAddr, message: &Message) -> Result<(), Discard> {
        let peer = self.all.get_mut(&to).ok_or(Discard::UnknownPeer)?;
        peer.link.push(message.encode(bssid))
    }

    /// A message to all, which may be lost.
    pub(super) fn notice(&self, bssid: MacAddr, message: &Message) -> SecretBytes {
        link::notice(self.me.incarnation, &message.encode(bssid))
    }

    /// The messages that a packet brings, in order.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        from: NodeId,
        bytes: &[u8],
        out: &mut impl Extend<Action>,
    ) -> Result<Vec<SecretBytes>, Discard> {
        let packet = Packet::parse(bytes)?;
        let peer = self.all.get_mut(&from).ok_or(Discard::UnknownPeer)?;
        if let Some(body) = packet.notice() {
            let fresh = packet.from() == peer.link.peer();
            return if fresh { Ok(vec![body.to_vec().into()]) } else { Err(Discard::OtherIncarnation) };
        }
        let mut reply = Vec::new();
        let messages = peer.link.handle(now, &packet, &mut reply);
        out.extend(reply.into_iter().map(|packet| Action::Send { to: from, packet }));
        messages
    }

    /// Sends what is due.
    pub(super) fn poll(&mut self, now: Instant, out: &mut impl Extend<Action>) {
        let mut packets = Vec::new();
        for (node, peer) in &mut self.all {
            peer.link.poll(now, &mut packets);
            out.extend(packets.drain(..).map(|packet| Action::Send { to: *node, packet }));
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        let due = self.all.values().filter_map(|peer| peer.link.deadline());
        due.map(|at| (at, "send again")).reduce(|a, b| earliest(Some(a), Some(b)).unwrap_or(a))
    }
}

/// Counts what could not be sent; there is nothing else to do about it.
pub(super) fn count(drops: &mut DiscardCounts, sent: Result<(), Discard>) {
    if let Err(reason) = sent {
        drops.count(reason);
    }
}
