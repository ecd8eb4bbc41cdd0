//! Numbers that were passed over and may still come.

use crate::wire::record::record;

/// Ranges that are kept; the oldest makes room.
const MOST: usize = 64;

/// Numbers that were passed over, of counters that are told apart by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Gaps(Vec<Gap>);

/// All numbers from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    place: u8,
    first: u64,
    last: u64,
}

record!(Gaps { 0 });
record!(Gap { place, first, last });

impl Gap {
    const fn has(&self, place: u8, number: u64) -> bool {
        self.place == place && self.first <= number && number <= self.last
    }
}

impl Gaps {
    /// All from `first` to `last` were passed over; none, if `last` is below.
    pub(super) fn skip(&mut self, place: u8, first: u64, last: u64) {
        if first > last {
            return;
        }
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Gap { place, first, last });
    }

    /// Whether it was passed over and has not come since.
    pub(super) fn has(&self, place: u8, number: u64) -> bool {
        self.0.iter().any(|gap| gap.has(place, number))
    }

    /// It has come. Says whether it was passed over.
    pub(super) fn take(&mut self, place: u8, number: u64) -> bool {
        let Some(at) = self.0.iter().position(|gap| gap.has(place, number)) else { return false };
        let Gap { first, last, .. } = self.0.remove(at);
        if number < last {
            self.0.insert(at, Gap { place, first: number + 1, last });
        }
        if first < number {
            self.0.insert(at, Gap { place, first, last: number - 1 });
        }
        self.0.truncate(MOST);
        true
    }

    /// None of a counter is waited for any more, up to and with this number.
    pub(super) fn forget_up_to(&mut self, place: u8, number: u64) {
        self.0.retain(|gap| gap.place != place || gap.last > number);
        for gap in self.0.iter_mut().filter(|gap| gap.place == place) {
            gap.first = gap.first.max(number.saturating_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_comes_once() {
        let mut gaps = Gaps::default();
        gaps.skip(1, 10, 12);
        gaps.skip(1, 14, 13);
        assert!(!gaps.has(0, 11) && !gaps.has(1, 9) && !gaps.has(1, 13) && gaps.has(1, 12));
        assert!(gaps.take(1, 11) && !gaps.take(1, 11) && gaps.has(1, 10) && gaps.has(1, 12));
        gaps.forget_up_to(0, 100);
        gaps.forget_up_to(1, 10);
        assert!(!gaps.has(1, 10) && gaps.take(1, 12) && gaps == Gaps::default());
    }

    proptest! {
        #[test]
        fn it_is_a_set_of_bounded_size(steps in proptest::collection::vec((0u64..300, 0u64..20), 0..300)) {
            let (mut gaps, mut set, mut taken) = (Gaps::default(), std::collections::BTreeSet::new(), 0);
            for (number, (which, length)) in steps.into_iter().enumerate() {
                if which % 2 == 0 {
                    // Each number is passed over once.
                    let first = 1000 * number as u64;
                    gaps.skip(0, first, first + length);
                    set.extend(first..=first + length);
                } else if let Some(&some) = set.iter().nth(which as usize % set.len().max(1)) {
                    set.remove(&some);
                    taken += usize::from(gaps.take(0, some));
                    prop_assert!(!gaps.has(0, some));
                }
                prop_assert!(gaps.0.len() <= MOST);
                prop_assert!(gaps.0.iter().all(|gap| (gap.first..=gap.last).all(|number| set.contains(&number))));
            }
            prop_assert!(taken > 0 || set.len() < 3000);
        }
    }
}
