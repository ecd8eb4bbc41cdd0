//! Extension frames: recognised, not taken apart.

use super::{FrameControl, FrameKind};
use crate::wire::{Reader, Truncated};

/// A DMG or S1G beacon, or a reserved extension frame (802.11-2020 9.3.4). Only the Frame Control field is read; the
/// rest is kept whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionFrame<'a> {
    frame_control: FrameControl,
    body: &'a [u8],
}

impl<'a> ExtensionFrame<'a> {
    /// Reads an MPDU that is known to be an extension frame of version 0.
    pub(super) fn parse(mpdu: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(mpdu);
        let frame_control = FrameControl(reader.u16_le()?);
        Ok(Self { frame_control, body: reader.rest() })
    }

    /// The Frame Control field; its flags have other meanings here than in other types.
    pub const fn frame_control(&self) -> FrameControl {
        self.frame_control
    }

    /// Type and subtype.
    pub const fn kind(&self) -> FrameKind {
        self.frame_control.kind()
    }

    /// Two: only Frame Control is taken for the header.
    pub const fn header_len(&self) -> usize {
        2
    }

    /// All after the Frame Control field.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }
}
