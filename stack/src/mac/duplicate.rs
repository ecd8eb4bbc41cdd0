//! Duplicates, and the sequence numbers by which they are known.

use crate::wire::record::{Record, record};
use crate::wire::{Reader, RecordError, SequenceControl};

/// Which sequence number counter a frame belongs to (802.11-2020 10.3.2.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SequenceSpace {
    /// Individually addressed QoS data of a TID, 0 to 15.
    Tid(u8),
    /// Everything else: management, data without QoS, group-addressed data.
    Common,
}

impl SequenceSpace {
    const fn place(self) -> usize {
        match self {
            Self::Tid(tid) => (tid & 0x0f) as usize,
            Self::Common => 16,
        }
    }
}

/// The last frame received from one peer in each sequence number space. A retransmission of it is a duplicate (SEC-D14).
///
/// One entry for each space is enough: a sender is done with a frame before it sends the next of the same space. Where frames
/// come on two ways, those that were passed over may still come: which these are is known as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuplicateCache([Option<Last>; 17]);

/// The last frame of one space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    sequence: SequenceControl,
    /// Bit `n`: the number `n + 1` before was passed over, and not taken since.
    missed: u128,
}

impl Last {
    /// A frame that was taken comes after this one.
    fn followed_by(self, sequence: SequenceControl) -> Self {
        let ahead = u32::from(sequence.number().wrapping_sub(self.sequence.number()) & 0x0fff);
        let missed = match ahead {
            0 => self.missed,
            // Numbers run in a circle: half of it is before. A sender that begins anew has passed nothing over.
            1..0x0800 => {
                let between = 1u128.checked_shl(ahead - 1).map_or(u128::MAX, |before| before - 1);
                self.missed.checked_shl(ahead).unwrap_or(0) | between
            }
            _ => 0,
        };
        Self { sequence, missed }
    }

    /// The bit of a whole frame that was passed over.
    fn missed(&self, sequence: SequenceControl) -> Option<u128> {
        let back = self.sequence.number().wrapping_sub(sequence.number()).wrapping_sub(1) & 0x0fff;
        let bit = 1u128.checked_shl(u32::from(back)).filter(|_| sequence.fragment() == 0)?;
        (self.missed & bit != 0).then_some(bit)
    }
}

impl DuplicateCache {
    /// Nothing received yet.
    pub const fn new() -> Self {
        Self([None; 17])
    }

    /// The frame has the retry flag (`retry`) and the numbers of the last one recorded.
    pub fn is_duplicate(&self, space: SequenceSpace, sequence: SequenceControl, retry: bool) -> bool {
        retry && self.last(space) == Some(sequence)
    }

    /// The last one recorded in this space.
    pub fn last(&self, space: SequenceSpace) -> Option<SequenceControl> {
        self.0.get(space.place()).copied().flatten().map(|last| last.sequence)
    }

    /// Remembers a frame that was taken. Only what is believed should be recorded: a forged frame must not be able to
    /// make the real one a duplicate.
    pub fn record(&mut self, space: SequenceSpace, sequence: SequenceControl) {
        if let Some(last) = self.0.get_mut(space.place()) {
            *last = Some(last.map_or(Last { sequence, missed: 0 }, |last| last.followed_by(sequence)));
        }
    }

    /// Whether the frame is whole and was passed over, not long ago, and not taken since: 128 numbers back at the most.
    pub fn was_missed(&self, space: SequenceSpace, sequence: SequenceControl) -> bool {
        let last = self.0.get(space.place()).copied().flatten();
        last.is_some_and(|last| last.missed(sequence).is_some())
    }

    /// Remembers one that [was passed over](Self::was_missed) and is taken late.
    pub fn record_late(&mut self, space: SequenceSpace, sequence: SequenceControl) {
        if let Some(Some(last)) = self.0.get_mut(space.place()) {
            last.missed &= !last.missed(sequence).unwrap_or(0);
        }
    }
}

record!(Last { sequence, missed });
record!(DuplicateCache { 0 });

/// The sequence number counters of a sender: one for each TID of a receiver, or one for all else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceNumbers([u16; 17]);

impl SequenceNumbers {
    /// All at zero.
    pub const fn new() -> Self {
        Self([0; 17])
    }

    /// The next number in this space, 0 to 4095, then from 0 again.
    pub fn next(&mut self, space: SequenceSpace) -> u16 {
        let Some(next) = self.0.get_mut(space.place()) else { return 0 };
        let number = *next;
        *next = (number + 1) & 0x0fff;
        number
    }
}

impl Record for SequenceNumbers {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let numbers: [u16; 17] = Record::read(reader)?;
        let all = numbers.iter().all(|number| *number <= 0x0fff);
        if all { Ok(Self(numbers)) } else { Err(RecordError::Impossible("a sequence number above 4095")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_d14_a_retransmission_is_a_duplicate_and_a_new_frame_with_old_numbers_is_not() {
        let mut cache = DuplicateCache::new();
        let (be, vo) = (SequenceSpace::Tid(0), SequenceSpace::Tid(6));
        let sequence = SequenceControl::new(7, 0);
        assert!(!cache.is_duplicate(be, sequence, true));
        cache.record(be, sequence);
        assert!(cache.is_duplicate(be, sequence, true));
        assert!(!cache.is_duplicate(be, sequence, false));
        assert!(!cache.is_duplicate(vo, sequence, true));
        assert!(!cache.is_duplicate(SequenceSpace::Common, sequence, true));
        assert!(!cache.is_duplicate(be, SequenceControl::new(7, 1), true));
    }

    #[test]
    fn what_was_passed_over_is_known_until_it_comes_or_is_too_old() {
        let (be, vo) = (SequenceSpace::Tid(0), SequenceSpace::Tid(6));
        let mut cache = DuplicateCache::new();
        let of = |number| SequenceControl::new(number & 0x0fff, 0);
        let missed = |cache: &DuplicateCache, space| -> Vec<u16> {
            (0..0x1000).filter(|number| cache.was_missed(space, of(*number))).collect()
        };
        cache.record(be, of(4094));
        assert_eq!(missed(&cache, be), [0; 0]);
        cache.record(be, of(2));
        assert_eq!((missed(&cache, be), missed(&cache, vo)), (vec![0, 1, 4095], vec![]));
        assert!(!cache.was_missed(be, SequenceControl::new(1, 1)));
        cache.record_late(be, of(0));
        cache.record_late(be, of(2));
        assert_eq!((missed(&cache, be), cache.last(be)), (vec![1, 4095], Some(of(2))));
        cache.record(be, of(1 + 128));
        assert!(
            cache.was_missed(be, of(1)) && !cache.was_missed(be, of(0)) && !cache.was_missed(be, of(4095))
        );
        cache.record(be, of(2000));
        assert_eq!(missed(&cache, be), (2000 - 128..2000).collect::<Vec<_>>());
        cache.record(be, of(100));
        assert_eq!(missed(&cache, be), [0; 0], "it has begun anew");
    }

    #[test]
    fn numbers_run_per_space_and_wrap_at_twelve_bits() {
        let mut numbers = SequenceNumbers::new();
        for expected in (0..4096).chain([0, 1]) {
            assert_eq!(numbers.next(SequenceSpace::Tid(3)), expected);
        }
        assert_eq!(numbers.next(SequenceSpace::Common), 0);
    }
}
