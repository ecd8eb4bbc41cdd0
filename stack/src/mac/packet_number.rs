//! Packet numbers: one that only goes up, and those that were seen.

use crate::mac::Purpose;
use crate::mac::gaps::Gaps;
use crate::wire::record::record;

/// The largest packet number there is, 2^48 - 1 (802.11-2020 12.5.3.2).
pub const MAX_PACKET_NUMBER: u64 = (1 << 48) - 1;

/// No packet number is left: the key must not be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the packet numbers of the transmit key are used up: it has to be replaced")]
pub struct PacketNumbersUsedUp;

/// Packet numbers that one owner of a transmit key may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxRange {
    /// The first number used is the one after this.
    pub after: u64,
    /// A rekey is due once a number above this was used.
    pub rekey_above: u64,
    /// The last number that may be used.
    pub limit: u64,
}

impl TxRange {
    /// All 48 bits; a rekey is due when seven eighths of them are used up.
    pub const ALL: Self = Self { after: 0, rekey_above: MAX_PACKET_NUMBER / 8 * 7, limit: MAX_PACKET_NUMBER };
}

/// The packet number of a transmit key. It only goes up, and there is only one of it: neither `Clone` nor `Copy`, so no
/// two owners can use the same number under the same key (SEC-K12, SEC-H1).
#[derive(Debug, PartialEq, Eq)]
pub struct TxPn {
    last: u64,
    rekey_above: u64,
    limit: u64,
}

impl TxPn {
    /// The numbers of a range; those above 48 bits are left out.
    pub const fn within(range: TxRange) -> Self {
        let TxRange { after, rekey_above, limit } = range;
        let limit = if limit < MAX_PACKET_NUMBER { limit } else { MAX_PACKET_NUMBER };
        Self { last: after, rekey_above, limit }
    }

    /// The next number, for exactly one frame.
    pub const fn next(&mut self) -> Result<u64, PacketNumbersUsedUp> {
        if self.last >= self.limit {
            return Err(PacketNumbersUsedUp);
        }
        self.last += 1;
        Ok(self.last)
    }

    /// The last number that was given out (or the one it started after).
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The highest number that nobody else may use: the last one given out, or while the key stays here the last of its range.
    pub(super) const fn spent(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Move => self.last,
            Purpose::Guard => self.limit,
        }
    }

    /// So many are used up that the key should be replaced.
    pub const fn needs_rekey(&self) -> bool {
        self.last > self.rekey_above
    }
}

record!(ReplayCounters { highest, late });
record!(Late { top, gaps });

/// Which counter a received frame is compared with: one for each TID, one for protected management
/// (802.11-2020 12.5.3.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplaySpace {
    /// Data of a TID (0 to 15; data without QoS counts as TID 0).
    Tid(u8),
    /// Protected management frames.
    Management,
}

/// The packet numbers accepted under one receive key: the highest in each replay space. Only a frame above that is new
/// (SEC-D12).
///
/// While frames come on two ways ([`Self::expect_late`]) it is known too which numbers were passed over. A frame with one of
/// these is [late](Self::accept_late); no number is accepted twice either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayCounters {
    highest: [u64; 17],
    late: Option<Late>,
}

/// What may still come.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Late {
    /// The highest number in any space: a sender has one counter for all of them.
    top: u64,
    gaps: Gaps,
}

impl ReplayCounters {
    /// Nothing up to and with `packet_number` will be accepted: 0 for a fresh pairwise key, the announced receive
    /// sequence counter for a group key.
    pub const fn after(packet_number: u64) -> Self {
        Self { highest: [packet_number; 17], late: None }
    }

    /// Would a frame with this number be new?
    pub fn is_new(&self, space: ReplaySpace, packet_number: u64) -> bool {
        packet_number > self.highest(space) && packet_number <= MAX_PACKET_NUMBER
    }

    /// Accepts the number if it is new and says whether it was.
    #[must_use]
    pub fn accept(&mut self, space: ReplaySpace, packet_number: u64) -> bool {
        let new = self.is_new(space, packet_number);
        if new && let Some(highest) = self.highest.get_mut(place(space)) {
            *highest = packet_number;
            if let Some(late) = &mut self.late {
                late.pass(packet_number);
            }
        }
        new
    }

