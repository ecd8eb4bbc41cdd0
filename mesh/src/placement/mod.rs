//! Placement: which radio should serve which client, from what all radios hear of it.
//!
//! Every radio tells of the clients that it hears, whoever serves them ([`Placement::handle_heard`]), and how busy it is
//! ([`Placement::handle_place`]); who serves a client at present is told by [`Placement::handle_served`]. What should be
//! otherwise comes out of [`Placement::poll_move`]. What is better is a [`Policy`]'s to say; that clients do not swing to
//! and fro is seen to here, whatever the policy thinks ([`Patience`]).

mod patience;
mod policy;
mod sight;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use crate::lease::NodeSlot;
pub use patience::Patience;
pub use policy::{Candidate, Pinned, Policy, Signal, SignalAndLoad};
use sight::Sight;

/// What a radio has not heard for so long it does not hear: it is no candidate any more.
const FRESH: Duration = Duration::from_secs(1);
/// Most clients that are kept track of; beyond them the one not heard for longest is forgotten.
const CLIENTS: usize = 4096;

/// A radio of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The node that it belongs to.
    pub node: NodeSlot,
    /// Its number there.
    pub radio: u8,
}

/// How a radio is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaceState {
    /// The channel that it is on.
    pub channel: Channel,
    /// Of the air time, how much is taken, in thousandths.
    pub busy: u16,
    /// How many clients it serves.
    pub clients: u16,
}

/// A client that would be better off elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which client.
    pub client: MacAddr,
    /// Who serves it.
    pub from: Place,
    /// Who should.
    pub to: Place,
}

/// What is known of a client.
#[derive(Debug)]
struct Tracked {
    served: Option<Place>,
    heard: Instant,
    sights: BTreeMap<Place, Sight>,
    patience: Patience,
}

impl Tracked {
    /// A client that says nothing is heard nowhere, here a moment sooner than there: that is no reason to move it.
    fn is_heard_longer(&self, there: Place, here: Place) -> bool {
        let last = |place| self.sights.get(&place).map(Sight::last);
        last(here).is_none_or(|here| last(there).is_some_and(|there| there >= here + FRESH))
    }
}

/// Who should serve whom.
pub struct Placement {
    policy: Box<dyn Policy + Send>,
    places: BTreeMap<Place, PlaceState>,
    clients: BTreeMap<MacAddr, Tracked>,
}

impl Placement {
    /// Nothing is known yet.
    pub fn new(policy: Box<dyn Policy + Send>) -> Self {
        Self { policy, places: BTreeMap::new(), clients: BTreeMap::new() }
    }

    /// A radio is there, or has changed.
    pub fn handle_place(&mut self, place: Place, state: PlaceState) {
        self.places.insert(place, state);
    }

    /// A radio is gone: it is no candidate, and what it heard is forgotten.
    pub fn handle_place_gone(&mut self, place: Place) {
        self.places.remove(&place);
        for client in self.clients.values_mut() {
            client.sights.remove(&place);
            client.served.take_if(|served| *served == place);
        }
    }

    /// A radio heard a client, in dBm. Of clients that nobody serves nothing is kept.
    pub fn handle_heard(&mut self, now: Instant, client: MacAddr, place: Place, dbm: i8) {
        let Some(tracked) = self.clients.get_mut(&client) else { return };
        tracked.heard = now;
        tracked.sights.entry(place).or_insert_with(|| Sight::first(now, dbm)).heard(now, dbm);
    }

    /// A client is served here from now on: it joined, or it was moved.
    pub fn handle_served(&mut self, now: Instant, client: MacAddr, place: Place) {
        self.make_room(client);
        let tracked = self.clients.entry(client).or_insert_with(|| Tracked {
            served: None,
            heard: now,
            sights: BTreeMap::new(),
            patience: Patience::default(),
        });
        match tracked.served.replace(place) {
            Some(before) if before != place => tracked.patience.moved(now, before, place),
            Some(_) => {}
            None => tracked.patience.joined(now),
        }
    }

    /// A move did not come about: it is not asked for again at once.
    pub fn handle_refused(&mut self, now: Instant, client: MacAddr) {
        if let Some(tracked) = self.clients.get_mut(&client) {
            tracked.patience.refused(now);
        }
    }

    /// A client has left.
    pub fn handle_gone(&mut self, client: MacAddr) {
        self.clients.remove(&client);
    }

    /// How a radio hears a client at present, in dBm.
    pub fn signal(&self, now: Instant, client: MacAddr, place: Place) -> Option<i8> {
        self.clients.get(&client)?.sights.get(&place).filter(|sight| sight.is_fresh(now)).map(Sight::dbm)
    }

    /// The next client that should be moved. It is named once; when nothing comes of it, it is named again after some
    /// time. To be called after every few things that were heard; it goes through all clients.
    pub fn poll_move(&mut self, now: Instant) -> Option<Move> {
        let Self { policy, places, clients } = self;
        clients.iter_mut().find_map(|(&client, tracked)| {
            let from = tracked.served?;
            if !tracked.patience.allows(now) {
                return None;
            }
            let here = candidate(now, places, tracked, from, from)?;
            let better = |place: &Place| {
                let there = candidate(now, places, tracked, from, *place)?;
                if here.dbm.is_none() && !tracked.is_heard_longer(*place, from) {
                    return None;
                }
                let gain = policy.gain(client, &here, &there);
                let enough = gain > 0.0 && tracked.patience.allows_to(now, *place, gain);
                enough.then_some((gain, *place))
            };
            let others = tracked.sights.keys().filter(|place| **place != from);
            let (_, to) = others.filter_map(better).max_by(|one, other| one.0.total_cmp(&other.0))?;
            tracked.patience.asked(now);
            Some(Move { client, from, to })
        })
    }

    fn make_room(&mut self, client: MacAddr) {
        if self.clients.len() < CLIENTS || self.clients.contains_key(&client) {
            return;
        }
        let oldest = self.clients.iter().min_by_key(|(_, tracked)| tracked.heard).map(|(&client, _)| client);
        if let Some(oldest) = oldest {
            self.clients.remove(&oldest);
        }
    }
}

/// A radio as a candidate for a client. The one that serves it is one even if it hears it no more; others have to hear it.
fn candidate(
    now: Instant,
    places: &BTreeMap<Place, PlaceState>,
    tracked: &Tracked,
    from: Place,
    place: Place,
) -> Option<Candidate> {
    let state = *places.get(&place)?;
    let sight = tracked.sights.get(&place).filter(|sight| sight.is_fresh(now));
    let same_channel = places.get(&from).is_some_and(|here| here.channel == state.channel);
    match sight {
        Some(sight) => Some(Candidate { place, state, dbm: Some(sight.dbm()), same_channel }),
        None => (place == from).then_some(Candidate { place, state, dbm: None, same_channel }),
    }
}
