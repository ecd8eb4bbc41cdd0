//! Rate control: which rate the next data frame to a peer takes, learned from what became of the earlier ones.
//!
//! A radio that only injects sends all attempts of a frame at one rate, so a frame that probes a rate may be lost with
//! it. Therefore a probe is followed by nothing until its status is there; one that failed goes again under its old
//! sequence number, at the rate that is known to work, and nothing is lost, doubled or overtaken.
//!
//! Of each rate the share of attempts that arrive is kept, a moving average; what a rate is worth is how many frames a
//! second it would bring. Two frames in a row that were given up mean that the world has changed: all is forgotten.

use crate::mac::rates::{Family, Rates};
use crate::wire::{MacAddr, Rate};

/// Certainty. Shares are in 4096ths.
const ONE: u32 = 4096;
/// Below this share a rate is worth nothing.
const LEAST: u32 = ONE / 10;
/// An attempt moves the average by a 16th of its distance, a probe by a quarter since there are few.
const SHIFT: u32 = 4;
const PROBE_SHIFT: u32 = 2;
/// The length for which air times are compared, FCS included, in bytes.
const TYPICAL: u32 = 1200;
/// DIFS, half a contention window, SIFS and an ACK, in microseconds.
const AROUND: u32 = 170;
/// Frames from one probe to the next: while there is something to learn, and otherwise.
const EAGER: u8 = 2;
const PATIENT: u8 = 8;
/// A rate whose probes failed is passed over for a number of probes that doubles, up to two to this power.
const MOST_DOUBT: u8 = 5;
/// What contention grows by with a failed attempt, in microseconds.
const CONTENTION: u32 = 100;
/// A frame is retried for about so many microseconds, within these limits.
const RETRY_TIME: u32 = 25_000;
const FEWEST_RETRIES: u32 = 4;
const MOST_RETRIES: u32 = 10;

/// The rate control of one peer.
#[derive(Debug)]
pub(super) struct RateControl {
    candidates: Vec<Candidate>,
    /// Where [`Rates::robust`] is among them, or the one that comes nearest.
    robust: usize,
    best: usize,
    /// Frames until the next probe.
    until_probe: u8,
    given_up: u8,
    /// A linear congruential generator, so that probes are spread and every run is the same.
    random: u32,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    rate: Rate,
    family: Family,
    /// Of a typical frame with all around it, in microseconds.
    air_time: u32,
    /// Share of attempts that arrive; `None` if there was none.
    share: Option<u32>,
    /// Probes in a row that failed, and for how many it is passed over.
    doubt: u8,
    wait: u8,
}

/// What a frame is sent with, to be told again with what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    place: usize,
    pub(super) rate: Rate,
    pub(super) retries: u8,
    /// Nothing may follow until its status is there.
    pub(super) probe: bool,
}

impl Candidate {
    fn new((family, rate): (Family, Rate)) -> Self {
        Self { rate, family, air_time: air_time(rate), share: None, doubt: 0, wait: 0 }
    }

    /// What it is worth if so many attempts arrive: typical frames in 16 seconds. Every attempt that fails costs its air
    /// time and a longer contention before the next.
    const fn worth(&self, share: u32) -> u32 {
        if share < LEAST {
            return 0;
        }
        let contention = CONTENTION * (ONE - share) / share * ONE;
        16_000_000 / ((self.air_time * ONE + contention) / share)
    }

    fn is_worth(&self) -> u32 {
        self.share.map_or(0, |share| self.worth(share))
    }
}

impl RateControl {
    pub(super) fn new(address: MacAddr, rates: Rates) -> Self {
        let [_, _, a, b, c, d] = address.octets();
        let candidates: Vec<_> = rates.iter().map(Candidate::new).collect();
        let robust = candidates.iter().position(|candidate| candidate.rate == rates.robust()).unwrap_or(0);
        let random = u32::from_be_bytes([a, b, c, d]);
        let mut control = Self { candidates, robust, best: robust, until_probe: EAGER, given_up: 0, random };
        control.forget();
        control
    }

    /// The rate of the next data frame; a probe only if the frame can go again.
    pub(super) fn choose(&mut self, may_probe: bool) -> Option<Choice> {
        self.until_probe = self.until_probe.saturating_sub(1);
        let probe = (may_probe && self.until_probe == 0).then(|| self.probe()).flatten();
        if may_probe && self.until_probe == 0 {
            self.until_probe = PATIENT;
        }
        let place = probe.unwrap_or(self.best);
        let Candidate { rate, air_time, .. } = *self.candidates.get(place)?;
        let retries = (RETRY_TIME / air_time).clamp(FEWEST_RETRIES, MOST_RETRIES) as u8;
        // A probe has one attempt: it is sent again at another rate.
        Some(Choice {
            place,
            rate,
            retries: if probe.is_some() { 0 } else { retries },
            probe: probe.is_some(),
        })
    }

    /// What became of a frame.
    pub(super) fn report(&mut self, choice: Choice, acked: bool, retries: u8) {
        // A driver that does not count its retries still made them.
        let failed = if acked { retries } else { retries.max(choice.retries).saturating_add(1) };
        self.learn(choice, acked, u32::from(failed));
        if !choice.probe {
            self.given_up = if acked { 0 } else { self.given_up + 1 };
        }
        if self.given_up >= 2 {
            self.forget();
        }
        self.choose_best();
        if choice.probe {
            self.probed(choice.place, acked);
        }
    }

