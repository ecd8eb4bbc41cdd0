//! What happened, in plain words.

use std::fmt::Write as _;

use super::outcome::Outcome;
use super::play::{Stage, since_start};
use super::portrait;
use super::scene::MASTS;

/// The account of a demo.
pub(super) fn tell(stage: &Stage, outcome: &Outcome) -> String {
    let mut out = String::new();
    // writing to a string does not fail
    let _ = write(stage, outcome, &mut out);
    out
}

fn write(stage: &Stage, outcome: &Outcome, out: &mut String) -> std::fmt::Result {
    let seconds = stage.length.as_secs_f64();
    writeln!(out, "One node, two radios, four clients: {seconds} s of simulated air, seed {}\n", stage.seed)?;
    writeln!(out, "What happened")?;
    for (at, text) in &stage.diary {
        writeln!(out, "  {:7.3} s  {text}", since_start(*at).as_secs_f64())?;
    }
    clients(stage, out)?;
    air(stage, out)?;
    writeln!(out, "\nDiscarded, by reason")?;
    for drop in &stage.discarded {
        writeln!(out, "  {:>7}  {:<24} {}: {}", drop.count, drop.reason, drop.who, drop.text)?;
    }
    writeln!(out, "\n{}", portrait::result(outcome))?;
    let Outcome { handovers, reassociations, eapol_after_join, gap_ms, .. } = outcome;
    writeln!(
        out,
        "{handovers} handovers, {reassociations} reassociations, {eapol_after_join} key frames after joining; \
         between two messages of a stream {} ms in the median, {} ms at the 99th percentile.",
        gap_ms.p50, gap_ms.p99
    )
}

fn clients(stage: &Stage, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\nMessages, arrived of sent")?;
    for (index, actor) in stage.actors.iter().enumerate() {
        let totals = portrait::totals(stage, index, actor);
        let (up, down) = (totals.up, totals.down);
        writeln!(
            out,
            "  {:<8} from it {:>5} of {:<5} to it {:>5} of {:<5} lost {}, twice {}, sent again {}; {}",
            actor.person.name,
            up.1,
            up.0,
            down.1,
            down.0,
            totals.lost,
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
    for (mast, air) in MASTS.iter().zip(&witness.channels) {
        let share = |micros: u64| 100.0 * micros as f64 / stage.length.as_micros().max(1) as f64;
        writeln!(
            out,
            "  channel {:<3} (radio {}): {:.1} % of the time the node, {:.1} % clients, {:.1} % repetitions",
            mast.channel,
            mast.name,
            share(air.sent.total()),
            share(air.heard.total()),
            share(air.retried.total())
        )?;
    }
    let noise: u64 =
        stage.workers.iter().map(|worker| stage.air.borrow().stats(worker.radio().id()).corrupted).sum();
    writeln!(out, "  {noise} frames reached the node's radios unreadable: collisions, noise, the oven")?;
    if witness.undecrypted > 0 {
        writeln!(out, "  {} encrypted frames could not be read", witness.undecrypted)?;
    }
    Ok(())
}
