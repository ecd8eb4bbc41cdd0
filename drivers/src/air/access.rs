//! How a radio gets at the medium and what it does until its frame is acknowledged: carrier sense, backoff, retries
//! (802.11-2020 10.3).

use std::rc::Rc;

use stack::wire::{Band, Rate, Transmit, TxStatus};

use super::flight::Flight;
use super::medium::{Air, Event};
use super::transceiver::{CW_MAX, CW_MIN, Phase, RadioId, Report, Transceiver};
use crate::propagation::{Model, SLOT, airtime, mpdu, response_rate};

/// What a frame goes out at whose sender leaves the rate to the radio: the lowest basic one, as Linux does with a frame
/// that was injected.
const fn lowest_rate(band: Band) -> Rate {
    match band {
        Band::Ghz2 => Rate::Legacy(2),
        Band::Ghz5 | Band::Ghz6 => Rate::Legacy(12),
    }
}

impl Air {
    /// Draws a backoff for the head of the queue, unless the radio is at it already.
    pub(super) fn contend(&mut self, id: RadioId) {
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        if radio.phase != Phase::Idle || radio.queue.is_empty() || radio.tuned.is_none() {
            return;
        }
        let slots = self.links.number() % (radio.window + 1);
        radio.enter(Phase::Contending { slots, from: self.now, expiry: None });
        self.count_down(id);
    }

    /// Starts the countdown if the medium is idle.
    pub(super) fn count_down(&mut self, id: RadioId) {
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        let Phase::Contending { slots, .. } = radio.phase else { return };
        if radio.sensing > 0 || radio.tuned.is_none() {
            return;
        }
        let idle = radio.idle_since.max(radio.reserved) + Model::difs(radio.channel);
        let from = idle.max(self.now);
        let expiry = from + SLOT * slots;
        let token = radio.enter(Phase::Contending { slots, from, expiry: Some(expiry) });
        self.schedule(expiry, Event::Expired { radio: id, token });
    }

    /// Stops the countdown; a radio that starts in this very slot can't know yet and collides.
    pub(super) fn freeze(&mut self, id: RadioId) {
        let now = self.now;
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        let Phase::Contending { slots, from, expiry: Some(expiry) } = radio.phase else { return };
        if expiry <= now {
            return;
        }
        let passed = now.since(from).as_micros() / SLOT.as_micros();
        let slots = slots.saturating_sub(u32::try_from(passed).unwrap_or(u32::MAX));
        radio.enter(Phase::Contending { slots, from: now, expiry: None });
    }

    pub(super) fn sense_more(&mut self, id: RadioId) {
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        radio.sensing += 1;
        if radio.sensing == 1 {
            self.freeze(id);
        }
    }

    pub(super) fn sense_less(&mut self, id: RadioId) {
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        radio.sensing = radio.sensing.saturating_sub(1);
        if radio.sensing == 0 {
            radio.idle_since = self.now;
            self.resume(id);
        }
    }

    /// The medium has become idle: counts on, unless this radio was about to send in this very slot.
    pub(super) fn resume(&mut self, id: RadioId) {
        let frozen = |radio: &Transceiver| matches!(radio.phase, Phase::Contending { expiry: None, .. });
        if self.radios.get(id.0).is_some_and(frozen) {
            self.count_down(id);
        }
    }

    pub(super) fn send_head(&mut self, id: RadioId) {
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        let Some(head) = radio.queue.front() else { return };
        let mut frame: Rc<[u8]> = head.frame.as_slice().into();
        if radio.attempt > 0 {
            mpdu::set_retry(Rc::make_mut(&mut frame));
        }
        let rate = head.options.rate.unwrap_or(lowest_rate(radio.channel.band()));
        radio.enter(Phase::OnAir);
        radio.stats.sent += 1;
        radio.stats.retried += u64::from(radio.attempt > 0);
        let attempt = radio.attempt;
        self.start_flight(id, frame, rate, attempt, false);
    }

    /// The head of the queue has left: waits for its ACK, or is done with it.
    pub(super) fn sent_head(&mut self, flight: &Flight) {
        let Some(radio) = self.radios.get_mut(flight.radio.0) else { return };
        let no_ack = radio.queue.front().is_some_and(|head| head.options.no_ack);
        let Some(answer_to) = flight.wants_ack().filter(|_| !no_ack) else {
            self.finish_head(flight.radio, true);
            return;
        };
        let token = radio.enter(Phase::AwaitingAck(answer_to));
        let ghz2 = flight.channel.band() == Band::Ghz2;
        let answer = airtime(10, response_rate(flight.rate), ghz2);
        let due = flight.end + Model::sifs(flight.channel) + answer + SLOT;
        self.schedule(due, Event::Unanswered { radio: flight.radio, token });
    }

    pub(super) fn unanswered(&mut self, id: RadioId) {
        let limit = self.model.retries;
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        let Some(head) = radio.queue.front() else { return };
        let limit = head.options.retries.unwrap_or(limit);
        if radio.attempt >= limit {
            radio.stats.failed += 1;
            self.finish_head(id, false);
            return;
        }
        radio.attempt += 1;
        radio.window = (2 * radio.window + 1).min(CW_MAX);
        radio.enter(Phase::Idle);
        self.contend(id);
    }

    pub(super) fn finish_head(&mut self, id: RadioId, acked: bool) {
        let Some(radio) = self.radios.get_mut(id.0) else { return };
        if let Some(Transmit { id, .. }) = radio.queue.pop_front() {
            radio.inbox.push_back(Report::Status(TxStatus { id, acked, retries: radio.attempt }));
        }
        (radio.attempt, radio.window) = (0, CW_MIN);
        radio.enter(Phase::Idle);
        self.contend(id);
    }
}
