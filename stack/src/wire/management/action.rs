//! Action frames: which are understood, and what they say (802.11-2020 9.6).

use super::Action;
use crate::wire::element::Elements;
use crate::wire::names::{by_name, named_values};
use crate::wire::{Reader, ReasonCode, StatusCode};

/// The category of an action frame (802.11-2020 Table 9-51). Every value is possible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Category(pub u8);

named_values! { Category, "Category", "category {}", by_name;
    SPECTRUM_MANAGEMENT = 0, "spectrum management";
    QOS = 1, "QoS";
    BLOCK_ACK = 3, "block ack";
    PUBLIC = 4, "public";
    RADIO_MEASUREMENT = 5, "radio measurement";
    FAST_BSS_TRANSITION = 6, "fast BSS transition";
    HT = 7, "HT";
    SA_QUERY = 8, "SA Query";
    PROTECTED_PUBLIC = 9, "protected dual of public";
    WNM = 10, "WNM";
    UNPROTECTED_WNM = 11, "unprotected WNM";
    TDLS = 12, "TDLS";
    MESH = 13, "mesh";
    MULTIHOP = 14, "multihop";
    SELF_PROTECTED = 15, "self-protected";
    DMG = 16, "DMG";
    WMM = 17, "WMM";
    VHT = 21, "VHT";
    VENDOR_PROTECTED = 126, "vendor specific, protected";
    VENDOR = 127, "vendor specific";
}

impl Category {
    /// Frames of this category are protected once management frame protection is negotiated (802.11-2020 Table 9-51).
    /// What is not known is taken for robust; bit 7 (sent back in error) makes no difference.
    pub const fn is_robust(self) -> bool {
        !matches!(
            Self(self.0 & 0x7f),
            Self::PUBLIC | Self::HT | Self::UNPROTECTED_WNM | Self::SELF_PROTECTED | Self::VENDOR
        )
    }
}

/// What an action frame says, as far as it is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionDetails<'a> {
    /// Asks for a block ack agreement.
    AddBlockAckRequest {
        /// Dialog token.
        token: u8,
        /// Block ack parameters.
        parameters: BlockAckParameters,
        /// Timeout in TU; 0: none.
        timeout: u16,
        /// Starting sequence control: the sequence number in the upper twelve bits.
        starting_sequence: u16,
        /// Elements.
        elements: Elements<'a>,
    },
    /// The answer.
    AddBlockAckResponse {
        /// Dialog token of the request.
        token: u8,
        /// How it ended.
        status: StatusCode,
        /// Block ack parameters.
        parameters: BlockAckParameters,
        /// Timeout in TU; 0: none.
        timeout: u16,
        /// Elements.
        elements: Elements<'a>,
    },
    /// Ends a block ack agreement.
    DeleteBlockAck {
        /// Bit 11: the sender is the originator; bits 12 to 15: the TID.
        parameters: u16,
        /// Why.
        reason: ReasonCode,
        /// Elements.
        elements: Elements<'a>,
    },
    /// Are you still there, with the same keys?
    SaQueryRequest {
        /// To be repeated in the answer.
        transaction: u16,
        /// Elements.
        elements: Elements<'a>,
    },
    /// Yes.
    SaQueryResponse {
        /// That of the request.
        transaction: u16,
        /// Elements.
        elements: Elements<'a>,
    },
    /// Channel switch announcement.
    ChannelSwitch {
        /// Elements: Channel Switch Announcement first.
        elements: Elements<'a>,
    },
    /// WMM: admission of traffic streams.
    Wmm {
        /// 0 ADDTS request, 1 ADDTS response, 2 DELTS.
        action: u8,
        /// Dialog token.
        token: u8,
        /// Status, of a response.
        status: u8,
        /// Elements.
        elements: Elements<'a>,
    },
    /// Public: GAS, extended channel switch and many others.
    Public {
        /// Which.
        action: u8,
        /// What follows.
        fields: &'a [u8],
    },
    /// All others, and those above that are too short.
    Other,
}

/// Block Ack Parameter Set (802.11-2020 9.4.1.13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockAckParameters(pub u16);

impl BlockAckParameters {
    /// Immediate block ack for a TID (0 to 15) with so many buffers (0 to 1023), A-MSDU allowed or not.
    pub const fn new(tid: u8, buffers: u16, amsdu: bool) -> Self {
        Self(amsdu as u16 | 2 | ((tid & 15) as u16) << 2 | (buffers & 0x3ff) << 6)
    }

    /// A-MSDUs may be in it.
    pub const fn amsdu(self) -> bool {
        self.0 & 1 != 0
    }

    /// The TID.
    pub const fn tid(self) -> u8 {
        (self.0 >> 2 & 15) as u8
    }

    /// How many frames the receiver can hold; 0 leaves it open.
    pub const fn buffers(self) -> u16 {
        self.0 >> 6
    }
}

