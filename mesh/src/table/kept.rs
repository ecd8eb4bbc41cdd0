//! What the nodes say about their radios, for placement.

use std::collections::BTreeMap;

use stack::wire::MacAddr;

use super::{Key, Row};
use crate::announce::{Item, Load, NodeId, Signal};

/// Signals and loads that are kept of one node.
const MAX_ROWS: usize = 1 << 14;

/// Loads and signals of all nodes. Give it the rows of this node too.
#[derive(Debug, Default)]
pub struct Table {
    loads: BTreeMap<(NodeId, u8), Load>,
    signals: BTreeMap<MacAddr, BTreeMap<(NodeId, u8), Signal>>,
    rows: BTreeMap<NodeId, usize>,
    dropped: u64,
}

impl Table {
    /// A row of a node is new or has changed, or is gone. Those that are not about radios are passed over.
    pub fn handle_row(&mut self, node: NodeId, key: &[u8], value: Option<&[u8]>) {
        let Some(key) = Key::decode(key).filter(|key| matches!(key, Key::Load(_) | Key::Signal(..))) else {
            return;
        };
        let Some(value) = value else { return self.remove(node, key) };
        let Some(Row::Item(item)) = Row::decode(node, key, value) else {
            self.dropped += 1;
            return;
        };
        let rows = *self.rows.entry(node).or_default();
        if rows >= MAX_ROWS && !self.has(node, key) {
            self.dropped += 1;
            return;
        }
        let new = match item {
            Item::Load(load) => self.loads.insert((node, load.radio), load).is_none(),
            Item::Signal(signal) => {
                let of_client = self.signals.entry(signal.client).or_default();
                of_client.insert((node, signal.radio), signal).is_none()
            }
            Item::Claim(_) => false,
        };
        self.rows.entry(node).and_modify(|rows| *rows += usize::from(new));
    }

    fn has(&self, node: NodeId, key: Key) -> bool {
        match key {
            Key::Load(radio) => self.loads.contains_key(&(node, radio)),
            Key::Signal(client, radio) => {
                self.signals.get(&client).is_some_and(|of_client| of_client.contains_key(&(node, radio)))
            }
            Key::Owned(_) | Key::Claim(_) | Key::Addresses(_) | Key::Radio(_) => false,
        }
    }

    fn remove(&mut self, node: NodeId, key: Key) {
        let removed = match key {
            Key::Load(radio) => self.loads.remove(&(node, radio)).is_some(),
            Key::Signal(client, radio) => {
                let Some(of_client) = self.signals.get_mut(&client) else { return };
                let removed = of_client.remove(&(node, radio)).is_some();
                if of_client.is_empty() {
                    self.signals.remove(&client);
                }
                removed
            }
            Key::Owned(_) | Key::Claim(_) | Key::Addresses(_) | Key::Radio(_) => false,
        };
        if let Some(rows) = self.rows.get_mut(&node) {
            *rows -= usize::from(removed);
        }
    }

    /// Which radios hear a client, and how well, in the order of nodes and radios.
    pub fn signals(&self, client: MacAddr) -> impl Iterator<Item = (NodeId, &Signal)> + '_ {
        self.signals.get(&client).into_iter().flatten().map(|((node, _), signal)| (*node, signal))
    }

    /// How busy a radio is.
    pub fn load(&self, node: NodeId, radio: u8) -> Option<&Load> {
        self.loads.get(&(node, radio))
    }

    /// Rows that could not be read or were too many.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}
