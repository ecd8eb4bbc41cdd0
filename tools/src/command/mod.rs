//! The subcommands.

pub mod decrypt;
pub mod dump;
