//! The token that lets a machine join: which cluster it is, and a secret that is good once.

use std::fmt;

use sha2::{Digest, Sha256};
use stack::random::{Random, bytes};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::error::IdentityError;
use super::hex::{from_hex, to_hex};

/// A token: the first 16 bytes of the SHA-256 of the cluster's certificate, and 16 secret bytes. As text it is 64
/// hexadecimal digits.
#[derive(Clone)]
pub struct Token {
    pin: [u8; 16],
    secret: Zeroizing<[u8; 16]>,
}

impl Token {
    /// A new one for the cluster with this certificate.
    pub(super) fn draw(authority: &[u8], random: &mut dyn Random) -> Self {
        Self { pin: pin(authority), secret: Zeroizing::new(bytes(random)) }
    }

    /// Out of its text.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let bytes = Zeroizing::new(from_hex(text.trim()).ok_or(IdentityError::NoToken)?);
        let (pin, secret) = bytes.split_first_chunk::<16>().ok_or(IdentityError::NoToken)?;
        let secret = <[u8; 16]>::try_from(secret).map_err(|_| IdentityError::NoToken)?;
        Ok(Self { pin: *pin, secret: Zeroizing::new(secret) })
    }

    /// The text to be given to the machine that joins.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(to_hex(&self.pin) + &*Zeroizing::new(to_hex(&*self.secret)))
    }

    /// Whether a certificate is that of the cluster which the token is for.
    pub(in crate::engine) fn is_for(&self, authority: &[u8]) -> bool {
        pin(authority).ct_eq(&self.pin).into()
    }

    /// The secret, to be shown to nobody but that cluster.
    pub(in crate::engine) fn secret(&self) -> &[u8; 16] {
        &self.secret
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What an authority keeps of a secret.
pub(super) fn hash(secret: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(b"airloom invitation\0").chain_update(secret).finalize().into()
}

fn pin(authority: &[u8]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(authority).into();
    hash.first_chunk().copied().unwrap_or_default()
}