    /// From now on it is noted what is passed over; what was before is over. Does nothing if it is noted already.
    pub fn expect_late(&mut self) {
        let top = self.highest.into_iter().max().unwrap_or_default();
        self.late.get_or_insert(Late { top, gaps: Gaps::default() });
    }

    /// What has not come by now does not come any more.
    pub fn expect_no_more(&mut self) {
        self.late = None;
    }

    /// Whether the number was passed over, and not accepted since.
    pub fn was_missed(&self, space: ReplaySpace, packet_number: u64) -> bool {
        let missed = self.late.as_ref().is_some_and(|late| late.gaps.has(0, packet_number));
        missed && packet_number <= self.highest(space)
    }

    /// Accepts a number that [was passed over](Self::was_missed), once, and says whether it did.
    #[must_use]
    pub fn accept_late(&mut self, space: ReplaySpace, packet_number: u64) -> bool {
        self.was_missed(space, packet_number)
            && self.late.as_mut().is_some_and(|late| late.gaps.take(0, packet_number))
    }

    /// The highest number accepted in this space.
    pub fn highest(&self, space: ReplaySpace) -> u64 {
        self.highest.get(place(space)).copied().unwrap_or(MAX_PACKET_NUMBER)
    }

    /// Raises every counter that is lower than `packet_number` to it; never lowers one (SEC-K3, SEC-K4).
    pub fn raise(&mut self, packet_number: u64) {
        for highest in &mut self.highest {
            *highest = packet_number.max(*highest);
        }
        if let Some(late) = &mut self.late {
            late.top = late.top.max(packet_number);
            late.gaps.forget_up_to(0, packet_number);
        }
    }

    /// Raises every counter to that of another receiver of the same key; never lowers one. Which of the numbers below its
    /// highest the other one accepted is not asked: they are over.
    pub(super) fn join(&mut self, other: &Self) {
        for (highest, other) in self.highest.iter_mut().zip(other.highest) {
            *highest = other.max(*highest);
        }
        let top = other.highest.into_iter().max().unwrap_or_default();
        if let Some(late) = &mut self.late {
            late.top = late.top.max(top);
            late.gaps.forget_up_to(0, top);
        }
    }
}

impl Late {
    /// A number was accepted.
    fn pass(&mut self, packet_number: u64) {
        if packet_number > self.top {
            self.gaps.skip(0, self.top + 1, packet_number - 1);
            self.top = packet_number;
        } else {
            self.gaps.take(0, packet_number);
        }
    }
}

