//! Capabilities and operation of HT, VHT, HE and EHT. They are kept whole; the fields that matter here are read.

use super::{ElementId, ElementKind, ExtensionId, Problem, TypedElement};
use crate::wire::{Reader, Truncated};

/// An element that is its data, at least so many bytes of it.
macro_rules! whole_elements {
    ($($(#[$doc:meta])* $name:ident($kind:expr, $least:literal);)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub struct $name<'a>(&'a [u8]);

            impl<'a> $name<'a> {
                /// The data, whole.
                pub const fn as_bytes(&self) -> &'a [u8] {
                    self.0
                }
            }

            impl<'a> TypedElement<'a> for $name<'a> {
                const KIND: ElementKind = $kind;

                fn parse(data: &'a [u8]) -> Result<Self, Problem> {
                    at_least(data, $least)?;
                    Ok(Self(data))
                }

                fn emit(&self, out: &mut Vec<u8>) {
                    out.extend_from_slice(self.0);
                }
            }
        )*
    };
}

whole_elements! {
    /// HT Capabilities (802.11-2020 9.4.2.55).
    HtCapabilities(ElementKind::Id(ElementId::HT_CAPABILITIES), 26);
    /// HT Operation (802.11-2020 9.4.2.56).
    HtOperation(ElementKind::Id(ElementId::HT_OPERATION), 22);
    /// VHT Capabilities (802.11-2020 9.4.2.157).
    VhtCapabilities(ElementKind::Id(ElementId::VHT_CAPABILITIES), 12);
    /// VHT Operation (802.11-2020 9.4.2.158).
    VhtOperation(ElementKind::Id(ElementId::VHT_OPERATION), 5);
    /// HE Capabilities (802.11ax-2021 9.4.2.248): 6 bytes of MAC capabilities, 11 of PHY capabilities, at least 4 of MCS.
    HeCapabilities(ElementKind::Extension(ExtensionId::HE_CAPABILITIES), 21);
    /// HE Operation (802.11ax-2021 9.4.2.249).
    HeOperation(ElementKind::Extension(ExtensionId::HE_OPERATION), 6);
    /// EHT Capabilities (802.11be-2024 9.4.2.323): 2 bytes of MAC capabilities, 9 of PHY capabilities.
    EhtCapabilities(ElementKind::Extension(ExtensionId::EHT_CAPABILITIES), 11);
    /// EHT Operation (802.11be-2024 9.4.2.321).
    EhtOperation(ElementKind::Extension(ExtensionId::EHT_OPERATION), 5);
    /// Extended Capabilities (802.11-2020 9.4.2.26): as many bytes as the sender needed.
    ExtendedCapabilities(ElementKind::Id(ElementId::EXTENDED_CAPABILITIES), 0);
    /// RSN Extension (802.11-2020 9.4.2.241): more capabilities, in the lower four bits of the first byte its own length
    /// less one.
    RsnExtension(ElementKind::Id(ElementId::RSN_EXTENSION), 1);
}

impl<'a> HtCapabilities<'a> {
    /// The capabilities of a station with this information field, these parameters of A-MPDU, and a bitmap of receive
    /// MCS; the rest is zero.
    pub const fn data(information: u16, ampdu: u8, mcs: [u8; 4]) -> [u8; 26] {
        let mut data = [0; 26];
        [data[0], data[1]] = information.to_le_bytes();
        data[2] = ampdu;
        [data[3], data[4], data[5], data[6]] = mcs;
        data
    }

    /// The HT Capability Information field.
    pub fn information(&self) -> u16 {
        Reader::new(self.0).u16_le().unwrap_or_default()
    }

    /// Receives 40 MHz.
    pub fn wide(&self) -> bool {
        self.information() & 0x0002 != 0
    }

    /// Short guard interval at 20 MHz.
    pub fn short_gi_20(&self) -> bool {
        self.information() & 0x0020 != 0
    }

    /// Short guard interval at 40 MHz.
    pub fn short_gi_40(&self) -> bool {
        self.information() & 0x0040 != 0
    }

    /// The longest A-MSDU it takes, in bytes.
    pub fn max_amsdu(&self) -> usize {
        if self.information() & 0x0800 != 0 { 7935 } else { 3839 }
    }

    /// Which MCS it receives: bit n of byte m for MCS 8 m + n.
    pub fn rx_mcs(&self) -> &'a [u8] {
        self.0.get(3..13).unwrap_or_default()
    }
}

impl HtOperation<'_> {
    /// The primary channel.
    pub fn primary_channel(&self) -> u8 {
        byte(self.0, 0)
    }

    /// Where the secondary channel is: 0 nowhere, 1 above, 3 below.
    pub fn secondary_offset(&self) -> u8 {
        byte(self.0, 1) & 3
    }
}

impl VhtCapabilities<'_> {
    /// The VHT Capabilities Information field.
    pub fn information(&self) -> u32 {
        Reader::new(self.0).u32_le().unwrap_or_default()
    }

    /// The longest MPDU it takes, in bytes.
    pub fn max_mpdu(&self) -> usize {
        match self.information() & 3 {
            0 => 3895,
            1 => 7991,
            _ => 11454,
        }
    }

    /// Which MCS it receives, two bits a stream from the lowest on: 0 up to 7, 1 up to 8, 2 up to 9, 3 none.
    pub fn rx_mcs(&self) -> u16 {
        u16::from_le_bytes([byte(self.0, 4), byte(self.0, 5)])
    }
}

impl VhtOperation<'_> {
    /// Channel width: 0 is 20 or 40 MHz, 1 is 80, 160 or 80+80 MHz.
    pub fn width(&self) -> u8 {
        byte(self.0, 0)
    }

    /// Channel numbers of the centres of the two segments.
    pub fn centres(&self) -> [u8; 2] {
        [byte(self.0, 1), byte(self.0, 2)]
    }
}

impl HeCapabilities<'_> {
    /// Which MCS it receives up to 80 MHz, two bits a stream: 0 up to 7, 1 up to 9, 2 up to 11, 3 none.
    pub fn rx_mcs_80(&self) -> u16 {
        u16::from_le_bytes([byte(self.0, 17), byte(self.0, 18)])
    }
}

impl HeOperation<'_> {
    /// BSS color, 1 to 63; 0: none.
    pub fn bss_color(&self) -> u8 {
        byte(self.0, 3) & 0x3f
    }
}

impl<'a> ExtendedCapabilities<'a> {
    /// These bytes, bit 0 first.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether a bit is set; beyond the end none is.
    pub fn bit(&self, number: usize) -> bool {
        self.0.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 != 0)
    }
}

impl<'a> RsnExtension<'a> {
    /// These bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// SAE hash to element.
    pub fn sae_hash_to_element(&self) -> bool {
        byte(self.0, 0) & 0x20 != 0
    }
}

fn at_least(data: &[u8], need: usize) -> Result<(), Truncated> {
    Reader::new(data).take(need).map(drop)
}

fn byte(data: &[u8], at: usize) -> u8 {
    data.get(at).copied().unwrap_or_default()
}
