//! The control socket: a line of JSON for each request, a line of JSON for each answer.

mod client;
mod server;

use serde::{Deserialize, Serialize};

pub use client::ask;
pub use server::{Server, SocketName};

use crate::status::{Move, Status};

/// What may be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// How the node is.
    Status,
    /// A client's virtual AP is to go to another radio.
    Move {
        /// The client's address.
        client: String,
        /// The radio's name, with `@` and the node's name behind it where that is another one.
        to: String,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How the node is.
    Status(Box<Status>),
    /// It went.
    Moved(Move),
    /// Why there is no other answer.
    Error(String),
}

#[cfg(test)]
mod tests;
