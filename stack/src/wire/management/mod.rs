//! The bodies of management frames (802.11-2020 9.3.3).
//!
//! Each body is a value of a few fixed fields and the [`Elements`] that follow, borrowed. It is read with
//! [`ManagementBody::parse`] and written with its `emit`; to build one, give it elements from an
//! [`ElementsBuf`](crate::wire::element::ElementsBuf), or none and write them after it.

mod action;
mod authentication;

pub use action::{ActionDetails, BlockAckParameters, Category};
pub use authentication::{Algorithm, Authentication, SaeCommit, SaeConfirm};

use crate::wire::element::Elements;
use crate::wire::frame::ManagementFrame;
use crate::wire::{
    AssociationId, Capabilities, FrameKind, MacAddr, Reader, ReasonCode, StatusCode, Truncated,
};

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The fixed fields do not fit.
    #[error("{kind} body: {truncated}")]
    Truncated {
        /// The kind of frame.
        kind: FrameKind,
        /// Where it ends.
        truncated: Truncated,
    },
    /// It is encrypted.
    #[error("the body of this {0} frame is encrypted")]
    Protected(FrameKind),
}

/// The body of a management frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementBody<'a> {
    /// A station asks to join.
    AssociationRequest(AssociationRequest<'a>),
    /// The answer.
    AssociationResponse(AssociationResponse<'a>),
    /// A station asks to move here.
    ReassociationRequest(ReassociationRequest<'a>),
    /// The answer.
    ReassociationResponse(AssociationResponse<'a>),
    /// Who is there?
    ProbeRequest(ProbeRequest<'a>),
    /// The answer, with the fields of a beacon.
    ProbeResponse(Beacon<'a>),
    /// A BSS announces itself.
    Beacon(Beacon<'a>),
    /// In an IBSS: frames are buffered for the receiver. It has no body.
    Atim(&'a [u8]),
    /// The end of an association.
    Disassociation(Leave<'a>),
    /// A step of an authentication exchange.
    Authentication(Authentication<'a>),
    /// The end of an authentication.
    Deauthentication(Leave<'a>),
    /// An action frame.
    Action(Action<'a>),
    /// An action frame that is not acknowledged.
    ActionNoAck(Action<'a>),
    /// Timing Advertisement and reserved subtypes: recognised, kept whole.
    Other(FrameKind, &'a [u8]),
}

impl<'a> ManagementBody<'a> {
    /// Reads the body of a frame of this kind, not encrypted. The elements are not looked at.
    pub fn parse(kind: FrameKind, body: &'a [u8]) -> Result<Self, BodyError> {
        Self::read(kind, Reader::new(body)).map_err(|truncated| BodyError::Truncated { kind, truncated })
    }

    fn read(kind: FrameKind, mut reader: Reader<'a>) -> Result<Self, Truncated> {
        let reader = &mut reader;
        Ok(match kind {
            FrameKind::ASSOCIATION_REQUEST => Self::AssociationRequest(AssociationRequest::read(reader)?),
            FrameKind::ASSOCIATION_RESPONSE => Self::AssociationResponse(AssociationResponse::read(reader)?),
            FrameKind::REASSOCIATION_REQUEST => {
                Self::ReassociationRequest(ReassociationRequest::read(reader)?)
            }
            FrameKind::REASSOCIATION_RESPONSE => {
                Self::ReassociationResponse(AssociationResponse::read(reader)?)
            }
            FrameKind::PROBE_REQUEST => Self::ProbeRequest(ProbeRequest { elements: rest(reader) }),
            FrameKind::PROBE_RESPONSE => Self::ProbeResponse(Beacon::read(reader)?),
            FrameKind::BEACON => Self::Beacon(Beacon::read(reader)?),
            FrameKind::ATIM => Self::Atim(reader.rest()),
            FrameKind::DISASSOCIATION => Self::Disassociation(Leave::read(reader)?),
            FrameKind::AUTHENTICATION => Self::Authentication(Authentication::read(reader)?),
            FrameKind::DEAUTHENTICATION => Self::Deauthentication(Leave::read(reader)?),
            FrameKind::ACTION => Self::Action(Action::read(reader)?),
            FrameKind::ACTION_NO_ACK => Self::ActionNoAck(Action::read(reader)?),
            _ => Self::Other(kind, reader.rest()),
        })
    }

    /// The kind of frame that has such a body.
    pub const fn kind(&self) -> FrameKind {
        match self {
            Self::AssociationRequest(_) => FrameKind::ASSOCIATION_REQUEST,
            Self::AssociationResponse(_) => FrameKind::ASSOCIATION_RESPONSE,
            Self::ReassociationRequest(_) => FrameKind::REASSOCIATION_REQUEST,
            Self::ReassociationResponse(_) => FrameKind::REASSOCIATION_RESPONSE,
            Self::ProbeRequest(_) => FrameKind::PROBE_REQUEST,
            Self::ProbeResponse(_) => FrameKind::PROBE_RESPONSE,
            Self::Beacon(_) => FrameKind::BEACON,
            Self::Atim(_) => FrameKind::ATIM,
            Self::Disassociation(_) => FrameKind::DISASSOCIATION,
            Self::Authentication(_) => FrameKind::AUTHENTICATION,
            Self::Deauthentication(_) => FrameKind::DEAUTHENTICATION,
            Self::Action(_) => FrameKind::ACTION,
            Self::ActionNoAck(_) => FrameKind::ACTION_NO_ACK,
            Self::Other(kind, _) => *kind,
        }
    }

    /// The elements; bodies that are not known to have any have none.
    pub fn elements(&self) -> Elements<'a> {
        match self {
            Self::AssociationRequest(body) => body.elements,
            Self::AssociationResponse(body) | Self::ReassociationResponse(body) => body.elements,
            Self::ReassociationRequest(body) => body.elements,
            Self::ProbeRequest(body) => body.elements,
            Self::ProbeResponse(body) | Self::Beacon(body) => body.elements,
            Self::Disassociation(body) | Self::Deauthentication(body) => body.elements,
            Self::Authentication(body) => body.elements().unwrap_or_default(),
            Self::Atim(_) | Self::Action(_) | Self::ActionNoAck(_) | Self::Other(..) => Elements::default(),
        }
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::AssociationRequest(body) => body.emit(out),
            Self::AssociationResponse(body) | Self::ReassociationResponse(body) => body.emit(out),
            Self::ReassociationRequest(body) => body.emit(out),
            Self::ProbeRequest(body) => body.emit(out),
            Self::ProbeResponse(body) | Self::Beacon(body) => body.emit(out),
            Self::Disassociation(body) | Self::Deauthentication(body) => body.emit(out),
            Self::Authentication(body) => body.emit(out),
            Self::Action(body) | Self::ActionNoAck(body) => body.emit(out),
            Self::Atim(body) | Self::Other(_, body) => out.extend_from_slice(body),
        }
    }
}

impl<'a> ManagementFrame<'a> {
    /// Reads the body, unless it is encrypted.
    pub fn parse_body(&self) -> Result<ManagementBody<'a>, BodyError> {
        if self.frame_control().protected() {
            return Err(BodyError::Protected(self.kind()));
        }
        ManagementBody::parse(self.kind(), self.body())
    }
}

/// Beacon and probe response (802.11-2020 9.3.3.2, 9.3.3.10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beacon<'a> {
    /// The TSF timer of the sender, in microseconds.
    pub timestamp: u64,
    /// Beacon interval, in TU.
    pub interval: u16,
    /// Capabilities.
    pub capabilities: Capabilities,
    /// Elements.
    pub elements: Elements<'a>,
}

impl<'a> Beacon<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Truncated> {
        Ok(Self {
            timestamp: reader.u64_le()?,
            interval: reader.u16_le()?,
            capabilities: Capabilities(reader.u16_le()?),
            elements: rest(reader),
        })
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.to_le_bytes());
        out.extend_from_slice(&self.interval.to_le_bytes());
        out.extend_from_slice(&self.capabilities.0.to_le_bytes());
        out.extend_from_slice(self.elements.as_bytes());
    }
}

/// Probe request (802.11-2020 9.3.3.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeRequest<'a> {
    /// Elements.
    pub elements: Elements<'a>,
}

impl ProbeRequest<'_> {
    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.elements.as_bytes());
    }
}

/// Association request (802.11-2020 9.3.3.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssociationRequest<'a> {
    /// Capabilities.
    pub capabilities: Capabilities,
    /// How often a dozing station wakes at least, in beacon intervals; 0: it does not doze.
    pub listen_interval: u16,
    /// Elements.
    pub elements: Elements<'a>,
}

impl<'a> AssociationRequest<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Truncated> {
        Ok(Self {
            capabilities: Capabilities(reader.u16_le()?),
            listen_interval: reader.u16_le()?,
            elements: rest(reader),
        })
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.capabilities.0.to_le_bytes());
        out.extend_from_slice(&self.listen_interval.to_le_bytes());
        out.extend_from_slice(self.elements.as_bytes());
    }
}

