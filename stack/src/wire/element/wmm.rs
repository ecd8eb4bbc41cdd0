//! Wi-Fi Multimedia: the vendor specific element of WMM 1.2, which everyone uses in place of the EDCA elements.

use super::{ElementKind, Problem, TypedElement};
use crate::wire::Reader;

/// An access category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessCategory {
    /// Best effort.
    BestEffort,
    /// Background.
    Background,
    /// Video.
    Video,
    /// Voice.
    Voice,
}

impl AccessCategory {
    /// The category of a user priority, 0 to 7 (802.11-2020 Table 10-1); higher bits are cut off.
    pub const fn of_priority(priority: u8) -> Self {
        match priority & 7 {
            1 | 2 => Self::Background,
            4 | 5 => Self::Video,
            6 | 7 => Self::Voice,
            _ => Self::BestEffort,
        }
    }
}

/// How a category contends for the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdcaParameters {
    /// Slots waited after SIFS, 2 to 15.
    pub aifsn: u8,
    /// Admission control is mandatory.
    pub admission: bool,
    /// The category's number, bits 5 and 6 of the first byte: that of its place if the sender is right.
    pub category: u8,
    /// Exponents of the contention windows: CWmin in the lower four bits, CWmax in the upper.
    pub windows: u8,
    /// Longest transmission in units of 32 microseconds; 0: one frame.
    pub txop: u16,
}

impl EdcaParameters {
    /// What a category contends with unless told otherwise (802.11-2020 Table 9-155, OFDM).
    pub const fn default_of(category: AccessCategory) -> Self {
        let (aifsn, windows, txop) = match category {
            AccessCategory::BestEffort => (3, 0xa4, 0),
            AccessCategory::Background => (7, 0xa4, 0),
            AccessCategory::Video => (2, 0x43, 94),
            AccessCategory::Voice => (2, 0x32, 47),
        };
        Self { aifsn, admission: false, category: category as u8, windows, txop }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Problem> {
        let &[first, windows] = reader.array()?;
        Ok(Self {
            aifsn: first & 0x0f,
            admission: first & 0x10 != 0,
            category: first >> 5 & 3,
            windows,
            txop: reader.u16_le()?,
        })
    }

    fn emit(self, out: &mut Vec<u8>) {
        out.push(self.aifsn & 0x0f | u8::from(self.admission) << 4 | (self.category & 3) << 5);
        out.push(self.windows);
        out.extend_from_slice(&self.txop.to_le_bytes());
    }
}

/// The WMM element. Bit 7 of the QoS information, in both forms: the sender knows U-APSD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wmm<'a> {
    /// Information: QoS information alone. From a station bits 0 to 3 say which categories (voice, video, background,
    /// best effort) are trigger and delivery enabled, bits 5 and 6 how long a service period may be.
    Information {
        /// QoS information.
        qos: u8,
    },
    /// Parameters: from an AP; the lower four bits of QoS information count changes.
    Parameters {
        /// QoS information.
        qos: u8,
        /// Reserved.
        reserved: u8,
        /// One set for each category: best effort, background, video, voice.
        categories: [EdcaParameters; 4],
    },
    /// A TSPEC or another subtype.
    Other {
        /// The subtype.
        subtype: u8,
        /// What follows it.
        data: &'a [u8],
    },
}

impl Wmm<'_> {
    /// The parameters everyone has by default; `uapsd`: the AP knows U-APSD.
    pub const fn parameters(uapsd: bool) -> Self {
        Self::Parameters {
            qos: if uapsd { 0x80 } else { 0 },
            reserved: 0,
            categories: [
                EdcaParameters::default_of(AccessCategory::BestEffort),
                EdcaParameters::default_of(AccessCategory::Background),
                EdcaParameters::default_of(AccessCategory::Video),
                EdcaParameters::default_of(AccessCategory::Voice),
            ],
        }
    }

    /// The QoS information byte.
    pub const fn qos(&self) -> Option<u8> {
        match self {
            Self::Information { qos } | Self::Parameters { qos, .. } => Some(*qos),
            Self::Other { .. } => None,
        }
    }
}

impl<'a> TypedElement<'a> for Wmm<'a> {
    const KIND: ElementKind = ElementKind::WMM;

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        let subtype = reader.u8()?;
        if subtype > 1 {
            return Ok(Self::Other { subtype, data: reader.rest() });
        }
        if reader.u8()? != 1 {
            return Err(Problem::Value("a version other than 1"));
        }
        let qos = reader.u8()?;
        if subtype == 0 {
            return Ok(Self::Information { qos });
        }
        let reserved = reader.u8()?;
        let mut next = || EdcaParameters::read(&mut reader);
        Ok(Self::Parameters { qos, reserved, categories: [next()?, next()?, next()?, next()?] })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Information { qos } => out.extend_from_slice(&[0, 1, *qos]),
            Self::Parameters { qos, reserved, categories } => {
                out.extend_from_slice(&[1, 1, *qos, *reserved]);
                categories.iter().for_each(|category| category.emit(out));
            }
            Self::Other { subtype, data } => {
                out.push(*subtype);
                out.extend_from_slice(data);
            }
        }
    }
}
