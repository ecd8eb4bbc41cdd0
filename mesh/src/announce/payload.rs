//! What is announced. Many items go into one message: a row signs only two.
//!
//! ```text
//! sequence u64 | { kind u8 | length u8 | body } ...
//!
//! kind 1, claim:  client [6] | vlan u16 | node u64 | generation u16 | sequence u64 | ttl, ms u32 | SA binding [16]
//! kind 2, load:   radio u8 | frequency, MHz u16 | busy, per mille u16 | clients u16
//! kind 3, signal: client [6] | radio u8 | signal, dBm i8 | age, ms u16
//! ```
//! Kinds that are not known are passed over. There is no kind for a context or a key, and there will be none: what is
//! announced is signed but not secret.

use std::time::Duration;

use stack::wire::{MacAddr, Reader, Truncated};

use super::NodeId;
use super::refusal::Refusal;
use super::wire::MAX_PAYLOAD;
use crate::lease::Generation;

/// Which security association a claim rests on: the first 16 bytes of SHA-256 over its temporal key and a label, so
/// that nobody can claim a client whose key they do not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaBinding(pub [u8; 16]);

impl SaBinding {
    /// What a station on the wire has in its place.
    pub const WIRED: Self = Self([0; 16]);
}

/// "This client is on my port now."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The client's address.
    pub client: MacAddr,
    /// The VLAN it is in, 0 for none, at most 4094.
    pub vlan: u16,
    /// Who has it: always the node that announces.
    pub node: NodeId,
    /// The generation of the lease under which it is served; within one security association the higher wins.
    pub generation: Generation,
    /// Counts the client's security associations; the later wins.
    pub sequence: u64,
    /// How long it holds, in milliseconds on the wire.
    pub ttl: Duration,
    /// The security association it rests on.
    pub sa: SaBinding,
}

/// How busy a radio is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The radio's number at its node.
    pub radio: u8,
    /// Centre of its primary channel, in MHz.
    pub frequency: u16,
    /// Share of time the channel is busy, per mille.
    pub busy: u16,
    /// How many clients it serves.
    pub clients: u16,
}

/// How well a radio hears a client, served by whom it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The client's address.
    pub client: MacAddr,
    /// The radio's number at its node.
    pub radio: u8,
    /// Signal, in dBm.
    pub dbm: i8,
    /// How long ago, in milliseconds.
    pub age: u16,
}

/// One thing announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A client is on this node's port.
    Claim(Claim),
    /// A radio's load.
    Load(Load),
    /// A radio hears a client.
    Signal(Signal),
}

/// A payload that cannot be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// More than fits.
    #[error("more items than fit one announcement of {MAX_PAYLOAD} bytes")]
    TooLong,
    /// A claim in another node's name.
    #[error("a node claims only for itself")]
    ForeignClaim,
    /// A claim in a VLAN that there cannot be.
    #[error("VLANs are 0 to {MAX_VLAN}")]
    NoVlan,
}

/// 4095 is reserved (802.1Q-2018 9.6).
const MAX_VLAN: u16 = 4094;

const CLAIM: u8 = 1;
const LOAD: u8 = 2;
const SIGNAL: u8 = 3;

impl Item {
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend([self.kind(), 0]);
        match self {
            Self::Claim(claim) => claim.emit(out),
            Self::Load(load) => {
                out.push(load.radio);
                [load.frequency, load.busy, load.clients]
                    .iter()
                    .for_each(|value| out.extend(value.to_le_bytes()));
            }
            Self::Signal(signal) => {
                out.extend(signal.client.octets());
                out.extend([signal.radio, signal.dbm.cast_unsigned()]);
                out.extend(signal.age.to_le_bytes());
            }
        }
        let len = u8::try_from(out.len() - at - 2).unwrap_or(u8::MAX);
        if let Some(field) = out.get_mut(at + 1) {
            *field = len;
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Claim(_) => CLAIM,
            Self::Load(_) => LOAD,
            Self::Signal(_) => SIGNAL,
        }
    }

    /// The item of this kind; `Ok(None)` if nobody knows it.
    fn parse(kind: u8, body: &[u8]) -> Result<Option<Self>, Refusal> {
        let mut reader = Reader::new(body);
        let item = match kind {
            CLAIM => Self::Claim(Claim::parse(&mut reader)?),
            LOAD => Self::Load(Load::parse(&mut reader).map_err(|_| Refusal::BadPayload)?),
            SIGNAL => Self::Signal(Signal::parse(&mut reader).map_err(|_| Refusal::BadPayload)?),
            _ => return Ok(None),
        };
        if reader.is_empty() { Ok(Some(item)) } else { Err(Refusal::BadPayload) }
    }
}

