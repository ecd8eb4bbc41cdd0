//! How the radios of a cluster hear each other's clients: what ours hear of clients of other nodes is told to all, and what
//! theirs hear of ours is kept for placement.

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

/// Rows are written so often at the most, and what others hear is passed on.
const PERIOD: Duration = Duration::from_millis(250);
/// What was heard so long ago is not heard any more.
const FRESH: Duration = Duration::from_secs(1);
/// Most clients of others, times radios, that are told of, and most of ours that others tell of.
const MOST: usize = 2048;

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

/// How old a sight is, in milliseconds: whole periods, so that a row does not change for less.
fn age(now: Instant, at: Instant) -> u16 {
    let periods = now.since(at).as_millis() / PERIOD.as_millis();
    u16::try_from(periods * PERIOD.as_millis()).unwrap_or(u16::MAX)
}

/// What is heard here and there.
#[derive(Debug, Default)]
pub(super) struct Sights {
    /// How radios here hear clients of other nodes.
    ours: BTreeMap<(MacAddr, u8), (i8, Instant)>,
    /// How radios of other nodes hear clients.
    theirs: BTreeMap<(MacAddr, Place), i8>,
    views: Vec<View>,
    next: Instant,
}

impl Sights {
    /// When [`Member::tell_sights`] is due.
    pub(super) const fn poll_timeout(&self) -> Instant {
        self.next
    }

    fn hear(&mut self, now: Instant, client: MacAddr, radio: u8, dbm: i8) {
        if self.ours.len() < MOST || self.ours.contains_key(&(client, radio)) {
            self.ours.insert((client, radio), (dbm, now));
        }
    }

    /// A row of another node.
    fn learn(&mut self, slot: NodeSlot, key: Key, row: Option<Row>) {
        let place = |radio| Place { node: slot, radio };
        match (key, row) {
            (Key::Load(radio), Some(Row::Item(Item::Load(load)))) => {
                if let Some(channel) = Channel::from_frequency(load.frequency) {
                    let state = PlaceState { channel, busy: load.busy, clients: load.clients };
                    self.views.push(View::Place(place(radio), state));
                }
            }
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

    /// A row that may be about what another node hears, or how busy it is.
    pub(super) fn learn_sight(&mut self, node: NodeId, key: &[u8], value: Option<&[u8]>) {
        let Some(key @ (Key::Load(_) | Key::Signal(..))) = Key::decode(key) else { return };
        let slot = self.engine.members().into_iter().find(|other| other.node == node).map(|other| other.slot);
        let row = value.map(|value| Row::decode(node, key, value));
        if let (Some(slot), None | Some(Some(_))) = (slot, &row) {
            self.sights.learn(slot, key, row.flatten());
        }
    }

    /// Writes the rows that are due, and passes on what others hear of our clients.
    pub(super) fn tell_sights(&mut self, now: Instant) {
        if now < self.sights.next {
            return;
        }
        self.sights.next = now + PERIOD;
        let serves = |client: &MacAddr| self.own.values().any(|own| own.client == *client);
        let heard = self.sights.theirs.iter().filter(|((client, _), _)| serves(client));
        let heard: Vec<_> = heard.map(|((client, place), dbm)| View::Heard(*client, *place, *dbm)).collect();
        self.sights.views.extend(heard);
        let mut rows = self.loads();
        for (&(client, radio), &(dbm, at)) in &self.sights.ours {
            if now.since(at) <= FRESH && !serves(&client) {
                rows.push(Item::Signal(Signal { client, radio, dbm, age: age(now, at) }));
            } else {
                self.engine.remove(&Key::Signal(client, radio).encode());
            }
        }
        self.sights.ours.retain(|_, (_, at)| now.since(*at) <= FRESH);
        for row in rows.into_iter().map(Row::Item) {
            // Without room for it others decide without it.
            let _ = self.engine.publish(&row.key().encode(), &row.encode());
        }
    }

    fn loads(&self) -> Vec<Item> {
        let load = |(radio, channel): (usize, &Channel)| {
            let clients = self.own.values().filter(|own| own.radio == radio).count();
            let clients = u16::try_from(clients).unwrap_or(u16::MAX);
            let radio = u8::try_from(radio).ok()?;
            Some(Item::Load(Load { radio, frequency: channel.frequency(), busy: 0, clients }))
        };
        self.channels.iter().enumerate().filter_map(load).collect()
    }
}
