//! `airloom mesh join`: this machine becomes a node.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use mesh::engine::identity::{NodeName, Token};
use mesh::engine::real::join;
use zeroize::Zeroizing;

use super::{host_as_name, name, say_made};
use crate::config::address;

/// The variable that a token may be in.
const VARIABLE: &str = "AIRLOOM_TOKEN";

/// Makes this machine a node of a cluster, by a token
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  airloom mesh join 10.9.0.1:7450 --token TOKEN --out south.id\n\n\
                        The token also names the cluster: only that one is believed. The node's key is made here and stays here.\n\
                        Left out, the token is taken from AIRLOOM_TOKEN.")]
pub(super) struct Args {
    /// A node of the cluster that has its folder, or an `airloom mesh invite --listen`
    #[arg(value_name = "ADDRESS", value_parser = address)]
    address: SocketAddr,
    /// What `airloom mesh invite` printed
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// What the node is called; left out, as the host
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<NodeName>,
    /// The folder to be made; left out, NAME.id
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let token = self.token.or_else(|| std::env::var(VARIABLE).ok()).map(Zeroizing::new);
        let token = token.with_context(|| format!("no token: give --token or set {VARIABLE}"))?;
        let token = Token::parse(&token)?;
        let name = self.name.map_or_else(host_as_name, Ok)?;
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("{name}.id")));
        let subject = join(self.address, &token, &name, &out)?;
        say_made(&subject, &out, self.json)?;
        Ok(ExitCode::SUCCESS)
    }
}
