//! One radio in the simulated air: what it is tuned to, what it waits to send, what it has heard.

use std::collections::{BTreeSet, VecDeque};

use stack::time::Instant;
use stack::wire::{Channel, MacAddr, RxInfo, Transmit, TxStatus};

use crate::propagation::Position;

/// Contention window after a success (802.11-2020 10.23.2.2, aCWmin of OFDM).
pub(super) const CW_MIN: u32 = 15;
/// Contention window after many failures.
pub(super) const CW_MAX: u32 = 1023;

/// The name of a radio in one [`super::Air`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RadioId(pub(super) usize);

impl RadioId {
    /// Its number, in the order in which radios were added.
    pub const fn index(self) -> usize {
        self.0
    }
}

/// What a radio tells the stack above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// A frame that was heard, without FCS.
    Frame(RxInfo, Vec<u8>),
    /// What became of a frame that was given to it.
    Status(TxStatus),
}

/// What a radio has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RadioStats {
    /// Transmissions on the air, retries included, ACKs not.
    pub sent: u64,
    /// Those of them that were retries.
    pub retried: u64,
    /// Frames given up after the last retry.
    pub failed: u64,
    /// Frames understood.
    pub heard: u64,
    /// Frames noticed and not understood: noise, a collision, or the loss knob.
    pub corrupted: u64,
    /// Time spent transmitting, ACKs included, in microseconds.
    pub airtime_us: u64,
}

/// Where a radio stands with the frame at the head of its queue (802.11-2020 10.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing to send.
    Idle,
    /// Counting down `slots` since `from`; `expiry` is unset while the medium is busy.
    Contending { slots: u32, from: Instant, expiry: Option<Instant> },
    /// The frame is on the air.
    OnAir,
    /// It was, and its ACK (to this address) is due.
    AwaitingAck(MacAddr),
}

pub(super) struct Transceiver {
    pub(super) position: Position,
    pub(super) power: f64,
    pub(super) channel: Channel,
    /// Since when it has been on `channel`; `None` while it retunes.
    pub(super) tuned: Option<Instant>,
    /// To retune to, once the frame on the air has ended.
    pub(super) retune: Option<Channel>,
    pub(super) promiscuous: bool,
    pub(super) acks: BTreeSet<MacAddr>,
    pub(super) queue: VecDeque<Transmit>,
    pub(super) phase: Phase,
    /// Outdates what was scheduled for an earlier phase.
    pub(super) token: u64,
    pub(super) attempt: u8,
    pub(super) window: u32,
    /// Transmissions on the air that it senses, its own included.
    pub(super) sensing: usize,
    pub(super) idle_since: Instant,
    /// Until when a Duration field reserved the medium.
    pub(super) reserved: Instant,
    pub(super) inbox: VecDeque<Report>,
    /// Its TSF timer minus the common clock, in microseconds.
    pub(super) tsf_offset: u64,
    pub(super) stats: RadioStats,
}

impl Transceiver {
    pub(super) fn new(position: Position, power: f64, channel: Channel, tsf_offset: u64) -> Self {
        Self {
            position,
            power,
            channel,
            tuned: Some(Instant::ZERO),
            retune: None,
            promiscuous: true,
            acks: BTreeSet::new(),
            queue: VecDeque::new(),
            phase: Phase::Idle,
            token: 0,
            attempt: 0,
            window: CW_MIN,
            sensing: 0,
            idle_since: Instant::ZERO,
            reserved: Instant::ZERO,
            inbox: VecDeque::new(),
            tsf_offset,
            stats: RadioStats::default(),
        }
    }

    pub(super) fn enter(&mut self, phase: Phase) -> u64 {
        self.phase = phase;
        self.token += 1;
        self.token
    }

    /// It takes a frame to `receiver` off the air: its own, a group's, or any if it is a monitor.
    pub(super) fn takes(&self, receiver: Option<MacAddr>) -> bool {
        self.promiscuous || receiver.is_some_and(|addr| addr.is_group() || self.acks.contains(&addr))
    }
}
