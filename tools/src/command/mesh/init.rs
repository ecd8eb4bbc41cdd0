//! `airloom mesh init`: a new cluster.

use std::path::PathBuf;
use std::process::ExitCode;

use mesh::engine::identity::{Authority, NodeName};

use super::{name, now, say};

/// Makes a cluster: the key that says which nodes belong to it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  airloom mesh init --out cluster\n\nWhoever can read the folder can add nodes: keep it on one host, and a copy where nobody else has access.\n\
                        Slots are given from it: never use two copies at the same time."
)]
pub(super) struct Args {
    /// The folder to be made
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the cluster is called
    #[arg(long, default_value = "airloom", value_parser = name)]
    name: NodeName,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let authority = Authority::create(&self.out, &self.name, now())?;
        let (cluster, folder) = (authority.cluster(), self.out.display());
        say(format!(
            "the cluster {cluster} is in {folder}. Next: airloom mesh node NAME --cluster {folder} --out NAME.id\n"
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
