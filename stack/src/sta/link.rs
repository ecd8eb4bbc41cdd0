//! The link: its phases, its queue to the air, its deadlines.

use std::collections::VecDeque;
use std::time::Duration;

use crate::mac::{
    BufferPool, Completion, DropCounts, DropReason, InFlight, Outgoing, SaId, SaIds, Scheduler,
    SequenceNumbers, SequenceSpace, robust_rate, rx::Kept,
};
use crate::random::Random;
use crate::sta::absence::Absence;
use crate::sta::association::Association;
use crate::sta::config::{LinkConfig, LinkEnd, LinkEvent, LinkState};
use crate::sta::join::Attempt;
use crate::sta::scan::Target;
use crate::time::{Instant, earliest};
use crate::wire::frame::ManagementFrame;
use crate::wire::management::Leave;
use crate::wire::{
    FrameKind, MacAddr, MacHeader, ManagementBody, ReasonCode, RxInfo, SequenceControl, StatusCode, Transmit,
    TxStatus,
};

/// How long it listens for answers to a probe request, or for a beacon.
const SCAN: Duration = Duration::from_millis(120);
/// Patience after the first failure; it doubles with each more.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// How often patience doubles.
const MOST_DOUBLINGS: u32 = 6;
/// Patience after the BSS has sent us to another one.
const SENT_ON: Duration = Duration::from_millis(20);
/// Frames that wait for the radio besides data; beyond it the oldest goes.
const OUTBOX: usize = 256;
/// Frames that are with the radio at a time.
const WINDOW: usize = 64;
/// Data frames among them.
pub(super) const PEER_WINDOW: usize = 32;
/// Events that wait to be fetched: beyond it frames are dropped, beyond twice as many everything.
const EVENTS: usize = 2048;
/// Frame buffers that are kept.
const BUFFERS: usize = 64;

/// The station side of one network.
pub struct Link {
    pub(super) config: LinkConfig,
    /// When it was last told the time.
    pub(super) now: Instant,
    pub(super) phase: Phase,
    pub(super) sequence: SequenceNumbers,
    pub(super) sa_ids: SaIds,
    pub(super) scheduler: Scheduler<SaId>,
    pub(super) in_flight: InFlight<Origin>,
    pub(super) pool: BufferPool,
    pub(super) event_pool: BufferPool,
    events: VecDeque<LinkEvent>,
    pub(super) drops: DropCounts,
    pub(super) random: Box<dyn Random + Send>,
    /// What the frame at hand brought; kept for its capacity.
    pub(super) arrived: Vec<Kept>,
    /// BSSs that have sent us to others, and until when they are passed over.
    pub(super) shunned: Vec<(MacAddr, Instant)>,
    /// The BSS that was lost without a farewell, from which we move to the next.
    pub(super) left: Option<MacAddr>,
    /// Attempts in a row that came to nothing.
    pub(super) failures: u32,
    /// Scans in a row that found nothing.
    pub(super) unheard: u32,
    outbox: VecDeque<(Origin, Outgoing)>,
    pub(super) absence: Absence,
}

/// Whose frame it is that goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Of no association: looking around, joining, leaving.
    Link,
    /// Of this association.
    Association(SaId),
    /// Its n-th announcement of a doze.
    Doze(SaId, u32),
}

#[derive(Debug)]
pub(super) enum Phase {
    Off,
    Waiting { until: Instant },
    Scanning { until: Instant, best: Option<Target> },
    Authenticating(Attempt),
    Associating(Attempt),
    Associated(Box<Association>),
}

