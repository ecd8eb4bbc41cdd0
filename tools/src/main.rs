//! The command line: one binary, one module a subcommand.

#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = airloom::cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            // Where nobody can be told, the exit code says it.
            let _ = writeln!(std::io::stderr(), "airloom: {error:#}");
            ExitCode::FAILURE
        }
    }
}
