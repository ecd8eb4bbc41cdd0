//! An announcement as bytes.
//!
//! ```text
//! version u8 = 1 | scheme u8 | node u64 | epoch u64 | row u32 | signature | length u16 | payload
//!
//! signature, BiBa:    try u16 | k indices, packed, least significant bit first | k SEALs [16]
//!            HORS:    try u16 | k SEALs [16]
//!            Ed25519: [64]
//! ```
//! All numbers are little-endian. The version is not hashed: another version has other tags in its hashes. How long a
//! signature is follows from the epoch's profile.

use stack::wire::Reader;

use super::refusal::Refusal;
use super::{Epoch, NodeId, Place, SchemeId};

/// The version of announcements and records.
pub const VERSION: u8 = 1;

/// The longest payload: with the longest signature an announcement still fits a datagram of 1400 bytes.
pub const MAX_PAYLOAD: usize = 1024;

/// What stands in front of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) scheme: SchemeId,
    pub(super) place: Place,
}

impl Header {
    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        if reader.u8()? != VERSION {
            return Err(Refusal::UnsupportedVersion);
        }
        let scheme = SchemeId::from_number(reader.u8()?).ok_or(Refusal::UnknownScheme)?;
        let (node, epoch) = (NodeId(reader.u64_le()?), Epoch(reader.u64_le()?));
        Ok(Self { scheme, place: Place { node, epoch, row: reader.u32_le()? } })
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend([VERSION, self.scheme as u8]);
        out.extend(self.place.node.0.to_le_bytes());
        out.extend(self.place.epoch.0.to_le_bytes());
        out.extend(self.place.row.to_le_bytes());
    }
}

/// Signature and payload, if the lengths add up.
pub(super) fn parse_rest(mut reader: Reader<'_>, signature_len: usize) -> Result<(&[u8], &[u8]), Refusal> {
    let signature = reader.take(signature_len)?;
    let len = usize::from(reader.u16_le()?);
    let payload = reader.rest();
    if payload.len() != len || len > MAX_PAYLOAD {
        return Err(Refusal::Malformed);
    }
    Ok((signature, payload))
}
