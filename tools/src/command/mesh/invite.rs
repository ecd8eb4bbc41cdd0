//! `airloom mesh invite`: a token that lets one machine join.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use mesh::engine::identity::Authority;
use mesh::engine::real::serve_invitation;
use serde::Serialize;

use super::{now, say, say_json};
use crate::config::{address, duration};
use crate::node::OsRandom;

/// Prints a token that lets one machine join, once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  airloom mesh invite --cluster cluster\n  airloom mesh invite --cluster cluster --listen 10.9.0.1:7451\n\n\
                        Whoever has the token can join with it, once, until it is too old: hand it over as you would a password.\n\
                        A running node whose file says `authority = \"cluster\"` answers it; without one, --listen does."
)]
pub(super) struct Args {
    /// The cluster's folder
    #[arg(long, value_name = "DIR")]
    cluster: PathBuf,
    /// How long the token is good
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = duration)]
    valid: Duration,
    /// Answer here until the token was used or is too old
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,
    /// Report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    token: &'a str,
    until: u64,
}

impl Args {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let authority = Arc::new(Authority::open(&self.cluster)?);
        let invitation = authority.invite(now(), self.valid, &mut OsRandom)?;
        let token = invitation.token.to_text();
        let address = self.listen.map_or_else(|| "ADDRESS:PORT".to_owned(), |listen| listen.to_string());
        let show = || match self.json {
            true => say_json(&Report { token: &token, until: invitation.until }),
            false => say(format!(
                "{}\n\non the other host: airloom mesh join {address} --token {}\n",
                *token, *token
            )),
        };
        let Some(listen) = self.listen else {
            show()?;
            return Ok(ExitCode::SUCCESS);
        };
        let mut shown = Ok(());
        let used = serve_invitation(&authority, &invitation, listen, |_| shown = show())?;
        shown?;
        if !used {
            anyhow::bail!("nobody came before the token was too old: make another");
        }
        Ok(ExitCode::SUCCESS)
    }
}
