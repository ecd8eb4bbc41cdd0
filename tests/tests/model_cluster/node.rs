//! A node of the model: the product's core, and a radio that only counts.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use mesh::Cluster;
use mesh::announce::{NodeId, SaBinding};
use mesh::handover::{Context, Incarnation, Me, Timing};
use mesh::lease::{Generation, Journal, KeyId, Lease, NodeSlot, Record};
use stack::time::Instant;
use stack::wire::MacAddr;

use super::codec::State;
use super::net::Seen;

/// A virtual AP in a radio.
#[derive(Debug)]
pub struct Vap {
    pub client: usize,
    pub state: State,
    pub received: BTreeSet<(u64, u64)>,
    pub generation: Generation,
    /// The next packet number and the last of the lease.
    pub next: u64,
    pub last: u64,
    /// How many the lease has given.
    pub used: u32,
    pub draining: bool,
    /// It was made from a copy, and has the key that it had then.
    pub stale: bool,
    /// Since when nothing of its client could be decrypted.
    pub unreadable_since: Option<u64>,
    pub flight: Option<Flight>,
    /// The radio will look at the queue by itself.
    pub scheduled: bool,
}

/// A frame on the air, not yet acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    pub msdu: u32,
    pub number: u64,
    pub tries: u32,
}

pub fn key_id(key: u64) -> KeyId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&key.to_le_bytes());
    KeyId(id)
}

impl Vap {
    /// With a fresh key.
    pub fn new(client: usize, key: u64) -> Self {
        Self {
            client,
            state: State { keys: vec![key], ..State::default() },
            received: BTreeSet::new(),
            generation: Generation::default(),
            next: 1,
            last: 0,
            used: 0,
            draining: false,
            stale: false,
            unreadable_since: None,
            flight: None,
            scheduled: false,
        }
    }

    pub fn from_context(client: usize, context: &Context) -> Self {
        let mut state = State::decode(context.bytes.expose());
        let received = std::mem::take(&mut state.received).into_iter().collect();
        Self { state, received, ..Self::new(client, 0) }
    }

    pub fn key(&self) -> u64 {
        *self.state.keys.last().expect("a key")
    }

    pub fn take_lease(&mut self, lease: &Lease) {
        self.generation = lease.generation();
        (self.next, self.last, self.used) = (lease.first_packet_number(), lease.last_packet_number(), 0);
    }

    pub fn context(&self, clients: &MacAddr) -> Context {
        let mut state = self.state.clone();
        state.received = self.received.iter().copied().collect();
        let key = self.key();
        let mut sa = [0; 16];
        sa[..8].copy_from_slice(&key.to_be_bytes());
        Context {
            client: Some(*clients),
            vlan: 0,
            sa: SaBinding(sa),
            keys: vec![(key_id(key), self.generation)],
            bytes: state.encode(),
        }
    }
}

/// What survives a crash, and what may.
#[derive(Debug, Default)]
pub struct ModelJournal {
    pub synced: Vec<Record>,
    pub written: Vec<Record>,
}

impl Journal for ModelJournal {
    type Error = Infallible;

    fn load(&mut self) -> Result<Vec<Record>, Infallible> {
        Ok(self.synced.clone())
    }

    fn write(&mut self, records: &[Record]) -> Result<(), Infallible> {
        self.written.extend(records);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Infallible> {
        self.synced.append(&mut self.written);
        Ok(())
    }
}

#[derive(Debug)]
pub struct Node {
    pub id: NodeId,
    pub slot: NodeSlot,
    /// Counts the starts; it is what tells late events of an earlier start.
    pub incarnation: u64,
    /// `None` while it is crashed.
    pub core: Option<Cluster>,
    pub journal: ModelJournal,
    pub radio: BTreeMap<MacAddr, Vap>,
    /// When the radio has done all that it was ordered.
    pub radio_free: u64,
    pub rows: BTreeMap<Vec<u8>, Vec<u8>>,
    pub version: u64,
    pub seen: Vec<Seen>,
    /// Parts per million that its clock is fast, and by how much it is ahead.
    pub drift: i64,
    pub offset: i64,
    /// For when a timer event is under way.
    pub timer: Option<u64>,
    /// BSSIDs that it has given out.
    pub made: u16,
    /// The radio refuses the next virtual AP that it has never had.
    pub full: bool,
    pub had: BTreeSet<MacAddr>,
    /// Frames that it has passed on.
    pub passed: BTreeSet<(u64, u64)>,
}

impl Node {
    pub fn new(index: usize, nodes: usize) -> Self {
        Self {
            id: NodeId(100 + index as u64),
            slot: NodeSlot::new(index as u16 + 1).expect("a slot"),
            incarnation: 0,
            core: None,
            journal: ModelJournal::default(),
            radio: BTreeMap::new(),
            radio_free: 0,
            rows: BTreeMap::new(),
            version: 0,
            seen: vec![Seen::default(); nodes],
            drift: 0,
            offset: 0,
            timer: None,
            made: 0,
            full: false,
            had: BTreeSet::new(),
            passed: BTreeSet::new(),
        }
    }

    pub fn is_up(&self) -> bool {
        self.core.is_some()
    }

    /// Starts anew, with what the journal holds.
    pub fn start(&mut self) {
        self.incarnation += 1;
        let me = Me { node: self.id, slot: self.slot, incarnation: Incarnation(self.incarnation) };
        let Ok(records) = self.journal.load();
        self.core = Some(Cluster::new(me, Timing::default(), &records));
        (self.rows, self.version, self.radio_free, self.timer) = (BTreeMap::new(), 0, 0, None);
        self.seen.fill(Seen::default());
    }

    /// What its clock says.
    pub fn clock(&self, now: u64) -> Instant {
        let local = now as i64 + now as i64 * self.drift / 1_000_000 + self.offset;
        Instant::from_micros(local.max(0) as u64)
    }

    /// When its clock will say so.
    pub fn when(&self, now: u64, local: Instant) -> u64 {
        let wait = local.since(self.clock(now)).as_micros() as i64;
        now + (wait - wait * self.drift / 1_000_000).max(0) as u64 + u64::from(wait > 0)
    }
}
