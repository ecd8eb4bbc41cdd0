//! What a radio that hops keeps of the air, on the simulated air, against what physics leaves: networks on channels of their
//! own, an idle one in each slot; and what a hop costs beside the dead air of the radio.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench fails by panicking")]

use std::time::Duration;

use stack::slot::air_left;
use tests::hopping::{Foreign, World};

const CHANNELS: [u8; 8] = [1, 36, 6, 44, 11, 149, 165, 157];
const STOPS: [usize; 4] = [2, 3, 4, 8];
const DEAD: [u64; 5] = [500, 1500, 3000, 6000, 15_000];
const JOIN: Duration = Duration::from_secs(60);
const RUN: Duration = Duration::from_secs(30);

fn main() {
    println!("networks  dead air  cycle  kept  ceiling  left it by  edge p50  edge p99  processor a hop");
    for stops in STOPS {
        for dead in DEAD {
            row(stops, Duration::from_micros(dead));
        }
    }
}

fn row(stops: usize, dead: Duration) {
    let foreign: Vec<_> = CHANNELS[..stops].iter().map(|&number| Foreign::wpa2(number)).collect();
    let mut world = World::new(1, dead, &foreign);
    let networks: Vec<_> = (0..stops).collect();
    for &n in &networks {
        world.link(n);
    }
    let line = format!("{stops:>8}  {:>5.1} ms", ms(dead));
    if !world.until(JOIN, |world| world.are_connected(&networks)) {
        let why = world.hopper.links().find_map(|view| view.refusal);
        println!("{line}  {}", why.map_or_else(|| "not all joined".to_owned(), |why| why.to_string()));
        return;
    }
    world.run(Duration::from_secs(2));
    let (before, begun) = (world.hopper.figures(), world.now);
    world.edges.clear();
    world.spent = Duration::ZERO;
    world.run(RUN);
    let after = world.hopper.figures();
    let time = world.now.since(begun);
    let hops = u32::try_from(after.hops - before.hops).unwrap();
    let away = (after.dead - before.dead) + (after.leaving - before.leaving);
    let kept = 100.0 * (1.0 - away.as_secs_f64() / time.as_secs_f64());
    let cycle = time * u32::try_from(stops).unwrap() / hops.max(1);
    let ceiling = air_left(stops, dead, cycle).map_or(0.0, |left| f64::from(left) / 10.0);
    let mut edges: Vec<f64> = world.edges.iter().map(|late| ms(*late)).collect();
    edges.sort_by(f64::total_cmp);
    let at = |part: usize| edges.get(edges.len() * part / 100).copied().unwrap_or(0.0);
    let cost = world.spent / hops.max(1);
    println!(
        "{line}  {:>5.1}  {kept:>4.1}  {ceiling:>7.1}  {:>10.1}  {:>5.2} ms  {:>5.2} ms  {:>12.1} us",
        ms(cycle),
        ceiling - kept,
        at(50),
        at(99),
        cost.as_secs_f64() * 1e6,
    );
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
