//! What the client of a virtual AP that has just come sends: in the order in which it was sent.
//!
//! For a while frames come on two ways: heard here, and heard and acknowledged by the radio where the virtual AP was, which
//! passes them on. A frame that is ahead of its turn waits for those before it, still encrypted; one that comes on both ways
//! is dropped the second time, before it is decrypted. One that is waited for in vain is late when it comes, and taken: it
//! was acknowledged.

use std::time::Duration;

use crate::ap::admission::Pair;
use crate::ap::block::Place;
use crate::ap::radio::ApRadio;
use crate::ap::virtual_ap::Station;
use crate::mac::rx::was_passed_over;
use crate::mac::{DropReason, DuplicateCache, SequenceSpace};
use crate::time::Instant;
use crate::wire::{Frame, MacAddr, RxInfo, SequenceControl};

/// For how long those ahead of their turn wait.
const SETTLING: Duration = Duration::from_secs(1);
/// For how long frames come on two ways: the old radio may be on a host that has much to do.
const TWO_WAYS: Duration = Duration::from_secs(5);
/// For how long a frame waits for those before it, which the old radio passes on.
const PATIENCE: Duration = Duration::from_millis(20);
/// The same if the old radio is on another host: its threads and those of this one all have to get their turn.
const FAR: Duration = Duration::from_millis(100);
/// For how long it is waited for those that came to the other host before.
const ROAD: Duration = Duration::from_millis(500);
/// Most frames that wait: those of a second in which a client is busy.
const MOST: usize = 256;

/// The first time after a move.
#[derive(Debug)]
pub(super) struct Arrival {
    since: Instant,
    /// It came from another host, and what that passed on before is still to come, until then at the latest.
    road: Option<Instant>,
    patience: Duration,
    /// In the order in which they came.
    early: Vec<Early>,
    /// Null frames have sequence numbers that follow nothing; the last one is known again.
    null: Option<Null>,
}

/// A frame ahead of its turn.
#[derive(Debug)]
struct Early {
    pair: Pair,
    info: RxInfo,
    numbers: Numbers,
    until: Instant,
    mpdu: Vec<u8>,
}

/// A Null frame, by what tells it from the one before. Some clients give all of theirs one sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Null {
    sequence: SequenceControl,
    dozes: bool,
}

/// By what a frame has its place among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    space: SequenceSpace,
    sequence: SequenceControl,
    null: Option<Null>,
}

/// What is to be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    /// Others were sent before it, by these numbers.
    Later(Numbers),
    /// Others that were sent after it were taken.
    Late,
    /// It was taken.
    Never,
}

impl Arrival {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, road: None, patience: PATIENCE, early: Vec::new(), null: None }
    }

    fn turn(&mut self, now: Instant, numbers: Numbers, duplicates: &DuplicateCache) -> Turn {
        let settling = now.since(self.since) < SETTLING;
        if numbers.null.is_some() {
            let again = std::mem::replace(&mut self.null, numbers.null) == numbers.null;
            return if again && settling { Turn::Never } else { Turn::Now };
        }
        let waits = settling && self.early.len() < MOST;
        let turn = numbers.turn(duplicates);
        if matches!(turn, Turn::Later(_)) && !waits { Turn::Now } else { turn }
    }
}

impl Numbers {
    /// Those of a data frame.
    fn of(mpdu: &[u8]) -> Option<Self> {
        let Ok(Frame::Data(frame)) = Frame::parse(mpdu) else { return None };
        let space = frame.qos().map_or(SequenceSpace::Common, |qos| SequenceSpace::Tid(qos.tid()));
        let dozes = frame.frame_control().power_management();
        let null = frame.is_null().then(|| Null { sequence: frame.sequence(), dozes });
        Some(Self { space, sequence: frame.sequence(), null })
    }

    /// Sequence numbers run in a circle: half of it is before, half after.
    fn turn(self, duplicates: &DuplicateCache) -> Turn {
        let Some(last) = duplicates.last(self.space) else { return Turn::Now };
        match self.sequence.number().wrapping_sub(last.number()) & 0x0fff {
            0 if self.sequence.fragment() > last.fragment() => Turn::Now,
            1 => Turn::Now,
            2..0x0800 => Turn::Later(self),
            _ => Turn::Never,
        }
    }
}

impl ApRadio {
    /// A virtual AP that was just [adopted](Self::adopt) comes from another host: what its client sent meanwhile is passed on
    /// by that one, and may take a while. Call [`Self::strays_came`] when all is here that came there before.
    pub fn await_strays(&mut self, now: Instant, bssid: MacAddr) {
        if let Some(arrival) = self.arrival_at(bssid) {
            (arrival.road, arrival.patience) = (Some(now + ROAD), FAR);
        }
    }

    /// What the client sent before its virtual AP came here is here: what is missing now is waited for no longer than usual.
    pub fn strays_came(&mut self, now: Instant, bssid: MacAddr) {
        let Some(arrival) = self.arrival_at(bssid) else { return };
        arrival.road = None;
        for early in &mut arrival.early {
            early.until = early.until.min(now + arrival.patience);
        }
    }

    fn arrival_at(&mut self, bssid: MacAddr) -> Option<&mut Arrival> {
        let place = self.block().place(bssid)?;
        self.slots.get_mut(place.index())?.as_deref_mut()?.arrival.as_mut()
    }

