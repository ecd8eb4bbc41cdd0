//! Control frames.

use super::fields::first_fields;
use super::{FrameControl, FrameKind, address, frame_control};
use crate::wire::{MacAddr, Reader, Truncated};

/// A control frame (802.11-2020 9.3.1). All have a receiver; which have a transmitter and a body depends on the subtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlFrame<'a> {
    header: &'a [u8; 10],
    addr2: Option<&'a [u8; 6]>,
    body: &'a [u8],
}

first_fields!(ControlFrame);

impl<'a> ControlFrame<'a> {
    /// Reads an MPDU that is known to be a control frame of version 0.
    pub(super) fn parse(mpdu: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(mpdu);
        let header = reader.array::<10>()?;
        let kind = frame_control(header).kind();
        let addr2 = if has_transmitter(kind) { Some(reader.array()?) } else { None };
        Ok(Self { header, addr2, body: reader.rest() })
    }

    /// The transmitter, where the subtype has one. Its group bit may be set: it then signals bandwidth (802.11-2020
    /// 10.7.6.6).
    pub fn addr2(&self) -> Option<MacAddr> {
        self.addr2.copied().map(MacAddr)
    }

    /// How many bytes the header has, up to and with the last address.
    pub const fn header_len(&self) -> usize {
        if self.addr2.is_some() { 16 } else { 10 }
    }

    /// What follows the addresses.
    pub const fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The poll that this frame is, if it is a PS-Poll.
    pub fn ps_poll(&self) -> Option<PsPoll> {
        if self.kind() != FrameKind::PS_POLL {
            return None;
        }
        Some(PsPoll { aid: self.duration() & 0x3fff, bssid: self.addr1(), station: self.addr2()? })
    }

    /// The request that this frame is, if it is a Block Ack Request that is long enough.
    pub fn block_ack_request(&self) -> Option<BlockAckRequest<'a>> {
        if self.kind() != FrameKind::BLOCK_ACK_REQUEST {
            return None;
        }
        let mut reader = Reader::new(self.body);
        let control = BlockAckControl(reader.u16_le().ok()?);
        Some(BlockAckRequest { control, information: reader.rest() })
    }

    /// The acknowledgement that this frame is, if it is a Block Ack that is long enough.
    pub fn block_ack(&self) -> Option<BlockAck<'a>> {
        if self.kind() != FrameKind::BLOCK_ACK {
            return None;
        }
        let mut reader = Reader::new(self.body);
        let control = BlockAckControl(reader.u16_le().ok()?);
        Some(BlockAck { control, information: reader.rest() })
    }

    /// Of a Control Wrapper: the Frame Control field of the frame within it (802.11-2020 9.3.1.9). The HT Control field
    /// and the rest of that frame follow in [`Self::body`].
    pub fn wrapped_frame_control(&self) -> Option<FrameControl> {
        if self.kind() != FrameKind::CONTROL_WRAPPER {
            return None;
        }
        Reader::new(self.body).u16_le().ok().map(FrameControl)
    }

    /// Writes an ACK.
    pub fn emit_ack(receiver: MacAddr, out: &mut Vec<u8>) {
        emit_short(FrameKind::ACK, 0, receiver, out);
    }

    /// Writes a CTS; `duration` in microseconds.
    pub fn emit_cts(receiver: MacAddr, duration: u16, out: &mut Vec<u8>) {
        emit_short(FrameKind::CTS, duration, receiver, out);
    }

    /// Writes an RTS; `duration` in microseconds.
    pub fn emit_rts(receiver: MacAddr, transmitter: MacAddr, duration: u16, out: &mut Vec<u8>) {
        emit_short(FrameKind::RTS, duration, receiver, out);
        out.extend_from_slice(&transmitter.octets());
    }

    /// Writes a CF-End to all stations of a BSS.
    pub fn emit_cf_end(bssid: MacAddr, out: &mut Vec<u8>) {
        emit_short(FrameKind::CF_END, 0, MacAddr::BROADCAST, out);
        out.extend_from_slice(&bssid.octets());
    }

    /// Writes a Block Ack Request.
    pub fn emit_block_ack_request(
        receiver: MacAddr,
        transmitter: MacAddr,
        request: &BlockAckRequest<'_>,
        out: &mut Vec<u8>,
    ) {
        emit_block(
            FrameKind::BLOCK_ACK_REQUEST,
            [receiver, transmitter],
            request.control,
            request.information,
            out,
        );
    }

    /// Writes a Block Ack.
    pub fn emit_block_ack(receiver: MacAddr, transmitter: MacAddr, ack: &BlockAck<'_>, out: &mut Vec<u8>) {
        emit_block(FrameKind::BLOCK_ACK, [receiver, transmitter], ack.control, ack.information, out);
    }
}

