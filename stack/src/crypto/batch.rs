//! Several frames under one key at once.
//!
//! The CBC-MAC of CCM is one long chain of dependent blocks, and leaves most of an AES unit idle. The chains of several
//! frames do not depend on each other: they run side by side, a block of each at a time.

use aes::Block;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, InOutBuf,
};
use subtle::ConstantTimeEq;

use super::aad::HeaderFields;
use super::cipher::{
    CipherHeader, CipherKey, Mode, ProtectError, UnprotectError, Unprotected, frame_parts, put_plaintext,
};

/// Chains that run side by side: what the AES units of today have in flight.
const LANES: usize = 8;
/// Keystream blocks made in one go.
const KEYSTREAM: usize = 32;
/// CBC-MAC blocks before the payload: B_0 and two of AAD, for any header that 802.11 has.
const PREFIX: usize = 3;

/// A frame for [`CipherKey::protect_batch`]; the fields are the arguments of [`CipherKey::protect`].
#[derive(Debug)]
pub struct ProtectJob<'a> {
    /// Packet number.
    pub pn: u64,
    /// Key ID.
    pub key_id: u8,
    /// MAC header.
    pub header: &'a [u8],
    /// Payload.
    pub plaintext: &'a [u8],
    /// The protected MPDU is appended here.
    pub out: &'a mut Vec<u8>,
    /// How it went; whatever it is before does not matter.
    pub result: Result<(), ProtectError>,
}

/// A frame for [`CipherKey::unprotect_batch`]; the fields are the arguments of [`CipherKey::unprotect`].
#[derive(Debug)]
pub struct UnprotectJob<'a> {
    /// Length of the MAC header.
    pub header_len: usize,
    /// The MPDU, decrypted in place.
    pub mpdu: &'a mut [u8],
    /// What was in it; `None` before.
    pub result: Option<Result<Unprotected, UnprotectError>>,
}

