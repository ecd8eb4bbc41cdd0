//! Where the stations of each network are: one lookup for the bridge.

use std::collections::BTreeMap;

use crate::ap::block::Place;
use crate::wire::MacAddr;

/// A network by its position among those of the radio, and a station.
type Key = (usize, MacAddr);

/// One station is active on one BSS of a network only (SEC-H4). One that is known already and joins on another BSS has a
/// second entry until its handshake is through: somebody who only claims to be the station must not end its association.
///
/// A tree, since strangers choose the keys: no choice of addresses makes a lookup slow.
#[derive(Debug, Default)]
pub(super) struct Directory {
    settled: BTreeMap<Key, Place>,
    joining: BTreeMap<Key, Place>,
}

impl Directory {
    /// Where a station is whose port is open.
    pub(super) fn settled(&self, network: usize, station: MacAddr) -> Option<Place> {
        self.settled.get(&(network, station)).copied()
    }

    /// The BSS that a station has to do with: the one where its port is open, else the one that it is joining.
    pub(super) fn of(&self, network: usize, station: MacAddr) -> Option<Place> {
        self.settled(network, station).or_else(|| self.joining.get(&(network, station)).copied())
    }

    /// A station has associated. Says where it was joining before, if that was another place.
    pub(super) fn join(&mut self, network: usize, station: MacAddr, place: Place) -> Option<Place> {
        self.joining.insert((network, station), place).filter(|&before| before != place)
    }

    /// Its port opens. Says where it was before, if that was another place.
    pub(super) fn settle(&mut self, network: usize, station: MacAddr, place: Place) -> Option<Place> {
        self.joining.remove(&(network, station));
        self.settled.insert((network, station), place).filter(|&before| before != place)
    }

    /// Its association at this place has ended.
    pub(super) fn remove(&mut self, network: usize, station: MacAddr, place: Place) {
        for entries in [&mut self.settled, &mut self.joining] {
            if entries.get(&(network, station)) == Some(&place) {
                entries.remove(&(network, station));
            }
        }
    }

    /// How many stations are between their association and the end of their handshake.
    pub(super) fn joining(&self) -> usize {
        self.joining.len()
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.settled.len() + self.joining.len()
    }
}