/// Reassociation request (802.11-2020 9.3.3.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReassociationRequest<'a> {
    /// Capabilities.
    pub capabilities: Capabilities,
    /// How often a dozing station wakes at least, in beacon intervals; 0: it does not doze.
    pub listen_interval: u16,
    /// The AP that the station is associated with so far.
    pub current_ap: MacAddr,
    /// Elements.
    pub elements: Elements<'a>,
}

impl<'a> ReassociationRequest<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Truncated> {
        Ok(Self {
            capabilities: Capabilities(reader.u16_le()?),
            listen_interval: reader.u16_le()?,
            current_ap: MacAddr(*reader.array()?),
            elements: rest(reader),
        })
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.capabilities.0.to_le_bytes());
        out.extend_from_slice(&self.listen_interval.to_le_bytes());
        out.extend_from_slice(&self.current_ap.octets());
        out.extend_from_slice(self.elements.as_bytes());
    }
}

/// Association and reassociation response (802.11-2020 9.3.3.6, 9.3.3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssociationResponse<'a> {
    /// Capabilities.
    pub capabilities: Capabilities,
    /// How the request ended.
    pub status: StatusCode,
    /// The station's association ID; of a refusal it means nothing.
    pub aid: AssociationId,
    /// Elements.
    pub elements: Elements<'a>,
}