/// A dozing station fetches one buffered frame (802.11-2020 9.3.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PsPoll {
    /// The station's association ID, 1 to 2007.
    pub aid: u16,
    /// The AP.
    pub bssid: MacAddr,
    /// The station.
    pub station: MacAddr,
}

impl PsPoll {
    /// Writes the frame.
    pub fn emit(&self, out: &mut Vec<u8>) {
        emit_short(FrameKind::PS_POLL, 0xc000 | self.aid, self.bssid, out);
        out.extend_from_slice(&self.station.octets());
    }
}

/// The BAR Control and BA Control fields, alike in what is read here (802.11-2020 9.3.1.7.1, 9.3.1.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAckControl(pub u16);

/// The variants of block ack frames; the number of the variant is the field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockAckVariant {
    /// Basic.
    Basic,
    /// Compressed: the usual one.
    Compressed,
    /// Several TIDs.
    MultiTid,
    /// Several stations (HE; Block Ack only).
    MultiSta,
    /// Another one, by its number.
    Other(u8),
}

impl BlockAckControl {
    /// The compressed variant for one TID (0 to 15), acknowledged normally.
    pub const fn compressed(tid: u8) -> Self {
        Self((tid as u16) << 12 | 2 << 1)
    }

    /// The frame is not to be acknowledged.
    pub const fn no_ack(self) -> bool {
        self.0 & 1 != 0
    }

    /// The variant.
    pub const fn variant(self) -> BlockAckVariant {
        match self.0 >> 1 & 0x0f {
            0 => BlockAckVariant::Basic,
            2 => BlockAckVariant::Compressed,
            3 => BlockAckVariant::MultiTid,
            11 => BlockAckVariant::MultiSta,
            other => BlockAckVariant::Other(other as u8),
        }
    }

    /// TID, or for several TIDs their number less one.
    pub const fn tid(self) -> u8 {
        (self.0 >> 12) as u8
    }
}

/// The body of a Block Ack Request (802.11-2020 9.3.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAckRequest<'a> {
    /// The BAR Control field.
    pub control: BlockAckControl,
    /// What follows it; its format depends on the variant.
    pub information: &'a [u8],
}

impl BlockAckRequest<'_> {
    /// The sequence number from which on frames are asked for; basic and compressed variants only.
    pub fn starting_sequence(&self) -> Option<u16> {
        starting_sequence(self.control, self.information)
    }
}

/// The body of a Block Ack (802.11-2020 9.3.1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockAck<'a> {
    /// The BA Control field.
    pub control: BlockAckControl,
    /// What follows it; its format depends on the variant.
    pub information: &'a [u8],
}

impl<'a> BlockAck<'a> {
    /// The sequence number of the bitmap's first bit; basic and compressed variants only.
    pub fn starting_sequence(&self) -> Option<u16> {
        starting_sequence(self.control, self.information)
    }

    /// One bit per frame received, from the starting sequence number on; compressed variant only.
    pub fn bitmap(&self) -> Option<&'a [u8]> {
        match self.control.variant() {
            BlockAckVariant::Compressed => self.information.get(2..),
            _ => None,
        }
    }
}

fn starting_sequence(control: BlockAckControl, information: &[u8]) -> Option<u16> {
    match control.variant() {
        BlockAckVariant::Basic | BlockAckVariant::Compressed => {
            Reader::new(information).u16_le().ok().map(|field| field >> 4)
        }
        _ => None,
    }
}

/// ACK and CTS have only a receiver; of the wrapper and of unknown subtypes no more is certain.
const fn has_transmitter(kind: FrameKind) -> bool {
    matches!(
        kind,
        FrameKind::TRIGGER
            | FrameKind::BEAMFORMING_REPORT_POLL
            | FrameKind::NDP_ANNOUNCEMENT
            | FrameKind::BLOCK_ACK_REQUEST
            | FrameKind::BLOCK_ACK
            | FrameKind::PS_POLL
            | FrameKind::RTS
            | FrameKind::CF_END
            | FrameKind::CF_END_CF_ACK
    )
}

fn emit_short(kind: FrameKind, duration: u16, receiver: MacAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(&FrameControl::new(kind).octets());
    out.extend_from_slice(&duration.to_le_bytes());
    out.extend_from_slice(&receiver.octets());
}

fn emit_block(
    kind: FrameKind,
    [receiver, transmitter]: [MacAddr; 2],
    control: BlockAckControl,
    information: &[u8],
    out: &mut Vec<u8>,
) {
    emit_short(kind, 0, receiver, out);
    out.extend_from_slice(&transmitter.octets());
    out.extend_from_slice(&control.0.to_le_bytes());
    out.extend_from_slice(information);
}