    /// When a frame is to be looked at.
    pub(super) fn turn(&mut self, now: Instant, info: &RxInfo, pair: Pair, mpdu: &[u8]) -> Turn {
        let slot = self.slots.get_mut(pair.0.index()).and_then(Option::as_deref_mut);
        let Some(slot) = slot.filter(|_| !info.bad_fcs) else { return Turn::Now };
        let Some((arrival, station)) = slot.arrival.as_mut().zip(slot.ap.stations.get(&pair.1)) else {
            return Turn::Now;
        };
        let Some(numbers) = Numbers::of(mpdu) else { return Turn::Now };
        match arrival.turn(now, numbers, station.peer.duplicates()) {
            Turn::Never if was_passed_over(&station.peer, mpdu) => Turn::Late,
            turn => turn,
        }
    }

    /// Keeps a frame for those that were sent before it.
    pub(super) fn keep_early(
        &mut self,
        now: Instant,
        info: &RxInfo,
        pair: Pair,
        numbers: Numbers,
        mpdu: &[u8],
    ) {
        let slot = self.slots.get_mut(pair.0.index()).and_then(Option::as_deref_mut);
        let Some(arrival) = slot.and_then(|slot| slot.arrival.as_mut()) else { return };
        let mut copy = self.event_pool.take();
        copy.extend_from_slice(mpdu);
        let until = arrival.road.unwrap_or(now).max(now) + arrival.patience;
        arrival.early.push(Early { pair, info: *info, numbers, until, mpdu: copy });
    }

    /// Looks at what waited for the frame that was just taken.
    pub(super) fn release_arrivals(&mut self, now: Instant, place: Place) {
        while let Some(early) = self
            .next_early(place, |early, duplicates| !matches!(early.numbers.turn(duplicates), Turn::Later(_)))
        {
            self.receive_early(now, early);
        }
    }

    /// Waits no longer for what is missing; the first time after a move ends.
    pub(super) fn arrivals_due(&mut self, now: Instant) {
        let places: Vec<_> = self.moves.unsettled.iter().copied().collect();
        for place in places {
            while let Some(early) = self.next_early(place, |early, _| early.until <= now) {
                self.receive_early(now, early);
                self.release_arrivals(now, place);
            }
            let arrival = self.slot(place).and_then(|slot| slot.arrival.as_ref());
            if arrival.is_none_or(|arrival| now.since(arrival.since) >= TWO_WAYS) {
                self.end_arrival(now, place);
                self.expect_no_more(place);
            }
        }
    }

    /// When [`Self::arrivals_due`] is to be called for frames that wait.
    pub(super) fn next_arrival(&self) -> Option<Instant> {
        let arrivals = self.moves.unsettled.iter().filter_map(|&place| self.slot(place)?.arrival.as_ref());
        arrivals.flat_map(|arrival| arrival.early.iter().map(|early| early.until)).min()
    }

    /// Looks at all that waits, in its order.
    pub(super) fn end_arrival(&mut self, now: Instant, place: Place) {
        while let Some(early) = self.next_early(place, |_, _| true) {
            self.receive_early(now, early);
        }
        self.moves.unsettled.remove(&place);
        if let Some(slot) = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut) {
            slot.arrival = None;
        }
    }

    fn expect_no_more(&mut self, place: Place) {
        let slot = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut);
        let stations = slot.into_iter().flat_map(|slot| slot.ap.stations.values_mut());
        stations.for_each(|station| station.peer.expect_late(false));
    }

    /// Of those that `which` says, the one that was sent first.
    fn next_early(&mut self, place: Place, which: impl Fn(&Early, &DuplicateCache) -> bool) -> Option<Early> {
        let slot = self.slots.get_mut(place.index())?.as_deref_mut()?;
        let arrival = slot.arrival.as_mut()?;
        let ahead = |early: &Early| {
            let peer = &slot.ap.stations.get(&early.pair.1)?.peer;
            let last = peer.duplicates().last(early.numbers.space).map_or(0, SequenceControl::number);
            let ahead = early.numbers.sequence.number().wrapping_sub(last) & 0x0fff;
            which(early, peer.duplicates()).then_some(ahead)
        };
        let waiting = arrival.early.iter().enumerate();
        let (at, _) =
            waiting.filter_map(|(at, early)| Some((at, ahead(early)?))).min_by_key(|(_, ahead)| *ahead)?;
        Some(arrival.early.remove(at))
    }

    fn receive_early(&mut self, now: Instant, mut early: Early) {
        let station = self.slot(early.pair.0).and_then(|slot| slot.ap.stations.get(&early.pair.1));
        let past = |station: &Station| early.numbers.turn(station.peer.duplicates()) == Turn::Never;
        match station {
            Some(station) if !past(station) => {
                self.receive(now, &early.info, early.pair, &mut early.mpdu, false);
            }
            Some(station) if was_passed_over(&station.peer, &early.mpdu) => {
                self.receive(now, &early.info, early.pair, &mut early.mpdu, true);
            }
            _ => self.drops.count(DropReason::Duplicate),
        }
        self.event_pool.give(early.mpdu);
    }
}
