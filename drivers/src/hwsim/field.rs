//! The radios at their places, and what becomes of a frame between them. No kernel here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use stack::time::Instant;
use stack::wire::{AckChange, Band, Channel, MacAddr, Rate};

use super::message::{Attempt, Fate, Hearer, Sent};
use crate::propagation::{Knobs, Links, Model, Position, airtime, as_i8, mpdu, response_rate};

/// Bytes of an ACK without its FCS (802.11-2020 9.3.1.4).
const ACK: usize = 10;
/// A frame that would have to wait longer goes on the air all the same: the radios send at their own pace.
const HORIZON: Duration = Duration::from_millis(20);
/// Frames that are on the air at a time at the most.
const FLIGHTS: usize = 256;

/// All radios that were ever heard of.
pub(super) struct Field {
    model: Model,
    links: Links<MacAddr>,
    radios: BTreeMap<MacAddr, Radio>,
    flights: VecDeque<Flight>,
}

/// When a frame is on the air.
#[derive(Clone, Copy)]
struct Flight {
    radio: MacAddr,
    channel: Channel,
    start: Instant,
    end: Instant,
}

#[derive(Default)]
struct Radio {
    /// Without one it is out of this world.
    position: Option<Position>,
    /// What the kernel says that it acknowledges.
    told: BTreeSet<MacAddr>,
    /// The addresses of its monitors.
    monitors: BTreeSet<MacAddr>,
    /// Of whom neither is known, the address that it sent from last.
    learned: Option<MacAddr>,
}

impl Radio {
    fn acknowledges(&self, address: MacAddr) -> bool {
        self.told.contains(&address) || self.monitors.contains(&address) || self.learned == Some(address)
    }
}

impl Field {
    pub(super) fn new(seed: u64, model: Model) -> Self {
        Self { model, links: Links::new(seed), radios: BTreeMap::new(), flights: VecDeque::new() }
    }

    pub(super) fn place(&mut self, radio: MacAddr, position: Option<Position>) {
        self.radio(radio).position = position;
    }

    pub(super) const fn set_all_links(&mut self, knobs: Knobs) {
        self.links.set_all(knobs);
    }

    pub(super) fn set_link(&mut self, from: MacAddr, to: MacAddr, knobs: Knobs) {
        self.links.set(from, to, knobs);
    }

    /// What the kernel tells of an address of a radio.
    pub(super) fn change(&mut self, radio: MacAddr, change: AckChange) {
        let radio = self.radio(radio);
        match change {
            AckChange::Add(address) => radio.told.insert(address),
            AckChange::Remove(address) => radio.told.remove(&address),
        };
        radio.learned = None;
    }

    /// All monitors that there are now, each the address of its radio and its own.
    pub(super) fn set_monitors(&mut self, monitors: &[(MacAddr, MacAddr)]) {
        for radio in self.radios.values_mut() {
            radio.monitors.clear();
        }
        for (name, address) in monitors {
            let radio = self.radio(*name);
            radio.monitors.insert(*address);
            radio.learned = None;
        }
    }

    /// Plays a frame attempt by attempt. `deliver` hands an attempt to those who hear it and yields which of the
    /// addressed radios took it, which the field can't know: they may be on another channel, or off.
    pub(super) fn play<E>(
        &mut self,
        now: Instant,
        sent: &Sent<'_>,
        mut deliver: impl FnMut(&Attempt) -> Result<Vec<MacAddr>, E>,
    ) -> Result<Fate, E> {
        self.learn(sent);
        let mut fate = Fate::default();
        for rate in sent.series.attempts(sent.channel.band()) {
            let flight = self.launch(now, sent, rate);
            let hearers = self.hearers(sent, rate, flight);
            let attempt = Attempt { retry: fate.attempts > 0, rate, hearers };
            fate.attempts += 1;
            let takers = if attempt.hearers.is_empty() { Vec::new() } else { deliver(&attempt)? };
            if sent.wants_ack().is_none() {
                break;
            }
            fate.ack = takers.iter().filter_map(|taker| self.acknowledge(*taker, sent, rate)).max();
            if fate.ack.is_some() {
                break;
            }
        }
        Ok(fate)
    }

