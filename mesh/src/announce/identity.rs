//! Ed25519: who a node is, the root under records, and the scheme of an epoch without a clock.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use stack::random::{Random, bytes};
use zeroize::Zeroizing;

use super::SchemeId;
use super::refusal::Refusal;
use super::scheme::{NoSignature, Place, Scheme};

/// Bytes of a signature.
pub(super) const SIGNATURE_LEN: usize = 64;

/// The private key of a node; wiped when dropped.
pub struct Identity(SigningKey);

impl Identity {
    /// The identity that a seed of 32 random bytes stands for.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// A new one.
    pub fn draw(random: &mut dyn Random) -> Self {
        Self::from_seed(&Zeroizing::new(bytes(random)))
    }

    /// What others know it by.
    pub fn public(&self) -> PublicIdentity {
        PublicIdentity(self.0.verifying_key())
    }

    /// Signs `message` as a `tag`: a signature under one tag is none under another.
    pub(super) fn sign(&self, tag: &str, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(&tagged(tag, message)).to_bytes()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// The public key of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicIdentity(VerifyingKey);

impl PublicIdentity {
    /// The key that these bytes are; `None` if they are none.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak()).map(Self)
    }

    /// Its 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub(super) fn verify(&self, tag: &str, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let signature = Signature::from_slice(signature).map_err(|_| Refusal::Malformed)?;
        self.0.verify_strict(&tagged(tag, message), &signature).map_err(|_| Refusal::BadSignature)
    }
}

fn tagged(tag: &str, message: &[u8]) -> Vec<u8> {
    [tag.as_bytes(), &[0], message].concat()
}

/// Ed25519 as a scheme: fifty times as dear to check as BiBa, but it needs no clock.
#[derive(Clone, Copy, Debug)]
pub struct Ed25519;

impl Ed25519 {
    fn signed(place: &Place, message: &[u8]) -> Vec<u8> {
        let head = [place.node.0.to_le_bytes(), place.epoch.0.to_le_bytes()].concat();
        [&head, &place.row.to_le_bytes()[..], message].concat()
    }
}

impl Scheme for Ed25519 {
    type Secret = Identity;
    type Known = PublicIdentity;
    type Learnt = ();

    fn id(&self) -> SchemeId {
        SchemeId::Ed25519
    }

    fn signature_len(&self) -> usize {
        SIGNATURE_LEN
    }

    fn sign(
        &self,
        identity: &Identity,
        place: &Place,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NoSignature> {
        out.extend(identity.sign("announcement", &Self::signed(place, message)));
        Ok(())
    }

    fn verify(
        &self,
        identity: &mut PublicIdentity,
        place: &Place,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Refusal> {
        identity.verify("announcement", &Self::signed(place, message), signature)
    }
}
