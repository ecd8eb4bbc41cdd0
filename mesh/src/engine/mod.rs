//! The engine between nodes: what every node of a cluster tells the others, and what two of them tell each other.
//!
//! One small trait, [`Engine`], in front of three backends, so that the rest of the mesh never knows which it has:
//!
//! - [`Single`]: a node that is alone. Nothing is opened, nothing is sent.
//! - [`Simulated`]: many nodes in one process, in virtual time, under a seed: latency, loss, duplication, reordering,
//!   partitions, crashes.
//! - [`real::Real`]: QUIC with mutual TLS between each pair of nodes, and gossip over it.
//!
//! A node writes its own **rows** and reads those of the others: what it owns, what its radios hear, how busy it is.
//! Rows are soft state: they arrive within a few gossip intervals, heal after a partition by themselves, and are gone
//! when their node is. **Messages** go to one node, in order; contexts and keys travel in these only. **Frames** go to
//! one node as a network would carry them. **Notices** go to all at once and may be lost; a row repairs what they said.

mod event;
pub mod identity;
mod incarnation;
mod pieces;
pub mod real;
mod simulated;
mod single;

pub use event::{Event, Fault, Member, PeerState, Row, Stopped};
pub use simulated::{Backhaul, Link, Simulated, Timing};
pub use single::Single;

use crate::announce::NodeId;
use crate::lease::NodeSlot;

/// The longest key of a row, in bytes.
pub const MAX_KEY: usize = 64;
/// The longest value of a row, in bytes.
pub const MAX_VALUE: usize = 8 * 1024;
/// How many rows a node may have.
pub const MAX_ROWS: usize = 16 * 1024;
/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 1024 * 1024;
/// The longest frame, in bytes: an Ethernet frame of 1514 bytes with some header around it.
pub const MAX_FRAME: usize = 2048;
/// The longest notice, in bytes: what one datagram carries on every path.
pub const MAX_NOTICE: usize = 1024;

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no session with that node now; [`Event::Up`] says when there is one.
    #[error("there is no session with node {}", .0.0)]
    NoSession(NodeId),
    /// What was sent before has not left yet: try again after the next event, or drop it.
    #[error("the queue to node {} is full", .0.0)]
    Full(NodeId),
    /// There are [`MAX_ROWS`] rows.
    #[error("a node has at most {MAX_ROWS} rows")]
    TooManyRows,
    /// It is longer than the limit.
    #[error("{len} bytes are too long: at most {max}")]
    TooLong {
        /// Its length.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// The engine has stopped: [`Event::Stopped`] said why.
    #[error("the engine has stopped")]
    Stopped,
}

/// What was dropped, by reason. Numbers only rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handshakes that failed or were broken off: most often a certificate of another cluster.
    pub handshakes_refused: u64,
    /// Sessions of nodes that are fenced, revoked or not who they were.
    pub members_refused: u64,
    /// Messages, frames, hellos that are not as they should be.
    pub malformed: u64,
    /// Frames and notices that came faster than they were polled.
    pub inbox_full: u64,
    /// Frames whose other half did not come in time.
    pub half_frames: u64,
    /// Frames and notices that there was no room to send.
    pub outbox_full: u64,
}

impl Counts {
    /// Each with the name of its reason.
    pub const fn named(self) -> [(&'static str, u64); 6] {
        [
            ("handshakes_refused", self.handshakes_refused),
            ("members_refused", self.members_refused),
            ("malformed_packets", self.malformed),
            ("inbox_full", self.inbox_full),
            ("half_frames", self.half_frames),
            ("outbox_full", self.outbox_full),
        ]
    }
}

/// A node's way to the others. One thread owns and polls it; the waker given when it was made is called, from any
/// thread, when [`poll_event`](Self::poll_event) has something again.
pub trait Engine {
    /// This node.
    fn node(&self) -> NodeId;

    /// Its slot in the cluster (rule U1): what its certificate says.
    fn slot(&self) -> NodeSlot;

    /// The other nodes known, in the order of their ids, also those that are down.
    fn members(&self) -> Vec<Member>;

    /// Sets a row of this node. The same value again is no change.
    fn publish(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused>;

    /// Removes a row of this node, if it is there.
    fn remove(&mut self, key: &[u8]);

    /// The row of another node; `None` also while that node is down.
    fn row(&self, node: NodeId, key: &[u8]) -> Option<Row>;

    /// Visits the rows of all other nodes, in the order of nodes and keys.
    fn each_row(&self, visit: &mut dyn FnMut(NodeId, &[u8], &Row));

    /// Sends a message to a node. Messages to one node arrive in order and once, as long as the session lasts; what was
    /// under way when it broke may or may not have arrived, and [`Event::Suspect`] or [`Event::Down`] tells both sides.
    fn send(&mut self, to: NodeId, message: &[u8]) -> Result<(), Refused>;

    /// Sends a frame to a node: it arrives or it does not, perhaps out of order.
    fn send_frame(&mut self, to: NodeId, frame: &[u8]) -> Result<(), Refused>;

    /// Sends a notice to every node that there is a session with, at once. It arrives or it does not.
    fn notify(&mut self, notice: &[u8]) -> Result<(), Refused>;

    /// The next thing that happened. Call it until it yields `None`, then again after the waker was called.
    fn poll_event(&mut self) -> Option<Event>;

    /// What was dropped so far.
    fn counts(&self) -> Counts;
}

/// Checks a length against a limit.
const fn check_len(bytes: &[u8], max: usize) -> Result<(), Refused> {
    let len = bytes.len();
    if len > max { Err(Refused::TooLong { len, max }) } else { Ok(()) }
}

/// Checks key and value of a row, and that there is room for it beside `rows` others.
const fn check_row(key: &[u8], value: &[u8], rows: usize) -> Result<(), Refused> {
    if let Err(refused) = check_len(key, MAX_KEY) {
        return Err(refused);
    }
    if let Err(refused) = check_len(value, MAX_VALUE) {
        return Err(refused);
    }
    if rows >= MAX_ROWS { Err(Refused::TooManyRows) } else { Ok(()) }
}
