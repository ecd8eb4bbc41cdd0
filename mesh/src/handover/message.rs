//! What nodes say to each other about a virtual AP.
//!
//! ```text
//! kind u8 | BSSID [6] | body
//!
//!  1 copy      rank | order u8 | version u32 | context        owner -> guard
//!  2 copied    version u32 | generation u16                   guard -> owner, once its journal is synced; the
//!              generation is the highest that it may have used
//!  3 forget    -                                              owner -> guard
//!  4 prepare   id u64 | rank | radio | keys                   owner -> new
//!  5 ready     id u64 | generation u16                        new -> owner
//!  6 refuse    id u64                                         new -> owner: it has not begun and will not
//!  7 commit    id u64 | rank | context                        owner, which has stopped -> new
//!  8 took      id u64 | title                                 new -> owner before
//!  9 title     title                                          anyone -> all, or one whose title is lower
//! 10 yield     rank | context                                 owner before -> owner
//! 11 stray     rank | frame                                   whoever has it -> owner
//! 12 move      rank | node u64 | radio                        anyone -> owner
//! 13 ask       keys                                           owner -> one that has started anew
//! 14 used      generation u16                                 the answer, if it is not 0: the highest that it may have used
//!
//! rank     sequence u64 | generation u16 | slot u16
//! title    rank | owner u64 | incarnation u64 | client [6], zero for none
//! context  client [6] | vlan u16 | SA binding [16] | keys | length u32 | bytes
//! keys     count u8 | { key id [16] | generation u16 } ...
//! frame    length u32 | bytes
//! radio    u8, the one of the new owner that is to have it; 255: whichever it likes
//! ```
//! All numbers are little-endian. Bytes after a message are an error, so is a kind that is not known: the version in
//! front of every packet (see `link`) changes when there are new ones.

use stack::wire::{MacAddr, Reader, Truncated};

use super::context::{emit_bytes, emit_keys, parse_bytes, parse_keys};
use super::{Context, RadioIndex, Rank, SecretBytes, Title};
use crate::announce::NodeId;
use crate::lease::{Generation, KeyId};

/// Names an attempt to move, among those of one start of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MoveId(pub(super) u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Copy {
        rank: Rank,
        order: u8,
        version: u32,
        context: Context,
    },
    Copied {
        version: u32,
        highest: Generation,
    },
    Forget,
    Prepare {
        id: MoveId,
        rank: Rank,
        radio: Option<RadioIndex>,
        keys: Vec<(KeyId, Generation)>,
    },
    Ready {
        id: MoveId,
        generation: Generation,
    },
    Refuse {
        id: MoveId,
    },
    Commit {
        id: MoveId,
        rank: Rank,
        context: Context,
    },
    Took {
        id: MoveId,
        title: Title,
    },
    Title(Title),
    Yield {
        rank: Rank,
        context: Context,
    },
    Stray {
        rank: Rank,
        frame: SecretBytes,
    },
    /// `rank` is that of the title because of which the receiver is asked.
    Move {
        rank: Rank,
        to: NodeId,
        radio: Option<RadioIndex>,
    },
    Ask {
        keys: Vec<(KeyId, Generation)>,
    },
    Used {
        highest: Generation,
    },
}

mod kind {
    pub(super) const COPY: u8 = 1;
    pub(super) const COPIED: u8 = 2;
    pub(super) const FORGET: u8 = 3;
    pub(super) const PREPARE: u8 = 4;
    pub(super) const READY: u8 = 5;
    pub(super) const REFUSE: u8 = 6;
    pub(super) const COMMIT: u8 = 7;
    pub(super) const TOOK: u8 = 8;
    pub(super) const TITLE: u8 = 9;
    pub(super) const YIELD: u8 = 10;
    pub(super) const STRAY: u8 = 11;
    pub(super) const MOVE: u8 = 12;
    pub(super) const ASK: u8 = 13;
    pub(super) const USED: u8 = 14;
}

impl Message {
    const fn kind(&self) -> u8 {
        match self {
            Self::Copy { .. } => kind::COPY,
            Self::Copied { .. } => kind::COPIED,
            Self::Forget => kind::FORGET,
            Self::Prepare { .. } => kind::PREPARE,
            Self::Ready { .. } => kind::READY,
            Self::Refuse { .. } => kind::REFUSE,
            Self::Commit { .. } => kind::COMMIT,
            Self::Took { .. } => kind::TOOK,
            Self::Title(_) => kind::TITLE,
            Self::Yield { .. } => kind::YIELD,
            Self::Stray { .. } => kind::STRAY,
            Self::Move { .. } => kind::MOVE,
            Self::Ask { .. } => kind::ASK,
            Self::Used { .. } => kind::USED,
        }
    }

    pub(super) fn encode(&self, bssid: MacAddr) -> SecretBytes {
        let mut out = Vec::with_capacity(self.size());
        out.push(self.kind());
        out.extend(bssid.octets());
        self.emit(&mut out);
        out.into()
    }

