//! Key derivation: the PRF, the KDF, and passphrase to PSK.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384};
use zeroize::{Zeroize, Zeroizing};

/// PRF (802.11-2020 12.7.1.2): fills `out` from `key`, a label and the concatenation of `data`.
pub fn prf_sha1(key: &[u8], label: &str, data: &[&[u8]], out: &mut [u8]) {
    for (counter, chunk) in (0u8..).zip(out.chunks_mut(20)) {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return };
        mac.update(label.as_bytes());
        mac.update(&[0]);
        for part in data {
            mac.update(part);
        }
        mac.update(&[counter]);
        let block = Zeroizing::new(<[u8; 20]>::from(mac.finalize().into_bytes()));
        copy_prefix(chunk, &*block);
    }
}

/// A name for a key that tells nothing about it: the first half of the SHA-256 of the key and a label.
pub fn key_fingerprint(key: &[u8], label: &[u8]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::new().chain_update(key).chain_update(label).finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// KDF with SHA-256 (802.11-2020 12.7.1.6.2): fills `out` from `key`, a label and the concatenation of `context`.
pub fn kdf_sha256(key: &[u8], label: &str, context: &[&[u8]], out: &mut [u8]) {
    kdf::<Hmac<Sha256>>(key, label, context, out);
}

/// KDF with SHA-384, as [`kdf_sha256`].
pub fn kdf_sha384(key: &[u8], label: &str, context: &[&[u8]], out: &mut [u8]) {
    kdf::<Hmac<Sha384>>(key, label, context, out);
}

fn kdf<M: Mac + KeyInit>(key: &[u8], label: &str, context: &[&[u8]], out: &mut [u8]) {
    let bits = u16::try_from(out.len() * 8).unwrap_or(u16::MAX);
    for (counter, chunk) in (1u16..).zip(out.chunks_mut(M::output_size())) {
        let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return };
        mac.update(&counter.to_le_bytes());
        mac.update(label.as_bytes());
        for part in context {
            mac.update(part);
        }
        mac.update(&bits.to_le_bytes());
        let mut block = mac.finalize().into_bytes();
        copy_prefix(chunk, &block);
        block.zeroize();
    }
}

/// The PSK of a passphrase (802.11-2020 J.4.1): PBKDF2 with HMAC-SHA1 and 4096 iterations. Takes about a millisecond,
/// so do it once per network and not on the frame path.
pub fn psk_from_passphrase(passphrase: &[u8], ssid: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut psk = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2_hmac::<Sha1>(passphrase, ssid, 4096, &mut *psk);
    psk
}

fn copy_prefix(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
