//! The link: its phases, its queue to the air, its deadlines.

use std::collections::VecDeque;
use std::time::Duration;

use crate::mac::{DropCounts, DropReason, SequenceNumbers, SequenceSpace};
use crate::random::Random;
use crate::sta::config::{LinkConfig, LinkEnd, LinkEvent, LinkState};
use crate::sta::data::Association;
use crate::sta::join::Attempt;
use crate::sta::scan::Target;
use crate::time::Instant;
use crate::wire::management::Leave;
use crate::wire::{
    Frame, FrameKind, MacAddr, MacHeader, ManagementBody, ReasonCode, RxInfo, SequenceControl, Transmit,
    TxId, TxStatus,
};

/// How long it listens for answers to a probe request, or for a beacon.
const SCAN: Duration = Duration::from_millis(120);
/// Patience after the first failure; it doubles with each more.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// How often patience doubles.
const MOST_DOUBLINGS: u32 = 6;
/// Frames that wait for the radio; beyond it the oldest goes.
const OUTBOX: usize = 256;

/// The station side of one network.
pub struct Link {
    pub(super) config: LinkConfig,
    pub(super) phase: Phase,
    pub(super) sequence: SequenceNumbers,
    pub(super) events: VecDeque<LinkEvent>,
    pub(super) drops: DropCounts,
    pub(super) random: Box<dyn Random + Send>,
    outbox: VecDeque<Transmit>,
    last_id: u64,
    /// Attempts in a row that came to nothing.
    failures: u32,
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
            phase: Phase::Off,
            sequence: SequenceNumbers::new(),
            events: VecDeque::new(),
            drops: DropCounts::new(),
            random,
            outbox: VecDeque::new(),
            last_id: 0,
            failures: 0,
        }
    }

    /// Begins to look for the network. Does nothing if it has begun already.
    pub fn start(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Off) {
            self.failures = 0;
            self.scan(now);
        }
    }

    /// Leaves the network, telling the AP, and stays away. Send what [`Self::poll_transmit`] still has.
    pub fn stop(&mut self) {
        if let Some(bssid) = self.bssid() {
            let body = ManagementBody::Deauthentication(Leave::new(ReasonCode::LEAVING));
            self.send_management(bssid, &body);
            self.events.push_back(LinkEvent::Disconnected { bssid, end: LinkEnd::Stopped });
        }
        self.phase = Phase::Off;
    }

    /// Takes a frame that was heard and decrypts it in place. Afterwards all polls may have something new.
    pub fn handle_frame(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) {
        if let Err(reason) = self.receive(now, info, mpdu) {
            self.drops.count(reason);
        }
    }

    /// Takes what became of a frame from [`Self::poll_transmit`].
    pub fn handle_tx_status(&mut self, now: Instant, status: TxStatus) {
        self.doze_announced(now, status);
    }

    /// Does what is due. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Waiting { until } if *until <= now => self.scan(now),
            Phase::Scanning { until, .. } if *until <= now => self.scan_ended(now),
            Phase::Authenticating(attempt) | Phase::Associating(attempt) if attempt.deadline <= now => {
                self.unanswered(now);
            }
            Phase::Associated(_) => self.association_timeout(now),
            _ => {}
        }
    }

    /// The next frame for the radio. Call it until it has none.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.outbox.pop_front()
    }

    /// What happened. Call it until it has nothing.
    pub fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due and why. May change after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        match &self.phase {
            Phase::Off => None,
            Phase::Waiting { until } => Some((*until, "the next attempt")),
            Phase::Scanning { until, .. } => Some((*until, "the end of the scan")),
            Phase::Authenticating(attempt) => Some((attempt.deadline, "authentication is unanswered")),
            Phase::Associating(attempt) => Some((attempt.deadline, "association is unanswered")),
            Phase::Associated(association) => Some(association.deadline(&self.config)),
        }
    }

    /// Where the link stands.
    pub fn state(&self) -> LinkState {
        match &self.phase {
            Phase::Off => LinkState::Off,
            Phase::Waiting { .. } => LinkState::Waiting,
            Phase::Scanning { .. } => LinkState::Scanning,
            Phase::Authenticating(_) => LinkState::Authenticating,
            Phase::Associating(_) => LinkState::Associating,
            Phase::Associated(association) if association.port_open() => LinkState::Connected,
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

    fn receive(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) -> Result<(), DropReason> {
        if info.bad_fcs {
            return Err(DropReason::BadFcs);
        }
        match Frame::parse(mpdu).map_err(|_| DropReason::Malformed)? {
            Frame::Management(frame) => {
                let to_us = frame.addr1() == self.config.address || frame.addr1().is_group();
                if !to_us {
                    return Err(DropReason::NotForUs);
                }
                let body = frame.parse_body().map_err(|_| DropReason::MalformedBody)?;
                self.management(now, info, frame.bssid(), frame.addr2(), &body)
            }
            Frame::Data(_) => self.data(now, mpdu),
            Frame::Control(_) | Frame::Extension(_) => Ok(()),
        }
    }

    fn management(
        &mut self,
        now: Instant,
        info: &RxInfo,
        bssid: MacAddr,
        transmitter: MacAddr,
        body: &ManagementBody<'_>,
    ) -> Result<(), DropReason> {
        if transmitter.is_group() || transmitter == self.config.address || transmitter != bssid {
            return Err(DropReason::BadTransmitter);
        }
        match body {
            ManagementBody::Beacon(beacon) => {
                self.consider(info, bssid, beacon, false);
                self.beacon(now, bssid, beacon);
                Ok(())
            }
            ManagementBody::ProbeResponse(beacon) => {
                self.consider(info, bssid, beacon, true);
                Ok(())
            }
            ManagementBody::Authentication(answer) => self.authenticated(now, bssid, answer),
            ManagementBody::AssociationResponse(answer) => self.associated(now, bssid, answer),
            ManagementBody::Deauthentication(leave) => {
                self.left(now, bssid, LinkEnd::Deauthenticated(leave.reason))
            }
            ManagementBody::Disassociation(leave) => {
                self.left(now, bssid, LinkEnd::Disassociated(leave.reason))
            }
            ManagementBody::Action(_) | ManagementBody::ActionNoAck(_) => Ok(()),
            _ => Err(DropReason::UnexpectedManagement),
        }
    }

    fn left(&mut self, now: Instant, bssid: MacAddr, end: LinkEnd) -> Result<(), DropReason> {
        if self.bssid() != Some(bssid) {
            return Err(DropReason::WrongBssid);
        }
        self.ended(now, end);
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
    pub(super) fn ended(&mut self, now: Instant, end: LinkEnd) {
        if let Some(bssid) = self.bssid() {
            self.events.push_back(LinkEvent::Disconnected { bssid, end });
        }
        self.wait(now);
    }

    pub(super) fn wait(&mut self, now: Instant) {
        let until = now + FIRST_WAIT * (1 << self.failures.min(MOST_DOUBLINGS));
        self.failures += 1;
        self.phase = Phase::Waiting { until };
    }

    pub(super) const fn joined(&mut self) {
        self.failures = 0;
    }

    pub(super) fn scan(&mut self, now: Instant) {
        if !self.config.passive {
            self.probe();
        }
        self.phase = Phase::Scanning { until: now + SCAN, best: None };
    }

    pub(super) fn send_management(&mut self, bssid: MacAddr, body: &ManagementBody<'_>) -> TxId {
        let receiver = if body.kind() == FrameKind::PROBE_REQUEST { MacAddr::BROADCAST } else { bssid };
        let header = MacHeader::management(body.kind(), receiver, self.config.address, bssid)
            .with_sequence(SequenceControl::new(self.sequence.next(SequenceSpace::Common), 0));
        let mut frame = Vec::new();
        header.emit(&mut frame);
        body.emit(&mut frame);
        self.send(frame)
    }

    pub(super) fn send(&mut self, frame: Vec<u8>) -> TxId {
        if self.outbox.len() >= OUTBOX {
            self.outbox.pop_front();
            self.drops.count(DropReason::QueueFull);
        }
        self.last_id += 1;
        let id = TxId(self.last_id);
        self.outbox.push_back(Transmit { frame, id, ..Transmit::default() });
        id
    }
}
