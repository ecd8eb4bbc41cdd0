//! The virtual APs of one radio.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::ap::absence::Absence;
use crate::ap::acks::Acks;
use crate::ap::admission::{Pair, Recent};
use crate::ap::announce::robust;
use crate::ap::arrival::Arrival;
use crate::ap::block::Place;
use crate::ap::config::{ApEvent, NetworkConfig, NetworkId, RadioConfig, VirtualApKind};
use crate::ap::directory::Directory;
use crate::ap::network::Network;
use crate::ap::offer::Offers;
use crate::ap::outbox::{Outbox, Whose};
use crate::ap::presence::TICK;
use crate::ap::transfer::Moves;
use crate::ap::tsf::Tsf;
use crate::ap::virtual_ap::{VirtualAp, interval};
use crate::mac::{
    BufferPool, DropCounts, DropReason, InFlight, SaIds, Scheduler, SequenceNumbers, TxContext, rx::Kept,
};
use crate::random::{self, Random};
use crate::time::{Instant, earliest};
use crate::wire::{MacAddr, ReasonCode, Transmit, TxStatus};

/// Events that wait to be fetched: beyond it frames are dropped, beyond twice as many everything.
const EVENTS: usize = 2048;
/// Within so long all beacons go out of a radio that has little time for them.
const TOGETHER: Duration = Duration::from_millis(3);
/// Frames to one peer that are with the radio at a time.
pub(super) const PEER_WINDOW: usize = 16;

/// All virtual APs of one radio.
pub struct ApRadio {
    pub(super) config: RadioConfig,
    /// Where the TSF timers count from, each with an offset by its place.
    pub(super) start: Instant,
    pub(super) networks: Vec<Network>,
    /// By their places in the block.
    pub(super) slots: Vec<Option<Box<Slot>>>,
    /// How many of our own places are left for clients of per-client networks.
    pub(super) free: usize,
    pub(super) moves: Moves,
    pub(super) directory: Directory,
    pub(super) acks: Acks,
    pub(super) offers: Offers,
    pub(super) random: Box<dyn Random + Send>,
    /// From a random place on, so that a station that came from another radio has no two with the same name.
    pub(super) sa_ids: SaIds,
    pub(super) scheduler: Scheduler<Pair>,
    pub(super) in_flight: InFlight<Whose>,
    pub(super) pool: BufferPool,
    pub(super) event_pool: BufferPool,
    pub(super) drops: DropCounts,
    /// What the frame at hand brought; kept for its capacity.
    pub(super) arrived: Vec<Kept>,
    /// Those who have authenticated lately.
    pub(super) authenticated: Recent,
    /// Those who were told lately that they are not associated.
    pub(super) told: Recent,
    pub(super) outbox: Outbox,
    /// It is the turn of answers to strangers, ahead of the stations' queues.
    pub(super) strangers_turn: bool,
    /// Sequence numbers of BSSIDs without a BSS: parents, offers.
    pub(super) sequence: SequenceNumbers,
    pub(super) agenda: Agenda,
    pub(super) absence: Absence,
    /// Until when somebody may be about to join.
    pub(super) company: Option<Instant>,
    /// When stations are looked after next.
    pub(super) next_tick: Instant,
    events: VecDeque<ApEvent>,
}

/// What is to be done, and when.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// When each beacon is due.
    pub(super) beacons: BTreeSet<(Instant, Place)>,
    /// Whose beacon is due now.
    pub(super) beacons_due: VecDeque<Place>,
    /// BSSs with group frames that may leave.
    pub(super) groups_ready: VecDeque<Place>,
    /// When each unanswered handshake wants to see the time.
    pub(super) handshakes: BTreeSet<(Instant, Pair)>,
    /// Until when stations that did not acknowledge a frame are left alone, in that order.
    pub(super) pauses: VecDeque<(Instant, Pair)>,
}

