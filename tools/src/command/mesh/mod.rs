//! `airloom mesh`: clusters of nodes, and who belongs to them.

mod init;
mod invite;
mod join;
mod node;
mod revoke;

use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Subcommand;
use mesh::engine::identity::{NodeName, Subject};
use serde::Serialize;

use super::{say, say_json};
use crate::config::name_of_host;

/// Makes clusters of nodes, and nodes of clusters.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: two hosts, the first of which makes the cluster and lets the second join\n  \
                        airloom mesh init --out cluster\n  airloom mesh node north --cluster cluster --out north.id\n  \
                        airloom mesh invite --cluster cluster --listen 10.9.0.1:7451\n\n  \
                        airloom mesh join 10.9.0.1:7451 --token TOKEN --out south.id          # on the second\n\n\
                        Each names its folder in its file:\n  [mesh]\n  listen = \"10.9.0.1:7450\"\n  identity = \"north.id\"\n  \
                        authority = \"cluster\"      # on the host that renews certificates, and answers invitations\n\n\
                        An identity is one node's: it is never copied. A node that lost it joins again."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Node(node::Args),
    Invite(invite::Args),
    Join(join::Args),
    Revoke(revoke::Args),
}

impl Args {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Init(args) => args.run(),
            Command::Node(args) => args.run(),
            Command::Invite(args) => args.run(),
            Command::Join(args) => args.run(),
            Command::Revoke(args) => args.run(),
        }
    }
}

/// A node that was made.
#[derive(Serialize)]
struct Made<'a> {
    cluster: &'a str,
    node: &'a str,
    slot: u16,
    identity: String,
}

fn say_made(subject: &Subject, folder: &Path, json: bool) -> anyhow::Result<()> {
    let (cluster, node, slot) = (subject.cluster.as_str(), subject.name.as_str(), subject.slot.number());
    let identity = folder.display().to_string();
    if json {
        return say_json(&Made { cluster, node, slot, identity });
    }
    let key = format!("{:?}", folder.display().to_string());
    say(format!(
        "{node} is in the cluster {cluster}, slot {slot}; its identity is in {identity}. In its file:\n\n\
         [mesh]\nlisten = \"ADDRESS:7450\"     # an address of this host\nidentity = {key}\n"
    ))
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn name(text: &str) -> Result<NodeName, String> {
    NodeName::new(text).map_err(|error| error.to_string())
}

/// The host's name as that of a node: what cannot stand in one becomes `-`.
fn host_as_name() -> anyhow::Result<NodeName> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let host = name_of_host().to_lowercase();
    let text: String = host.chars().take(32).map(|c| if fits(c) { c } else { '-' }).collect();
    Ok(NodeName::new(&text)?)
}
