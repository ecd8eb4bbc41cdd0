//! Power save (802.11-2020 11.2.3): the AP is told before the station dozes, and keeps its frames; the TIM says that
//! there are some; a PS-Poll, a trigger frame or the end of the doze fetches them.

use std::time::Duration;

use crate::mac::Outgoing;
use crate::sta::config::{Fetch, LinkConfig, LinkEvent};
use crate::sta::link::{Link, Origin, Phase};
use crate::time::Instant;
use crate::wire::element::Tim;
use crate::wire::frame::PsPoll;
use crate::wire::management::Beacon;

/// The receiver is on so long before a beacon is due.
const GUARD: Duration = Duration::from_millis(2);
/// How often the radio retries a farewell: an AP that is gone must not hold it for long, and another one follows.
const FAREWELL_RETRIES: u8 = 3;
/// How long the answer to a PS-Poll or trigger, or the group frames after a DTIM, are waited for.
const LISTEN: Duration = Duration::from_millis(40);

/// Whether the station dozes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    Awake {
        idle_since: Instant,
    },
    /// A null frame with PM set is on its way, the n-th; only its ACK makes it so.
    Announcing(u32),
    /// The receiver is off, except around beacons and while something is expected.
    Dozing(Expected),
}

/// Until when a dozing station waits for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Expected {
    /// What it has asked for.
    own: Option<Instant>,
    /// What follows a DTIM.
    group: Option<Instant>,
    /// Something waits for it, which it asks for after the group frames, so as not to collide with them.
    fetch: bool,
}

impl Expected {
    fn last(self) -> Option<Instant> {
        self.own.max(self.group)
    }
}

impl Power {
    pub(super) fn deadline(self, config: &LinkConfig) -> Option<(Instant, &'static str)> {
        match self {
            Self::Awake { idle_since } => {
                config.doze_after.map(|after| (idle_since + after, "nothing to do: time to doze"))
            }
            Self::Announcing(_) => None,
            Self::Dozing(expected) => expected.last().map(|until| (until, "nothing more came")),
        }
    }
}

impl Link {
    /// The receiver has to be on at `now`. A dozing station hears nothing else.
    pub fn is_listening(&self, now: Instant) -> bool {
        let Phase::Associated(association) = &self.phase else { return true };
        let Power::Dozing(expected) = association.power else { return true };
        // Late beacons are waited for: on since shortly before it is due until it has come. When they come is known after
        // the first.
        let interval = association.target.interval;
        expected.last().is_some_and(|until| now < until)
            || association.beacon.is_none_or(|beacon| now + GUARD >= beacon + interval)
    }

    /// The station dozes, as far as the AP knows.
    pub fn is_dozing(&self) -> bool {
        matches!(&self.phase, Phase::Associated(association) if matches!(association.power, Power::Dozing(_)))
    }

    pub(super) fn doze_timeout(&mut self) {
        let now = self.now;
        if !self.is_here() {
            return;
        }
        let Phase::Associated(association) = &mut self.phase else { return };
        match (&mut association.power, self.config.doze_after) {
            (Power::Awake { idle_since }, Some(after))
                if *idle_since + after <= now && association.peer.is_port_open() =>
            {
                if association.peer.queued() > 0 {
                    *idle_since = now;
                } else {
                    self.announce_doze();
                }
            }
            (Power::Dozing(expected), _) if expected.last().is_some_and(|until| until <= now) => {
                let fetch = expected.fetch;
                *expected = Expected::default();
                if fetch {
                    self.fetch();
                }
            }
            _ => {}
        }
    }

    pub(super) fn announce_doze(&mut self) {
        let announced = self.with_association(|association, context| {
            association.announced += 1;
            association.power = Power::Announcing(association.announced);
            association.peer.set_power_management(true);
            let null = association.peer.null_frame(context);
            (Origin::Doze(association.id, association.announced), null)
        });
        if let Some((origin, mut null)) = announced {
            if !self.is_here() {
                null.options.retries = Some(FAREWELL_RETRIES);
            }
            self.send(origin, null);
        }
    }

