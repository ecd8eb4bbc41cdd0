//! `airloom move`: a client's virtual AP goes to another radio.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use stack::wire::MacAddr;

use super::{say, say_json};
use crate::config::CONTROL;
use crate::control::{Answer, Request, ask};

/// Moves a client's virtual AP to another radio by hand, also to one of another node of the cluster. The client notices
/// nothing; if that radio is on another channel, it is told to follow there.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  airloom move 02:00:00:00:04:00 --to phy1\n  airloom move 02:00:00:00:04:00 --to phy0@attic\n  airloom move 02:00:00:00:04:00 --to @attic      (whichever radio that node likes)\n\nWhich clients there are and where says `airloom \
                  status`. A placement by signal may move the client on; [node] placement = \"by-hand\" leaves it there."
)]
pub struct Args {
    /// The client's address
    #[arg(value_name = "CLIENT")]
    client: MacAddr,
    /// The radio that is to serve it, as `airloom status` of its node names it
    #[arg(long, value_name = "[RADIO][@NODE]")]
    to: String,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The node's control socket
    #[arg(long, value_name = "PATH", default_value = CONTROL)]
    control: PathBuf,
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let request = Request::Move { client: self.client.to_string(), to: self.to };
        let Answer::Moved(moved) = ask(&self.control, &request)? else {
            bail!("{} answers something else", self.control.display())
        };
        if self.json {
            say_json(&moved)?;
        } else {
            let gap = |gap| format!(" in {:.3} ms", gap as f64 / 1000.0);
            let gap = moved.gap_us.map_or_else(String::new, gap);
            say(format!("{} went from {} to {}{gap}\n", moved.client, moved.from, moved.to))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
