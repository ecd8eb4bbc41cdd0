//! The schedule of one radio: where it is, when it goes on, and where to.

use std::collections::VecDeque;
use std::time::Duration;

use crate::slot::admit::{Candidate, admit, revolution};
use crate::slot::ceiling::share_left;
use crate::slot::cycle::{Terms, length, shares};
use crate::slot::dead_air::DeadAir;
use crate::slot::retry::Retry;
use crate::slot::roster::Roster;
use crate::slot::turns::Turns;
use crate::slot::{
    Beacons, Demand, Hop, Kind, Occupant, OccupantId, PER_MILLE, Refusal, SlotConfig, SlotEvent, Stay,
};
use crate::time::{Instant, earliest};
use crate::wire::Channel;

/// What one radio does when. See the module page; it only decides.
#[derive(Debug)]
pub struct Schedule {
    pub(super) config: SlotConfig,
    pub(super) roster: Roster,
    pub(super) turns: Turns,
    pub(super) air: DeadAir,
    pub(super) now: Instant,
    pub(super) channel: Channel,
    pub(super) state: State,
    pub(super) hop: Option<Hop>,
    pub(super) cycle: Duration,
    /// The longest revolution while somebody is pinned.
    pub(super) stretched: Duration,
    /// What the hops of a revolution take.
    pub(super) dead: Duration,
    retry: Retry,
    events: VecDeque<SlotEvent>,
}

/// Where the radio is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    On { since: Instant },
    Leaving { since: Instant, hop: Hop },
    Retuning { since: Instant, hop: Hop },
}

impl Schedule {
    /// The schedule of a radio that is on this channel, where nobody lives yet.
    pub fn new(config: SlotConfig, now: Instant, channel: Channel) -> Self {
        let cycle = config.cycle;
        Self {
            config,
            roster: Roster::default(),
            turns: Turns::default(),
            air: DeadAir::default(),
            now,
            channel,
            state: State::On { since: now },
            hop: None,
            cycle,
            stretched: cycle,
            dead: Duration::ZERO,
            retry: Retry::new(),
            events: VecDeque::new(),
        }
    }

    /// Somebody comes. Whether it is served is known at once; see [`Self::refusal`].
    pub fn add(&mut self, now: Instant, occupant: Occupant) -> OccupantId {
        self.now = now;
        let id = self.roster.add(now, occupant);
        self.admit();
        id
    }

    /// Somebody goes.
    pub fn remove(&mut self, now: Instant, id: OccupantId) {
        self.now = now;
        self.roster.remove(id);
        self.admit();
    }

    /// An occupant lives on another channel from now on: its AP has switched, or a scan goes on.
    pub fn set_channel(&mut self, now: Instant, id: OccupantId, channel: Channel) {
        self.now = now;
        if let Some(resident) = self.roster.get_mut(id) {
            resident.occupant.channel = channel;
            self.admit();
        }
    }

    /// What an occupant wants has changed.
    pub fn set_demand(&mut self, now: Instant, id: OccupantId, demand: Demand) {
        self.now = now;
        if let Some(resident) = self.roster.get_mut(id) {
            resident.occupant.demand = demand;
            self.reckon();
        }
    }

    /// When the beacons of an occupant are due. To be said again with every beacon heard, since clocks drift.
    pub fn set_beacons(&mut self, now: Instant, id: OccupantId, beacons: Beacons) {
        self.now = now;
        let Some(resident) = self.roster.get_mut(id) else { return };
        let before = resident.heard(now, beacons);
        if before.map(Beacons::interval) == Some(beacons.interval()) {
            self.replan();
        } else {
            self.reckon();
        }
    }

    /// Holds the channel of an occupant until then: it joins, or is in a handshake. Others get their least slots
    /// meanwhile, so nobody starves by a pin that is never taken away.
    pub fn pin(&mut self, now: Instant, id: OccupantId, until: Instant) {
        self.set_pin(now, id, Some(until));
    }

    /// Takes a pin away before its time.
    pub fn unpin(&mut self, now: Instant, id: OccupantId) {
        self.set_pin(now, id, None);
    }

    fn set_pin(&mut self, now: Instant, id: OccupantId, until: Option<Instant>) {
        self.now = now;
        if let Some(resident) = self.roster.get_mut(id) {
            resident.pinned = until;
            self.replan();
        }
    }

