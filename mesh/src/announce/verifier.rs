//! The side that listens.

use std::collections::BTreeMap;
use std::time::Duration;

use stack::time::Instant;
use stack::wire::Reader;

use super::clock::{ClockWatch, Reading};
use super::heads::{Heads, Revealed};
use super::payload::Payload;
use super::record::{Record, Unverified};
use super::refusal::{Refusal, RefusalCounts};
use super::schedule::Schedule;
use super::scheme::{Place, RowScheme, Scheme};
use super::seal::{Domain, RowHash, SealRow};
use super::wire::{Header, parse_rest};
use super::{Ed25519, Epoch, EpochRecord, NodeId, PublicIdentity, RowRecord};

/// Epochs known of one node: the one it is in, and the one it goes over to.
const EPOCHS_PER_NODE: usize = 2;

/// An announcement that is authentic, of now, and new.
#[derive(Clone, Debug)]
pub struct Announcement<'a> {
    /// Who said it, when.
    pub place: Place,
    /// What.
    pub payload: Payload<'a>,
}

/// Checks announcements of the nodes it trusts, and counts what it refuses.
///
/// It keeps about 20 kB for each epoch of a node with profile B16 or H16, and two epochs of a node at most.
#[derive(Debug)]
pub struct Verifier {
    most_nodes: usize,
    nodes: BTreeMap<NodeId, Node>,
    clock: ClockWatch,
    /// For records and for announcements: neither can starve the other.
    records: Budget,
    fallback: Budget,
    refusals: RefusalCounts,
}

#[derive(Debug)]
struct Node {
    identity: PublicIdentity,
    /// In rising order.
    epochs: Vec<KnownEpoch>,
}

#[derive(Debug)]
struct KnownEpoch {
    epoch: Epoch,
    sequence: u64,
    kind: EpochKind,
}

#[derive(Debug)]
enum EpochKind {
    Rows(RowEpoch),
    Ed25519,
}

#[derive(Debug)]
struct RowEpoch {
    scheme: RowScheme,
    seals: u16,
    schedule: Schedule,
    public: RowHash,
    heads: Option<Heads>,
    /// The row of the last announcement.
    last: u32,
}

impl Verifier {
    /// A verifier that trusts nobody yet, and `most_nodes` at most.
    pub const fn new(most_nodes: usize) -> Self {
        Self {
            most_nodes,
            nodes: BTreeMap::new(),
            clock: ClockWatch::new(),
            records: Budget::full(),
            fallback: Budget::full(),
            refusals: RefusalCounts::new(),
        }
    }

    /// Believes records of `node` that `identity` signed; a node whose identity changes is forgotten first. False if
    /// there are as many nodes as may be.
    pub fn trust(&mut self, node: NodeId, identity: PublicIdentity) -> bool {
        if let Some(known) = self.nodes.get(&node) {
            if known.identity == identity {
                return true;
            }
        } else if self.nodes.len() >= self.most_nodes {
            return false;
        }
        self.nodes.insert(node, Node { identity, epochs: Vec::new() });
        true
    }

    /// Believes nothing of `node` any more.
    pub fn distrust(&mut self, node: NodeId) {
        self.nodes.remove(&node);
    }

    /// The clock of the cluster is right again, after it was lost or had jumped.
    pub const fn clock_is_set(&mut self) {
        self.clock.trust_again();
    }

    /// How much was refused, by reason.
    pub const fn refusals(&self) -> &RefusalCounts {
        &self.refusals
    }

    /// Takes the record of a new epoch. With rows it still needs row 0, or a row record with its row.
    pub fn handle_epoch_record(&mut self, now: Instant, bytes: &[u8]) -> Result<EpochRecord, Refusal> {
        let taken = self.take_epoch(now, bytes);
        self.counted(taken)
    }

    /// Takes row 0 of an epoch whose record is known.
    pub fn handle_first_row(&mut self, node: NodeId, epoch: Epoch, row: &[u8]) -> Result<(), Refusal> {
        let taken = self.take_row(RowRecord { node, epoch, row: 0, hash: RowHash([0; 32]) }, row);
        self.counted(taken)
    }

    /// Takes a later row with the record that vouches for it: after coming late, or after hearing nothing for long.
    pub fn handle_row_record(&mut self, now: Instant, record: &[u8], row: &[u8]) -> Result<(), Refusal> {
        let taken = self.open_record::<RowRecord>(now, record).and_then(|record| self.take_row(record, row));
        self.counted(taken)
    }

