//! Schedules in virtual time: a radio whose hops take as long as they like, networks that come and go, join, rekey and
//! drift; and what must hold.
//!
//! `cargo test -p airloom-stack --test slot` runs a fixed set of schedules. More of them, and one of them told:
//!
//! ```text
//! AIRLOOM_SLOT_RUNS=100000 cargo test --release -p airloom-stack --test slot schedules -- --nocapture
//! AIRLOOM_SLOT_FIRST=17 AIRLOOM_SLOT_RUNS=1 cargo test -p airloom-stack --test slot schedules -- --nocapture
//! ```

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test may"
)]

mod buffers;
mod ceiling;
mod dice;
mod life;
mod network;
mod own;
mod world;

use life::Life;

/// Schedules of an ordinary run.
const RUNS: u64 = 60;
/// Besides these, which have found something once.
const FOUND: [u64; 5] = [25_350, 48_965, 64_240, 71_160, 99_441];

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

#[test]
fn schedules() {
    let first = number("AIRLOOM_SLOT_FIRST").unwrap_or(0);
    let runs = number("AIRLOOM_SLOT_RUNS").unwrap_or(RUNS);
    let mut sum = world::Counts::default();
    let mut wrong = Vec::new();
    for seed in (first..first + runs).chain(FOUND) {
        let mut life = Life::new(seed);
        life.run();
        sum.add(&life.world.counts);
        wrong.extend(life.world.wrong.first().map(|what| format!("seed {seed}: {what}\n")));
        if wrong.len() >= 10 {
            break;
        }
    }
    println!("{runs} schedules: {sum:?}");
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert!(sum.hops > 0 && sum.refused > 0 && sum.pins > 0 && sum.outliers > 0, "nothing happened: {sum:?}");
}
