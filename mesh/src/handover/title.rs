//! Who owns a virtual AP, and by which right.

use stack::wire::{MacAddr, Reader, Truncated};

use crate::announce::NodeId;
use crate::lease::{Generation, NodeSlot};

/// Which start of a node it is: rises with every start, and is saved before the node says anything. A node that has
/// started anew owns nothing of what it owned before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// How strong a title to a virtual AP is. The higher wins, and that is the order of the packet numbers: the client
/// decides the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Rises with every security association of the client. An owner that completed a handshake with the client after
    /// another took it over under the old key is the one that the client listens to.
    pub sequence: u64,
    /// The generation of the lease; rises with every owner under the same security association.
    pub generation: Generation,
    /// The owner's slot. Two that took over at once differ in it.
    pub slot: NodeSlot,
}

/// "This virtual AP is mine": what an owner tells all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Title {
    /// How strong it is.
    pub rank: Rank,
    /// Whose it is.
    pub owner: NodeId,
    /// Which start of the owner.
    pub incarnation: Incarnation,
    /// The client, where the virtual AP has one.
    pub client: Option<MacAddr>,
}

impl Rank {
    /// The rank after another handshake with the client, all keys being under at least `generation`.
    pub(super) const fn renewed(self, generation: Generation) -> Self {
        Self { sequence: self.sequence.saturating_add(1), generation, slot: self.slot }
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        out.extend(self.sequence.to_le_bytes());
        out.extend(self.generation.number().to_le_bytes());
        out.extend(self.slot.number().to_le_bytes());
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        let (sequence, generation, slot) = (reader.u64_le()?, reader.u16_le()?, reader.u16_le()?);
        let parts = Generation::new(generation).zip(NodeSlot::new(slot));
        Ok(parts.map(|(generation, slot)| Self { sequence, generation, slot }))
    }
}

impl Title {
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        self.rank.emit(out);
        out.extend(self.owner.0.to_le_bytes());
        out.extend(self.incarnation.0.to_le_bytes());
        emit_address(self.client, out);
    }

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        let rank = Rank::parse(reader)?;
        let (owner, incarnation) = (NodeId(reader.u64_le()?), Incarnation(reader.u64_le()?));
        let client = parse_address(reader)?;
        Ok(rank.map(|rank| Self { rank, owner, incarnation, client }))
    }
}

/// An address that may be missing: all zero then, which no station has.
pub(super) fn emit_address(address: Option<MacAddr>, out: &mut Vec<u8>) {
    out.extend(address.unwrap_or(MacAddr::ZERO).octets());
}

pub(super) fn parse_address(reader: &mut Reader<'_>) -> Result<Option<MacAddr>, Truncated> {
    let address = MacAddr(*reader.array()?);
    Ok(Some(address).filter(|address| !address.is_zero()))
}
