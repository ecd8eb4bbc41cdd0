//! Putting fragments together again (802.11-2020 10.5), for one peer.

use std::time::Duration;

use crate::mac::{DropReason, SaId, SequenceSpace};
use crate::time::Instant;
use crate::wire::SequenceControl;

/// How many incomplete MSDUs are kept for one peer.
const ENTRIES: usize = 4;
/// How long the rest of an MSDU is waited for, as Linux does.
const LIFETIME: Duration = Duration::from_secs(2);
/// The longest MSDU with its LLC header and what an old sender may add; more is not put together.
const MAX_LEN: usize = 2400;

/// What is known of a fragment besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// TID, or the common space for data without QoS.
    pub space: SequenceSpace,
    /// Sequence and fragment number.
    pub sequence: SequenceControl,
    /// More fragments follow.
    pub more: bool,
    /// The key it was decrypted with, by installation, and its packet number; `None` if it was plaintext.
    pub opened: Option<(SaId, u64)>,
}

/// The incomplete MSDUs of one peer. Bounded in number, length and age; its buffers are used again.
#[derive(Debug, Default)]
pub struct Defragmenter {
    entries: Vec<Entry>,
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Entry {
    space: SequenceSpace,
    number: u16,
    next_fragment: u8,
    opened: Option<(SaId, u64)>,
    since: Instant,
    bytes: Vec<u8>,
}

impl Defragmenter {
    /// Nothing incomplete.
    pub const fn new() -> Self {
        Self { entries: Vec::new(), spare: Vec::new() }
    }

    /// Takes a fragment. With the last one the MSDU is complete and comes back; hand its buffer to [`Self::reclaim`]
    /// afterwards. Entries that had to go are reported through `lost`.
    pub fn take(
        &mut self,
        now: Instant,
        fragment: &Fragment,
        payload: &[u8],
        mut lost: impl FnMut(DropReason),
    ) -> Result<Option<Vec<u8>>, DropReason> {
        self.expire(now, &mut lost);
        if fragment.sequence.fragment() == 0 {
            self.begin(now, fragment, payload, lost);
            return Ok(None);
        }
        let at = self.find(fragment).ok_or(DropReason::FragmentWithoutFirst)?;
        let Some(entry) = self.entries.get_mut(at) else { return Err(DropReason::FragmentWithoutFirst) };
        if let Err(reason) = entry.append(fragment, payload) {
            self.discard(at);
            return Err(reason);
        }
        Ok(if fragment.more { None } else { Some(self.entries.swap_remove(at).bytes) })
    }

    /// Gives back the buffer of a complete MSDU.
    pub fn reclaim(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        if self.spare.len() < ENTRIES {
            self.spare.push(buffer);
        }
    }

    /// Forgets everything: after a new key, a new association, at the end of one (SEC-D5).
    pub fn clear(&mut self) {
        while !self.entries.is_empty() {
            self.discard(0);
        }
    }

    /// How many MSDUs are incomplete.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Nothing is incomplete.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn begin(&mut self, now: Instant, fragment: &Fragment, payload: &[u8], mut lost: impl FnMut(DropReason)) {
        // a sender is done with an MSDU before it begins the next one of the same space
        while let Some(at) = self.entries.iter().position(|entry| entry.space == fragment.space) {
            self.discard(at);
            lost(DropReason::FragmentEvicted);
        }
        if self.entries.len() >= ENTRIES {
            let oldest = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.since);
            if let Some((at, _)) = oldest {
                self.discard(at);
                lost(DropReason::FragmentEvicted);
            }
        }
        let mut bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(MAX_LEN));
        bytes.extend_from_slice(payload.get(..payload.len().min(MAX_LEN)).unwrap_or_default());
        self.entries.push(Entry {
            space: fragment.space,
            number: fragment.sequence.number(),
            next_fragment: 1,
            opened: fragment.opened,
            since: now,
            bytes,
        });
    }

    fn find(&self, fragment: &Fragment) -> Option<usize> {
        self.entries.iter().position(|entry| {
            entry.space == fragment.space
                && entry.number == fragment.sequence.number()
                && entry.next_fragment == fragment.sequence.fragment()
        })
    }

    fn expire(&mut self, now: Instant, lost: &mut impl FnMut(DropReason)) {
        while let Some(at) = self.entries.iter().position(|entry| now.since(entry.since) > LIFETIME) {
            self.discard(at);
            lost(DropReason::FragmentExpired);
        }
    }

    fn discard(&mut self, at: usize) {
        if at < self.entries.len() {
            let entry = self.entries.swap_remove(at);
            self.reclaim(entry.bytes);
        }
    }
}

