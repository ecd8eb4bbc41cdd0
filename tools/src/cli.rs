//! The subcommands and their dispatch. Exit codes: 0 done, 1 it failed, 2 wrong use (clap's own).

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::command;

/// A userspace 802.11 MAC on Linux monitor interfaces.
#[derive(Debug, Parser)]
#[command(name = "airloom", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// One variant a subcommand; its arguments and its code live in `command/`.
#[derive(Debug, Subcommand)]
enum Command {
    Ap(Box<command::ap::Args>),
    Decrypt(command::decrypt::Args),
    Demo(command::demo::Args),
    Dump(command::dump::Args),
    Hop(command::hop::Args),
    Mesh(command::mesh::Args),
    Move(command::move_client::Args),
    Replay(command::replay::Args),
    Run(command::run::Args),
    Status(command::status::Args),
    Top(command::top::Args),
}

/// The program, from its arguments to its exit code.
pub fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // Where nobody can be told, the exit code says it.
            let _ = writeln!(std::io::stderr(), "airloom: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    /// Runs the subcommand that was asked for.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Ap(args) => args.run(),
            Command::Decrypt(args) => args.run(),
            Command::Demo(args) => args.run(),
            Command::Dump(args) => args.run(),
            Command::Hop(args) => args.run(),
            Command::Mesh(args) => args.run(),
            Command::Move(args) => args.run(),
            Command::Replay(args) => args.run(),
            Command::Run(args) => args.run(),
            Command::Status(args) => args.run(),
            Command::Top(args) => args.run(),
        }
    }
}
