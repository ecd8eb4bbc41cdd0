//! BiBa: bins and balls. A signature is `k` SEALs that a hash, keyed by the message, throws into one bin.
//!
//! Who knows all `t` of them finds `k` such SEALs in every second try; who has seen `r` succeeds with probability
//! `C(r,k) (n-1)^(r-k) / n^(r-1)`.

use sha2::{Digest, Sha256};
use stack::wire::Reader;

use super::heads::{Heads, Revealed};
use super::refusal::Refusal;
use super::scheme::{NoSignature, Place, Scheme, read_try, tries};
use super::seal::{SEAL_LEN, Seal, SealRow, joined, read_seals};
use super::{Profile, SchemeId};

/// H begins with it.
pub(super) const TAG: &[u8; 6] = b"biba-h";

/// BiBa with the parameters of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Biba(pub(super) Profile);

impl Biba {
    /// G: the bin that a SEAL falls into.
    fn bin(&self, challenge: &[u8; 32], index: u16, seal: &Seal) -> u16 {
        let parts = [b"biba-g", &challenge[..], &index.to_le_bytes(), &seal.0];
        let hash: [u8; 32] = Sha256::digest(joined::<56, _>(parts)).into();
        let number = u64::from_le_bytes(*hash.first_chunk().unwrap_or(&[0; 8]));
        u16::try_from((u128::from(number) * u128::from(self.0.bins())) >> 64).unwrap_or(u16::MAX)
    }

    /// The first `k` SEALs of the lowest bin that has as many.
    pub(super) fn select<'a>(
        &self,
        challenge: &[u8; 32],
        seals: impl Iterator<Item = (u16, &'a Seal)>,
    ) -> Option<Vec<u16>> {
        let mut fill = vec![0u16; usize::from(self.0.bins())];
        let thrown: Vec<_> = seals.map(|(index, seal)| (index, self.bin(challenge, index, seal))).collect();
        for &(_, bin) in &thrown {
            if let Some(fill) = fill.get_mut(usize::from(bin)) {
                *fill += 1;
            }
        }
        let full = (0u16..).zip(fill).find(|&(_, fill)| fill >= u16::from(self.0.revealed()))?.0;
        let inside = thrown.into_iter().filter(|&(_, bin)| bin == full).map(|(index, _)| index);
        Some(inside.take(usize::from(self.0.revealed())).collect())
    }

    fn packed_len(&self) -> usize {
        (usize::from(self.0.revealed()) * self.0.index_bits()).div_ceil(8)
    }
}

impl Scheme for Biba {
    type Secret = SealRow;
    type Known = Heads;
    type Learnt = Revealed;

    fn id(&self) -> SchemeId {
        SchemeId::Biba
    }

    fn signature_len(&self) -> usize {
        2 + self.packed_len() + usize::from(self.0.revealed()) * SEAL_LEN
    }

    fn sign(
        &self,
        row: &SealRow,
        place: &Place,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NoSignature> {
        let (try_number, indices) =
            tries(|try_number| self.select(&place.hash(TAG, try_number, message), row.iter()))?;
        out.extend(try_number.to_le_bytes());
        pack(&indices, self.0.index_bits(), out);
        out.extend(indices.iter().filter_map(|&index| row.get(index)).flat_map(|seal| seal.0));
        Ok(())
    }

    fn verify(
        &self,
        heads: &mut Heads,
        place: &Place,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Revealed, Refusal> {
        let mut reader = Reader::new(signature);
        let try_number = read_try(&mut reader)?;
        let packed = reader.take(self.packed_len())?;
        let indices = unpack(packed, usize::from(self.0.revealed()), self.0.index_bits());
        let indices = indices.filter(|indices| are_strictly_increasing(indices, self.0.seals()));
        let indices = indices.ok_or(Refusal::BadIndices)?;
        let seals = read_seals(indices, reader)?;
        let challenge = place.hash(TAG, try_number, message);
        let mut bins = seals.iter().map(|(index, seal)| self.bin(&challenge, *index, seal));
        let first = bins.next();
        if !bins.all(|bin| Some(bin) == first) {
            return Err(Refusal::BinsDiffer);
        }
        heads.authenticate(place.row, seals)
    }
}

fn are_strictly_increasing(indices: &[u16], seals: u16) -> bool {
    indices.is_sorted_by(|a, b| a < b) && indices.iter().all(|&index| index < seals)
}

/// Appends the indices, `bits` each, least significant bit first.
pub(super) fn pack(indices: &[u16], bits: usize, out: &mut Vec<u8>) {
    let (mut held, mut held_bits) = (0u32, 0);
    for &index in indices {
        held |= u32::from(index) << held_bits;
        held_bits += bits;
        while held_bits >= 8 {
            out.push((held & 0xff) as u8);
            held >>= 8;
            held_bits -= 8;
        }
    }
    if held_bits > 0 {
        out.push((held & 0xff) as u8);
    }
}

/// Reads `count` indices of `bits` each; `None` if bits are left over that are not zero.
fn unpack(packed: &[u8], count: usize, bits: usize) -> Option<Vec<u16>> {
    let (mut held, mut held_bits, mut indices) = (0u32, 0, Vec::with_capacity(count));
    for &byte in packed {
        held |= u32::from(byte) << held_bits;
        held_bits += 8;
        while held_bits >= bits && indices.len() < count {
            indices.push((held & ((1 << bits) - 1)) as u16);
            held >>= bits;
            held_bits -= bits;
        }
    }
    (indices.len() == count && held == 0).then_some(indices)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn indices_survive_packing(indices in proptest::collection::vec(0u16..2048, 0..16), bits in 11usize..16) {
            let mut packed = Vec::new();
            pack(&indices, bits, &mut packed);
            prop_assert_eq!(packed.len(), (indices.len() * bits).div_ceil(8));
            prop_assert_eq!(unpack(&packed, indices.len(), bits), Some(indices));
        }
    }

    #[test]
    fn there_is_one_way_to_write_indices() {
        let mut packed = Vec::new();
        pack(&[1, 2, 3], 10, &mut packed);
        packed[3] |= 0x80;
        assert_eq!(unpack(&packed, 3, 10), None);
        assert!(!are_strictly_increasing(&[1, 1], 64));
        assert!(!are_strictly_increasing(&[2, 1], 64));
        assert!(!are_strictly_increasing(&[1, 64], 64));
    }
}
