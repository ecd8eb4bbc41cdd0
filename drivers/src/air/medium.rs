//! The air itself: a heap of events in virtual time, and the radios that make and hear them.

use std::collections::BTreeMap;
use std::rc::Rc;

use stack::time::Instant;
use stack::wire::{AckChange, Band, Channel, MacAddr, Rate, Transmit};

use super::flight::{Flight, OnAir, ack};
use super::reception::Heard;
use super::transceiver::{Phase, RadioId, RadioStats, Report, Transceiver};
use crate::propagation::{Knobs, Links, Model, Position, airtime};

/// Sees every frame that goes on the air, in the order in which they start.
pub type Witness = Box<dyn FnMut(&OnAir<'_>)>;

/// The queue of a radio is full: wait for a status and offer the frame again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue of the simulated radio is full")]
pub struct QueueFull;

/// The simulated air. See the [module](super) for what it plays and how to drive it.
pub struct Air {
    pub(super) now: Instant,
    pub(super) model: Model,
    pub(super) radios: Vec<Transceiver>,
    pub(super) flights: BTreeMap<u64, Flight>,
    pub(super) events: BTreeMap<(Instant, u64), Event>,
    pub(super) next_id: u64,
    pub(super) links: Links<RadioId>,
    pub(super) witness: Option<Witness>,
}

pub(super) enum Event {
    /// A backoff has run out.
    Expired { radio: RadioId, token: u64 },
    /// A frame has left.
    Ended(u64),
    /// A radio owes an ACK.
    Respond { radio: RadioId, to: MacAddr, rate: Rate },
    /// No ACK has come.
    Unanswered { radio: RadioId, token: u64 },
    /// A radio has reached its new channel.
    Tuned(RadioId),
    /// A stack is told of a frame that the delay knob held back.
    Deliver { radio: RadioId, report: Report },
}

impl Event {
    const fn reason(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "a backoff runs out",
            Self::Ended(_) => "a frame ends",
            Self::Respond { .. } => "an ACK is due",
            Self::Unanswered { .. } => "an ACK is missing",
            Self::Tuned(_) => "a radio is on its new channel",
            Self::Deliver { .. } => "a delayed frame arrives",
        }
    }
}

impl Air {
    /// An empty air. The same seed and the same calls give the same run, byte for byte.
    pub fn new(seed: u64, model: Model) -> Self {
        Self {
            now: Instant::ZERO,
            model,
            radios: Vec::new(),
            flights: BTreeMap::new(),
            events: BTreeMap::new(),
            next_id: 0,
            links: Links::new(seed),
            witness: None,
        }
    }

    /// The time up to which it has been played.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Puts a radio into the air, as a monitor that acknowledges nothing yet.
    pub fn add_radio(&mut self, position: Position, channel: Channel) -> RadioId {
        let id = RadioId(self.radios.len());
        self.links.add(&self.model, id, (0..id.0).map(RadioId));
        let tsf_offset = u64::from(self.links.number());
        self.radios.push(Transceiver::new(position, self.model.power, channel, tsf_offset));
        id
    }

    /// The power of a radio fails: it is deaf and mute from now on, and tells nothing any more. The frame that it has on
    /// the air goes to its end.
    pub fn switch_off(&mut self, id: RadioId) {
        for flight in self.flights.values_mut() {
            flight.sensed_by.retain(|radio| *radio != id);
        }
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        radio.acks.clear();
        radio.queue.clear();
        radio.inbox.clear();
        (radio.tuned, radio.retune, radio.sensing, radio.promiscuous) = (None, None, 0, false);
        radio.enter(Phase::Idle);
    }

    /// Moves a radio.
    pub fn set_position(&mut self, radio: RadioId, position: Position) {
        if let Some(radio) = self.radios.get_mut(radio.0) {
            radio.position = position;
        }
    }

    /// Where a radio is.
    pub fn position(&self, radio: RadioId) -> Option<Position> {
        self.radios.get(radio.0).map(|radio| radio.position)
    }

