//! Clients go to the radio that serves them best.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesh::engine::Engine;
use mesh::lease::NodeSlot;
use mesh::placement::{Place, PlaceState, Placement};
use stack::ap::ApEvent;
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use super::member::{Member, News, View};
use super::moves::Moved;
use super::switch::Switch;
use super::worker::WorkerEvent;
use crate::config::PlacementPolicy;

/// Who should move is asked so often at the most.
const PERIOD: Duration = Duration::from_millis(50);

/// Follows what the radios of a node tell of their clients, and has the switch move those that are better off elsewhere.
pub struct Placer {
    home: NodeSlot,
    placement: Placement,
    switch: Arc<Switch>,
    channels: Vec<Channel>,
    clients: BTreeMap<usize, u16>,
    next: Instant,
}

impl Placer {
    /// A placer for the node in this slot, whose radios are on these channels, in the order of their indices.
    pub fn new(
        policy: PlacementPolicy,
        (home, channels): (NodeSlot, Vec<Channel>),
        switch: Arc<Switch>,
    ) -> Self {
        let mut placer = Self {
            home,
            placement: Placement::new(policy.to_mesh()),
            switch,
            channels,
            clients: BTreeMap::new(),
            next: Instant::ZERO,
        };
        (0..placer.channels.len()).for_each(|radio| placer.tell_of(radio));
        placer
    }

    /// Takes in what happened on a radio.
    pub fn handle_event(&mut self, now: Instant, radio: usize, event: &WorkerEvent) {
        match event {
            WorkerEvent::Ap(ApEvent::Heard { station, signal, .. }) => {
                if let Some(place) = self.place(radio) {
                    self.placement.handle_heard(now, *station, place, *signal);
                }
            }
            WorkerEvent::Ap(ApEvent::StationJoined { station, .. }) => {
                if let Some(place) = self.place(radio) {
                    self.placement.handle_served(now, *station, place);
                }
                self.count(radio, 1);
            }
            WorkerEvent::Ap(ApEvent::StationLeft { station, .. }) => {
                self.placement.handle_gone(*station);
                self.count(radio, -1);
            }
            WorkerEvent::Moved(Moved { station, from, to, .. }) => {
                if let Some(place) = self.place(*to) {
                    self.placement.handle_served(now, *station, place);
                }
                self.count(*from, -1);
                self.count(*to, 1);
            }
            WorkerEvent::Ap(_) | WorkerEvent::Link(_) | WorkerEvent::Trouble(_) => {}
        }
    }

    /// A radio is gone.
    pub fn radio_gone(&mut self, radio: usize) {
        if let Some(place) = self.place(radio) {
            self.placement.handle_place_gone(place);
        }
    }

    /// Has those moved that should be, and yields those that should go to other nodes. To be called after events; it looks
    /// every 50 ms at the most.
    pub fn turn(&mut self, now: Instant) -> Vec<(MacAddr, Place)> {
        let mut far = Vec::new();
        if now < self.next {
            return far;
        }
        self.next = now + PERIOD;
        while let Some(wish) = self.placement.poll_move(now) {
            if wish.to.node != self.home {
                far.push((wish.client, wish.to));
            } else if self.switch.move_station(wish.client, usize::from(wish.to.radio), None).is_err() {
                self.placement.handle_refused(now, wish.client);
            }
        }
        far
    }

    /// Lets placement and the node's part in the cluster do what there is to do, with what each tells the other. Yields
    /// what happened, and whether the cluster had anything to do: then the radios may have orders.
    pub fn attend<E: Engine>(&mut self, now: Instant, member: &mut Member<E>) -> (Vec<News>, bool) {
        let far = self.turn(now);
        let mut busy = !far.is_empty();
        for (station, place) in far {
            member.handle_placed(now, station, place);
        }
        busy |= member.turn(now);
        let news = member.take_news();
        for one in &news {
            self.handle_news(now, one);
        }
        for view in member.take_views() {
            self.handle_view(now, view);
        }
        (news, busy)
    }

    /// Takes in what happened in the cluster.
    fn handle_news(&mut self, now: Instant, news: &News) {
        match news {
            News::Arrived { station, radio, .. } => {
                if let Some(place) = self.place(*radio) {
                    self.placement.handle_served(now, *station, place);
                }
                self.count(*radio, 1);
            }
            News::Left(departed, _) => {
                self.placement.handle_gone(departed.station);
                self.count(departed.from, -1);
            }
            News::Line(_) => {}
        }
    }

    /// Takes in how radios of other nodes are, and what they hear.
    fn handle_view(&mut self, now: Instant, view: View) {
        match view {
            View::Heard(client, place, dbm) => self.placement.handle_heard(now, client, place, dbm),
            View::Place(place, state) => self.placement.handle_place(place, state),
            View::Gone(place) => self.placement.handle_place_gone(place),
        }
    }

    fn place(&self, radio: usize) -> Option<Place> {
        Some(Place { node: self.home, radio: u8::try_from(radio).ok()? })
    }

    fn count(&mut self, radio: usize, by: i16) {
        let clients = self.clients.entry(radio).or_default();
        *clients = clients.saturating_add_signed(by);
        self.tell_of(radio);
    }

    fn tell_of(&mut self, radio: usize) {
        let clients = self.clients.get(&radio).copied().unwrap_or(0);
        if let (Some(place), Some(&channel)) = (self.place(radio), self.channels.get(radio)) {
            self.placement.handle_place(place, PlaceState { channel, busy: 0, clients });
        }
    }
}
