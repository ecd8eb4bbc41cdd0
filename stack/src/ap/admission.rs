//! What is remembered of those who are not associated: little, and bounded (SEC-M9, SEC-M10).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::ap::block::Place;
use crate::time::Instant;
use crate::wire::MacAddr;

/// Most pairs remembered.
const MOST: usize = 1024;

/// A BSS and a station.
pub(super) type Pair = (Place, MacAddr);

/// Pairs that were seen lately. The oldest makes room.
#[derive(Debug, Default)]
pub(super) struct Recent {
    seen: BTreeMap<Pair, Instant>,
    order: VecDeque<(Pair, Instant)>,
}

impl Recent {
    pub(super) fn insert(&mut self, pair: Pair, now: Instant) {
        if self.order.len() >= MOST {
            self.forget_oldest();
        }
        self.seen.insert(pair, now);
        self.order.push_back((pair, now));
    }

    pub(super) fn contains(&self, pair: Pair, now: Instant, age: Duration) -> bool {
        self.seen.get(&pair).is_some_and(|&at| now.since(at) < age)
    }

    pub(super) fn forget(&mut self, pair: Pair) {
        self.seen.remove(&pair);
    }

    /// Whether a reply may go to this pair: one in `interval`, and none at all while the table is full of younger ones.
    pub(super) fn permits(&mut self, pair: Pair, now: Instant, interval: Duration) -> bool {
        let full =
            self.order.len() >= MOST && self.order.front().is_some_and(|(_, at)| now.since(*at) < interval);
        if full || self.contains(pair, now, interval) {
            return false;
        }
        self.insert(pair, now);
        true
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    fn forget_oldest(&mut self) {
        if let Some((pair, at)) = self.order.pop_front()
            && self.seen.get(&pair) == Some(&at)
        {
            self.seen.remove(&pair);
        }
    }
}
