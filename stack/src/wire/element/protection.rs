//! Elements of protection and roaming: Management MIC, Mobility Domain, Fast BSS Transition.

use super::{ElementId, ElementKind, Problem, TypedElement};
use crate::wire::Reader;

/// Management MIC (802.11-2020 9.4.2.54), at the end of group-addressed management frames and of beacons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ManagementMic<'a> {
    /// Key identifier: 4 or 5 of an IGTK, 6 or 7 of a BIGTK.
    pub key_id: u16,
    /// Packet number, lowest byte first.
    pub packet_number: [u8; 6],
    /// The MIC, 8 or 16 bytes.
    pub mic: &'a [u8],
}

impl<'a> TypedElement<'a> for ManagementMic<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::MANAGEMENT_MIC);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        let (key_id, packet_number) = (reader.u16_le()?, *reader.array()?);
        match reader.remaining() {
            8 | 16 => Ok(Self { key_id, packet_number, mic: reader.rest() }),
            _ => Err(Problem::Value("a MIC of neither 8 nor 16 bytes")),
        }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key_id.to_le_bytes());
        out.extend_from_slice(&self.packet_number);
        out.extend_from_slice(self.mic);
    }
}

/// Mobility Domain (802.11-2020 9.4.2.46).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MobilityDomain {
    /// The domain's identifier.
    pub identifier: [u8; 2],
    /// Bit 0: over the distribution system; bit 1: resource requests.
    pub capabilities: u8,
}

impl TypedElement<'_> for MobilityDomain {
    const KIND: ElementKind = ElementKind::Id(ElementId::MOBILITY_DOMAIN);

    fn parse(data: &[u8]) -> Result<Self, Problem> {
        let &[first, second, capabilities] = Reader::new(data).array()?;
        Ok(Self { identifier: [first, second], capabilities })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.identifier);
        out.push(self.capabilities);
    }
}

/// Fast BSS Transition (802.11-2020 9.4.2.47) with a MIC of 16 bytes. The subelements are kept as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastTransition<'a> {
    /// MIC Control; the upper byte counts the elements that the MIC is over.
    pub mic_control: u16,
    /// The MIC.
    pub mic: &'a [u8; 16],
    /// The authenticator's nonce.
    pub anonce: &'a [u8; 32],
    /// The station's nonce.
    pub snonce: &'a [u8; 32],
    /// Subelements: identifier, length, data.
    pub subelements: &'a [u8],
}

impl<'a> TypedElement<'a> for FastTransition<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::FAST_BSS_TRANSITION);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        Ok(Self {
            mic_control: reader.u16_le()?,
            mic: reader.array()?,
            anonce: reader.array()?,
            snonce: reader.array()?,
            subelements: reader.rest(),
        })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mic_control.to_le_bytes());
        out.extend_from_slice(self.mic);
        out.extend_from_slice(self.anonce);
        out.extend_from_slice(self.snonce);
        out.extend_from_slice(self.subelements);
    }
}
