//! Power save (802.11-2020 11.2.3): the AP is told before the station dozes, and keeps its frames; the TIM says that
//! there are some; a PS-Poll fetches one.

use std::time::Duration;

use crate::mac::SequenceSpace;
use crate::sta::config::{LinkConfig, LinkEvent};
use crate::sta::link::{Link, Phase};
use crate::time::Instant;
use crate::wire::element::Tim;
use crate::wire::frame::PsPoll;
use crate::wire::management::Beacon;
use crate::wire::{FrameControl, FrameKind, MacHeader, SequenceControl, TxId, TxStatus};

/// The receiver is on so long before a beacon is due.
const GUARD: Duration = Duration::from_millis(2);
/// How long the answer to a PS-Poll, or the group frames after a DTIM, are waited for.
const LISTEN: Duration = Duration::from_millis(40);

/// Whether the station dozes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    Awake {
        idle_since: Instant,
    },
    /// A null frame with PM set is on its way; only its ACK makes it so.
    Announcing {
        id: TxId,
    },
    /// The receiver is off, except around beacons and until `listen`.
    Dozing {
        listen: Option<Instant>,
    },
}

impl Power {
    pub(super) fn deadline(self, config: &LinkConfig) -> Option<(Instant, &'static str)> {
        match self {
            Self::Awake { idle_since } => {
                config.doze_after.map(|after| (idle_since + after, "nothing to do: time to doze"))
            }
            Self::Announcing { .. } => None,
            Self::Dozing { listen } => listen.map(|until| (until, "nothing more came")),
        }
    }
}

impl Link {
    /// The receiver has to be on at `now`. A dozing station hears nothing else.
    pub fn is_listening(&self, now: Instant) -> bool {
        let Phase::Associated(association) = &self.phase else { return true };
        let Power::Dozing { listen } = association.power else { return true };
        // Late beacons are waited for: on since shortly before it is due until it has come.
        listen.is_some_and(|until| now < until)
            || now + GUARD >= association.last_beacon + association.target.interval
    }

    /// The station dozes, as far as the AP knows.
    pub fn is_dozing(&self) -> bool {
        matches!(&self.phase, Phase::Associated(association) if matches!(association.power, Power::Dozing { .. }))
    }

    pub(super) fn doze_timeout(&mut self, now: Instant) {
        let Phase::Associated(association) = &mut self.phase else { return };
        match (association.power, self.config.doze_after) {
            (Power::Awake { idle_since }, Some(after))
                if idle_since + after <= now && association.port_open() =>
            {
                self.announce_doze();
            }
            (Power::Dozing { listen: Some(until) }, _) if until <= now => {
                association.power = Power::Dozing { listen: None };
            }
            _ => {}
        }
    }

    fn announce_doze(&mut self) {
        let Phase::Associated(association) = &self.phase else { return };
        let bssid = association.target.bssid;
        let mut header = MacHeader::to_ds(bssid, self.config.address, bssid);
        header.frame_control =
            FrameControl::new(FrameKind::NULL).with_to_ds(true).with_power_management(true);
        let header = header.with_sequence(SequenceControl::new(self.sequence.next(SequenceSpace::Common), 0));
        let mut frame = Vec::new();
        header.emit(&mut frame);
        let id = self.send(frame);
        if let Phase::Associated(association) = &mut self.phase {
            association.power = Power::Announcing { id };
        }
    }

    /// The AP has (or has not) heard that we doze.
    pub(super) fn doze_announced(&mut self, now: Instant, status: TxStatus) {
        let Phase::Associated(association) = &mut self.phase else { return };
        if association.power != (Power::Announcing { id: status.id }) {
            return;
        }
        if status.acked {
            association.power = Power::Dozing { listen: None };
            self.events.push_back(LinkEvent::Dozing);
        } else {
            association.power = Power::Awake { idle_since: now };
        }
    }

    /// We send: a data frame without PM says that we are awake.
    pub(super) fn wake(&mut self, now: Instant) {
        let Phase::Associated(association) = &mut self.phase else { return };
        let dozed = matches!(association.power, Power::Dozing { .. });
        association.power = Power::Awake { idle_since: now };
        if dozed {
            self.events.push_back(LinkEvent::Awake);
        }
    }

    /// A beacon of our AP: fetches what waits for us, stays on for group frames. A TIM that makes no sense says nothing
    /// (SEC-M8).
    pub(super) fn follow_tim(&mut self, now: Instant, beacon: &Beacon<'_>) {
        let Phase::Associated(association) = &mut self.phase else { return };
        let Power::Dozing { listen } = &mut association.power else { return };
        let Ok(Some(tim)) = beacon.elements.get::<Tim<'_>>() else { return };
        if tim.group_traffic() {
            *listen = Some(now + LISTEN);
        }
        if tim.contains(association.aid) {
            self.poll_ap(now);
        }
    }

    /// A data frame came: fetches the next if there is more, and goes back to sleep after the last.
    pub(super) fn heard_data(&mut self, now: Instant, group: bool, more: bool) {
        let Phase::Associated(association) = &mut self.phase else { return };
        match &mut association.power {
            Power::Awake { idle_since } => *idle_since = now,
            Power::Announcing { .. } => {}
            Power::Dozing { .. } if more && !group => self.poll_ap(now),
            Power::Dozing { listen } => *listen = if more { Some(now + LISTEN) } else { None },
        }
    }

    fn poll_ap(&mut self, now: Instant) {
        let Phase::Associated(association) = &mut self.phase else { return };
        association.power = Power::Dozing { listen: Some(now + LISTEN) };
        let poll =
            PsPoll { aid: association.aid, bssid: association.target.bssid, station: self.config.address };
        let mut frame = Vec::new();
        poll.emit(&mut frame);
        self.send(frame);
    }
}
