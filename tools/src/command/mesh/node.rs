//! `airloom mesh node`: a node's identity, made where the cluster's folder is.

use std::path::PathBuf;
use std::process::ExitCode;

use mesh::engine::identity::{Authority, NodeName, NodeStore, Subject};

use super::{name, now, say_made};

/// Makes a node's identity, offline
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  airloom mesh node north --cluster cluster --out north.id\n\n\
                        Move the folder to the host of that node before the node is started for the first time: from then on\n\
                        it belongs to that machine. Or let the host join by itself: airloom mesh invite.")]
pub(super) struct Args {
    /// What the node is called
    #[arg(value_name = "NAME", value_parser = name)]
    name: NodeName,
    /// The cluster's folder
    #[arg(long, value_name = "DIR")]
    cluster: PathBuf,
    /// The folder to be made
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let authority = Authority::open(&self.cluster)?;
        // A slot that is given is given for good: not for a folder that cannot be made.
        if self.out.exists() {
            anyhow::bail!("{} is there already: name a folder that is not", self.out.display());
        }
        let credentials = authority.admit(&self.name, now())?;
        NodeStore::create(&self.out, &credentials, &[])?;
        say_made(&Subject::of(&credentials.certificate)?, &self.out, self.json)?;
        Ok(ExitCode::SUCCESS)
    }
}
