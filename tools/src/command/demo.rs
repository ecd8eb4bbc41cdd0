//! `airloom demo`: two nodes and their clients on the simulated air.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::{say, say_json};
use crate::demo::{HopOutcome, Outcome, play, play_hop};
use crate::report;

/// Plays two nodes with two radios each and six clients that walk on a simulated air, or one radio on four networks of
/// others, and shows what happened. No radio and no root are needed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom demo\n  airloom demo --seed 7 --seconds 60 --out seven\n  airloom demo --json | jq .msdus_lost\n  \
                        airloom demo --hop --out hop\n\n\
                        The clients join, walk, doze and exchange numbered messages; their virtual APs follow them from\n\
                        radio to radio and from node to node, until the power of one node fails and the other takes its\n\
                        clients over. All frames are made and understood by the code that runs on real radios. The same\n\
                        seed and length give the same run. DIR/report.html shows it to people, DIR/demo.pcapng, with an\n\
                        interface for each radio of both nodes, to Wireshark (its passphrase: every client an air of its\n\
                        own).\n\n\
                        With --hop one radio is a station of four foreign networks on four channels at once and hops from\n\
                        one to the next, while one AP loses its power for a while and another changes its keys. The report\n\
                        shows on which channel the radio was when, and what it heard, sent and missed there."
)]
pub struct Args {
    /// Chooses one of many runs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long it is, in simulated seconds [default: 30, with --hop 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: Option<u64>,
    /// One radio that hops between four networks of others, instead of two nodes with their clients
    #[arg(long)]
    hop: bool,
    /// Where report.html and demo.pcapng go; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "airloom-demo")]
    out: PathBuf,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let (report, capture) = (self.out.join("report.html"), self.out.join("demo.pcapng"));
        fs::create_dir_all(&self.out).with_context(|| cannot_write(&self.out))?;
        let file = File::create(&capture).with_context(|| cannot_write(&capture))?;
        let length = Duration::from_secs(self.seconds.unwrap_or(if self.hop { 10 } else { 30 }));
        let out = Box::new(BufWriter::new(file));
        let stopped = || format!("the demo stopped; {} may be incomplete", capture.display());
        let (at, with) = (report.display().to_string(), capture.display().to_string());
        if self.hop {
            let demo = play_hop(self.seed, length, out).with_context(stopped)?;
            let outcome = HopOutcome { report: at, capture: with, ..demo.outcome };
            fs::write(&report, report::hop_html(&demo.story)).with_context(|| cannot_write(&report))?;
            self.tell(&demo.account, &outcome, [&outcome.report, &outcome.capture])
        } else {
            let demo = play(self.seed, length, out).with_context(stopped)?;
            let outcome = Outcome { report: at, capture: with, ..demo.outcome };
            fs::write(&report, report::html(&demo.story)).with_context(|| cannot_write(&report))?;
            self.tell(&demo.account, &outcome, [&outcome.report, &outcome.capture])
        }
    }

    fn tell(&self, account: &str, outcome: &impl Serialize, files: [&str; 2]) -> anyhow::Result<ExitCode> {
        if self.json {
            say_json(outcome)?;
        } else {
            let [report, capture] = files;
            say(format!("{account}\nTo look at: {report} and {capture}\n"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}; choose another folder with --out", path.display())
}
