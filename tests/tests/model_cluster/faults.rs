//! What goes wrong, and what the engines notice of it.

use mesh::handover::{Incarnation, Standing};
use stack::wire::MacAddr;

use super::air::Client;
use super::net::{DOWN, SUSPECT, Seen, View};
use super::plan::{Fault, MILLI};
use super::world::{Event, World};

const TICK: u64 = 50 * MILLI;
/// A new key that is so old is known to the guards.
const COPIED: u64 = 500 * MILLI;

impl World {
    pub fn fault(&mut self, fault: Fault) {
        let count = self.nodes.len() as u64;
        let (one, other) = (self.dice.below(count) as usize, self.dice.below(count) as usize);
        let client = self.dice.below(self.clients.len() as u64) as usize;
        match fault {
            Fault::Crash => self.crash(one),
            Fault::CrashOwner => self.each_owner(client, |world, node, _| world.crash(node)),
            Fault::CutOwnerOff => self.each_owner(client, |world, node, _| world.net.cut_off(node)),
            Fault::Move => self.ask_to_move(client, one, other),
            Fault::Rekey => self.each_owner(client, |world, node, bssid| {
                world.rekey(node, bssid);
            }),
            Fault::LeaseLow => self.each_owner(client, Self::lease_low),
            Fault::CutOneWay => self.net.cut(one, other),
            Fault::CutPair => {
                self.net.cut(one, other);
                self.net.cut(other, one);
            }
            Fault::CutOff => {
                self.net.cut_off(one);
                if self.dice.chance(500) {
                    self.core(one, |core, now| core.handle_wired(now, false));
                }
            }
            Fault::Split => self.net.split(&mut self.dice),
            Fault::Heal => self.heal(),
            Fault::ClockJump => {
                let jump = self.dice.between(0, 2300) as i64 - 300;
                self.nodes[one].offset += jump * MILLI as i64;
                self.nodes[one].timer = None;
                self.core(one, |_, _| ());
            }
            Fault::Walk => self.walk(client),
            Fault::RadioFull => self.nodes[one].full = true,
        }
        if !self.net.is_whole() {
            let now = self.now;
            let fresh = |client: &&mut Client| client.key_since + COPIED > now;
            self.clients.iter_mut().filter(fresh).for_each(|client| client.exposed = true);
        }
    }

    fn heal(&mut self) {
        self.net.heal();
        for node in 0..self.nodes.len() {
            self.core(node, |core, now| core.handle_wired(now, true));
        }
    }

    fn each_owner(&mut self, client: usize, mut what: impl FnMut(&mut Self, usize, MacAddr)) {
        let Some(bssid) = self.clients[client].bssid else { return };
        self.owners(bssid).into_iter().for_each(|node| what(self, node, bssid));
    }

    /// Somebody wants the client at `to`; most often its owner decides that.
    fn ask_to_move(&mut self, client: usize, asked: usize, to: usize) {
        let Some(bssid) = self.clients[client].bssid else { return };
        let asked =
            if self.dice.chance(800) { self.owners(bssid).first().copied() } else { None }.unwrap_or(asked);
        let to = self.nodes[to].id;
        self.core(asked, |core, now| {
            // Where it cannot begin, nothing happens, which is what is to be seen.
            let _ = core.handle_move(now, bssid, to, None);
        });
    }

    pub fn crash(&mut self, node: usize) {
        if !self.nodes[node].is_up() || self.calm {
            return;
        }
        self.say(|| format!("node {node} crashes"));
        self.oracle.counts.crashes += 1;
        self.nodes[node].core = None;
        self.nodes[node].radio.clear();
        let written = std::mem::take(&mut self.nodes[node].journal.written);
        for record in written {
            if self.dice.chance(500) {
                self.nodes[node].journal.synced.push(record);
            }
        }
        let wait = if self.dice.chance(300) { self.dice.below(50) } else { self.dice.between(50, 1500) };
        self.at(wait * MILLI, Event::Start { node });
    }

