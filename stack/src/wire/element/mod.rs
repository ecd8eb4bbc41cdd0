//! Elements: the type-length-value list at the end of management frame bodies (802.11-2020 9.4.2).
//!
//! [`Elements`] walks the bytes as they are and copies nothing. An element whose length runs past the end closes the
//! list: what came before it is still there, and [`Elements::check`] says what is wrong. Of duplicates the first counts.
//! The elements that this project understands are values with a [`TypedElement::parse`] and an
//! [`TypedElement::emit`]; all others remain bytes.

mod id;
mod load;
mod phy_capabilities;
mod protection;
mod rates;
mod rsn;
mod spectrum;
mod ssid;
mod suite;
mod tim;
mod wmm;
mod writer;

pub use id::{ElementId, ElementKind, ExtensionId};
pub use load::{BssLoad, MultipleBssid};
pub use phy_capabilities::{
    EhtCapabilities, EhtOperation, ExtendedCapabilities, HeCapabilities, HeOperation, HtCapabilities,
    HtOperation, RsnExtension, VhtCapabilities, VhtOperation,
};
pub use protection::{FastTransition, ManagementMic, MobilityDomain};
pub use rates::{ExtendedRates, RateEntry, SupportedRates};
pub use rsn::{Pmkids, Rsn, RsnCapabilities, Suites};
pub use spectrum::{
    ChannelSwitch, Country, CountryTriplet, DsParameter, Erp, ExtendedChannelSwitch, PowerConstraint, Quiet,
};
pub use ssid::Ssid;
pub use suite::{AkmSuite, CipherSuite};
pub use tim::{Tim, TimBitmap};
pub use wmm::{AccessCategory, EdcaParameters, Wmm};
pub use writer::{ElementWriter, ElementsBuf};

use std::fmt;

use crate::wire::Truncated;

/// Why a list of elements, or one of them, cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    /// An element says that it is longer than what is left.
    #[error("{id} element at offset {offset} says {need} bytes, {have} follow")]
    Overrun {
        /// The element.
        id: ElementId,
        /// Where it begins in the list.
        offset: usize,
        /// How many bytes it claims.
        need: usize,
        /// How many follow.
        have: usize,
    },
    /// One byte is left after the last element.
    #[error("a stray byte after the last element, at offset {offset}")]
    StrayByte {
        /// Where it stands.
        offset: usize,
    },
    /// What is inside an element is not as it must be.
    #[error("{kind} element: {problem}")]
    Malformed {
        /// The element.
        kind: ElementKind,
        /// What is wrong.
        problem: Problem,
    },
}

/// What is wrong inside an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is too short for its fields.
    #[error("too short: {0}")]
    Truncated(#[from] Truncated),
    /// A field has a value that it must not have.
    #[error("{0}")]
    Value(&'static str),
}

/// An element that is understood: its data, without identifier and length, to a value and back.
pub trait TypedElement<'a>: Sized {
    /// How the element is told from others.
    const KIND: ElementKind;

    /// Reads the data of an element of this kind. Bytes that a later edition appended are no error.
    fn parse(data: &'a [u8]) -> Result<Self, Problem>;

    /// Writes the data to the end of `out`.
    fn emit(&self, out: &mut Vec<u8>);
}

/// One element.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its identifier.
    pub id: ElementId,
    /// The extension identifier of an element with identifier 255 that is not empty.
    pub extension: Option<ExtensionId>,
    /// What follows the identifiers.
    pub data: &'a [u8],
    /// The whole element as it was on the air, from its identifier on.
    pub bytes: &'a [u8],
}

impl<'a> Element<'a> {
    /// What tells it from others. A vendor specific element with fewer than four bytes is just that.
    pub fn kind(&self) -> ElementKind {
        match (self.id, self.extension, self.data) {
            (ElementId::EXTENSION, Some(extension), _) => ElementKind::Extension(extension),
            (ElementId::VENDOR, _, &[a, b, c, vendor_type, ..]) => {
                ElementKind::Vendor([a, b, c], vendor_type)
            }
            (id, _, _) => ElementKind::Id(id),
        }
    }

