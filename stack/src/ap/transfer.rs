//! A virtual AP moves: out of one radio, into another.
//!
//! The way out is [`ApRadio::drain`], then [`ApRadio::take`] when [`ApEvent::Drained`] has come: what became of each frame is
//! known by then, so none is lost and none goes twice. What comes in is [`ApRadio::adopt`]ed. For a while the old radio
//! acknowledges what still comes for the BSSID, and passes it on as [`ApEvent::Stray`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ap::admission::{Pair, Recent};
use crate::ap::announce::rates;
use crate::ap::arrival::Arrival;
use crate::ap::block::Place;
use crate::ap::config::ApEvent;
use crate::ap::context::Context;
use crate::ap::radio::ApRadio;
use crate::ap::virtual_ap::{Rekey, VirtualAp};
use crate::mac::DropReason;
use crate::rsn::Authenticator;
use crate::time::Instant;
use crate::wire::{MacAddr, RxInfo};

/// Between two reports of how a station is heard.
const REPORT: Duration = Duration::from_millis(100);

/// An address whose beacons were heard from elsewhere is not given to anybody for so long.
pub(super) const ON_AIR: Duration = Duration::from_secs(1);

/// The first byte of a beacon (802.11-2020 9.2.4.1.3).
const BEACON: u8 = 0x80;

/// What a radio knows of virtual APs that have moved.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// Own addresses whose virtual AP lives on another radio.
    pub(super) away: BTreeSet<Place>,
    /// Addresses of other radios whose virtual AP has ended here, to be told.
    pub(super) vacated: BTreeSet<Place>,
    /// Virtual APs that have left or may come, and whose addresses are acknowledged meanwhile.
    pub(super) departed: BTreeMap<Place, Departed>,
    /// Virtual APs that have come lately.
    pub(super) unsettled: BTreeSet<Place>,
    /// Addresses that have no virtual AP here and were heard on the air, and when.
    pub(super) on_air: BTreeMap<Place, Instant>,
    /// Virtual APs whose client has not come to this channel yet.
    pub(super) awaited: BTreeSet<Place>,
    /// Who was heard lately for virtual APs that are not here.
    pub(super) heard: Recent,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Departed {
    client: MacAddr,
    until: Instant,
}

/// A virtual AP that was not adopted, and why.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// As it was.
    pub ap: Box<VirtualAp>,
    /// Why.
    pub why: Refusal,
}

/// Why a virtual AP is not adopted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its BSSID is none that the radio may host.
    #[error("the BSSID is not of the radio's block")]
    ForeignBssid,
    /// There is a BSS at its BSSID.
    #[error("the BSSID is in use here")]
    BssidTaken,
    /// The radio has no network of its name, SSID, key and kind.
    #[error("the radio does not serve its network")]
    UnknownNetwork,
    /// The station has joined here since: what comes is of an older association (SEC-H4).
    #[error("the station has joined here anew")]
    StationHere,
    /// As many stations are here as the network takes.
    #[error("no room for another station")]
    Full,
}

impl ApRadio {
    /// Has nothing of a client's virtual AP launched any more, so that it can move; what the client sends is taken as before.
    /// [`ApEvent::Drained`] comes as soon as nothing is in flight. An association that begins anew meanwhile calls it off:
    /// there will be [`ApEvent::StationLeft`] in its place.
    ///
    /// Says `false`, and does nothing, if there is no such virtual AP, or if it cannot move now because a handshake runs
    /// (SEC-H10): then try again.
    pub fn drain(&mut self, bssid: MacAddr) -> bool {
        let Some(place) = self.block().place(bssid) else { return false };
        let Some(ap) = self.ap_mut(place).filter(|ap| ap.can_move()) else { return false };
        ap.park();
        let client = ap.client;
        if let Some(client) = client {
            self.wake((place, client));
        }
        self.note_drained(place);
        true
    }

