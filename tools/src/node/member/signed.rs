//! How radios hear clients and how busy they are, in notices that are signed: what is worth telling, and what is believed.
//!
//! A client that is new to a radio, or is heard otherwise than was told, is told of at once; one that goes on being heard,
//! twice a second, so that a notice that was lost is soon made up for. The load of radios is told of when it changes, and
//! every two seconds. Rows of these there are none.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use mesh::announce::{Item, Load, NodeId, Signal};
use mesh::engine::Engine;
use mesh::placement::Place;
use stack::time::Instant;
use stack::wire::Channel;

use super::Member;
use super::herald::Tidings;
use super::sights::{FRESH, Heard, MOST, PERIOD, Sights, View};

/// So much louder or softer is worth telling, in dB: a client that walks comes to that in half a second.
const CHANGE: u8 = 3;
/// What is as it was is told again so often.
const AGAIN: Duration = Duration::from_millis(500);
const LOADS_AGAIN: Duration = Duration::from_secs(2);
/// Kind, length and body of a load, and of a signal.
const LOAD: usize = 9;
const SIGNAL: usize = 12;
/// Radios of another node that are known at the most.
const RADIOS: usize = 16;

/// What was told and heard in notices.
#[derive(Debug, Default)]
pub(super) struct Signed {
    /// There may be something to tell.
    pub(super) eager: bool,
    /// How the radios of this node are, and when that was told.
    loads: BTreeMap<u8, (Load, Option<Instant>)>,
    /// How those of other nodes are, by their notices.
    theirs: BTreeMap<NodeId, BTreeMap<u8, Load>>,
}

impl Heard {
    /// It was not told of yet, or otherwise.
    fn has_changed(&self) -> bool {
        self.told.is_none_or(|(dbm, _)| dbm.abs_diff(self.dbm) >= CHANGE)
    }

    pub(super) fn is_worth_telling(&self, now: Instant) -> bool {
        self.has_changed() || self.told.is_some_and(|(_, at)| now.since(at) >= AGAIN)
    }
}

impl Sights {
    /// How this node's radios are now.
    pub(super) fn review(&mut self, now: Instant, loads: Vec<Load>) {
        for load in loads {
            let known = self.signed.loads.entry(load.radio).or_insert((load, None));
            if known.0 != load {
                *known = (load, None);
            }
        }
        self.signed.eager |= self.signed.loads.values().any(|(_, told)| is_due(now, *told));
    }

    /// The strongest of what has changed come first; of what has not, the strongest again.
    fn signals(&self, now: Instant) -> Vec<Signal> {
        let fresh = self.ours.iter().filter(|(_, heard)| now.since(heard.at) <= PERIOD);
        let mut due: Vec<_> = fresh.filter(|(_, heard)| heard.is_worth_telling(now)).collect();
        due.sort_by_key(|(_, heard)| Reverse((heard.has_changed(), heard.dbm)));
        let signal = |(&(client, radio), heard): (&(_, u8), &Heard)| {
            let age = u16::try_from(now.since(heard.at).as_millis()).unwrap_or(u16::MAX);
            Signal { client, radio, dbm: heard.dbm, age }
        };
        due.into_iter().map(signal).collect()
    }
}

fn is_due(now: Instant, told: Option<Instant>) -> bool {
    told.is_none_or(|at| now.since(at) >= LOADS_AGAIN)
}

impl Tidings for Sights {
    fn due(&mut self, now: Instant, room: usize) -> Vec<Item> {
        let loads = self.signed.loads.values().filter(|(_, told)| is_due(now, *told));
        let mut due: Vec<_> = loads.take(room / LOAD).map(|(load, _)| Item::Load(*load)).collect();
        let room = room.saturating_sub(due.len() * LOAD) / SIGNAL;
        due.extend(self.signals(now).into_iter().take(room).map(Item::Signal));
        self.signed.eager = !due.is_empty();
        due
    }

    fn told(&mut self, now: Instant, items: &[Item]) {
        for item in items {
            match item {
                Item::Load(load) => {
                    if let Some((_, told)) = self.signed.loads.get_mut(&load.radio) {
                        *told = Some(now);
                    }
                }
                Item::Signal(signal) => {
                    if let Some(heard) = self.ours.get_mut(&(signal.client, signal.radio)) {
                        heard.told = Some((signal.dbm, now));
                    }
                }
                Item::Claim(_) => {}
            }
        }
    }
}

