//! Ciphers and key derivation, thin over RustCrypto.
//!
//! - [`CipherKey`]: one temporal key; protects and unprotects MPDUs with CCMP-128, CCMP-256, GCMP-128 or GCMP-256.
//!   [One](CipherKey::protect) or [many](CipherKey::protect_batch) at a time.
//!   Knows nothing of replay: which packet numbers are fit to use or to accept is decided by the MAC.
//! - [`IntegrityKey`]: one IGTK or BIGTK; signs and checks management frames with BIP.
//! - [`prf_sha1`], [`kdf_sha256`], [`kdf_sha384`]: the key derivation functions of the 4-way handshake.
//! - [`EapolMic`]: the integrity algorithms of EAPOL-Key frames.
//! - [`wrap`], [`unwrap`]: AES key wrap, for the Key Data field.
//! - [`psk_from_passphrase`]: PBKDF2 as 802.11 uses it.
//!
//! The only thing these know of a frame is its MAC header as bytes.

mod aad;
mod batch;
mod bip;
mod cipher;
mod kdf;
mod key_wrap;
mod lanes;
mod mic;

pub use aad::HeaderTooShort;
pub use batch::{ProtectJob, UnprotectJob};
pub use bip::{GroupManagementCipher, IntegrityError, IntegrityKey, IntegrityKeyError};
pub use cipher::{Cipher, CipherHeader, CipherKey, KeyLength, ProtectError, UnprotectError, Unprotected};
pub use kdf::{kdf_sha256, kdf_sha384, key_fingerprint, prf_sha1, psk_from_passphrase};
pub use key_wrap::{KeyWrapError, unwrap, wrap};
pub use mic::{EapolMic, MicBytes};
