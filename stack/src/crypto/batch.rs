//! Several frames under one key at once.

use aes::cipher::BlockCipherEncrypt;
use aes::cipher::consts::{U12, U16};
use aes::cipher::typenum::Unsigned;
use aes_gcm::aead::AeadInOut;
use subtle::ConstantTimeEq;

use super::cipher::{
    CipherHeader, CipherKey, Mode, ProtectError, UnprotectError, Unprotected, frame_parts, put_frame,
};
use super::lanes::{Direction, LANES, Message, Messages};

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
            Mode::Gcmp128(gcm) => jobs.iter_mut().for_each(|job| job.result = self.protect_gcm(&**gcm, job)),
            Mode::Gcmp256(gcm) => jobs.iter_mut().for_each(|job| job.result = self.protect_gcm(&**gcm, job)),
        }
    }

    /// Does what [`Self::unprotect`] does to each of `jobs`, faster than one after the other.
    pub fn unprotect_batch(&self, jobs: &mut [UnprotectJob<'_>]) {
        match &self.mode {
            Mode::Ccmp128(aes) => jobs.chunks_mut(LANES).for_each(|jobs| self.unprotect_ccm(aes, jobs)),
            Mode::Ccmp256(aes) => jobs.chunks_mut(LANES).for_each(|jobs| self.unprotect_ccm(aes, jobs)),
            Mode::Gcmp128(gcm) => {
                jobs.iter_mut().for_each(|job| job.result = Some(self.unprotect_gcm(&**gcm, job)));
            }
            Mode::Gcmp256(gcm) => {
                jobs.iter_mut().for_each(|job| job.result = Some(self.unprotect_gcm(&**gcm, job)));
            }
        }
    }

    /// Up to [`LANES`] jobs.
    fn protect_ccm<C>(&self, aes: &C, jobs: &mut [ProtectJob<'_>])
    where
        C: BlockCipherEncrypt<BlockSize = U16>,
    {
        let mic_len = self.cipher().mic_len();
        let mut messages = Messages::new();
        for job in jobs {
            let fields = match self.check(job.header, job.plaintext) {
                Ok(fields) => fields,
                Err(error) => {
                    job.result = Err(error);
                    continue;
                }
            };
            job.result = Ok(());
            let header = CipherHeader { pn: job.pn, key_id: job.key_id };
            let (payload, mic) = put_frame(header, job.header, job.plaintext, mic_len, job.out);
            messages.push(Message::new(&fields, job.pn, mic_len, payload), mic);
        }
        for (_, mic, out) in messages.run(aes, Direction::Encrypt) {
            out.copy_from_slice(mic.get(..mic_len).unwrap_or(&mic));
        }
    }

    /// Up to [`LANES`] jobs.
    fn unprotect_ccm<C>(&self, aes: &C, jobs: &mut [UnprotectJob<'_>])
    where
        C: BlockCipherEncrypt<BlockSize = U16>,
    {
        let mic_len = self.cipher().mic_len();
        let mut messages = Messages::new();
        for UnprotectJob { header_len, mpdu, result } in jobs {
            let (fields, unprotected) = match self.parse(*header_len, mpdu) {
                Ok(parsed) => parsed,
                Err(error) => {
                    *result = Some(Err(error));
                    continue;
                }
            };
            let (payload, mic) = frame_parts(mpdu, &unprotected.payload);
            let message = Message::new(&fields, unprotected.pn, mic_len, payload);
            *result = Some(Ok(unprotected));
            messages.push(message, (mic, result));
        }
        for (payload, expected, (mic, result)) in messages.run(aes, Direction::Decrypt) {
            let expected = expected.get(..mic_len).unwrap_or(&expected);
            if !bool::from(expected.ct_eq(mic)) {
                payload.fill(0);
                *result = Some(Err(UnprotectError::MicFailure));
            }
        }
    }

    fn protect_gcm<G>(&self, gcm: &G, job: &mut ProtectJob<'_>) -> Result<(), ProtectError>
    where
        G: AeadInOut<NonceSize = U12, TagSize = U16>,
    {
        let fields = self.check(job.header, job.plaintext)?;
        let header = CipherHeader { pn: job.pn, key_id: job.key_id };
        let (payload, mic) = put_frame(header, job.header, job.plaintext, G::TagSize::USIZE, job.out);
        let nonce = fields.gcm_nonce(job.pn).into();
        let tag = gcm.encrypt_inout_detached(&nonce, fields.aad(), payload.into());
        mic.copy_from_slice(&tag.map_err(|_| ProtectError::TooLong(job.plaintext.len()))?);
        Ok(())
    }

    fn unprotect_gcm<G>(&self, gcm: &G, job: &mut UnprotectJob<'_>) -> Result<Unprotected, UnprotectError>
    where
        G: AeadInOut<NonceSize = U12, TagSize = U16>,
    {
        let (fields, unprotected) = self.parse(job.header_len, job.mpdu)?;
        let (payload, mic) = frame_parts(job.mpdu, &unprotected.payload);
        let nonce = fields.gcm_nonce(unprotected.pn).into();
        let tag = (&*mic).try_into().map_err(|_| UnprotectError::MicFailure)?;
        gcm.decrypt_inout_detached(&nonce, fields.aad(), payload.into(), tag)
            .map_err(|_| UnprotectError::MicFailure)?;
        Ok(unprotected)
    }
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
