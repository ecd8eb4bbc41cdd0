//! When the rows of an epoch are used, and until when they are believed.

use std::time::Duration;

use super::clock::{ClusterTime, micros};
use super::refusal::Refusal;

/// The longest epoch: two hours of 250 ms rows. Making its chains takes seconds, keeping them megabytes.
pub const MAX_ROWS: u32 = 28_800;

const PERIODS: std::ops::RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_secs(60);

/// The times of an epoch's rows: row `j` signs from `start + j * period` for one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When row 0 began, which is public and signs nothing.
    pub start: ClusterTime,
    /// T_d: how long a row is used.
    pub period: Duration,
    /// δ: how far two clocks of the cluster may be apart, at most a quarter of the period.
    pub clock_error: Duration,
    /// The number of the last row.
    pub rows: u32,
}

impl Schedule {
    /// The values can be, and are no burden to whoever believes them.
    pub(super) fn is_possible(&self) -> bool {
        PERIODS.contains(&self.period)
            && self.clock_error <= self.period / 4
            && (1..=MAX_ROWS).contains(&self.rows)
            && self.start.0 <= u64::MAX / 2
    }

    /// When `row` begins to sign.
    pub fn start_of(&self, row: u32) -> ClusterTime {
        ClusterTime(self.start.0.saturating_add(micros(self.period).saturating_mul(u64::from(row))))
    }

    /// When `row` stops signing.
    pub fn end_of(&self, row: u32) -> ClusterTime {
        self.start_of(row.saturating_add(1))
    }

    /// When nobody believes `row` any more, told by the signer's clock: a verifier's clock may be late by the clock
    /// error, and it grants as much again for the way.
    pub fn public_from(&self, row: u32) -> ClusterTime {
        self.end_of(row).plus(self.clock_error * 2)
    }

    /// The row that signs at `now`; `None` outside the epoch.
    pub fn row_at(&self, now: ClusterTime) -> Option<u32> {
        let since = now.0.checked_sub(self.start.0)?;
        let row = u32::try_from(since / micros(self.period).max(1)).ok()?;
        (1..=self.rows).contains(&row).then_some(row)
    }

    /// A verifier at `now` believes SEALs of `row`: it may have begun, and it is not over.
    pub(super) fn believes(&self, row: u32, now: ClusterTime) -> Result<(), Refusal> {
        if !(1..=self.rows).contains(&row) {
            return Err(Refusal::RowOutside);
        }
        if now.plus(self.clock_error) < self.start_of(row) {
            return Err(Refusal::RowEarly);
        }
        if now > self.end_of(row).plus(self.clock_error) {
            return Err(Refusal::RowExpired);
        }
        Ok(())
    }
}
