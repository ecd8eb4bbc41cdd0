//! Several frames under one key at once.

use aes::cipher::BlockCipherEncrypt;
use aes::cipher::consts::{U12, U16};
use aes_gcm::aead::AeadInOut;
use subtle::ConstantTimeEq;

use super::cipher::{
    CipherHeader, CipherKey, Mode, ProtectError, UnprotectError, Unprotected, frame_parts, put_frame,
};
use super::lanes::{Direction, Message, Messages};

/// Frames that are handed to the cipher together.
const GROUP: usize = 16;
/// Length of a GCMP MIC.
const GCM_MIC: usize = 16;

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
        jobs.chunks_mut(GROUP).for_each(|jobs| self.protect_some::<GROUP>(jobs));
    }

    /// Does what [`Self::unprotect`] does to each of `jobs`, faster than one after the other.
    pub fn unprotect_batch(&self, jobs: &mut [UnprotectJob<'_>]) {
        jobs.chunks_mut(GROUP).for_each(|jobs| self.unprotect_some::<GROUP>(jobs));
    }

    /// Up to `N` jobs.
    pub(super) fn protect_some<const N: usize>(&self, jobs: &mut [ProtectJob<'_>]) {
        match &self.mode {
            Mode::Ccmp128(aes) => self.protect_ccm::<_, N>(aes, jobs),
            Mode::Ccmp256(aes) => self.protect_ccm::<_, N>(aes, jobs),
            Mode::Gcmp128(gcm) => self.protect_gcm(&**gcm, jobs),
            Mode::Gcmp256(gcm) => self.protect_gcm(&**gcm, jobs),
        }
    }

    /// Up to `N` jobs.
    pub(super) fn unprotect_some<const N: usize>(&self, jobs: &mut [UnprotectJob<'_>]) {
        match &self.mode {
            Mode::Ccmp128(aes) => self.unprotect_ccm::<_, N>(aes, jobs),
            Mode::Ccmp256(aes) => self.unprotect_ccm::<_, N>(aes, jobs),
            Mode::Gcmp128(gcm) => self.unprotect_gcm(&**gcm, jobs),
            Mode::Gcmp256(gcm) => self.unprotect_gcm(&**gcm, jobs),
        }
    }

    fn protect_ccm<C, const N: usize>(&self, aes: &C, jobs: &mut [ProtectJob<'_>])
    where
        C: BlockCipherEncrypt<BlockSize = U16>,
    {
        let mic_len = self.cipher().mic_len();
        let mut messages = Messages::<_, N>::new();
        for job in jobs {
            job.result = self.check(job.header, job.plaintext).map(|fields| {
                let header = CipherHeader { pn: job.pn, key_id: job.key_id };
                let (payload, mic) = put_frame(header, job.header, job.plaintext, mic_len, job.out);
                messages.push(Message::new(&fields, job.pn, mic_len, payload), mic);
            });
        }
        for (_, mic, out) in messages.run(aes, Direction::Encrypt) {
            out.copy_from_slice(mic.get(..mic_len).unwrap_or(&mic));
        }
    }

    fn unprotect_ccm<C, const N: usize>(&self, aes: &C, jobs: &mut [UnprotectJob<'_>])
    where
        C: BlockCipherEncrypt<BlockSize = U16>,
    {
        let mic_len = self.cipher().mic_len();
        let mut messages = Messages::<_, N>::new();
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

    fn protect_gcm<G: Gcm>(&self, gcm: &G, jobs: &mut [ProtectJob<'_>]) {
        for job in jobs {
            job.result = self.check(job.header, job.plaintext).and_then(|fields| {
                let header = CipherHeader { pn: job.pn, key_id: job.key_id };
                let (payload, mic) = put_frame(header, job.header, job.plaintext, GCM_MIC, job.out);
                let nonce = fields.gcm_nonce(job.pn).into();
                let tag = gcm.encrypt_inout_detached(&nonce, fields.aad(), payload.into());
                mic.copy_from_slice(&tag.map_err(|_| ProtectError::TooLong(job.plaintext.len()))?);
                Ok(())
            });
        }
    }

    fn unprotect_gcm<G: Gcm>(&self, gcm: &G, jobs: &mut [UnprotectJob<'_>]) {
        for job in jobs {
            job.result = Some(self.parse(job.header_len, job.mpdu).and_then(|(fields, unprotected)| {
                let (payload, mic) = frame_parts(job.mpdu, &unprotected.payload);
                let nonce = fields.gcm_nonce(unprotected.pn).into();
                let tag = (&*mic).try_into().map_err(|_| UnprotectError::MicFailure)?;
                gcm.decrypt_inout_detached(&nonce, fields.aad(), payload.into(), tag)
                    .map_err(|_| UnprotectError::MicFailure)?;
                Ok(unprotected)
            }));
        }
    }
}

/// GCM with the parameters of GCMP.
trait Gcm: AeadInOut<NonceSize = U12, TagSize = U16> {}

impl<G: AeadInOut<NonceSize = U12, TagSize = U16>> Gcm for G {}

#[cfg(test)]
mod tests {
    use aes::{Aes128, Aes256};
    use aes_gcm::aead::{Aead, KeyInit, Payload};
    use ccm::Ccm;
    use ccm::consts::{U8, U13};
    use proptest::prelude::*;

    use super::super::aad::HeaderFields;
    use super::*;
    use crate::crypto::Cipher;

    const CIPHERS: [Cipher; 4] = [Cipher::Ccmp128, Cipher::Ccmp256, Cipher::Gcmp128, Cipher::Gcmp256];

    fn frames() -> impl Strategy<Value = Vec<(u64, u8, Vec<u8>, Vec<u8>)>> {
        let header = (any::<[u8; 40]>(), 20usize..40).prop_map(|(bytes, len)| bytes[..len].to_vec());
        let payload = prop::collection::vec(any::<u8>(), 0..700);
        prop::collection::vec((0u64..1 << 48, 0u8..4, header, payload), 0..20)
    }

    /// Ciphertext and MIC, made by the crate `ccm` out of the same nonce and AAD.
    fn reference(cipher: Cipher, key: &[u8], pn: u64, header: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        let fields = HeaderFields::new(header, false).unwrap();
        let (nonce, payload) = (fields.ccm_nonce(pn).into(), Payload { msg: plaintext, aad: fields.aad() });
        match cipher {
            Cipher::Ccmp128 => {
                Ccm::<Aes128, U8, U13>::new_from_slice(key).unwrap().encrypt(&nonce, payload).ok()
            }
            Cipher::Ccmp256 => {
                Ccm::<Aes256, U16, U13>::new_from_slice(key).unwrap().encrypt(&nonce, payload).ok()
            }
            Cipher::Gcmp128 | Cipher::Gcmp256 => None,
        }
    }

    proptest! {
        #[test]
        fn ccmp_is_what_the_ccm_crate_makes_of_it(
            cipher in prop::sample::select(&CIPHERS[..2]), key: [u8; 32], frames in frames(),
        ) {
            let bytes = &key[..cipher.key_len()];
            let key = CipherKey::new(cipher, bytes).unwrap();
            for (pn, key_id, header, plaintext) in frames {
                let mut out = Vec::new();
                if key.protect(pn, key_id, &header, &plaintext, &mut out).is_ok() {
                    let expected = reference(cipher, bytes, pn, &header, &plaintext).unwrap();
                    prop_assert_eq!(&out[header.len() + 8..], expected);
                }
            }
        }

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
        let mut out = Vec::new();
        key.protect(1, 0, &header, &plaintext, &mut out).unwrap();
        let expected = reference(Cipher::Ccmp128, &[9; 16], 1, &header, &plaintext).unwrap();
        assert!(out[header.len() + 8..] == expected);
    }
}
