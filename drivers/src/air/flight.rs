//! A frame on the air, and what of it a receiver understands.

use std::rc::Rc;

use stack::time::Instant;
use stack::wire::{Channel, MacAddr, Rate};

use super::transceiver::RadioId;
use crate::propagation::mpdu;

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
        mpdu::receiver(&self.frame)
    }

    /// Whom the ACK to this frame is for, if it asks for one.
    pub(super) fn wants_ack(&self) -> Option<MacAddr> {
        if self.response { None } else { mpdu::wants_ack(&self.frame) }
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

pub(super) fn is_ack_to(frame: &[u8], receiver: MacAddr) -> bool {
    frame.first() == Some(&0xd4) && mpdu::receiver(frame) == Some(receiver)
}
