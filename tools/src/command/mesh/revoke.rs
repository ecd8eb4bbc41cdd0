//! `airloom mesh revoke`: a node is shut out.

use std::path::PathBuf;
use std::process::ExitCode;

use mesh::engine::identity::{Authority, NodeName};
use mesh::lease::NodeSlot;

use super::say;

/// Shuts a node out of its cluster, for good
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom mesh revoke north --cluster cluster\n  airloom mesh revoke 7 --cluster cluster\n\n\
                        The denial is signed, and told to all by a running node whose file says `authority = \"cluster\"`.\n\
                        If several nodes had the name, say which by its slot."
)]
pub(super) struct Args {
    /// Its name, or its slot
    #[arg(value_name = "NODE")]
    node: String,
    /// The cluster's folder
    #[arg(long, value_name = "DIR")]
    cluster: PathBuf,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let authority = Authority::open(&self.cluster)?;
        let slot = self.slot(&authority)?;
        authority.deny(slot)?;
        say(format!("slot {} is denied; running nodes with `authority` tell the others\n", slot.number()))?;
        Ok(ExitCode::SUCCESS)
    }

    fn slot(&self, authority: &Authority) -> anyhow::Result<NodeSlot> {
        if let Some(slot) = self.node.parse().ok().and_then(NodeSlot::new) {
            return Ok(slot);
        }
        match authority.slots_of(&NodeName::new(&self.node)?)[..] {
            [slot] => Ok(slot),
            [] => anyhow::bail!("no node of the cluster is called {}", self.node),
            ref slots => {
                let slots: Vec<String> = slots.iter().map(|slot| slot.number().to_string()).collect();
                anyhow::bail!("several nodes are called {}: say which slot, {}", self.node, slots.join(", "))
            }
        }
    }
}
