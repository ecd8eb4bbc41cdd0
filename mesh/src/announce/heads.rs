//! What a verifier keeps of a signer's chains: the last authentic SEAL of each.

use std::collections::VecDeque;

use super::refusal::Refusal;
use super::seal::{Domain, Seal, SealRow};

/// How far a verifier walks down a chain to a SEAL that it knows, in rows. It bounds what a forgery costs; where the
/// known SEALs are older a row record helps.
pub(super) const MAX_WALK: u32 = 64;

/// How many SEALs are noted as authentic that no announcement was accepted for: as many as two rows can reveal of which
/// both are believed at a time, with 16 SEALs in a signature.
const MOST_PROVEN: usize = 64;

/// The last authentic SEAL of each chain, and the row it is of.
///
/// Forgeries may bring SEALs that are authentic, overheard where the verifier heard nothing. Each of these is walked
/// down to its head once and then noted, so that a flood of such forgeries costs one walk each, to the first SEAL that
/// is made up.
#[derive(Clone, Debug)]
pub struct Heads {
    domain: Domain,
    seals: SealRow,
    rows: Vec<u32>,
    proven: VecDeque<(u32, u16, Seal)>,
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
        Self { domain, seals, rows, proven: VecDeque::new() }
    }

    /// The SEALs, said to be of `row`, are of their chains. First all distances, then the walks.
    pub(super) fn authenticate(&mut self, row: u32, seals: Vec<(u16, Seal)>) -> Result<Revealed, Refusal> {
        for &(index, _) in &seals {
            let distance = row.checked_sub(self.row_of(index)?).ok_or(Refusal::RowOlder)?;
            if distance > MAX_WALK {
                return Err(Refusal::HeadsTooOld);
            }
        }
        for &(index, seal) in &seals {
            self.authenticate_one(row, index, seal)?;
        }
        Ok(Revealed { row, seals })
    }

    fn authenticate_one(&mut self, row: u32, index: u16, seal: Seal) -> Result<(), Refusal> {
        if self.proven.contains(&(row, index, seal)) {
            return Ok(());
        }
        let head = self.seals.get(index).ok_or(Refusal::BadIndices)?;
        if self.domain.walk(index, row, self.row_of(index)?, &seal) != *head {
            return Err(Refusal::BadSeal);
        }
        if self.proven.len() >= MOST_PROVEN {
            self.proven.pop_front();
        }
        self.proven.push_back((row, index, seal));
        Ok(())
    }

    fn row_of(&self, index: u16) -> Result<u32, Refusal> {
        self.rows.get(usize::from(index)).copied().ok_or(Refusal::BadIndices)
    }

    /// Remembers what was revealed, as the SEALs to walk to from now on.
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

#[cfg(test)]
mod tests {
    use super::super::{Epoch, NodeId};
    use super::*;

    #[test]
    fn a_seal_that_was_walked_to_its_head_is_not_walked_again_and_few_are_noted() {
        let domain = Domain { node: NodeId(1), epoch: Epoch(1) };
        let row = SealRow::parse(&[7; 100 * 16], 100).unwrap();
        let mut heads = Heads::new(domain, 0, domain.walk_row(3, 0, &row));
        let mut seals: Vec<_> = row.iter().map(|(index, seal)| (index, *seal)).take(16).collect();
        seals.push((16, Seal([0; 16])));
        assert_eq!(heads.authenticate(3, seals.clone()).unwrap_err(), Refusal::BadSeal);
        assert_eq!(heads.proven.len(), 16);
        // Were they walked again, the wrong head would be noticed.
        heads.domain.epoch = Epoch(2);
        seals.pop();
        assert!(heads.authenticate(3, seals).is_ok());
        assert_eq!(heads.proven.len(), 16);

        heads.domain.epoch = Epoch(1);
        assert!(heads.authenticate(3, row.iter().map(|(index, seal)| (index, *seal)).collect()).is_ok());
        assert_eq!(heads.proven.len(), MOST_PROVEN);
    }
}
