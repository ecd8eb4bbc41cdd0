//! The chains of an epoch: made from the last row down to row 0, used from row 1 up, in bounded memory.
//!
//! Of `L` rows about every `sqrt(L)`th is kept. The rows between two of these are made again when their turn comes:
//! ahead of time, a few with each row that is used, so that no signature waits for them.

use std::fmt;

use stack::random::{Random, bytes};
use zeroize::Zeroizing;

use super::seal::{Domain, SealRow};

/// What the chains of one epoch are made from. Never saved: after a crash there is a new epoch with a new seed.
pub(super) struct Seed(pub(super) Zeroizing<[u8; 32]>);

impl Seed {
    /// A new one.
    pub(super) fn draw(random: &mut dyn Random) -> Self {
        Self(Zeroizing::new(bytes(random)))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Consecutive rows, made downwards: the lowest is the last.
#[derive(Debug)]
struct Block {
    bottom: u32,
    lowest: u32,
    rows: Vec<SealRow>,
}

impl Block {
    /// The rows from `top` down to `bottom`, of which so far there is the highest.
    fn new(bottom: u32, top: u32, row: SealRow) -> Self {
        Self { bottom, lowest: top, rows: vec![row] }
    }

    /// Makes up to `count` more rows.
    fn extend(&mut self, domain: &Domain, count: u32) {
        for _ in 0..count.min(self.lowest - self.bottom) {
            let Some(row) = self.rows.last() else { return };
            self.rows.push(domain.walk_row(self.lowest, self.lowest - 1, row));
            self.lowest -= 1;
        }
    }

    /// Makes what is missing down to `row`, and wipes what is below it.
    fn begin_at(&mut self, domain: &Domain, row: u32) {
        self.bottom = self.bottom.max(row);
        if self.lowest > self.bottom {
            self.extend(domain, u32::MAX);
        }
        while self.lowest < self.bottom {
            self.take_lowest();
        }
    }

    /// Takes the lowest row out.
    fn take_lowest(&mut self) -> Option<SealRow> {
        self.lowest += 1;
        self.bottom = self.bottom.max(self.lowest);
        self.rows.pop()
    }

    /// The number of the highest row it had or has.
    fn top(&self) -> u32 {
        u32::try_from(self.rows.len()).map_or(self.lowest, |len| self.lowest + len - 1)
    }
}

/// Chains in the making.
#[derive(Debug)]
pub(super) struct ChainBuilder {
    domain: Domain,
    rows: u32,
    interval: u32,
    row: u32,
    seals: SealRow,
    checkpoints: Vec<(u32, SealRow)>,
}

impl ChainBuilder {
    /// Chains of `rows` rows above row 0, `seals` of them.
    pub(super) fn new(domain: Domain, rows: u32, seals: u16, seed: &Seed) -> Self {
        let tip = SealRow::new((0..seals).map(|index| domain.tip(seed, index)).collect());
        let interval = rows.isqrt().max(1);
        Self { domain, rows, interval, row: rows, seals: tip.clone(), checkpoints: vec![(rows, tip)] }
    }

    /// Makes up to `count` rows; each takes `seals` hashes. True when all are made.
    pub(super) fn advance(&mut self, count: u32) -> bool {
        for _ in 0..count.min(self.row) {
            self.seals = self.domain.walk_row(self.row, self.row - 1, &self.seals);
            self.row -= 1;
            if self.row.is_multiple_of(self.interval) && self.row > 0 {
                self.checkpoints.push((self.row, self.seals.clone()));
            }
        }
        self.row == 0
    }

    /// Row 0, which is public, and the chains above it.
    pub(super) fn finish(mut self) -> (SealRow, Chains) {
        self.advance(u32::MAX);
        let chains = Chains {
            domain: self.domain,
            interval: self.interval,
            checkpoints: self.checkpoints,
            rows: self.rows,
            next: 1,
            current: None,
            ahead: None,
        };
        (self.seals, chains)
    }
}

/// The rows of an epoch that are still to be used.
#[derive(Debug)]
pub(super) struct Chains {
    domain: Domain,
    interval: u32,
    rows: u32,
    /// The lowest is the last.
    checkpoints: Vec<(u32, SealRow)>,
    /// The lowest row that can still be had.
    next: u32,
    current: Option<Block>,
    ahead: Option<Block>,
}

impl Chains {
    /// Takes `row` out, once; what is below it is wiped.
    pub(super) fn take(&mut self, row: u32) -> Option<SealRow> {
        let passed = row.checked_sub(self.next)?;
        self.seek(row)?;
        self.next = row + 1;
        let taken = self.current.as_mut()?.take_lowest();
        self.prepare(passed.saturating_add(2));
        taken
    }

    /// A row that is public by now, made from the ones that are still to come.
    pub(super) fn public(&mut self, row: u32) -> Option<SealRow> {
        if row >= self.next {
            return None;
        }
        self.seek(self.next)?;
        let block = self.current.as_ref()?;
        Some(self.domain.walk_row(block.lowest, row, block.rows.last()?))
    }

    /// Makes up to `count` rows of the next block.
    fn prepare(&mut self, count: u32) {
        if self.ahead.is_none() {
            self.ahead = self.pop_checkpoint();
        }
        if let Some(block) = &mut self.ahead {
            block.extend(&self.domain, count);
        }
    }

    /// Makes `row` the lowest of the current block.
    fn seek(&mut self, row: u32) -> Option<()> {
        if row > self.rows {
            return None;
        }
        while self.current.as_ref().is_none_or(|block| block.top() < row) {
            self.current = Some(self.ahead.take().or_else(|| self.pop_checkpoint())?);
        }
        self.current.as_mut()?.begin_at(&self.domain, row);
        Some(())
    }

    fn pop_checkpoint(&mut self) -> Option<Block> {
        let (top, row) = self.checkpoints.pop()?;
        let bottom = (top - 1) / self.interval * self.interval + 1;
        Some(Block::new(bottom, top, row))
    }

    #[cfg(test)]
    fn rows_held(&self) -> usize {
        let blocks = [&self.current, &self.ahead];
        let in_blocks: usize = blocks.into_iter().flatten().map(|block| block.rows.len()).sum();
        self.checkpoints.len() + in_blocks
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Epoch, NodeId};
    use super::*;

    const DOMAIN: Domain = Domain { node: NodeId(7), epoch: Epoch(3) };

    fn chains(rows: u32) -> (SealRow, Chains) {
        ChainBuilder::new(DOMAIN, rows, 4, &Seed(Zeroizing::new([9; 32]))).finish()
    }

    /// All rows, made without any cleverness.
    fn all_rows(rows: u32) -> Vec<Vec<u8>> {
        let seed = Seed(Zeroizing::new([9; 32]));
        let mut row = SealRow::new((0..4).map(|index| DOMAIN.tip(&seed, index)).collect());
        let mut all = vec![row.to_bytes()];
        for number in (0..rows).rev() {
            row = DOMAIN.walk_row(number + 1, number, &row);
            all.push(row.to_bytes());
        }
        all.reverse();
        all
    }

    #[test]
    fn every_row_is_the_one_that_was_committed_to_and_memory_stays_bounded() {
        for rows in [1, 2, 3, 10, 99, 100, 101, 1000] {
            let (expected, (public, mut chains)) = (all_rows(rows), chains(rows));
            assert_eq!(public.to_bytes(), expected[0]);
            for row in 1..=rows {
                assert_eq!(chains.take(row).unwrap().to_bytes(), expected[row as usize], "{row} of {rows}");
                assert!(chains.rows_held() <= 3 * (rows.isqrt() as usize + 2), "{}", chains.rows_held());
            }
            assert!(chains.take(rows + 1).is_none());
        }
    }

    #[test]
    fn a_row_is_had_once_and_never_after_a_later_one() {
        let (_, mut chains) = chains(100);
        assert!(chains.take(0).is_none(), "row 0 is public");
        assert!(chains.take(40).is_some());
        assert!(chains.take(40).is_none());
        assert!(chains.take(39).is_none());
        assert!(chains.take(41).is_some());
        assert!(chains.take(100).is_some());
    }

    #[test]
    fn rows_can_be_skipped_and_old_ones_shown() {
        let (expected, (_, mut chains)) = (all_rows(500), chains(500));
        for row in [3, 4, 25, 26, 27, 180, 400, 401, 499] {
            assert!(chains.public(row).is_none(), "still secret");
            assert_eq!(chains.take(row).unwrap().to_bytes(), expected[row as usize]);
            assert_eq!(chains.public(row - 2).unwrap().to_bytes(), expected[row as usize - 2]);
        }
    }

    #[test]
    fn chains_can_be_made_in_slices() {
        let mut builder = ChainBuilder::new(DOMAIN, 50, 4, &Seed(Zeroizing::new([9; 32])));
        let mut slices = 1;
        while !builder.advance(7) {
            slices += 1;
        }
        assert_eq!(slices, 8);
        assert_eq!(builder.finish().0.to_bytes(), all_rows(50)[0]);
    }
}
