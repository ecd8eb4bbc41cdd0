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

/// Where a station is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Behind which node.
    pub node: NodeId,
    /// On its wire, not a client.
    pub wired: bool,
}

/// All stations and their nodes at one moment. It never changes; there is a new one when something has.
#[derive(Clone, Debug, Default)]
pub struct Lookup(HashMap<Station, Place>);

impl Lookup {
    /// The node that a station is behind.
    pub fn node(&self, station: Station) -> Option<NodeId> {
        self.place(station).map(|place| place.node)
    }

    /// Where a station is.
    pub fn place(&self, station: Station) -> Option<Place> {
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

    pub(super) fn set(&mut self, station: Station, place: Option<Place>) {
        match place {
            Some(place) => self.0.insert(station, place),
            None => self.0.remove(&station),
        };
    }
}
