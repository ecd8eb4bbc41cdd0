//! Clients, and what passes between them and the radios.

use stack::wire::MacAddr;

use super::codec::Frame;
use super::net::View;
use super::node::{Flight, Vap};
use super::plan::MILLI;
use super::world::{Event, World};

/// How often a frame is sent before it is given up.
const TRIES: u32 = 5;
/// An owner that cannot decrypt anything of its client for so long gives up.
const UNREADABLE: u64 = 200 * MILLI;
/// MSDUs that wait for a client; the oldest go first.
const QUEUE: usize = 64;
/// A virtual AP that was heard so lately may be in transit.
const SILENCE: u64 = 205 * MILLI;
/// A client that hears nothing of its virtual AP for so long joins again.
const BEACON_LOSS: u64 = 1800 * MILLI;

/// A client: it knows keys and packet numbers, and nothing of nodes.
#[derive(Debug)]
pub struct Client {
    pub address: MacAddr,
    pub bssid: Option<MacAddr>,
    pub key: u64,
    /// The highest packet number that it has accepted under its key, and what it then took.
    pub highest: u64,
    last: u32,
    /// The last of its own.
    sent: u64,
    /// By which nodes it can be heard, and hears.
    pub range: Vec<usize>,
    pub served_at: u64,
    /// Its key, or its lease, is of a time when its owner may have been cut off: no guard can know it.
    pub exposed: bool,
    pub key_since: u64,
}

impl Client {
    pub fn new(index: usize) -> Self {
        Self {
            address: MacAddr([2, 0xc1, 0, 0, 0, index as u8]),
            bssid: None,
            key: 0,
            highest: 0,
            last: 0,
            sent: 0,
            range: Vec::new(),
            served_at: 0,
            exposed: false,
            key_since: 0,
        }
    }
}

impl World {
    pub fn client_at(&self, address: MacAddr) -> Option<usize> {
        self.clients.iter().position(|client| client.address == address)
    }

    /// The client is somewhere else.
    pub fn walk(&mut self, client: usize) {
        let mut range: Vec<usize> = (0..self.nodes.len()).filter(|_| self.dice.chance(600)).collect();
        let near = self.dice.below(self.nodes.len() as u64) as usize;
        if !range.contains(&near) {
            range.push(near);
        }
        self.clients[client].range = range;
    }

    fn next_key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    /// The client joins the node that it hears best.
    fn join(&mut self, client: usize) {
        let near: Vec<usize> =
            self.clients[client].range.iter().copied().filter(|node| self.nodes[*node].is_up()).collect();
        let Some(node) = self.dice.pick(&near) else { return };
        self.nodes[node].made += 1;
        let made = self.nodes[node].made.to_be_bytes();
        let bssid = MacAddr([2, 0xaa, node as u8, 0, made[0], made[1]]);
        let key = self.next_key();
        let mut vap = Vap::new(client, key);
        let first = self.lease(mesh::lease::Lease::first(self.nodes[node].slot));
        vap.take_lease(&first);
        let context = vap.context(&self.clients[client].address);
        self.nodes[node].radio.insert(bssid, vap);
        self.nodes[node].had.insert(bssid);
        self.say(|| format!("client {client} joins node {node} as {bssid}, key {key}"));
        let address = &mut self.clients[client];
        (address.bssid, address.key, address.highest, address.sent) = (Some(bssid), key, 0, 0);
        address.served_at = self.now;
        (address.exposed, address.key_since) = (!self.net.is_whole(), self.now);
        let made = self.core(node, |core, now| core.handle_created(now, bssid, context));
        assert!(made.is_none_or(|made| made.is_ok()), "the address is the node's own");
    }

    /// A node tells the client to come again. Where a radio hears the virtual AP it does not.
    pub fn invite(&mut self, bssid: MacAddr, address: Option<MacAddr>) {
        let Some(client) = address.and_then(|address| self.client_at(address)) else { return };
        let heard = self.clients[client].served_at + SILENCE > self.now;
        let served = heard || self.owners(bssid).iter().any(|node| self.can_serve(*node, bssid, client));
        if self.clients[client].bssid == Some(bssid) && !served {
            self.oracle.counts.invited += 1;
            self.comes_again(client, "invited");
        }
    }

