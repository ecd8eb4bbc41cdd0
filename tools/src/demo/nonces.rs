//! Packet numbers on the air: under one key and from one transmitter, none may encrypt two different frames.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use stack::time::Instant;
use stack::wire::MacAddr;

/// Packet numbers remembered for each key. What is below them and not among them counts as used before.
const REMEMBERED: usize = 4096;
/// Keys that are followed, far more than a demo has.
const MAX_KEYS: usize = 4096;

/// A key at work in one transmitter's hands.
#[derive(Clone, Debug)]
pub(super) struct Use {
    /// Whose it is.
    pub(super) owner: String,
    pub(super) from: Instant,
    /// Frames under it, repetitions not counted.
    pub(super) frames: u64,
    pub(super) highest: u64,
    /// Frames that took a packet number which another frame had taken.
    pub(super) reuses: u64,
    seen: BTreeMap<u64, [u8; 32]>,
    /// All up to this are forgotten.
    floor: u64,
}

/// The keys that were seen, each by a digest of itself and its transmitter.
#[derive(Clone, Debug, Default)]
pub(super) struct Nonces {
    uses: BTreeMap<([u8; 32], MacAddr), Use>,
}

impl Nonces {
    /// A frame went out under `key`. The same frame once more, as a retry, is no second use. Yields
    /// a digest of the key.
    pub(super) fn used(
        &mut self,
        now: Instant,
        key: &[u8],
        mpdu: &[u8],
        pn: u64,
        owner: &dyn Fn() -> String,
    ) -> [u8; 32] {
        let digest = Sha256::digest(key).into();
        let Some(transmitter) = mpdu.get(10..16).and_then(MacAddr::from_slice) else { return digest };
        let name = (digest, transmitter);
        if self.uses.len() >= MAX_KEYS && !self.uses.contains_key(&name) {
            return digest;
        }
        let fresh = || Use {
            owner: owner(),
            from: now,
            frames: 0,
            highest: 0,
            reuses: 0,
            seen: BTreeMap::new(),
            floor: 0,
        };
        self.uses.entry(name).or_insert_with(fresh).frame(pn, content(mpdu));
        digest
    }

    /// Frames that took a packet number which another frame had taken, under any key.
    pub(super) fn reuses(&self) -> u64 {
        self.uses.values().map(|one| one.reuses).sum()
    }

    /// The keys in the order of their first use.
    pub(super) fn uses(&self) -> Vec<&Use> {
        let mut uses: Vec<_> = self.uses.values().collect();
        uses.sort_by(|a, b| (a.from, &a.owner).cmp(&(b.from, &b.owner)));
        uses
    }
}

impl Use {
    fn frame(&mut self, pn: u64, content: [u8; 32]) {
        match self.seen.get(&pn) {
            Some(before) if *before == content => return,
            Some(_) => self.reuses += 1,
            None if pn <= self.floor => self.reuses += 1,
            None => {
                self.seen.insert(pn, content);
            }
        }
        self.frames += 1;
        self.highest = self.highest.max(pn);
        if self.seen.len() > REMEMBERED
            && let Some((pn, _)) = self.seen.pop_first()
        {
            self.floor = pn;
        }
    }
}

/// What a repetition may not change: all but the Retry bit and the Duration field.
fn content(mpdu: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for (at, &byte) in mpdu.iter().enumerate() {
        digest.update([match at {
            1 => byte & !0x08,
            2 | 3 => 0,
            _ => byte,
        }]);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reuses(frames: &[(u64, u8, u8)]) -> u64 {
        let mut nonces = Nonces::default();
        for &(pn, flags, body) in frames {
            let mut mpdu = vec![0x88, flags, 0, 0];
            mpdu.extend_from_slice(&[2; 20]);
            mpdu.push(body);
            nonces.used(Instant::ZERO, b"key", &mpdu, pn, &String::new);
        }
        nonces.reuses()
    }

    #[test]
    fn a_retry_is_no_reuse_and_another_frame_is() {
        assert_eq!(reuses(&[(1, 0x41, 7), (1, 0x49, 7), (2, 0x41, 8)]), 0);
        assert_eq!(reuses(&[(1, 0x41, 7), (1, 0x41, 8)]), 1);
    }

    #[test]
    fn what_is_forgotten_counts_as_used() {
        let mut frames: Vec<_> = (1..=REMEMBERED as u64 + 10).map(|pn| (pn, 0x41, 1)).collect();
        assert_eq!(reuses(&frames), 0);
        frames.push((3, 0x41, 9));
        assert_eq!(reuses(&frames), 1);
    }

    #[test]
    fn two_transmitters_count_for_themselves() {
        let mut nonces = Nonces::default();
        for transmitter in [2, 4] {
            let mpdu = [&[0x88, 0x41, 0, 0][..], &[9; 6], &[transmitter; 6], &[9; 6]].concat();
            nonces.used(Instant::ZERO, b"key", &mpdu, 1, &String::new);
        }
        assert_eq!((nonces.reuses(), nonces.uses().len()), (0, 2));
    }
}