impl Entry {
    fn append(&mut self, fragment: &Fragment, payload: &[u8]) -> Result<(), DropReason> {
        match (self.opened, fragment.opened) {
            (None, None) => {}
            (Some((first, last)), Some((sa, pn))) => {
                if sa != first {
                    return Err(DropReason::FragmentKey);
                }
                if pn != last.saturating_add(1) {
                    return Err(DropReason::FragmentPacketNumber);
                }
            }
            _ => return Err(DropReason::PlaintextFragment),
        }
        if self.bytes.len() + payload.len() > MAX_LEN {
            return Err(DropReason::FragmentTooLong);
        }
        self.bytes.extend_from_slice(payload);
        self.next_fragment += 1;
        self.opened = fragment.opened;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Instant = Instant::ZERO;

    fn fragment(number: u16, fragment: u8, more: bool, opened: Option<(u64, u64)>) -> Fragment {
        Fragment {
            space: SequenceSpace::Tid(0),
            sequence: SequenceControl::new(number, fragment),
            more,
            opened: opened.map(|(sa, pn)| (SaId(sa), pn)),
        }
    }

    fn take(to: &mut Defragmenter, now: Instant, fragment: &Fragment) -> Result<Option<Vec<u8>>, DropReason> {
        to.take(now, fragment, &[fragment.sequence.fragment()], |_| {})
    }

    #[test]
    fn fragments_in_order_become_one() {
        let mut cache = Defragmenter::new();
        assert_eq!(take(&mut cache, NOW, &fragment(5, 0, true, Some((1, 10)))), Ok(None));
        assert_eq!(take(&mut cache, NOW, &fragment(5, 1, true, Some((1, 11)))), Ok(None));
        assert_eq!(take(&mut cache, NOW, &fragment(5, 2, false, Some((1, 12)))), Ok(Some(vec![0, 1, 2])));
        assert!(cache.is_empty());
    }

    #[test]
    fn sec_d2_plain_and_protected_fragments_do_not_mix() {
        for (first, second) in [(None, Some((1, 1))), (Some((1, 1)), None)] {
            let mut cache = Defragmenter::new();
            assert_eq!(take(&mut cache, NOW, &fragment(5, 0, true, first)), Ok(None));
            assert_eq!(
                take(&mut cache, NOW, &fragment(5, 1, false, second)),
                Err(DropReason::PlaintextFragment)
            );
            assert!(cache.is_empty());
        }
    }

    #[test]
    fn sec_d3_fragments_under_different_keys_do_not_mix() {
        let mut cache = Defragmenter::new();
        assert_eq!(take(&mut cache, NOW, &fragment(5, 0, true, Some((1, 1)))), Ok(None));
        assert_eq!(take(&mut cache, NOW, &fragment(5, 1, false, Some((2, 2)))), Err(DropReason::FragmentKey));
    }

    #[test]
    fn sec_d4_packet_numbers_of_fragments_follow() {
        for pn in [0, 1, 3, u64::MAX] {
            let mut cache = Defragmenter::new();
            assert_eq!(take(&mut cache, NOW, &fragment(5, 0, true, Some((1, 1)))), Ok(None));
            let second = fragment(5, 1, false, Some((1, pn)));
            assert_eq!(take(&mut cache, NOW, &second), Err(DropReason::FragmentPacketNumber));
        }
    }

    #[test]
    fn sec_d5_fragments_expire_and_are_cleared() {
        let mut cache = Defragmenter::new();
        let late = NOW + LIFETIME + Duration::from_micros(1);
        assert_eq!(take(&mut cache, NOW, &fragment(5, 0, true, None)), Ok(None));
        let mut lost = Vec::new();
        let result = cache.take(late, &fragment(5, 1, false, None), &[1], |reason| lost.push(reason));
        assert_eq!(
            (result, lost),
            (Err(DropReason::FragmentWithoutFirst), vec![DropReason::FragmentExpired])
        );
        assert_eq!(take(&mut cache, NOW, &fragment(6, 0, true, None)), Ok(None));
        cache.clear();
        assert_eq!(
            take(&mut cache, NOW, &fragment(6, 1, false, None)),
            Err(DropReason::FragmentWithoutFirst)
        );
    }

    #[test]
    fn sec_d9_a_later_fragment_alone_is_nothing() {
        let mut cache = Defragmenter::new();
        let alone = fragment(5, 1, false, Some((1, 1)));
        assert_eq!(take(&mut cache, NOW, &alone), Err(DropReason::FragmentWithoutFirst));
        assert_eq!(take(&mut cache, NOW, &fragment(5, 0, true, Some((1, 1)))), Ok(None));
        let skipped = fragment(5, 2, false, Some((1, 3)));
        assert_eq!(take(&mut cache, NOW, &skipped), Err(DropReason::FragmentWithoutFirst));
        let other = fragment(6, 1, false, Some((1, 2)));
        assert_eq!(take(&mut cache, NOW, &other), Err(DropReason::FragmentWithoutFirst));
    }

    proptest! {
        #[test]
        fn whatever_comes_memory_is_bounded(
            frames in proptest::collection::vec((0u8..17, 0u16..4, 0u8..4, any::<bool>(), 0usize..2500), 0..200),
        ) {
            let mut cache = Defragmenter::new();
            for (tid, number, index, more, len) in frames {
                let space = if tid == 16 { SequenceSpace::Common } else { SequenceSpace::Tid(tid) };
                let it = Fragment { space, ..fragment(number, index, more, None) };
                if let Ok(Some(msdu)) = cache.take(NOW, &it, &vec![0; len], |_| {}) {
                    prop_assert!(msdu.len() <= MAX_LEN);
                    cache.reclaim(msdu);
                }
                prop_assert!(cache.len() <= ENTRIES && cache.spare.len() <= ENTRIES);
            }
        }
    }
}