    /// The AP has (or has not) heard that we doze.
    pub(super) fn doze_announced(&mut self, acked: bool, announcement: u32) {
        let now = self.now;
        let Phase::Associated(association) = &mut self.phase else { return };
        if association.power != Power::Announcing(announcement) {
            return;
        }
        if acked {
            association.power = Power::Dozing(Expected::default());
            self.event(LinkEvent::Dozing);
        } else {
            association.peer.set_power_management(false);
            association.power = Power::Awake { idle_since: now };
            self.say_farewell();
        }
    }

    /// We have something to send: a data frame without PM says that we are awake.
    pub(super) fn wake(&mut self) {
        if !self.is_here() {
            return;
        }
        let now = self.now;
        let Phase::Associated(association) = &mut self.phase else { return };
        let dozed = matches!(association.power, Power::Dozing(_));
        association.power = Power::Awake { idle_since: now };
        association.peer.set_power_management(false);
        if dozed {
            self.event(LinkEvent::Awake);
        }
        self.schedule();
    }

    /// A beacon of our AP: fetches what waits for us, stays on for group frames. A TIM that makes no sense says nothing
    /// (SEC-M8).
    pub(super) fn follow_tim(&mut self, beacon: &Beacon<'_>) {
        let now = self.now;
        let Phase::Associated(association) = &mut self.phase else { return };
        let Ok(Some(tim)) = beacon.elements.get::<Tim<'_>>() else { return };
        let waits = tim.contains(association.aid);
        match &mut association.power {
            Power::Dozing(expected) => {
                if tim.group_traffic() {
                    (expected.group, expected.fetch) = (Some(now + LISTEN), waits);
                } else if waits {
                    self.fetch();
                }
            }
            // It believes that we doze: it heard of that and we not of its ACK, or it never heard that we woke.
            Power::Awake { .. } if waits => self.say_awake(),
            Power::Awake { .. } | Power::Announcing(_) => {}
        }
    }

    /// A data frame came: fetches the next if there is more, and goes back to sleep after the last.
    pub(super) fn heard_data(&mut self, more_data: bool, end_of_service_period: bool, group: bool) {
        let now = self.now;
        let Phase::Associated(association) = &mut self.phase else { return };
        let goes_on = association.fetch == Fetch::Trigger && !end_of_service_period;
        match &mut association.power {
            Power::Awake { idle_since } => *idle_since = now,
            Power::Announcing(_) => {}
            Power::Dozing(expected) if group => {
                expected.group = more_data.then(|| now + LISTEN);
                if !more_data && std::mem::take(&mut expected.fetch) {
                    self.fetch();
                }
            }
            Power::Dozing(expected) if goes_on => expected.own = Some(now + LISTEN),
            Power::Dozing(_) if more_data => self.fetch(),
            Power::Dozing(expected) => expected.own = None,
        }
    }

    fn fetch(&mut self) {
        if !self.is_here() {
            return;
        }
        if self.config.fetch == Fetch::Wake {
            self.wake();
            self.say_awake();
            return;
        }
        let own = self.config.address;
        let asked = self.with_association(|association, context| {
            if let Power::Dozing(expected) = &mut association.power {
                expected.own = Some(context.now + LISTEN);
            }
            let outgoing = if association.fetch == Fetch::Trigger {
                association.peer.trigger_frame(context)
            } else {
                let poll = PsPoll { aid: association.aid, bssid: association.target.bssid, station: own };
                let mut frame = context.pool.take();
                poll.emit(&mut frame);
                Outgoing::robust(frame, context.robust_rate)
            };
            (association.id, outgoing)
        });
        if let Some((id, outgoing)) = asked {
            self.send(Origin::Association(id), outgoing);
        }
    }

    pub(super) fn say_awake(&mut self) {
        if !self.is_here() {
            return;
        }
        let null = self.with_association(|association, context| {
            association.peer.set_power_management(false);
            (association.id, association.peer.null_frame(context))
        });
        if let Some((id, null)) = null {
            self.send(Origin::Association(id), null);
        }
    }
}
