//! What the tasks of an engine and its owner share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::{Connection, Endpoint, VarInt};
use tokio::sync::{Notify, Semaphore, mpsc};

use super::gossip::Ear;
use super::inbox::Inbox;
use crate::announce::NodeId;
use crate::engine::identity::{Authority, Credentials, NodeStore, Remembered, Subject};
use crate::engine::incarnation::Seen;
use crate::engine::{Counts, Event, Fault, Member, PeerState, Row, Stopped};
use crate::lease::NodeSlot;

/// How many machines are joining at a time.
const JOINING: usize = 16;

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// The node stops.
    Leaving,
    /// There is another session with that node.
    Duplicate,
    /// What was said made no sense.
    Malformed,
    /// The other one is shut out.
    ShutOut(Fault),
}

/// The rows of a node, as the others see them.
pub(super) type Rows = BTreeMap<Vec<u8>, Row>;

pub(super) struct Shared {
    pub(super) subject: Subject,
    pub(super) store: Arc<NodeStore>,
    pub(super) authority: Option<Authority>,
    pub(super) idle: Duration,
    pub(super) address: SocketAddr,
    pub(super) endpoint: Endpoint,
    pub(super) inbox: Inbox,
    pub(super) ear: Ear,
    /// There are changes in [`State::pending`].
    pub(super) publish: Notify,
    /// The engine has to stop.
    pub(super) stop: Notify,
    /// Room for machines that want to join: anybody can ask.
    pub(super) joining: Semaphore,
    /// Its owner lets go of it.
    pub(super) leave: Notify,
    /// As if it had crashed.
    #[cfg(test)]
    pub(super) crash: std::sync::atomic::AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) members: BTreeMap<NodeId, Member>,
    pub(super) sessions: BTreeMap<NodeId, Session>,
    /// What gossip knows of live nodes.
    pub(super) rows: BTreeMap<NodeId, Rows>,
    /// Rows that changed and were not told yet.
    pub(super) changed: BTreeSet<(NodeId, Vec<u8>)>,
    /// This node's rows, and those among them that gossip does not have yet; also what the engine itself says.
    pub(super) own: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) pending: BTreeMap<String, Option<String>>,
    pub(super) dialing: BTreeSet<SocketAddr>,
    pub(super) client: Option<quinn::ClientConfig>,
    pub(super) credentials: Option<Credentials>,
    pub(super) counts: Counts,
    pub(super) stopped: bool,
}

/// A session with another node, the one that messages go by.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) seen: Seen,
    pub(super) address: SocketAddr,
    pub(super) authority: bool,
    pub(super) outbox: mpsc::Sender<Vec<u8>>,
    pub(super) frames: u16,
    /// Answers to challenges.
    pub(super) alive: Arc<Notify>,
}

