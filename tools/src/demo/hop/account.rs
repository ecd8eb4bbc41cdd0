//! What happened, in plain words.

use std::fmt::Write as _;

use crate::demo::summary::{discarded, happened};
use crate::report::HopStory;

use super::outcome::HopOutcome;
use super::play::Stage;
use super::scene::NETWORKS;

/// The account of a demo.
pub(super) fn tell(stage: &Stage, outcome: &HopOutcome, story: &HopStory) -> String {
    let mut out = String::new();
    // writing to a string does not fail
    let _ = write(stage, outcome, story, &mut out);
    out
}

fn write(stage: &Stage, outcome: &HopOutcome, story: &HopStory, out: &mut String) -> std::fmt::Result {
    let (seconds, seed) = (stage.length.as_secs_f64(), stage.seed);
    let networks = outcome.networks;
    writeln!(out, "One radio, {networks} foreign networks: {seconds} s of simulated air, seed {seed}\n")?;
    let witness = stage.witness.borrow();
    happened(&witness.diary, out)?;
    writeln!(out, "\nMessages, arrived of sent")?;
    for network in &story.networks {
        let totals = &network.totals;
        let (up, down) = (totals.up, totals.down);
        writeln!(
            out,
            "  {:<13} channel {:>3}, there {:>4.1} % of the time; from us {:>4} of {:<4} to us {:>4} of {:<4} lost {}, \
             with the outage {}, twice {}, sent again {}",
            network.name,
            network.channel,
            100.0 * totals.present.as_secs_f64() / seconds.max(1e-9),
            up.1,
            up.0,
            down.1,
            down.0,
            totals.lost,
            totals.taken,
            totals.duplicated,
            totals.retries,
        )?;
    }
    writeln!(out, "\nOn the air, {} frames", witness.frames)?;
    if witness.undecrypted > 0 {
        writeln!(out, "  {} encrypted frames could not be read", witness.undecrypted)?;
    }
    discarded(&story.drops, out)?;
    writeln!(out, "\n{}", story.result)?;
    story.more.iter().try_for_each(|text| writeln!(out, "{text}"))?;
    let secrets = NETWORKS.iter().filter_map(|network| Some((network.ssid, network.passphrase?)));
    let secrets: Vec<_> = secrets.map(|(ssid, secret)| format!("{ssid}: {secret:?}")).collect();
    writeln!(out, "For Wireshark, the passphrases: {}", secrets.join("; "))
}
