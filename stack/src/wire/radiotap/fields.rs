//! The walk over the fields of a header, through its namespaces.

use super::field::{Field, LAYOUT, Oui};
use super::{EXT, RadiotapError};
use crate::wire::Reader;

const TLV: u32 = 28;
const RADIOTAP_NAMESPACE: u32 = 29;
const VENDOR_NAMESPACE: u32 = 30;
/// A vendor namespace begins with an identifier, a sub-namespace and the length to skip.
const VENDOR_HEADER: usize = 6;

/// Whose numbers the bits of a present word are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Namespace {
    /// Radiotap's own, bits 0 to 31.
    Radiotap,
    /// Radiotap's own from bit 32 on, of which none is defined.
    Beyond,
    /// A vendor's, whose data has been skipped as a whole.
    Vendor,
}

/// The fields of a header. Ends at the first error; also, without one, at a bit whose size nobody knows, since what
/// comes after it cannot be found.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    header: &'a [u8],
    /// Where the next field begins, before alignment.
    offset: usize,
    /// Where the next present word is.
    next_word: usize,
    /// The bits of the current present word not yet walked.
    present: u32,
    namespace: Namespace,
    /// What the next present word is to be read as.
    following: Namespace,
    /// How many namespaces were entered before the current one.
    index: usize,
    tlvs: bool,
    done: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(header: &'a [u8], fields_at: usize) -> Self {
        let mut fields = Self {
            header,
            offset: fields_at,
            next_word: 4,
            present: 0,
            namespace: Namespace::Radiotap,
            following: Namespace::Radiotap,
            index: 0,
            tlvs: false,
            done: false,
        };
        fields.load_word();
        fields
    }

    /// The number of the namespace of the field last yielded: 0 for the first, which speaks of the frame as a whole;
    /// each later one usually of one antenna.
    pub const fn namespace_index(&self) -> usize {
        self.index
    }

    fn load_word(&mut self) {
        let word = self.header.get(self.next_word..).map(Reader::new).and_then(|mut r| r.u32_le().ok());
        self.next_word += 4;
        self.present = word.unwrap_or(0);
        self.namespace = self.following;
        if self.namespace == Namespace::Radiotap {
            self.following = Namespace::Beyond;
        }
    }

    /// The next set bit of the present words; loads the following word as needed.
    #[inline]
    fn next_bit(&mut self) -> Option<u32> {
        while self.present & !EXT == 0 {
            if self.present & EXT == 0 {
                return None;
            }
            self.load_word();
            self.index += 1;
        }
        let bit = self.present.trailing_zeros();
        self.present &= self.present - 1;
        Some(bit)
    }

    /// The next `size` bytes at `align`, which is a power of two.
    #[inline]
    fn take(&mut self, bit: u32, align: usize, size: usize) -> Result<&'a [u8], RadiotapError> {
        let offset = (self.offset + align - 1) & !(align - 1);
        let bytes = self.header.get(offset..offset + size);
        self.offset = offset + size;
        bytes.ok_or(RadiotapError::Field { bit: u16::try_from(bit).unwrap_or(u16::MAX), offset })
    }

    /// A vendor's namespace, header and all.
    fn vendor(&mut self) -> Result<Raw<'a>, RadiotapError> {
        let head = self.take(VENDOR_NAMESPACE, 2, VENDOR_HEADER)?;
        let (oui, sub, skip) = match *head {
            [a, b, c, sub, low, high] => (Oui([a, b, c]), sub, u16::from_le_bytes([low, high])),
            _ => return Err(RadiotapError::PresentChain),
        };
        let data = self.take(VENDOR_NAMESPACE, 1, usize::from(skip))?;
        self.following = Namespace::Vendor;
        Ok(Raw::Vendor(oui, sub, data))
    }

    #[inline]
    fn own(&mut self, bit: u32) -> Result<Option<Raw<'a>>, RadiotapError> {
        let layout = usize::try_from(bit).ok().and_then(|bit| LAYOUT.get(bit));
        let Some(&(align, size)) = layout else { return Ok(None) };
        Ok(Some(Raw::Own(bit, self.take(bit, align, size)?)))
    }

    fn next_tlv(&mut self) -> Result<Option<Raw<'a>>, RadiotapError> {
        if self.offset + 3 >= self.header.len() {
            return Ok(None);
        }
        let mut head = Reader::new(self.take(TLV, 4, 4)?);
        let (Ok(kind), Ok(length)) = (head.u16_le(), head.u16_le()) else { return Ok(None) };
        Ok(Some(Raw::Tlv(kind, self.take(u32::from(kind), 1, usize::from(length))?)))
    }

    /// The next field, not yet decoded.
    #[inline]
    pub(super) fn step(&mut self) -> Result<Option<Raw<'a>>, RadiotapError> {
        loop {
            if self.tlvs {
                return self.next_tlv();
            }
            match (self.next_bit(), self.namespace) {
                (None, _) => return Ok(None),
                (Some(RADIOTAP_NAMESPACE), _) => self.following = Namespace::Radiotap,
                (Some(VENDOR_NAMESPACE), _) => return self.vendor().map(Some),
                (Some(_), Namespace::Vendor) => {}
                (Some(_), Namespace::Beyond) => return Ok(None),
                (Some(TLV), Namespace::Radiotap) => self.tlvs = true,
                (Some(bit), Namespace::Radiotap) => return self.own(bit),
            }
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, RadiotapError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.step().and_then(|raw| raw.map_or(Ok(None), Raw::decode)).transpose();
        self.done = !matches!(item, Some(Ok(_)));
        item
    }
}