/// A virtual AP at its place.
#[derive(Debug)]
pub(super) struct Slot {
    /// The position of its network.
    pub(super) network: usize,
    /// It is among those whose group frames may leave.
    pub(super) group_listed: bool,
    pub(super) ap: VirtualAp,
    /// It was said that nothing of it is in flight.
    pub(super) drained: bool,
    /// It has come from another radio lately.
    pub(super) arrival: Option<Arrival>,
}

/// How full everything is that strangers and stations fill: all of it is bounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Virtual APs, at most as many as the block has addresses.
    pub virtual_aps: usize,
    /// Associations, those with an unfinished handshake included: at most the networks' `max_stations`.
    pub stations: usize,
    /// Entries of the table that says where stations are, at most two for each.
    pub directory: usize,
    /// MSDUs queued for stations and groups.
    pub queued: usize,
    /// Events that were not fetched, at most 4096.
    pub events: usize,
    /// Management frames that wait for the radio, at most 512.
    pub outbox: usize,
    /// Frames that are with the radio, at most its window.
    pub in_flight: usize,
    /// What is remembered of strangers: authentications, refusals, offers, who is heard; at most 3096.
    pub strangers: usize,
    /// Timers, at most three for each virtual AP and station.
    pub timers: usize,
}

impl ApRadio {
    /// A radio for these networks, in the order of the block's addresses; networks beyond its end are not served.
    pub fn new(
        config: RadioConfig,
        networks: Vec<NetworkConfig>,
        now: Instant,
        mut random: Box<dyn Random + Send>,
    ) -> Self {
        let size = config.own.len();
        let sa_ids = SaIds::starting_after(u64::from_le_bytes(random::bytes(&mut *random)));
        let mut radio = Self {
            config,
            start: now,
            networks: Vec::new(),
            slots: std::iter::repeat_with(|| None).take(config.block.len()).collect(),
            free: size.saturating_sub(networks.len()),
            moves: Moves::default(),
            directory: Directory::default(),
            acks: Acks::new(now),
            offers: Offers::new(&mut *random),
            random,
            sa_ids,
            scheduler: Scheduler::new(),
            in_flight: InFlight::new(config.window),
            pool: BufferPool::new(256),
            event_pool: BufferPool::new(256),
            drops: DropCounts::new(),
            arrived: Vec::new(),
            authenticated: Recent::default(),
            told: Recent::default(),
            outbox: Outbox::default(),
            strangers_turn: false,
            sequence: SequenceNumbers::new(),
            agenda: Agenda::default(),
            absence: Absence::default(),
            company: None,
            next_tick: now + TICK,
            events: VecDeque::new(),
        };
        for network in networks.into_iter().take(size) {
            radio.add_network(now, network);
        }
        radio
    }

    /// Takes what became of a frame from [`Self::poll_transmit`].
    pub fn handle_tx_status(&mut self, now: Instant, status: TxStatus) {
        if let Some((whose, completion)) = self.in_flight.handle_status(status) {
            self.completed(now, whose, completion);
            self.leave_due(now);
        }
    }

