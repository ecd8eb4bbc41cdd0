//! From one channel to the next: what has to be said is said, what is in flight is awaited, and then the radio is tuned.

use crate::hop::leg::{ANSWER, GRACE, Leg};
use crate::hop::{HopEvent, Hopper};
use crate::slot::{Hop, SlotEvent};
use crate::time::Instant;
use crate::wire::Channel;

impl Hopper {
    /// The radio was tuned as [`HopEvent::Tune`] wanted, or could not be and is where it was.
    pub fn handle_tuned(&mut self, now: Instant, channel: Channel) {
        let Leg::Tuning { to, since } = self.leg else { return };
        self.figures.dead += now.since(since);
        if channel == to {
            self.figures.hops += 1;
        } else {
            self.figures.given_up += 1;
            self.pass_over_channel(now, to);
        }
        self.arrive(now, channel);
        self.tend(now);
    }

    /// Does what the schedule says.
    pub(super) fn follow_schedule(&mut self, now: Instant) {
        self.schedule.handle_timeout(now);
        while let Some(event) = self.schedule.poll_event() {
            match event {
                SlotEvent::Leave(hop) => self.leave(now, hop),
                SlotEvent::Refused(occupant, why) => self.refused(now, occupant, why),
                SlotEvent::Admitted(occupant) => {
                    if let Some(link) = self.link_of(occupant) {
                        self.event(HopEvent::Admitted(link));
                    }
                }
            }
        }
    }

    fn leave(&mut self, now: Instant, hop: Hop) {
        self.leg = Leg::Leaving(hop);
        self.leave_home(hop);
        for index in self.here(hop.from) {
            if let Some(resident) = self.residents.get_mut(index) {
                let patience = if resident.link.is_joining() { ANSWER } else { GRACE };
                resident.link.leave(now, hop.edge.max(now) + patience);
            }
        }
    }

    /// Goes, if all links have taken leave and nothing is in flight.
    pub(super) fn go(&mut self, now: Instant) {
        let Leg::Leaving(hop) = self.leg else { return };
        let here = self.here(hop.from);
        let away = |&index: &usize| self.residents.get(index).is_none_or(|resident| resident.link.is_away());
        let quiet = here.iter().all(away)
            && self.residents.iter().all(|resident| resident.link.in_flight() == 0)
            && self.home_is_silent(hop.from);
        let late = self.leg.deadline().is_some_and(|(deadline, _)| deadline <= now);
        if !quiet && !late {
            return;
        }
        self.schedule.handle_left(now);
        self.figures.leaving += now.since(hop.leave);
        self.figures.late += now.since(hop.edge);
        self.leg = Leg::Tuning { to: hop.to, since: now };
        for index in here {
            if let Some(resident) = self.residents.get_mut(index) {
                resident.count_presence(now, false);
                resident.backlog.left();
            }
        }
        self.event(HopEvent::Tune(hop.to));
    }

    /// The radio is on this channel, or stays there.
    fn arrive(&mut self, now: Instant, channel: Channel) {
        self.leg = Leg::On(channel);
        self.schedule.handle_arrival(now, channel);
        self.come_home(channel);
        for index in self.here(channel) {
            self.bring_back(now, index);
        }
    }

    /// A link is on the radio's channel from now on.
    pub(super) fn bring_back(&mut self, now: Instant, index: usize) {
        let Some(resident) = self.residents.get_mut(index) else { return };
        resident.link.come_back(now);
        // It waits for that if its AP has led it to another channel.
        resident.link.handle_channel_set(now);
        resident.count_presence(now, true);
        resident.backlog.came_back();
    }

    /// The links on a channel, by their place.
    pub(super) fn here(&self, channel: Channel) -> Vec<usize> {
        (0..self.residents.len()).filter(|&index| self.is_here(index, channel)).collect()
    }
}
