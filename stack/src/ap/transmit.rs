//! What is sent next, and what became of it.

use crate::ap::absence::Absence;
use crate::ap::admission::Pair;
use crate::ap::announce::{robust, stamp};
use crate::ap::block::Place;
use crate::ap::outbox::{Waiting, Whose};
use crate::ap::radio::{ApRadio, Slot};
use crate::ap::virtual_ap::{Rekey, VirtualAp, interval};
use crate::mac::{Completion, Outgoing, PAUSE, Turn};
use crate::time::Instant;
use crate::wire::Rate;

/// The rate of beacons that are for one client that knows it and is near: at 1 Mb/s those of 32 clients would take half of the
/// air, at this one they take a fourteenth.
pub(super) const BEACON_RATE: Rate = Rate::Legacy(24);
/// One that is heard so well hears them at that rate, in dBm.
const NEAR: i8 = -75;

impl ApRadio {
    /// Notes whose beacon is due, and when the next one is.
    pub(super) fn tick_beacons(&mut self, now: Instant) {
        while let Some(&(at, place)) = self.agenda.beacons.first()
            && at <= now
        {
            self.agenda.beacons.pop_first();
            let Some((next, was_due)) = self.beacon_due(now, place) else { continue };
            self.agenda.beacons.insert((next, place));
            if !was_due {
                self.agenda.beacons_due.push_back(place);
            }
        }
    }

    pub(super) fn next_frame(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        if self.absence != Absence::Here {
            return self.next_reservation(now);
        }
        self.next_beacon(now)
            .or_else(|| self.next_group(now))
            .or_else(|| self.next_of_management(now))
            .or_else(|| self.next_in_turn(now))
    }

    /// Strangers and stations take turns: neither a flood of probe requests nor a full queue keeps the others waiting.
    fn next_in_turn(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        self.strangers_turn = !self.strangers_turn;
        if self.strangers_turn {
            self.next_of_strangers(now).or_else(|| self.next_of_stations(now))
        } else {
            self.next_of_stations(now).or_else(|| self.next_of_strangers(now))
        }
    }

    pub(super) fn completed(&mut self, now: Instant, whose: Whose, completion: Completion) {
        match whose {
            Whose::Queue(pair, association) => {
                let mut pauses = false;
                let draining = self.with_ap(now, pair.0, |ap, context| {
                    let station = ap.stations.get_mut(&pair.1)?;
                    // What was sent in an earlier association is no business of this one.
                    if station.association == association {
                        if completion.acked {
                            station.acknowledged(now);
                        }
                        pauses = station.peer.handle_completion(completion, context);
                    }
                    Some(matches!(station.rekey, Rekey::Draining { .. }))
                });
                if pauses {
                    self.agenda.pauses.push_back((now + PAUSE, pair));
                }
                self.wake(pair);
                if draining.flatten() == Some(true) {
                    self.rekey_due(now, pair);
                }
            }
            Whose::Station(pair, association) => {
                let found = self.ap_mut(pair.0).and_then(|ap| ap.stations.get_mut(&pair.1));
                let found = found.filter(|station| station.association == association && completion.acked);
                if let Some(station) = found {
                    station.acknowledged(now);
                    self.followed(now, pair);
                }
            }
            Whose::Stranger(_) => self.outbox.stranger_completed(),
            Whose::Group(_) | Whose::Parent | Whose::Reservation => {}
        }
        if let Some(place) = whose.place() {
            self.note_drained(place);
        }
    }

    /// Stations that were left alone get their frames again.
    pub(super) fn end_pauses(&mut self, now: Instant) {
        while let Some(&(_, pair)) = self.agenda.pauses.front().filter(|(at, _)| *at <= now) {
            self.agenda.pauses.pop_front();
            if let Some(station) = self.ap_mut(pair.0).and_then(|ap| ap.stations.get_mut(&pair.1)) {
                station.peer.end_pause();
            }
            self.wake(pair);
        }
    }

