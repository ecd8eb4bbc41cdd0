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
                self.own.remove(&bssid);
                self.cluster.handle_gone(now, bssid);
            }
            Told::Drained(bssid) => self.cluster.handle_drained(now, bssid),
            Told::Taken(context) => {
                let bssid = context.bssid();
                self.own.remove(&bssid);
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
                if let Some(&bssid) = to.and_then(|to| self.abroad.get(&to)) {
                    self.hand_on(now, bssid, MSDU, &ethernet);
                }
            }
        }
    }

    fn set_abroad(&mut self, client: MacAddr, bssid: MacAddr) {
        self.changed |= self.abroad.insert(client, bssid) != Some(bssid);
    }

    fn set_home(&mut self, client: MacAddr) {
        self.changed |= self.abroad.remove(&client).is_some();
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
                if row.is_none() {
                    self.note_end(&key);
                }
            }
            Event::Frame { .. } => {}
            Event::Fenced { slot, fault } => {
                self.news.push(News::Line(format!("slot {} is shut out: {fault}", slot.number())));
            }
            Event::Stopped(why) => self.news.push(News::Line(why.to_string())),
        }
    }

    /// A virtual AP that no other node has any more: if its address is of one of our radios, it can be given away again.
    fn note_end(&self, key: &[u8]) {
        let Some(bssid) = owned(key).filter(|bssid| !self.own.contains_key(bssid)) else { return };
        if self.engine.members().iter().all(|other| self.engine.row(other.node, key).is_none()) {
            self.switch.order_all(|| Order::Vacated(bssid));
        }
    }

    /// Where a client of another node is.
    fn note_client(&mut self, key: &[u8]) {
        let Some(bssid) = owned(key).filter(|bssid| !self.own.contains_key(bssid)) else { return };
        let before = self.abroad.len();
        self.abroad.retain(|_, known| *known != bssid);
        self.changed |= self.abroad.len() != before;
        if let Some(client) = self.cluster.title(bssid).and_then(|title| title.client) {
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
