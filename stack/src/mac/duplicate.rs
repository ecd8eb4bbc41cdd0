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
/// One entry for each space is enough: a sender is done with a frame before it sends the next of the same space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuplicateCache([Option<SequenceControl>; 17]);

impl DuplicateCache {
    /// Nothing received yet.
    pub const fn new() -> Self {
        Self([None; 17])
    }

    /// The frame has the retry flag (`retry`) and the numbers of the last one recorded.
    pub fn is_duplicate(&self, space: SequenceSpace, sequence: SequenceControl, retry: bool) -> bool {
        retry && self.0.get(space.place()).is_some_and(|last| *last == Some(sequence))
    }

    /// The last one recorded in this space.
    pub fn last(&self, space: SequenceSpace) -> Option<SequenceControl> {
        self.0.get(space.place()).copied().flatten()
    }

    /// Remembers a frame that was taken. Only what is believed should be recorded: a forged frame must not be able to
    /// make the real one a duplicate.
    pub fn record(&mut self, space: SequenceSpace, sequence: SequenceControl) {
        if let Some(last) = self.0.get_mut(space.place()) {
            *last = Some(sequence);
        }
    }
}

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
    fn numbers_run_per_space_and_wrap_at_twelve_bits() {
        let mut numbers = SequenceNumbers::new();
        for expected in (0..4096).chain([0, 1]) {
            assert_eq!(numbers.next(SequenceSpace::Tid(3)), expected);
        }
        assert_eq!(numbers.next(SequenceSpace::Common), 0);
    }
}