    /// A radio that is not promiscuous hears only group frames and those to addresses that it acknowledges, as a
    /// station's hardware filter does.
    pub fn set_promiscuous(&mut self, radio: RadioId, promiscuous: bool) {
        if let Some(radio) = self.radios.get_mut(radio.0) {
            radio.promiscuous = promiscuous;
        }
    }

    /// Changes which addresses a radio acknowledges.
    pub fn change_ack(&mut self, radio: RadioId, change: AckChange) {
        if let Some(radio) = self.radios.get_mut(radio.0) {
            match change {
                AckChange::Add(addr) => radio.acks.insert(addr),
                AckChange::Remove(addr) => radio.acks.remove(&addr),
            };
        }
    }

    /// Retunes a radio: it is deaf and mute for [`Model::retune`], after the frame it has on the air. Its queue stays
    /// and goes out on the new channel.
    pub fn set_channel(&mut self, now: Instant, radio: RadioId, channel: Channel) {
        self.advance(now);
        let Some(state) = self.radios.get_mut(radio.0) else { return };
        state.retune = Some(channel);
        if !self.flights.values().any(|flight| flight.radio == radio) {
            self.start_retune(radio);
        }
    }

    /// The channel of a radio, `None` while it retunes.
    pub fn channel(&self, radio: RadioId) -> Option<Channel> {
        self.radios.get(radio.0).filter(|radio| radio.tuned.is_some()).map(|radio| radio.channel)
    }

    /// Whether a radio is on the channel that it was last tuned to.
    pub fn is_tuned(&self, radio: RadioId) -> bool {
        self.radios.get(radio.0).is_some_and(|radio| radio.tuned.is_some() && radio.retune.is_none())
    }

    /// What is done to frames on links that have no knobs of their own.
    pub const fn set_all_links(&mut self, knobs: Knobs) {
        self.links.set_all(knobs);
    }

    /// What is done to frames from one radio to another.
    pub fn set_link(&mut self, from: RadioId, to: RadioId, knobs: Knobs) {
        self.links.set(from, to, knobs);
    }

    /// Who sees every frame from now on.
    pub fn set_witness(&mut self, witness: Witness) {
        self.witness = Some(witness);
    }

    /// What a radio has done so far.
    pub fn stats(&self, radio: RadioId) -> RadioStats {
        self.radios.get(radio.0).map_or_else(RadioStats::default, |radio| radio.stats)
    }

    /// Gives a radio a frame to send. [`Self::poll_timeout`] changes.
    pub fn transmit(&mut self, now: Instant, radio: RadioId, transmit: &Transmit) -> Result<(), QueueFull> {
        self.advance(now);
        let Some(state) = self.radios.get_mut(radio.0) else { return Err(QueueFull) };
        if state.queue.len() >= self.model.queue {
            return Err(QueueFull);
        }
        state.queue.push_back(transmit.clone());
        self.contend(radio);
        Ok(())
    }

    /// The next thing a radio has to tell. Call it after [`Self::advance`] until it has nothing more.
    pub fn receive(&mut self, radio: RadioId) -> Option<Report> {
        self.radios.get_mut(radio.0)?.inbox.pop_front()
    }

    /// Something waits in [`Self::receive`] for this radio.
    pub fn has_report(&self, radio: RadioId) -> bool {
        self.radios.get(radio.0).is_some_and(|radio| !radio.inbox.is_empty())
    }