    /// Checks an announcement. Nothing is learnt from one that is refused.
    pub fn handle_announcement<'a>(
        &mut self,
        now: Reading,
        bytes: &'a [u8],
    ) -> Result<Announcement<'a>, Refusal> {
        let checked = self.check(now, bytes);
        self.counted(checked)
    }

    fn counted<T>(&mut self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        result.inspect_err(|&reason| self.refusals.count(reason))
    }

    fn open_record<R: Record>(&mut self, now: Instant, bytes: &[u8]) -> Result<R, Refusal> {
        let record = Unverified::<R>::parse(bytes)?;
        let identity = self.nodes.get(&record.node()).ok_or(Refusal::UnknownNode)?.identity;
        self.records.spend(now)?;
        record.verify(&identity)
    }

    fn take_epoch(&mut self, now: Instant, bytes: &[u8]) -> Result<EpochRecord, Refusal> {
        let record: EpochRecord = self.open_record(now, bytes)?;
        let node = self.nodes.get_mut(&record.node).ok_or(Refusal::UnknownNode)?;
        if node.epochs.last().is_some_and(|newest| newest.epoch >= record.epoch) {
            return Err(Refusal::EpochNotNewer);
        }
        let kind = match (RowScheme::of(record.profile), record.rows) {
            (Some(scheme), Some((schedule, public))) => {
                let seals = record.profile.seals();
                EpochKind::Rows(RowEpoch { scheme, seals, schedule, public, heads: None, last: 0 })
            }
            _ => EpochKind::Ed25519,
        };
        if node.epochs.len() >= EPOCHS_PER_NODE {
            node.epochs.remove(0);
        }
        node.epochs.push(KnownEpoch { epoch: record.epoch, sequence: 0, kind });
        Ok(record)
    }

    fn take_row(&mut self, record: RowRecord, bytes: &[u8]) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(&record.node).ok_or(Refusal::UnknownNode)?;
        let known = node.epochs.iter_mut().find(|known| known.epoch == record.epoch);
        let EpochKind::Rows(rows) = &mut known.ok_or(Refusal::UnknownEpoch)?.kind else {
            return Err(Refusal::WrongScheme);
        };
        let hash = if record.row == 0 { rows.public } else { record.hash };
        let row = SealRow::parse(bytes, rows.seals).ok_or(Refusal::Malformed)?;
        if row.hash() != hash {
            return Err(Refusal::RowHash);
        }
        let Some(heads) = &mut rows.heads else {
            let domain = Domain { node: record.node, epoch: record.epoch };
            rows.heads = Some(Heads::new(domain, record.row, row));
            return Ok(());
        };
        if heads.renew(record.row, &row) { Ok(()) } else { Err(Refusal::RowNotNewer) }
    }

    /// All checks, what is cheap first; then, and only then, what changes.
    fn check<'a>(&mut self, now: Reading, bytes: &'a [u8]) -> Result<Announcement<'a>, Refusal> {
        let mut reader = Reader::new(bytes);
        let Header { scheme, place } = Header::parse(&mut reader)?;
        let node = self.nodes.get_mut(&place.node).ok_or(Refusal::UnknownNode)?;
        let at = node.epochs.iter().position(|known| known.epoch == place.epoch);
        let at = at.ok_or(Refusal::UnknownEpoch)?;
        let known = node.epochs.get_mut(at).ok_or(Refusal::UnknownEpoch)?;
        if scheme != known.kind.scheme() {
            return Err(Refusal::WrongScheme);
        }
        let (signature, message) = parse_rest(reader, known.kind.signature_len())?;
        let payload = Payload::parse(message, place.node)?;
        known.kind.check_time(now, place.row, &mut self.clock)?;
        if payload.sequence <= known.sequence {
            return Err(Refusal::Replay);
        }
        let revealed = match &mut known.kind {
            EpochKind::Rows(rows) => {
                let heads = rows.heads.as_mut().ok_or(Refusal::NoHeads)?;
                Some(rows.scheme.verify(heads, &place, message, signature)?)
            }
            EpochKind::Ed25519 => {
                self.fallback.spend(now.monotonic)?;
                Ed25519.verify(&mut node.identity, &place, message, signature)?;
                None
            }
        };
        known.commit(place.row, payload.sequence, revealed.as_ref());
        // Whoever announces in a new epoch has left the old one.
        node.epochs.drain(..at);
        Ok(Announcement { place, payload })
    }
}

impl KnownEpoch {
    fn commit(&mut self, row: u32, sequence: u64, revealed: Option<&Revealed>) {
        self.sequence = sequence;
        if let (EpochKind::Rows(rows), Some(revealed)) = (&mut self.kind, revealed) {
            rows.last = row;
            if let Some(heads) = &mut rows.heads {
                heads.commit(revealed);
            }
        }
    }
}

impl EpochKind {
    fn scheme(&self) -> super::SchemeId {
        match self {
            Self::Rows(rows) => rows.scheme.id(),
            Self::Ed25519 => Ed25519.id(),
        }
    }

    fn signature_len(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.scheme.signature_len(),
            Self::Ed25519 => Ed25519.signature_len(),
        }
    }

    /// The row is of now by a clock that can be believed, and not older than one that was seen.
    fn check_time(&self, now: Reading, row: u32, clock: &mut ClockWatch) -> Result<(), Refusal> {
        match self {
            Self::Rows(rows) => {
                let now = clock.check(now, rows.schedule.clock_error).ok_or(Refusal::ClockLost)?;
                rows.schedule.believes(row, now)?;
                if row < rows.last { Err(Refusal::RowOlder) } else { Ok(()) }
            }
            Self::Ed25519 if row == 0 => Ok(()),
            Self::Ed25519 => Err(Refusal::RowOutside),
        }
    }
}

/// How many Ed25519 signatures are checked: a burst, then so many a second. They are the one check that a flood could
/// make dear.
#[derive(Debug)]
struct Budget {
    left: u32,
    since: Instant,
}

impl Budget {
    const BURST: u32 = 200;
    const EACH: Duration = Duration::from_millis(2);

    const fn full() -> Self {
        Self { left: Self::BURST, since: Instant::ZERO }
    }

    fn spend(&mut self, now: Instant) -> Result<(), Refusal> {
        let earned = now.since(self.since).as_micros() / Self::EACH.as_micros();
        if earned > 0 {
            self.left = u32::try_from(earned).unwrap_or(u32::MAX).saturating_add(self.left).min(Self::BURST);
            self.since = now;
        }
        self.left = self.left.checked_sub(1).ok_or(Refusal::RateLimited)?;
        Ok(())
    }
}