    /// The value, `None` if it is another element.
    pub fn typed<T: TypedElement<'a>>(&self) -> Option<Result<T, ElementError>> {
        if self.kind() != T::KIND {
            return None;
        }
        let data = if matches!(T::KIND, ElementKind::Vendor(..)) { self.data.get(4..)? } else { self.data };
        Some(T::parse(data).map_err(|problem| ElementError::Malformed { kind: T::KIND, problem }))
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.kind())?;
        self.data.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A list of elements, as bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The elements in these bytes, which may be anything.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes, also those that are no elements.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// One after the other, up to the end or the first that does not fit.
    pub const fn iter(&self) -> ElementIter<'a> {
        ElementIter { bytes: self.0 }
    }

    /// The first element with this identifier.
    pub fn find(&self, id: ElementId) -> Option<Element<'a>> {
        self.iter().find(|element| element.id == id)
    }

    /// The first element with this extension identifier.
    pub fn find_extension(&self, extension: ExtensionId) -> Option<Element<'a>> {
        self.iter().find(|element| element.extension == Some(extension))
    }

    /// The first vendor specific element with this organisation and type.
    pub fn find_vendor(&self, oui: [u8; 3], vendor_type: u8) -> Option<Element<'a>> {
        self.find_kind(ElementKind::Vendor(oui, vendor_type))
    }

    /// The first element of a kind.
    pub fn find_kind(&self, kind: ElementKind) -> Option<Element<'a>> {
        self.iter().find(|element| element.kind() == kind)
    }

    /// The value of the first element of its kind; an error if that one is malformed, even if a good one follows.
    pub fn get<T: TypedElement<'a>>(&self) -> Result<Option<T>, ElementError> {
        self.find_kind(T::KIND).and_then(|element| element.typed()).transpose()
    }

    /// Whether the bytes are elements to the last one.
    pub fn check(&self) -> Result<(), ElementError> {
        let mut iter = self.iter();
        iter.by_ref().for_each(drop);
        let offset = self.0.len() - iter.bytes.len();
        match *iter.bytes {
            [] => Ok(()),
            [_] => Err(ElementError::StrayByte { offset }),
            [id, len, ref rest @ ..] => Err(ElementError::Overrun {
                id: ElementId(id),
                offset,
                need: usize::from(len),
                have: rest.len(),
            }),
        }
    }

    /// The pieces of the first element of a kind: its own data, and if that is as long as an element can be, the data of
    /// the Fragment elements that follow at once (802.11-2020 10.28.12).
    pub fn pieces(&self, kind: ElementKind) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut iter = self.iter();
        let mut next = iter.by_ref().find(|element| element.kind() == kind);
        std::iter::from_fn(move || {
            let element = next?;
            let full = element.bytes.len() == 2 + 255;
            next = if full { iter.next().filter(|element| element.id == ElementId::FRAGMENT) } else { None };
            Some(element.data)
        })
    }

    /// The name of the network, from the SSID element.
    pub fn ssid(&self) -> Option<Ssid<'a>> {
        self.get().ok().flatten()
    }

    /// All rates, of the Supported Rates and the Extended Supported Rates elements.
    pub fn rates(&self) -> impl Iterator<Item = RateEntry> + use<'a> {
        let data = |id| self.find(id).map_or(&[][..], |element| element.data);
        let (first, second) = (data(ElementId::SUPPORTED_RATES), data(ElementId::EXTENDED_RATES));
        first.iter().chain(second).copied().map(RateEntry)
    }
}

impl<'a> IntoIterator for Elements<'a> {
    type Item = Element<'a>;
    type IntoIter = ElementIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// See [`Elements::iter`].
#[derive(Clone, Debug)]
pub struct ElementIter<'a> {
    bytes: &'a [u8],
}

impl<'a> Iterator for ElementIter<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let [id, len, rest @ ..] = self.bytes else {
            return None;
        };
        let data = rest.get(..usize::from(*len))?;
        let (bytes, tail) = self.bytes.split_at_checked(2 + data.len())?;
        self.bytes = tail;
        let id = ElementId(*id);
        Some(match data {
            [extension, data @ ..] if id == ElementId::EXTENSION => {
                Element { id, extension: Some(ExtensionId(*extension)), data, bytes }
            }
            _ => Element { id, extension: None, data, bytes },
        })
    }
}

#[cfg(test)]
mod tests;