    pub fn start(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            return;
        }
        if self.knobs.no_journal {
            self.nodes[node].journal.synced.clear();
        }
        self.say(|| format!("node {node} starts"));
        self.nodes[node].start();
    }

    /// Everything is put right; from now on it has to become quiet.
    pub fn calm_down(&mut self) {
        self.calm = true;
        self.heal();
        (self.plan.loss, self.plan.late, self.plan.sudden) = (self.plan.loss.min(20), 0, 0);
        for node in 0..self.nodes.len() {
            self.start(node);
        }
        for client in &mut self.clients {
            client.range = (0..self.nodes.len()).collect();
        }
    }

    /// Heartbeats, gossip and beacons.
    pub fn tick(&mut self) {
        self.at(TICK, Event::Tick);
        for node in 0..self.nodes.len() {
            for other in (0..self.nodes.len()).filter(|other| *other != node) {
                if self.nodes[node].is_up() {
                    self.watch(node, other);
                }
            }
        }
        self.beacons();
        self.look_around();
    }

    /// What `node` notices of `other`.
    fn watch(&mut self, node: usize, other: usize) {
        let heard =
            self.nodes[other].is_up() && self.net.is_open(other, node) && !self.dice.chance(self.plan.loss);
        let id = self.nodes[other].id;
        let seen = self.nodes[node].seen[other].clone();
        if heard {
            let incarnation = self.nodes[other].incarnation;
            let restarted = incarnation != seen.incarnation;
            if restarted {
                self.rows_gone(node, other, &seen);
            }
            let seen = &mut self.nodes[node].seen[other];
            (seen.at, seen.incarnation) = (self.now, incarnation);
            if std::mem::replace(&mut seen.view, View::Up) != View::Up || restarted {
                let standing =
                    Standing::Up { slot: self.nodes[other].slot, incarnation: Incarnation(incarnation) };
                self.core(node, |core, now| core.handle_peer(now, id, standing));
            }
            if self.dice.chance(600) {
                self.gossip(node, other);
            }
            return;
        }
        let silent = self.now - seen.at;
        if silent > DOWN && seen.view == View::Suspect {
            self.nodes[node].seen[other].view = View::Down;
            self.say(|| format!("node {node} sees {other} down"));
            let first = self.dice.chance(500);
            if first {
                self.rows_gone(node, other, &seen);
            }
            self.core(node, |core, now| core.handle_peer(now, id, Standing::Down));
            if !first {
                self.rows_gone(node, other, &seen);
            }
        } else if silent > SUSPECT && seen.view == View::Up {
            self.nodes[node].seen[other].view = View::Suspect;
            self.core(node, |core, now| core.handle_peer(now, id, Standing::Suspect));
        }
    }

    /// The rows of a node that is gone are gone.
    fn rows_gone(&mut self, node: usize, other: usize, seen: &Seen) {
        let id = self.nodes[other].id;
        for key in seen.rows.keys() {
            self.core(node, |core, now| core.handle_row(now, id, key, None));
        }
        if self.nodes[node].is_up() {
            let seen = &mut self.nodes[node].seen[other];
            (seen.version, seen.rows) = (0, Default::default());
        }
    }

    fn gossip(&mut self, node: usize, other: usize) {
        if !self.nodes[node].is_up() || self.nodes[node].seen[other].version == self.nodes[other].version {
            return;
        }
        let (id, rows, version) =
            (self.nodes[other].id, self.nodes[other].rows.clone(), self.nodes[other].version);
        let seen = &mut self.nodes[node].seen[other];
        seen.version = version;
        let before = std::mem::replace(&mut seen.rows, rows.clone());
        for (key, value) in rows.iter().filter(|(key, value)| before.get(*key) != Some(value)) {
            self.core(node, |core, now| core.handle_row(now, id, key, Some(value)));
        }
        for key in before.keys().filter(|key| !rows.contains_key(*key)) {
            self.core(node, |core, now| core.handle_row(now, id, key, None));
        }
    }

    /// Radios in range of a client hear the virtual AP that serves it.
    fn beacons(&mut self) {
        for client in 0..self.clients.len() {
            let Some(bssid) = self.clients[client].bssid else { continue };
            let range = self.clients[client].range.clone();
            let sends = |node: &usize| range.contains(node);
            let senders: Vec<usize> = self.owners(bssid).into_iter().filter(sends).collect();
            for node in &range {
                if senders.iter().any(|sender| sender != node) && self.dice.chance(900) {
                    self.core(*node, |core, now| core.handle_heard(now, bssid));
                }
            }
        }
    }
}
