//! Announcements under BiBa and HORS against Ed25519 (`ed25519-dalek`) in the same run: signing, verifying, and what a
//! flood of bad ones costs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use mesh::announce::{
    ClusterTime, Ed25519, Epoch, EpochPlan, Identity, Item, Journal, NodeId, Opened, Place, Profile, Reading,
    Refusal, RowScheme, Scheme, SealRow, Signal, Signer, SignerConfig, SignerState, Verifier,
};
use nix::time::{ClockId, clock_gettime};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::random::Random;
use stack::time::Instant;
use stack::wire::MacAddr;
use tests::bench::compare;

const NODE: NodeId = NodeId(7);
const PERIOD: u64 = 250_000;
/// With header and length an announcement of about 200 bytes beside the signature.
const ITEMS: usize = 14;
const PROFILES: [(&str, Profile); 3] = [("B16", Profile::B16), ("B12", Profile::B12), ("H16", Profile::H16)];

struct Seeded(ChaCha8Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

/// Saving is the business of whoever has a disk.
struct Nowhere;

impl Journal for Nowhere {
    type Error = std::convert::Infallible;

    fn save(&mut self, _: &SignerState) -> Result<(), Self::Error> {
        Ok(())
    }
}

fn main() {
    signing();
    chains();
    verifying();
    floods();
}

fn random() -> Seeded {
    Seeded(ChaCha8Rng::seed_from_u64(1))
}

fn at(row: u32, micros: u64) -> Reading {
    let micros = u64::from(row - 1) * PERIOD + micros;
    Reading { monotonic: Instant::from_micros(micros), cluster: Some(ClusterTime(1 << 50 | micros)) }
}

fn plan(profile: Profile, identity: &Arc<Identity>, rows: u32) -> EpochPlan {
    let config = SignerConfig {
        node: NODE,
        identity: Arc::clone(identity),
        profile,
        period: Duration::from_micros(PERIOD),
        clock_error: Duration::from_micros(PERIOD / 4),
        rows,
    };
    EpochPlan::new(config, SignerState::default(), &mut random())
}

fn open(profile: Profile, identity: &Arc<Identity>, rows: u32) -> Opened {
    plan(profile, identity, rows).open(at(1, 0), &mut Nowhere).unwrap()
}

fn verifier(opened: &Opened, identity: &Identity) -> Verifier {
    let mut verifier = Verifier::new(1);
    verifier.trust(NODE, identity.public());
    verifier.handle_epoch_record(Instant::ZERO, &opened.record).unwrap();
    if let Some(row) = &opened.row {
        verifier.handle_first_row(NODE, Epoch(1), &row.to_bytes()).unwrap();
    }
    verifier
}

fn announce(signer: &mut Signer, now: Reading) -> Vec<u8> {
    let heard = Item::Signal(Signal { client: MacAddr([2; 6]), radio: 1, dbm: -60, age: 9 });
    let Ok(bytes) = signer.sign(now, &[heard; ITEMS]).unwrap().release(&mut Nowhere);
    bytes
}

/// The scheme alone, each time another message.
fn signing() {
    let place = Place { node: NODE, epoch: Epoch(1), row: 1 };
    let identity = Identity::draw(&mut random());
    let count = Cell::new(0u64);
    let message = || {
        count.set(count.get() + 1);
        let mut message = [0x5a; 200];
        message[..8].copy_from_slice(&count.get().to_le_bytes());
        message
    };
    for (name, profile) in PROFILES {
        let mut seals = vec![0; usize::from(profile.seals()) * 16];
        random().fill(&mut seals);
        let row = SealRow::parse(&seals, profile.seals()).unwrap();
        let scheme = RowScheme::of(profile).unwrap();
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        compare(
            &format!("sign 200 B, {name}"),
            1,
            &mut [
                ("Ed25519", &mut || {
                    peer.clear();
                    Ed25519.sign(&identity, &place, &message(), &mut peer).unwrap();
                    black_box(&peer);
                }),
                (name, &mut || {
                    ours.clear();
                    scheme.sign(&row, &place, &message(), &mut ours).unwrap();
                    black_box(&ours);
                }),
            ],
        );
    }
}

/// Making the rows of an epoch.
fn chains() {
    let identity = Arc::new(Identity::draw(&mut random()));
    println!("chains");
    for (name, profile) in PROFILES {
        let rows = 1000;
        let mut plan = plan(profile, &identity, rows);
        let start = cpu_time();
        assert!(plan.advance(rows));
        let row = (cpu_time() - start) / rows;
        println!(
            "  {name}: {:.1} us a row, {:.2} s for two hours of 28,800",
            micros(row),
            row.as_secs_f64() * 28_800.0
        );
    }
}

/// What this thread has had of a core: the machine may be busy with other things.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Whole announcements through a whole verifier, two in each row of an epoch, every one accepted.
fn verifying() {
    let identity = Arc::new(Identity::draw(&mut random()));
    println!("verify, 8 announcements a second (bar for B16: 10 us)");
    for (name, profile) in PROFILES.into_iter().chain([("Ed25519", Profile::ED25519)]) {
        for record_every in [1, 8, 32] {
            let mut times: Vec<_> = (0..11).map(|_| verify_epoch(profile, &identity, record_every)).collect();
            times.sort();
            println!("  {name:<8} row record every {record_every:>2} rows: {:>7.2} us", micros(times[5]));
        }
    }
}

/// The time of one verification, over an epoch of 200 rows.
fn verify_epoch(profile: Profile, identity: &Arc<Identity>, record_every: u32) -> Duration {
    let rows = 200;
    let mut opened = open(profile, identity, rows);
    let mut verifier = verifier(&opened, identity);
    let mut spent = Duration::ZERO;
    for row in 1..rows {
        if row % record_every == 0
            && let Some((record, seals)) = opened.signer.row_record(at(row, 130_000))
        {
            // One that shows nothing new is refused.
            let _ = verifier.handle_row_record(at(row, 130_000).monotonic, &record, &seals.to_bytes());
        }
        let now = at(row, 130_000);
        let messages = [announce(&mut opened.signer, now), announce(&mut opened.signer, now)];
        let start = cpu_time();
        for message in &messages {
            black_box(verifier.handle_announcement(now, message).unwrap());
        }
        spent += cpu_time() - start;
    }
    spent / (2 * (rows - 1))
}

/// Bad announcements against a verifier whose known SEALs are as old as it bears: 64 rows.
fn floods() {
    let identity = Arc::new(Identity::draw(&mut random()));
    for (name, profile) in PROFILES {
        let mut opened = open(profile, &identity, 100);
        let mut verifier = verifier(&opened, &identity);
        let now = at(64, 130_000);
        let good = announce(&mut opened.signer, now);
        let seals =
            22 + RowScheme::of(profile).unwrap().signature_len() - usize::from(profile.revealed()) * 16;
        let last = seals + usize::from(profile.revealed() - 1) * 16;
        let noise = |bytes: &mut [u8]| random().fill(bytes);
        let mut random_seals = good.clone();
        noise(&mut random_seals[seals..last + 16]);
        let first_wrong = past_the_bins(&mut verifier, now, &good, seals);
        let last_wrong = past_the_bins(&mut verifier, now, &good, last);
        let mut old = good.clone();
        old[18] = 60;
        let peer = Identity::draw(&mut random());
        let place = Place { node: NODE, epoch: Epoch(1), row: 1 };
        let mut signature = Vec::new();
        Ed25519.sign(&peer, &place, b"another message", &mut signature).unwrap();
        let mut peer = peer.public();
        let mut ed25519_check = || assert!(Ed25519.verify(&mut peer, &place, &good, &signature).is_err());
        flood(
            name,
            &mut verifier,
            now,
            &mut ed25519_check,
            &[
                ("row over", &old),
                ("random SEALs", &random_seals),
                ("one bin, first SEAL wrong", &first_wrong),
                ("one bin, last SEAL wrong", &last_wrong),
            ],
        );
    }
}

/// A forgery that gets as far as the chains: SEALs in the place of the one at `place` are tried until the bins fit.
fn past_the_bins(verifier: &mut Verifier, now: Reading, good: &[u8], place: usize) -> Vec<u8> {
    let (mut forged, mut random) = (good.to_vec(), random());
    loop {
        random.fill(&mut forged[place..place + 16]);
        if verifier.handle_announcement(now, &forged).unwrap_err() == Refusal::BadSeal {
            return forged;
        }
    }
}

fn flood(
    name: &str,
    verifier: &mut Verifier,
    now: Reading,
    peer: &mut dyn FnMut(),
    kinds: &[(&str, &Vec<u8>)],
) {
    println!("10,000 bad announcements a second, {name} (bar: under 10 % of a core)");
    let each = time(peer);
    println!("  {:<28} {:>8.2} us  {:>6.2} %", "Ed25519, unlimited", micros(each), share(each));
    for (kind, bytes) in kinds {
        let each = time(|| {
            black_box(verifier.handle_announcement(now, bytes).unwrap_err());
        });
        println!("  {kind:<28} {:>8.2} us  {:>6.2} %", micros(each), share(each));
    }
}

/// Per cent of a core that ten thousand of them take in a second.
fn share(each: Duration) -> f64 {
    each.as_secs_f64() * 1e4 * 100.0
}

/// The median of eleven rounds.
fn time(mut run: impl FnMut()) -> Duration {
    const CALLS: u32 = 500;
    let mut rounds: Vec<Duration> = (0..11)
        .map(|_| {
            let start = cpu_time();
            (0..CALLS).for_each(|_| run());
            (cpu_time() - start) / CALLS
        })
        .collect();
    rounds.sort();
    rounds[5]
}