impl<'a> AssociationResponse<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Truncated> {
        Ok(Self {
            capabilities: Capabilities(reader.u16_le()?),
            status: StatusCode(reader.u16_le()?),
            aid: AssociationId(reader.u16_le()?),
            elements: rest(reader),
        })
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.capabilities.0.to_le_bytes());
        out.extend_from_slice(&self.status.0.to_le_bytes());
        out.extend_from_slice(&self.aid.0.to_le_bytes());
        out.extend_from_slice(self.elements.as_bytes());
    }
}

/// Disassociation and deauthentication (802.11-2020 9.3.3.4, 9.3.3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave<'a> {
    /// Why.
    pub reason: ReasonCode,
    /// Elements: vendor specific ones, and a Management MIC if the frame is protected as a group-addressed one.
    pub elements: Elements<'a>,
}

impl<'a> Leave<'a> {
    /// For this reason, without elements.
    pub fn new(reason: ReasonCode) -> Self {
        Self { reason, elements: Elements::default() }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Truncated> {
        Ok(Self { reason: ReasonCode(reader.u16_le()?), elements: rest(reader) })
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.reason.0.to_le_bytes());
        out.extend_from_slice(self.elements.as_bytes());
    }
}

/// Action and action no ack (802.11-2020 9.3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action<'a> {
    /// The category; bit 7 says that the rest is a frame sent back because it was not understood.
    pub category: u8,
    /// What follows the category.
    pub details: &'a [u8],
}

impl<'a> Action<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Truncated> {
        Ok(Self { category: reader.u8()?, details: reader.rest() })
    }

    /// Writes the body.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.push(self.category);
        out.extend_from_slice(self.details);
    }
}

const fn rest<'a>(reader: &mut Reader<'a>) -> Elements<'a> {
    Elements::new(reader.rest())
}

#[cfg(test)]
mod tests;
