//! `airloom demo`: two nodes and their clients on the simulated air.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use super::{say, say_json};
use crate::demo::play;
use crate::report;

/// Plays two nodes with two radios each and six clients that walk on a simulated air, and shows what happened. No radio
/// and no root are needed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom demo\n  airloom demo --seed 7 --seconds 60 --out seven\n  airloom demo --json | jq .msdus_lost\n\n\
                        The clients join, walk, doze and exchange numbered messages; their virtual APs follow them from\n\
                        radio to radio and from node to node, until the power of one node fails and the other takes its\n\
                        clients over. All frames are made and understood by the code that runs on real radios. The same\n\
                        seed and length give the same run. DIR/report.html shows it to people, DIR/demo.pcapng, with an\n\
                        interface for each radio of both nodes, to Wireshark (its passphrase: every client an air of its\n\
                        own)."
)]
pub struct Args {
    /// Chooses one of many runs
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long it is, in simulated seconds
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
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
        let length = Duration::from_secs(self.seconds);
        let mut demo = play(self.seed, length, Box::new(BufWriter::new(file)))
            .with_context(|| format!("the demo stopped; {} may be incomplete", capture.display()))?;
        fs::write(&report, report::html(&demo.story)).with_context(|| cannot_write(&report))?;
        demo.outcome.report = report.display().to_string();
        demo.outcome.capture = capture.display().to_string();
        if self.json {
            say_json(&demo.outcome)?;
        } else {
            let (report, capture) = (&demo.outcome.report, &demo.outcome.capture);
            say(format!("{}\nTo look at: {report} and {capture}\n", demo.account))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}; choose another folder with --out", path.display())
}
