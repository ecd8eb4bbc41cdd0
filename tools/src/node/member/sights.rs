//! How the radios of a cluster hear each other's clients: what ours hear of clients of other nodes is told to all, and what
//! theirs hear of ours is kept for placement. By rows, or where notices are signed by those alone (`signed.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use mesh::announce::{Item, Load, NodeId, Signal};
use mesh::engine::Engine;
use mesh::lease::NodeSlot;
use mesh::placement::{Place, PlaceState};
use mesh::table::{Key, Row};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use super::Member;
use super::signed::Signed;

/// Rows are written so often at the most, and what others hear is passed on.
pub(super) const PERIOD: Duration = Duration::from_millis(250);
/// What was heard so long ago is not heard any more.
pub(super) const FRESH: Duration = Duration::from_secs(1);
/// Most clients of others, times radios, that are told of, and most of ours that others tell of.
pub(super) const MOST: usize = 2048;

/// Something for placement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::node) enum View {
    /// A radio of another node hears a client of ours, in dBm.
    Heard(MacAddr, Place, i8),
    /// A radio of another node, and how it is.
    Place(Place, PlaceState),
    /// A radio of another node is gone.
    Gone(Place),
}

/// How a radio here hears a client of another node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) dbm: i8,
    pub(super) at: Instant,
    /// What all were told of it last in a notice, and when.
    pub(super) told: Option<(i8, Instant)>,
}

/// How old a sight is, in milliseconds: whole periods, so that a row does not change for less.
fn age(now: Instant, at: Instant) -> u16 {
    let periods = now.since(at).as_millis() / PERIOD.as_millis();
    u16::try_from(periods * PERIOD.as_millis()).unwrap_or(u16::MAX)
}

/// What is heard here and there.
#[derive(Debug, Default)]
pub(super) struct Sights {
    /// How radios here hear clients of other nodes.
    pub(super) ours: BTreeMap<(MacAddr, u8), Heard>,
    /// How radios of other nodes hear clients, by their rows.
    theirs: BTreeMap<(MacAddr, Place), i8>,
    pub(super) views: Vec<View>,
    next: Instant,
    /// What goes and comes in notices that are signed.
    pub(super) signed: Signed,
}

impl Sights {
    /// When [`Member::tell_sights`] is due.
    pub(super) const fn poll_timeout(&self) -> Instant {
        self.next
    }

    pub(super) fn hear(&mut self, now: Instant, client: MacAddr, radio: u8, dbm: i8) {
        if self.ours.len() < MOST || self.ours.contains_key(&(client, radio)) {
            let heard = self.ours.entry((client, radio)).or_insert(Heard { dbm, at: now, told: None });
            (heard.dbm, heard.at) = (dbm, now);
            self.signed.eager |= heard.is_worth_telling(now);
        }
    }

    /// How a radio of another node is.
    pub(super) fn learn_load(&mut self, slot: NodeSlot, load: Load) {
        if let Some(channel) = Channel::from_frequency(load.frequency) {
            let state = PlaceState { channel, busy: load.busy, clients: load.clients };
            self.views.push(View::Place(Place { node: slot, radio: load.radio }, state));
        }
    }

    /// A row of another node.
    fn learn(&mut self, slot: NodeSlot, key: Key, row: Option<Row>) {
        let place = |radio| Place { node: slot, radio };
        match (key, row) {
            (Key::Load(_), Some(Row::Item(Item::Load(load)))) => self.learn_load(slot, load),
            (Key::Load(radio), None) => self.views.push(View::Gone(place(radio))),
            (Key::Signal(client, radio), Some(Row::Item(Item::Signal(signal)))) => {
                let at = (client, place(radio));
                if signal.age > 0 {
                    // It was heard before, and has been told of.
                    self.theirs.remove(&at);
                } else if self.theirs.len() < MOST || self.theirs.contains_key(&at) {
                    self.theirs.insert(at, signal.dbm);
                }
            }
            (Key::Signal(client, radio), None) => {
                self.theirs.remove(&(client, place(radio)));
            }
            _ => {}
        }
    }
}

impl<E: Engine> Member<E> {
    /// What is new for placement since the last call.
    pub(in crate::node) fn take_views(&mut self) -> Vec<View> {
        std::mem::take(&mut self.sights.views)
    }

    pub(super) fn hear_stranger(&mut self, now: Instant, radio: usize, client: MacAddr, dbm: i8) {
        if let Ok(radio) = u8::try_from(radio) {
            self.sights.hear(now, client, radio, dbm);
        }
    }

    /// The client has its virtual AP on this node.
    pub(super) fn serves(&self, client: MacAddr) -> bool {
        self.own.values().any(|own| own.client == client)
    }

    pub(super) fn slot_of(&self, node: NodeId) -> Option<NodeSlot> {
        self.engine.members().into_iter().find(|other| other.node == node).map(|other| other.slot)
    }

    /// A row that may be about what another node hears, or how busy it is. Who signs believes none.
    pub(super) fn learn_sight(&mut self, node: NodeId, key: &[u8], value: Option<&[u8]>) {
        let Some(key @ (Key::Load(_) | Key::Signal(..))) = Key::decode(key) else { return };
        if self.herald.is_some() {
            self.ports.malformed += u64::from(value.is_some());
            return;
        }
        let row = value.map(|value| Row::decode(node, key, value));
        if let (Some(slot), None | Some(Some(_))) = (self.slot_of(node), &row) {
            self.sights.learn(slot, key, row.flatten());
        }
    }

    /// Writes the rows that are due, and passes on what others hear of our clients.
    pub(super) fn tell_sights(&mut self, now: Instant) {
        if now < self.sights.next {
            return;
        }
        self.sights.next = now + PERIOD;
        if self.herald.is_some() {
            let loads = self.loads();
            self.sights.review(now, loads);
        } else {
            self.write_sights(now);
        }
        self.sights.ours.retain(|_, heard| now.since(heard.at) <= FRESH);
    }

    fn write_sights(&mut self, now: Instant) {
        let heard = self.sights.theirs.iter().filter(|((client, _), _)| self.serves(*client));
        let heard: Vec<_> = heard.map(|((client, place), dbm)| View::Heard(*client, *place, *dbm)).collect();
        self.sights.views.extend(heard);
        let mut rows: Vec<_> = self.loads().into_iter().map(Item::Load).collect();
        for (&(client, radio), heard) in &self.sights.ours {
            if now.since(heard.at) <= FRESH && !self.serves(client) {
                rows.push(Item::Signal(Signal { client, radio, dbm: heard.dbm, age: age(now, heard.at) }));
            } else {
                self.engine.remove(&Key::Signal(client, radio).encode());
            }
        }
        for row in rows.into_iter().map(Row::Item) {
            // Without room for it others decide without it.
            let _ = self.engine.publish(&row.key().encode(), &row.encode());
        }
    }

    fn loads(&self) -> Vec<Load> {
        let load = |(radio, channel): (usize, &Channel)| {
            let clients = self.own.values().filter(|own| own.radio == radio).count();
            let clients = u16::try_from(clients).unwrap_or(u16::MAX);
            let radio = u8::try_from(radio).ok()?;
            Some(Load { radio, frequency: channel.frequency(), busy: 0, clients })
        };
        self.channels.iter().enumerate().filter_map(load).collect()
    }
}