impl Shared {
    pub(super) fn new(
        store: NodeStore,
        authority: Option<Authority>,
        idle: Duration,
        endpoint: (Endpoint, SocketAddr),
        inbox: Inbox,
        client: quinn::ClientConfig,
        ear: Ear,
    ) -> Self {
        let credentials = Some(store.credentials().clone());
        let state = State { client: Some(client), credentials, ..State::default() };
        let (endpoint, address) = endpoint;
        Self {
            subject: store.subject().clone(),
            store: Arc::new(store),
            authority,
            idle,
            address,
            endpoint,
            inbox,
            ear,
            publish: Notify::new(),
            stop: Notify::new(),
            joining: Semaphore::new(JOINING),
            leave: Notify::new(),
            #[cfg(test)]
            crash: false.into(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn node(&self) -> NodeId {
        node_of(self.subject.slot)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state().counts);
    }

    /// Has a row of the engine itself gossiped.
    pub(super) fn say(&self, key: String, value: String) {
        self.state().pending.insert(key, Some(value));
        self.publish.notify_one();
    }

    /// Shuts a node out: for good, for all, loudly.
    pub(super) fn fence(&self, slot: NodeSlot, fault: Fault) {
        if slot == self.subject.slot {
            return self.stop_for(fault);
        }
        let known = match self.store.remembered(slot) {
            Ok(known) => known,
            Err(error) => return self.fail(&error),
        };
        if known.as_ref().is_some_and(|known| known.fault.is_some()) {
            return;
        }
        let nothing = Remembered { seen: Seen { count: 0, start: 0 }, fault: None, address: String::new() };
        let fenced = Remembered { fault: Some(fault), ..known.unwrap_or(nothing) };
        if let Err(error) = self.store.remember(slot, &fenced) {
            return self.fail(&error);
        }
        if let Some(session) = self.state().sessions.get(&node_of(slot)) {
            close(&session.connection, Goodbye::ShutOut(fault));
        }
        self.inbox.tell(Event::Fenced { slot, fault });
        if fault != Fault::Revoked {
            self.say(format!("f:{}", slot.number()), fault_text(fault).to_owned());
        }
    }

    /// The cluster has shut this node out.
    pub(super) fn stop_for(&self, fault: Fault) {
        // Where it cannot be written, the others refuse this node all the same.
        let _ = self.store.shut_out(fault);
        self.stop_with(Stopped::Fenced(fault));
    }

    pub(super) fn fail(&self, why: &dyn std::fmt::Display) {
        self.stop_with(Stopped::Failed(why.to_string()));
    }

    fn stop_with(&self, stopped: Stopped) {
        if !std::mem::replace(&mut self.state().stopped, true) {
            self.inbox.tell(Event::Stopped(stopped));
            self.stop.notify_one();
        }
    }

    /// A session with a node ended. Without one, and if gossip has not heard of it either, the node is down.
    pub(super) fn session_ended(&self, node: NodeId, stable_id: usize, left: bool) {
        let mut state = self.state();
        if state.sessions.get(&node).is_none_or(|session| session.connection.stable_id() != stable_id) {
            return;
        }
        state.sessions.remove(&node);
        if let Some(member) = state.members.get_mut(&node) {
            member.state = PeerState::Suspect;
            self.inbox.tell(Event::Suspect(node));
        }
        if left {
            state.rows.remove(&node);
        }
        self.settle(&mut state, node);
    }

    /// A node that is suspected, and that gossip does not know as alive, is down.
    pub(super) fn settle(&self, state: &mut State, node: NodeId) {
        let heard = state.rows.contains_key(&node);
        let suspected = state.members.get_mut(&node).filter(|member| member.state == PeerState::Suspect);
        if let Some(member) = suspected.filter(|_| !heard) {
            member.state = PeerState::Down;
            self.inbox.tell(Event::Down(node));
        }
    }
}

impl State {
    /// A node whose rows are shown.
    pub(super) fn is_shown(&self, node: NodeId) -> bool {
        self.members.get(&node).is_some_and(|member| member.state != PeerState::Down)
    }
}

/// The id of the node in a slot.
pub(super) const fn node_of(slot: NodeSlot) -> NodeId {
    NodeId(slot.number() as u64)
}

/// Closes a connection, unless the other side has: what that said is to be heeded, and would be forgotten.
pub(super) fn close(connection: &Connection, goodbye: Goodbye) {
    if connection.close_reason().is_some() {
        return;
    }
    let code = match goodbye {
        Goodbye::Leaving => 0_u32,
        Goodbye::Duplicate => 1,
        Goodbye::Malformed => 2,
        Goodbye::ShutOut(Fault::UsedTwice) => 16,
        Goodbye::ShutOut(Fault::SetBack) => 17,
        Goodbye::ShutOut(Fault::Revoked) => 18,
    };
    connection.close(VarInt::from_u32(code), b"");
}

/// What the other side said when it closed a session.
pub(super) fn goodbye_of(error: &quinn::ConnectionError) -> Option<Goodbye> {
    let quinn::ConnectionError::ApplicationClosed(close) = error else { return None };
    match close.error_code.into_inner() {
        0 => Some(Goodbye::Leaving),
        1 => Some(Goodbye::Duplicate),
        16 => Some(Goodbye::ShutOut(Fault::UsedTwice)),
        17 => Some(Goodbye::ShutOut(Fault::SetBack)),
        18 => Some(Goodbye::ShutOut(Fault::Revoked)),
        _ => Some(Goodbye::Malformed),
    }
}

const fn fault_text(fault: Fault) -> &'static str {
    match fault {
        Fault::UsedTwice => "used twice",
        Fault::SetBack => "set back",
        Fault::Revoked => "revoked",
    }
}
