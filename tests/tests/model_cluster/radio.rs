//! What a node's radio does with the orders of its core.

use std::time::Duration;

use mesh::handover::{Action, Context, Provenance, SecretBytes};
use mesh::lease::Lease;
use stack::wire::MacAddr;

use super::codec::{Frame, State};
use super::node::{Vap, key_id};
use super::oracle::Violation;
use super::plan::MILLI;
use super::world::{Event, World};

/// How often a client is asked for a new key that does not answer.
const HANDSHAKE_TRIES: u32 = 4;

impl World {
    pub fn obey(&mut self, node: usize, order: Action) {
        self.say(|| format!("node {node}: {}", name(&order)));
        match order {
            Action::Drain { bssid, .. } => {
                if let Some(vap) = self.nodes[node].radio.get_mut(&bssid) {
                    vap.draining = true;
                    self.tell_drained(node, bssid);
                }
            }
            Action::Resume { bssid } => {
                if let Some(vap) = self.nodes[node].radio.get_mut(&bssid) {
                    vap.draining = false;
                    self.look_at_queue(node, bssid);
                }
            }
            Action::Take { bssid, linger } => {
                assert!(linger > Duration::ZERO);
                self.take_out(node, bssid);
            }
            Action::Stop { bssid, .. } => self.take_out(node, bssid),
            Action::Activate { bssid, context, lease, provenance, .. } => {
                self.activate(node, bssid, &context, lease, provenance);
            }
            Action::Extend { bssid, keys, lease } => {
                let lease = self.lease(lease);
                let vap = self.nodes[node].radio.get_mut(&bssid);
                if let Some(vap) = vap.filter(|vap| keys.contains(&key_id(vap.key()))) {
                    vap.take_lease(&lease);
                    let client = vap.client;
                    self.clients[client].exposed |= !self.net.is_whole();
                    self.oracle.counts.extended += 1;
                }
            }
            Action::Rekey { bssid } => {
                self.rekey(node, bssid);
            }
            Action::Stray { bssid, frame } => self.stray(node, bssid, frame),
            Action::Merge { bssid, context } => self.merge(node, bssid, &context),
            Action::Invite { bssid, client } => self.invite(bssid, client),
            Action::Send { .. }
            | Action::Notify { .. }
            | Action::WriteRow { .. }
            | Action::RemoveRow { .. }
            | Action::Journal { .. } => unreachable!("no order to a radio"),
        }
    }

    pub fn tell_drained(&mut self, node: usize, bssid: MacAddr) {
        let vap = self.nodes[node].radio.get(&bssid);
        if vap.is_some_and(|vap| vap.draining && vap.flight.is_none()) {
            self.core(node, |core, now| core.handle_drained(now, bssid));
        }
    }

    fn take_out(&mut self, node: usize, bssid: MacAddr) {
        let Some(vap) = self.nodes[node].radio.remove(&bssid) else { return };
        if let Some(flight) = vap.flight {
            // It may have been received, so that nobody may send it again.
            self.oracle.given_up(flight.msdu);
        }
        let context = vap.context(&self.clients[vap.client].address);
        self.core(node, |core, now| core.handle_taken(now, bssid, context));
    }

    fn activate(
        &mut self,
        node: usize,
        bssid: MacAddr,
        context: &Context,
        lease: Lease,
        provenance: Provenance,
    ) {
        let client =
            context.client.and_then(|address| self.client_at(address)).expect("a client of the model");
        let strange = self.nodes[node].had.insert(bssid);
        if strange && std::mem::take(&mut self.nodes[node].full) && !self.calm {
            self.clients[client].exposed |= provenance == Provenance::Copy;
            self.core(node, |core, now| core.handle_refused(now, bssid));
            return;
        }
        if self.plan.calm && !self.owners(bssid).is_empty() {
            self.fail(Violation::TwoOwners { bssid: bssid.to_string() });
        }
        let mut vap = Vap::from_context(client, context);
        if provenance == Provenance::Copy {
            vap.state.queue.clear();
        }
        vap.take_lease(&self.lease(lease));
        let key = vap.key();
        vap.stale = provenance == Provenance::Copy;
        self.nodes[node].radio.insert(bssid, vap);
        if provenance == Provenance::Copy {
            self.renew_later(node, bssid, key, 0);
        }
        self.core(node, |core, now| core.handle_adopted(now, bssid));
        self.look_at_queue(node, bssid);
    }

    fn renew_later(&mut self, node: usize, bssid: MacAddr, key: u64, tries: u32) {
        let start = self.nodes[node].incarnation;
        let wait = self.dice.between(40, 200) * MILLI;
        self.at(wait, Event::Renew { node, start, bssid, key, tries });
    }

    /// What was taken over from a copy needs a new key. A client that does not answer listens to a later owner, or to
    /// one that is gone too; then this virtual AP is of no use.
    pub fn renew(&mut self, node: usize, bssid: MacAddr, key: u64, tries: u32) {
        let Some(vap) = self.nodes[node].radio.get(&bssid).filter(|vap| vap.key() == key) else { return };
        if vap.draining || vap.flight.is_some() {
            return self.renew_later(node, bssid, key, tries);
        }
        let client = vap.client;
        let near = self.clients[client].range.contains(&node);
        if self.rekey(node, bssid) {
            return;
        }
        if tries < HANDSHAKE_TRIES {
            return self.renew_later(node, bssid, key, tries + u32::from(near));
        }
        self.remove(node, bssid);
        let served = self.owners(bssid).iter().any(|other| self.can_serve(*other, bssid, client));
        if self.clients[client].bssid == Some(bssid) && !served {
            self.comes_again(client, "it does not answer the handshake");
        }
    }

    fn stray(&mut self, node: usize, bssid: MacAddr, frame: SecretBytes) {
        if !self.nodes[node].radio.contains_key(&bssid) {
            self.core(node, |core, now| core.handle_stray(now, bssid, frame));
            return;
        }
        match Frame::decode(frame.expose()) {
            Frame::Up { msdu, key, number } => self.receive(node, bssid, msdu, (key, number)),
            Frame::Down { msdu } => self.enqueue(node, bssid, [msdu]),
        }
    }

    fn merge(&mut self, node: usize, bssid: MacAddr, context: &Context) {
        let state = State::decode(context.bytes.expose());
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return };
        vap.received.extend(state.received);
        self.enqueue(node, bssid, state.queue);
    }

    /// The client has left, as far as this node can see.
    pub fn remove(&mut self, node: usize, bssid: MacAddr) {
        let vap = self.nodes[node].radio.remove(&bssid);
        if let Some(Vap { state, flight, .. }) = vap {
            let lost = state.queue.into_iter().chain(flight.map(|flight| flight.msdu));
            lost.for_each(|msdu| self.oracle.given_up(msdu));
        }
        self.core(node, |core, now| core.handle_gone(now, bssid));
    }

    pub fn lease_low(&mut self, node: usize, bssid: MacAddr) {
        self.core(node, |core, now| core.handle_lease_low(now, bssid));
    }
}

fn name(order: &Action) -> String {
    match order {
        Action::Activate { bssid, lease, provenance, .. } => {
            format!(
                "activate {bssid} {provenance:?} under {}/{}",
                lease.generation().number(),
                lease.slot().number()
            )
        }
        Action::Stray { bssid, frame } => format!("stray {bssid} {:?}", Frame::decode(frame.expose())),
        Action::Merge { bssid, .. } => format!("merge {bssid}"),
        other => format!("{other:?}"),
    }
}
