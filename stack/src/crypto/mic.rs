//! Integrity of EAPOL-Key frames.

use aes::Aes128;
use cmac::Cmac;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How the MIC of an EAPOL-Key frame is made (802.11-2020 Table 12-11). All of these yield 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EapolMic {
    /// HMAC-SHA1-128, key descriptor version 2.
    HmacSha1,
    /// AES-128-CMAC, key descriptor version 3 or defined by the AKM.
    AesCmac,
    /// HMAC-SHA-256 cut to 128 bit, defined by the AKM.
    HmacSha256,
}

impl EapolMic {
    /// The MIC over the concatenation of `parts` under the key confirmation key `kck`.
    ///
    /// `None` if the key does not have the length that the algorithm takes.
    pub fn compute(self, kck: &[u8], parts: &[&[u8]]) -> Option<[u8; 16]> {
        match self {
            Self::HmacSha1 => run::<Hmac<Sha1>>(kck, parts),
            Self::AesCmac => run::<Cmac<Aes128>>(kck, parts),
            Self::HmacSha256 => run::<Hmac<Sha256>>(kck, parts),
        }
    }

    /// Whether `mic` is the MIC over `parts`, compared in constant time.
    pub fn verify(self, kck: &[u8], parts: &[&[u8]], mic: &[u8]) -> bool {
        self.compute(kck, parts).is_some_and(|expected| expected.ct_eq(mic).into())
    }
}

fn run<M: Mac + KeyInit>(kck: &[u8], parts: &[&[u8]]) -> Option<[u8; 16]> {
    let mut mac = <M as KeyInit>::new_from_slice(kck).ok()?;
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().first_chunk().copied()
}
