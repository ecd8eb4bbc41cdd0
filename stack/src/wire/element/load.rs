//! Elements about a BSS as a whole: BSS Load, Multiple BSSID.

use super::{ElementId, ElementKind, Elements, Problem, TypedElement};
use crate::wire::Reader;

/// BSS Load (802.11-2020 9.4.2.27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BssLoad {
    /// How many stations are associated.
    pub stations: u16,
    /// How much of the time the channel is busy, of 255.
    pub utilization: u8,
    /// Time that admission control may still give away, in units of 32 microseconds per second.
    pub admission: u16,
}

impl TypedElement<'_> for BssLoad {
    const KIND: ElementKind = ElementKind::Id(ElementId::BSS_LOAD);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        Ok(Self { stations: reader.u16_le()?, utilization: reader.u8()?, admission: reader.u16_le()? })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.stations.to_le_bytes());
        out.push(self.utilization);
        out.extend_from_slice(&self.admission.to_le_bytes());
    }
}

/// Multiple BSSID (802.11-2020 9.4.2.45): profiles of BSSs whose beacons are not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultipleBssid<'a> {
    /// There may be up to 2 to this power BSSIDs.
    pub max_indicator: u8,
    /// Profiles as subelements. They have the form of elements; subelement 0 is a profile, which may go on in the next
    /// Multiple BSSID element.
    pub subelements: Elements<'a>,
}

impl<'a> MultipleBssid<'a> {
    /// The elements of each profile. Nothing is nested deeper than that here.
    pub fn profiles(&self) -> impl Iterator<Item = Elements<'a>> + use<'a> {
        self.subelements
            .iter()
            .filter(|subelement| subelement.id.0 == 0)
            .map(|profile| Elements::new(profile.data))
    }
}

impl<'a> TypedElement<'a> for MultipleBssid<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::MULTIPLE_BSSID);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        Ok(Self { max_indicator: reader.u8()?, subelements: Elements::new(reader.rest()) })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.max_indicator);
        out.extend_from_slice(self.subelements.as_bytes());
    }
}
