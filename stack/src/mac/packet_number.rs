//! Packet numbers: one that only goes up, and the highest that were seen.

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

/// Which counter a received frame is compared with: one for each TID, one for protected management
/// (802.11-2020 12.5.3.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplaySpace {
    /// Data of a TID (0 to 15; data without QoS counts as TID 0).
    Tid(u8),
    /// Protected management frames.
    Management,
}

/// The highest packet number accepted under one receive key, in each replay space. Only a frame above it is new
/// (SEC-D12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayCounters([u64; 17]);

impl ReplayCounters {
    /// Nothing up to and with `packet_number` will be accepted: 0 for a fresh pairwise key, the announced receive
    /// sequence counter for a group key.
    pub const fn after(packet_number: u64) -> Self {
        Self([packet_number; 17])
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
            *counter = packet_number;
        }
        new
    }

    /// The highest number accepted in this space.
    pub fn highest(&self, space: ReplaySpace) -> u64 {
        self.0.get(place(space)).copied().unwrap_or(MAX_PACKET_NUMBER)
    }

    /// Raises every counter that is lower than `packet_number` to it; never lowers one (SEC-K3, SEC-K4).
    pub fn raise(&mut self, packet_number: u64) {
        for counter in &mut self.0 {
            *counter = packet_number.max(*counter);
        }
    }

    /// Raises every counter to that of another receiver of the same key; never lowers one.
    pub(super) fn join(&mut self, other: &Self) {
        for (counter, other) in self.0.iter_mut().zip(other.0) {
            *counter = other.max(*counter);
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
        fn under_any_order_no_number_is_accepted_twice(frames in proptest::collection::vec((0u8..16, 0u64..40), 0..200)) {
            let mut counters = ReplayCounters::after(0);
            let mut seen = std::collections::BTreeSet::new();
            for (tid, pn) in frames {
                if counters.accept(ReplaySpace::Tid(tid), pn) {
                    prop_assert!(seen.insert((tid, pn)));
                }
            }
        }
    }
}
