//! Which radio a station is on: an immutable snapshot, replaced as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use stack::ap::NetworkId;
use stack::wire::MacAddr;

/// All stations of a node. It is believed because a handshake was completed, never because of a frame's source.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Radios by their index in the node.
    stations: BTreeMap<(NetworkId, MacAddr), usize>,
}

impl Table {
    /// The radio that a station is on, in whichever network.
    pub(super) fn radio_of(&self, station: MacAddr) -> Option<usize> {
        self.stations.iter().find(|((_, address), _)| *address == station).map(|(_, radio)| *radio)
    }
}

/// The table that all radio threads share. Reading it takes no lock; it is written at joins and leaves only.
pub(super) type Shared = Arc<ArcSwap<Table>>;

impl Table {
    /// The radio that a station is on.
    pub(super) fn place(&self, network: NetworkId, station: MacAddr) -> Option<usize> {
        self.stations.get(&(network, station)).copied()
    }
}

/// A station is on `radio` from now on: it joined there, or its virtual AP was moved there. Yields the radio that it was on before.
pub(super) fn put(table: &Shared, network: NetworkId, station: MacAddr, radio: usize) -> Option<usize> {
    let mut place_before = None;
    table.rcu(|before| {
        let mut after = Table::clone(before);
        place_before = after.stations.insert((network, station), radio);
        after
    });
    place_before
}

/// A station has left `radio`: it is forgotten, unless it has joined elsewhere in the meantime.
pub(super) fn left(table: &Shared, network: NetworkId, station: MacAddr, radio: usize) {
    table.rcu(|before| {
        if before.place(network, station) != Some(radio) {
            return Arc::clone(before);
        }
        let mut after = Table::clone(before);
        after.stations.remove(&(network, station));
        Arc::new(after)
    });
}

/// A radio is gone, and with it all who were on it.
pub(super) fn radio_gone(table: &Shared, radio: usize) {
    table.rcu(|before| {
        let mut after = Table::clone(before);
        after.stations.retain(|_, place| *place != radio);
        after
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId(0);
    const STATION: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn a_late_leave_does_not_remove_a_newer_join() {
        let table = Shared::default();
        assert_eq!(put(&table, NETWORK, STATION, 0), None);
        assert_eq!(put(&table, NETWORK, STATION, 1), Some(0));
        left(&table, NETWORK, STATION, 0);
        assert_eq!(table.load().place(NETWORK, STATION), Some(1));
        left(&table, NETWORK, STATION, 1);
        assert_eq!(table.load().place(NETWORK, STATION), None);
    }

    #[test]
    fn the_same_address_on_two_networks_is_two_stations() {
        let table = Shared::default();
        put(&table, NETWORK, STATION, 0);
        put(&table, NetworkId(1), STATION, 1);
        radio_gone(&table, 0);
        assert_eq!(table.load().place(NETWORK, STATION), None);
        assert_eq!(table.load().place(NetworkId(1), STATION), Some(1));
    }
}