const fn place(space: ReplaySpace) -> usize {
    match space {
        ReplaySpace::Tid(tid) => (tid & 0x0f) as usize,
        ReplaySpace::Management => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sec_k12_packet_numbers_start_at_one_and_end_before_they_repeat() {
        let mut pn = TxPn::within(TxRange::ALL);
        assert_eq!((pn.next(), pn.next(), pn.last()), (Ok(1), Ok(2), 2));
        let mut pn = TxPn::within(TxRange { after: MAX_PACKET_NUMBER - 1, ..TxRange::ALL });
        assert!(pn.needs_rekey());
        assert_eq!(pn.next(), Ok(MAX_PACKET_NUMBER));
        assert_eq!((pn.next(), pn.next()), (Err(PacketNumbersUsedUp), Err(PacketNumbersUsedUp)));
        assert_eq!(pn.last(), MAX_PACKET_NUMBER);
    }

    #[test]
    fn a_bounded_share_asks_for_a_rekey_and_then_ends() {
        let mut pn = TxPn::within(TxRange { after: 10, rekey_above: 12, limit: 14 });
        assert_eq!((pn.next(), pn.next(), pn.needs_rekey()), (Ok(11), Ok(12), false));
        assert_eq!((pn.next(), pn.needs_rekey()), (Ok(13), true));
        assert_eq!((pn.next(), pn.next()), (Ok(14), Err(PacketNumbersUsedUp)));
    }

    #[test]
    fn sec_d12_what_was_passed_over_is_accepted_late_and_once() {
        let (be, vo) = (ReplaySpace::Tid(0), ReplaySpace::Tid(6));
        let mut counters = ReplayCounters::after(10);
        assert!(counters.accept(be, 12) && !counters.was_missed(be, 11), "nobody expects it");
        counters.expect_late();
        assert!(counters.accept(be, 15) && counters.accept(vo, 14) && !counters.accept_late(be, 14));
        assert!(!counters.was_missed(be, 11) && !counters.was_missed(be, 15) && !counters.was_missed(be, 16));
        assert!(counters.accept_late(be, 13) && !counters.accept_late(be, 13) && !counters.accept(be, 13));
        assert!(counters.accept(be, 1 << 40));
        counters.expect_late();
        assert!(counters.accept_late(be, 1 << 39) && !counters.was_missed(vo, 20), "there it is new");
        counters.raise(1 << 38);
        assert!(!counters.was_missed(be, 1 << 38) && counters.was_missed(be, (1 << 38) + 1));
        counters.expect_no_more();
        assert!(!counters.accept_late(be, (1 << 38) + 1));
    }

    #[test]
    fn sec_d12_a_number_is_accepted_once_per_tid() {
        let mut counters = ReplayCounters::after(0);
        assert!(counters.accept(ReplaySpace::Tid(0), 5));
        assert!(!counters.accept(ReplaySpace::Tid(0), 5) && !counters.accept(ReplaySpace::Tid(0), 4));
        assert!(counters.accept(ReplaySpace::Tid(6), 4) && counters.accept(ReplaySpace::Management, 4));
        assert!(!counters.accept(ReplaySpace::Tid(6), 0));
        counters.raise(5);
        assert!(!counters.accept(ReplaySpace::Tid(6), 5) && counters.accept(ReplaySpace::Tid(6), 6));
        assert_eq!(counters.highest(ReplaySpace::Tid(0)), 5);
        assert!(!counters.accept(ReplaySpace::Tid(1), MAX_PACKET_NUMBER + 1));
    }

    proptest! {
        #[test]
        fn under_any_order_no_number_is_accepted_twice(
            frames in proptest::collection::vec((0u8..16, 0u64..400), 0..200),
            expects in any::<bool>(),
        ) {
            let mut counters = ReplayCounters::after(0);
            if expects {
                counters.expect_late();
            }
            let mut seen = std::collections::BTreeSet::new();
            for (tid, pn) in frames {
                let space = ReplaySpace::Tid(tid);
                if counters.accept(space, pn) || counters.accept_late(space, pn) {
                    prop_assert!(seen.insert((tid, pn)));
                }
            }
        }

        /// Numbers come on two ways, in any order, and are all taken, once.
        #[test]
        fn what_is_expected_is_taken_however_late(
            frames in Just((1u64..60).chain(1..60).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let space = ReplaySpace::Tid(0);
            let mut counters = ReplayCounters::after(0);
            counters.expect_late();
            let taken = frames.iter().filter(|pn| counters.accept(space, **pn) || counters.accept_late(space, **pn));
            prop_assert_eq!(taken.count(), 59);
        }

        #[test]
        fn what_one_of_two_receivers_has_accepted_is_not_accepted_after_they_joined(
            frames in proptest::collection::vec((0usize..2, 1u64..100), 0..200),
        ) {
            let space = ReplaySpace::Tid(0);
            let mut both = [ReplayCounters::after(0), ReplayCounters::after(0)];
            both.iter_mut().for_each(ReplayCounters::expect_late);
            let mut seen = std::collections::BTreeSet::new();
            for (which, pn) in frames {
                if both[which].accept(space, pn) || both[which].accept_late(space, pn) {
                    seen.insert(pn);
                }
            }
            let [mut one, two] = both;
            one.join(&two);
            for pn in 1..100 {
                prop_assert!(!(one.accept_late(space, pn) || one.accept(space, pn)) || !seen.contains(&pn), "{}", pn);
            }
        }
    }
}
