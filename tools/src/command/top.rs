//! `airloom top`: a node, live.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::CONTROL;
use crate::top;

/// Shows what the node on this host is doing, live: radios, clients and where they are, their moves, drops. Keys: q
/// quits, s sorts, arrows choose a client, whose moves are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  airloom top\n  airloom top --control /run/airloom-north.sock")]
pub struct Args {
    /// The node's control socket
    #[arg(long, value_name = "PATH", default_value = CONTROL)]
    control: PathBuf,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        top::watch(&self.control)?;
        Ok(ExitCode::SUCCESS)
    }
}
