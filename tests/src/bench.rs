//! Measuring against a peer: both in the same process, round by round in turn, so that what slows the machine slows both.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A name and what is to be timed.
pub type Subject<'a> = (&'a str, &'a mut dyn FnMut());

/// Times the subjects in turn, 31 rounds of at least 10 ms each, and prints for each the median time of one of the
/// `operations` that a call makes, and how many times as long as the first it takes. Returns these ratios.
pub fn compare(title: &str, operations: usize, subjects: &mut [Subject<'_>]) -> Vec<f64> {
    let calls: Vec<u32> =
        subjects.iter_mut().map(|(_, run)| calls_for(run, Duration::from_millis(10))).collect();
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..31 {
        for ((times, (_, run)), &calls) in times.iter_mut().zip(subjects.iter_mut()).zip(&calls) {
            times.push(time(run, calls).as_secs_f64() / f64::from(calls));
        }
    }
    println!("{title}");
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    let ratios: Vec<f64> = medians.iter().map(|median| median / medians[0]).collect();
    for (((name, _), median), ratio) in subjects.iter().zip(&medians).zip(&ratios) {
        println!("  {name:<24} {:>10.1} ns/op  {ratio:>7.2} x", median * 1e9 / operations as f64);
    }
    ratios
}

fn calls_for(run: &mut dyn FnMut(), least: Duration) -> u32 {
    let mut calls = 1;
    while time(run, calls) < least && calls < 1 << 24 {
        calls *= 2;
    }
    calls
}

fn time(run: &mut dyn FnMut(), calls: u32) -> Duration {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(&mut *run)();
    }
    start.elapsed()
}

/// The middle of these times, of which there is at least one.
pub fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
