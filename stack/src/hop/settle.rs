//! Who lives where: links that find their network, lose it, or follow it, and what the schedule has to know of them.

use std::time::Duration;

use crate::hop::leg::Leg;
use crate::hop::resident::{Place, Resident};
use crate::hop::search::{AIR, dwell};
use crate::hop::{HopEvent, Hopper, LinkId};
use crate::slot::{Beacons, Demand, Kind, Occupant, OccupantId, Refusal};
use crate::sta::{LinkEvent, LinkState};
use crate::time::Instant;
use crate::wire::Channel;

/// How long the radio is held for a link, or a client of ours, that joins or is in a handshake. One that takes longer has its
/// slots as any other.
pub(super) const PIN: Duration = Duration::from_secs(1);

impl Hopper {
    /// Does all that follows from what has just happened.
    pub(super) fn tend(&mut self, now: Instant) {
        for index in 0..self.residents.len() {
            self.collect(now, index);
            self.settle(now, index);
        }
        if self.stopping {
            self.part(now);
        }
        self.seek(now);
        self.follow_schedule(now);
        for index in 0..self.residents.len() {
            self.collect(now, index);
        }
        self.go(now);
    }

    /// What a link tells.
    fn collect(&mut self, now: Instant, index: usize) {
        while let Some(event) = self.residents.get_mut(index).and_then(|resident| resident.link.poll_event())
        {
            let Some(resident) = self.residents.get_mut(index) else { return };
            let id = LinkId(u16::try_from(index).unwrap_or(u16::MAX));
            match event {
                LinkEvent::Away { told } => resident.losses.untold_absences += u64::from(!told),
                LinkEvent::NotFound => resident.unheard = resident.unheard.saturating_add(1),
                LinkEvent::SwitchChannel(channel) => {
                    self.relocate(now, index, channel);
                    self.event(HopEvent::Link(id, event));
                }
                // Every hop brings both.
                LinkEvent::Dozing | LinkEvent::Awake => {}
                LinkEvent::Connected { .. } | LinkEvent::Disconnected { .. } | LinkEvent::Msdu(_) => {
                    self.event(HopEvent::Link(id, event));
                }
            }
        }
    }

    /// The AP of a link goes to another channel, and the link with it.
    fn relocate(&mut self, now: Instant, index: usize, channel: Channel) {
        let Some(resident) = self.residents.get_mut(index) else { return };
        let Place::Lives { occupant, .. } = resident.place else { return };
        resident.place = Place::Lives { channel, occupant };
        resident.link.leave(now, now);
        resident.count_presence(now, false);
        self.schedule.set_channel(now, occupant, channel);
        if self.is_on(channel) {
            self.bring_back(now, index);
        }
    }

    /// Tells the schedule what it has to know of a link.
    fn settle(&mut self, now: Instant, index: usize) {
        let here = if let Leg::On(channel) = self.leg { Some(channel) } else { None };
        let Some(resident) = self.residents.get_mut(index) else { return };
        if let Some(channel) = here.filter(|_| resident.has_found()) {
            let occupant = self.schedule.add(now, Occupant::new(Kind::Link, channel));
            resident.place = Place::Lives { channel, occupant };
            (resident.last, resident.unheard, resident.refused) = (Some(channel), 0, None);
            resident.count_presence(now, true);
        }
        if resident.has_lost() {
            self.lose(now, index);
            return;
        }
        let Place::Lives { occupant, .. } = resident.place else { return };
        if resident.link.state() == LinkState::Connected {
            resident.unheard = 0;
        }
        // One that looks around where it was has time.
        let needs = resident.link.needs_radio() && resident.link.state() != LinkState::Scanning;
        if needs != resident.pinned {
            resident.pinned = needs;
            if needs {
                self.schedule.pin(now, occupant, now + PIN)
            } else {
                self.schedule.unpin(now, occupant)
            }
        }
        if let Some((heard, interval)) =
            resident.link.last_beacon().filter(|(heard, _)| resident.beacon != Some(*heard))
        {
            resident.beacon = Some(heard);
            if let Some(beacons) = Beacons::new(heard, interval) {
                self.schedule.set_beacons(now, occupant, beacons);
            }
        }
        let demand = resident.link.peer().and_then(|peer| resident.usage.reckon(now, &peer.stats));
        if let Some(demand) = demand {
            self.schedule.set_demand(now, occupant, demand);
        }
    }

    /// The network of a link is not where it was: it is looked for.
    fn lose(&mut self, now: Instant, index: usize) {
        let Some(resident) = self.residents.get_mut(index) else { return };
        if let Place::Lives { occupant, .. } = std::mem::replace(&mut resident.place, Place::Sought) {
            resident.link.leave(now, now);
            resident.count_presence(now, false);
            (resident.pinned, resident.unheard) = (false, 0);
            self.schedule.remove(now, occupant);
            self.search.renew();
        }
    }