    /// The move is called off: its frames are launched again.
    pub fn resume(&mut self, now: Instant, bssid: MacAddr) {
        let Some(place) = self.block().place(bssid) else { return };
        if let Some(slot) = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut) {
            slot.drained = false;
            slot.ap.switch = None;
            slot.ap.unpark();
        }
        self.set_going(now, place);
    }

    /// Takes a drained virtual AP out. From now on no frame of it leaves this radio, and its keys are not here (SEC-H5). Its
    /// address is acknowledged for `linger`, and what its client sends there meanwhile comes as [`ApEvent::Stray`].
    ///
    /// `None` unless [`ApEvent::Drained`] has come and nothing has called the move off since.
    pub fn take(&mut self, now: Instant, bssid: MacAddr, linger: Duration) -> Option<VirtualAp> {
        let place = self.block().place(bssid)?;
        self.end_arrival(now, place);
        self.slot(place).filter(|slot| slot.drained && slot.ap.can_move())?;
        self.remove(now, place, linger)
    }

    /// Takes a client's virtual AP out at once, without a word to the client: another host has it by a higher right. Of what
    /// is in flight nobody will know what became of it. As with [`Self::take`], its address is acknowledged for `linger`.
    pub fn withdraw(&mut self, now: Instant, bssid: MacAddr, linger: Duration) -> Option<VirtualAp> {
        let place = self.block().place(bssid)?;
        self.end_arrival(now, place);
        self.remove(now, place, linger)
    }

    fn remove(&mut self, now: Instant, place: Place, linger: Duration) -> Option<VirtualAp> {
        let client = self.slot(place)?.ap.client?;
        let slot = self.lift(place)?;
        let pair = (place, client);
        self.scheduler.forget(pair);
        self.outbox.forget(place, &mut self.pool, &mut self.drops);
        self.directory.remove(slot.network, client, place);
        self.authenticated.forget(pair);
        let mut ap = slot.ap;
        for station in ap.stations.values_mut() {
            if let Some(at) = station.handshake_due.take() {
                self.agenda.handshakes.remove(&(at, pair));
            }
            station.peer.leave_radio(&mut self.pool, &mut self.drops);
        }
        if self.own_index(place).is_some() {
            self.moves.away.insert(place);
        }
        self.moves.departed.insert(place, Departed { client, until: now + linger });
        self.forget_departed(now);
        Some(ap)
    }

    /// A virtual AP that was [taken](Self::take) is where it belongs: its address is acknowledged until `until` at the latest.
    pub fn arrived_elsewhere(&mut self, bssid: MacAddr, until: Instant) {
        let Some(place) = self.block().place(bssid) else { return };
        if let Some(departed) = self.moves.departed.get_mut(&place) {
            departed.until = departed.until.min(until);
        }
    }

    /// The virtual AP of a client may come from another radio: its address is acknowledged for `patience`, or for good if it
    /// is adopted. What the client sends there meanwhile comes as [`ApEvent::Stray`], for the radio where it still is.
    ///
    /// Says `false`, and does nothing, if it could not be adopted: its BSSID is in use here, or is none of the block.
    pub fn expect(&mut self, now: Instant, bssid: MacAddr, client: MacAddr, patience: Duration) -> bool {
        let free = |place: &Place| self.slot(*place).is_none() && self.announced_at(*place).is_none();
        let Some(place) = self.block().place(bssid).filter(free) else { return false };
        self.moves.departed.insert(place, Departed { client, until: now + patience });
        self.acks.take(place);
        true
    }

    /// Takes in a virtual AP from another radio: its client is served from here, as if nothing had happened.
    pub fn adopt(&mut self, now: Instant, mut ap: VirtualAp) -> Result<(), Refused> {
        let (place, position, client) = match self.adoptable(&ap) {
            Ok(found) => found,
            Err(why) => return Err(Refused { ap: Box::new(ap), why }),
        };
        ap.unpark();
        for station in ap.stations.values_mut() {
            station.peer.set_rates(station.takes.among(rates(&self.config), self.config.ht_streams));
            station.reported = None;
            station.peer.expect_late(true);
        }
        let comes_home = self.moves.away.remove(&place);
        let takes_place = !comes_home && self.own_index(place).is_some();
        self.free = self.free.saturating_sub(usize::from(takes_place));
        self.directory.settle(position, client, place);
        self.put(place, position, ap);
        if let Some(slot) = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut) {
            slot.arrival = Some(Arrival::new(now));
            self.moves.unsettled.insert(place);
        }
        self.await_client(now, place);
        self.set_going(now, place);
        Ok(())
    }

    /// What another host still had of a virtual AP that is here: what is queued in it is sent if it was queued under the key
    /// that is in use here (SEC-H3), and what it has received is not accepted a second time.
    pub fn merge(&mut self, now: Instant, left: Context) {
        let Some(place) = self.block().place(left.bssid()) else { return };
        let client = left.client();
        if let Some(slot) = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut) {
            left.merge_into(now, &mut slot.ap, &mut self.pool, &mut self.drops);
            self.wake((place, client));
        }
    }

    /// The virtual AP of a client is lost and nobody can go on with it: the client is told to come again, once a second at
    /// most. Does nothing if there is a virtual AP of that BSSID here.
    pub fn invite(&mut self, now: Instant, bssid: MacAddr, client: MacAddr) {
        if let Some(place) = self.block().place(bssid).filter(|place| self.slot(*place).is_none()) {
            self.not_associated(now, (place, client));
        }
    }

    /// A virtual AP with an address of this radio has ended on another one: the address can be given to a client again.
    pub fn vacated(&mut self, bssid: MacAddr) {
        if let Some(place) = self.block().place(bssid)
            && self.moves.away.remove(&place)
        {
            self.free += 1;
        }
    }

    /// A virtual AP with an address of this radio lives on another one: the address is nobody's until it is vacated.
    pub fn occupied(&mut self, bssid: MacAddr) {
        let Some(place) = self.block().place(bssid) else { return };
        let empty = self.slot(place).is_none() && self.announced_at(place).is_none();
        if empty && self.own_index(place).is_some() && self.moves.away.insert(place) {
            self.free = self.free.saturating_sub(1);
        }
    }

    /// Says that a virtual AP is drained, as soon as it is.
    pub(super) fn note_drained(&mut self, place: Place) {
        let Some(slot) = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut) else { return };
        let whole = slot.ap.stations.values().all(|station| station.peer.is_whole());
        let in_flight = || self.in_flight.keys().any(|whose| whose.place() == Some(place));
        if slot.ap.parked && !slot.drained && whole && !in_flight() {
            slot.drained = true;
            let bssid = slot.ap.bssid;
            self.event(ApEvent::Drained(bssid));
        }
    }

    /// What arrives for a virtual AP that has left or may come: of its client it is passed on, for it was acknowledged here.
    pub(super) fn stray(&mut self, info: &RxInfo, pair: Pair, mpdu: &[u8]) -> Result<(), DropReason> {
        let departed = self.moves.departed.get(&pair.0);
        if info.bad_fcs || departed.is_none_or(|departed| departed.client != pair.1) {
            return Err(DropReason::NotForUs);
        }
        let mut frame = self.event_pool.take();
        frame.extend_from_slice(mpdu);
        let bssid = self.block().bssid(pair.0);
        self.event(ApEvent::Stray { bssid, info: RxInfo { signal: None, ..*info }, frame });
        Ok(())
    }

    /// Says how a station is heard, if it is its turn.
    pub(super) fn report_signal(&mut self, now: Instant, info: &RxInfo, pair: Pair) {
        let Some(signal) = info.signal.filter(|_| !info.bad_fcs && !pair.1.is_group()) else { return };
        let slot = self.slots.get_mut(pair.0.index()).and_then(Option::as_deref_mut);
        let due = match slot {
            Some(slot) => slot.ap.stations.get_mut(&pair.1).is_some_and(|station| {
                let due = station.reported.is_none_or(|at| now.since(at) >= REPORT);
                if due {
                    station.reported = Some(now);
                }
                due
            }),
            None => self.moves.heard.permits(pair, now, REPORT),
        };
        if due {
            self.event(ApEvent::Heard { bssid: self.block().bssid(pair.0), station: pair.1, signal });
        }
    }

    /// Says that a virtual AP of the block is on the air elsewhere, if it is its turn. `mpdu` comes from its address.
    pub(super) fn report_beacon(&mut self, now: Instant, place: Place, mpdu: &[u8]) {
        let bssid = self.block().bssid(place);
        let beacon = mpdu.first().is_some_and(|first| *first == BEACON) && self.slot(place).is_none();
        if beacon {
            self.moves.on_air.insert(place, now);
        }
        if beacon && self.moves.heard.permits((place, bssid), now, REPORT) {
            self.event(ApEvent::OnAir(bssid));
        }
    }

    /// Acknowledges no longer what nobody should send here any more.
    pub(super) fn forget_departed(&mut self, now: Instant) {
        let Self { moves, acks, .. } = self;
        moves.on_air.retain(|_, at| now.since(*at) < ON_AIR);
        moves.departed.retain(|&place, departed| {
            let lingers = now < departed.until;
            if !lingers {
                acks.free(place);
            }
            lingers
        });
    }

    fn adoptable(&self, ap: &VirtualAp) -> Result<(Place, usize, MacAddr), Refusal> {
        let place = self.block().place(ap.bssid).ok_or(Refusal::ForeignBssid)?;
        if self.slot(place).is_some() || self.announced_at(place).is_some() {
            return Err(Refusal::BssidTaken);
        }
        let same = |config: &super::NetworkConfig| {
            (config.id, config.kind) == (ap.config.id, ap.config.kind)
                && (&config.ssid, &config.security) == (&ap.config.ssid, &ap.config.security)
        };
        let position = self.networks.iter().position(|network| same(&network.config));
        let network = position.and_then(|position| Some((position, self.networks.get(position)?)));
        let ((position, network), client) = network.zip(ap.client).ok_or(Refusal::UnknownNetwork)?;
        if self.directory.settled(position, client).is_some() {
            return Err(Refusal::StationHere);
        }
        if network.members.len() >= network.most() {
            return Err(Refusal::Full);
        }
        Ok((place, position, client))
    }

    /// Launches what has waited while the virtual AP was parked.
    pub(super) fn set_going(&mut self, now: Instant, place: Place) {
        let Some(ap) = self.ap_mut(place) else { return };
        let (due, client) = (ap.beacon_due, ap.client);
        if due && !self.agenda.beacons_due.contains(&place) {
            self.agenda.beacons_due.push_back(place);
        }
        if let Some(client) = client {
            self.note_deadline((place, client));
            self.rekey_due(now, (place, client));
            self.wake((place, client));
        }
        self.wake_group(place, false);
    }
}

impl VirtualAp {
    /// It is of one client, and nothing about it is half done.
    pub(super) fn can_move(&self) -> bool {
        let client = self.client.and_then(|client| self.stations.get(&client));
        client.is_some_and(|station| {
            station.peer.is_port_open()
                && station.peer.has_no_eapol()
                && matches!(station.rekey, Rekey::None | Rekey::Draining { .. })
                && station.authenticator.as_ref().is_none_or(Authenticator::is_settled)
        })
    }

    /// Nothing leaves any more.
    pub(super) fn park(&mut self) {
        self.parked = true;
        self.stations.values_mut().for_each(|station| station.peer.park());
    }

    fn unpark(&mut self) {
        self.parked = false;
        self.stations.values_mut().for_each(|station| station.peer.unpark());
    }
}
