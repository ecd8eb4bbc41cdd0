//! Duplicates, and the sequence numbers by which they are known.

use crate::mac::gaps::Gaps;
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
        self.narrow() as usize
    }

    const fn narrow(self) -> u8 {
        match self {
            Self::Tid(tid) => tid & 0x0f,
            Self::Common => 16,
        }
    }
}

/// The last frame received from one peer in each sequence number space. A retransmission of it is a duplicate (SEC-D14).
///
/// One entry for each space is enough: a sender is done with a frame before it sends the next of the same space. While frames
/// come on two ways ([`Self::expect_late`]) it is known too which were passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuplicateCache {
    last: [Option<SequenceControl>; 17],
    late: Option<Late>,
}

/// What may still come, by sequence numbers that don't run in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Late {
    last: [u64; 17],
    gaps: Gaps,
}

/// Numbers run in a circle: half of it is before.
const HALF: u16 = 0x0800;

impl DuplicateCache {
    /// Nothing received yet.
    pub const fn new() -> Self {
        Self { last: [None; 17], late: None }
    }

    /// The frame has the retry flag (`retry`) and the numbers of the last one recorded.
    pub fn is_duplicate(&self, space: SequenceSpace, sequence: SequenceControl, retry: bool) -> bool {
        retry && self.last(space) == Some(sequence)
    }

    /// The last one recorded in this space.
    pub fn last(&self, space: SequenceSpace) -> Option<SequenceControl> {
        self.last.get(space.place()).copied().flatten()
    }

    /// Remembers a frame that was taken. Only what is believed should be recorded: a forged frame must not be able to
    /// make the real one a duplicate.
    pub fn record(&mut self, space: SequenceSpace, sequence: SequenceControl) {
        let before = self.last.get_mut(space.place()).and_then(|last| last.replace(sequence));
        if let (Some(late), Some(before)) = (&mut self.late, before) {
            late.pass(space, sequence.number().wrapping_sub(before.number()) & 0x0fff);
        }
    }

    /// From now on it is noted what is passed over; what was before is over. Does nothing if it is noted already.
    pub fn expect_late(&mut self) {
        self.late.get_or_insert(Late { last: [u64::from(HALF); 17], gaps: Gaps::default() });
    }

    /// What has not come by now does not come any more.
    pub fn expect_no_more(&mut self) {
        self.late = None;
    }

    /// Whether the frame is whole and was passed over, and not taken since.
    pub fn was_missed(&self, space: SequenceSpace, sequence: SequenceControl) -> bool {
        self.missed(space, sequence).is_some()
    }

    /// Remembers one that [was passed over](Self::was_missed) and is taken late.
    pub fn record_late(&mut self, space: SequenceSpace, sequence: SequenceControl) {
        if let (Some(number), Some(late)) = (self.missed(space, sequence), &mut self.late) {
            late.gaps.take(space.narrow(), number);
        }
    }

    /// The number of a whole frame that was passed over.
    fn missed(&self, space: SequenceSpace, sequence: SequenceControl) -> Option<u64> {
        let (late, last) = (self.late.as_ref()?, self.last(space)?);
        let back = last.number().wrapping_sub(sequence.number()) & 0x0fff;
        let number = late.last.get(space.place())?.checked_sub(u64::from(back))?;
        let whole = sequence.fragment() == 0 && back < HALF;
        (whole && late.gaps.has(space.narrow(), number)).then_some(number)
    }
}

impl Late {
    /// A frame was taken that is so far ahead of the one before.
    fn pass(&mut self, space: SequenceSpace, ahead: u16) {
        let Some(last) = self.last.get_mut(space.place()) else { return };
        let (before, narrow) = (*last, space.narrow());
        if ahead < HALF {
            *last += u64::from(ahead);
            self.gaps.skip(narrow, before + 1, last.saturating_sub(1));
            self.gaps.forget_up_to(narrow, last.saturating_sub(u64::from(HALF)));
        } else {
            // It begins anew, and has passed nothing over.
            self.gaps.forget_up_to(narrow, u64::MAX);
        }
    }
}

record!(Late { last, gaps });
record!(DuplicateCache { last, late });

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
    fn what_was_passed_over_is_known_until_it_comes_or_nobody_waits() {
        let (be, vo) = (SequenceSpace::Tid(0), SequenceSpace::Tid(6));
        let mut cache = DuplicateCache::new();
        let of = |number| SequenceControl::new(number & 0x0fff, 0);
        let missed = |cache: &DuplicateCache, space| -> Vec<u16> {
            (0..0x1000).filter(|number| cache.was_missed(space, of(*number))).collect()
        };
        cache.record(be, of(4092));
        cache.record(be, of(4094));
        assert_eq!(missed(&cache, be), [0; 0], "nobody expects it");
        cache.expect_late();
        cache.record(be, of(2));
        assert_eq!((missed(&cache, be), missed(&cache, vo)), (vec![0, 1, 4095], vec![]));
        assert!(!cache.was_missed(be, SequenceControl::new(1, 1)));
        cache.record_late(be, of(0));
        cache.record_late(be, of(2));
        assert_eq!((missed(&cache, be), cache.last(be)), (vec![1, 4095], Some(of(2))));
        cache.record(be, of(2000));
        assert_eq!(missed(&cache, be).len(), 2 + 1997);
        cache.record(be, of(2049));
        assert!(
            cache.was_missed(be, of(2048)) && !cache.was_missed(be, of(2)) && !cache.was_missed(be, of(1))
        );
        cache.record(be, of(2048 + 2049));
        assert_eq!(missed(&cache, be), [0; 0], "it has begun anew");
        cache.record(be, of(5));
        assert_eq!(missed(&cache, be), [2, 3, 4]);
        cache.expect_no_more();
        assert_eq!(missed(&cache, be), [0; 0]);
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
