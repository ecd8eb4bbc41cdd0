//! Who a node is: the cluster's authority, certificates, tokens to join with, and what a node keeps.
//!
//! This is the edge: it reads and writes files. Time and randomness still come in as arguments.

mod authority;
mod certificate;
mod denial;
mod error;
mod files;
pub(super) mod hex;
mod store;
#[cfg(test)]
mod tests;
mod token;

pub use authority::{Authority, Invitation};
pub use certificate::{Credentials, NODE_LIFETIME, NodeName, Subject};
pub use denial::Denial;
pub use error::IdentityError;
pub(super) use store::Remembered;
pub use store::{JournalLine, MachineId, NodeStore};
pub use token::Token;

pub(super) use certificate::{PublicKey, SERVER_NAME, new_key, public_key_of};
