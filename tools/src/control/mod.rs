//! The control socket: a line of JSON for each request, a line of JSON for each answer.

mod client;
mod server;

use serde::{Deserialize, Serialize};

pub use client::ask;
pub use server::{Server, SocketName};

use crate::status::Status;

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// How the node is.
    Status,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How the node is.
    Status(Box<Status>),
    /// Why there is no other answer.
    Error(String),
}

#[cfg(test)]
mod tests;
