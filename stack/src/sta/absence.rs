//! The radio goes to another channel for a while and comes back (802.11-2020 11.2.3.2: the AP keeps frames for a station
//! that has told it of a doze).
//!
//! Before it goes, the link says nothing more but a null frame with PM set, until that is acknowledged and nothing of it is
//! with the radio any more. Nothing is sent while it is away, and the time does not count against its AP. Back again, a null
//! frame with PM cleared fetches what the AP has kept.

use std::time::Duration;

use crate::sta::config::LinkEvent;
use crate::sta::doze::Power;
use crate::sta::follow::Switch;
use crate::sta::link::{Link, Phase};
use crate::time::Instant;

/// An AP that has sent us nothing for so long is asked whether it knows us,
const SILENT: Duration = Duration::from_secs(2);
/// so long after the radio has come back at the latest.
const ASK: Duration = Duration::from_millis(50);

/// Whether the radio is on the link's channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    Here,
    /// It is about to go: the AP is told until then.
    Leaving {
        by: Instant,
    },
    /// Nothing more is said; what is with the radio is awaited.
    Draining,
    Away {
        since: Instant,
    },
}

impl Absence {
    pub(super) const fn deadline(self) -> Option<(Instant, &'static str)> {
        match self {
            Self::Leaving { by } => Some((by, "the radio goes to another channel")),
            Self::Here | Self::Draining | Self::Away { .. } => None,
        }
    }
}

impl Link {
    /// The radio is to go to another channel: [`LinkEvent::Away`] when it may. The AP is told, or its answer to a request
    /// awaited, until `by`; after that only the statuses of what is with the radio are awaited. Does nothing if it is away or
    /// about to go.
    pub fn leave(&mut self, now: Instant, by: Instant) {
        self.now = now;
        if self.absence == Absence::Here {
            self.absence = Absence::Leaving { by };
            if let Phase::Associated(association) = &mut self.phase {
                association.ask = None;
            }
            if by > now {
                self.say_farewell();
            }
            self.leave_due();
        }
    }

    /// The radio has come to a channel where the network may be: looks for it there, for so long. Does nothing once it is
    /// joining or has joined.
    pub fn search(&mut self, now: Instant, time: Duration) {
        self.now = now;
        self.absence = Absence::Here;
        if matches!(self.phase, Phase::Off | Phase::Waiting { .. } | Phase::Scanning { .. }) {
            self.scan(time);
        }
    }

    /// The radio is on the link's channel again, or stays there after all.
    pub fn come_back(&mut self, now: Instant) {
        self.now = now;
        let before = std::mem::replace(&mut self.absence, Absence::Here);
        if let Absence::Away { since } = before {
            self.pass_over(now.since(since));
        }
        if before != Absence::Here
            && let Phase::Associated(association) = &mut self.phase
        {
            // What an AP had on its way to us as we left it may send again, and after others.
            association.peer.expect_late(true);
            self.wake();
            self.say_awake();
            self.ask_soon();
        }
    }

    /// An AP that has forgotten us says so when it hears a frame of ours, but not to each: it may always say so when the radio
    /// has just gone. One that has long sent us nothing is asked, at a time that differs from visit to visit.
    fn ask_soon(&mut self) {
        let now = self.now;
        let mut byte = [0];
        self.random.fill(&mut byte);
        if let Phase::Associated(association) = &mut self.phase {
            let silent = association.knows_us.is_none_or(|at| now.since(at) >= SILENT);
            association.ask = silent.then(|| now + ASK * u32::from(byte[0]) / 256);
        }
    }

    pub(super) fn ask_due(&mut self) {
        let Phase::Associated(association) = &mut self.phase else { return };
        if association.ask.take_if(|at| *at <= self.now).is_some() {
            self.say_awake();
        }
    }

    /// The radio may be on any channel.
    pub const fn is_away(&self) -> bool {
        matches!(self.absence, Absence::Away { .. })
    }

    /// It is looking around, joining, in a handshake or on its way to another channel: that takes a radio that stays.
    pub fn needs_radio(&self) -> bool {
        match &self.phase {
            Phase::Off | Phase::Waiting { .. } => false,
            Phase::Scanning { .. } | Phase::Authenticating(_) | Phase::Associating(_) => true,
            Phase::Associated(association) => {
                !association.peer.is_port_open()
                    || association.pending.is_some()
                    || association.switch.is_some_and(Switch::needs_radio)
            }
        }
    }

    /// It sends nothing at all.
    pub(super) const fn has_fallen_silent(&self) -> bool {
        matches!(self.absence, Absence::Draining | Absence::Away { .. })
    }

    /// It sends what the AP has to know before the radio goes, and nothing else.
    pub(super) fn is_here(&self) -> bool {
        self.absence == Absence::Here
    }

    /// A station that the AP takes for awake says that it dozes.
    pub(super) fn say_farewell(&mut self) {
        let awake = matches!(&self.phase, Phase::Associated(association)
            if matches!(association.power, Power::Awake { .. }));
        if awake && matches!(self.absence, Absence::Leaving { .. }) {
            self.announce_doze();
        }
    }

    /// Goes, if nothing is with the radio, and it is time or all is said and heard.
    pub(super) fn leave_due(&mut self) {
        let (told, answered) = match &self.phase {
            Phase::Associated(association) => (matches!(association.power, Power::Dozing(_)), true),
            Phase::Authenticating(_) | Phase::Associating(_) => (true, false),
            Phase::Off | Phase::Waiting { .. } | Phase::Scanning { .. } => (true, true),
        };
        let done = match self.absence {
            Absence::Here | Absence::Away { .. } => return,
            Absence::Leaving { by } if by <= self.now => {
                self.absence = Absence::Draining;
                true
            }
            Absence::Leaving { .. } => told && answered && self.is_outbox_empty(),
            Absence::Draining => true,
        };
        if done && self.in_flight.is_empty() {
            self.absence = Absence::Away { since: self.now };
            self.event(LinkEvent::Away { told });
        }
    }

    /// What was waited for while the radio was elsewhere is waited for so much longer.
    fn pass_over(&mut self, time: Duration) {
        match &mut self.phase {
            Phase::Off | Phase::Waiting { .. } => {}
            Phase::Scanning { until, .. } => *until += time,
            Phase::Authenticating(attempt) | Phase::Associating(attempt) => attempt.deadline += time,
            Phase::Associated(association) => association.pass_over(time),
        }
    }
}
