//! What the radios and the other nodes tell.

use mesh::engine::{Engine, Event};
use mesh::handover::{Incarnation, SecretBytes, Standing};
use mesh::table::Key;
use stack::ap::Context;
use stack::time::Instant;
use stack::wire::MacAddr;

use super::convert::parcel;
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
                let client = self.own.remove(&bssid).map(|own| own.client);
                if let Some(client) = client.filter(|client| !self.abroad.contains_key(client)) {
                    self.shown.remove(client);
                }
                self.came.remove(&bssid);
                self.cluster.handle_gone(now, bssid);
            }
            Told::Drained(bssid) => self.cluster.handle_drained(now, bssid),
            Told::Taken(context) => {
                let bssid = context.bssid();
                self.own.remove(&bssid);
                self.came.remove(&bssid);
                self.set_abroad(context.client(), bssid);
                self.cluster.handle_taken(now, bssid, parcel(&context));
            }
            Told::Adopted(bssid) => {
                if let Some(own) = self.coming.remove(&bssid) {
                    self.set_home(own.client);
                    self.own.insert(bssid, own);
                }
                self.cluster.handle_adopted(now, bssid);
            }
            Told::NotFollowed(bssid) => self.give_back(now, bssid),
            Told::Refused(bssid, why) => {
                self.coming.remove(&bssid);
                self.news.push(News::Line(format!("virtual AP {bssid} is not taken: {why}")));
                self.cluster.handle_refused(now, bssid);
            }
            Told::Frame { bssid, mpdu, .. } => {
                self.shown.taken();
                self.hand_on(now, bssid, MPDU, &mpdu);
            }
            Told::Msdu { ethernet, .. } => {
                self.shown.taken();
                let to = ethernet.get(..6).and_then(MacAddr::from_slice);
                if let Some(bssid) = to.and_then(|to| self.bssid_of(to)) {
                    self.hand_on(now, bssid, MSDU, &ethernet);
                }
            }
        }
    }

    /// Where a client of another node is; one that is on its way there may still seem to be here.
    fn bssid_of(&self, client: MacAddr) -> Option<MacAddr> {
        let leaving = || self.own.iter().find(|(_, own)| own.client == client).map(|(bssid, _)| *bssid);
        self.abroad.get(&client).copied().or_else(leaving)
    }

    fn set_abroad(&mut self, client: MacAddr, bssid: MacAddr) {
        self.abroad.insert(client, bssid);
        self.shown.insert(client);
    }

    fn set_home(&mut self, client: MacAddr) {
        self.abroad.remove(&client);
        self.shown.remove(client);
    }

    /// No client is there any more.
    pub(super) fn forget_abroad(&mut self, bssid: MacAddr) {
        for (client, _) in self.abroad.extract_if(.., |_, known| *known == bssid) {
            self.shown.remove(client);
        }
    }

    fn copy(&mut self, now: Instant, radio: usize, context: &Context) {
        let (bssid, client) = (context.bssid(), context.client());
        if self.own.insert(bssid, Own { radio, client, queued: 0 }).is_some() {
            return self.cluster.handle_changed(now, bssid, parcel(context));
        }
        self.set_home(client);
        if self.cluster.handle_created(now, bssid, parcel(context)).is_err() {
            self.news.push(News::Line(format!("virtual AP {bssid} is another node's already")));
        }
    }

    fn hand_on(&mut self, now: Instant, bssid: MacAddr, kind: u8, bytes: &[u8]) {
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
                self.news.push(News::Line(format!("node {} is there", other.name)));
            }
            Event::Suspect(node) => self.cluster.handle_peer(now, node, Standing::Suspect),
            Event::Down(node) => {
                self.cluster.handle_peer(now, node, Standing::Down);
                let name = self.name_of(node);
                self.news.push(News::Line(format!("node {name} is gone")));
            }
            Event::Message { from, bytes } | Event::Notice { from, bytes } => {
                self.cluster.handle_message(now, from, &bytes);
            }
            Event::Row { node, key, row } => {
                self.cluster.handle_row(now, node, &key, row.as_ref().map(|row| row.value.as_slice()));
                self.note_client(&key);
                self.learn_sight(node, &key, row.as_ref().map(|row| row.value.as_slice()));
            }
            Event::Frame { .. } => {}
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
            self.set_abroad(client, bssid);
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