impl Link {
    /// A link that does nothing until it is started. Nonces are drawn from `random` (SEC-K13).
    pub fn new(config: LinkConfig, random: Box<dyn Random + Send>) -> Self {
        Self {
            config,
            now: Instant::ZERO,
            phase: Phase::Off,
            sequence: SequenceNumbers::new(),
            sa_ids: SaIds::starting_after(0),
            scheduler: Scheduler::new(),
            in_flight: InFlight::new(WINDOW),
            pool: BufferPool::new(BUFFERS),
            event_pool: BufferPool::new(BUFFERS),
            events: VecDeque::new(),
            drops: DropCounts::new(),
            random,
            arrived: Vec::new(),
            shunned: Vec::new(),
            left: None,
            failures: 0,
            unheard: 0,
            outbox: VecDeque::new(),
            absence: Absence::Here,
        }
    }

    /// Begins to look for the network. Does nothing if it has begun already.
    pub fn start(&mut self, now: Instant) {
        self.now = now;
        if matches!(self.phase, Phase::Off) {
            (self.failures, self.unheard) = (0, 0);
            self.scan(SCAN);
        }
    }

    /// Leaves the network, telling the AP, and stays away. Send what [`Self::poll_transmit`] still has.
    pub fn stop(&mut self) {
        if let Some(bssid) = self.bssid() {
            let body = ManagementBody::Deauthentication(Leave::new(ReasonCode::LEAVING));
            self.send_management(bssid, &body);
            self.event(LinkEvent::Disconnected { bssid, end: LinkEnd::Stopped });
        }
        self.left = None;
        self.enter(Phase::Off);
    }

    /// Takes what became of a frame from [`Self::poll_transmit`].
    pub fn handle_tx_status(&mut self, now: Instant, status: TxStatus) {
        self.now = now;
        if let Some((origin, completion)) = self.in_flight.handle_status(status) {
            self.completed(origin, completion);
        }
        self.leave_due();
        self.switch_due();
    }

