//! The virtual APs of the radio that hops: their channel is a stop of its round as those of the links are.

use std::time::Duration;

use crate::hop::leg::Leg;
use crate::hop::settle::PIN;
use crate::hop::{HopEvent, Hopper};
use crate::slot::{Beacons, Demand, Hop, Kind, Occupant, OccupantId};
use crate::time::Instant;
use crate::wire::Channel;

/// The air that they want in each second. What their stations send into an absence is lost, while the APs of links keep what
/// comes.
const WANTED: Duration = Duration::from_millis(600);

/// Where the virtual APs live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Home {
    channel: Channel,
    occupant: OccupantId,
    /// They still have something to say, or frames with the radio.
    speaks: bool,
    pinned: bool,
}

impl Hopper {
    /// The radio serves virtual APs on the channel where it is now; to be said before there are links. Before it leaves that
    /// channel there is [`HopEvent::LeaveHome`], and it waits for [`Self::handle_home_silent`]; back there,
    /// [`HopEvent::ComeHome`].
    pub fn host(&mut self, now: Instant) {
        let Leg::On(channel) = self.leg else { return };
        let demand = Demand { air: WANTED, arriving: 0 };
        let occupant = self.schedule.add(now, Occupant::new(Kind::VirtualAp, channel).with_demand(demand));
        self.home = Some(Home { channel, occupant, speaks: true, pinned: false });
    }

    /// When the beacons of the virtual APs are due.
    pub fn set_home_beacons(&mut self, now: Instant, beacons: Beacons) {
        if let Some(home) = self.home {
            self.schedule.set_beacons(now, home.occupant, beacons);
        }
    }

    /// The virtual APs have fallen silent, as [`HopEvent::LeaveHome`] wanted.
    pub fn handle_home_silent(&mut self, now: Instant) {
        if let Some(home) = &mut self.home {
            home.speaks = false;
        }
        self.tend(now);
    }

    /// Somebody joins there, or nobody does any more: as for a link, the radio stays as long as the others can do with their
    /// least slots.
    pub fn hold_home(&mut self, now: Instant, hold: bool) {
        let Some(home) = self.home.as_mut().filter(|home| home.pinned != hold) else { return };
        home.pinned = hold;
        if hold {
            self.schedule.pin(now, home.occupant, now + PIN);
        } else {
            self.schedule.unpin(now, home.occupant);
        }
    }

    /// The channel of the virtual APs, `None` without any.
    pub fn home(&self) -> Option<Channel> {
        self.home.map(|home| home.channel)
    }

    /// The radio is about to leave this channel.
    pub(super) fn leave_home(&mut self, hop: Hop) {
        if self.home().is_some_and(|home| home == hop.from) {
            let back = hop.edge + self.schedule.absence(hop.from);
            self.event(HopEvent::LeaveHome { back });
        }
    }

    /// The radio has come to this channel.
    pub(super) fn come_home(&mut self, channel: Channel) {
        if let Some(home) = self.home.as_mut().filter(|home| home.channel == channel) {
            home.speaks = true;
            self.event(HopEvent::ComeHome);
        }
    }

    /// Nothing of the virtual APs keeps the radio on this channel.
    pub(super) fn home_is_silent(&self, channel: Channel) -> bool {
        self.home.is_none_or(|home| home.channel != channel || !home.speaks)
    }
}
