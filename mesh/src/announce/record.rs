//! Records, signed with Ed25519: what an epoch is, and what a row of it was.

use std::time::Duration;

use stack::wire::Reader;

use super::clock::{ClusterTime, micros};
use super::identity::{Identity, PublicIdentity, SIGNATURE_LEN};
use super::profile::SIGNATURES_PER_ROW;
use super::refusal::Refusal;
use super::schedule::Schedule;
use super::seal::RowHash;
use super::wire::VERSION;
use super::{Epoch, NodeId, Profile, SchemeId};

/// What a node signs about an epoch before it announces anything in it.
///
/// ```text
/// version u8 = 1 | kind u8 = 16 | node u64 | epoch u64 | scheme u8 | t u16 | k u8 | n u16 | s_max u8
/// | period, us u32 | start of row 0, us u64 | rows u32 | clock error, us u32 | hash of row 0 [32] | Ed25519 [64]
/// ```
/// All numbers are little-endian. An epoch without rows has zeros from `t` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// Whose epoch it is.
    pub node: NodeId,
    /// Which one.
    pub epoch: Epoch,
    /// How it signs.
    pub profile: Profile,
    /// When which row signs, and the hash of row 0; `None` if the profile has no rows.
    pub rows: Option<(Schedule, RowHash)>,
}

/// What a node signs about a row that is over, for those who came late or lost much.
///
/// ```text
/// version u8 = 1 | kind u8 = 17 | node u64 | epoch u64 | row u32 | hash of the row [32] | Ed25519 [64]
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRecord {
    /// Whose row it was.
    pub node: NodeId,
    /// In which epoch.
    pub epoch: Epoch,
    /// Its number.
    pub row: u32,
    /// Its hash.
    pub hash: RowHash,
}

/// Something signed as a whole.
pub(super) trait Record: Sized {
    const KIND: u8;
    const TAG: &'static str;

    fn node(&self) -> NodeId;
    fn emit_body(&self, out: &mut Vec<u8>);
    fn parse_body(reader: &mut Reader<'_>) -> Result<Self, Refusal>;

    /// The bytes of the record, signed.
    fn emit(&self, identity: &Identity) -> Vec<u8> {
        let mut out = vec![VERSION, Self::KIND];
        self.emit_body(&mut out);
        let signature = identity.sign(Self::TAG, &out);
        out.extend(signature);
        out
    }
}

/// A record that has been read but not believed.
pub(super) struct Unverified<'a, R> {
    record: R,
    signed: &'a [u8],
    signature: &'a [u8],
}

impl<'a, R: Record> Unverified<'a, R> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let (signed, signature) = bytes
            .len()
            .checked_sub(SIGNATURE_LEN)
            .map(|len| bytes.split_at(len))
            .ok_or(Refusal::Malformed)?;
        let mut reader = Reader::new(signed);
        if reader.u8()? != VERSION {
            return Err(Refusal::UnsupportedVersion);
        }
        if reader.u8()? != R::KIND {
            return Err(Refusal::UnknownScheme);
        }
        let record = R::parse_body(&mut reader)?;
        if !reader.is_empty() {
            return Err(Refusal::Malformed);
        }
        Ok(Self { record, signed, signature })
    }

    /// Whom it says it is from.
    pub(super) fn node(&self) -> NodeId {
        self.record.node()
    }

    /// The record, if `identity` signed it.
    pub(super) fn verify(self, identity: &PublicIdentity) -> Result<R, Refusal> {
        identity.verify(R::TAG, self.signed, self.signature)?;
        Ok(self.record)
    }
}

impl Record for EpochRecord {
    const KIND: u8 = 16;
    const TAG: &'static str = "epoch record";

    fn node(&self) -> NodeId {
        self.node
    }

    fn emit_body(&self, out: &mut Vec<u8>) {
        let profile = self.profile;
        let per_row = if self.rows.is_some() { SIGNATURES_PER_ROW } else { 0 };
        let none =
            Schedule { start: ClusterTime(0), period: Duration::ZERO, clock_error: Duration::ZERO, rows: 0 };
        let (schedule, hash) = self.rows.unwrap_or((none, RowHash([0; 32])));
        out.extend(self.node.0.to_le_bytes());
        out.extend(self.epoch.0.to_le_bytes());
        out.push(profile.scheme() as u8);
        out.extend(profile.seals().to_le_bytes());
        out.push(profile.revealed());
        out.extend(profile.bins().to_le_bytes());
        out.push(per_row);
        out.extend(micros_u32(schedule.period).to_le_bytes());
        out.extend(schedule.start.0.to_le_bytes());
        out.extend(schedule.rows.to_le_bytes());
        out.extend(micros_u32(schedule.clock_error).to_le_bytes());
        out.extend(hash.0);
    }

    fn parse_body(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let (node, epoch) = (NodeId(reader.u64_le()?), Epoch(reader.u64_le()?));
        let scheme = SchemeId::from_number(reader.u8()?).ok_or(Refusal::UnknownScheme)?;
        let parameters = (scheme, reader.u16_le()?, reader.u8()?, reader.u16_le()?);
        let known = Profile::ALL
            .into_iter()
            .find(|known| parameters == (known.scheme(), known.seals(), known.revealed(), known.bins()));
        let profile = known.ok_or(Refusal::ImpossibleRecord)?;
        let per_row = reader.u8()?;
        let period = Duration::from_micros(reader.u32_le()?.into());
        let (start, rows) = (ClusterTime(reader.u64_le()?), reader.u32_le()?);
        let clock_error = Duration::from_micros(reader.u32_le()?.into());
        let schedule = Schedule { start, period, clock_error, rows };
        let hash = RowHash(*reader.array()?);
        let rows = (scheme != SchemeId::Ed25519).then_some((schedule, hash));
        let possible = match rows {
            Some((schedule, _)) => per_row == SIGNATURES_PER_ROW && schedule.is_possible(),
            None => {
                per_row == 0
                    && start.0 == 0
                    && period.is_zero()
                    && schedule.rows == 0
                    && clock_error.is_zero()
            }
        };
        if !possible {
            return Err(Refusal::ImpossibleRecord);
        }
        Ok(Self { node, epoch, profile, rows })
    }
}

fn micros_u32(duration: Duration) -> u32 {
    u32::try_from(micros(duration)).unwrap_or(u32::MAX)
}

impl Record for RowRecord {
    const KIND: u8 = 17;
    const TAG: &'static str = "row record";

    fn node(&self) -> NodeId {
        self.node
    }

    fn emit_body(&self, out: &mut Vec<u8>) {
        out.extend(self.node.0.to_le_bytes());
        out.extend(self.epoch.0.to_le_bytes());
        out.extend(self.row.to_le_bytes());
        out.extend(self.hash.0);
    }

    fn parse_body(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let (node, epoch) = (NodeId(reader.u64_le()?), Epoch(reader.u64_le()?));
        Ok(Self { node, epoch, row: reader.u32_le()?, hash: RowHash(*reader.array()?) })
    }
}
