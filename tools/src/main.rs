//! The command line: one binary, one module a subcommand.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = airloom::cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("airloom: {error:#}");
            ExitCode::FAILURE
        }
    }
}