    /// Does what is due. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.give_up_lost();
        self.leave_due();
        self.switch_due();
        if self.is_away() {
            return;
        }
        match &mut self.phase {
            Phase::Waiting { until } if *until <= now => self.scan(SCAN),
            Phase::Scanning { until, .. } if *until <= now => self.scan_ended(),
            Phase::Authenticating(attempt) | Phase::Associating(attempt) if attempt.deadline <= now => {
                self.unanswered();
            }
            Phase::Associated(_) => self.association_timeout(),
            _ => {}
        }
    }

    /// The next frame for the radio. Call it until it has none, after every other call.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if !self.in_flight.has_room() || self.is_silent() || self.has_fallen_silent() {
            return None;
        }
        let first = self.outbox.pop_front();
        let (origin, outgoing) = if self.is_here() { first.or_else(|| self.next_of_peer()) } else { first }?;
        Some(self.in_flight.launch(self.now, origin, outgoing))
    }

    /// Takes a transmitted frame back before its status comes, so that its buffer is used again and the frame can be
    /// sent again.
    pub fn recycle(&mut self, transmit: Transmit) {
        self.in_flight.reclaim(transmit, &mut self.pool);
    }

    /// Takes the buffer of a [`LinkEvent::Msdu`] back.
    pub fn recycle_event(&mut self, ethernet: Vec<u8>) {
        self.event_pool.give(ethernet);
    }

    /// What happened. Call it until it has nothing.
    pub fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due and why. May change after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        if self.is_away() {
            return earliest(self.switch_deadline(), self.in_flight.poll_timeout());
        }
        let own = match &self.phase {
            Phase::Off => return self.absence.deadline(),
            Phase::Waiting { until } => (*until, "the next attempt"),
            Phase::Scanning { until, .. } => (*until, "the end of the scan"),
            Phase::Authenticating(attempt) => (attempt.deadline, "authentication is unanswered"),
            Phase::Associating(attempt) => (attempt.deadline, "association is unanswered"),
            Phase::Associated(association) => association.deadline(&self.config),
        };
        earliest(earliest(Some(own), self.absence.deadline()), self.in_flight.poll_timeout())
    }

    /// What it was told.
    pub const fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// Where the link stands.
    pub fn state(&self) -> LinkState {
        match &self.phase {
            Phase::Off => LinkState::Off,
            Phase::Waiting { .. } => LinkState::Waiting,
            Phase::Scanning { .. } => LinkState::Scanning,
            Phase::Authenticating(_) => LinkState::Authenticating,
            Phase::Associating(_) => LinkState::Associating,
            Phase::Associated(association) if association.peer.is_port_open() => LinkState::Connected,
            Phase::Associated(_) => LinkState::Securing,
        }
    }

    /// The BSS that it is joining or has joined.
    pub fn bssid(&self) -> Option<MacAddr> {
        self.target().map(|target| target.bssid)
    }

    /// Frames that were discarded, by reason.
    pub const fn drops(&self) -> &DropCounts {
        &self.drops
    }

    /// It has asked to be let in and waits for the answer.
    pub const fn is_joining(&self) -> bool {
        matches!(self.phase, Phase::Authenticating(_) | Phase::Associating(_))
    }

    /// How many frames are with the radio.
    pub const fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Nothing is with the radio or waits for it but data.
    pub fn has_said_all(&self) -> bool {
        self.in_flight.is_empty() && self.outbox.is_empty()
    }

    /// When the last beacon of the AP was heard, and how far they lie apart; `None` without an association.
    pub fn last_beacon(&self) -> Option<(Instant, Duration)> {
        let Phase::Associated(association) = &self.phase else { return None };
        association.heard.map(|heard| (heard, association.target.interval))
    }

    /// The AP as the peer that it is, with its counters, while the link is associated.
    pub fn peer(&self) -> Option<&crate::mac::Peer> {
        match &self.phase {
            Phase::Associated(association) => Some(&association.peer),
            _ => None,
        }
    }

    pub(super) fn management(
        &mut self,
        info: &RxInfo,
        frame: &ManagementFrame<'_>,
    ) -> Result<(), DropReason> {
        let bssid = frame.bssid();
        let body = frame.parse_body().map_err(|_| DropReason::MalformedBody)?;
        if frame.addr2() != bssid {
            return Err(DropReason::BadTransmitter);
        }
        match &body {
            ManagementBody::Beacon(beacon) => {
                self.consider(info, bssid, beacon, false);
                self.beacon(info, bssid, beacon);
                Ok(())
            }
            ManagementBody::ProbeResponse(beacon) => {
                self.consider(info, bssid, beacon, true);
                Ok(())
            }
            ManagementBody::Authentication(answer) => self.authenticated(bssid, answer),
            ManagementBody::AssociationResponse(answer) | ManagementBody::ReassociationResponse(answer) => {
                self.associated(bssid, answer)
            }
            ManagementBody::Deauthentication(leave) => {
                self.dismissed(bssid, LinkEnd::Deauthenticated(leave.reason))
            }
            ManagementBody::Disassociation(leave) => {
                self.dismissed(bssid, LinkEnd::Disassociated(leave.reason))
            }
            ManagementBody::Action(action) => self.action(info, bssid, action),
            ManagementBody::ActionNoAck(_) => Ok(()),
            _ => Err(DropReason::UnexpectedManagement),
        }
    }

    fn dismissed(&mut self, bssid: MacAddr, end: LinkEnd) -> Result<(), DropReason> {
        if self.bssid() != Some(bssid) {
            return Err(DropReason::WrongBssid);
        }
        self.ended(end);
        Ok(())
    }

    fn target(&self) -> Option<&Target> {
        match &self.phase {
            Phase::Authenticating(attempt) | Phase::Associating(attempt) => Some(&attempt.target),
            Phase::Associated(association) => Some(&association.target),
            Phase::Off | Phase::Waiting { .. } | Phase::Scanning { .. } => None,
        }
    }

    /// An attempt or an association is over: says so and waits for the next attempt.
    pub(super) fn ended(&mut self, end: LinkEnd) {
        let bssid = self.bssid();
        if let Some(bssid) = bssid {
            self.event(LinkEvent::Disconnected { bssid, end });
        }
        if matches!(self.phase, Phase::Associated(_)) {
            self.left = bssid.filter(|_| end == LinkEnd::BeaconLoss);
        }
        if end == LinkEnd::Refused(StatusCode::SUGGESTED_BSS_TRANSITION) {
            self.enter(Phase::Waiting { until: self.now + SENT_ON });
        } else {
            self.wait();
            self.failures = self.failures.saturating_add(1);
        }
    }

    pub(super) fn event(&mut self, event: LinkEvent) {
        let most = if matches!(event, LinkEvent::Msdu(_)) { EVENTS } else { 2 * EVENTS };
        if self.events.len() < most {
            self.events.push_back(event);
            return;
        }
        self.drops.count(DropReason::EventsFull);
        if let LinkEvent::Msdu(ethernet) = event {
            self.event_pool.give(ethernet);
        }
    }

    /// Waits for the next attempt, the longer the more have come to nothing before this one.
    pub(super) fn wait(&mut self) {
        let before = self.failures.saturating_add(self.unheard).min(MOST_DOUBLINGS);
        let until = self.now + FIRST_WAIT * (1 << before);
        self.enter(Phase::Waiting { until });
    }

    /// Looks for the network on this channel.
    pub(super) fn scan(&mut self, time: Duration) {
        if !self.config.passive {
            self.probe();
        }
        self.enter(Phase::Scanning { until: self.now + time, best: None });
    }

    /// An association that it ends loses what is queued, then its keys (SEC-H5).
    fn enter(&mut self, phase: Phase) {
        if let Phase::Associated(association) = &mut self.phase {
            association.peer.close(&mut self.pool, &mut self.drops);
        }
        self.phase = phase;
    }

    pub(super) fn send_management(&mut self, bssid: MacAddr, body: &ManagementBody<'_>) {
        let receiver = if body.kind() == FrameKind::PROBE_REQUEST { MacAddr::BROADCAST } else { bssid };
        let header = MacHeader::management(body.kind(), receiver, self.config.address, bssid)
            .with_sequence(SequenceControl::new(self.sequence.next(SequenceSpace::Common), 0));
        let mut frame = self.pool.take();
        header.emit(&mut frame);
        body.emit(&mut frame);
        let rates = self.target().map_or(&self.config.rates, |target| &target.rates);
        let outgoing = Outgoing::robust(frame, robust_rate(rates));
        self.send(Origin::Link, outgoing);
    }

    pub(super) fn is_outbox_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Frames that have no place in the queues of the peer go ahead of those that have.
    pub(super) fn send(&mut self, origin: Origin, outgoing: Outgoing) {
        if self.outbox.len() >= OUTBOX {
            self.outbox.pop_front();
            self.drops.count(DropReason::QueueFull);
        }
        self.outbox.push_back((origin, outgoing));
    }

    /// Frames whose status did not come in time count as not acknowledged.
    pub(super) fn give_up_lost(&mut self) {
        while let Some((origin, completion)) = self.in_flight.poll_lost(self.now) {
            self.completed(origin, completion);
        }
    }

    fn completed(&mut self, origin: Origin, completion: Completion) {
        let (id, announcement) = match origin {
            Origin::Link => return,
            Origin::Association(id) => (id, None),
            Origin::Doze(id, announcement) => (id, Some(announcement)),
        };
        let acked = completion.acked;
        let ours = self.with_association(|association, context| {
            let ours = association.id == id;
            if ours {
                if acked {
                    association.alive = association.alive.max(Some(context.now));
                }
                association.peer.handle_completion(completion, context);
            }
            ours
        });
        if ours == Some(true) {
            if let Some(announcement) = announcement {
                self.doze_announced(acked, announcement);
            }
            self.schedule();
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("phase", &self.phase).finish_non_exhaustive()
    }
}
