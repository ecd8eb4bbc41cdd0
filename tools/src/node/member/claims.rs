//! The node's part in the distributed switch: claims of its clients, what others claim, and what is wrong with that.
//!
//! A client is claimed when its virtual AP is this node's, by the core's word: after a handshake here, or from a context
//! that was handed here. A frame with its address is never a reason.

use std::collections::BTreeMap;
use std::time::Duration;

use mesh::announce::{Claim, Item, NodeId};
use mesh::claim::{Addresses, Due, Event, Limits, Notice, Station};
use mesh::engine::{Engine, PeerState};
use mesh::table::{Key, Row};
use stack::ap::NetworkId;
use stack::time::Instant;
use stack::wire::MacAddr;

use super::herald::{Herald, Word};
use super::ports::{Claimant, Ports};
use super::{Member, News, Own};
use crate::node::home::Routes;
use crate::node::orders::Order;
use crate::status;

/// For so long what comes for a client that has left is handed on from here; by then every bridge knows better.
const LEFT: Duration = Duration::from_secs(10);

impl<E: Engine> Member<E> {
    /// A virtual AP is this node's, or goes on being: so is its client.
    pub(super) fn claim_own(&mut self, now: Instant, bssid: MacAddr) {
        let Some(Own { network, client, sa, .. }) = self.own.get(&bssid).copied() else { return };
        let title = self.cluster.owned().find(|(owned, _)| *owned == bssid);
        let Some(rank) = title.map(|(_, title)| title.rank) else { return };
        let station = self.ports.station(network, client);
        self.ports.stale |= self.ports.left.remove(&station).is_some();
        // Refused, it is tried again with the next copy.
        let _ = self.ports.claims.claim(now, station, sa, rank);
    }

    /// A client has left for good.
    pub(super) fn release_own(&mut self, own: Own) {
        let station = self.ports.station(own.network, own.client);
        if let Some(withdrawn) = self.ports.claims.release(station) {
            self.tell_claims(&[withdrawn]);
        }
    }

    /// A client's virtual AP is out of its radio, and is given to another node.
    pub(super) fn hand_over_own(&mut self, now: Instant, own: Own) {
        let station = self.ports.station(own.network, own.client);
        self.ports.claims.hand_over(now, station);
        self.ports.left.insert(station, now + LEFT);
        self.ports.stale = true;
    }

    /// An address was seen on the wire.
    pub(super) fn claim_on_wire(&mut self, now: Instant, network: NetworkId, address: MacAddr) {
        let station = self.ports.station(network, address);
        // A client has it: the claims tell of that conflict.
        let _ = self.ports.claims.claim_wired(now, station);
    }

    /// Somebody on the wire sends with the address of a client.
    pub(super) fn note_forgery(&mut self, now: Instant, network: NetworkId, address: MacAddr) {
        let station = self.ports.station(network, address);
        let Some(holder) = self.ports.claims.lookup().node(station) else { return };
        self.note_conflict(now, station, holder, Claimant::Wire);
    }

    fn note_conflict(&mut self, now: Instant, station: Station, holder: NodeId, claimant: Claimant) {
        if !self.ports.dispute(now, station, holder, claimant) {
            return;
        }
        let who = match claimant {
            Claimant::Node(node) => format!("node {}", self.name_of(node)),
            Claimant::Wire => "somebody on the wire".to_owned(),
        };
        let holder = self.name_of(holder);
        let address = station.address;
        self.news.push(News::Line(format!("CONFLICT {address} is at node {holder}, and {who} claims it")));
    }

    /// What a client uses, for whoever serves it next.
    pub(super) fn publish_addresses(&mut self, network: NetworkId, station: MacAddr, addresses: Addresses) {
        let row = Row::Addresses(self.ports.station(network, station), addresses);
        // Without it, the outside is told a little less at the next move.
        let _ = self.engine.publish(&row.key().encode(), &row.encode());
    }