    /// Puts a frame on the air behind those that its sender hears.
    fn launch(&mut self, now: Instant, sent: &Sent<'_>, rate: Rate) -> Flight {
        self.flights.retain(|flight| flight.end > now);
        let heard = self.flights.iter().filter(|flight| self.defers(sent.radio, sent.channel, flight));
        let idle = heard.map(|flight| flight.end + Model::difs(sent.channel)).max();
        let start = idle.unwrap_or(now).clamp(now, now + HORIZON);
        let time = airtime(sent.frame.len(), rate, sent.channel.band() == Band::Ghz2);
        let flight = Flight { radio: sent.radio, channel: sent.channel, start, end: start + time };
        if self.flights.len() >= FLIGHTS {
            self.flights.pop_front();
        }
        self.flights.push_back(flight);
        flight
    }

    fn defers(&self, radio: MacAddr, channel: Channel, flight: &Flight) -> bool {
        let same = channel.frequency() == flight.channel.frequency();
        radio == flight.radio
            || self
                .power_at(flight.radio, flight.channel, radio, channel)
                .is_some_and(|power| self.model.defers(power, same))
    }

    /// By how much a frame stands out at a receiver; `None` if that is busy with another, or sends itself.
    fn stands_out(&self, at: MacAddr, signal: f64, flight: Flight) -> Option<f64> {
        let beside = |other: &&Flight| {
            other.radio != flight.radio && other.start < flight.end && other.end > flight.start
        };
        if self.flights.iter().filter(beside).any(|other| other.radio == at) {
            return None;
        }
        let others = self.flights.iter().filter(beside).filter_map(|other| {
            let power = self.power_at(other.radio, other.channel, at, flight.channel)?;
            Some((power, other.start < flight.start && other.channel == flight.channel))
        });
        self.model.stands_out(signal, others)
    }

    fn hearers(&mut self, sent: &Sent<'_>, rate: Rate, flight: Flight) -> Vec<Hearer> {
        let to = sent.wants_ack().and_then(|_| mpdu::receiver(sent.frame));
        let others: Vec<MacAddr> = self.radios.keys().copied().filter(|radio| *radio != sent.radio).collect();
        let mut hearers = Vec::new();
        for radio in others {
            let Some(signal) = self.signal(sent.radio, radio, sent.channel) else { continue };
            let snr = self.stands_out(radio, signal, flight);
            let lost = |snr| self.links.garbles(sent.radio, radio, sent.frame.len(), rate, snr);
            if snr.is_none_or(lost) {
                continue;
            }
            let owns = |address| self.radios.get(&radio).is_some_and(|radio| radio.acknowledges(address));
            hearers.push(Hearer { radio, signal: as_i8(signal), addressed: to.is_some_and(owns) });
        }
        hearers
    }

    /// The signal of the ACK at the sender, if it is understood there.
    fn acknowledge(&mut self, taker: MacAddr, sent: &Sent<'_>, rate: Rate) -> Option<i8> {
        let signal = self.signal(taker, sent.radio, sent.channel)?;
        let snr = self.model.stands_out(signal, std::iter::empty())?;
        let lost = self.links.garbles(taker, sent.radio, ACK, response_rate(rate), snr);
        if lost { None } else { Some(as_i8(signal)) }
    }

    /// Power at a receiver on the same channel, in dBm; `None` where it does not notice.
    fn signal(&self, from: MacAddr, to: MacAddr, channel: Channel) -> Option<f64> {
        self.power_at(from, channel, to, channel).filter(|signal| *signal >= self.model.sensitivity)
    }

    /// Power of a transmission at a radio, in dBm, after what its channel filter takes away.
    fn power_at(&self, from: MacAddr, channel: Channel, to: MacAddr, tuned: Channel) -> Option<f64> {
        let place = |radio| Some((radio, self.radios.get(&radio)?.position?));
        let loss = self.links.loss(&self.model, place(from)?, place(to)?, channel)?;
        Some(self.model.power - loss - Model::rejection(channel, tuned)?)
    }

    fn learn(&mut self, sent: &Sent<'_>) {
        let radio = self.radio(sent.radio);
        if radio.told.is_empty() && radio.monitors.is_empty() {
            radio.learned = mpdu::transmitter(sent.frame);
        }
    }

    fn radio(&mut self, name: MacAddr) -> &mut Radio {
        if !self.radios.contains_key(&name) {
            self.links.add(&self.model, name, self.radios.keys().copied());
        }
        self.radios.entry(name).or_default()
    }
}

#[cfg(test)]
mod tests;
