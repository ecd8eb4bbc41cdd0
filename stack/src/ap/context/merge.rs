//! What is left of a virtual AP that two hosts had, after one of them stopped.

use super::Context;
use crate::ap::virtual_ap::{Station, VirtualAp};
use crate::mac::{BufferPool, DropCounts, Purpose};
use crate::time::Instant;

impl Context {
    /// Puts what is queued here ahead of what is queued there, and raises the receive counters there.
    pub(in crate::ap) fn merge_into(
        self,
        now: Instant,
        ap: &mut VirtualAp,
        pool: &mut BufferPool,
        drops: &mut DropCounts,
    ) {
        let Some(station) = ap.stations.get_mut(&self.client) else { return };
        let same_key = self.has_key_of(now, station);
        let received = self.pairwise.and_then(|pairwise| pairwise.key.received);
        station.peer.merge(now, self.station.peer, received.as_ref(), same_key, (pool, drops));
    }

    /// Names of security associations say nothing between hosts that made keys without knowing of each other: the keys do.
    fn has_key_of(&self, now: Instant, station: &Station) -> bool {
        match (&self.pairwise, station.pairwise_record(now, Purpose::Guard)) {
            (Some(here), Some(there)) => here.authenticator.ptk.tk == there.authenticator.ptk.tk,
            (None, None) => self.station.peer.association == station.association,
            _ => false,
        }
    }
}