    /// A probe that arrived says that it is worth while to look again at others of its kind.
    fn probed(&mut self, place: usize, acked: bool) {
        let family = self.candidates.get(place).map(|candidate| candidate.family);
        for (other, candidate) in self.candidates.iter_mut().enumerate() {
            if acked && Some(candidate.family) == family {
                (candidate.doubt, candidate.wait) = (0, 0);
            } else if !acked && other == place {
                candidate.doubt = (candidate.doubt + 1).min(MOST_DOUBT);
                candidate.wait = 1 << candidate.doubt;
            }
        }
        let learning = acked || self.promising().any(|place| self.is_unknown(place));
        self.until_probe = if learning { EAGER } else { PATIENT };
    }

    fn learn(&mut self, choice: Choice, acked: bool, failed: u32) {
        let Some(candidate) = self.candidates.get_mut(choice.place) else { return };
        let shift = if choice.probe { PROBE_SHIFT } else { SHIFT };
        let share = match candidate.share {
            // once may be luck
            None if acked => ONE / 2 / (failed + 1),
            None => 0,
            Some(share) => {
                let after = (0..failed).fold(share, |share, _| share - (share >> shift));
                if acked { after + ((ONE - after) >> shift) } else { after }
            }
        };
        candidate.share = Some(share);
        let family = candidate.family;
        // What a slower one carries a faster one cannot better, and the other way round.
        for (place, other) in
            self.candidates.iter_mut().enumerate().filter(|(_, other)| other.family == family)
        {
            if place < choice.place && acked {
                other.share = Some(other.share.map_or(share, |slower| slower.max(share)));
            } else if place > choice.place && !acked {
                let worthless = (share < LEAST).then_some(share);
                other.share = other.share.map(|faster| faster.min(share)).or(worthless);
            }
        }
    }

    fn choose_best(&mut self) {
        let worth = |place: &usize| self.candidates.get(*place).map_or(0, Candidate::is_worth);
        let best = (0..self.candidates.len()).max_by_key(worth).filter(|place| worth(place) > 0);
        self.best = best.unwrap_or(self.robust);
    }

    fn is_unknown(&self, place: usize) -> bool {
        self.candidates.get(place).is_some_and(|candidate| candidate.share.is_none())
    }

    /// Those that could be better than the best is.
    fn promising(&self) -> impl Iterator<Item = usize> {
        let worth = self.best_worth();
        let all = self.candidates.iter().enumerate();
        all.filter(move |(_, candidate)| candidate.worth(ONE) > worth).map(|(place, _)| place)
    }

    /// What to probe: every second time the candidate that promises the least, which is the next step up, else any.
    fn probe(&mut self) -> Option<usize> {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let draw = usize::from((self.random >> 16) as u16);
        let found = self.next_up(draw);
        let worth = self.best_worth();
        for candidate in self.candidates.iter_mut().filter(|candidate| candidate.worth(ONE) > worth) {
            candidate.wait = candidate.wait.saturating_sub(1);
        }
        found
    }

    /// Of those that are not passed over: with an even draw the next step up, else any.
    fn next_up(&self, draw: usize) -> Option<usize> {
        let ready = || self.promising().filter(|&place| self.is_ready(place));
        if draw.is_multiple_of(2) {
            return ready()
                .min_by_key(|&place| self.candidates.get(place).map(|candidate| candidate.worth(ONE)));
        }
        ready().nth(draw.checked_rem(ready().count())?)
    }

    fn is_ready(&self, place: usize) -> bool {
        place != self.best && self.candidates.get(place).is_some_and(|candidate| candidate.wait == 0)
    }

    fn best_worth(&self) -> u32 {
        self.candidates.get(self.best).map_or(0, Candidate::is_worth)
    }

    /// Begins anew, at the robust rate.
    fn forget(&mut self) {
        for candidate in &mut self.candidates {
            (candidate.share, candidate.doubt, candidate.wait) = (None, 0, 0);
        }
        if let Some(candidate) = self.candidates.get_mut(self.robust) {
            candidate.share = Some(ONE);
        }
        (self.best, self.given_up, self.until_probe) = (self.robust, 0, EAGER);
    }
}

/// Of a typical frame with all around it, in microseconds (802.11-2020 16.3.4, 17.4.3, 19.4.3), to a microsecond or so.
fn air_time(rate: Rate) -> u32 {
    let bits = TYPICAL * 8;
    let per_symbol = |mcs: u8| match mcs % 8 {
        0 => 26,
        1 => 52,
        2 => 78,
        3 => 104,
        4 => 156,
        5 => 208,
        6 => 234,
        _ => 260,
    };
    AROUND
        + match rate {
            Rate::Legacy(units @ (2 | 4 | 11 | 22)) => 192 + bits * 2 / u32::from(units),
            Rate::Legacy(units) => 20 + bits * 2 / u32::from(units.max(1)),
            Rate::Ht { mcs, .. } => {
                let streams = u32::from(mcs / 8) + 1;
                32 + 4 * streams + 4 * bits.div_ceil(per_symbol(mcs) * streams)
            }
            Rate::Vht { .. } | Rate::He { .. } => 20 + bits,
        }
}

#[cfg(test)]
mod tests;
