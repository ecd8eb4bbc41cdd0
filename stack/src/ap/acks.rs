//! Which of the block's addresses the radio acknowledges.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::ap::block::{BssidBlock, Place};
use crate::time::Instant;
use crate::wire::{AckChange, MacAddr};

/// Most addresses that are acknowledged because they were offered to somebody.
const OFFERS: usize = 16;
/// An offer that nobody comes back to is forgotten after this time: each address costs the radio something.
const LASTS: Duration = Duration::from_secs(10);
/// One more address can be offered each time that this has passed: on most radios each is an interface to be made and
/// another one to be removed, and a flood of probe requests must not become a flood of these (SEC-M9).
const PAUSE: Duration = Duration::from_millis(125);

/// A station, and the position of the network that it was offered an address for.
pub(super) type Whom = (usize, MacAddr);

#[derive(Clone, Copy, Debug)]
struct Offered {
    place: Place,
    to: Option<Whom>,
    at: Instant,
}

/// The set that the radio should acknowledge, and what it has not been told of it yet.
#[derive(Debug)]
pub(super) struct Acks {
    wanted: BTreeSet<Place>,
    changed: BTreeSet<Place>,
    /// Acknowledged for an offer alone, the latest at the end.
    offered: VecDeque<Offered>,
    credit: u32,
    credited: Instant,
}

impl Acks {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            wanted: BTreeSet::new(),
            changed: BTreeSet::new(),
            offered: VecDeque::new(),
            credit: OFFERS as u32,
            credited: now,
        }
    }

    /// There is a BSS at this address.
    pub(super) fn take(&mut self, place: Place) {
        self.offered.retain(|offered| offered.place != place);
        self.want(place, true);
    }

    /// There is none any more.
    pub(super) fn free(&mut self, place: Place) {
        self.offered.retain(|offered| offered.place != place);
        self.want(place, false);
    }

    /// The free address was offered to a station (`None`: to the one before), which may answer to it.
    pub(super) fn offer(&mut self, now: Instant, place: Place, to: Option<Whom>) {
        let known = self.offered.iter().position(|offered| offered.place == place);
        let before = known.and_then(|at| self.offered.remove(at));
        if before.is_none() && !self.spend(now) {
            return;
        }
        if self.offered.len() >= OFFERS
            && let Some(oldest) = self.offered.pop_front()
        {
            self.want(oldest.place, false);
        }
        let to = to.or(before.and_then(|before| before.to));
        self.offered.push_back(Offered { place, to, at: now });
        self.want(place, true);
    }

    /// The address that a station was offered lately.
    pub(super) fn offered_to(&self, whom: Whom) -> Option<Place> {
        self.offered.iter().find(|offered| offered.to == Some(whom)).map(|offered| offered.place)
    }

    /// The address was offered to somebody lately.
    pub(super) fn is_offered(&self, place: Place) -> bool {
        self.offered.iter().any(|offered| offered.place == place)
    }

    /// Forgets offers that nobody came back to.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(oldest) = self.offered.front().filter(|oldest| now.since(oldest.at) >= LASTS) {
            let place = oldest.place;
            self.offered.pop_front();
            self.want(place, false);
        }
    }

    /// The next change that the radio has to be told. What was undone before it was told is not told.
    pub(super) fn poll(&mut self, block: BssidBlock) -> Option<AckChange> {
        let place = self.changed.pop_first()?;
        let bssid = block.bssid(place);
        Some(if self.wanted.contains(&place) { AckChange::Add(bssid) } else { AckChange::Remove(bssid) })
    }

    /// How many addresses are offered and acknowledged.
    pub(super) fn offers(&self) -> usize {
        self.offered.len()
    }

    fn want(&mut self, place: Place, yes: bool) {
        let changes = if yes { self.wanted.insert(place) } else { self.wanted.remove(&place) };
        if changes && !self.changed.remove(&place) {
            self.changed.insert(place);
        }
    }

    fn spend(&mut self, now: Instant) -> bool {
        let earned = now.since(self.credited).as_micros() / PAUSE.as_micros();
        if earned > 0 {
            self.credit =
                u32::try_from(earned).unwrap_or(u32::MAX).saturating_add(self.credit).min(OFFERS as u32);
            self.credited = now;
        }
        let allowed = self.credit > 0;
        self.credit = self.credit.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::MacAddr;

    const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 1, 0]), bits: 8 };

    fn changes(acks: &mut Acks) -> Vec<AckChange> {
        std::iter::from_fn(|| acks.poll(BLOCK)).collect()
    }

    fn bssid(index: u32) -> MacAddr {
        BLOCK.address(index).unwrap()
    }

    #[test]
    fn sec_m9_offers_are_few_and_change_slowly() {
        let mut acks = Acks::new(Instant::ZERO);
        acks.take(BLOCK.at(0).unwrap());
        let mut told = 0;
        for millis in 0..10_000_u64 {
            acks.offer(
                Instant::from_micros(millis * 1000),
                BLOCK.at(1 + millis as usize % 200).unwrap(),
                None,
            );
            told += changes(&mut acks).len();
            assert!(acks.wanted.len() <= 1 + OFFERS && acks.offers() <= OFFERS);
        }
        assert!((80..=1 + 2 * (OFFERS + 80)).contains(&told), "{told}");
        assert!(acks.wanted.contains(&BLOCK.at(0).unwrap()));
    }

    #[test]
    fn an_offer_is_somebodys_until_nobody_comes_back_to_it() {
        let (mut acks, place) = (Acks::new(Instant::ZERO), BLOCK.at(5).unwrap());
        let whom = (0, MacAddr([2, 0, 0, 0, 9, 9]));
        acks.offer(Instant::ZERO, place, Some(whom));
        acks.offer(Instant::from_micros(5_000_000), place, None);
        assert_eq!((acks.offered_to(whom), acks.offered_to((1, whom.1))), (Some(place), None));
        assert!(acks.is_offered(place));
        changes(&mut acks);
        acks.expire(Instant::from_micros(14_999_999));
        assert_eq!(changes(&mut acks), []);
        acks.expire(Instant::from_micros(15_000_000));
        assert_eq!(changes(&mut acks), [AckChange::Remove(bssid(5))]);
        assert_eq!((acks.offered_to(whom), acks.is_offered(place)), (None, false));
    }

    #[test]
    fn an_offer_that_is_taken_stays_and_goes_when_it_is_free() {
        let mut acks = Acks::new(Instant::ZERO);
        let place = BLOCK.at(5).unwrap();
        acks.offer(Instant::ZERO, place, None);
        assert_eq!(changes(&mut acks), [AckChange::Add(bssid(5))]);
        acks.take(place);
        for other in 10..30_u32 {
            acks.offer(
                Instant::from_micros(u64::from(other) * 1_000_000),
                BLOCK.at(other as usize).unwrap(),
                None,
            );
        }
        assert!(!changes(&mut acks).contains(&AckChange::Remove(bssid(5))));
        acks.free(place);
        assert_eq!(changes(&mut acks), [AckChange::Remove(bssid(5))]);
        acks.take(place);
        acks.free(place);
        assert_eq!(changes(&mut acks), [], "told of nothing that was undone");
    }
}
