//! What a port learns of its stations from what they send, and what it tells the outside of them in their name.

use std::sync::Arc;
use std::time::Duration;

use mesh::claim::Addresses;
use stack::ap::NetworkId;
use stack::wire::MacAddr;

use super::addresses;
use super::orders::Told;
use super::port::Port;
use super::table;

/// Between two addresses that are learnt. Nobody has so many that they come faster.
const LEARN: Duration = Duration::from_millis(10);
/// 802.2 XID response of the null LSAP: it says nothing but where its sender is, so that bridges learn it.
const XID: [u8; 6] = [0x00, 0x01, 0xaf, 0x81, 0x01, 0x00];

impl Port {
    /// What a station says of its IP addresses, and no more often than it takes.
    pub(super) fn learn(&mut self, network: NetworkId, ethernet: &[u8]) {
        if self.now.since(self.learnt) < LEARN {
            return;
        }
        let Some(used) = addresses::used(ethernet) else { return };
        let Some(station) = ethernet.get(6..12).and_then(MacAddr::from_slice) else { return };
        let before = self.table.load().addresses(network, station);
        let mut after = Addresses::clone(&before);
        if !used.add_to(&mut after) || self.table.load().place(network, station).is_none() {
            return;
        }
        self.learnt = self.now;
        table::know(&self.shared, network, station, &Arc::new(after.clone()));
        if let Some(home) = &self.home {
            home.tell(self.radio, Told::Uses { network, station, addresses: after });
        }
    }

    /// Tells bridges and hosts outside where a station is: in its name, with all the addresses that it uses.
    pub(super) fn announce(&mut self, network: NetworkId, station: MacAddr) {
        let Some(index) = self.index(network) else { return };
        self.tell_bridges(index, station);
        let addresses = self.table.load().addresses(network, station);
        for frame in addresses::announcements(station, &addresses) {
            self.send_outside(index, &frame, false);
        }
    }

    /// Tells bridges outside where a station is.
    pub(super) fn tell_bridges(&mut self, index: usize, station: MacAddr) {
        let mut frame = Vec::with_capacity(20);
        frame.extend_from_slice(&MacAddr::BROADCAST.octets());
        frame.extend_from_slice(&station.octets());
        frame.extend_from_slice(&(XID.len() as u16).to_be_bytes());
        frame.extend_from_slice(&XID);
        self.send_outside(index, &frame, false);
    }
}
