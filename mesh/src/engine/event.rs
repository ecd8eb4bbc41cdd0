//! What an engine tells.

use crate::announce::NodeId;
use crate::lease::NodeSlot;

/// A row of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Rises with every change of any row of that node, within one of its incarnations.
    pub version: u64,
    /// What it says.
    pub value: Vec<u8>,
}

/// How another node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// There is a session with it.
    Up,
    /// The session broke, and others may still hear it.
    Suspect,
    /// Nobody has heard of it for a while, or it said goodbye.
    Down,
}

/// Another node, as its certificate and its hello describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub node: NodeId,
    /// Its slot: a claim of that node which names another slot is to be dropped (rule U1).
    pub slot: NodeSlot,
    /// What it is called.
    pub name: String,
    /// How many times it has started: rises with every restart.
    pub incarnation: u64,
    /// How it is.
    pub state: PeerState,
}

/// Why an identity must not be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Two live nodes have the same slot: its state was copied. Both are out.
    #[error("its slot is used twice: the identity was copied")]
    UsedTwice,
    /// It has started more often than it says: its state is an old copy.
    #[error("its state is older than what the cluster has seen of it: it was set back or copied")]
    SetBack,
    /// The cluster's authority has revoked it.
    #[error("it was revoked")]
    Revoked,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a session with that node: messages and frames pass.
    Up(Member),
    /// The session broke. It is made again when that is possible.
    Suspect(NodeId),
    /// The node is gone, and so are its rows.
    Down(NodeId),
    /// A message.
    Message {
        /// Who sent it, proven.
        from: NodeId,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// A frame.
    Frame {
        /// Who sent it, proven.
        from: NodeId,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// A notice.
    Notice {
        /// Who sent it, proven.
        from: NodeId,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// A row of another node is new, has changed, or is gone. Changes that follow each other closely are told as one.
    Row {
        /// Whose it is.
        node: NodeId,
        /// Which it is.
        key: Vec<u8>,
        /// What it says now.
        row: Option<Row>,
    },
    /// A node is shut out of the cluster. Somebody has to look at it.
    Fenced {
        /// Which slot it claimed.
        slot: NodeSlot,
        /// Why.
        fault: Fault,
    },
    /// The engine has stopped and will not come back: this node must stop transmitting for the cluster.
    Stopped(Stopped),
}

/// Why an engine stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The cluster has shut this node out: it needs a new identity.
    #[error(
        "the cluster has shut this node out: {0}; give it a new identity with `airloom mesh node` or `mesh join`"
    )]
    Fenced(Fault),
    /// Something that it rests on failed.
    #[error("{0}")]
    Failed(String),
}