    /// Puts a BSS among those whose group frames may leave, if they may.
    pub(super) fn wake_group(&mut self, place: Place, at_once: bool) {
        let Some(slot) = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut) else { return };
        if slot.group_listed || !slot.ap.releases_group_frames() {
            return;
        }
        slot.group_listed = true;
        if at_once {
            self.agenda.groups_ready.push_front(place);
        } else {
            self.agenda.groups_ready.push_back(place);
        }
    }

    fn beacon_due(&mut self, now: Instant, place: Place) -> Option<(Instant, bool)> {
        if let Some(ap) = self.ap_mut(place) {
            ap.next_beacon = ap.tsf.next_beacon(interval(&ap.config), now);
            return Some((ap.next_beacon, std::mem::replace(&mut ap.beacon_due, true)));
        }
        let position = self.announced_at(place)?;
        let tsf = self.tsf(&self.networks.get(position)?.config, place);
        let network = self.networks.get_mut(position)?;
        let parent = network.parent.as_mut()?;
        parent.next_beacon = tsf.next_beacon(interval(&network.config), now);
        Some((parent.next_beacon, std::mem::replace(&mut parent.beacon_due, true)))
    }

    fn next_beacon(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        while let Some(place) = self.agenda.beacons_due.pop_front() {
            if self.slot(place).is_none() {
                let Some(frame) = self.parent_beacon(now, place) else { continue };
                return Some((Whose::Parent, Outgoing::robust(frame, robust(&self.config))));
            }
            if let Some(beacon) = self.beacon(now, place) {
                return Some(beacon);
            }
        }
        None
    }

    fn beacon(&mut self, now: Instant, place: Place) -> Option<(Whose, Outgoing)> {
        let slot = self.slots.get_mut(place.index())?.as_deref_mut()?;
        let ap = &mut slot.ap;
        // A parked one stays due.
        if ap.parked || !std::mem::take(&mut ap.beacon_due) {
            return None;
        }
        let mut frame = self.pool.take();
        let dtim = ap.beacon(now, &self.config, &mut frame);
        stamp(&mut frame, ap.tsf.at(now));
        let rate = ap.beacon_rate().unwrap_or_else(|| robust(&self.config));
        self.switch_announced(now, place);
        if dtim {
            self.wake_group(place, true);
        }
        Some((Whose::Group(place), Outgoing::robust(frame, rate)))
    }

    /// Group frames: at once while nobody dozes, else as many as the last DTIM beacon announced, directly after it.
    fn next_group(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        while let Some(&place) = self.agenda.groups_ready.front() {
            let outgoing = self.with_ap(now, place, |ap, context| {
                if !ap.releases_group_frames() {
                    return None;
                }
                ap.burst = ap.burst.saturating_sub(1);
                let key = ap.group.as_mut().map(|group| &mut group.current.tx);
                Some(ap.group_queue.poll(key, ap.burst > 0, context))
            });
            match outgoing.flatten() {
                Some(Some(outgoing)) => return Some((Whose::Group(place), outgoing)),
                // It could not be built; the next one may.
                Some(None) => {}
                None => self.unlist_group(),
            }
        }
        None
    }

    fn unlist_group(&mut self) {
        let place = self.agenda.groups_ready.pop_front();
        let slot = place.and_then(|place| self.slots.get_mut(place.index())).and_then(Option::as_deref_mut);
        if let Some(slot) = slot {
            slot.group_listed = false;
        }
    }

    fn next_of_management(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        let slots = &self.slots;
        self.outbox.pop_for_station(|place| is_parked(slots, place)).map(|waiting| sent(now, waiting))
    }

    fn next_of_strangers(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        let slots = &self.slots;
        self.outbox.pop_for_stranger(|place| is_parked(slots, place)).map(|waiting| sent(now, waiting))
    }

    fn next_of_stations(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        let mut scheduler = std::mem::take(&mut self.scheduler);
        let next = scheduler.poll(|(place, station): Pair, category| {
            let turn = self.with_ap(now, place, |ap, context| {
                let station = ap.stations.get_mut(&station)?;
                let turn = station.peer.poll(category, context);
                if matches!(turn, Turn::Idle) {
                    station.peer.unlist(category);
                }
                Some((turn, station.association))
            });
            match turn.flatten() {
                Some((Turn::Sent(outgoing), association)) => {
                    Turn::Sent((Whose::Queue((place, station), association), outgoing))
                }
                Some((Turn::Spent, _)) => Turn::Spent,
                Some((Turn::Idle, _)) | None => Turn::Idle,
            }
        });
        self.scheduler = scheduler;
        next
    }

    /// Queues a management frame to a station. It does not wait for the station to wake up, whatever its power state
    /// (SEC-H6).
    pub(super) fn send(&mut self, whose: Whose, frame: Vec<u8>) {
        let outgoing = Outgoing::robust(frame, robust(&self.config));
        self.outbox.push(Waiting { whose, outgoing, tsf: None }, &mut self.drops);
    }
}

impl VirtualAp {
    /// What its beacons can go at for its only client, once that is known to hear them so.
    fn beacon_rate(&self) -> Option<Rate> {
        let client = self.client.filter(|_| self.switch.is_none())?;
        let station = self.stations.get(&client)?;
        station
            .beacon_rate
            .filter(|_| station.peer.stats.average_signal().is_some_and(|signal| signal >= NEAR))
    }
}

/// Nothing leaves from this BSSID now.
fn is_parked(slots: &[Option<Box<Slot>>], place: Place) -> bool {
    slots.get(place.index()).is_some_and(|slot| slot.as_ref().is_some_and(|slot| slot.ap.parked))
}

fn sent(now: Instant, waiting: Waiting) -> (Whose, Outgoing) {
    let Waiting { whose, mut outgoing, tsf } = waiting;
    if let Some(tsf) = tsf {
        stamp(&mut outgoing.frame, tsf.at(now));
    }
    (whose, outgoing)
}

/// The rate of beacons to a client with these rates, in units of 500 kb/s.
pub(super) fn beacon_rate(mut rates: impl Iterator<Item = u8>) -> Option<Rate> {
    rates.any(|rate| Rate::Legacy(rate & 0x7f) == BEACON_RATE).then_some(BEACON_RATE)
}
