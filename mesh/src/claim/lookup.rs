//! Where each station is, for the frame path.

use std::collections::HashMap;

use stack::wire::MacAddr;

use crate::announce::NodeId;

/// A station, as a switch tells stations apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Station {
    /// The VLAN it is in, 0 for none.
    pub vlan: u16,
    /// Its address.
    pub address: MacAddr,
}

/// All stations and their nodes at one moment. It never changes; there is a new one when something has.
#[derive(Clone, Debug, Default)]
pub struct Lookup(HashMap<Station, NodeId>);

impl Lookup {
    /// The node that a station is behind.
    pub fn node(&self, station: Station) -> Option<NodeId> {
        self.0.get(&station).copied()
    }

    /// How many stations are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn set(&mut self, station: Station, node: Option<NodeId>) {
        match node {
            Some(node) => self.0.insert(station, node),
            None => self.0.remove(&station),
        };
    }
}
