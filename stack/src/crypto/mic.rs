//! Integrity of EAPOL-Key frames.

use std::ops::Deref;

use aes::Aes128;
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use subtle::ConstantTimeEq;

/// The longest MIC.
const MAX_LEN: usize = 24;

/// How the MIC of an EAPOL-Key frame is made (802.11-2020 Table 12-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EapolMic {
    /// HMAC-SHA1-128, key descriptor version 2.
    HmacSha1,
    /// AES-128-CMAC, key descriptor version 3 or defined by the AKM.
    AesCmac,
    /// HMAC-SHA-256 cut to 128 bit, defined by the AKM.
    HmacSha256,
    /// HMAC-SHA-384 cut to 192 bit, defined by the AKM.
    HmacSha384,
}

/// A MIC: its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MicBytes {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Deref for MicBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

impl EapolMic {
    /// How many bytes the MIC has.
    pub const fn mic_len(self) -> usize {
        match self {
            Self::HmacSha1 | Self::AesCmac | Self::HmacSha256 => 16,
            Self::HmacSha384 => MAX_LEN,
        }
    }

    /// The MIC over the concatenation of `parts` under the key confirmation key `kck`.
    ///
    /// `None` if the key does not have the length that the algorithm takes.
    pub fn compute(self, kck: &[u8], parts: &[&[u8]]) -> Option<MicBytes> {
        match self {
            Self::HmacSha1 => run::<Hmac<Sha1>>(kck, parts, self.mic_len()),
            Self::AesCmac => run::<Cmac<Aes128>>(kck, parts, self.mic_len()),
            Self::HmacSha256 => run::<Hmac<Sha256>>(kck, parts, self.mic_len()),
            Self::HmacSha384 => run::<Hmac<Sha384>>(kck, parts, self.mic_len()),
        }
    }

    /// Whether `mic` is the MIC over `parts`, compared in constant time.
    pub fn verify(self, kck: &[u8], parts: &[&[u8]], mic: &[u8]) -> bool {
        self.compute(kck, parts).is_some_and(|expected| expected.ct_eq(mic).into())
    }
}

fn run<M: Mac + KeyInit>(kck: &[u8], parts: &[&[u8]], len: usize) -> Option<MicBytes> {
    let mut mac = <M as KeyInit>::new_from_slice(kck).ok()?;
    for part in parts {
        mac.update(part);
    }
    let mut bytes = [0; MAX_LEN];
    for (to, from) in bytes.iter_mut().zip(mac.finalize().into_bytes()).take(len) {
        *to = from;
    }
    Some(MicBytes { bytes, len })
}
