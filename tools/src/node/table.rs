//! Which radio a station is on: an immutable snapshot, replaced as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use mesh::claim::Addresses;
use stack::ap::NetworkId;
use stack::time::Instant;
use stack::wire::MacAddr;

/// All stations of a node. It is believed because a handshake was completed, never because of a frame's source.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Hashed, with a secret: it is looked at for each frame, and strangers choose the addresses.
    stations: HashMap<(NetworkId, MacAddr), Place>,
    /// What they use, where that is known.
    addresses: BTreeMap<(NetworkId, MacAddr), Arc<Addresses>>,
}

/// Where a station is.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its radio, by its index in the node.
    radio: usize,
    /// Since when it has been on this node.
    since: Instant,
}

impl Table {
    /// The radio that a station is on, in the first network that has it.
    pub(super) fn radio_of(&self, station: MacAddr) -> Option<usize> {
        let found = self.stations.iter().filter(|((_, address), _)| *address == station);
        found.min_by_key(|((network, _), _)| *network).map(|(_, place)| place.radio)
    }

    /// All of them, in no order.
    pub(super) fn stations(&self) -> impl Iterator<Item = (NetworkId, MacAddr)> + '_ {
        self.stations.keys().copied()
    }
}

/// The table that all radio threads share. Reading it takes no lock; it is written at joins and leaves only.
pub(super) type Shared = Arc<ArcSwap<Table>>;

impl Table {
    /// The radio that a station is on.
    pub fn place(&self, network: NetworkId, station: MacAddr) -> Option<usize> {
        self.stations.get(&(network, station)).map(|place| place.radio)
    }

    /// Since when a station has been on this node.
    pub(super) fn since(&self, network: NetworkId, station: MacAddr) -> Option<Instant> {
        self.stations.get(&(network, station)).map(|place| place.since)
    }

    /// Which IP addresses a station uses, as far as that is known.
    pub(super) fn addresses(&self, network: NetworkId, station: MacAddr) -> Arc<Addresses> {
        self.addresses.get(&(network, station)).cloned().unwrap_or_default()
    }
}

impl FromIterator<(NetworkId, MacAddr, usize)> for Table {
    /// Stations, each on the radio with this index in the node since time began.
    fn from_iter<I: IntoIterator<Item = (NetworkId, MacAddr, usize)>>(stations: I) -> Self {
        let place = |radio| Place { radio, since: Instant::ZERO };
        let stations =
            stations.into_iter().map(|(network, station, radio)| ((network, station), place(radio)));
        Self { stations: stations.collect(), ..Self::default() }
    }
}

/// A station is on `radio` from now on: it joined there, or its virtual AP was moved there. Yields the radio that it was on before.
pub(super) fn put(
    table: &Shared,
    now: Instant,
    (network, station): (NetworkId, MacAddr),
    radio: usize,
) -> Option<usize> {
    let mut place_before = None;
    table.rcu(|before| {
        let mut after = Table::clone(before);
        let since = before.since(network, station).unwrap_or(now);
        place_before = after.stations.insert((network, station), Place { radio, since });
        after
    });
    place_before.map(|place| place.radio)
}

/// These are the IP addresses that a station uses.
pub(super) fn know(table: &Shared, network: NetworkId, station: MacAddr, addresses: &Arc<Addresses>) {
    table.rcu(|before| {
        let mut after = Table::clone(before);
        after.addresses.insert((network, station), Arc::clone(addresses));
        after
    });
}

/// Nobody knows what a station uses, since it is another than before, perhaps.
pub(super) fn forget_addresses(table: &Shared, network: NetworkId, station: MacAddr) {
    table.rcu(|before| {
        if !before.addresses.contains_key(&(network, station)) {
            return Arc::clone(before);
        }
        let mut after = Table::clone(before);
        after.addresses.remove(&(network, station));
        Arc::new(after)
    });
}

/// A station has left `radio`: it is forgotten, unless it has joined elsewhere in the meantime.
pub(super) fn left(table: &Shared, network: NetworkId, station: MacAddr, radio: usize) {
    table.rcu(|before| {
        if before.place(network, station) != Some(radio) {
            return Arc::clone(before);
        }
        let mut after = Table::clone(before);
        after.stations.remove(&(network, station));
        after.addresses.remove(&(network, station));
        Arc::new(after)
    });
}

/// A radio is gone, and with it all who were on it.
pub(super) fn radio_gone(table: &Shared, radio: usize) {
    table.rcu(|before| {
        let mut after = Table::clone(before);
        after.stations.retain(|_, place| place.radio != radio);
        let Table { stations, addresses } = &mut after;
        addresses.retain(|station, _| stations.contains_key(station));
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
        assert_eq!(put(&table, Instant::ZERO, (NETWORK, STATION), 0), None);
        assert_eq!(put(&table, Instant::ZERO, (NETWORK, STATION), 1), Some(0));
        left(&table, NETWORK, STATION, 0);
        assert_eq!(table.load().place(NETWORK, STATION), Some(1));
        left(&table, NETWORK, STATION, 1);
        assert_eq!(table.load().place(NETWORK, STATION), None);
    }

    #[test]
    fn what_a_station_uses_moves_with_it_and_goes_with_it() {
        let table = Shared::default();
        put(&table, Instant::from_micros(1), (NETWORK, STATION), 0);
        let mut addresses = Addresses::default();
        addresses.add_v4([10, 0, 0, 1].into());
        know(&table, NETWORK, STATION, &Arc::new(addresses.clone()));
        put(&table, Instant::from_micros(2), (NETWORK, STATION), 1);
        assert_eq!(*table.load().addresses(NETWORK, STATION), addresses);
        assert_eq!(table.load().since(NETWORK, STATION), Some(Instant::from_micros(1)));
        radio_gone(&table, 1);
        assert_eq!(*table.load().addresses(NETWORK, STATION), Addresses::default());
        know(&table, NETWORK, STATION, &Arc::new(addresses));
        forget_addresses(&table, NETWORK, STATION);
        assert_eq!(*table.load().addresses(NETWORK, STATION), Addresses::default());
    }

    #[test]
    fn the_same_address_on_two_networks_is_two_stations() {
        let table = Shared::default();
        put(&table, Instant::ZERO, (NETWORK, STATION), 0);
        put(&table, Instant::ZERO, (NetworkId(1), STATION), 1);
        radio_gone(&table, 0);
        assert_eq!(table.load().place(NETWORK, STATION), None);
        assert_eq!(table.load().place(NetworkId(1), STATION), Some(1));
    }
}
