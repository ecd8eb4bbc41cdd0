//! Channels: band, number, frequency, width.

use std::fmt;

use crate::wire::record::Record;
use crate::wire::{Reader, RecordError};

/// A frequency band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Band {
    /// 2.4 GHz: channels 1 to 14.
    Ghz2,
    /// 5 GHz: channels 32 to 177.
    Ghz5,
    /// 6 GHz: channels 1 to 233.
    Ghz6,
}

/// How much spectrum a channel takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelWidth {
    /// 20 MHz.
    #[default]
    Mhz20,
    /// 40 MHz, the second half above the primary channel.
    Mhz40Above,
    /// 40 MHz, the second half below the primary channel.
    Mhz40Below,
    /// 80 MHz.
    Mhz80,
    /// 160 MHz.
    Mhz160,
}

impl ChannelWidth {
    /// In MHz.
    pub const fn mhz(self) -> u16 {
        match self {
            Self::Mhz20 => 20,
            Self::Mhz40Above | Self::Mhz40Below => 40,
            Self::Mhz80 => 80,
            Self::Mhz160 => 160,
        }
    }
}

/// A channel that exists (802.11-2020 Annex E), by its primary 20 MHz.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    band: Band,
    number: u8,
    width: ChannelWidth,
}

impl Channel {
    /// The 20 MHz channel with this number, `None` if the band has no such channel.
    pub const fn new(band: Band, number: u8) -> Option<Self> {
        let exists = match band {
            Band::Ghz2 => number >= 1 && number <= 14,
            Band::Ghz5 => {
                (number >= 32 && number <= 144 && number.is_multiple_of(4))
                    || (number >= 149 && number <= 177 && number % 4 == 1)
            }
            Band::Ghz6 => (number >= 1 && number <= 233 && number % 4 == 1) || number == 2,
        };
        if exists { Some(Self { band, number, width: ChannelWidth::Mhz20 }) } else { None }
    }

    /// The channel that people mean by a bare number: 2.4 GHz up to 14, 5 GHz from 32 on.
    pub const fn from_number(number: u8) -> Option<Self> {
        Self::new(if number <= 14 { Band::Ghz2 } else { Band::Ghz5 }, number)
    }

    /// The 20 MHz channel with this centre frequency, in MHz.
    pub fn from_frequency(mhz: u16) -> Option<Self> {
        let (band, number) = match mhz {
            2484 => (Band::Ghz2, 14),
            2412..=2472 if (mhz - 2407).is_multiple_of(5) => (Band::Ghz2, (mhz - 2407) / 5),
            5160..=5885 if mhz.is_multiple_of(5) => (Band::Ghz5, (mhz - 5000) / 5),
            5935 => (Band::Ghz6, 2),
            5955..=7115 if (mhz - 5955).is_multiple_of(20) => (Band::Ghz6, (mhz - 5950) / 5),
            _ => return None,
        };
        Self::new(band, u8::try_from(number).ok()?)
    }

    /// The 20 MHz channel with this number in a global operating class (802.11-2020 Table E-4), `None` if the class is not
    /// of 20 MHz.
    pub const fn in_operating_class(class: u8, number: u8) -> Option<Self> {
        match class {
            81 | 82 => Self::new(Band::Ghz2, number),
            115 | 118 | 121 | 124 | 125 => Self::new(Band::Ghz5, number),
            131 | 136 => Self::new(Band::Ghz6, number),
            _ => None,
        }
    }

    /// The same primary channel with another width.
    #[must_use]
    pub const fn with_width(mut self, width: ChannelWidth) -> Self {
        self.width = width;
        self
    }

    /// The band.
    pub const fn band(self) -> Band {
        self.band
    }

    /// The number of the primary channel within its band.
    pub const fn number(self) -> u8 {
        self.number
    }

    /// The width.
    pub const fn width(self) -> ChannelWidth {
        self.width
    }

    /// The global operating class of the primary 20 MHz (802.11-2020 Table E-4).
    pub const fn operating_class(self) -> u8 {
        match (self.band, self.number) {
            (Band::Ghz2, 14) => 82,
            (Band::Ghz2, _) => 81,
            (Band::Ghz5, ..=48) => 115,
            (Band::Ghz5, ..=64) => 118,
            (Band::Ghz5, ..=144) => 121,
            (Band::Ghz5, _) => 125,
            (Band::Ghz6, 2) => 136,
            (Band::Ghz6, _) => 131,
        }
    }

    /// Centre frequency of the primary 20 MHz, in MHz.
    pub const fn frequency(self) -> u16 {
        let number = self.number as u16;
        match (self.band, number) {
            (Band::Ghz2, 14) => 2484,
            (Band::Ghz2, _) => 2407 + 5 * number,
            (Band::Ghz5, _) => 5000 + 5 * number,
            (Band::Ghz6, 2) => 5935,
            (Band::Ghz6, _) => 5950 + 5 * number,
        }
    }
}

/// The primary 20 MHz, as operating class and number.
impl Record for Channel {
    fn put(&self, out: &mut Vec<u8>) {
        self.operating_class().put(out);
        self.number.put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        let (class, number) = (u8::read(reader)?, u8::read(reader)?);
        let channel = Self::in_operating_class(class, number);
        let channel = channel.filter(|channel| channel.operating_class() == class);
        channel.ok_or(RecordError::Impossible("such a channel"))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "channel {} ({} MHz)", self.number, self.frequency())?;
        if self.width == ChannelWidth::Mhz20 { Ok(()) } else { write!(f, " {} MHz wide", self.width.mhz()) }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_frequencies() {
        for (number, mhz) in
            [(1, 2412), (6, 2437), (13, 2472), (14, 2484), (36, 5180), (144, 5720), (165, 5825)]
        {
            let channel = Channel::from_number(number).unwrap();
            assert_eq!((channel.frequency(), Channel::from_frequency(mhz)), (mhz, Some(channel)));
        }
        let channel = Channel::new(Band::Ghz6, 37).unwrap();
        assert_eq!(channel.frequency(), 6135);
        for number in [0, 15, 33, 150, 200] {
            assert_eq!(Channel::from_number(number), None);
        }
    }

    #[test]
    fn every_frequency_is_of_one_channel() {
        let channels =
            (0..=u16::MAX).filter_map(|mhz| Channel::from_frequency(mhz).map(|channel| (mhz, channel)));
        for (mhz, channel) in channels {
            assert_eq!(channel.frequency(), mhz);
            let class = channel.operating_class();
            assert_eq!(Channel::in_operating_class(class, channel.number()), Some(channel));
        }
    }
}
