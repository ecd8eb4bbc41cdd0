//! Management frames that wait for the radio.

use std::collections::VecDeque;

use crate::ap::admission::Pair;
use crate::ap::block::Place;
use crate::ap::tsf::Tsf;
use crate::mac::{BufferPool, DropCounts, DropReason, Outgoing, SaId};

/// Most frames that wait, of each kind.
const MOST: usize = 256;
/// Most frames to strangers that are with the radio at a time: they are seldom acknowledged, and the radio tries long.
const STRANGERS_IN_FLIGHT: usize = 8;

/// Whose a frame is that went to the radio: who is told what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// Out of the queues of a station, under this association.
    Queue(Pair, SaId),
    /// Management of a station with this association.
    Station(Pair, SaId),
    /// An answer from this BSSID to somebody who is not associated.
    Stranger(Place),
    /// To the group of this BSS.
    Group(Place),
    /// The beacon of a parent.
    Parent,
    /// A CTS-to-self.
    Reservation,
}

impl Whose {
    /// From which BSSID it comes; parents stay where they are.
    pub(super) const fn place(&self) -> Option<Place> {
        match self {
            Self::Queue((place, _), _) | Self::Station((place, _), _) => Some(*place),
            Self::Stranger(place) | Self::Group(place) => Some(*place),
            Self::Parent | Self::Reservation => None,
        }
    }
}

/// A frame that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) whose: Whose,
    pub(super) outgoing: Outgoing,
    /// The TSF timer that is written into it when it leaves, if it has a timestamp.
    pub(super) tsf: Option<Tsf>,
}

/// Two queues, so that no number of strangers pushes out what stations of ours are waiting for (SEC-M9).
#[derive(Debug, Default)]
pub(super) struct Outbox {
    stations: VecDeque<Waiting>,
    strangers: VecDeque<Waiting>,
    strangers_in_flight: usize,
}

impl Outbox {
    /// Queues a frame; the oldest of its kind goes if there are too many.
    pub(super) fn push(&mut self, waiting: Waiting, drops: &mut DropCounts) {
        let queue = if matches!(waiting.whose, Whose::Stranger(_)) {
            &mut self.strangers
        } else {
            &mut self.stations
        };
        if queue.len() >= MOST {
            queue.pop_front();
            drops.count(DropReason::QueueFull);
        }
        queue.push_back(waiting);
    }

    /// The next that is not `held`.
    pub(super) fn pop_for_station(&mut self, held: impl Fn(Place) -> bool) -> Option<Waiting> {
        pop(&mut self.stations, held)
    }

    pub(super) fn pop_for_stranger(&mut self, held: impl Fn(Place) -> bool) -> Option<Waiting> {
        if self.strangers_in_flight >= STRANGERS_IN_FLIGHT {
            return None;
        }
        let waiting = pop(&mut self.strangers, held)?;
        self.strangers_in_flight += 1;
        Some(waiting)
    }

    /// Drops what is from a BSSID that is here no longer.
    pub(super) fn forget(&mut self, place: Place, pool: &mut BufferPool, drops: &mut DropCounts) {
        for queue in [&mut self.stations, &mut self.strangers] {
            while let Some(waiting) = pop(queue, |other| other != place) {
                pool.give(waiting.outgoing.frame);
                drops.count(DropReason::MovedAway);
            }
        }
    }

    /// It is known what became of a frame to a stranger.
    pub(super) const fn stranger_completed(&mut self) {
        self.strangers_in_flight = self.strangers_in_flight.saturating_sub(1);
    }

    pub(super) fn len(&self) -> usize {
        self.stations.len() + self.strangers.len()
    }
}

fn pop(queue: &mut VecDeque<Waiting>, held: impl Fn(Place) -> bool) -> Option<Waiting> {
    let at = queue.iter().position(|waiting| !waiting.whose.place().is_some_and(&held))?;
    queue.remove(at)
}