    /// The radio that a client comes to is told what the client uses.
    pub(super) fn introduce(&mut self, network: NetworkId, client: MacAddr) {
        let key = Key::Addresses(self.ports.station(network, client));
        let bytes = key.encode();
        let rows = self.engine.members().into_iter().filter_map(|other| {
            let row = self.engine.row(other.node, &bytes)?;
            Row::decode(other.node, key, &row.value)
        });
        let mut all = rows.filter_map(|row| match row {
            Row::Addresses(_, addresses) => Some(addresses),
            _ => None,
        });
        match all.next() {
            Some(addresses) => {
                self.switch.know(network, client, addresses.clone());
                self.publish_addresses(network, client, addresses);
            }
            None => self.switch.forget_addresses(network, client),
        }
    }

    /// A row of another node, which may be a claim.
    pub(super) fn handle_claim_row(&mut self, now: Instant, node: NodeId, key: &[u8], value: Option<&[u8]>) {
        let Some(key @ Key::Claim(station)) = Key::decode(key) else { return };
        match value.map(|value| Row::decode(node, key, value)) {
            Some(Some(Row::Item(Item::Claim(claim)))) => self.take_claim(now, claim),
            Some(_) => self.ports.malformed += 1,
            None => self.ports.claims.handle_release(node, station),
        }
    }

    /// A notice of claims that nobody signed: who signs, believes none.
    pub(super) fn handle_claim_notice(&mut self, now: Instant, node: NodeId, bytes: &[u8]) {
        if self.herald.is_some() {
            self.ports.malformed += 1;
            return;
        }
        match Notice::decode(node, bytes) {
            Ok(claims) => claims.into_iter().for_each(|claim| self.take_claim(now, claim)),
            Err(_) => self.ports.malformed += 1,
        }
    }

    /// A node introduces itself, or announces something.
    pub(super) fn handle_word(&mut self, now: Instant, node: NodeId, bytes: &[u8], by_session: bool) {
        let Some(herald) = &mut self.herald else { return };
        if by_session {
            return herald.handle_introduction(now, node, bytes);
        }
        let items = herald.handle_announcement(now, node, bytes);
        for item in &items {
            if let Item::Claim(claim) = item {
                self.take_claim(now, *claim);
            }
        }
        self.learn_signed(node, items);
    }

    /// A node has come: it is told how this one signs.
    pub(super) fn introduce_to(&mut self, now: Instant, node: NodeId) {
        if let Some(introduction) = self.herald.as_mut().map(|herald| herald.introduction(now)) {
            // Lost, it comes again with the next row.
            let _ = self.engine.send(node, &introduction);
        }
    }

    fn tend_herald(&mut self, now: Instant) {
        let Some(herald) = &mut self.herald else { return };
        if let Err(why) = herald.turn(now, &mut self.sights) {
            self.news.push(News::Line(format!("the cluster is told of clients by rows alone: {why:#}")));
        }
        let words: Vec<_> = std::iter::from_fn(|| herald.poll_word()).collect();
        for word in words {
            match word {
                // Lost, a row repairs it.
                Word::Announcement(bytes) => drop(self.engine.notify(&bytes)),
                Word::Introduction(bytes) => {
                    let up = self.engine.members().into_iter().filter(|other| other.state == PeerState::Up);
                    for other in up.collect::<Vec<_>>() {
                        // Lost, it comes again with the next row.
                        let _ = self.engine.send(other.node, &bytes);
                    }
                }
            }
        }
    }

    fn take_claim(&mut self, now: Instant, claim: Claim) {
        if !claim.is_wired() {
            self.cluster.handle_sequence(claim.sequence);
        }
        // What is wrong with it is an event.
        let _ = self.ports.claims.handle_claim(now, claim);
    }

    /// Does what is due, tells others of this node's claims, and the radios of everybody's.
    pub(super) fn tend_claims(&mut self, now: Instant) {
        self.ports.claims.handle_timeout(now);
        if self.ports.review <= now {
            self.ports.review = now + Limits::default().ttl / 3;
            self.ports.left.retain(|_, until| *until > now);
            self.read_claims(now);
        }
        while let Some(event) = self.ports.claims.poll_event() {
            self.happened(now, event);
        }
        let mut urgent = Vec::new();
        while let Some(Due { claim, urgent: now }) = self.ports.claims.poll_claim() {
            self.publish_claim(&claim);
            urgent.extend(Some(claim).filter(|_| now && self.is_for_others(&claim)));
        }
        self.tell_claims(&urgent);
        self.tend_herald(now);
        if std::mem::take(&mut self.ports.stale) {
            self.show_routes();
        }
    }

