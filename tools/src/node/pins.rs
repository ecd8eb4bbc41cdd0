//! Clients in the bridges of this host: each is behind the TAP of its network, whatever frames say. A bridge learns from
//! frames, which anybody can forge; a node of a cluster knows where its clients are, and says so.
//!
//! Who has left is still behind the TAP until a frame of it comes in elsewhere. A bridge that knows nothing of it would send
//! what is for it to all ports, and where two nodes are behind them, it would come to it twice: from where it is now, and
//! handed on from where it was.

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

/// After so long a bridge forgets who left and was not seen elsewhere: what comes for it is not handed on any more.
const GONE: Duration = Duration::from_secs(11);

/// What this node has said to bridges.
pub struct Pins {
    database: Option<ForwardingDatabase>,
    /// The TAPs of networks. Their interface indices change when they are moved to other namespaces and back.
    taps: BTreeMap<NetworkId, String>,
    /// When each is renewed.
    pinned: BTreeMap<(NetworkId, MacAddr), Instant>,
    /// Clients that have left, and when they are forgotten.
    loose: BTreeMap<(NetworkId, MacAddr), Instant>,
    table: Option<Arc<Table>>,
}

impl Pins {
    /// For networks with these TAPs. Those that are in no bridge are passed over.
    pub fn new(taps: impl Iterator<Item = (NetworkId, String)>) -> Self {
        // Without it a bridge believes frames, as ever.
        let database = ForwardingDatabase::open().ok();
        Self { database, taps: taps.collect(), pinned: BTreeMap::new(), loose: BTreeMap::new(), table: None }
    }

    /// Says to the bridges what has changed. To be called when a radio rang, and at the deadline.
    pub fn turn(&mut self, now: Instant, switch: &Switch) {
        self.let_go(now, switch);
        let Some(database) = &mut self.database else { return };
        let taps = &self.taps;
        for (&(network, station), due) in self.pinned.iter_mut().filter(|(_, due)| **due <= now) {
            *due = now + RENEW;
            if let Some(port) = port(taps, network) {
                // A TAP that is in no bridge may come into one.
                let _ = database.pin(port, station);
            }
        }
        for ((network, station), _) in self.loose.extract_if(.., |_, due| *due <= now) {
            if let Some(port) = port(taps, network) {
                // It is behind another port already, or the TAP is in no bridge.
                let _ = database.unpin(port, station);
            }
        }
    }

    /// Who has left may be elsewhere. To be called before another node can know of it, which may be behind the same bridge
    /// and say that it has it.
    pub fn let_go(&mut self, now: Instant, switch: &Switch) {
        let Some(database) = &mut self.database else { return };
        let table = switch.table();
        if self.table.as_ref().is_some_and(|known| Arc::ptr_eq(known, &table)) {
            return;
        }
        for (key, _) in self.pinned.extract_if(.., |key, _| table.place(key.0, key.1).is_none()) {
            if let Some(port) = port(&self.taps, key.0) {
                // The TAP is in no bridge.
                let _ = database.loosen(port, key.1);
            }
            self.loose.insert(key, now + GONE);
        }
        for station in table.stations() {
            self.loose.remove(&station);
            self.pinned.entry(station).or_insert(now);
        }
        self.table = Some(table);
    }

    /// When [`Self::turn`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pinned.values().chain(self.loose.values()).min().copied()
    }
}

fn port(taps: &BTreeMap<NetworkId, String>, network: NetworkId) -> Option<i32> {
    interface::index(taps.get(&network)?).ok()
}
