//! What a verifier keeps of a signer's chains: the last authentic SEAL of each.

use super::refusal::Refusal;
use super::seal::{Domain, Seal, SealRow};

/// How far a verifier walks down a chain to a SEAL that it knows, in rows. It bounds what a forgery costs; where the
/// known SEALs are older a row record helps.
pub(super) const MAX_WALK: u32 = 64;

/// The last authentic SEAL of each chain, and the row it is of.
#[derive(Clone, Debug)]
pub struct Heads {
    domain: Domain,
    seals: SealRow,
    rows: Vec<u32>,
}

/// SEALs that a signature revealed and that are authentic.
#[derive(Clone, Debug)]
pub struct Revealed {
    row: u32,
    seals: Vec<(u16, Seal)>,
}

impl Heads {
    /// The chains of `domain` as they are in `row`.
    pub(super) fn new(domain: Domain, row: u32, seals: SealRow) -> Self {
        let rows = seals.iter().map(|_| row).collect();
        Self { domain, seals, rows }
    }

    /// The SEALs, said to be of `row`, are of their chains. First all distances, then the walks.
    pub(super) fn authenticate(&self, row: u32, seals: Vec<(u16, Seal)>) -> Result<Revealed, Refusal> {
        for &(index, _) in &seals {
            let distance = row.checked_sub(self.row_of(index)?).ok_or(Refusal::RowOlder)?;
            if distance > MAX_WALK {
                return Err(Refusal::HeadsTooOld);
            }
        }
        for (index, seal) in &seals {
            let head = self.seals.get(*index).ok_or(Refusal::BadIndices)?;
            if self.domain.walk(*index, row, self.row_of(*index)?, seal) != *head {
                return Err(Refusal::BadSeal);
            }
        }
        Ok(Revealed { row, seals })
    }

    fn row_of(&self, index: u16) -> Result<u32, Refusal> {
        self.rows.get(usize::from(index)).copied().ok_or(Refusal::BadIndices)
    }

    /// Remembers what was revealed.
    pub(super) fn commit(&mut self, revealed: &Revealed) {
        for (index, seal) in &revealed.seals {
            if let (Some(head), Some(row)) =
                (self.seals.get_mut(*index), self.rows.get_mut(usize::from(*index)))
            {
                *head = *seal;
                *row = revealed.row;
            }
        }
    }

    /// Takes the SEALs of `row`, which a record vouches for, where they are newer than what is known. False if none is.
    pub(super) fn renew(&mut self, row: u32, seals: &SealRow) -> bool {
        let mut renewed = false;
        for ((index, seal), known) in seals.iter().zip(&mut self.rows) {
            if *known < row
                && let Some(head) = self.seals.get_mut(index)
            {
                (*head, *known) = (*seal, row);
                renewed = true;
            }
        }
        renewed
    }
}