    /// Back from an absence, the AP of a link had `held` frames for us, and `lost` were missing by their sequence numbers.
    pub fn returned(&mut self, now: Instant, id: OccupantId, held: u32, lost: u32) {
        self.now = now;
        let Some(resident) = self.roster.get_mut(id) else { return };
        let before = resident.buffer;
        resident.buffer.returned(held, lost);
        if resident.buffer != before && resident.occupant.demand.arriving > 0 {
            self.reckon();
        }
    }

    /// A hop was tried outside the schedule, for what it takes. Three of each pair at start save the first revolutions from
    /// guessing, and bring back what was refused for slow hops that are so no more.
    pub fn measured(&mut self, now: Instant, from: Channel, to: Channel, dead: Duration) {
        self.now = now;
        if self.air.measured(from, to, dead) {
            self.admit();
        }
    }

    /// The leaving that [`SlotEvent::Leave`] began is done, and the radio is retuned from now on.
    pub fn handle_left(&mut self, now: Instant) {
        self.now = now;
        if let State::Leaving { since, hop } = self.state {
            self.air.left(hop.from, now.since(since));
            self.state = State::Retuning { since: now, hop };
        }
    }

    /// The radio is on this channel and hears. The one that it left, if the hop came to nothing: the APs did not
    /// acknowledge that we leave, or the channel could not be set; then the other waits for its next turn.
    pub fn handle_arrival(&mut self, now: Instant, channel: Channel) {
        self.now = now;
        let (was, hop) = match self.state {
            State::On { .. } => (None, None),
            State::Leaving { hop, .. } => (None, Some(hop)),
            State::Retuning { since, hop } => (Some(since), Some(hop)),
        };
        if let Some(hop) = hop.filter(|hop| hop.to != channel) {
            self.turns.pass(hop.to);
        }
        self.channel = channel;
        self.state = State::On { since: now };
        if self.turns.arrived(now, channel, self.cycle) {
            self.order_next();
        }
        let hop = hop.filter(|hop| hop.to == channel);
        match was.zip(hop) {
            Some((since, hop)) if self.air.measured(hop.from, hop.to, now.since(since)) => self.admit(),
            _ => self.replan(),
        }
    }

