//! The engine of one simulated node.

use super::Backhaul;
use super::net::{Net, Node};
use crate::announce::NodeId;
use crate::engine::{
    Counts, Engine, Event, MAX_FRAME, MAX_MESSAGE, MAX_NOTICE, Member, PeerState, Refused, Row, check_len,
    check_row,
};
use crate::lease::NodeSlot;

/// A node on a [`Backhaul`].
#[derive(Debug)]
pub struct Simulated {
    pub(super) net: Backhaul,
    pub(super) node: NodeId,
    pub(super) slot: NodeSlot,
    pub(super) incarnation: u64,
}

impl Simulated {
    /// Does something with the node, if it is still this incarnation that runs.
    fn with<T>(&self, act: impl FnOnce(&mut Net, NodeId) -> T) -> Result<T, Refused> {
        let mut net = self.net.net();
        let runs = net.nodes.get(&self.node).is_some_and(|node| node.incarnation == self.incarnation);
        if runs { Ok(act(&mut net, self.node)) } else { Err(Refused::Stopped) }
    }

    fn with_node<T>(&self, act: impl FnOnce(&mut Node) -> T) -> Result<T, Refused> {
        self.with(|net, id| net.nodes.get_mut(&id).map(act))?.ok_or(Refused::Stopped)
    }

    fn towards(
        &self,
        to: NodeId,
        bytes: &[u8],
        max: usize,
        send: impl FnOnce(&mut Net),
    ) -> Result<(), Refused> {
        check_len(bytes, max)?;
        self.with(|net, id| {
            if !net.has_session(id, to) {
                return Err(Refused::NoSession(to));
            }
            send(net);
            Ok(())
        })?
    }
}

impl Engine for Simulated {
    fn node(&self) -> NodeId {
        self.node
    }

    fn slot(&self) -> NodeSlot {
        self.slot
    }

    fn members(&self) -> Vec<Member> {
        self.with_node(|node| node.peers.values().cloned().collect()).unwrap_or_default()
    }

    fn publish(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        let id = self.node;
        self.with_node(|node| {
            let Some(own) = node.known.get_mut(&id) else { return Ok(()) };
            check_row(key, value, if own.row(key).is_some() { 0 } else { own.count() })?;
            own.set(key, Some(value));
            Ok(())
        })?
    }

    fn remove(&mut self, key: &[u8]) {
        let id = self.node;
        // A node that is stopped has no rows.
        let _ = self.with_node(|node| node.known.get_mut(&id).map(|own| own.set(key, None)));
    }

    fn row(&self, node: NodeId, key: &[u8]) -> Option<Row> {
        self.with_node(|own| {
            let up = own.peers.get(&node).is_some_and(|peer| peer.state != PeerState::Down);
            own.known.get(&node).filter(|_| up)?.row(key)
        })
        .ok()?
    }

    fn each_row(&self, visit: &mut dyn FnMut(NodeId, &[u8], &Row)) {
        let rows = self.with_node(|own| {
            let up = own.peers.iter().filter(|(_, peer)| peer.state != PeerState::Down);
            let known = up.filter_map(|(id, _)| Some((*id, own.known.get(id)?)));
            known
                .flat_map(|(id, known)| known.rows().map(move |(key, row)| (id, key.to_vec(), row)))
                .collect::<Vec<_>>()
        });
        rows.unwrap_or_default().iter().for_each(|(node, key, row)| visit(*node, key, row));
    }

    fn send(&mut self, to: NodeId, message: &[u8]) -> Result<(), Refused> {
        self.towards(to, message, MAX_MESSAGE, |net| net.send(self.node, to, message.to_vec()))
    }

    fn send_frame(&mut self, to: NodeId, frame: &[u8]) -> Result<(), Refused> {
        self.towards(to, frame, MAX_FRAME, |net| net.send_frame(self.node, to, false, frame))
    }

    fn notify(&mut self, notice: &[u8]) -> Result<(), Refused> {
        check_len(notice, MAX_NOTICE)?;
        self.with(|net, id| {
            let others: Vec<NodeId> = net.nodes.keys().copied().filter(|o| net.has_session(id, *o)).collect();
            others.into_iter().for_each(|other| net.send_frame(id, other, true, notice));
        })
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.with_node(|node| node.inbox.pop_front()).ok()?
    }

    fn counts(&self) -> Counts {
        self.with_node(|node| node.counts).unwrap_or_default()
    }
}