    /// When the air changes next by itself. Call [`Self::advance`] then, and not later: what a stack answers to a frame
    /// must not come from the past. Changes after any other call.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.events.first_key_value().map(|((at, _), event)| (*at, event.reason()))
    }

    /// Plays all that happens up to and including `now`.
    pub fn advance(&mut self, now: Instant) {
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at.max(self.now);
            self.play(event);
        }
        self.now = now.max(self.now);
    }

    fn play(&mut self, event: Event) {
        match event {
            Event::Expired { radio, token } if self.is_current(radio, token) => self.send_head(radio),
            Event::Unanswered { radio, token } if self.is_current(radio, token) => self.unanswered(radio),
            Event::Expired { .. } | Event::Unanswered { .. } => {}
            Event::Ended(flight) => self.end_flight(flight),
            Event::Respond { radio, to, rate } => self.respond(radio, to, rate),
            Event::Tuned(radio) => self.end_retune(radio),
            Event::Deliver { radio, report } => self.deliver(radio, report),
        }
    }

    fn is_current(&self, radio: RadioId, token: u64) -> bool {
        self.radios.get(radio.0).is_some_and(|radio| radio.token == token)
    }

    pub(super) fn schedule(&mut self, at: Instant, event: Event) {
        self.next_id += 1;
        self.events.insert((at, self.next_id), event);
    }

    fn respond(&mut self, id: RadioId, to: MacAddr, rate: Rate) {
        let Some(radio) = self.radios.get(id.0) else { return };
        if radio.phase != Phase::OnAir && radio.tuned.is_some() {
            self.start_flight(id, ack(to), rate, 0, true);
        }
    }

    pub(super) fn start_flight(
        &mut self,
        id: RadioId,
        frame: Rc<[u8]>,
        rate: Rate,
        attempt: u8,
        response: bool,
    ) {
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        let channel = radio.channel;
        let time = airtime(frame.len(), rate, channel.band() == Band::Ghz2);
        radio.stats.airtime_us += u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let (start, end) = (self.now, self.now + time);
        let mut flight = Flight {
            radio: id,
            channel,
            start,
            end,
            rate,
            frame,
            response,
            overlaps: Vec::new(),
            sensed_by: Vec::new(),
        };
        for other in self.flights.values_mut() {
            other.overlaps.push(other.overlap(&flight));
            flight.overlaps.push(flight.overlap(other));
        }
        if let Some(witness) = &mut self.witness {
            witness(&OnAir { start, end, radio: id, channel, rate, attempt, frame: &flight.frame });
        }
        for other in (0..self.radios.len()).map(RadioId) {
            if self.senses(other, &flight) {
                flight.sensed_by.push(other);
                self.sense_more(other);
            }
        }
        self.next_id += 1;
        let name = self.next_id;
        self.flights.insert(name, flight);
        self.schedule(end, Event::Ended(name));
    }

    fn end_flight(&mut self, name: u64) {
        let Some(mut flight) = self.flights.remove(&name) else { return };
        let sensed_by = std::mem::take(&mut flight.sensed_by);
        if !flight.response {
            self.sent_head(&flight);
        }
        for receiver in (0..self.radios.len()).map(RadioId) {
            match self.hear(receiver, &flight) {
                Heard::Nothing => {}
                Heard::Corrupted(signal) => self.corrupted(receiver, &flight, signal),
                Heard::Understood(signal) => self.understood(receiver, &flight, signal),
            }
        }
        for radio in sensed_by {
            self.sense_less(radio);
        }
        if self.radios.get(flight.radio.0).is_some_and(|radio| radio.retune.is_some()) {
            self.start_retune(flight.radio);
        }
    }

    fn start_retune(&mut self, id: RadioId) {
        let until = self.now + self.model.retune;
        for flight in self.flights.values_mut() {
            flight.sensed_by.retain(|radio| *radio != id);
        }
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        let Some(channel) = radio.retune.take() else { return };
        (radio.channel, radio.tuned, radio.sensing) = (channel, None, 0);
        radio.enter(Phase::Idle);
        self.schedule(until, Event::Tuned(id));
    }

    fn end_retune(&mut self, id: RadioId) {
        let now = self.now;
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        (radio.tuned, radio.idle_since, radio.reserved) = (Some(now), now, now);
        let mut flights = std::mem::take(&mut self.flights);
        for flight in flights.values_mut() {
            if self.senses(id, flight) {
                flight.sensed_by.push(id);
                self.sense_more(id);
            }
        }
        self.flights = flights;
        self.contend(id);
    }
}
