//! A row as a value that signing uses up.

use super::clock::ClusterTime;
use super::profile::SIGNATURES_PER_ROW;
use super::schedule::Schedule;
use super::scheme::{NoSignature, Place, Scheme};
use super::seal::SealRow;

/// A secret row that may sign `LEFT` more messages, in its own period only.
///
/// Signing takes the row and gives back one that may sign one less; the last gives nothing back. Two messages:
///
/// ```
/// use mesh::announce::{ClusterTime, Row, RowError, Scheme, SealRow};
/// fn two(row: Row<2>, scheme: &impl Scheme<Secret = SealRow>, now: ClusterTime) -> Result<(), RowError> {
///     let mut out = Vec::new();
///     let row = row.sign(scheme, now, b"first", &mut out)?;
///     row.sign(scheme, now, b"second", &mut out)
/// }
/// ```
///
/// A third under the same row does not compile:
///
/// ```compile_fail,E0382
/// use mesh::announce::{ClusterTime, Row, RowError, Scheme, SealRow};
/// fn three(row: Row<2>, scheme: &impl Scheme<Secret = SealRow>, now: ClusterTime) -> Result<(), RowError> {
///     let mut out = Vec::new();
///     let row = row.sign(scheme, now, b"first", &mut out)?;
///     row.sign(scheme, now, b"second", &mut out)?;
///     row.sign(scheme, now, b"third", &mut out)
/// }
/// ```
#[derive(Debug)]
pub struct Row<const LEFT: u8> {
    seals: SealRow,
    place: Place,
    from: ClusterTime,
    until: ClusterTime,
}

/// Why a row did not sign. It is gone all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It was not its time.
    #[error("the row's time has not come or is over")]
    NotItsTime,
    /// No try gave a signature.
    #[error(transparent)]
    NoSignature(#[from] NoSignature),
}

impl Row<SIGNATURES_PER_ROW> {
    /// The row at `place`, that has signed nothing yet.
    pub(super) fn new(seals: SealRow, place: Place, schedule: &Schedule) -> Self {
        Self { seals, place, from: schedule.start_of(place.row), until: schedule.end_of(place.row) }
    }

    /// Signs the first message: appends the signature to `out`.
    pub fn sign<S: Scheme<Secret = SealRow>>(
        self,
        scheme: &S,
        now: ClusterTime,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Row<1>, RowError> {
        self.reveal(scheme, now, message, out)?;
        Ok(Row { seals: self.seals, place: self.place, from: self.from, until: self.until })
    }
}

impl Row<1> {
    /// Signs the second and last message: appends the signature to `out`.
    pub fn sign<S: Scheme<Secret = SealRow>>(
        self,
        scheme: &S,
        now: ClusterTime,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        self.reveal(scheme, now, message, out)
    }
}

impl<const LEFT: u8> Row<LEFT> {
    fn reveal<S: Scheme<Secret = SealRow>>(
        &self,
        scheme: &S,
        now: ClusterTime,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        if now < self.from || now >= self.until {
            return Err(RowError::NotItsTime);
        }
        Ok(scheme.sign(&self.seals, &self.place, message, out)?)
    }
}
