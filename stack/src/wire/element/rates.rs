//! The Supported Rates and Extended Supported Rates elements.

use std::fmt;

use super::{ElementId, ElementKind, Problem, TypedElement};
use crate::wire::Rate;

/// One byte of the rates elements (802.11-2020 9.4.2.3): a rate in units of 500 kb/s, or a BSS membership selector, with
/// bit 7 set if it is basic (every member must have it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RateEntry(pub u8);

impl RateEntry {
    /// Membership selector: HT only.
    pub const HT_ONLY: Self = Self(0x80 | 127);
    /// Membership selector: VHT only.
    pub const VHT_ONLY: Self = Self(0x80 | 126);
    /// Membership selector: SAE with hash-to-element only.
    pub const SAE_HASH_TO_ELEMENT_ONLY: Self = Self(0x80 | 123);
    /// Membership selector: HE only.
    pub const HE_ONLY: Self = Self(0x80 | 122);

    /// Every member of the BSS must have it.
    pub const fn is_basic(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Not a rate but a demand on members.
    pub const fn is_selector(self) -> bool {
        self.0 & 0x80 != 0 && matches!(self.0 & 0x7f, 121..=127)
    }

    /// The rate, `None` for a membership selector or zero.
    pub const fn rate(self) -> Option<Rate> {
        match self.0 & 0x7f {
            0 => None,
            _ if self.is_selector() => None,
            units => Some(Rate::Legacy(units)),
        }
    }
}

impl fmt::Debug for RateEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rate() {
            Some(Rate::Legacy(units)) => write!(f, "{}", f32::from(units) / 2.0)?,
            _ => write!(f, "selector {}", self.0 & 0x7f)?,
        }
        if self.is_basic() { f.write_str("*") } else { Ok(()) }
    }
}

/// Up to eight rates (802.11-2020 9.4.2.3); more go into [`ExtendedRates`]. Some senders put more here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SupportedRates<'a>(pub &'a [u8]);

/// The rates for which there was no room (802.11-2020 9.4.2.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedRates<'a>(pub &'a [u8]);

impl<'a> TypedElement<'a> for SupportedRates<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::SUPPORTED_RATES);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        Ok(Self(data))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}

impl<'a> TypedElement<'a> for ExtendedRates<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::EXTENDED_RATES);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        Ok(Self(data))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0);
    }
}
