//! Where and how loud a BSS is: DSSS Parameter Set, Country, Power Constraint, channel switches, Quiet, ERP.

use super::{ElementId, ElementKind, Problem, TypedElement};
use crate::wire::Reader;

/// The channel in 2.4 GHz (802.11-2020 9.4.2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DsParameter(pub u8);

impl TypedElement<'_> for DsParameter {
    const KIND: ElementKind = ElementKind::Id(ElementId::DS_PARAMETER);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        Ok(Self(Reader::new(data).u8()?))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
}

/// Regulatory domain (802.11-2020 9.4.2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Country<'a> {
    /// Two letters of ISO 3166-1, and a byte for the environment (a space: any) or the table of operating classes.
    pub code: [u8; 3],
    /// The triplets, and if it was read also its padding.
    triplets: &'a [u8],
    /// A byte of padding is to be written.
    pad: bool,
}

/// What a triplet of the Country element says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountryTriplet {
    /// Channels with the same limit.
    Channels {
        /// The first channel.
        first: u8,
        /// How many channels.
        count: u8,
        /// Greatest power in dBm.
        max_power: i8,
    },
    /// Operating class of what follows.
    Operating {
        /// Extension identifier, 201 or above.
        extension: u8,
        /// Operating class.
        class: u8,
        /// Coverage class.
        coverage: u8,
    },
}

impl<'a> Country<'a> {
    /// A country and its triplets as bytes: first channel, number of channels, greatest power in dBm.
    pub const fn new(code: [u8; 3], triplets: &'a [u8]) -> Self {
        Self { code, triplets, pad: triplets.len().is_multiple_of(2) }
    }

    /// The triplets; padding is left out.
    pub fn triplets(&self) -> impl Iterator<Item = CountryTriplet> + use<'a> {
        self.triplets.as_chunks::<3>().0.iter().map(|&[first, second, third]| match first {
            201.. => CountryTriplet::Operating { extension: first, class: second, coverage: third },
            _ => CountryTriplet::Channels { first, count: second, max_power: i8::from_le_bytes([third]) },
        })
    }
}

impl<'a> TypedElement<'a> for Country<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::COUNTRY);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        Ok(Self { code: *reader.array()?, triplets: reader.rest(), pad: false })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.code);
        out.extend_from_slice(self.triplets);
        if self.pad {
            out.push(0);
        }
    }
}

/// By how many dB power must stay below the regulatory limit (802.11-2020 9.4.2.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerConstraint(pub u8);

impl TypedElement<'_> for PowerConstraint {
    const KIND: ElementKind = ElementKind::Id(ElementId::POWER_CONSTRAINT);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        Ok(Self(Reader::new(data).u8()?))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
}

/// Channel Switch Announcement (802.11-2020 9.4.2.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelSwitch {
    /// 1: send nothing until the switch.
    pub mode: u8,
    /// The new channel.
    pub channel: u8,
    /// In how many TBTTs; 0 or 1: at once, or just before the next.
    pub count: u8,
}

impl TypedElement<'_> for ChannelSwitch {
    const KIND: ElementKind = ElementKind::Id(ElementId::CHANNEL_SWITCH);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        let &[mode, channel, count] = Reader::new(data).array()?;
        Ok(Self { mode, channel, count })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.mode, self.channel, self.count]);
    }
}

/// Extended Channel Switch Announcement (802.11-2020 9.4.2.52).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedChannelSwitch {
    /// 1: send nothing until the switch.
    pub mode: u8,
    /// The operating class after it.
    pub operating_class: u8,
    /// The new channel.
    pub channel: u8,
    /// In how many TBTTs.
    pub count: u8,
}

impl TypedElement<'_> for ExtendedChannelSwitch {
    const KIND: ElementKind = ElementKind::Id(ElementId::EXTENDED_CHANNEL_SWITCH);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        let &[mode, operating_class, channel, count] = Reader::new(data).array()?;
        Ok(Self { mode, operating_class, channel, count })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.mode, self.operating_class, self.channel, self.count]);
    }
}

/// An interval in which nobody sends (802.11-2020 9.4.2.22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// In how many TBTTs it is; 0 is reserved.
    pub count: u8,
    /// Every how many beacon intervals it repeats; 0: once.
    pub period: u8,
    /// How long, in TU.
    pub duration: u16,
    /// How long after the TBTT it begins, in TU.
    pub offset: u16,
}

impl TypedElement<'_> for Quiet {
    const KIND: ElementKind = ElementKind::Id(ElementId::QUIET);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        Ok(Self {
            count: reader.u8()?,
            period: reader.u8()?,
            duration: reader.u16_le()?,
            offset: reader.u16_le()?,
        })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.count, self.period]);
        out.extend_from_slice(&self.duration.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
    }
}

/// Consideration for stations that know DSSS alone (802.11-2020 9.4.2.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erp(pub u8);

impl Erp {
    /// A station that knows DSSS alone is here.
    pub const fn non_erp_present(self) -> bool {
        self.0 & 1 != 0
    }

    /// OFDM frames must be protected.
    pub const fn use_protection(self) -> bool {
        self.0 & 2 != 0
    }

    /// Long preambles must be used.
    pub const fn barker_preamble(self) -> bool {
        self.0 & 4 != 0
    }
}

impl TypedElement<'_> for Erp {
    const KIND: ElementKind = ElementKind::Id(ElementId::ERP);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        Ok(Self(Reader::new(data).u8()?))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.0);
    }
}
