//! What the radios and the other nodes tell.

use mesh::claim::Notice;
use mesh::engine::{Engine, Event};
use mesh::handover::{Incarnation, SecretBytes, Standing};
use mesh::table::Key;
use stack::ap::Context;
use stack::time::Instant;
use stack::wire::MacAddr;

use super::convert::parcel;
use super::herald::Herald;
use super::ports::binding;
use super::{Member, News, Own};
use crate::node::orders::{Order, Told};

/// Kinds of what is handed on between nodes.
pub(super) const MPDU: u8 = 1;
pub(super) const MSDU: u8 = 2;

impl<E: Engine> Member<E> {
    pub(super) fn hear(&mut self, now: Instant, radio: usize, told: Told) {
        match told {
            Told::Copy(context) => self.copy(now, radio, &context),
            Told::Gone(bssid) => {
                if let Some(own) = self.own.remove(&bssid) {
                    self.release_own(own);
                }
                self.came.remove(&bssid);
                self.cluster.handle_gone(now, bssid);
            }
            Told::Drained(bssid) => self.cluster.handle_drained(now, bssid),
            Told::Taken(context) => {
                let bssid = context.bssid();
                if let Some(own) = self.own.remove(&bssid) {
                    self.hand_over_own(now, own);
                }
                self.came.remove(&bssid);
                self.abroad.insert(context.client(), bssid);
                self.cluster.handle_taken(now, bssid, parcel(&context));
            }
            Told::Adopted(bssid) => {
                if let Some(own) = self.coming.remove(&bssid) {
                    self.abroad.remove(&own.client);
                    self.own.insert(bssid, own);
                }
                self.cluster.handle_adopted(now, bssid);
                self.act(now);
                self.order(bssid, Order::StraysCame(bssid));
            }
            Told::NotFollowed(bssid) => self.give_back(now, bssid),
            Told::Refused(bssid, why) => {
                if let Some(own) = self.coming.remove(&bssid) {
                    self.switch.forget_addresses(own.network, own.client);
                }
                self.news.push(News::Line(format!("virtual AP {bssid} is not taken: {why}")));
                self.cluster.handle_refused(now, bssid);
            }
            Told::Frame { bssid, mpdu, .. } => {
                self.shown.taken();
                self.hand_on(now, bssid, MPDU, &mpdu);
            }
            Told::Msdu { network, ethernet } => {
                self.shown.taken();
                self.carry(now, network, ethernet, 0);
            }
            Told::ForAll { network, from_client, ethernet } => {
                self.shown.taken();
                self.carry_to_all(network, from_client, &ethernet);
            }
            Told::OnWire { network, address } => self.claim_on_wire(now, network, address),
            Told::Forged { network, address } => self.note_forgery(now, network, address),
            Told::Uses { network, station, addresses } => self.publish_addresses(network, station, addresses),
        }
    }

    /// Nobody has it any more, as far as is known.
    pub(super) fn forget_abroad(&mut self, bssid: MacAddr) {
        self.abroad.retain(|_, known| *known != bssid);
    }

    fn copy(&mut self, now: Instant, radio: usize, context: &Context) {
        let (bssid, client) = (context.bssid(), context.client());
        let network = self.ports.network(context.ssid());
        let parcel = parcel(context);
        let sa = binding(bssid, client, parcel.sa);
        if self.own.insert(bssid, Own { radio, network, client, sa, queued: 0 }).is_some() {
            self.cluster.handle_changed(now, bssid, parcel);
            return self.claim_own(now, bssid);
        }
        self.abroad.remove(&client);
        match self.cluster.handle_created(now, bssid, parcel) {
            Ok(()) => self.claim_own(now, bssid),
            Err(_) => self.news.push(News::Line(format!("virtual AP {bssid} is another node's already"))),
        }
    }

    pub(super) fn hand_on(&mut self, now: Instant, bssid: MacAddr, kind: u8, bytes: &[u8]) {
        let mut frame = Vec::with_capacity(bytes.len() + 1);
        frame.push(kind);
        frame.extend_from_slice(bytes);
        self.cluster.handle_stray(now, bssid, SecretBytes::from(frame));
    }

    pub(super) fn engine_says(&mut self, now: Instant, event: Event) {
        match event {
            Event::Up(other) => {
                let (slot, incarnation) = (other.slot, Incarnation(other.incarnation));
                self.cluster.handle_peer(now, other.node, Standing::Up { slot, incarnation });
                self.introduce_to(now, other.node);
                self.retell_loads();
                self.news.push(News::Line(format!("node {} is there", other.name)));
            }
            Event::Suspect(node) => self.cluster.handle_peer(now, node, Standing::Suspect),
            Event::Down(node) => {
                self.cluster.handle_peer(now, node, Standing::Down);
                if let Some(herald) = &mut self.herald {
                    herald.node_gone(node);
                    self.forget_signed(node);
                }
                let name = self.name_of(node);
                self.news.push(News::Line(format!("node {name} is gone")));
            }
            Event::Message { from, bytes } if Herald::is_for_it(&bytes) => {
                self.handle_word(now, from, &bytes, true);
            }
            Event::Notice { from, bytes } if Herald::is_for_it(&bytes) => {
                self.handle_word(now, from, &bytes, false);
            }
            Event::Notice { from, bytes } if Notice::is_one(&bytes) => {
                self.handle_claim_notice(now, from, &bytes);
            }
            Event::Message { from, bytes } | Event::Notice { from, bytes } => {
                self.cluster.handle_message(now, from, &bytes);
            }
            Event::Row { node, key, row } => {
                let value = row.as_ref().map(|row| row.value.as_slice());
                self.cluster.handle_row(now, node, &key, value);
                self.handle_claim_row(now, node, &key, value);
                self.note_client(&key);
                self.learn_sight(node, &key, value);
            }
            Event::Frame { from, bytes } => self.handle_frame(now, from, &bytes),
            Event::Fenced { slot, fault } => {
                self.news.push(News::Line(format!("slot {} is shut out: {fault}", slot.number())));
            }
            Event::Stopped(why) => self.news.push(News::Line(why.to_string())),
        }
    }

    /// Where a client of another node is.
    fn note_client(&mut self, key: &[u8]) {
        let Some(bssid) = owned(key).filter(|bssid| !self.own.contains_key(bssid)) else { return };
        let client = self.cluster.title(bssid).and_then(|title| title.client);
        if client.is_some_and(|client| self.abroad.get(&client) == Some(&bssid)) {
            return;
        }
        self.forget_abroad(bssid);
        if let Some(client) = client {
            // A node that has just started knows of no virtual AP that went away before.
            self.switch.order_all(|| Order::Occupied(bssid));
            self.abroad.insert(client, bssid);
        }
    }
}

/// Which virtual AP a row is about, if it says whose that is.
fn owned(key: &[u8]) -> Option<MacAddr> {
    match Key::decode(key)? {
        Key::Owned(bssid) => Some(bssid),
        _ => None,
    }
}
