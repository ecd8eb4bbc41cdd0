//! The words of the schedule: who lives in slots, what they want, what comes out.

use std::time::Duration;

use crate::slot::{Beacons, Refusal};
use crate::time::{Instant, TU};
use crate::wire::Channel;

/// The bounds of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotConfig {
    /// How long a revolution takes if nothing else bounds it. What arrives for a network waits up to so long; TCP and
    /// people stand about 100 ms.
    pub cycle: Duration,
    /// How long it may become when dead air would eat the ordinary one.
    pub longest_cycle: Duration,
    /// The shortest slot. Below a few milliseconds the wait for a busy medium eats it.
    pub shortest_slot: Duration,
    /// A hop that takes so long or longer is not worth making.
    pub most_dead_air: Duration,
    /// The least share of the air that hopping must leave, per mille.
    pub least_kept: u32,
}

impl Default for SlotConfig {
    /// 100 TU, as most beacons; at most 200 TU; slots of 5 ms; hops below 30 ms; a quarter of the air.
    fn default() -> Self {
        Self {
            cycle: TU * 100,
            longest_cycle: TU * 200,
            shortest_slot: Duration::from_millis(5),
            most_dead_air: Duration::from_millis(30),
            least_kept: 250,
        }
    }
}

/// Names an occupant of a schedule; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OccupantId(pub(super) u64);

/// What lives in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The station side of a foreign network. Its AP keeps what arrives while we are away.
    Link,
    /// A virtual AP of ours. Its beacons are missed only where there is no other way.
    VirtualAp,
    /// Somebody looks for networks here.
    Scan,
    /// Nothing is sent.
    Silence,
}

/// What an occupant wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Air time wanted in each second, both directions, everything included.
    pub air: Duration,
    /// Frames a second that arrive at its AP for us, in the class in which most do.
    pub arriving: u32,
}

/// One that lives in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// What it is.
    pub kind: Kind,
    /// Where it lives. Occupants share a slot if their channels are equal, width included.
    pub channel: Channel,
    /// When its beacons are due, where known.
    pub beacons: Option<Beacons>,
    /// What it wants.
    pub demand: Demand,
}

impl Occupant {
    /// An occupant that wants nothing in particular and has no beacons yet.
    pub const fn new(kind: Kind, channel: Channel) -> Self {
        Self { kind, channel, beacons: None, demand: Demand { air: Duration::ZERO, arriving: 0 } }
    }

    /// The same with beacons.
    #[must_use]
    pub const fn with_beacons(mut self, beacons: Beacons) -> Self {
        self.beacons = Some(beacons);
        self
    }

    /// The same with a demand.
    #[must_use]
    pub const fn with_demand(mut self, demand: Demand) -> Self {
        self.demand = demand;
        self
    }
}

/// "Stay on this channel until then, then hop there."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Where the radio is.
    pub channel: Channel,
    /// When it goes on and where to, `None` while it need not.
    pub hop: Option<Hop>,
}

/// A hop to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// From this channel.
    pub from: Channel,
    /// To this one.
    pub to: Channel,
    /// When leaving has to begin (queues stopped, what is in flight awaited, the APs told) so that
    /// [`Self::edge`] holds.
    pub leave: Instant,
    /// The edge of the slot: the radio is to be retuned from here on. Sooner, if leaving is done sooner.
    pub edge: Instant,
    /// When it usually has arrived.
    pub arrival: Instant,
}

/// What a schedule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotEvent {
    /// Begin to leave. Say [`crate::slot::Schedule::handle_left`] when the radio is about to be retuned, and
    /// [`crate::slot::Schedule::handle_arrival`] when it is.
    Leave(Hop),
    /// This occupant is not served, and why; it stays listed.
    Refused(OccupantId, Refusal),
    /// It is served after all.
    Admitted(OccupantId),
}
