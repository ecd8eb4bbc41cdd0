//! AES key wrap (RFC 3394), which protects the Key Data field of EAPOL-Key frames (802.11-2020 12.7.2).

use aes_kw::{KeyInit, KwAes128, KwAes256};
use zeroize::Zeroizing;

/// Key data that cannot be wrapped or unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyWrapError {
    /// The key encryption key has neither 16 nor 32 bytes.
    #[error("a key encryption key has 16 or 32 bytes, not {0}")]
    KekLength(usize),
    /// The data is no whole number of 8-byte blocks, or fewer than two of them.
    #[error("{0} bytes cannot be wrapped key data")]
    DataLength(usize),
    /// The integrity check failed: another key, or changed on the way.
    #[error("key unwrap integrity check failed")]
    Integrity,
}

/// Wraps `plaintext`, which is 16 or more bytes in blocks of 8.
pub fn wrap(kek: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, KeyWrapError> {
    check_length(plaintext.len(), 16)?;
    let mut out = vec![0; plaintext.len() + 8];
    match kek.len() {
        16 => kw128(kek)?.wrap_key(plaintext, &mut out).map(|_| ()),
        _ => kw256(kek)?.wrap_key(plaintext, &mut out).map(|_| ()),
    }
    .map_err(|_| KeyWrapError::DataLength(plaintext.len()))?;
    Ok(out)
}

/// Unwraps `wrapped` and checks its integrity.
pub fn unwrap(kek: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyWrapError> {
    check_length(wrapped.len(), 24)?;
    let mut out = Zeroizing::new(vec![0; wrapped.len() - 8]);
    match kek.len() {
        16 => kw128(kek)?.unwrap_key(wrapped, &mut out).map(|_| ()),
        _ => kw256(kek)?.unwrap_key(wrapped, &mut out).map(|_| ()),
    }
    .map_err(|_| KeyWrapError::Integrity)?;
    Ok(out)
}

const fn check_length(len: usize, least: usize) -> Result<(), KeyWrapError> {
    if len < least || !len.is_multiple_of(8) { Err(KeyWrapError::DataLength(len)) } else { Ok(()) }
}

fn kw128(kek: &[u8]) -> Result<KwAes128, KeyWrapError> {
    KwAes128::new_from_slice(kek).map_err(|_| KeyWrapError::KekLength(kek.len()))
}

fn kw256(kek: &[u8]) -> Result<KwAes256, KeyWrapError> {
    KwAes256::new_from_slice(kek).map_err(|_| KeyWrapError::KekLength(kek.len()))
}