    pub fn comes_again(&mut self, client: usize, why: &'static str) {
        self.say(|| format!("client {client} has to come again: {why}"));
        if self.oracle.counts.crashes == 0 && !self.clients[client].exposed {
            self.fail(super::oracle::Violation::ComesAgain { client, why });
        }
        self.oracle.joined_again(client);
        self.clients[client].bssid = None;
    }

    /// A node's virtual AP has the key that the client has.
    pub fn can_serve(&self, node: usize, bssid: MacAddr, client: usize) -> bool {
        let vap = self.nodes[node].radio.get(&bssid);
        vap.is_some_and(|vap| vap.client == client && vap.key() == self.clients[client].key)
    }

    /// Clients notice that nobody is there any more, and nodes that a client has left.
    pub fn look_around(&mut self) {
        for client in 0..self.clients.len() {
            let Some(bssid) = self.clients[client].bssid else { continue };
            if self.owners(bssid).iter().any(|node| self.can_serve(*node, bssid, client)) {
                self.clients[client].served_at = self.now;
            } else if self.clients[client].served_at + BEACON_LOSS < self.now {
                self.comes_again(client, "no beacons");
            }
        }
        for node in 0..self.nodes.len() {
            let left = |(bssid, vap): &(&MacAddr, &Vap)| self.clients[vap.client].bssid != Some(**bssid);
            let left: Vec<MacAddr> =
                self.nodes[node].radio.iter().filter(left).map(|(bssid, _)| *bssid).collect();
            left.into_iter().for_each(|bssid| self.remove(node, bssid));
        }
    }

    pub fn client_sends(&mut self, client: usize) {
        let wait = self.dice.between(8, 40) * MILLI;
        self.at(wait, Event::ClientSends { client });
        self.send_up(client);
    }

    /// The client sends an MSDU, again and again until it is acknowledged. Yields its number.
    pub fn send_up(&mut self, client: usize) -> Option<u32> {
        let Some(bssid) = self.clients[client].bssid else {
            self.join(client);
            return None;
        };
        self.last_msdu += 1;
        self.clients[client].sent += 1;
        let (msdu, key, number) = (self.last_msdu, self.clients[client].key, self.clients[client].sent);
        let mut heard = Vec::new();
        for _ in 0..TRIES {
            let hearers: Vec<usize> = self.hearers(client);
            let acked = !hearers.is_empty() && self.dice.chance(900);
            heard.extend(&hearers);
            let split = self.cannot_tell(&heard, bssid);
            self.say(|| format!("client {client} sends Up {{ msdu: {msdu}, key: {key}, number: {number} }}, heard by {hearers:?}, acked: {acked}"));
            self.oracle.heard(msdu, client, acked, split, &hearers);
            for node in hearers {
                self.hear(node, bssid, msdu, (key, number));
            }
            if acked {
                break;
            }
        }
        Some(msdu)
    }

    /// Radios that take a frame of the client and acknowledge it, whoever owns its virtual AP.
    fn hearers(&mut self, client: usize) -> Vec<usize> {
        let range = self.clients[client].range.clone();
        range.into_iter().filter(|node| self.nodes[*node].is_up() && self.dice.chance(700)).collect()
    }

    /// Two of the nodes that heard a frame cannot tell each other, or more than one believes to own the virtual AP.
    fn cannot_tell(&self, heard: &[usize], bssid: MacAddr) -> bool {
        if self.owners(bssid).len() > 1 {
            return true;
        }
        let apart = |a: usize, b: usize| {
            let away = |a: usize, b: usize| !self.net.is_open(a, b) || self.nodes[a].seen[b].view != View::Up;
            a != b && (away(a, b) || away(b, a))
        };
        let lost = |node: &usize| {
            let core = self.nodes[*node].core.as_ref();
            core.is_some_and(|core| core.title(bssid).is_none())
        };
        heard.len() > 1
            && (heard.iter().any(lost) || heard.iter().any(|a| heard.iter().any(|b| apart(*a, *b))))
    }

