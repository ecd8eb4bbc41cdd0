//! The virtual APs of one radio.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::ap::admission::{Pair, Recent};
use crate::ap::config::{ApEvent, NetworkConfig, NetworkId, RadioConfig};
use crate::ap::data::Arrived;
use crate::ap::virtual_ap::VirtualAp;
use crate::mac::{
    BufferPool, DropCounts, DropReason, InFlight, Outgoing, SaIds, Scheduler, SequenceNumbers, Turn,
    TxContext,
};
use crate::random::Random;
use crate::time::{Instant, earliest};
use crate::wire::management::Leave;
use crate::wire::{AckChange, MacAddr, ManagementBody, ReasonCode, Transmit, TxOptions, TxStatus};

/// How often stations are looked after.
const TICK: Duration = Duration::from_millis(100);
/// A station that was asked whether it is there has this long to answer.
const ANSWER: Duration = Duration::from_secs(1);
/// Management frames that wait for the radio; beyond it the oldest goes.
const OUTBOX: usize = 256;
/// Frames to one peer that are with the radio at a time.
const PEER_WINDOW: usize = 16;

/// All virtual APs of one radio.
pub struct ApRadio {
    pub(super) config: RadioConfig,
    pub(super) aps: BTreeMap<MacAddr, VirtualAp>,
    pub(super) random: Box<dyn Random + Send>,
    pub(super) sa_ids: SaIds,
    pub(super) scheduler: Scheduler<Pair>,
    pub(super) in_flight: InFlight<Pair>,
    pub(super) pool: BufferPool,
    pub(super) event_pool: BufferPool,
    pub(super) events: VecDeque<ApEvent>,
    pub(super) drops: DropCounts,
    /// What the frame at hand brought; kept for its capacity.
    pub(super) arrived: Vec<Arrived>,
    /// Those who have authenticated lately.
    pub(super) authenticated: Recent,
    /// Those who were told lately that they are not associated.
    pub(super) told: Recent,
    outbox: VecDeque<(Pair, Vec<u8>, bool)>,
    next_tick: Instant,
    /// The earliest deadline of a handshake.
    pub(super) handshake: Option<Instant>,
}

impl ApRadio {
    /// A radio with one BSS for each network, in the order of the block's addresses; networks beyond its end have none.
    pub fn new(
        config: RadioConfig,
        networks: Vec<NetworkConfig>,
        now: Instant,
        mut random: Box<dyn Random + Send>,
    ) -> Self {
        let mut aps = BTreeMap::new();
        let mut events = VecDeque::new();
        for (index, network) in (0..).zip(networks) {
            if let Some(bssid) = config.block.address(index) {
                aps.insert(bssid, VirtualAp::new(network, bssid, now, &mut *random));
                events.push_back(ApEvent::Ack(AckChange::Add(bssid)));
            }
        }
        Self {
            config,
            aps,
            random,
            sa_ids: SaIds::starting_after(0),
            scheduler: Scheduler::new(),
            in_flight: InFlight::new(config.window),
            pool: BufferPool::new(256),
            event_pool: BufferPool::new(256),
            events,
            drops: DropCounts::new(),
            arrived: Vec::new(),
            authenticated: Recent::default(),
            told: Recent::default(),
            outbox: VecDeque::new(),
            next_tick: now + TICK,
            handshake: None,
        }
    }

    /// Takes what became of a frame from [`Self::poll_transmit`].
    pub fn handle_tx_status(&mut self, now: Instant, status: TxStatus) {
        if let Some((pair, completion)) = self.in_flight.handle_status(status) {
            self.completed(now, pair, completion);
        }
    }