    /// At least as many bytes as it takes, so that no secret is left behind where a buffer grew.
    fn size(&self) -> usize {
        const FIXED: usize = 512;
        FIXED
            + match self {
                Self::Copy { context, .. } | Self::Commit { context, .. } | Self::Yield { context, .. } => {
                    context.bytes.expose().len()
                }
                Self::Stray { frame, .. } => frame.expose().len(),
                _ => 0,
            }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Copy { rank, order, version, context } => {
                rank.emit(out);
                out.push(*order);
                out.extend(version.to_le_bytes());
                context.emit(out);
            }
            Self::Copied { version, highest } => {
                out.extend(version.to_le_bytes());
                out.extend(highest.number().to_le_bytes());
            }
            Self::Forget => {}
            Self::Prepare { id, rank, radio, keys } => {
                id.emit(out);
                rank.emit(out);
                out.push(RadioIndex::number(*radio));
                emit_keys(keys, out);
            }
            Self::Ready { id, generation } => {
                id.emit(out);
                out.extend(generation.number().to_le_bytes());
            }
            Self::Refuse { id } => id.emit(out),
            Self::Commit { id, rank, context } => {
                id.emit(out);
                rank.emit(out);
                context.emit(out);
            }
            Self::Took { id, title } => {
                id.emit(out);
                title.emit(out);
            }
            Self::Title(title) => title.emit(out),
            Self::Yield { rank, context } => {
                rank.emit(out);
                context.emit(out);
            }
            Self::Stray { rank, frame } => {
                rank.emit(out);
                emit_bytes(frame.expose(), out);
            }
            Self::Move { rank, to, radio } => {
                rank.emit(out);
                out.extend(to.0.to_le_bytes());
                out.push(RadioIndex::number(*radio));
            }
            Self::Ask { keys } => emit_keys(keys, out),
            Self::Used { highest } => out.extend(highest.number().to_le_bytes()),
        }
    }

    /// The message and what it is about; `None` if it is none.
    pub(super) fn decode(bytes: &[u8]) -> Option<(MacAddr, Self)> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u8().ok()?;
        let bssid = MacAddr(*reader.array().ok()?);
        let message = Self::parse(kind, &mut reader).ok()??;
        (reader.is_empty() && !bssid.is_group()).then_some((bssid, message))
    }

    fn parse(kind: u8, reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        Ok(match kind {
            kind::COPY => {
                let rank = Rank::parse(reader)?;
                let (order, version) = (reader.u8()?, reader.u32_le()?);
                let both = rank.zip(Context::parse(reader)?);
                both.map(|(rank, context)| Self::Copy { rank, order, version, context })
            }
            kind::COPIED => {
                let version = reader.u32_le()?;
                Generation::new(reader.u16_le()?).map(|highest| Self::Copied { version, highest })
            }
            kind::FORGET => Some(Self::Forget),
            kind::PREPARE => {
                let (id, rank) = (MoveId::parse(reader)?, Rank::parse(reader)?);
                let radio = RadioIndex::new(reader.u8()?);
                rank.zip(parse_keys(reader)?).map(|(rank, keys)| Self::Prepare { id, rank, radio, keys })
            }
            kind::READY => {
                let id = MoveId::parse(reader)?;
                Generation::new(reader.u16_le()?).map(|generation| Self::Ready { id, generation })
            }
            kind::REFUSE => Some(Self::Refuse { id: MoveId::parse(reader)? }),
            kind::COMMIT => {
                let (id, rank) = (MoveId::parse(reader)?, Rank::parse(reader)?);
                rank.zip(Context::parse(reader)?).map(|(rank, context)| Self::Commit { id, rank, context })
            }
            kind::TOOK => {
                let id = MoveId::parse(reader)?;
                Title::parse(reader)?.map(|title| Self::Took { id, title })
            }
            kind::TITLE => Title::parse(reader)?.map(Self::Title),
            kind::YIELD => {
                let rank = Rank::parse(reader)?;
                rank.zip(Context::parse(reader)?).map(|(rank, context)| Self::Yield { rank, context })
            }
            kind::STRAY => {
                let rank = Rank::parse(reader)?;
                let frame = parse_bytes(reader)?;
                rank.map(|rank| Self::Stray { rank, frame })
            }
            kind::MOVE => {
                let (rank, to) = (Rank::parse(reader)?, NodeId(reader.u64_le()?));
                let radio = RadioIndex::new(reader.u8()?);
                rank.map(|rank| Self::Move { rank, to, radio })
            }
            kind::ASK => parse_keys(reader)?.map(|keys| Self::Ask { keys }),
            kind::USED => Generation::new(reader.u16_le()?).map(|highest| Self::Used { highest }),
            _ => None,
        })
    }
}

impl MoveId {
    fn emit(self, out: &mut Vec<u8>) {
        out.extend(self.0.to_le_bytes());
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        reader.u64_le().map(Self)
    }
}
