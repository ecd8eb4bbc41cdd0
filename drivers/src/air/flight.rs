//! A frame on the air, and what of it a receiver understands.

use std::rc::Rc;

use stack::time::Instant;
use stack::wire::{Channel, MacAddr, Rate};

use super::transceiver::RadioId;

/// A frame on the air, as an all-hearing witness sees it.
#[derive(Clone, Copy, Debug)]
pub struct OnAir<'a> {
    /// When its first bit left.
    pub start: Instant,
    /// When its last bit leaves.
    pub end: Instant,
    /// Who sends it.
    pub radio: RadioId,
    /// On which channel.
    pub channel: Channel,
    /// At which rate.
    pub rate: Rate,
    /// Which attempt this is: 0 the first.
    pub attempt: u8,
    /// The MPDU, without FCS.
    pub frame: &'a [u8],
}

pub(super) struct Flight {
    pub(super) radio: RadioId,
    pub(super) channel: Channel,
    pub(super) start: Instant,
    pub(super) end: Instant,
    pub(super) rate: Rate,
    pub(super) frame: Rc<[u8]>,
    /// Sent a SIFS after what it answers, not out of a queue.
    pub(super) response: bool,
    pub(super) overlaps: Vec<Overlap>,
    /// Radios that defer to it.
    pub(super) sensed_by: Vec<RadioId>,
}

/// Another transmission that was on the air at the same time.
#[derive(Clone, Copy)]
pub(super) struct Overlap {
    pub(super) radio: RadioId,
    pub(super) channel: Channel,
    /// It began earlier, so receivers were at it already.
    pub(super) earlier: bool,
    /// The same bits at the same time: two radios that acknowledge for one address. They add up instead of colliding.
    pub(super) twin: bool,
}

impl Flight {
    pub(super) fn overlap(&self, other: &Self) -> Overlap {
        Overlap {
            radio: other.radio,
            channel: other.channel,
            earlier: other.start < self.start,
            twin: other.start == self.start && other.channel == self.channel && other.frame == self.frame,
        }
    }

    pub(super) fn receiver(&self) -> Option<MacAddr> {
        address(&self.frame, 4)
    }

    /// Whom the ACK to this frame is for, if it asks for one: a directed management or data frame, PS-Poll, BAR or BA
    /// (802.11-2020 10.3.2.11).
    pub(super) fn wants_ack(&self) -> Option<MacAddr> {
        let control = *self.frame.first()?;
        let asks = match control & 0x0c {
            0x00 | 0x08 => true,
            0x04 => matches!(control >> 4, 8..=10),
            _ => false,
        };
        let directed = self.receiver().is_some_and(|addr| !addr.is_group());
        if asks && directed && !self.response { address(&self.frame, 10) } else { None }
    }

    /// What the Duration field reserves for others; a PS-Poll has an AID there.
    pub(super) fn duration(&self) -> u16 {
        match self.frame.get(2..4) {
            Some(&[low, high]) if high & 0x80 == 0 => u16::from_le_bytes([low, high]),
            _ => 0,
        }
    }
}

/// An ACK to `receiver` (802.11-2020 9.3.1.4).
pub(super) fn ack(receiver: MacAddr) -> Rc<[u8]> {
    let mut frame = vec![0xd4, 0, 0, 0];
    frame.extend_from_slice(&receiver.octets());
    frame.into()
}

/// The same frame as a retry.
pub(super) fn as_retry(frame: &[u8]) -> Rc<[u8]> {
    let mut bytes = frame.to_vec();
    if let Some(flags) = bytes.get_mut(1) {
        *flags |= 0x08;
    }
    bytes.into()
}

pub(super) fn is_ack_to(frame: &[u8], receiver: MacAddr) -> bool {
    frame.first() == Some(&0xd4) && address(frame, 4) == Some(receiver)
}

fn address(frame: &[u8], offset: usize) -> Option<MacAddr> {
    frame.get(offset..offset + 6).and_then(MacAddr::from_slice)
}
