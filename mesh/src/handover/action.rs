//! What the core wants done, and what it tells.

use std::time::Duration;

use stack::wire::MacAddr;

use super::{Context, SecretBytes};
use crate::announce::NodeId;
use crate::lease::{KeyId, Lease, Record};

/// Names what was given to the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// A radio of a node, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadioIndex(u8);

impl RadioIndex {
    /// `None` for 255, which stands for none.
    pub const fn new(number: u8) -> Option<Self> {
        if number == u8::MAX { None } else { Some(Self(number)) }
    }

    /// Its number.
    pub const fn index(self) -> u8 {
        self.0
    }

    pub(super) fn number(radio: Option<Self>) -> u8 {
        radio.map_or(u8::MAX, Self::index)
    }
}

/// How much a context is worth that is to become a virtual AP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Its owner stopped and gave it away: it is complete, and so is its queue.
    Final,
    /// A copy from before. Another may have sent from its queue, which is to be left out, and received since: the
    /// counters of what was received may be behind, so a rekey should follow soon (SEC-H2).
    Copy,
}

/// What is to be done, in this order. Orders to the radios are carried out in the order in which they are given, those
/// for one virtual AP all by the radio that has it.
#[derive(Debug)]
pub enum Action {
    /// Send this to a node. It may be lost.
    Send {
        /// To whom.
        to: NodeId,
        /// What [`Cluster::handle_message`](super::Cluster::handle_message) gets there.
        packet: SecretBytes,
    },
    /// Send this to all nodes at once. It may be lost.
    Notify {
        /// What [`Cluster::handle_message`](super::Cluster::handle_message) gets there.
        packet: SecretBytes,
    },
    /// Set a row of this node.
    WriteRow {
        /// Its key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// Remove a row of this node.
    RemoveRow {
        /// Its key.
        key: Vec<u8>,
    },
    /// Write these records, sync, then call [`Cluster::journal_done`](super::Cluster::journal_done).
    Journal {
        /// To be given back.
        ticket: Ticket,
        /// What to write.
        records: Vec<Record>,
    },
    /// Stop sending data of the virtual AP; what comes goes on being received. Once nothing is in flight,
    /// [`Cluster::handle_drained`](super::Cluster::handle_drained). If its next owner is on another channel, the client has
    /// to be told first.
    Drain {
        /// Which.
        bssid: MacAddr,
        /// Who is to own it.
        to: NodeId,
        /// Which of its radios is to have it, if that is asked for.
        radio: Option<RadioIndex>,
    },
    /// The move is off: go on sending.
    Resume {
        /// Which.
        bssid: MacAddr,
    },
    /// Take the drained virtual AP out of its radio and give its final context to
    /// [`Cluster::handle_taken`](super::Cluster::handle_taken). What still comes for it is acknowledged for a while and
    /// goes to [`Cluster::handle_stray`](super::Cluster::handle_stray).
    Take {
        /// Which.
        bssid: MacAddr,
        /// For how long.
        linger: Duration,
    },
    /// Make the context a virtual AP that transmits, all of its keys within `lease`; then
    /// [`Cluster::handle_adopted`](super::Cluster::handle_adopted) or
    /// [`Cluster::handle_refused`](super::Cluster::handle_refused).
    Activate {
        /// Which.
        bssid: MacAddr,
        /// What it is made of.
        context: Context,
        /// Whence its packet numbers come.
        lease: Lease,
        /// Which radio is to have it, if that is asked for and there is one.
        radio: Option<RadioIndex>,
        /// How much of the context counts.
        provenance: Provenance,
    },
    /// From now on these keys of the virtual AP are used within this lease. A key that is not named has come up since,
    /// and nobody reserved anything for it: it stays in the lease that it has.
    Extend {
        /// Which.
        bssid: MacAddr,
        /// Which of its keys.
        keys: Vec<KeyId>,
        /// Whence its packet numbers come.
        lease: Lease,
    },
    /// Renew the keys of the virtual AP: their generations are running out.
    Rekey {
        /// Which.
        bssid: MacAddr,
    },
    /// Another owns it: stop at once, whatever is in flight, and give all that is left (a queue without what may have
    /// been received) to [`Cluster::handle_taken`](super::Cluster::handle_taken). What still comes for it is acknowledged
    /// for a while, as after [`Take`](Self::Take).
    Stop {
        /// Which.
        bssid: MacAddr,
        /// For how long.
        linger: Duration,
    },
    /// This came for the virtual AP somewhere else: receive or send it. What came twice is dropped as such.
    Stray {
        /// Which.
        bssid: MacAddr,
        /// What was given to [`Cluster::handle_stray`](super::Cluster::handle_stray) there.
        frame: SecretBytes,
    },
    /// Another that had this virtual AP leaves this behind: send its queue, under the rule that a queued MSDU is sent
    /// under its own security association only (SEC-H3), and take over what it has received.
    Merge {
        /// Which.
        bssid: MacAddr,
        /// What is left of it.
        context: Context,
    },
    /// The owner is gone and nobody has its context. A radio that hears the client, and has not heard the virtual AP for
    /// some beacon intervals, tells the client to come again.
    Invite {
        /// Which.
        bssid: MacAddr,
        /// Whom, where it is known.
        client: Option<MacAddr>,
    },
}

/// What happened, for people and for placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A virtual AP of this node is another's now.
    Moved {
        /// Which.
        bssid: MacAddr,
        /// Whose.
        to: NodeId,
    },
    /// A move did not happen; this node still has it, or has it again.
    MoveFailed {
        /// Which.
        bssid: MacAddr,
        /// Where it was to go.
        to: NodeId,
    },
    /// This node has it now.
    Arrived {
        /// Which.
        bssid: MacAddr,
        /// From whom, where that is known.
        from: Option<NodeId>,
        /// Not given but taken over: its owner was lost.
        taken_over: bool,
    },
    /// Another claims it by a higher right: this node stops.
    Superseded {
        /// Which.
        bssid: MacAddr,
        /// By whom.
        by: NodeId,
    },
    /// A virtual AP of another node is no more: its client left, or it was lost and nobody has a copy. Its address is free.
    Ended {
        /// Which.
        bssid: MacAddr,
    },
    /// Two nodes have one slot: the second is not believed (rule U1).
    SlotConflict {
        /// Who is not believed.
        node: NodeId,
    },
}
