//! The subcommands.

pub mod ap;
pub mod decrypt;
pub mod demo;
pub mod dump;
pub mod hop;
pub mod mesh;
pub mod move_client;
pub mod replay;
pub mod run;
pub mod status;
pub mod top;

use std::io::{self, ErrorKind, Write};

use anyhow::Context;
use serde::Serialize;

use crate::escape::SafeJson;

/// Writes what a command has to say to standard output. A reader that has seen enough and is gone is no failure.
fn say(report: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(report.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// The same as a line of JSON.
fn say_json(report: &impl Serialize) -> anyhow::Result<()> {
    let mut out = Vec::new();
    report.serialize(&mut serde_json::Serializer::with_formatter(&mut out, SafeJson))?;
    out.push(b'\n');
    say(out)
}
