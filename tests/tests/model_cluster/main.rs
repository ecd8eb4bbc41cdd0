//! The whole cluster in virtual time: the product's core on three to seven nodes, a backhaul that loses, doubles, delays
//! and cuts, nodes that crash and start anew, clocks that drift and jump, clients that walk; and what must hold.
//!
//! `cargo test -p airloom-tests --test model_cluster` runs a fixed set of schedules. A million of them:
//!
//! ```text
//! AIRLOOM_MODEL_RUNS=1000000 cargo test --release -p airloom-tests --test model_cluster schedules -- --nocapture
//! ```
//! One schedule, told step by step (this is what a failure says to run):
//!
//! ```text
//! AIRLOOM_MODEL_SEED=17 cargo test -p airloom-tests --test model_cluster one_schedule -- --nocapture
//! ```
//! `mesh/handover.md` says what is assumed.

mod air;
mod calm;
mod codec;
mod faults;
mod net;
mod node;
mod oracle;
mod plan;
mod radio;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use oracle::{Counts, Violation};
use plan::{Knobs, MILLI};
use world::World;

/// Schedules of an ordinary run.
const RUNS: u64 = 2000;

/// One schedule from beginning to end.
fn run(seed: u64, knobs: Knobs, trace: bool) -> (Vec<Violation>, Counts) {
    let mut world = World::new(seed, knobs, trace);
    world.say(|| format!("{:?}", world.plan));
    world.run(200 * MILLI + world.plan.troubled);
    world.say(|| "calm".to_owned());
    world.calm_down();
    world.check_calm();
    (world.oracle.violations, world.oracle.counts)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

#[test]
fn one_schedule() {
    let seed = number("AIRLOOM_MODEL_SEED");
    let (violations, counts) = run(seed.unwrap_or(1), Knobs::default(), seed.is_some());
    println!("{counts:?}");
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn schedules() {
    let runs = number("AIRLOOM_MODEL_RUNS").unwrap_or(RUNS);
    let first = number("AIRLOOM_MODEL_FIRST").unwrap_or(0);
    let next = AtomicU64::new(first);
    let work = || {
        let mut sum = Counts::default();
        let mut wrong = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + runs || wrong.len() >= 10 {
                return (sum, wrong);
            }
            let (violations, counts) = run(seed, Knobs::default(), false);
            sum.add(&counts);
            wrong.extend(violations.into_iter().next().map(|violation| (seed, violation)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (mut sum, mut wrong) = (Counts::default(), Vec::new());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (counts, found) = worker.join().expect("a worker ends");
            sum.add(&counts);
            wrong.extend(found);
        }
    });
    println!("{runs} schedules: {sum:?}");
    wrong.sort_by_key(|(seed, _)| *seed);
    let told = wrong.iter().map(|(seed, violation)| {
        format!("{violation:?}\n  AIRLOOM_MODEL_SEED={seed} cargo test -p airloom-tests --test model_cluster one_schedule -- --nocapture\n")
    });
    assert!(wrong.is_empty(), "{}", told.collect::<String>());
}

/// The schedules, with something essential taken out, find a packet number that is used twice.
fn finds_reuse(knobs: Knobs) -> bool {
    (0..RUNS).any(|seed| {
        let (violations, _) = run(seed, knobs, false);
        violations.iter().any(|violation| matches!(violation, Violation::NumberReused { .. }))
    })
}

#[test]
fn without_the_journal_a_packet_number_is_used_twice() {
    assert!(finds_reuse(Knobs { no_journal: true, ..Knobs::default() }));
}

#[test]
fn without_the_slot_a_packet_number_is_used_twice() {
    assert!(finds_reuse(Knobs { no_slot: true, ..Knobs::default() }));
}
