//! The body of authentication frames.

use crate::wire::element::Elements;
use crate::wire::{Reader, StatusCode, Truncated};

/// An authentication algorithm number (802.11-2020 9.4.1.1). Every value is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Algorithm(pub u16);

impl Algorithm {
    /// Open system.
    pub const OPEN: Self = Self(0);
    /// Shared key (WEP).
    pub const SHARED_KEY: Self = Self(1);
    /// Fast BSS transition.
    pub const FAST_TRANSITION: Self = Self(2);
    /// Simultaneous authentication of equals.
    pub const SAE: Self = Self(3);
    /// FILS with a shared key, without perfect forward secrecy.
    pub const FILS: Self = Self(4);
    /// FILS with a shared key and perfect forward secrecy.
    pub const FILS_PFS: Self = Self(5);
    /// FILS with a public key.
    pub const FILS_PUBLIC_KEY: Self = Self(6);
    /// Pre-association security negotiation.
    pub const PASN: Self = Self(7);
}

/// Authentication (802.11-2020 9.3.3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication<'a> {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// Which step of the exchange, from 1 on.
    pub transaction: u16,
    /// How the step before ended.
    pub status: StatusCode,
    /// What follows; what it is depends on algorithm and transaction.
    pub fields: &'a [u8],
}

impl<'a> Authentication<'a> {
    /// A step of open system authentication, without elements.
    pub const fn open(transaction: u16, status: StatusCode) -> Self {
        Self { algorithm: Algorithm::OPEN, transaction, status, fields: &[] }
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Truncated> {
        Ok(Self {
            algorithm: Algorithm(reader.u16_le()?),
            transaction: reader.u16_le()?,
            status: StatusCode(reader.u16_le()?),
            fields: reader.rest(),
        })
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.algorithm.0.to_le_bytes());
        out.extend_from_slice(&self.transaction.to_le_bytes());
        out.extend_from_slice(&self.status.0.to_le_bytes());
        out.extend_from_slice(self.fields);
    }

    /// The elements of algorithms that have nothing else here: open, shared key, fast transition, PASN.
    pub const fn elements(&self) -> Option<Elements<'a>> {
        match self.algorithm {
            Algorithm::OPEN | Algorithm::SHARED_KEY | Algorithm::FAST_TRANSITION | Algorithm::PASN => {
                Some(Elements::new(self.fields))
            }
            _ => None,
        }
    }

    /// The SAE commit that this is, if it is one and long enough for its group number.
    pub fn sae_commit(&self) -> Option<SaeCommit<'a>> {
        if (self.algorithm, self.transaction) != (Algorithm::SAE, 1) {
            return None;
        }
        let mut reader = Reader::new(self.fields);
        Some(SaeCommit { group: reader.u16_le().ok()?, status: self.status, fields: reader.rest() })
    }

    /// The SAE confirm that this is, if it is one and long enough.
    pub fn sae_confirm(&self) -> Option<SaeConfirm<'a>> {
        if (self.algorithm, self.transaction) != (Algorithm::SAE, 2) {
            return None;
        }
        let mut reader = Reader::new(self.fields);
        Some(SaeConfirm { send_confirm: reader.u16_le().ok()?, confirm: reader.rest() })
    }
}

/// An SAE commit (802.11-2020 12.4.7.4). How its fields are to be cut depends on the group, which whoever does the
/// arithmetic knows; see [`Self::split`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaeCommit<'a> {
    /// The finite cyclic group.
    pub group: u16,
    /// The status of the frame: success, hash to element, or that a token is required.
    pub status: StatusCode,
    /// What follows the group.
    pub fields: &'a [u8],
}

impl<'a> SaeCommit<'a> {
    /// Scalar, element, and the elements that follow, after an anti-clogging token of `token_len` bytes. `None` if they
    /// do not fit. With hash to element the token is among the elements, and `token_len` is 0.
    pub fn split(
        &self,
        token_len: usize,
        scalar_len: usize,
        element_len: usize,
    ) -> Option<(&'a [u8], &'a [u8], Elements<'a>)> {
        let mut reader = Reader::new(self.fields);
        reader.take(token_len).ok()?;
        let scalar = reader.take(scalar_len).ok()?;
        let element = reader.take(element_len).ok()?;
        Some((scalar, element, Elements::new(reader.rest())))
    }
}

/// An SAE confirm (802.11-2020 12.4.7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaeConfirm<'a> {
    /// The send-confirm counter.
    pub send_confirm: u16,
    /// The confirm value; elements may follow it.
    pub confirm: &'a [u8],
}
