//! SEALs, the rows they stand in, and the one-way step from one row to the one before.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use stack::wire::Reader;
use zeroize::{Zeroize, Zeroizing};

use super::chain::Seed;
use super::refusal::Refusal;
use super::{Epoch, NodeId};

/// Bytes of a SEAL.
pub(super) const SEAL_LEN: usize = 16;

/// A self-authenticating value: secret until a signature reveals it, checked by hashing it down its chain.
#[derive(Clone, Copy, PartialEq, Eq, Zeroize)]
pub struct Seal(pub(super) [u8; SEAL_LEN]);

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(..)")
    }
}

impl Seal {
    /// The first 128 bits of a hash.
    pub(super) fn truncated(hash: [u8; 32]) -> Self {
        let mut seal = [0; SEAL_LEN];
        seal.copy_from_slice(hash.first_chunk::<SEAL_LEN>().unwrap_or(&[0; SEAL_LEN]));
        Self(seal)
    }
}

/// One SEAL for each index, and nothing behind them.
pub(super) fn read_seals(indices: Vec<u16>, mut reader: Reader<'_>) -> Result<Vec<(u16, Seal)>, Refusal> {
    let (seals, rest) = reader.rest().as_chunks::<SEAL_LEN>();
    if seals.len() != indices.len() || !rest.is_empty() {
        return Err(Refusal::Malformed);
    }
    Ok(indices.into_iter().zip(seals.iter().copied().map(Seal)).collect())
}

/// The parts one after the other in `N` bytes, which is how many they are: hashed at once they take half the time that
/// they take one by one, and hashing them is most of what a forgery costs.
#[inline]
pub(super) fn joined<const N: usize, const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; N] {
    let mut out = [0; N];
    let mut rest = &mut out[..];
    for part in parts {
        let Some((head, tail)) = std::mem::take(&mut rest).split_at_mut_checked(part.len()) else { break };
        head.copy_from_slice(part);
        rest = tail;
    }
    out
}

/// The hash of a whole row: what a record signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowHash(pub [u8; 32]);

/// One SEAL of every chain. Wiped when dropped: until its time is over a row is a secret.
#[derive(Clone)]
pub struct SealRow(Vec<Seal>);

impl SealRow {
    pub(super) const fn new(seals: Vec<Seal>) -> Self {
        Self(seals)
    }

    /// The row that `bytes` are, if they are a row of `seals` SEALs.
    pub fn parse(bytes: &[u8], seals: u16) -> Option<Self> {
        let (whole, rest) = bytes.as_chunks::<SEAL_LEN>();
        let fits = rest.is_empty() && whole.len() == usize::from(seals);
        fits.then(|| Self(whole.iter().copied().map(Seal).collect()))
    }

    /// SHA-256 over the SEALs.
    pub fn hash(&self) -> RowHash {
        let mut hash = Sha256::new();
        self.0.iter().for_each(|seal| hash.update(seal.0));
        RowHash(hash.finalize().into())
    }

    /// The SEALs one after the other: what a verifier asks for, once the row is public.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|seal| seal.0).collect()
    }

    /// Its SEALs, each with the number of its chain.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, &Seal)> {
        (0u16..).zip(&self.0)
    }

    pub(super) fn get(&self, index: u16) -> Option<&Seal> {
        self.0.get(usize::from(index))
    }

    pub(super) fn get_mut(&mut self, index: u16) -> Option<&mut Seal> {
        self.0.get_mut(usize::from(index))
    }
}

impl Drop for SealRow {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SealRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealRow({} seals)", self.0.len())
    }
}

/// The chains of one node in one epoch: everything that is hashed in them names both, so that a SEAL is worth nothing
/// anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    pub(super) node: NodeId,
    pub(super) epoch: Epoch,
}

impl Domain {
    /// F, as often as it takes: the SEAL of chain `index` in row `to`, from the one in row `from`.
    pub(super) fn walk(&self, index: u16, from: u32, to: u32, seal: &Seal) -> Seal {
        let (node, epoch) = (self.node.0.to_le_bytes(), self.epoch.0.to_le_bytes());
        (to..from).rev().fold(*seal, |above, row| {
            let parts = [b"seal", &node[..], &epoch, &index.to_le_bytes(), &row.to_le_bytes(), &above.0];
            Seal::truncated(Sha256::digest(joined::<42, _>(parts)).into())
        })
    }

    /// The whole row `to`, from row `from`.
    pub(super) fn walk_row(&self, from: u32, to: u32, row: &SealRow) -> SealRow {
        SealRow::new(row.iter().map(|(index, seal)| self.walk(index, from, to, seal)).collect())
    }

    /// The last SEAL of chain `index`.
    pub(super) fn tip(&self, seed: &Seed, index: u16) -> Seal {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&seed.0[..]) else { return Seal([0; SEAL_LEN]) };
        mac.update(b"tip");
        mac.update(&self.epoch.0.to_le_bytes());
        mac.update(&index.to_le_bytes());
        Seal::truncated(*Zeroizing::new(mac.finalize().into_bytes().into()))
    }
}
