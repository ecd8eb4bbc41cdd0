//! Which radio of which node serves whom: the product's placement over what the radios of all nodes hear.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use mesh::placement::{Move, Place, PlaceState, Placement};
use stack::ap::ApEvent;
use stack::time::Instant;
use stack::wire::MacAddr;

use crate::config::PlacementPolicy;
use crate::node::{News, Wish, WorkerEvent};

use super::nodes::Node;
use super::scene::{self, MASTS, NODES, RADIOS};

/// Who should move is asked so often.
const PERIOD: Duration = Duration::from_millis(50);

/// Follows what the radios of the cluster tell of their clients, and says who is better off elsewhere.
pub(super) struct Placing {
    placement: Placement,
    next: Instant,
    /// Where each client is, so that a radio knows how many it has.
    served: BTreeMap<MacAddr, usize>,
}

impl Placing {
    /// For the radios of the scene.
    pub(super) fn new() -> Self {
        let placement = Placement::new(PlacementPolicy::Signal.to_mesh());
        let mut placing = Self { placement, next: Instant::ZERO, served: BTreeMap::new() };
        (0..MASTS.len()).for_each(|mast| placing.tell_of(mast));
        placing
    }

    /// Takes in what happened on a radio.
    pub(super) fn handle_event(&mut self, now: Instant, mast: usize, event: &WorkerEvent) {
        let Some(place) = place(mast) else { return };
        match event {
            WorkerEvent::Ap(ApEvent::Heard { station, signal, .. }) => {
                self.placement.handle_heard(now, *station, place, *signal);
            }
            WorkerEvent::Ap(ApEvent::StationJoined { station, .. }) => self.serve(now, *station, mast),
            WorkerEvent::Ap(ApEvent::StationLeft { station, .. })
                if self.served.get(station) == Some(&mast) =>
            {
                self.served.remove(station);
                self.placement.handle_gone(*station);
                self.tell_of(mast);
            }
            WorkerEvent::Moved(moved) => self.serve(now, moved.station, mast),
            WorkerEvent::Ap(_) | WorkerEvent::Trouble(_) => {}
        }
    }

    /// Takes in what a node has learned; its first radio is `first`.
    pub(super) fn handle_news(&mut self, now: Instant, first: usize, news: &News) {
        if let News::Arrived { station, radio, .. } = news {
            self.serve(now, *station, first + radio);
        }
    }

    /// A node is gone, whose first radio was `first`.
    pub(super) fn node_gone(&mut self, first: usize) {
        let places: Vec<_> = (first..first + RADIOS).filter_map(place).collect();
        places.into_iter().for_each(|place| self.placement.handle_place_gone(place));
    }

    /// Has those moved that should be.
    pub(super) fn turn(&mut self, now: Instant, nodes: &mut [Option<Node>]) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + PERIOD;
        let mut any = false;
        while let Some(wish) = self.placement.poll_move(now) {
            any = true;
            if !carry_out(now, &wish, nodes) {
                self.placement.handle_refused(now, wish.client);
            }
        }
        any
    }

    /// When [`Self::turn`] is due.
    pub(super) const fn poll_timeout(&self) -> Instant {
        self.next
    }

    fn serve(&mut self, now: Instant, client: MacAddr, mast: usize) {
        if let Some(place) = place(mast) {
            self.placement.handle_served(now, client, place);
        }
        let before = self.served.insert(client, mast);
        before.into_iter().chain([mast]).for_each(|mast| self.tell_of(mast));
    }

    fn tell_of(&mut self, mast: usize) {
        let clients = self.served.values().filter(|at| **at == mast).count();
        if let (Some(place), Some(channel)) = (place(mast), scene::channel()) {
            let clients = u16::try_from(clients).unwrap_or(u16::MAX);
            self.placement.handle_place(place, PlaceState { channel, busy: 0, clients });
        }
    }
}

fn place(mast: usize) -> Option<Place> {
    let node = MASTS.get(mast)?.node;
    Some(Place { node: scene::slot(node), radio: u8::try_from(mast % RADIOS).ok()? })
}

/// Within a node by its switch; to another node by the node that has the client. Whether it could be begun.
fn carry_out(now: Instant, wish: &Move, nodes: &mut [Option<Node>]) -> bool {
    let of = |place: &Place| (0..NODES.len()).find(|node| scene::slot(*node) == place.node);
    let (Some(from), Some(to)) = (of(&wish.from), of(&wish.to)) else { return false };
    let Some(Some(node)) = nodes.get_mut(from) else { return false };
    if from == to {
        return node.switch.move_station(wish.client, usize::from(wish.to.radio), None).is_ok();
    }
    let (answer, answered) = sync_channel(1);
    let name = NODES.get(to).copied().unwrap_or_default().to_owned();
    node.member.handle_wish(now, Wish { station: wish.client, node: name, answer });
    !matches!(answered.try_recv(), Ok(Err(_)))
}