    /// Does what is due. Spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        let State::On { since } = self.state else { return };
        if self.retry.take(now) {
            self.air.forget_above(self.config.readmitted());
            self.admit();
        }
        let Some(hop) = self.hop.filter(|hop| hop.leave <= now) else { return };
        self.roster.cover(self.channel, since, now);
        if !self.is_pinned() {
            self.turns.spent(self.channel, now.since(since));
        }
        self.state = State::Leaving { since: now, hop };
        self.hop = None;
        self.events.push_back(SlotEvent::Leave(hop));
    }

    /// When [`Self::handle_timeout`] is due and why. May change after any other call. `None` while a hop is under way,
    /// which its executor ends with [`Self::handle_arrival`], and while there is nowhere else to go.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let State::On { .. } = self.state else { return None };
        let retry = self.retry.due().map(|due| (due, "try a slow channel again"));
        earliest(self.hop.map(|hop| (hop.leave, "leave for the next slot")), retry)
    }

    /// What happened. Call it until it has nothing.
    pub fn poll_event(&mut self) -> Option<SlotEvent> {
        self.events.pop_front()
    }

    /// Where to stay until when; `None` while a hop is under way.
    pub fn stay(&self) -> Option<Stay> {
        matches!(self.state, State::On { .. }).then_some(Stay { channel: self.channel, hop: self.hop })
    }

    /// How long a revolution is to take.
    pub const fn cycle(&self) -> Duration {
        self.cycle
    }

    /// The share of the air, per mille, that these stops leave in this cycle with this radio, at best; see
    /// [`crate::slot::air_left`].
    pub fn air_left(&self) -> u32 {
        share_left(self.dead, self.cycle).unwrap_or(0)
    }

    /// What a hop between these channels takes, as far as is known: the median of the last ones.
    pub fn dead_air(&self, from: Channel, to: Channel) -> Duration {
        self.air.typical(from, to)
    }

    /// The slowest hop to a channel from another stop, as far as is known; `None` if there is no other.
    pub fn slowest_hop(&self, to: Channel) -> Option<Duration> {
        let stops = self.turns.channels();
        let others = stops.into_iter().filter(|&from| from != to);
        others.map(|from| self.air.typical(from, to)).max()
    }

    /// The share of a cycle that is meant for a channel, per mille; `None` if it is no stop.
    pub fn share(&self, channel: Channel) -> Option<u32> {
        let turn = self.turns.get(channel)?;
        let share = micros(turn.share).saturating_mul(u64::from(PER_MILLE)) / micros(self.cycle).max(1);
        Some(u32::try_from(share).unwrap_or(PER_MILLE).min(PER_MILLE))
    }

    /// How long the radio will be away from a channel that it leaves, if all goes as it should.
    pub fn absence(&self, from: Channel) -> Duration {
        self.cycle.saturating_sub(self.turns.get(from).map_or(Duration::ZERO, |turn| turn.share))
    }

    /// How many frames a class the AP of a link keeps for us, as far as is known.
    pub fn ap_buffer(&self, id: OccupantId) -> Option<u32> {
        let resident = self.roster.get(id).filter(|resident| resident.occupant.kind == Kind::Link);
        resident.map(|resident| resident.buffer.frames())
    }

    /// Why an occupant is not served, if it is not.
    pub fn refusal(&self, id: OccupantId) -> Option<Refusal> {
        self.roster.get(id).and_then(|resident| resident.refusal)
    }

    /// Decides anew between which channels the radio hops, and says what has changed.
    fn admit(&mut self) {
        let channels = self.roster.channels();
        let candidates: Vec<Candidate> =
            channels.iter().map(|&(channel, refused)| Candidate { channel, refused }).collect();
        let verdicts = admit(&self.config, &self.air, &candidates);
        let slow = |verdict: &Option<Refusal>| matches!(verdict, Some(Refusal::SlowHop { .. }));
        self.retry.note(self.now, verdicts.iter().any(slow));
        let mut admitted = Vec::with_capacity(channels.len());
        for ((channel, _), verdict) in channels.into_iter().zip(verdicts) {
            if verdict.is_none() {
                admitted.push(channel);
            }
            self.tell(channel, verdict);
        }
        self.turns.set(self.now, &admitted);
        self.reckon();
    }

    fn tell(&mut self, channel: Channel, verdict: Option<Refusal>) {
        for resident in self.roster.iter_mut().filter(|resident| resident.occupant.channel == channel) {
            let before = std::mem::replace(&mut resident.refusal, verdict);
            match verdict {
                // Figures alone that have changed are no news.
                Some(refusal) if before.is_none() => {
                    self.events.push_back(SlotEvent::Refused(resident.id, refusal));
                }
                None if before.is_some() => self.events.push_back(SlotEvent::Admitted(resident.id)),
                _ => {}
            }
        }
    }

    /// How long the cycle is and who gets how much of it.
    fn reckon(&mut self) {
        let stops = self.turns.channels();
        let needs: Vec<_> = stops.iter().map(|&stop| self.roster.need(stop)).collect();
        let absence = needs.iter().filter_map(|need| need.absence).min();
        let (own, foreign) = self.roster.intervals(&stops);
        self.dead = revolution(&stops, |from, to| self.air.typical(from, to));
        let count = u32::try_from(stops.len()).unwrap_or(u32::MAX);
        self.cycle = length(&self.config, &Terms { stops: count, dead: self.dead, absence, own, foreign });
        // While one is pinned, the others wait longer, but no longer than APs can, and no beacon of ours does.
        let longest = self.cycle + self.cycle / 2;
        let bound = own.is_some() || absence.is_some_and(|absence| absence < longest);
        self.stretched = if bound { self.cycle } else { longest };
        self.turns.set_shares(&shares(&self.config, self.cycle, self.dead, &needs));
        self.replan();
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.turns.channels().iter().any(|&channel| self.roster.pinned(channel) > Some(self.now))
    }

    /// The next revolution goes by the beacons; who has none comes where he was.
    fn order_next(&mut self) {
        let (here, from) = (self.channel, self.now);
        let roster = &self.roster;
        let cycle = micros(self.cycle).max(1);
        let phases: Vec<(Channel, Duration)> = self
            .turns
            .channels()
            .into_iter()
            .map(|channel| {
                let beacon =
                    roster.next_beacon(channel, from).map(|beacon| micros(beacon.since(from)) % cycle);
                (channel, beacon.map_or(self.cycle, Duration::from_micros))
            })
            .collect();
        // The one that has just had its turn may have its beacon before those of all others; but it comes last.
        let last = Duration::MAX;
        self.turns.sort_by_key(|channel| {
            let phase = phases.iter().find(|(known, _)| *known == channel).map_or(last, |(_, phase)| *phase);
            if channel == here { last } else { phase }
        });
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