impl Claim {
    /// It is of a station on the wire.
    pub fn is_wired(&self) -> bool {
        self.sa == SaBinding::WIRED
    }

    /// `node` may announce it.
    fn check(&self, node: NodeId) -> Result<(), PayloadError> {
        if self.node != node {
            return Err(PayloadError::ForeignClaim);
        }
        if self.vlan > MAX_VLAN { Err(PayloadError::NoVlan) } else { Ok(()) }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend(self.client.octets());
        out.extend(self.vlan.to_le_bytes());
        out.extend(self.node.0.to_le_bytes());
        out.extend(self.generation.number().to_le_bytes());
        out.extend(self.sequence.to_le_bytes());
        out.extend(u32::try_from(self.ttl.as_millis()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(self.sa.0);
    }

    fn parse(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let fields = |reader: &mut Reader<'_>| -> Result<_, Truncated> {
            let (client, vlan) = (MacAddr(*reader.array()?), reader.u16_le()?);
            let (node, generation) = (NodeId(reader.u64_le()?), reader.u16_le()?);
            let (sequence, ttl) = (reader.u64_le()?, Duration::from_millis(reader.u32_le()?.into()));
            Ok((client, vlan, node, generation, sequence, ttl, SaBinding(*reader.array()?)))
        };
        let (client, vlan, node, generation, sequence, ttl, sa) =
            fields(reader).map_err(|_| Refusal::BadPayload)?;
        let generation = Generation::new(generation).ok_or(Refusal::BadPayload)?;
        if vlan > MAX_VLAN {
            return Err(Refusal::BadPayload);
        }
        Ok(Self { client, vlan, node, generation, sequence, ttl, sa })
    }
}

impl Load {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        let radio = reader.u8()?;
        Ok(Self { radio, frequency: reader.u16_le()?, busy: reader.u16_le()?, clients: reader.u16_le()? })
    }
}

impl Signal {
    fn parse(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        let client = MacAddr(*reader.array()?);
        Ok(Self { client, radio: reader.u8()?, dbm: reader.u8()?.cast_signed(), age: reader.u16_le()? })
    }
}

/// A payload that has been read: its sequence number and its items.
#[derive(Clone, Debug)]
pub struct Payload<'a> {
    /// Rises with every announcement of an epoch.
    pub sequence: u64,
    /// What is announced.
    pub items: Items<'a>,
}

impl<'a> Payload<'a> {
    /// Appends a payload of `node`.
    pub(super) fn emit(
        node: NodeId,
        sequence: u64,
        items: &[Item],
        out: &mut Vec<u8>,
    ) -> Result<(), PayloadError> {
        let at = out.len();
        out.extend(sequence.to_le_bytes());
        for item in items {
            if let Item::Claim(claim) = item {
                claim.check(node)?;
            }
            item.emit(out);
        }
        if out.len() - at > MAX_PAYLOAD { Err(PayloadError::TooLong) } else { Ok(()) }
    }

    /// Reads a payload and checks every item in it; a claim has to be for `node`, which sent it.
    pub(super) fn parse(bytes: &'a [u8], node: NodeId) -> Result<Self, Refusal> {
        let mut reader = Reader::new(bytes);
        let sequence = reader.u64_le().map_err(|_| Refusal::BadPayload)?;
        let items = Items(reader);
        let mut check = items.clone();
        while let Some(item) = check.read()? {
            if matches!(item, Some(Item::Claim(claim)) if claim.node != node) {
                return Err(Refusal::ForeignClaim);
            }
        }
        Ok(Self { sequence, items })
    }
}

/// The items of a payload, one after the other.
#[derive(Clone, Debug)]
pub struct Items<'a>(Reader<'a>);

impl<'a> Items<'a> {
    /// Items outside of an announcement.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }

    /// The same items, if every one of them can be read.
    pub(crate) fn checked(self) -> Option<Self> {
        let mut check = self.clone();
        while check.read().ok()?.is_some() {}
        Some(self)
    }
}

impl Items<'_> {
    /// The next item, `Some(None)` for one of a kind that is not known; `None` at the end.
    fn read(&mut self) -> Result<Option<Option<Item>>, Refusal> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let kind = self.0.u8().map_err(|_| Refusal::BadPayload)?;
        let len = self.0.u8().map_err(|_| Refusal::BadPayload)?;
        let body = self.0.take(len.into()).map_err(|_| Refusal::BadPayload)?;
        Item::parse(kind, body).map(Some)
    }
}

impl Iterator for Items<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.read().ok()?? {
                return Some(item);
            }
        }
    }
}