impl<E: Engine> Member<E> {
    /// What a node has said in a notice that is its own for certain.
    pub(super) fn learn_signed(&mut self, node: NodeId, items: Vec<Item>) {
        let Some(slot) = self.slot_of(node) else { return };
        for item in items {
            match item {
                Item::Load(load) => {
                    let known = self.sights.signed.theirs.entry(node).or_default();
                    let room = known.len() < RADIOS || known.contains_key(&load.radio);
                    if room && known.insert(load.radio, load) != Some(load) {
                        self.sights.learn_load(slot, load);
                    }
                }
                Item::Signal(Signal { client, radio, dbm, age }) => {
                    let fresh = Duration::from_millis(age.into()) <= FRESH;
                    // As many as are ever kept; placement takes them often.
                    if fresh && self.sights.views.len() < MOST && self.serves(client) {
                        self.sights.views.push(View::Heard(client, Place { node: slot, radio }, dbm));
                    }
                }
                Item::Claim(_) => {}
            }
        }
    }

    /// A node is down: its radios are no candidates any more.
    pub(super) fn forget_signed(&mut self, node: NodeId) {
        let (known, slot) = (self.sights.signed.theirs.remove(&node), self.slot_of(node));
        if let (Some(known), Some(slot)) = (known, slot) {
            let gone = known.into_keys().map(|radio| View::Gone(Place { node: slot, radio }));
            self.sights.views.extend(gone);
        }
    }

    /// A node has come, and knows nothing yet of this one's radios.
    pub(super) fn retell_loads(&mut self) {
        self.sights.signed.loads.values_mut().for_each(|(_, told)| *told = None);
        self.sights.signed.eager = true;
    }

    /// The channels of a node's radios, by its notices.
    pub(super) fn signed_channels(&self, node: NodeId) -> BTreeMap<u8, Channel> {
        let known = self.sights.signed.theirs.get(&node).into_iter().flatten();
        known.filter_map(|(radio, load)| Some((*radio, Channel::from_frequency(load.frequency)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use stack::wire::MacAddr;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn client(n: u16) -> MacAddr {
        let [high, low] = n.to_be_bytes();
        MacAddr([2, 0, 0, 0, high, low])
    }

    /// What goes out now, each as client and dBm.
    fn tell(sights: &mut Sights, now: u64, room: usize) -> Vec<(MacAddr, i8)> {
        let due = sights.due(at(now), room);
        sights.told(at(now), &due);
        let signal = |item: &Item| match item {
            Item::Signal(signal) => Some((signal.client, signal.dbm)),
            _ => None,
        };
        due.iter().filter_map(signal).collect()
    }

    #[test]
    fn what_is_new_or_has_changed_is_told_at_once_and_what_has_not_twice_a_second() {
        let mut sights = Sights::default();
        sights.hear(at(0), client(1), 0, -60);
        assert!(sights.signed.eager);
        assert_eq!(tell(&mut sights, 0, 700), [(client(1), -60)]);
        for (now, dbm, told) in
            [(50, -61, false), (100, -58, false), (150, -57, true), (200, -58, false), (600, -58, false)]
        {
            sights.hear(at(now), client(1), 0, dbm);
            assert_eq!(!tell(&mut sights, now, 700).is_empty(), told, "at {now} ms");
        }
        sights.hear(at(650), client(1), 0, -58);
        assert_eq!(tell(&mut sights, 650, 700), [(client(1), -58)]);
        assert_eq!(tell(&mut sights, 1200, 700), [], "it says nothing any more");
        assert!(!sights.signed.eager);
    }

    #[test]
    fn where_there_is_no_room_for_all_changes_come_first_and_the_strongest_of_them() {
        let mut sights = Sights::default();
        for n in 0..10 {
            sights.hear(at(0), client(n), 0, -80 + n as i8);
        }
        let strongest: Vec<_> = [9, 8, 7, 6].map(|n| (client(n), -80 + n as i8)).into();
        assert_eq!(tell(&mut sights, 0, 4 * SIGNAL + SIGNAL - 1), strongest);
        // Those are due again, but nobody knows of the others yet.
        for n in 0..10 {
            sights.hear(at(500), client(n), 0, -80 + n as i8);
        }
        sights.hear(at(500), client(8), 0, -40);
        let told: Vec<_> = tell(&mut sights, 500, 3 * SIGNAL).into_iter().map(|(client, _)| client).collect();
        assert_eq!(told, [client(8), client(5), client(4)]);
        assert!(sights.signed.eager, "there is more");
    }

    #[test]
    fn loads_are_told_when_they_change_and_every_two_seconds() {
        let load = |clients| Load { radio: 0, frequency: 5180, busy: 0, clients };
        let mut sights = Sights::default();
        let mut told = Vec::new();
        for (now, clients) in [(0, 0), (250, 0), (500, 1), (750, 1), (2250, 1), (2500, 1)] {
            sights.review(at(now), vec![load(clients)]);
            let due = sights.due(at(now), 700);
            assert_eq!(sights.signed.eager, !due.is_empty());
            sights.told(at(now), &due);
            told.extend(due.iter().map(|_| now));
        }
        assert_eq!(told, [0, 500, 2500]);
    }
}