    /// Does what is due. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick_beacons(now);
        self.lures_due(now);
        while let Some((whose, completion)) = self.in_flight.poll_lost(now) {
            self.completed(now, whose, completion);
        }
        self.leave_due(now);
        self.handshakes_due(now);
        self.end_pauses(now);
        self.arrivals_due(now);
        self.awaited_due(now);
        if self.next_tick <= now {
            self.next_tick = now + TICK;
            self.look_after_stations(now);
        }
    }

    /// The next frame for the radio: beacons and what follows a DTIM first, then management, then the stations in turn.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        if !self.in_flight.has_room() {
            return None;
        }
        let (whose, outgoing) = self.next_frame(now)?;
        Some(self.in_flight.launch(now, whose, outgoing))
    }

    /// Takes a transmitted frame back, so that its buffer is used again.
    pub fn recycle(&mut self, transmit: Transmit) {
        self.in_flight.reclaim(transmit, &mut self.pool);
    }

    /// What happened. Call it until it has nothing.
    pub fn poll_event(&mut self) -> Option<ApEvent> {
        if let Some(change) = self.acks.poll(self.config.block) {
            return Some(ApEvent::Ack(change));
        }
        if let Some(place) = self.moves.vacated.pop_first() {
            return Some(ApEvent::Vacated(self.block().bssid(place)));
        }
        self.events.pop_front()
    }

    /// Takes the buffer of an [`ApEvent::Msdu`] or [`ApEvent::Stray`] back.
    pub fn recycle_event(&mut self, buffer: Vec<u8>) {
        self.event_pool.give(buffer);
    }

    /// When [`Self::handle_timeout`] is due and why. May change after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let beacon = self.agenda.beacons.first().map(|&(at, _)| at);
        let beacon = beacon.into_iter().chain(self.next_lure()).min().map(|at| (at, "a beacon"));
        let handshake = self.agenda.handshakes.first().map(|&(at, _)| (at, "a handshake is unanswered"));
        let pause = self.agenda.pauses.front().map(|&(at, _)| (at, "a frame gets another chance"));
        let tick = earliest(Some((self.next_tick, "looking after stations")), pause);
        let arrival = self.next_arrival().map(|at| (at, "a frame before others is missing"));
        let awaited = self.next_awaited().map(|at| (at, "a client is waited for on this channel"));
        let status = earliest(self.absence.deadline(), self.in_flight.poll_timeout());
        let status = earliest(earliest(arrival, awaited), status);
        earliest(earliest(beacon, handshake), earliest(tick, status))
    }

    /// When the beacons of its first network are due: one of them, and how far they lie apart. `None` without a network.
    pub fn beacons(&self, now: Instant) -> Option<(Instant, Duration)> {
        let config = &self.networks.first()?.config;
        let interval = interval(config);
        Some((self.tsf(config, self.own_at(0)?).first_beacon(interval, now), interval))
    }

    /// Deauthenticates all stations. Send what [`Self::poll_transmit`] still has.
    pub fn stop(&mut self, reason: ReasonCode) {
        for pair in self.pairs() {
            self.leave(pair, reason, Parting::Deauthenticate);
        }
    }

    /// The station has joined on another radio of this node: what it had here ends without a word, its queue first, then
    /// its keys (SEC-H4). An attempt to join here that has not come to its end goes on.
    pub fn station_elsewhere(&mut self, _now: Instant, network: NetworkId, station: MacAddr) {
        let place = self.position(network).and_then(|network| self.directory.settled(network, station));
        if let Some(place) = place {
            self.leave((place, station), ReasonCode::BSS_TRANSITION, Parting::Silent);
        }
    }

    /// The virtual APs, in the order of their BSSIDs: shared ones, and those of clients. Parents are none.
    pub fn virtual_aps(&self) -> impl Iterator<Item = &VirtualAp> {
        self.slots.iter().flatten().map(|slot| &slot.ap)
    }

    /// Frames that were discarded, by reason.
    pub const fn drops(&self) -> &DropCounts {
        &self.drops
    }

    /// How full everything is that can fill up.
    pub fn occupancy(&self) -> Occupancy {
        let peers = || self.virtual_aps().flat_map(VirtualAp::peers);
        let groups = self.virtual_aps().map(|ap| ap.group_queue.len());
        Occupancy {
            virtual_aps: self.virtual_aps().count(),
            stations: peers().count(),
            directory: self.directory.len(),
            queued: peers().map(|peer| peer.queued()).chain(groups).sum(),
            events: self.events.len(),
            outbox: self.outbox.len(),
            in_flight: self.in_flight.len(),
            strangers: self.authenticated.len()
                + self.told.len()
                + self.moves.heard.len()
                + self.offers.len()
                + self.acks.offers(),
            timers: self.agenda.beacons.len() + self.agenda.handshakes.len() + self.agenda.pauses.len(),
        }
    }

    pub(super) fn position(&self, network: NetworkId) -> Option<usize> {
        self.networks.iter().position(|known| known.config.id == network)
    }

    pub(super) fn slot(&self, place: Place) -> Option<&Slot> {
        self.slots.get(place.index())?.as_deref()
    }

    pub(super) fn ap_mut(&mut self, place: Place) -> Option<&mut VirtualAp> {
        Some(&mut self.slots.get_mut(place.index())?.as_deref_mut()?.ap)
    }

    /// The TSF timer of an own place. The places share the beacon interval out among themselves, so that the
    /// beacons of many clients do not come all at once, and a BSSID has the same timer before and after it is taken.
    pub(super) fn tsf(&self, network: &NetworkConfig, place: Place) -> Tsf {
        let index = self.own_index(place).unwrap_or(0) as u64;
        let spread = if self.config.hops { TOGETHER } else { interval(network) };
        let share = spread.as_micros() as u64 * index / self.config.own.len() as u64;
        Tsf::zero_at(self.start + Duration::from_micros(share))
    }

    pub(super) fn event(&mut self, event: ApEvent) {
        let of_frame = matches!(
            event,
            ApEvent::Msdu { .. } | ApEvent::Stray { .. } | ApEvent::Heard { .. } | ApEvent::OnAir(_)
        );
        if self.events.len() < if of_frame { EVENTS } else { 2 * EVENTS } {
            self.events.push_back(event);
            return;
        }
        self.drops.count(DropReason::EventsFull);
        if let ApEvent::Msdu { ethernet: buffer, .. } | ApEvent::Stray { frame: buffer, .. } = event {
            self.event_pool.give(buffer);
        }
    }

    /// Runs `f` with a virtual AP and the context to transmit in it.
    pub(super) fn with_ap<T>(
        &mut self,
        now: Instant,
        place: Place,
        f: impl FnOnce(&mut VirtualAp, &mut TxContext<'_>) -> T,
    ) -> Option<T> {
        let ap = &mut self.slots.get_mut(place.index())?.as_deref_mut()?.ap;
        let mut sequence = std::mem::replace(&mut ap.sequence, SequenceNumbers::new());
        let mut context = TxContext {
            now,
            bss: ap.bss(),
            pool: &mut self.pool,
            drops: &mut self.drops,
            sequence: &mut sequence,
            max_mpdu: self.config.max_mpdu,
            peer_window: PEER_WINDOW,
            robust_rate: robust(&self.config),
        };
        let result = f(ap, &mut context);
        ap.sequence = sequence;
        Some(result)
    }

    /// Puts a station into the scheduler if it has something to send.
    pub(super) fn wake(&mut self, (place, station): Pair) {
        let slot = self.slots.get_mut(place.index()).and_then(Option::as_deref_mut);
        if let Some(found) = slot.and_then(|slot| slot.ap.stations.get_mut(&station)) {
            self.scheduler.wake((place, station), &mut found.peer, PEER_WINDOW);
        }
    }

    pub(super) fn pairs(&self) -> Vec<Pair> {
        let places = (0..self.slots.len()).filter_map(|index| self.block().at(index));
        places
            .filter_map(|place| self.slot(place).map(|slot| (place, slot)))
            .flat_map(|(place, slot)| slot.ap.stations.keys().map(move |&station| (place, station)))
            .collect()
    }

    fn add_network(&mut self, now: Instant, config: NetworkConfig) {
        let position = self.networks.len();
        let Some(place) = self.own_at(position) else { return };
        let first_beacon = self.tsf(&config, place).first_beacon(interval(&config), now);
        let kind = config.kind;
        self.networks.push(Network::new(config, first_beacon));
        match kind {
            VirtualApKind::Shared => self.make(now, place, position, None),
            VirtualApKind::PerClient => {
                self.agenda.beacons.insert((first_beacon, place));
                self.acks.take(place);
            }
        }
    }
}

/// How an association ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parting {
    /// The station is told nothing: it knows, or it is elsewhere.
    Silent,
    /// It is deauthenticated.
    Deauthenticate,
    /// It is disassociated, then deauthenticated: it has not answered, and one of the two may still reach it.
    Disassociate,
}

impl std::fmt::Debug for ApRadio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApRadio").field("slots", &self.slots).finish_non_exhaustive()
    }
}
