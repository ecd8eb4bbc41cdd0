//! The radio goes to another channel for a while and comes back, and its virtual APs are silent in between.
//!
//! Before it goes nothing more is launched, and it listens a moment for what stations answer to what they were sent last.
//! What comes for them meanwhile waits in their queues, and a beacon that falls into an absence goes out at its end.
//!
//! Nobody acknowledges what stations send meanwhile, so they should send nothing. If the absence is no longer than a
//! Duration can say, 32.8 ms, a CTS-to-self reserves the medium for it (802.11-2020 9.2.5, 9.3.1.3): whoever hears it waits,
//! neighbours too, which is why they are not asked to wait for longer. Where mac80211 does the rate control it writes the
//! Duration of injected frames itself, and zero into this one; there stations do not wait. Nothing else would have them do
//! so: a beacon that announces a silent switch to the channel where they are is heeded by Linux, but 6.1 disconnects over
//! it, and a Quiet element is passed over.

use std::time::Duration;

use crate::ap::announce::robust;
use crate::ap::config::ApEvent;
use crate::ap::outbox::Whose;
use crate::ap::radio::ApRadio;
use crate::mac::Outgoing;
use crate::time::Instant;
use crate::wire::TxOptions;
use crate::wire::frame::ControlFrame;

/// How long stations take for an answer.
const LISTEN: Duration = Duration::from_millis(3);
/// So long after a station has asked for a network it may join.
const COMPANY: Duration = Duration::from_millis(400);
/// The longest Duration, in microseconds (802.11-2020 Table 9-10).
const LONGEST: u16 = 32_767;
/// How long it is waited for whether the CTS-to-self has left.
const RESERVE: Duration = Duration::from_millis(2);

/// Whether the radio is on the channel of its virtual APs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Absence {
    #[default]
    Here,
    /// Nothing more is launched, and what is with the radio is awaited. It will be back at that time.
    Draining {
        back: Instant,
    },
    /// What stations answer is awaited.
    Listening {
        until: Instant,
        back: Instant,
    },
    /// The medium is to be reserved for so long.
    Reserving {
        micros: u16,
    },
    /// The CTS-to-self is with the radio, which may not say what became of it.
    Reserved {
        by: Instant,
    },
    Away,
}

impl Absence {
    pub(super) const fn deadline(self) -> Option<(Instant, &'static str)> {
        match self {
            Self::Listening { until, .. } => Some((until, "the stations have answered")),
            Self::Reserved { by } => Some((by, "the medium is reserved")),
            Self::Here | Self::Draining { .. } | Self::Reserving { .. } | Self::Away => None,
        }
    }
}

impl ApRadio {
    /// The radio is to go to another channel, and is expected back at that time: nothing is launched any more.
    /// [`ApEvent::Away`] when it may go. Does nothing if it is away or about to go.
    pub fn fall_silent(&mut self, now: Instant, back: Instant) {
        if self.absence == Absence::Here {
            self.absence = Absence::Draining { back };
            self.leave_due(now);
        }
    }

    /// The radio is on the channel again, or stays there after all.
    pub const fn come_back(&mut self) {
        self.absence = Absence::Here;
    }

    /// The radio may be on any channel.
    pub fn is_away(&self) -> bool {
        self.absence == Absence::Away
    }

    /// Somebody has just asked for a network, joins or is in a handshake: that takes a radio that stays.
    pub fn needs_radio(&self, now: Instant) -> bool {
        self.company.is_some_and(|until| now < until)
            || self.virtual_aps().flat_map(super::VirtualAp::peers).any(|peer| !peer.is_port_open())
    }

    /// Somebody is about to join, it seems.
    pub(super) fn expect_company(&mut self, now: Instant) {
        self.company = Some(now + COMPANY);
    }

    /// Goes on with leaving, as far as nothing is with the radio.
    pub(super) fn leave_due(&mut self, now: Instant) {
        if matches!(self.absence, Absence::Here | Absence::Away) {
            return;
        }
        let reservation = self.in_flight.keys().any(|whose| *whose == Whose::Reservation);
        if self.in_flight.len() > usize::from(reservation) {
            return;
        }
        if let Absence::Draining { back } = self.absence {
            let until = if self.has_stations() { now + LISTEN } else { now };
            self.absence = Absence::Listening { until, back };
        }
        match self.absence {
            Absence::Listening { until, back } if until <= now => match self.reservation(now, back) {
                Some(micros) => self.absence = Absence::Reserving { micros },
                None => self.go_away(),
            },
            Absence::Reserved { by } if !reservation || by <= now => self.go_away(),
            _ => {}
        }
    }

    fn go_away(&mut self) {
        self.absence = Absence::Away;
        self.event(ApEvent::Away);
    }

    /// For how many microseconds the medium is to be reserved, if it can be and there is somebody for whom.
    fn reservation(&self, now: Instant, back: Instant) -> Option<u16> {
        let micros = u16::try_from(back.since(now).as_micros()).ok().filter(|micros| *micros <= LONGEST)?;
        (self.has_stations() && micros > 0).then_some(micros)
    }

    fn has_stations(&self) -> bool {
        self.virtual_aps().any(|ap| !ap.stations.is_empty())
    }

    /// The CTS-to-self, if it is time for it.
    pub(super) fn next_reservation(&mut self, now: Instant) -> Option<(Whose, Outgoing)> {
        let Absence::Reserving { micros } = self.absence else { return None };
        self.absence = Absence::Reserved { by: now + RESERVE };
        let mut frame = self.pool.take();
        ControlFrame::emit_cts(self.config.own.base, micros, &mut frame);
        let options = TxOptions { rate: Some(robust(&self.config)), no_ack: true, ..TxOptions::default() };
        Some((Whose::Reservation, Outgoing::immediate(frame, options)))
    }
}
