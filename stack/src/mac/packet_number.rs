//! Packet numbers: one that only goes up, and those that were seen.

use crate::mac::Purpose;
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

record!(ReplayCounters { 0 });
record!(Counter { highest, missed });

/// Which counter a received frame is compared with: one for each TID, one for protected management
/// (802.11-2020 12.5.3.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplaySpace {
    /// Data of a TID (0 to 15; data without QoS counts as TID 0).
    Tid(u8),
    /// Protected management frames.
    Management,
}

/// The packet numbers accepted under one receive key, in each replay space. Only a frame above the highest of them is new
/// (SEC-D12). Of those below it is known which were passed over: a frame that took a longer way is [late](Self::accept_late),
/// and no number is accepted twice either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayCounters([Counter; 17]);

/// What was accepted in one replay space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counter {
    highest: u64,
    /// Bit `n`: `highest - 1 - n` was passed over, and not accepted since.
    missed: u128,
}

impl Counter {
    /// Up to and with `packet_number` nothing is to be accepted any more.
    const fn after(packet_number: u64) -> Self {
        Self { highest: packet_number, missed: 0 }
    }

    /// The highest is now that one, and all between are passed over.
    fn advance(self, packet_number: u64) -> Self {
        let Some(by @ 1..) = packet_number.checked_sub(self.highest) else { return self };
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        let between = 1u128.checked_shl(by - 1).map_or(u128::MAX, |before| before - 1);
        Self { highest: packet_number, missed: self.missed.checked_shl(by).unwrap_or(0) | between }
    }

    /// The bit of a number that was passed over.
    fn missed(&self, packet_number: u64) -> Option<u128> {
        let back = u32::try_from(self.highest.checked_sub(packet_number)?.checked_sub(1)?).ok()?;
        1u128.checked_shl(back).filter(|bit| self.missed & bit != 0)
    }

    /// What neither of two receivers of the same key has accepted.
    fn join(self, other: Self) -> Self {
        let (mine, other) = (self.advance(other.highest), other.advance(self.highest));
        Self { missed: mine.missed & other.missed, ..mine }
    }
}

impl ReplayCounters {
    /// Nothing up to and with `packet_number` will be accepted: 0 for a fresh pairwise key, the announced receive
    /// sequence counter for a group key.
    pub const fn after(packet_number: u64) -> Self {
        Self([Counter::after(packet_number); 17])
    }

    /// Would a frame with this number be new?
    pub fn is_new(&self, space: ReplaySpace, packet_number: u64) -> bool {
        packet_number > self.highest(space) && packet_number <= MAX_PACKET_NUMBER
    }

    /// Accepts the number if it is new and says whether it was.
    #[must_use]
    pub fn accept(&mut self, space: ReplaySpace, packet_number: u64) -> bool {
        let new = self.is_new(space, packet_number);
        if new && let Some(counter) = self.0.get_mut(place(space)) {
            *counter = counter.advance(packet_number);
        }
        new
    }

    /// Whether the number was passed over, not long ago, and not accepted since: 128 numbers back at the most.
    pub fn was_missed(&self, space: ReplaySpace, packet_number: u64) -> bool {
        self.0.get(place(space)).is_some_and(|counter| counter.missed(packet_number).is_some())
    }

    /// Accepts a number that [was passed over](Self::was_missed), once, and says whether it did.
    #[must_use]
    pub fn accept_late(&mut self, space: ReplaySpace, packet_number: u64) -> bool {
        let Some(counter) = self.0.get_mut(place(space)) else { return false };
        let missed = counter.missed(packet_number);
        counter.missed &= !missed.unwrap_or(0);
        missed.is_some()
    }

    /// The highest number accepted in this space.
    pub fn highest(&self, space: ReplaySpace) -> u64 {
        self.0.get(place(space)).map_or(MAX_PACKET_NUMBER, |counter| counter.highest)
    }

    /// Raises every counter that is lower than `packet_number` to it; never lowers one (SEC-K3, SEC-K4).
    pub fn raise(&mut self, packet_number: u64) {
        for counter in self.0.iter_mut().filter(|counter| counter.highest < packet_number) {
            *counter = Counter::after(packet_number);
        }
    }

    /// Accepts from now on only what another receiver of the same key has not accepted either.
    pub(super) fn join(&mut self, other: &Self) {
        for (counter, other) in self.0.iter_mut().zip(other.0) {
            *counter = counter.join(other);
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
        assert!(counters.accept(be, 11) && counters.accept(be, 14));
        let missed =
            |counters: &ReplayCounters, space| (0..20).filter(|pn| counters.was_missed(space, *pn)).collect();
        assert_eq!((missed(&counters, be), missed(&counters, vo)), (vec![12, 13], vec![]));
        assert!(counters.accept_late(be, 12) && !counters.accept_late(be, 12) && !counters.accept(be, 12));
        assert!(
            !counters.accept_late(be, 14) && !counters.accept_late(be, 15) && !counters.accept_late(vo, 13)
        );
        assert!(counters.accept(be, 14 + 127) && counters.was_missed(be, 13));
        assert!(counters.accept(be, 14 + 128) && !counters.accept_late(be, 13));
        assert!(counters.accept(be, 1 << 40) && counters.accept_late(be, (1 << 40) - 128));
        counters.raise((1 << 40) + 1);
        assert!(!counters.accept_late(be, (1 << 40) - 1));
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
        fn under_any_order_no_number_is_accepted_twice(frames in proptest::collection::vec((0u8..16, 0u64..400), 0..200)) {
            let mut counters = ReplayCounters::after(0);
            let mut seen = std::collections::BTreeSet::new();
            for (tid, pn) in frames {
                let space = ReplaySpace::Tid(tid);
                if counters.accept(space, pn) || counters.accept_late(space, pn) {
                    prop_assert!(seen.insert((tid, pn)));
                }
            }
        }

        /// Two that shared what came, and passed on what they knew, take each once, and all that is not too old.
        #[test]
        fn what_two_receivers_have_accepted_neither_accepts_after_they_joined(
            frames in proptest::collection::vec((0usize..2, 1u64..100), 0..200),
        ) {
            let space = ReplaySpace::Tid(0);
            let mut both = [ReplayCounters::after(0), ReplayCounters::after(0)];
            let mut seen = std::collections::BTreeSet::new();
            for (which, pn) in frames {
                if both[which].accept(space, pn) || both[which].accept_late(space, pn) {
                    seen.insert(pn);
                }
            }
            let [mut one, two] = both;
            let mut other = two.clone();
            other.join(&one);
            one.join(&two);
            prop_assert_eq!(&one, &other);
            for pn in 1..100 {
                prop_assert_eq!(one.accept_late(space, pn) || one.accept(space, pn), !seen.contains(&pn), "{}", pn);
            }
        }
    }
}
