//! MPDUs: views over their bytes, and values to build them from.
//!
//! [`Frame::parse`] looks at the header alone and copies nothing; what it returns borrows the MPDU. An MPDU here has
//! neither radiotap header nor frame check sequence.

mod control;
mod data;
mod extension;
mod fields;
mod frame_control;
mod header;
mod management;

pub use control::{BlockAck, BlockAckControl, BlockAckRequest, BlockAckVariant, ControlFrame, PsPoll};
pub use data::DataFrame;
pub use extension::ExtensionFrame;
pub use frame_control::{AckPolicy, FrameControl, FrameKind, FrameType, QosControl, SequenceControl};
pub use header::MacHeader;
pub use management::ManagementFrame;

use std::fmt;

use crate::wire::{MacAddr, Reader, Truncated};

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header does not fit into the bytes.
    #[error("the frame ends within its header: {0}")]
    Truncated(#[from] Truncated),
    /// Protocol version 1 (S1G short frames) or a reserved one.
    #[error("protocol version {0}: only version 0 is understood")]
    Version(u8),
}

/// An MPDU, by its type (802.11-2020 9.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Beacons, joins and leaves, action frames.
    Management(ManagementFrame<'a>),
    /// Acknowledgements, reservations, polls.
    Control(ControlFrame<'a>),
    /// What carries the users' bytes.
    Data(DataFrame<'a>),
    /// DMG and S1G beacons.
    Extension(ExtensionFrame<'a>),
}

impl<'a> Frame<'a> {
    /// Reads the header of an MPDU without FCS. The body is not looked at.
    pub fn parse(mpdu: &'a [u8]) -> Result<Self, FrameError> {
        let control = FrameControl(Reader::new(mpdu).u16_le()?);
        if control.version() != 0 {
            return Err(FrameError::Version(control.version()));
        }
        Ok(match control.frame_type() {
            FrameType::Management => Self::Management(ManagementFrame::parse(mpdu)?),
            FrameType::Control => Self::Control(ControlFrame::parse(mpdu)?),
            FrameType::Data => Self::Data(DataFrame::parse(mpdu)?),
            FrameType::Extension => Self::Extension(ExtensionFrame::parse(mpdu)?),
        })
    }

    /// The Frame Control field.
    pub const fn frame_control(&self) -> FrameControl {
        match self {
            Self::Management(frame) => frame.frame_control(),
            Self::Control(frame) => frame.frame_control(),
            Self::Data(frame) => frame.frame_control(),
            Self::Extension(frame) => frame.frame_control(),
        }
    }

    /// Type and subtype.
    pub const fn kind(&self) -> FrameKind {
        self.frame_control().kind()
    }

    /// Address 1, the receiver; `None` for extension frames, which have none.
    pub const fn addr1(&self) -> Option<MacAddr> {
        match self {
            Self::Management(frame) => Some(frame.addr1()),
            Self::Control(frame) => Some(frame.addr1()),
            Self::Data(frame) => Some(frame.addr1()),
            Self::Extension(_) => None,
        }
    }

    /// Address 2, the transmitter; ACK and CTS have none.
    pub fn addr2(&self) -> Option<MacAddr> {
        match self {
            Self::Management(frame) => Some(frame.addr2()),
            Self::Control(frame) => frame.addr2(),
            Self::Data(frame) => Some(frame.addr2()),
            Self::Extension(_) => None,
        }
    }

    /// Address 3 of management and data frames.
    pub const fn addr3(&self) -> Option<MacAddr> {
        match self {
            Self::Management(frame) => Some(frame.addr3()),
            Self::Data(frame) => Some(frame.addr3()),
            Self::Control(_) | Self::Extension(_) => None,
        }
    }

    /// Address 4 of data frames between distribution systems.
    pub const fn addr4(&self) -> Option<MacAddr> {
        match self {
            Self::Data(frame) => frame.addr4(),
            Self::Management(_) | Self::Control(_) | Self::Extension(_) => None,
        }
    }

    /// The Sequence Control field of management and data frames.
    pub const fn sequence(&self) -> Option<SequenceControl> {
        match self {
            Self::Management(frame) => Some(frame.sequence()),
            Self::Data(frame) => Some(frame.sequence()),
            Self::Control(_) | Self::Extension(_) => None,
        }
    }

    /// How many bytes the header has.
    pub const fn header_len(&self) -> usize {
        match self {
            Self::Management(frame) => frame.header_len(),
            Self::Control(frame) => frame.header_len(),
            Self::Data(frame) => frame.header_len(),
            Self::Extension(frame) => frame.header_len(),
        }
    }
}

/// One line: kind, from whom to whom, sequence number, flags. Bodies are not looked at.
impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        match (self.addr2(), self.addr1()) {
            (Some(from), Some(to)) => write!(f, " {from} > {to}")?,
            (None, Some(to)) => write!(f, " > {to}")?,
            _ => {}
        }
        if let Some(sequence) = self.sequence() {
            write!(f, " seq {}", sequence.number())?;
            if sequence.fragment() > 0 || self.frame_control().more_fragments() {
                write!(f, " fragment {}", sequence.fragment())?;
            }
        }
        let control = self.frame_control();
        if matches!(self, Self::Extension(_)) || control.kind() == FrameKind::CONTROL_EXTENSION {
            return Ok(());
        }
        let flags = [
            (control.retry(), " retry"),
            (control.power_management(), " pm"),
            (control.more_data(), " more-data"),
            (control.protected(), " protected"),
        ];
        flags.iter().filter(|(on, _)| *on).try_for_each(|(_, name)| f.write_str(name))
    }
}

/// The address that starts at this byte of a header of `N` bytes; out of range it is zero, which the callers' constant
/// offsets rule out.
const fn address<const N: usize>(header: &[u8; N], at: usize) -> MacAddr {
    match header.split_at(at).1.first_chunk::<6>() {
        Some(&octets) => MacAddr(octets),
        None => MacAddr::ZERO,
    }
}

/// The first two bytes of a header.
const fn frame_control<const N: usize>(header: &[u8; N]) -> FrameControl {
    match header.first_chunk::<2>() {
        Some(&octets) => FrameControl(u16::from_le_bytes(octets)),
        None => FrameControl(0),
    }
}

#[cfg(test)]
mod tests;
