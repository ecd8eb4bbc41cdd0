//! The header of management frames.

use super::{FrameControl, FrameKind, SequenceControl, address};
use crate::wire::{MacAddr, Reader, Truncated};

/// A management frame (802.11-2020 9.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementFrame<'a> {
    header: &'a [u8; 24],
    ht_control: Option<&'a [u8; 4]>,
    body: &'a [u8],
}

impl<'a> ManagementFrame<'a> {
    /// Reads an MPDU that is known to be a management frame of version 0.
    pub(super) fn parse(mpdu: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(mpdu);
        let header = reader.array::<24>()?;
        let ht_control = if frame_control(header).order() { Some(reader.array()?) } else { None };
        Ok(Self { header, ht_control, body: reader.rest() })
    }

    /// The Frame Control field.
    pub const fn frame_control(&self) -> FrameControl {
        frame_control(self.header)
    }

    /// Type and subtype.
    pub const fn kind(&self) -> FrameKind {
        self.frame_control().kind()
    }

    /// Duration, in microseconds.
    pub const fn duration(&self) -> u16 {
        u16::from_le_bytes([self.header[2], self.header[3]])
    }

    /// Address 1, the destination.
    pub const fn addr1(&self) -> MacAddr {
        address(self.header, 4)
    }

    /// Address 2, the transmitter.
    pub const fn addr2(&self) -> MacAddr {
        address(self.header, 10)
    }

    /// Address 3, the BSSID.
    pub const fn addr3(&self) -> MacAddr {
        address(self.header, 16)
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

    /// Sequence and fragment number.
    pub const fn sequence(&self) -> SequenceControl {
        SequenceControl(u16::from_le_bytes([self.header[22], self.header[23]]))
    }

    /// The HT Control field of a frame with the order flag.
    pub const fn ht_control(&self) -> Option<[u8; 4]> {
        match self.ht_control {
            Some(&octets) => Some(octets),
            None => None,
        }
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

const fn frame_control(header: &[u8; 24]) -> FrameControl {
    FrameControl(u16::from_le_bytes([header[0], header[1]]))
}
