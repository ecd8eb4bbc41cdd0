//! What a receiver makes of a frame: nothing, noise, or the frame.

use std::time::Duration;

use stack::wire::{Channel, RxInfo};

use super::flight::{Flight, is_ack_to};
use super::medium::{Air, Event};
use super::transceiver::{Phase, RadioId, Report};
use crate::propagation::{Model, as_i8, response_rate};

/// What a receiver made of a frame.
pub(super) enum Heard {
    Nothing,
    Corrupted(f64),
    Understood(f64),
}

impl Air {
    pub(super) fn corrupted(&mut self, id: RadioId, flight: &Flight, signal: f64) {
        let deliver = self.model.deliver_corrupted;
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        radio.stats.corrupted += 1;
        if !deliver || !radio.promiscuous {
            return;
        }
        let mut bytes = flight.frame.to_vec();
        let bit = usize::try_from(self.links.number()).unwrap_or(0) % (bytes.len() * 8).max(1);
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
        }
        self.report(id, flight, signal, bytes, true);
    }

    pub(super) fn understood(&mut self, id: RadioId, flight: &Flight, signal: f64) {
        let now = self.now;
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        radio.stats.heard += 1;
        let own = flight.receiver().is_some_and(|addr| radio.acks.contains(&addr));
        if let Phase::AwaitingAck(expected) = radio.phase
            && is_ack_to(&flight.frame, expected)
        {
            self.finish_head(id, true);
        } else if !own {
            radio.reserved = radio.reserved.max(now + Duration::from_micros(u64::from(flight.duration())));
            self.freeze(id);
            self.resume(id);
        }
        if let Some(to) = flight.wants_ack().filter(|_| own) {
            let at = now + Model::sifs(flight.channel);
            self.schedule(at, Event::Respond { radio: id, to, rate: response_rate(flight.rate) });
        }
        if self.radios.get(id.0).is_some_and(|radio| radio.takes(flight.receiver())) {
            self.report(id, flight, signal, flight.frame.to_vec(), false);
        }
    }

    pub(super) fn report(
        &mut self,
        id: RadioId,
        flight: &Flight,
        signal: f64,
        bytes: Vec<u8>,
        bad_fcs: bool,
    ) {
        let delay = self.links.knobs(flight.radio, id).delay;
        let Some(radio) = self.radios.get(id.0) else { return };
        let info = RxInfo {
            tsft: Some(flight.start.as_micros() + radio.tsf_offset),
            frequency: Some(flight.channel.frequency()),
            signal: Some(as_i8(signal)),
            noise: Some(as_i8(self.model.noise)),
            rate: Some(flight.rate),
            bad_fcs,
        };
        let report = Report::Frame(info, bytes);
        if delay.is_zero() {
            self.deliver(id, report);
        } else {
            self.schedule(self.now + delay, Event::Deliver { radio: id, report });
        }
    }

    pub(super) fn deliver(&mut self, id: RadioId, report: Report) {
        if let Some(radio) = self.radios.get_mut(id.0) {
            radio.inbox.push_back(report);
        }
    }

    pub(super) fn senses(&self, id: RadioId, flight: &Flight) -> bool {
        let Some(radio) = self.radios.get(id.0).filter(|radio| radio.tuned.is_some()) else { return false };
        if id == flight.radio {
            return true;
        }
        let Some(power) = self.power_at(flight.radio, flight.channel, id) else { return false };
        let same = radio.channel.frequency() == flight.channel.frequency();
        self.model.defers(power, same)
    }

    /// What `id` understands of a frame that has just ended.
    pub(super) fn hear(&mut self, id: RadioId, flight: &Flight) -> Heard {
        let Some(radio) = self.radios.get(id.0).filter(|_| id != flight.radio) else { return Heard::Nothing };
        let tuned = radio.tuned.is_some_and(|since| since <= flight.start);
        let deaf = flight.overlaps.iter().any(|other| other.radio == id);
        if !tuned || deaf || radio.channel.frequency() != flight.channel.frequency() {
            return Heard::Nothing;
        }
        let Some(signal) = self.power_at(flight.radio, flight.channel, id) else { return Heard::Nothing };
        if signal < self.model.sensitivity {
            return Heard::Nothing;
        }
        let others = flight.overlaps.iter().filter(|other| !other.twin);
        let others = others.filter_map(|other| {
            let power = self.power_at(other.radio, other.channel, id)?;
            Some((power, other.earlier && other.channel == flight.channel))
        });
        let Some(snr) = self.model.stands_out(signal, others) else { return Heard::Corrupted(signal) };
        if self.links.garbles(flight.radio, id, flight.frame.len(), flight.rate, snr) {
            Heard::Corrupted(signal)
        } else {
            Heard::Understood(signal)
        }
    }

    /// Power of a transmission at a receiver, in dBm, after what its channel filter takes away.
    pub(super) fn power_at(&self, from: RadioId, channel: Channel, to: RadioId) -> Option<f64> {
        let (sender, receiver) = (self.radios.get(from.0)?, self.radios.get(to.0)?);
        let rejection = Model::rejection(channel, receiver.channel)?;
        let (from, to) = ((from, sender.position), (to, receiver.position));
        Some(sender.power - self.links.loss(&self.model, from, to, channel)? - rejection)
    }
}
