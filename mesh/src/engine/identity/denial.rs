//! Revocation: a row that the authority signed, which says that a slot is nobody's any more.

use super::certificate::{AuthorityKey, is_signed};
use super::error::IdentityError;
use crate::lease::NodeSlot;

const TAG: &[u8] = b"airloom slot denied\0";

/// A slot that is denied for good, with the authority's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    slot: NodeSlot,
    signature: Vec<u8>,
}

impl Denial {
    pub(super) fn sign(key: &AuthorityKey, slot: NodeSlot) -> Result<Self, IdentityError> {
        Ok(Self { slot, signature: key.sign(&message(slot))? })
    }

    /// Out of the bytes of a row, if `authority` (its certificate) has signed them.
    pub fn check(authority: &[u8], bytes: &[u8]) -> Option<Self> {
        let (slot, signature) = bytes.split_first_chunk()?;
        let slot = NodeSlot::new(u16::from_le_bytes(*slot))?;
        let signed = is_signed(authority, &message(slot), signature);
        signed.then(|| Self { slot, signature: signature.to_vec() })
    }

    /// Which slot.
    pub const fn slot(&self) -> NodeSlot {
        self.slot
    }

    /// As the bytes of a row: slot u16 | signature.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.slot.number().to_le_bytes()[..], &self.signature].concat()
    }
}

fn message(slot: NodeSlot) -> Vec<u8> {
    [TAG, &slot.number().to_le_bytes()].concat()
}