/// A field that has been found.
pub(super) enum Raw<'a> {
    /// One of radiotap's own, by its bit.
    Own(u32, &'a [u8]),
    /// A type and its data.
    Tlv(u16, &'a [u8]),
    /// A vendor's namespace.
    Vendor(Oui, u8, &'a [u8]),
}

impl<'a> Raw<'a> {
    #[inline]
    pub(super) fn decode(self) -> Result<Option<Field<'a>>, RadiotapError> {
        match self {
            Self::Own(bit, bytes) => Field::decode(bit, bytes).map_err(|_| RadiotapError::PresentChain),
            Self::Tlv(kind, data) => Ok(Some(Field::from_tlv(kind, data))),
            Self::Vendor(oui, sub, data) => Ok(Some(Field::Vendor(oui, sub, data))),
        }
    }
}

/// What one namespace says about one antenna.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Antenna {
    /// The antenna's index; none in a namespace that speaks of the frame as a whole.
    pub index: Option<u8>,
    /// Signal in dBm.
    pub signal: Option<i8>,
    /// Noise in dBm.
    pub noise: Option<i8>,
}

/// Signal and noise by antenna, one entry for each namespace that has any.
#[derive(Clone, Debug)]
pub struct Antennas<'a> {
    fields: Fields<'a>,
    current: Antenna,
    namespace: usize,
}

impl<'a> Antennas<'a> {
    pub(super) fn new(fields: Fields<'a>) -> Self {
        Self { fields, current: Antenna::default(), namespace: 0 }
    }

    fn note(&mut self, field: Field<'_>) {
        match field {
            Field::Antenna(index) => self.current.index = Some(index),
            Field::AntennaSignal(dbm) => self.current.signal = Some(dbm),
            Field::AntennaNoise(dbm) => self.current.noise = Some(dbm),
            _ => {}
        }
    }
}

impl Iterator for Antennas<'_> {
    type Item = Antenna;

    fn next(&mut self) -> Option<Antenna> {
        while let Some(Ok(field)) = self.fields.next() {
            let finished = (self.fields.namespace_index() != self.namespace).then_some(self.current);
            if finished.is_some() {
                self.namespace = self.fields.namespace_index();
                self.current = Antenna::default();
            }
            self.note(field);
            if let Some(antenna) = finished.filter(|a| a.signal.is_some() || a.noise.is_some()) {
                return Some(antenna);
            }
        }
        Some(std::mem::take(&mut self.current)).filter(|a| a.signal.is_some() || a.noise.is_some())
    }
}
