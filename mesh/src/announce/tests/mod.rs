//! The room as a whole: signers and verifiers with their clocks, and what is done to them.

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::random::Random;
use stack::time::Instant;
use stack::wire::MacAddr;

use super::*;
use crate::lease::Generation;

mod clocks;
mod hostile;
mod stories;
mod vectors;

/// 250 ms, in microseconds.
const PERIOD: u64 = 250_000;
/// A quarter of it.
const CLOCK_ERROR: u64 = PERIOD / 4;
/// When every test begins, on the cluster's clock.
const BEGIN: u64 = 1_800_000_000_000_000;

const NODE: NodeId = NodeId(0x0102_0304_0506_0708);
const OTHER: NodeId = NodeId(99);

struct Seeded(ChaCha8Rng);

impl Seeded {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }
}

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

/// A journal that keeps the greatest state and can be made to fail.
#[derive(Default)]
struct Memory {
    state: SignerState,
    broken: bool,
}

impl Journal for Memory {
    type Error = &'static str;

    fn save(&mut self, state: &SignerState) -> Result<(), Self::Error> {
        if self.broken {
            return Err("disk full");
        }
        self.state = self.state.max(*state);
        Ok(())
    }
}

/// Both clocks, `micros` after the beginning.
fn at(micros: u64) -> Reading {
    Reading { monotonic: Instant::from_micros(micros), cluster: Some(ClusterTime(BEGIN + micros)) }
}

fn no_clock(micros: u64) -> Reading {
    Reading { cluster: None, ..at(micros) }
}

/// The beginning of `row` in an epoch that was opened at the beginning, where row 1 signs.
fn row_start(row: u64) -> u64 {
    (row - 1) * PERIOD
}

fn identity(node: NodeId) -> Arc<Identity> {
    Arc::new(Identity::draw(&mut Seeded::new(node.0)))
}

fn config(node: NodeId, profile: Profile, rows: u32) -> SignerConfig {
    SignerConfig {
        node,
        identity: identity(node),
        profile,
        period: Duration::from_micros(PERIOD),
        clock_error: Duration::from_micros(CLOCK_ERROR),
        rows,
    }
}

/// The epoch of `node` after what its journal says.
fn open(node: NodeId, profile: Profile, rows: u32, now: Reading, journal: &mut Memory) -> Opened {
    let mut random = Seeded::new(journal.state.epoch.0);
    EpochPlan::new(config(node, profile, rows), journal.state, &mut random).open(now, journal).unwrap()
}

/// A verifier takes an epoch with its first row.
fn introduce(verifier: &mut Verifier, opened: &Opened, now: Reading) {
    let record = verifier.handle_epoch_record(now.monotonic, &opened.record).unwrap();
    if let Some(row) = &opened.row {
        verifier.handle_first_row(record.node, record.epoch, &row.to_bytes()).unwrap();
    }
}

/// A node and another that knows it.
struct Pair {
    signer: Signer,
    journal: Memory,
    verifier: Verifier,
}

impl Pair {
    fn new(profile: Profile, rows: u32) -> Self {
        let mut journal = Memory::default();
        let opened = open(NODE, profile, rows, at(0), &mut journal);
        let mut verifier = Verifier::new(4);
        assert!(verifier.trust(NODE, identity(NODE).public()));
        introduce(&mut verifier, &opened, at(0));
        Self { signer: opened.signer, journal, verifier }
    }

    /// The bytes of one announcement.
    fn announce(&mut self, micros: u64) -> Vec<u8> {
        self.signer.sign(at(micros), &[claim(1)]).unwrap().release(&mut self.journal).unwrap()
    }

    fn hear(&mut self, micros: u64, bytes: &[u8]) -> Result<(), Refusal> {
        self.verifier.handle_announcement(at(micros), bytes).map(|_| ())
    }
}

fn claim(client: u8) -> Item {
    Item::Claim(Claim {
        client: MacAddr([2, 0, 0, 0, 0, client]),
        vlan: 12,
        node: NODE,
        generation: Generation::new(3).unwrap(),
        sequence: 17,
        ttl: Duration::from_secs(30),
        sa: SaBinding([0xab; 16]),
    })
}
