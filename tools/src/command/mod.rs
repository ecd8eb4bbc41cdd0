//! The subcommands.

pub mod dump;
