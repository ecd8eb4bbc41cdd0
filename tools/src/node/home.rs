//! The way from the threads of radios to the node's part in a cluster, and what they know of other nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

use arc_swap::{ArcSwap, Cache};
use drivers::reactor::Bell;
use mesh::announce::NodeId;
use mesh::claim::{Lookup, Station};
use stack::ap::NetworkId;
use stack::time::Instant;
use stack::wire::MacAddr;

use super::orders::Told;

/// Frames that wait to be handed on to other nodes at the most.
const FRAMES: usize = 1024;

/// To whom a radio tells what concerns the cluster. Nothing of it gets lost but frames, of which only so many wait: some
/// of it exists nowhere else.
#[derive(Clone, Debug)]
pub struct Home {
    tell: Sender<(usize, Told)>,
    bell: Option<Bell>,
    /// As this radio's thread saw them last: to look whether they are still those is all that a frame costs.
    routes: Cache<Arc<ArcSwap<Routes>>, Arc<Routes>>,
    waiting: Arc<AtomicUsize>,
}

/// What the threads of radios know of other nodes.
#[derive(Clone, Debug, Default)]
pub struct Abroad {
    routes: Arc<ArcSwap<Routes>>,
    waiting: Arc<AtomicUsize>,
}

/// Where everybody is, as a snapshot that never changes.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// This node.
    pub me: Option<NodeId>,
    /// By their claims.
    pub lookup: Arc<Lookup>,
    /// Clients that have left this node, and until when what comes here for them is handed on.
    pub left: BTreeMap<Station, Instant>,
    /// The VLANs of networks; 0 for all others.
    pub vlans: BTreeMap<NetworkId, u16>,
    /// The nodes are on different Ethernets, and carry what is for all between them.
    pub flood: bool,
}

/// Where an address is that no radio of this node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remote {
    /// A client of another node.
    Client {
        /// It was here a moment ago.
        left: bool,
    },
    /// A client of this node, on its way from or to a radio.
    OnItsWay,
    /// On the wire behind another node.
    Wired,
}

impl Routes {
    fn station(&self, network: NetworkId, address: MacAddr) -> Station {
        Station { vlan: self.vlans.get(&network).copied().unwrap_or(0), address }
    }

    fn remote(&self, now: Instant, station: Station) -> Option<Remote> {
        let left = self.left.get(&station).is_some_and(|until| now < *until);
        let place = self.lookup.place(station)?;
        match (Some(place.node) == self.me, place.wired) {
            (true, true) => None,
            (true, false) => Some(Remote::OnItsWay),
            (false, true) => Some(Remote::Wired),
            (false, false) => Some(Remote::Client { left }),
        }
    }
}

impl Abroad {
    /// This is how it is now.
    pub fn set(&self, routes: Routes) {
        self.routes.store(Arc::new(routes));
    }

    /// A frame that was told of does not wait any more.
    pub fn taken(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Home {
    /// What a radio has to tell goes through `tell`, and `bell` is rung for it, if a thread sleeps there.
    pub fn new(tell: Sender<(usize, Told)>, bell: Option<Bell>, abroad: Abroad) -> Self {
        Self { tell, bell, routes: Cache::new(abroad.routes), waiting: abroad.waiting }
    }

    /// Where an address is that no radio of the node has; `None` if nobody knows, or on the wire of this node.
    pub fn remote(&mut self, now: Instant, network: NetworkId, address: MacAddr) -> Option<Remote> {
        let routes = self.routes.load();
        routes.remote(now, routes.station(network, address))
    }

    /// Whether nodes carry between them what is for all.
    pub(super) fn floods(&mut self) -> bool {
        self.routes.load().flood
    }

    /// Tells of a frame, if not too many wait already. Whether it did.
    pub(super) fn tell_frame(&self, radio: usize, told: Told) -> bool {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= FRAMES {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        self.tell(radio, told);
        true
    }

    pub(super) fn tell(&self, radio: usize, told: Told) {
        // A node that ends listens no more.
        if self.tell.send((radio, told)).is_ok()
            && let Some(bell) = &self.bell
        {
            let _ = bell.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesh::announce::{Claim, SaBinding};
    use mesh::claim::{Claims, Limits};
    use mesh::handover::Rank;
    use mesh::lease::Generation;

    use super::*;

    const NETWORK: NetworkId = NetworkId(3);

    #[test]
    fn a_station_is_where_its_claim_says_within_the_vlan_of_its_network() {
        let (me, other) = (NodeId(1), NodeId(2));
        let mut claims = Claims::new(me, Limits::default());
        let station = |last| Station { vlan: 7, address: MacAddr([2, 0, 0, 0, 0, last]) };
        let theirs = |last, sa| Claim {
            client: station(last).address,
            vlan: 7,
            node: other,
            generation: Generation::default(),
            sequence: 1,
            ttl: Duration::from_secs(6),
            sa,
        };
        claims.claim(Instant::ZERO, station(1), SaBinding([1; 16]), Rank::default()).unwrap();
        claims.claim_wired(Instant::ZERO, station(2)).unwrap();
        claims.handle_claim(Instant::ZERO, theirs(3, SaBinding([3; 16]))).unwrap();
        claims.handle_claim(Instant::ZERO, theirs(4, SaBinding::WIRED)).unwrap();
        let soon = Instant::from_micros(10);
        let routes = Routes {
            me: Some(me),
            lookup: claims.lookup(),
            left: [(station(3), soon)].into(),
            vlans: [(NETWORK, 7)].into(),
            flood: false,
        };
        let remote = |last, at| routes.remote(at, routes.station(NETWORK, station(last).address));
        assert_eq!(remote(1, Instant::ZERO), Some(Remote::OnItsWay));
        assert_eq!(remote(2, Instant::ZERO), None);
        assert_eq!(remote(3, Instant::ZERO), Some(Remote::Client { left: true }));
        assert_eq!(remote(3, soon), Some(Remote::Client { left: false }));
        assert_eq!(remote(4, Instant::ZERO), Some(Remote::Wired));
        assert_eq!(routes.remote(soon, routes.station(NetworkId(9), station(3).address)), None);
    }
}
