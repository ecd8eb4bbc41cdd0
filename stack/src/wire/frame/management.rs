//! The header of management frames.

use super::fields::{addressed_fields, first_fields};
use super::{FrameControl, FrameKind, SequenceControl, address, frame_control};
use crate::wire::{MacAddr, Reader, Truncated};

/// A management frame (802.11-2020 9.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementFrame<'a> {
    header: &'a [u8; 24],
    ht_control: Option<&'a [u8; 4]>,
    body: &'a [u8],
}

first_fields!(ManagementFrame);
addressed_fields!(ManagementFrame);

impl<'a> ManagementFrame<'a> {
    /// Reads an MPDU that is known to be a management frame of version 0.
    pub(super) fn parse(mpdu: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(mpdu);
        let header = reader.array::<24>()?;
        let ht_control = if frame_control(header).order() { Some(reader.array()?) } else { None };
        Ok(Self { header, ht_control, body: reader.rest() })
    }

    /// The destination: address 1.
    pub const fn destination(&self) -> MacAddr {
        self.addr1()
    }

    /// The source: address 2.
    pub const fn source(&self) -> MacAddr {
        self.addr2()
    }

    /// The BSSID: address 3.
    pub const fn bssid(&self) -> MacAddr {
        self.addr3()
    }

    /// How many bytes the header has, up to and with the HT Control field.
    pub const fn header_len(&self) -> usize {
        if self.ht_control.is_some() { 28 } else { 24 }
    }

    /// What follows the header: of a protected frame the cipher header, ciphertext and MIC.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}
