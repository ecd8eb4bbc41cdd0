//! What a scheme of authentication is.

use sha2::{Digest, Sha256};
use stack::wire::Reader;

use super::heads::{Heads, Revealed};
use super::refusal::Refusal;
use super::seal::SealRow;
use super::{Biba, Epoch, Hors, NodeId, Profile, SchemeId};

/// Tries of a signer before it gives up; each succeeds with probability one half, so nobody ever gets there.
pub const MAX_TRIES: u16 = 1024;

/// Where a message is signed. It is part of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who signs.
    pub node: NodeId,
    /// In which of their epochs.
    pub epoch: Epoch,
    /// Under which row; 0 in a scheme without rows.
    pub row: u32,
}

impl Place {
    /// The hash of a message here, under the tag of a scheme, in one of its tries.
    pub(super) fn hash(&self, tag: &[u8; 6], try_number: u16, message: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(tag);
        hash.update(self.node.0.to_le_bytes());
        hash.update(self.epoch.0.to_le_bytes());
        hash.update(self.row.to_le_bytes());
        hash.update(try_number.to_le_bytes());
        hash.update(u32::try_from(message.len()).unwrap_or(u32::MAX).to_le_bytes());
        hash.update(message);
        hash.finalize().into()
    }
}

/// No try of [`MAX_TRIES`] gave a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no signature in {MAX_TRIES} tries")]
pub struct NoSignature;

/// A way of signing announcements.
///
/// A scheme knows nothing of time and counts nothing: [`Row`](super::Row) sees to the first when signing,
/// [`Verifier`](super::Verifier) to both when verifying.
pub trait Scheme {
    /// What signs one message: a row of SEALs, or a private key.
    type Secret;
    /// What a verifier knows of the signer.
    type Known;
    /// What a verifier has learnt from a good signature and may add to what it knows, once nothing else is wrong.
    type Learnt;

    /// Which scheme it is.
    fn id(&self) -> SchemeId;

    /// Bytes of a signature: always the same number.
    fn signature_len(&self) -> usize;

    /// Signs `message` at `place`: appends the signature to `out`.
    fn sign(
        &self,
        secret: &Self::Secret,
        place: &Place,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NoSignature>;

    /// Checks `signature`, what is cheap first. It may note down what it has worked out, so as not to work it out again,
    /// but nothing that changes any answer: that is for whoever takes what was learnt.
    fn verify(
        &self,
        known: &mut Self::Known,
        place: &Place,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Self::Learnt, Refusal>;
}

/// The first try in which `select` finds SEALs, and these.
pub(super) fn tries(select: impl Fn(u16) -> Option<Vec<u16>>) -> Result<(u16, Vec<u16>), NoSignature> {
    let found = (0..MAX_TRIES).find_map(|try_number| Some((try_number, select(try_number)?)));
    found.ok_or(NoSignature)
}

/// The number of the try at the head of a signature.
pub(super) fn read_try(reader: &mut Reader<'_>) -> Result<u16, Refusal> {
    let try_number = reader.u16_le()?;
    if try_number < MAX_TRIES { Ok(try_number) } else { Err(Refusal::TooManyTries) }
}

/// The scheme of an epoch with rows.
#[derive(Clone, Copy, Debug)]
pub enum RowScheme {
    /// BiBa.
    Biba(Biba),
    /// HORS.
    Hors(Hors),
}

impl RowScheme {
    /// The scheme of a profile; `None` if it has no rows.
    pub const fn of(profile: Profile) -> Option<Self> {
        match profile.scheme() {
            SchemeId::Biba => Some(Self::Biba(Biba(profile))),
            SchemeId::Hors => Some(Self::Hors(Hors(profile))),
            SchemeId::Ed25519 => None,
        }
    }
}

impl Scheme for RowScheme {
    type Secret = SealRow;
    type Known = Heads;
    type Learnt = Revealed;

    fn id(&self) -> SchemeId {
        match self {
            Self::Biba(scheme) => scheme.id(),
            Self::Hors(scheme) => scheme.id(),
        }
    }

    fn signature_len(&self) -> usize {
        match self {
            Self::Biba(scheme) => scheme.signature_len(),
            Self::Hors(scheme) => scheme.signature_len(),
        }
    }

    fn sign(
        &self,
        row: &SealRow,
        place: &Place,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NoSignature> {
        match self {
            Self::Biba(scheme) => scheme.sign(row, place, message, out),
            Self::Hors(scheme) => scheme.sign(row, place, message, out),
        }
    }

    fn verify(
        &self,
        heads: &mut Heads,
        place: &Place,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Revealed, Refusal> {
        match self {
            Self::Biba(scheme) => scheme.verify(heads, place, message, signature),
            Self::Hors(scheme) => scheme.verify(heads, place, message, signature),
        }
    }
}