    /// As long as a node has the row, its claim holds: that renews it.
    fn read_claims(&mut self, now: Instant) {
        let mut claims = Vec::new();
        self.engine.each_row(&mut |node, key, row| {
            if let Some(key @ Key::Claim(_)) = Key::decode(key)
                && let Some(Row::Item(Item::Claim(claim))) = Row::decode(node, key, &row.value)
            {
                claims.push(claim);
            }
        });
        claims.into_iter().for_each(|claim| self.take_claim(now, claim));
    }

    fn happened(&mut self, now: Instant, event: Event) {
        let me = self.engine.node();
        match event {
            Event::Moved { station, from, to } => {
                self.ports.stale = true;
                if from == Some(me) {
                    self.ports.left.insert(station, now + LEFT);
                    self.let_go(station);
                }
                if to != me {
                    self.part_with(station);
                }
            }
            Event::Gone { station } => {
                self.ports.stale = true;
                self.let_go(station);
            }
            Event::Conflict { station, holder, claimant } => {
                self.note_conflict(now, station, holder, Claimant::Node(claimant));
            }
            Event::Frozen { station, node } => {
                self.ports.frozen += 1;
                let (address, name) = (station.address, self.name_of(node));
                self.news.push(News::Line(format!(
                    "CONFLICT {address} moves too often: it stays at node {name} for a while"
                )));
            }
        }
    }

    /// What this node said of a station does not hold any more.
    fn let_go(&mut self, station: Station) {
        self.engine.remove(&Key::Claim(station).encode());
        self.engine.remove(&Key::Addresses(station).encode());
    }

    /// A client has completed a handshake at another node: its association here is over (SEC-H4). One that was handed over
    /// has the same, and is the core's business.
    fn part_with(&self, station: Station) {
        let Some(theirs) = self.ports.claims.claim_to(station) else { return };
        for own in self.own.values() {
            let same = self.ports.station(own.network, own.client) == station;
            if same && own.sa != theirs.sa && !theirs.is_wired() {
                let (network, station) = (own.network, own.client);
                self.switch.order(own.radio, Order::Elsewhere { network, station });
            }
        }
    }

    /// Where all are on one Ethernet, everybody sees what is on it.
    fn is_for_others(&self, claim: &Claim) -> bool {
        !claim.is_wired() || self.ports.flood
    }

    fn publish_claim(&mut self, claim: &Claim) {
        if !self.is_for_others(claim) {
            return;
        }
        let row = Row::Item(Item::Claim(*claim));
        if let Err(why) = self.engine.publish(&row.key().encode(), &row.encode()) {
            self.news.push(News::Line(format!("the cluster is not told of {}: {why}", claim.client)));
        }
    }

    fn tell_claims(&mut self, claims: &[Claim]) {
        if let Some(herald) = &mut self.herald {
            return herald.announce(claims);
        }
        for notice in Notice::pack(claims) {
            // A row repairs what does not arrive.
            let _ = self.engine.notify(&notice);
        }
    }

    fn show_routes(&self) {
        let Ports { claims, segments, left, flood, .. } = &self.ports;
        self.shown.set(Routes {
            me: Some(self.engine.node()),
            lookup: claims.lookup(),
            left: left.clone(),
            vlans: segments.iter().map(|segment| (segment.id, segment.vlan)).collect(),
            flood: *flood,
        });
    }

    /// How the switch is, for the status.
    pub fn claims(&self) -> status::Claims {
        let names = self.names();
        let refused = self.herald.as_ref().map(Herald::refusals).unwrap_or_default();
        let name = |node: NodeId| names.get(&node).cloned().unwrap_or_else(|| format!("{:x}", node.0));
        status::Claims { refused, ..self.ports.report(name) }
    }

    /// What all nodes are called.
    fn names(&self) -> BTreeMap<NodeId, String> {
        let others = self.engine.members().into_iter().map(|other| (other.node, other.name));
        others.chain([(self.engine.node(), self.ports.name.clone())]).collect()
    }
}