impl<'a> Action<'a> {
    /// The category without bit 7.
    pub const fn kind(&self) -> Category {
        Category(self.category & 0x7f)
    }

    /// The frame was sent back because its receiver did not understand it (802.11-2020 10.28.4).
    pub const fn is_returned(&self) -> bool {
        self.category & 0x80 != 0
    }

    /// What the frame says.
    pub fn parse_details(&self) -> ActionDetails<'a> {
        self.known().unwrap_or(ActionDetails::Other)
    }

    fn known(&self) -> Option<ActionDetails<'a>> {
        let mut reader = Reader::new(self.details);
        let action = reader.u8().ok()?;
        match (Category(self.category), action) {
            (Category::BLOCK_ACK, _) => block_ack(action, reader),
            (Category::SA_QUERY, 0) => Some(ActionDetails::SaQueryRequest {
                transaction: reader.u16_le().ok()?,
                elements: Elements::new(reader.rest()),
            }),
            (Category::SA_QUERY, 1) => Some(ActionDetails::SaQueryResponse {
                transaction: reader.u16_le().ok()?,
                elements: Elements::new(reader.rest()),
            }),
            (Category::SPECTRUM_MANAGEMENT, 4) => {
                Some(ActionDetails::ChannelSwitch { elements: Elements::new(reader.rest()) })
            }
            (Category::WMM, _) => Some(ActionDetails::Wmm {
                action,
                token: reader.u8().ok()?,
                status: reader.u8().ok()?,
                elements: Elements::new(reader.rest()),
            }),
            (Category::PUBLIC, _) => Some(ActionDetails::Public { action, fields: reader.rest() }),
            _ => None,
        }
    }
}

fn block_ack<'a>(action: u8, mut reader: Reader<'a>) -> Option<ActionDetails<'a>> {
    match action {
        0 => Some(ActionDetails::AddBlockAckRequest {
            token: reader.u8().ok()?,
            parameters: BlockAckParameters(reader.u16_le().ok()?),
            timeout: reader.u16_le().ok()?,
            starting_sequence: reader.u16_le().ok()?,
            elements: Elements::new(reader.rest()),
        }),
        1 => Some(ActionDetails::AddBlockAckResponse {
            token: reader.u8().ok()?,
            status: StatusCode(reader.u16_le().ok()?),
            parameters: BlockAckParameters(reader.u16_le().ok()?),
            timeout: reader.u16_le().ok()?,
            elements: Elements::new(reader.rest()),
        }),
        2 => Some(ActionDetails::DeleteBlockAck {
            parameters: reader.u16_le().ok()?,
            reason: ReasonCode(reader.u16_le().ok()?),
            elements: Elements::new(reader.rest()),
        }),
        _ => None,
    }
}

impl ActionDetails<'_> {
    /// Writes a whole body, from its category on. `Other` says nothing, so nothing is written.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match *self {
            Self::AddBlockAckRequest { token, parameters, timeout, starting_sequence, elements } => {
                out.extend_from_slice(&[Category::BLOCK_ACK.0, 0, token]);
                emit_words(&[parameters.0, timeout, starting_sequence], elements, out);
            }
            Self::AddBlockAckResponse { token, status, parameters, timeout, elements } => {
                out.extend_from_slice(&[Category::BLOCK_ACK.0, 1, token]);
                emit_words(&[status.0, parameters.0, timeout], elements, out);
            }
            Self::DeleteBlockAck { parameters, reason, elements } => {
                out.extend_from_slice(&[Category::BLOCK_ACK.0, 2]);
                emit_words(&[parameters, reason.0], elements, out);
            }
            Self::SaQueryRequest { transaction, elements } => {
                out.extend_from_slice(&[Category::SA_QUERY.0, 0]);
                emit_words(&[transaction], elements, out);
            }
            Self::SaQueryResponse { transaction, elements } => {
                out.extend_from_slice(&[Category::SA_QUERY.0, 1]);
                emit_words(&[transaction], elements, out);
            }
            Self::ChannelSwitch { elements } => {
                out.extend_from_slice(&[Category::SPECTRUM_MANAGEMENT.0, 4]);
                out.extend_from_slice(elements.as_bytes());
            }
            Self::Wmm { action, token, status, elements } => {
                out.extend_from_slice(&[Category::WMM.0, action, token, status]);
                out.extend_from_slice(elements.as_bytes());
            }
            Self::Public { action, fields } => {
                out.extend_from_slice(&[Category::PUBLIC.0, action]);
                out.extend_from_slice(fields);
            }
            Self::Other => {}
        }
    }
}

fn emit_words(words: &[u16], elements: Elements<'_>, out: &mut Vec<u8>) {
    words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    out.extend_from_slice(elements.as_bytes());
}