    fn hear(&mut self, node: usize, bssid: MacAddr, msdu: u32, sealed: (u64, u64)) {
        if self.nodes[node].radio.contains_key(&bssid) {
            return self.receive(node, bssid, msdu, sealed);
        }
        // What a radio hears once more, as a retry, it has passed on already.
        if self.nodes[node].passed.insert(sealed) {
            let frame = Frame::Up { msdu, key: sealed.0, number: sealed.1 }.encode();
            self.core(node, |core, now| core.handle_stray(now, bssid, frame));
        }
    }

    /// The owner gets a frame of its client: at first hand, or from whoever heard it.
    pub fn receive(&mut self, node: usize, bssid: MacAddr, msdu: u32, sealed: (u64, u64)) {
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return };
        if !vap.state.keys.contains(&sealed.0) {
            let client = vap.client;
            return self.undecipherable(node, bssid, client, msdu);
        }
        vap.unreadable_since = None;
        if vap.received.insert(sealed) {
            let now = self.now;
            let owners = self.owners(bssid).len();
            let grabbed = self.grabbed.get(&bssid).copied();
            self.oracle.delivered(msdu, now, owners > 1, grabbed);
            self.say(|| format!("node {node} delivers msdu: {msdu},"));
        }
    }

    /// The client has another key: it was agreed on with another owner. If that one does not turn up the client has to
    /// come again.
    fn undecipherable(&mut self, node: usize, bssid: MacAddr, client: usize, msdu: u32) {
        let now = self.now;
        self.oracle.unreadable(msdu);
        let mut others = self.owners(bssid).into_iter().filter(|other| *other != node);
        let served = others.any(|other| self.can_serve(other, bssid, client));
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return };
        let since = *vap.unreadable_since.get_or_insert(now);
        if served || now < since + UNREADABLE || self.can_serve(node, bssid, client) {
            return;
        }
        if self.clients[client].bssid == Some(bssid) {
            self.comes_again(client, "its frames cannot be decrypted");
        }
        self.remove(node, bssid);
    }

    /// An MSDU for the client comes from the wired network, at any node.
    pub fn msdu_comes(&mut self, client: usize) {
        let wait = self.dice.between(8, 40) * MILLI;
        self.at(wait, Event::MsduComes { client });
        self.send_down(client);
    }

    pub fn send_down(&mut self, client: usize) -> Option<u32> {
        let bssid = self.clients[client].bssid?;
        let up: Vec<usize> = (0..self.nodes.len()).filter(|node| self.nodes[*node].is_up()).collect();
        let node = self.dice.pick(&up)?;
        self.last_msdu += 1;
        let msdu = self.last_msdu;
        self.oracle.entered(msdu, client);
        self.say(|| format!("Down {{ msdu: {msdu} }} for client {client} comes to node {node}"));
        if self.nodes[node].radio.contains_key(&bssid) {
            self.enqueue(node, bssid, [msdu]);
        } else {
            let frame = Frame::Down { msdu }.encode();
            self.core(node, |core, now| core.handle_stray(now, bssid, frame));
        }
        Some(msdu)
    }

    pub fn enqueue(&mut self, node: usize, bssid: MacAddr, msdus: impl IntoIterator<Item = u32>) {
        if let Some(vap) = self.nodes[node].radio.get_mut(&bssid) {
            vap.state.queue.extend(msdus);
            let over = vap.state.queue.len().saturating_sub(QUEUE);
            vap.state.queue.drain(..over).for_each(|msdu| self.oracle.given_up(msdu));
            self.look_at_queue(node, bssid);
        }
    }

    pub fn look_at_queue(&mut self, node: usize, bssid: MacAddr) {
        let start = self.nodes[node].incarnation;
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return };
        if !vap.scheduled && !vap.draining && vap.flight.is_none() && !vap.state.queue.is_empty() {
            vap.scheduled = true;
            let wait = self.dice.between(200, 3000);
            self.at(wait, Event::Send { node, start, bssid });
        }
    }

    /// The radio encrypts what is first in the queue, and sends it.
    pub fn air_send(&mut self, node: usize, bssid: MacAddr) {
        let start = self.nodes[node].incarnation;
        let low = u32::try_from(self.dice.between(30, 60)).expect("small");
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return };
        vap.scheduled = false;
        if vap.draining || vap.flight.is_some() || vap.state.queue.is_empty() {
            return;
        }
        if vap.next > vap.last {
            return self.lease_low(node, bssid);
        }
        let (msdu, number, key) = (vap.state.queue.remove(0), vap.next, vap.key());
        vap.next += 1;
        vap.used += 1;
        vap.flight = Some(Flight { msdu, number, tries: 0 });
        let due = vap.used == low;
        self.oracle.encrypted(node, key, number);
        self.say(|| {
            format!("node {node} sends Down {{ msdu: {msdu} }} to {bssid}, key {key}, number {number:#x}")
        });
        let wait = self.dice.between(200, 1500);
        self.at(wait, Event::Sent { node, start, bssid, number });
        if due {
            self.lease_low(node, bssid);
        }
    }

    /// The frame has been on the air, once more.
    pub fn air_sent(&mut self, node: usize, bssid: MacAddr, number: u64) {
        let start = self.nodes[node].incarnation;
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return };
        let key = vap.key();
        let Some(flight) = vap.flight.filter(|flight| flight.number == number) else { return };
        let client = vap.client;
        let there = self.clients[client].bssid == Some(bssid) && self.clients[client].range.contains(&node);
        let heard = there && self.dice.chance(850);
        let took = heard && self.client_takes(client, key, &flight);
        let acked = heard && self.dice.chance(900);
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return };
        if !acked && flight.tries + 1 < TRIES {
            vap.flight = Some(Flight { tries: flight.tries + 1, ..flight });
            let wait = self.dice.between(200, 1500);
            return self.at(wait, Event::Sent { node, start, bssid, number });
        }
        vap.flight = None;
        if !acked {
            self.oracle.given_up(flight.msdu);
        } else if !took && !self.oracle.is_accepted(flight.msdu) {
            let excused = !self.plan.calm;
            self.oracle.in_vain(flight.msdu, excused);
        }
        self.tell_drained(node, bssid);
        self.look_at_queue(node, bssid);
    }

    /// The client takes a frame whose packet number is above all before. Whether it has it now.
    fn client_takes(&mut self, client: usize, key: u64, flight: &Flight) -> bool {
        let taker = &mut self.clients[client];
        if taker.key != key || flight.number < taker.highest {
            return false;
        }
        if flight.number == taker.highest {
            return taker.last == flight.msdu;
        }
        (taker.highest, taker.last) = (flight.number, flight.msdu);
        self.oracle.accepted(flight.msdu);
        true
    }

    /// The owner and its client agree on a new key, if the client still listens to this owner. Whether they did.
    pub fn rekey(&mut self, node: usize, bssid: MacAddr) -> bool {
        let Some(vap) = self.nodes[node].radio.get(&bssid) else { return false };
        let client = vap.client;
        let taker = &self.clients[client];
        let listens = taker.bssid == Some(bssid) && taker.key == vap.key() && taker.highest < vap.next;
        if !listens || !taker.range.contains(&node) || vap.draining || vap.flight.is_some() {
            return false;
        }
        let key = self.next_key();
        let first = self.lease(mesh::lease::Lease::first(self.nodes[node].slot));
        let Some(vap) = self.nodes[node].radio.get_mut(&bssid) else { return false };
        vap.state.keys.push(key);
        vap.stale = false;
        vap.take_lease(&first);
        let context = vap.context(&self.clients[client].address);
        let taker = &mut self.clients[client];
        (taker.key, taker.highest, taker.sent) = (key, 0, 0);
        (taker.exposed, taker.key_since) = (!self.net.is_whole(), self.now);
        self.oracle.counts.rekeys += 1;
        self.say(|| format!("node {node} and client {client} agree on key {key}"));
        self.core(node, |core, now| core.handle_changed(now, bssid, context));
        true
    }
}
