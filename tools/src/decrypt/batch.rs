//! Decrypting the frames of a batch, those under one key together.

use std::cmp::Reverse;
use std::ops::Range;

use stack::crypto::{CipherKey, UnprotectJob};

/// Copies of MPDUs, decrypted in place: the originals stay as they are, for another key to be tried on.
#[derive(Default)]
pub(super) struct Arena {
    bytes: Vec<u8>,
}

/// A key to be tried on a copy.
pub(super) struct Try<'k> {
    pub(super) key: &'k CipherKey,
    pub(super) header_len: usize,
    pub(super) copy: Range<usize>,
    /// Whatever its owner knows the frame by.
    pub(super) frame: usize,
}

impl Arena {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Copies an MPDU; yields where the copy is.
    pub(super) fn copy(&mut self, mpdu: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(mpdu);
        start..self.bytes.len()
    }

    pub(super) fn get(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// Tries the keys, each on a copy of its own, in the order of the copies; tells `done` of each that fits where the
    /// plain MPDU is: Protected cleared, cipher header and MIC gone.
    pub(super) fn decrypt(&mut self, tries: &[Try<'_>], mut done: impl FnMut(usize, Range<usize>)) {
        let mut jobs = self.jobs(tries);
        // frames of about the same length are decrypted best together
        jobs.sort_unstable_by_key(|(one, job)| (std::ptr::from_ref(one.key), Reverse(job.mpdu.len())));
        let (tries, mut jobs): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
        let mut rest = jobs.as_mut_slice();
        for run in tries.chunk_by(|a, b| std::ptr::eq(a.key, b.key)) {
            let (now, later) = rest.split_at_mut_checked(run.len()).unwrap_or_default();
            if let Some(one) = run.first() {
                one.key.unprotect_batch(now);
            }
            rest = later;
        }
        for (one, job) in tries.iter().zip(jobs) {
            if let Some(Ok(unprotected)) = job.result {
                let payload = unprotected.payload;
                let start = close_gap(job.mpdu, one.header_len, payload.start);
                done(one.frame, one.copy.start + start..one.copy.start + payload.end);
            }
        }
    }

    fn jobs<'a, 't, 'k>(&'a mut self, tries: &'t [Try<'k>]) -> Vec<(&'t Try<'k>, UnprotectJob<'a>)> {
        let (mut rest, mut passed) = (self.bytes.as_mut_slice(), 0);
        let job = |one: &'t Try<'k>| {
            let before = one.copy.start - passed;
            let behind = std::mem::take(&mut rest).split_at_mut_checked(before).unwrap_or_default().1;
            let (mpdu, later) = behind.split_at_mut_checked(one.copy.len()).unwrap_or_default();
            rest = later;
            passed = one.copy.end;
            (one, UnprotectJob { header_len: one.header_len, mpdu, result: None })
        };
        tries.iter().map(job).collect()
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