impl CipherKey {
    /// Does what [`Self::protect`] does to each of `jobs`, faster than one after the other.
    pub fn protect_batch(&self, jobs: &mut [ProtectJob<'_>]) {
        match &self.mode {
            Mode::Ccmp128(aes) => jobs.chunks_mut(LANES).for_each(|jobs| self.protect_ccm(aes, jobs)),
            Mode::Ccmp256(aes) => jobs.chunks_mut(LANES).for_each(|jobs| self.protect_ccm(aes, jobs)),
            Mode::Gcmp128(_) | Mode::Gcmp256(_) => {
                for job in jobs {
                    job.result = self.protect(job.pn, job.key_id, job.header, job.plaintext, job.out);
                }
            }
        }
    }

    /// Does what [`Self::unprotect`] does to each of `jobs`, faster than one after the other.
    pub fn unprotect_batch(&self, jobs: &mut [UnprotectJob<'_>]) {
        match &self.mode {
            Mode::Ccmp128(aes) => jobs.chunks_mut(LANES).for_each(|jobs| self.unprotect_ccm(aes, jobs)),
            Mode::Ccmp256(aes) => jobs.chunks_mut(LANES).for_each(|jobs| self.unprotect_ccm(aes, jobs)),
            Mode::Gcmp128(_) | Mode::Gcmp256(_) => {
                for job in jobs {
                    job.result = Some(self.unprotect(job.header_len, job.mpdu));
                }
            }
        }
    }

    /// Up to [`LANES`] jobs.
    fn protect_ccm<C: BlockCipherEncrypt<BlockSize = U16>>(&self, aes: &C, jobs: &mut [ProtectJob<'_>]) {
        let mic_len = self.cipher().mic_len();
        let mut starts = [None; LANES];
        for (job, start) in jobs.iter_mut().zip(&mut starts) {
            let fields = self.check(job.header, job.plaintext);
            job.result = fields.map(|fields| {
                let header = CipherHeader { pn: job.pn, key_id: job.key_id };
                *start = Some((put_plaintext(header, job.header, job.plaintext, job.out), fields));
            });
        }
        let mut lanes = [const { None }; LANES];
        for ((job, start), lane) in jobs.iter().zip(&starts).zip(&mut lanes) {
            if let Some((_, fields)) = start {
                *lane = Some(Lane::new(fields, job.pn, mic_len, job.plaintext));
            }
        }
        let macs = cbc_macs(aes, &lanes);
        for ((job, start), mac) in jobs.iter_mut().zip(&starts).zip(macs) {
            let Some((payload, fields)) = start else { continue };
            let s0 = apply_keystream(aes, fields, job.pn, job.out.get_mut(*payload..).unwrap_or_default());
            let mic = xor(mac, s0);
            job.out.extend_from_slice(mic.get(..mic_len).unwrap_or(&mic));
        }
    }

    /// Up to [`LANES`] jobs.
    fn unprotect_ccm<C: BlockCipherEncrypt<BlockSize = U16>>(&self, aes: &C, jobs: &mut [UnprotectJob<'_>]) {
        let mic_len = self.cipher().mic_len();
        let mut opened = [const { None }; LANES];
        for (job, opened) in jobs.iter_mut().zip(&mut opened) {
            match self.parse(job.header_len, job.mpdu) {
                Ok((fields, unprotected)) => {
                    let (payload, _) = frame_parts(job.mpdu, &unprotected.payload);
                    let s0 = apply_keystream(aes, &fields, unprotected.pn, payload);
                    *opened = Some((fields, unprotected, s0));
                }
                Err(error) => job.result = Some(Err(error)),
            }
        }
        let mut lanes = [const { None }; LANES];
        for ((job, opened), lane) in jobs.iter().zip(&opened).zip(&mut lanes) {
            if let Some((fields, unprotected, _)) = opened {
                let payload = job.mpdu.get(unprotected.payload.clone()).unwrap_or_default();
                *lane = Some(Lane::new(fields, unprotected.pn, mic_len, payload));
            }
        }
        let macs = cbc_macs(aes, &lanes);
        for ((job, opened), mac) in jobs.iter_mut().zip(opened).zip(macs) {
            let Some((_, unprotected, s0)) = opened else { continue };
            let (payload, mic) = frame_parts(job.mpdu, &unprotected.payload);
            let expected = xor(mac, s0);
            let expected = expected.get(..mic_len).unwrap_or(&expected);
            job.result = Some(if bool::from(expected.ct_eq(mic)) {
                Ok(unprotected)
            } else {
                payload.fill(0);
                Err(UnprotectError::MicFailure)
            });
        }
    }
}

/// One message of CBC-MAC.
#[derive(Clone, Copy)]
struct Lane<'a> {
    prefix: [[u8; 16]; PREFIX],
    payload: &'a [u8],
}

impl<'a> Lane<'a> {
    /// B_0, then the AAD behind its two-byte length, padded with zeroes (RFC 3610 2.2).
    fn new(fields: &HeaderFields, pn: u64, mic_len: usize, payload: &'a [u8]) -> Self {
        let mut prefix = [0; PREFIX * 16];
        let flags = if mic_len == 8 { 0x59 } else { 0x79 };
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
        let aad = fields.aad();
        let aad_length = u16::try_from(aad.len()).unwrap_or(u16::MAX).to_be_bytes();
        let bytes = [&[flags][..], &fields.ccm_nonce(pn), &length, &aad_length, aad];
        for (to, from) in prefix.iter_mut().zip(bytes.into_iter().flatten()) {
            *to = *from;
        }
        let (blocks, _) = prefix.as_chunks::<16>();
        let mut lane = Self { prefix: [[0; 16]; PREFIX], payload };
        for (to, from) in lane.prefix.iter_mut().zip(blocks) {
            *to = *from;
        }
        lane
    }
}

/// The CBC-MACs of all lanes.
fn cbc_macs<C: BlockCipherEncrypt<BlockSize = U16>>(
    aes: &C,
    lanes: &[Option<Lane<'_>>; LANES],
) -> [[u8; 16]; LANES] {
    let mut states = [Block::default(); LANES];
    aes.encrypt_with_backend(CbcMacs { lanes, states: &mut states });
    states.map(|state| state.0)
}

/// Runs inside the cipher's backend, so that blocks of all lanes are in flight together.
struct CbcMacs<'a, 'b> {
    lanes: &'a [Option<Lane<'b>>; LANES],
    states: &'a mut [Block; LANES],
}

impl BlockSizeUser for CbcMacs<'_, '_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for CbcMacs<'_, '_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        // Longest first: the lanes that still have blocks are always the first ones.
        let mut order: [(usize, Option<&Lane<'_>>); LANES] = [(0, None); LANES];
        for (index, (slot, lane)) in order.iter_mut().zip(self.lanes).enumerate() {
            *slot = (index, lane.as_ref());
        }
        let blocks =
            |lane: &Option<&Lane<'_>>| lane.map_or(0, |lane| PREFIX + lane.payload.len().div_ceil(16));
        order.sort_unstable_by_key(|(_, lane)| std::cmp::Reverse(blocks(lane)));
        let mut states = [Block::default(); LANES];
        let mut round = 0;
        loop {
            let mut active = 0;
            for (state, (_, lane)) in states.iter_mut().zip(&order) {
                let Some(block) = lane.and_then(|lane| block_of(lane, round)) else { break };
                state.0 = xor(state.0, block);
                active += 1;
            }
            if active == 0 {
                break;
            }
            encrypt_blocks(backend, states.get_mut(..active).unwrap_or_default());
            round += 1;
        }
        for (state, (index, _)) in states.iter().zip(&order) {
            if let Some(out) = self.states.get_mut(*index) {
                *out = *state;
            }
        }
    }
}

/// Block `round` of a lane, padded with zeroes; `None` behind the last.
#[inline(always)]
fn block_of(lane: &Lane<'_>, round: usize) -> Option<[u8; 16]> {
    let Some(index) = round.checked_sub(PREFIX) else { return lane.prefix.get(round).copied() };
    let rest = lane.payload.get(index * 16..)?;
    match rest.first_chunk::<16>() {
        Some(block) => Some(*block),
        None if rest.is_empty() => None,
        None => {
            let mut block = [0; 16];
            for (to, from) in block.iter_mut().zip(rest) {
                *to = *from;
            }
            Some(block)
        }
    }
}

#[inline(always)]
fn encrypt_blocks<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, blocks: &mut [Block]) {
    if B::ParBlocksSize::USIZE > 1 {
        let (chunks, tail) = InOutBuf::from(blocks).into_chunks();
        for chunk in chunks {
            backend.encrypt_par_blocks(chunk);
        }
        backend.encrypt_tail_blocks(tail);
    } else {
        for block in blocks {
            backend.encrypt_block(block.into());
        }
    }
}

/// Counter mode over `payload` from counter 1 on; yields the keystream of counter 0, which is for the MIC.
fn apply_keystream<C: BlockCipherEncrypt<BlockSize = U16>>(
    aes: &C,
    fields: &HeaderFields,
    pn: u64,
    payload: &mut [u8],
) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m] = fields.ccm_nonce(pn);
    let counter_block = |counter: u16| {
        let [high, low] = counter.to_be_bytes();
        Block::from([0x01, a, b, c, d, e, f, g, h, i, j, k, l, m, high, low])
    };
    let mut keystream = [Block::default(); KEYSTREAM];
    let blocks = 1 + payload.len().div_ceil(16);
    let mut first = 0;
    let mut s0 = [0; 16];
    let mut rest = payload;
    while first < blocks {
        let wanted = (blocks - first).min(KEYSTREAM);
        let stream = keystream.get_mut(..wanted).unwrap_or_default();
        for (block, counter) in stream.iter_mut().zip(first..) {
            *block = counter_block(u16::try_from(counter).unwrap_or(u16::MAX));
        }
        aes.encrypt_blocks(stream);
        let mut stream = stream.iter();
        if first == 0
            && let Some(block) = stream.next()
        {
            s0 = block.0;
        }
        let here = (stream.len() * 16).min(rest.len());
        let (now, later) = std::mem::take(&mut rest).split_at_mut_checked(here).unwrap_or_default();
        xor_all(now, stream.as_slice());
        rest = later;
        first += wanted;
    }
    s0
}

