//! Why an identity cannot be made, read or used.

use std::io;
use std::path::{Path, PathBuf};

use crate::engine::Fault;

/// Why an identity cannot be made, read or used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It exists.
    #[error("{} is there already: name a folder that is not", .0.display())]
    Exists(PathBuf),
    /// It holds no cluster.
    #[error("{} is not a cluster's folder: make one with `airloom mesh init --out {}`", .0.display(), .0.display())]
    NoCluster(PathBuf),
    /// It holds no node.
    #[error("{} is not a node's identity: make one with `airloom mesh node` or `airloom mesh join`", .0.display())]
    NoNode(PathBuf),
    /// The state file is open.
    #[error("{} is in use by another airloom", .0.display())]
    InUse(PathBuf),
    /// The state file.
    #[error("the state in {} cannot be used: {why}", path.display())]
    State {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It was copied from another machine.
    #[error(
        "the identity in {} belongs to another machine: an identity is never copied; make a new one with `airloom mesh node` or `airloom mesh join`",
        .0.display()
    )]
    OtherMachine(PathBuf),
    /// The cluster has shut the node out.
    #[error(
        "the identity is shut out of its cluster: {0}; make a new one with `airloom mesh node` or `airloom mesh join`"
    )]
    ShutOut(Fault),
    /// All slots are given away.
    #[error("the cluster has no slot left: a cluster has 4096 nodes in its life")]
    NoSlot,
    /// The slot is nobody's.
    #[error("no node of the cluster has slot {0}")]
    NobodysSlot(u16),
    /// A name that is none.
    #[error("`{0}` is not a node's name: 1 to 32 of a-z, 0-9, `.`, `-` and `_`")]
    Name(String),
    /// A token that is none.
    #[error("this is not a token: `airloom mesh invite` prints one")]
    NoToken,
    /// The token is unknown, used or too old.
    #[error(
        "the token is not valid, not valid any more, or was used: make another with `airloom mesh invite`"
    )]
    TokenRefused,
    /// A certificate or key.
    #[error("{0}")]
    Certificate(String),
}

impl IdentityError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    pub(super) fn state(path: &Path, why: &dyn std::fmt::Display) -> Self {
        Self::State { path: path.to_owned(), why: why.to_string() }
    }

    /// A certificate that cannot be made, or is not what it should be.
    pub(in crate::engine) fn certificate(why: impl std::fmt::Display) -> Self {
        Self::Certificate(format!("certificate: {why}"))
    }
}
