//! HORS (Reyzin and Reyzin, 2002): the hash of the message says which SEALs sign it.
//!
//! Who has seen `r` messages of a row succeeds with probability `(r k / t)^k` in a try. Weaker than BiBa after one
//! message, stronger from the second on, and signing costs nothing; the price is a hash of the message that the sender
//! cannot choose among.

use stack::wire::Reader;

use super::heads::{Heads, Revealed};
use super::refusal::Refusal;
use super::scheme::{NoSignature, Place, Scheme, read_try, tries};
use super::seal::{SEAL_LEN, SealRow, read_seals};
use super::{Profile, SchemeId};

/// HORS with the parameters of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Hors(pub(super) Profile);

impl Hors {
    /// The SEALs that sign a message, in the order of the bits of its hash; `None` if one is named twice, which would
    /// make the signature weaker: then the next try has to do.
    pub(super) fn select(&self, place: &Place, try_number: u16, message: &[u8]) -> Option<Vec<u16>> {
        let hash = place.hash(b"hors-h", try_number, message);
        let mut words = hash.as_chunks::<4>().0.iter();
        let (mut held, mut held_bits) = (0u64, 0);
        let mut indices = Vec::with_capacity(usize::from(self.0.revealed()));
        while indices.len() < usize::from(self.0.revealed()) {
            if held_bits < self.0.index_bits() {
                held |= u64::from(u32::from_le_bytes(*words.next()?)) << held_bits;
                held_bits += 32;
            }
            let index = (held & u64::from(self.0.seals() - 1)) as u16;
            if indices.contains(&index) {
                return None;
            }
            indices.push(index);
            held >>= self.0.index_bits();
            held_bits -= self.0.index_bits();
        }
        Some(indices)
    }
}

impl Scheme for Hors {
    type Secret = SealRow;
    type Known = Heads;
    type Learnt = Revealed;

    fn id(&self) -> SchemeId {
        SchemeId::Hors
    }

    fn signature_len(&self) -> usize {
        2 + usize::from(self.0.revealed()) * SEAL_LEN
    }

    fn sign(
        &self,
        row: &SealRow,
        place: &Place,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), NoSignature> {
        let (try_number, indices) = tries(|try_number| self.select(place, try_number, message))?;
        out.extend(try_number.to_le_bytes());
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
        let indices = self.select(place, try_number, message).ok_or(Refusal::BadIndices)?;
        heads.authenticate(place.row, read_seals(indices, reader)?)
    }
}