fn xor_all(data: &mut [u8], stream: &[Block]) {
    let (whole, tail) = data.as_chunks_mut::<16>();
    let mut stream = stream.iter();
    for (chunk, block) in whole.iter_mut().zip(&mut stream) {
        *chunk = xor(*chunk, block.0);
    }
    for (byte, key) in tail.iter_mut().zip(stream.next().into_iter().flatten()) {
        *byte ^= key;
    }
}

#[inline(always)]
fn xor(a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    (u128::from_ne_bytes(a) ^ u128::from_ne_bytes(b)).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::Cipher;

    const CIPHERS: [Cipher; 4] = [Cipher::Ccmp128, Cipher::Ccmp256, Cipher::Gcmp128, Cipher::Gcmp256];

    fn frames() -> impl Strategy<Value = Vec<(u64, u8, Vec<u8>, Vec<u8>)>> {
        let header = (any::<[u8; 40]>(), 20usize..40).prop_map(|(bytes, len)| bytes[..len].to_vec());
        let payload = prop::collection::vec(any::<u8>(), 0..700);
        prop::collection::vec((0u64..1 << 48, 0u8..4, header, payload), 0..20)
    }

    proptest! {
        #[test]
        fn a_batch_gives_what_one_at_a_time_gives(
            cipher in prop::sample::select(&CIPHERS[..]), key: [u8; 32], frames in frames(), flip: prop::sample::Index,
        ) {
            let key = CipherKey::new(cipher, &key[..cipher.key_len()]).unwrap();
            let mut outs = vec![Vec::new(); frames.len()];
            let mut jobs: Vec<_> = frames.iter().zip(&mut outs).map(|((pn, key_id, header, plaintext), out)| {
                ProtectJob { pn: *pn, key_id: *key_id, header, plaintext, out, result: Ok(()) }
            }).collect();
            key.protect_batch(&mut jobs);
            let results: Vec<_> = jobs.iter().map(|job| job.result).collect();
            for (((pn, key_id, header, plaintext), out), result) in frames.iter().zip(&outs).zip(results) {
                let mut alone = Vec::new();
                prop_assert_eq!(result, key.protect(*pn, *key_id, header, plaintext, &mut alone));
                prop_assert_eq!(&alone, out);
            }

            if !outs.is_empty() {
                let one = flip.get_mut(&mut outs);
                if let Some(byte) = one.last_mut() {
                    *byte ^= 1;
                }
            }
            let mut alone = outs.clone();
            let mut jobs: Vec<_> = frames.iter().zip(&mut outs).map(|((_, _, header, _), mpdu)| {
                UnprotectJob { header_len: header.len(), mpdu, result: None }
            }).collect();
            key.unprotect_batch(&mut jobs);
            for (job, alone) in jobs.iter().zip(&mut alone) {
                let result = key.unprotect(job.header_len, alone);
                prop_assert_eq!(job.result.as_ref().unwrap(), &result);
                prop_assert_eq!(&*job.mpdu, &alone[..]);
            }
        }
    }

    #[test]
    fn the_longest_message_still_counts_right() {
        let key = CipherKey::new(Cipher::Ccmp128, &[9; 16]).unwrap();
        let (header, plaintext) = ([0x08; 24], vec![0x33; 0xffff]);
        let (mut out, mut alone) = (Vec::new(), Vec::new());
        let mut job = [ProtectJob {
            pn: 1,
            key_id: 0,
            header: &header,
            plaintext: &plaintext,
            out: &mut out,
            result: Ok(()),
        }];
        key.protect_batch(&mut job);
        key.protect(1, 0, &header, &plaintext, &mut alone).unwrap();
        assert_eq!(out, alone);
    }
}
