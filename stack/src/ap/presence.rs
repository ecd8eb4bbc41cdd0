//! Who is still there: stations that say nothing are asked, and leave if they do not answer.

use std::time::Duration;

use crate::ap::admission::Pair;
use crate::ap::block::Place;
use crate::ap::outbox::Whose;
use crate::ap::radio::{ApRadio, Parting};
use crate::ap::virtual_ap::Station;
use crate::mac::SequenceSpace;
use crate::time::Instant;
use crate::wire::{FrameKind, MacHeader, ReasonCode, SequenceControl};

/// How often stations are looked after.
pub(super) const TICK: Duration = Duration::from_millis(100);
/// A station that is awake has this long to answer, as with hostapd; one that dozes has its listen interval besides.
const ANSWER: Duration = Duration::from_secs(3);
/// An awake station that does not answer is asked again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A station that has never shown that it exists keeps its place for this long when there are no others.
const HALF_OPEN: Duration = Duration::from_secs(5);
/// Group frames are kept this long: several DTIM intervals.
const GROUP_AGE: Duration = Duration::from_secs(10);

/// What is to be done about a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Ask,
    Gone,
}

impl ApRadio {
    /// Frames kept too long go, keys are replaced, and who is silent is asked with a Null frame or, while it dozes, by its
    /// bit in the TIM.
    pub(super) fn look_after_stations(&mut self, now: Instant) {
        self.acks.expire(now);
        self.forget_departed(now);
        for index in 0..self.slots.len() {
            let Some(place) = self.block().at(index).filter(|&place| self.slot(place).is_some()) else {
                continue;
            };
            self.with_ap(now, place, |ap, context| ap.group_queue.expire(GROUP_AGE, context));
            self.group_rekey_due(now, place);
        }
        for pair in self.pairs() {
            self.rekey_due(now, pair);
            self.look_after(now, pair);
        }
    }

    fn look_after(&mut self, now: Instant, pair: Pair) {
        let full = self.has_no_room(pair.0);
        let verdict = self.with_ap(now, pair.0, |ap, context| {
            let limit = ap.config.inactivity;
            let station = ap.stations.get_mut(&pair.1)?;
            station.peer.expire(now, context.pool, context.drops);
            if full && !station.proven && now.since(station.since) >= HALF_OPEN {
                return Some(Verdict::Gone);
            }
            Some(station.presence(now, limit))
        });
        match verdict.flatten() {
            Some(Verdict::Ask) => self.ask(pair),
            Some(Verdict::Gone) => self.leave(pair, ReasonCode::INACTIVITY, Parting::Disassociate),
            Some(Verdict::Fine) => self.wake(pair),
            None => {}
        }
    }

    /// No other station finds a place where this one is.
    fn has_no_room(&self, place: Place) -> bool {
        let Some(slot) = self.slot(place) else { return false };
        let most = self.networks.get(slot.network).map_or(0, super::network::Network::most);
        match slot.ap.client {
            Some(_) => {
                let members = self.networks.get(slot.network).map_or(0, |network| network.members.len());
                self.free == 0 || members >= most
            }
            None => slot.ap.stations.len() >= most,
        }
    }

    fn ask(&mut self, pair: Pair) {
        let Some(station) = self.slot(pair.0).and_then(|slot| slot.ap.stations.get(&pair.1)) else { return };
        let whose = Whose::Station(pair, station.association);
        let frame = self.null_frame(pair);
        self.send(whose, frame);
    }

    /// A Null frame to a station, which has only to acknowledge it.
    pub(super) fn null_frame(&mut self, (place, station): Pair) -> Vec<u8> {
        let bssid = self.block().bssid(place);
        let mut frame = self.pool.take();
        let number = self.ap_mut(place).map(|ap| ap.sequence.next(SequenceSpace::Common)).unwrap_or_default();
        let mut header = MacHeader::from_ds(station, bssid, bssid);
        header.frame_control = header.frame_control.with_kind(FrameKind::NULL);
        header.with_sequence(SequenceControl::new(number, 0)).emit(&mut frame);
        frame
    }
}

impl Station {
    /// It is there.
    pub(super) const fn heard(&mut self, now: Instant) {
        self.asked = None;
        self.peer.stats.last_heard = now;
    }

    /// A frame to it was acknowledged, so there is somebody: who only sends can give any address as its own, but
    /// acknowledges for none of them.
    pub(super) const fn acknowledged(&mut self, now: Instant) {
        self.heard(now);
        self.proven = true;
    }

    fn presence(&mut self, now: Instant, limit: Duration) -> Verdict {
        if self.peer.stats.silence(now) < limit {
            self.asked = None;
            return Verdict::Fine;
        }
        let dozing = self.peer.power_save().is_dozing();
        let Some(since) = self.asked else {
            self.asked = Some(now);
            return if dozing { Verdict::Fine } else { Verdict::Ask };
        };
        let patience = if dozing { ANSWER + self.peer.config().buffer_age } else { ANSWER };
        let waited = now.since(since);
        if waited >= patience {
            return Verdict::Gone;
        }
        let times = |waited: Duration| waited.as_micros() / ASK_AGAIN.as_micros();
        let again = !dozing && times(waited) > times(waited.saturating_sub(TICK));
        if again { Verdict::Ask } else { Verdict::Fine }
    }
}
