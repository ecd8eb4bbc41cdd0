//! Decrypting the frames of a batch, those under one key together.

use std::cmp::Reverse;
use std::ops::Range;

use stack::crypto::{CipherKey, UnprotectJob};

/// Copies of MPDUs, decrypted in place: the originals stay as they are, for another key to be tried on.
#[derive(Default)]
pub(super) struct Arena {
    bytes: Vec<u8>,
}

/// A key to be tried on an MPDU.
pub(super) struct Try<'a> {
    pub(super) key: &'a CipherKey,
    pub(super) header_len: usize,
    pub(super) mpdu: &'a [u8],
    /// Whatever its owner knows the frame by.
    pub(super) frame: usize,
}

impl Arena {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn get(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// Tries the keys; tells `done` of each that fits where the plain MPDU is: Protected cleared, cipher header and MIC
    /// gone.
    pub(super) fn decrypt(&mut self, tries: &mut [Try<'_>], mut done: impl FnMut(usize, Range<usize>)) {
        // frames of about the same length are decrypted best together
        tries.sort_unstable_by_key(|one| (std::ptr::from_ref(one.key), Reverse(one.mpdu.len())));
        let mut start = self.bytes.len();
        tries.iter().for_each(|one| self.bytes.extend_from_slice(one.mpdu));
        let mut rest = self.bytes.get_mut(start..).unwrap_or_default();
        let mut job = |one: &Try<'_>| {
            let (mpdu, later) =
                std::mem::take(&mut rest).split_at_mut_checked(one.mpdu.len()).unwrap_or_default();
            rest = later;
            UnprotectJob { header_len: one.header_len, mpdu, result: None }
        };
        for run in tries.chunk_by(|a, b| std::ptr::eq(a.key, b.key)) {
            let mut jobs: Vec<_> = run.iter().map(&mut job).collect();
            run.iter().take(1).for_each(|one| one.key.unprotect_batch(&mut jobs));
            for (one, job) in run.iter().zip(jobs) {
                if let Some(Ok(unprotected)) = job.result {
                    let payload = unprotected.payload;
                    let header = close_gap(job.mpdu, one.header_len, payload.start);
                    done(one.frame, start + header..start + payload.end);
                }
                start += one.mpdu.len();
            }
        }
    }
}

/// Moves the header over the cipher header, and clears Protected; yields where it begins now.
fn close_gap(mpdu: &mut [u8], header_len: usize, payload: usize) -> usize {
    let start = payload - header_len;
    mpdu.copy_within(..header_len, start);
    if let Some(flags) = mpdu.get_mut(start + 1) {
        *flags &= !0x40;
    }
    start
}
