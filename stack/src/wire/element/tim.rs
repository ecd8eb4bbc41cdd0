//! The TIM element: for whom frames are buffered.

use std::fmt;

use super::{ElementId, ElementKind, Problem, TypedElement};
use crate::wire::Reader;

/// Traffic indication map as it is on the air (802.11-2020 9.4.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tim<'a> {
    /// How many beacons come before the next DTIM; 0: this is one.
    pub dtim_count: u8,
    /// Every how many beacons there is a DTIM.
    pub dtim_period: u8,
    /// Bit 0: group-addressed frames are buffered; the other bits: where the bitmap begins.
    pub bitmap_control: u8,
    /// The part of the bitmap that is not all zero.
    pub bitmap: &'a [u8],
}

impl Tim<'_> {
    /// Group-addressed frames follow this DTIM beacon.
    pub const fn group_traffic(&self) -> bool {
        self.bitmap_control & 1 != 0
    }

    /// Frames are buffered for the station with this association ID.
    pub fn contains(&self, aid: u16) -> bool {
        let first = usize::from(self.bitmap_control & 0xfe);
        let byte = usize::from(aid / 8).checked_sub(first).and_then(|index| self.bitmap.get(index));
        byte.is_some_and(|byte| byte >> (aid % 8) & 1 != 0)
    }
}

impl<'a> TypedElement<'a> for Tim<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::TIM);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        let &[dtim_count, dtim_period, bitmap_control] = reader.array()?;
        if dtim_period == 0 {
            return Err(Problem::Value("a DTIM period of 0"));
        }
        Ok(Self { dtim_count, dtim_period, bitmap_control, bitmap: reader.rest() })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.dtim_count, self.dtim_period, self.bitmap_control]);
        out.extend_from_slice(self.bitmap);
    }
}

/// The whole traffic indication virtual bitmap, one bit per association ID 1 to 2007, bit 0 for group traffic.
#[derive(Clone, PartialEq, Eq)]
pub struct TimBitmap([u8; 251]);

impl TimBitmap {
    /// Nothing is buffered for anyone.
    pub const fn new() -> Self {
        Self([0; 251])
    }

    /// Sets or clears the bit of an association ID; an ID above 2007 has none.
    pub fn set(&mut self, aid: u16, buffered: bool) {
        if let Some(byte) = self.0.get_mut(usize::from(aid / 8)) {
            let bit = 1 << (aid % 8);
            *byte = if buffered { *byte | bit } else { *byte & !bit };
        }
    }

    /// Whether the bit of an association ID is set.
    pub fn contains(&self, aid: u16) -> bool {
        self.0.get(usize::from(aid / 8)).is_some_and(|byte| byte >> (aid % 8) & 1 != 0)
    }

    /// The element: the shortest part of the bitmap that begins at an even byte and holds all set bits of stations, at
    /// least one byte. `group_traffic` is bit 0 of Bitmap Control, set in DTIM beacons alone.
    pub fn tim(&self, dtim_count: u8, dtim_period: u8, group_traffic: bool) -> Tim<'_> {
        let first = self.0.iter().position(|&byte| byte != 0).unwrap_or(0) & !1;
        let end = self.0.iter().rposition(|&byte| byte != 0).map_or(1, |last| last + 1);
        Tim {
            dtim_count,
            dtim_period,
            bitmap_control: first as u8 | u8::from(group_traffic),
            bitmap: self.0.get(first..end).unwrap_or(&[0]),
        }
    }
}

impl Default for TimBitmap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TimBitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..=2007).filter(|&aid| self.contains(aid))).finish()
    }
}
