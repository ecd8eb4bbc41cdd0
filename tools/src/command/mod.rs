//! The subcommands.

pub mod decrypt;
pub mod dump;
pub mod replay;
