//! Clients in the bridges of this host: each is behind the TAP of its network, whatever frames say. A bridge learns from
//! frames, which anybody can forge; a node of a cluster knows where its clients are, and says so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drivers::bridge::ForwardingDatabase;
use drivers::interface;
use stack::ap::NetworkId;
use stack::time::Instant;
use stack::wire::MacAddr;

use super::switch::Switch;
use super::table::Table;

/// An entry is renewed after so long: before a bridge forgets it, and when the TAP has become a port since.
const RENEW: Duration = Duration::from_secs(10);

/// What this node has said to bridges.
pub struct Pins {
    database: Option<ForwardingDatabase>,
    /// The TAPs of networks. Their interface indices change when they are moved to other namespaces and back.
    taps: BTreeMap<NetworkId, String>,
    /// When each is renewed.
    pinned: BTreeMap<(NetworkId, MacAddr), Instant>,
    table: Option<Arc<Table>>,
}

impl Pins {
    /// For networks with these TAPs. Those that are in no bridge are passed over.
    pub fn new(taps: impl Iterator<Item = (NetworkId, String)>) -> Self {
        // Without it a bridge believes frames, as ever.
        let database = ForwardingDatabase::open().ok();
        Self { database, taps: taps.collect(), pinned: BTreeMap::new(), table: None }
    }

    /// Says to the bridges what has changed. To be called when a radio rang, and at the deadline.
    pub fn turn(&mut self, now: Instant, switch: &Switch) {
        let Some(database) = &mut self.database else { return };
        let table = switch.table();
        let (taps, pinned) = (&self.taps, &mut self.pinned);
        let port = |network: NetworkId| interface::index(taps.get(&network)?).ok();
        if self.table.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &table)) {
            pinned.retain(|&(network, station), _| {
                let here = table.place(network, station).is_some();
                if let Some(port) = port(network).filter(|_| !here) {
                    // It is behind another port already, or the TAP is in no bridge.
                    let _ = database.unpin(port, station);
                }
                here
            });
            for station in table.stations() {
                pinned.entry(station).or_insert(now);
            }
            self.table = Some(table);
        }
        for (&(network, station), due) in pinned.iter_mut().filter(|(_, due)| **due <= now) {
            *due = now + RENEW;
            if let Some(port) = port(network) {
                // A TAP that is in no bridge may come into one.
                let _ = database.pin(port, station);
            }
        }
    }

    /// When [`Self::turn`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pinned.values().min().copied()
    }
}
