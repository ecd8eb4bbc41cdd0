//! What happened, in plain words.

use std::fmt::Write as _;

use stack::time::Instant;

use crate::report::Drops;

use super::outcome::Outcome;
use super::play::{Stage, since_start};
use super::portrait;
use super::scene;

/// The account of a demo.
pub(super) fn tell(stage: &Stage, outcome: &Outcome) -> String {
    let mut out = String::new();
    // writing to a string does not fail
    let _ = write(stage, outcome, &mut out);
    out
}

fn write(stage: &Stage, outcome: &Outcome, out: &mut String) -> std::fmt::Result {
    let seconds = stage.length.as_secs_f64();
    writeln!(
        out,
        "Two nodes of two radios, six clients that walk: {seconds} s of simulated air, seed {}\n",
        stage.seed
    )?;
    happened(&stage.diary, out)?;
    clients(stage, out)?;
    air(stage, out)?;
    discarded(&stage.discarded, out)?;
    writeln!(out, "\n{}", portrait::result(outcome))?;
    writeln!(out, "{}", portrait::moves(outcome))?;
    match portrait::crash(stage, outcome) {
        Some(text) => writeln!(out, "{text}"),
        None => Ok(()),
    }
}

/// What happened when.
pub(super) fn happened(diary: &[(Instant, String)], out: &mut String) -> std::fmt::Result {
    writeln!(out, "What happened")?;
    diary
        .iter()
        .try_for_each(|(at, text)| writeln!(out, "  {:7.3} s  {text}", since_start(*at).as_secs_f64()))
}

/// What was discarded by whom.
pub(super) fn discarded(drops: &[Drops], out: &mut String) -> std::fmt::Result {
    writeln!(out, "\nDiscarded, by reason")?;
    drops.iter().try_for_each(|drop| {
        writeln!(out, "  {:>7}  {:<24} {}: {}", drop.count, drop.reason, drop.who, drop.text)
    })
}

fn clients(stage: &Stage, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\nMessages, arrived of sent")?;
    for (index, actor) in stage.actors.iter().enumerate() {
        let totals = portrait::totals(stage, index, actor);
        let (up, down) = (totals.up, totals.down);
        writeln!(
            out,
            "  {:<8} from it {:>5} of {:<5} to it {:>5} of {:<5} lost {}, with the crash {}, twice {}, sent again {}; {}",
            actor.person.name,
            up.1,
            up.0,
            down.1,
            down.0,
            totals.lost,
            totals.taken,
            totals.duplicated,
            totals.retries,
            match totals.dozes {
                0 => "never dozed".into(),
                n => format!(
                    "dozed {n} times, {:.2} s of {:.2} s",
                    totals.dozed.as_secs_f64(),
                    totals.connected.as_secs_f64()
                ),
            }
        )?;
    }
    Ok(())
}

fn air(stage: &Stage, out: &mut String) -> std::fmt::Result {
    let witness = stage.witness.borrow();
    writeln!(out, "\nOn the air, {} frames", witness.frames)?;
    for (index, air) in witness.masts.iter().enumerate() {
        let share = |micros: u64| 100.0 * micros as f64 / stage.length.as_micros().max(1) as f64;
        writeln!(
            out,
            "  {:<10}  {:.1} % of the time the radio, {:.1} % its clients, {:.1} % repetitions",
            scene::mast_name(index),
            share(air.sent.total()),
            share(air.heard.total()),
            share(air.retried.total())
        )?;
    }
    let noise = |id: &drivers::air::RadioId| stage.air.borrow().stats(*id).corrupted;
    let noise: u64 = stage.masts.iter().map(noise).sum();
    writeln!(out, "  {noise} frames reached the nodes' radios unreadable: collisions and noise")?;
    if witness.undecrypted > 0 {
        writeln!(out, "  {} encrypted frames could not be read", witness.undecrypted)?;
    }
    Ok(())
}