    /// Goes on with the search.
    fn seek(&mut self, now: Instant) {
        if self.stopping || !self.residents.iter().any(Resident::is_sought) {
            if let Some(visit) = self.search.end() {
                self.schedule.remove(now, visit.occupant);
            }
            return;
        }
        if self.search.is_due(now) {
            let channels = self.sought_channels();
            if let Some(channel) = self.search.begin(channels) {
                let demand = Demand { air: AIR, arriving: 0 };
                let occupant = self.schedule.add(now, Occupant::new(Kind::Scan, channel).with_demand(demand));
                self.search.visit(channel, occupant);
            } else {
                self.search.rest(now);
            }
        }
        let Some(visit) = self.search.at().filter(|visit| self.is_on(visit.channel)) else { return };
        if !visit.begun {
            self.look(now, visit.channel);
        } else if !self.looks() {
            self.search_on(now);
        }
    }

    /// The radio has come to a channel that is searched.
    fn look(&mut self, now: Instant, channel: Channel) {
        if let Some(visit) = self.search.at_mut() {
            visit.begun = true;
        }
        for resident in self.residents.iter_mut().filter(|resident| resident.is_sought()) {
            if resident.may_be_on(channel) {
                let time = dwell(resident.link.config().passive);
                resident.link.search(now, time);
            }
        }
    }

    /// A link still looks, here.
    fn looks(&self) -> bool {
        self.residents.iter().any(|resident| {
            resident.is_sought() && resident.link.state() == LinkState::Scanning && !resident.link.is_away()
        })
    }

    fn search_on(&mut self, now: Instant) {
        for resident in self.residents.iter_mut().filter(|resident| resident.is_sought()) {
            resident.link.leave(now, now);
        }
        let Some(visit) = self.search.at() else { return };
        match self.search.next_channel() {
            Some(channel) => {
                self.schedule.set_channel(now, visit.occupant, channel);
                self.search.visit(channel, visit.occupant);
            }
            None => {
                self.schedule.remove(now, visit.occupant);
                self.search.rest(now);
            }
        }
    }

    /// Whoever lives there is not served; where networks are looked for, they are not looked for there.
    pub(super) fn refused(&mut self, now: Instant, occupant: OccupantId, why: Refusal) {
        if let Some(link) = self.link_of(occupant) {
            self.event(HopEvent::Refused(link, why));
            return;
        }
        let Some(visit) = self.search.at().filter(|visit| visit.occupant == occupant) else { return };
        for (id, resident) in (0..).map(LinkId).zip(&mut self.residents) {
            let wants = resident.is_sought() && resident.may_be_on(visit.channel);
            if wants && resident.refused.replace(why).is_none() {
                self.events.push_back(HopEvent::Refused(id, why));
            }
        }
        self.search_on(now);
    }

    /// A channel could not be set: it is not searched.
    pub(super) fn pass_over_channel(&mut self, now: Instant, channel: Channel) {
        if self.search.at().is_some_and(|visit| visit.channel == channel) {
            self.search_on(now);
        }
    }

    /// Where networks may be that are looked for: first where they were.
    fn sought_channels(&self) -> Vec<Channel> {
        let sought = || self.residents.iter().filter(|resident| resident.is_sought());
        let last = sought().filter_map(|resident| resident.last);
        let mut channels: Vec<Channel> = Vec::new();
        for channel in
            last.chain(sought().flat_map(|resident| resident.link.config().channels.iter().copied()))
        {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        channels
    }

    /// Stopped: the links on this channel leave their networks, and the schedule goes on to the others.
    fn part(&mut self, now: Instant) {
        for index in 0..self.residents.len() {
            let here = matches!(self.leg, Leg::On(channel) if self.is_here(index, channel));
            let Some(resident) = self.residents.get_mut(index) else { return };
            let Place::Lives { occupant, .. } = resident.place else { continue };
            if here && resident.link.state() != LinkState::Off {
                resident.link.stop();
            }
            if resident.link.state() == LinkState::Off && resident.link.has_said_all() {
                resident.place = Place::Sought;
                self.schedule.remove(now, occupant);
            }
        }
    }

    /// The radio is there and not about to go.
    fn is_on(&self, channel: Channel) -> bool {
        matches!(self.leg, Leg::On(on) if on == channel)
    }

    pub(super) fn link_of(&self, occupant: OccupantId) -> Option<LinkId> {
        let index = self.residents.iter().position(|resident| resident.occupant() == Some(occupant))?;
        Some(LinkId(u16::try_from(index).unwrap_or(u16::MAX)))
    }
}