    /// Does what is due. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        for ap in self.aps.values_mut() {
            ap.tick_beacon(now);
        }
        while let Some((pair, completion)) = self.in_flight.poll_lost(now) {
            self.completed(now, pair, completion);
        }
        if self.handshake.is_some_and(|at| at <= now) {
            self.handshakes_due(now);
        }
        if self.next_tick <= now {
            self.next_tick = now + TICK;
            self.look_after_stations(now);
        }
    }

    /// The next frame for the radio: management first, then beacons, what follows a DTIM, and the stations in turn.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        if !self.in_flight.has_room() {
            return None;
        }
        let (pair, outgoing) = self
            .next_beacon(now)
            .or_else(|| self.next_management(now))
            .or_else(|| self.next_group(now))
            .or_else(|| self.next_of_stations(now))?;
        Some(self.in_flight.launch(now, pair, outgoing))
    }

    /// Takes a transmitted frame back, so that its buffer is used again.
    pub fn recycle(&mut self, transmit: Transmit) {
        self.in_flight.reclaim(transmit, &mut self.pool);
    }

    /// What happened. Call it until it has nothing.
    pub fn poll_event(&mut self) -> Option<ApEvent> {
        self.events.pop_front()
    }

    /// Takes the buffer of an [`ApEvent::Msdu`] back.
    pub fn recycle_event(&mut self, ethernet: Vec<u8>) {
        self.event_pool.give(ethernet);
    }

    /// When [`Self::handle_timeout`] is due and why. May change after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let beacon = self.aps.values().map(|ap| ap.next_beacon).min().map(|at| (at, "a beacon"));
        let handshake = self.handshake.map(|at| (at, "a handshake is unanswered"));
        let tick = Some((self.next_tick, "looking after stations"));
        earliest(earliest(beacon, handshake), earliest(tick, self.in_flight.poll_timeout()))
    }

    /// Deauthenticates all stations. Send what [`Self::poll_transmit`] still has.
    pub fn stop(&mut self, reason: ReasonCode) {
        for (bssid, station) in self.pairs() {
            self.leave((bssid, station), reason, true);
        }
    }

    /// The virtual APs, in the order of their BSSIDs.
    pub fn virtual_aps(&self) -> impl Iterator<Item = &VirtualAp> {
        self.aps.values()
    }

    /// Frames that were discarded, by reason.
    pub const fn drops(&self) -> &DropCounts {
        &self.drops
    }

    pub(super) fn bssid_of(&self, network: NetworkId) -> Option<MacAddr> {
        self.aps.values().find(|ap| ap.config.id == network).map(|ap| ap.bssid)
    }

    pub(super) fn send(&mut self, pair: Pair, frame: Vec<u8>, stamped: bool) {
        if self.outbox.len() >= OUTBOX {
            self.outbox.pop_front();
            self.drops.count(DropReason::QueueFull);
        }
        self.outbox.push_back((pair, frame, stamped));
    }

    pub(super) fn send_management(&mut self, pair: Pair, body: &ManagementBody<'_>) {
        if let Some(ap) = self.aps.get_mut(&pair.0) {
            let frame = ap.management_frame(pair.1, body);
            self.send(pair, frame, false);
        }
    }

    /// Ends an association: its queue is dropped before its key is deleted (SEC-H5).
    pub(super) fn leave(&mut self, pair: Pair, reason: ReasonCode, tell: bool) {
        let Some(ap) = self.aps.get_mut(&pair.0) else { return };
        let Some(mut station) = ap.stations.remove(&pair.1) else { return };
        station.peer.close(&mut self.pool, &mut self.drops);
        ap.dozing -= usize::from(station.dozing);
        let (network, (bssid, station)) = (ap.config.id, pair);
        self.events.push_back(ApEvent::StationLeft { network, bssid, station, reason });
        if tell {
            self.send_management(pair, &ManagementBody::Deauthentication(Leave::new(reason)));
        }
    }

    /// Runs `f` with a virtual AP and the context to transmit in it.
    pub(super) fn with_ap<T>(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        f: impl FnOnce(&mut VirtualAp, &mut TxContext<'_>, &mut Scheduler<Pair>) -> T,
    ) -> Option<T> {
        let ap = self.aps.get_mut(&bssid)?;
        let mut sequence = std::mem::replace(&mut ap.sequence, SequenceNumbers::new());
        let mut context = TxContext {
            now,
            bss: ap.bss(),
            pool: &mut self.pool,
            drops: &mut self.drops,
            sequence: &mut sequence,
            max_mpdu: self.config.max_mpdu,
            peer_window: PEER_WINDOW,
        };
        let result = f(ap, &mut context, &mut self.scheduler);
        ap.sequence = sequence;
        Some(result)
    }

    /// Puts a station into the scheduler if it has something to send.
    pub(super) fn wake(&mut self, pair: Pair) {
        if let Some(station) = self.aps.get_mut(&pair.0).and_then(|ap| ap.stations.get_mut(&pair.1)) {
            self.scheduler.wake(pair, &mut station.peer, PEER_WINDOW);
        }
    }

    pub(super) fn pairs(&self) -> Vec<Pair> {
        let of = |ap: &VirtualAp| ap.stations.keys().map(|&station| (ap.bssid, station)).collect::<Vec<_>>();
        self.aps.values().flat_map(of).collect()
    }

    fn completed(&mut self, now: Instant, pair: Pair, completion: crate::mac::Completion) {
        self.with_ap(now, pair.0, |ap, context, _| {
            if let Some(station) = ap.stations.get_mut(&pair.1) {
                if completion.acked {
                    station.asked = None;
                    station.peer.stats.last_heard = now;
                }
                station.peer.handle_completion(completion, context);
            }
        });
        self.wake(pair);
    }

    /// Frames kept too long go; who is silent is asked with a Null frame, and who does not answer leaves.
    fn look_after_stations(&mut self, now: Instant) {
        for pair in self.pairs() {
            let ask = self.with_ap(now, pair.0, |ap, context, _| {
                let limit = ap.config.inactivity;
                let station = ap.stations.get_mut(&pair.1)?;
                station.peer.expire(now, context.pool, context.drops);
                if station.peer.stats.silence(now) < limit {
                    station.asked = None;
                    return None;
                }
                match station.asked {
                    None => {
                        station.asked = Some(now);
                        Some(Some(station.peer.null_frame(context)))
                    }
                    Some(at) => (now.since(at) >= ANSWER).then_some(None),
                }
            });
            match ask.flatten() {
                Some(Some(null)) => self.send(pair, null.frame, false),
                Some(None) => self.leave(pair, ReasonCode::INACTIVITY, true),
                None => {}
            }
        }
    }

    fn next_management(&mut self, now: Instant) -> Option<(Pair, Outgoing)> {
        let (pair, mut frame, stamped) = self.outbox.pop_front()?;
        if stamped {
            self.stamp(now, pair.0, &mut frame);
        }
        Some((pair, Outgoing::immediate(frame, TxOptions::default())))
    }

    fn next_beacon(&mut self, now: Instant) -> Option<(Pair, Outgoing)> {
        let ap = self.aps.values_mut().find(|ap| ap.beacon_due)?;
        ap.beacon_due = false;
        let (mut frame, dtim) = ap.beacon(&self.config);
        if dtim {
            ap.burst = ap.group_queue.len();
        }
        let bssid = ap.bssid;
        self.stamp(now, bssid, &mut frame);
        Some(((bssid, MacAddr::BROADCAST), Outgoing::immediate(frame, TxOptions::default())))
    }

    /// Group frames: at once while nobody dozes, else as many as the last DTIM beacon announced.
    fn next_group(&mut self, now: Instant) -> Option<(Pair, Outgoing)> {
        let ready = |ap: &&VirtualAp| !ap.group_queue.is_empty() && (ap.burst > 0 || ap.dozing == 0);
        let bssid = self.aps.values().find(ready)?.bssid;
        let outgoing = self.with_ap(now, bssid, |ap, context, _| {
            let after_dtim = ap.burst > 0;
            ap.burst = ap.burst.saturating_sub(1);
            ap.group_queue.poll(ap.group.as_mut().map(|group| &mut group.tx), after_dtim, context)
        });
        outgoing.flatten().map(|outgoing| ((bssid, MacAddr::BROADCAST), outgoing))
    }

    fn next_of_stations(&mut self, now: Instant) -> Option<(Pair, Outgoing)> {
        let mut scheduler = std::mem::take(&mut self.scheduler);
        let next = scheduler.poll(|pair: Pair, category| {
            let turn = self.with_ap(now, pair.0, |ap, context, _| {
                let station = ap.stations.get_mut(&pair.1)?;
                let turn = station.peer.poll(category, context);
                if matches!(turn, Turn::Idle) {
                    station.peer.unlist(category);
                }
                Some(turn)
            });
            match turn.flatten() {
                Some(Turn::Sent(outgoing)) => Turn::Sent((pair, outgoing)),
                Some(Turn::Spent) => Turn::Spent,
                Some(Turn::Idle) | None => Turn::Idle,
            }
        });
        self.scheduler = scheduler;
        next
    }

    /// Writes the TSF timer into a beacon or probe response.
    fn stamp(&self, now: Instant, bssid: MacAddr, frame: &mut [u8]) {
        if let (Some(ap), Some(field)) = (self.aps.get(&bssid), frame.get_mut(24..32)) {
            field.copy_from_slice(&ap.timestamp(now).to_le_bytes());
        }
    }
}

impl std::fmt::Debug for ApRadio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApRadio").field("aps", &self.aps).finish_non_exhaustive()
    }
}
