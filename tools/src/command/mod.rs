//! The subcommands.

pub mod ap;
pub mod decrypt;
pub mod demo;
pub mod dump;
pub mod replay;
pub mod run;
pub mod status;
pub mod top;
