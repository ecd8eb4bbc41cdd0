//! What a node says of itself, by its session.
//!
//! ```text
//! 'i' | version u8 = 1 | public key [32] | epoch record, row record, row: length u16 | bytes, each
//! ```

use mesh::announce::PublicIdentity;
use stack::wire::{Reader, Truncated};

/// The first byte of one.
pub(super) const INTRODUCTION: u8 = b'i';
const VERSION: u8 = 1;

/// By which key a node signs, and in which epoch.
pub(super) struct Introduction<'a> {
    pub(super) key: PublicIdentity,
    pub(super) epoch: &'a [u8],
    /// Of a later row; empty if it is the first.
    pub(super) record: &'a [u8],
    pub(super) row: &'a [u8],
}

impl<'a> Introduction<'a> {
    pub(super) fn emit(&self) -> Vec<u8> {
        let mut out = vec![INTRODUCTION, VERSION];
        out.extend(self.key.to_bytes());
        for part in [self.epoch, self.record, self.row] {
            out.extend(u16::try_from(part.len()).unwrap_or_default().to_le_bytes());
            out.extend(part);
        }
        out
    }

    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.strip_prefix(&[INTRODUCTION, VERSION])?);
        let key = PublicIdentity::from_bytes(reader.array().ok()?)?;
        let mut part = || -> Result<&'a [u8], Truncated> {
            let length = usize::from(reader.u16_le()?);
            reader.take(length)
        };
        let (epoch, record, row) = (part().ok()?, part().ok()?, part().ok()?);
        Some(Self { key, epoch, record, row })
    }
}
