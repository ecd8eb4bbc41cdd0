//! The engine between real nodes: QUIC sessions with mutual TLS, and gossip over them.
//!
//! ```text
//! owner's thread          the engine's own thread (tokio)
//! Real --- publish, send ---> Shared ---> session (one a peer): messages, frames, notices
//!  ^                            |  ^         ^
//!  +---- Inbox <- events -------+  +-- gossip (chitchat): rows, who lives --+
//! ```
//!
//! Nodes dial each other as gossip learns their addresses. Every session begins with a greeting, in which both sides
//! hold the other's certificate and start against what they have seen of it.

mod gossip;
mod greet;
mod hello;
mod inbox;
mod join;
mod renew;
mod session;
mod shared;
#[cfg(test)]
mod tests;
mod tls;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use quinn::{Endpoint, TokioRuntime};

use self::inbox::Inbox;
pub use self::inbox::Waker;
pub use self::join::{join, serve_invitation};
use self::shared::{Goodbye, Shared, close};
use super::identity::hex::to_hex;
use super::identity::{Authority, IdentityError, NodeStore};
use super::pieces::split;
use super::{
    Counts, Engine, Event, MAX_FRAME, MAX_MESSAGE, MAX_NOTICE, Member, PeerState, Refused, Row, check_len,
    check_row,
};
use crate::announce::NodeId;
use crate::lease::NodeSlot;

/// How a node takes part in a cluster.
#[derive(Debug)]
pub struct RealConfig {
    /// Where it listens, an address that the others reach.
    pub listen: SocketAddr,
    /// Other nodes: any one that lives is enough. Nodes that were seen before need not be named.
    pub peers: Vec<SocketAddr>,
    /// How often it gossips.
    pub gossip: Duration,
    /// How long after the last packet a session breaks; a quarter of it is the longest silence.
    pub idle: Duration,
    /// The key of the cluster's authority, if this node has it: it renews certificates and lets machines join.
    pub authority: Option<Authority>,
}

impl RealConfig {
    /// The usual times.
    pub const fn new(listen: SocketAddr, peers: Vec<SocketAddr>) -> Self {
        let (gossip, idle) = (Duration::from_millis(50), Duration::from_millis(250));
        Self { listen, peers, gossip, idle, authority: None }
    }
}

/// Why an engine did not start, or a machine did not join.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Who this node is.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The socket.
    #[error("cannot listen at {0}: {1}; name an address of this host whose port is free")]
    Socket(SocketAddr, io::Error),
    /// The thread.
    #[error("cannot start the engine: {0}")]
    Thread(io::Error),
    /// Gossip did not start.
    #[error("cannot gossip: {0}")]
    Gossip(String),
    /// Nobody is there.
    #[error(
        "nobody answers at {0}: is it the `listen` of a node with `authority`, or of `airloom mesh invite --listen`?"
    )]
    NoAnswer(SocketAddr),
    /// It is not the cluster of the token, or the connection broke.
    #[error("cannot join by way of {0}: {1}")]
    Join(SocketAddr, String),
    /// The cluster does not let it in.
    #[error("the cluster says: {0}")]
    Refused(String),
}

/// A node of a real cluster. Dropping it says goodbye to the others.
pub struct Real {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Real {
    /// Starts the engine on a thread of its own. `waker` is called from there.
    pub fn start(store: NodeStore, config: RealConfig, waker: Waker) -> Result<Self, EngineError> {
        let listen = config.listen;
        let socket = UdpSocket::bind(listen).map_err(|error| EngineError::Socket(listen, error))?;
        let (told, tells) = mpsc::channel();
        let thread = thread::Builder::new().name("mesh".to_owned());
        let thread = thread.spawn(move || {
            let made = runtime().and_then(|runtime| {
                let entered = runtime.enter();
                let parts = open(store, config, socket, Inbox::new(waker))?;
                drop(entered);
                Ok((runtime, parts))
            });
            match made {
                Ok((runtime, parts)) => {
                    let shared = Arc::clone(&parts.shared);
                    let _ = told.send(Ok(Arc::clone(&shared)));
                    runtime.block_on(live(parts));
                }
                Err(error) => drop(told.send(Err(error))),
            }
        });
        let thread = thread.map_err(EngineError::Thread)?;
        let gone = || EngineError::Thread(io::ErrorKind::BrokenPipe.into());
        let shared = tells.recv().map_err(|_| gone())??;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The node's state, for the journal of packet numbers.
    pub fn store(&self) -> Arc<NodeStore> {
        Arc::clone(&self.shared.store)
    }

    /// Until when its certificate is valid, in seconds since 1970.
    pub fn certificate_until(&self) -> u64 {
        self.shared.state().credentials.as_ref().map_or(0, |credentials| credentials.until)
    }

    /// Ends as a crash would: nobody hears a goodbye.
    #[cfg(test)]
    fn crash(&mut self) {
        self.shared.crash.store(true, std::sync::atomic::Ordering::Release);
        self.shared.leave.notify_one();
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn change(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Refused> {
        let mut state = self.shared.state();
        if state.stopped {
            return Err(Refused::Stopped);
        }
        let same = state.own.get(key).map(Vec::as_slice) == value;
        if let Some(value) = value {
            check_row(key, value, if state.own.contains_key(key) { 0 } else { state.own.len() })?;
            state.own.insert(key.to_vec(), value.to_vec());
        } else {
            state.own.remove(key);
        }
        if !same {
            state.pending.insert(format!("r:{}", to_hex(key)), value.map(to_hex));
            self.shared.publish.notify_one();
        }
        Ok(())
    }

    /// The next row that changed, as it is now.
    fn changed_row(&self) -> Option<Event> {
        let mut state = self.shared.state();
        loop {
            let (node, key) = state.changed.pop_first()?;
            if state.is_shown(node) {
                let row = state.rows.get(&node).and_then(|rows| rows.get(&key)).cloned();
                return Some(Event::Row { node, key, row });
            }
        }
    }
}

impl Engine for Real {
    fn node(&self) -> NodeId {
        self.shared.node()
    }

    fn slot(&self) -> NodeSlot {
        self.shared.subject.slot
    }

    fn members(&self) -> Vec<Member> {
        self.shared.state().members.values().cloned().collect()
    }

    fn publish(&mut self, key: &[u8], value: &[u8]) -> Result<(), Refused> {
        self.change(key, Some(value))
    }

    fn remove(&mut self, key: &[u8]) {
        // A node that has stopped has no rows.
        let _ = self.change(key, None);
    }

    fn row(&self, node: NodeId, key: &[u8]) -> Option<Row> {
        let state = self.shared.state();
        state.rows.get(&node).filter(|_| state.is_shown(node))?.get(key).cloned()
    }

    fn each_row(&self, visit: &mut dyn FnMut(NodeId, &[u8], &Row)) {
        let state = self.shared.state();
        for (node, rows) in state.rows.iter().filter(|(node, _)| state.is_shown(**node)) {
            rows.iter().for_each(|(key, row)| visit(*node, key, row));
        }
    }

    fn send(&mut self, to: NodeId, message: &[u8]) -> Result<(), Refused> {
        check_len(message, MAX_MESSAGE)?;
        let state = self.shared.state();
        let session = state.sessions.get(&to).ok_or(Refused::NoSession(to))?;
        session.outbox.try_send(message.to_vec()).map_err(|error| match error {
            tokio::sync::mpsc::error::TrySendError::Full(_) => Refused::Full(to),
            tokio::sync::mpsc::error::TrySendError::Closed(_) => Refused::NoSession(to),
        })
    }

    fn send_frame(&mut self, to: NodeId, frame: &[u8]) -> Result<(), Refused> {
        check_len(frame, MAX_FRAME)?;
        let mut state = self.shared.state();
        let session = state.sessions.get_mut(&to).ok_or(Refused::NoSession(to))?;
        let connection = session.connection.clone();
        session.frames = session.frames.wrapping_add(1);
        let max = connection.max_datagram_size().unwrap_or(0);
        let pieces = split(frame, session.frames, max).ok_or(Refused::TooLong { len: frame.len(), max })?;
        let (first, second) = pieces;
        let len = first.len() + second.as_ref().map_or(0, Vec::len);
        if connection.datagram_send_buffer_space() < len {
            state.counts.outbox_full += 1;
            return Err(Refused::Full(to));
        }
        drop(state);
        for piece in [Some(first), second].into_iter().flatten() {
            connection.send_datagram(piece.into()).map_err(|_| Refused::NoSession(to))?;
        }
        Ok(())
    }

    fn notify(&mut self, notice: &[u8]) -> Result<(), Refused> {
        check_len(notice, MAX_NOTICE)?;
        let mut state = self.shared.state();
        if state.stopped {
            return Err(Refused::Stopped);
        }
        let bytes = bytes::Bytes::from([&[session::NOTICE], notice].concat());
        let lost = state.sessions.values().filter(|session| {
            let full = session.connection.datagram_send_buffer_space() < bytes.len();
            full || session.connection.send_datagram(bytes.clone()).is_err()
        });
        let lost = lost.count();
        state.counts.outbox_full += u64::try_from(lost).unwrap_or(u64::MAX);
        Ok(())
    }

    fn poll_event(&mut self) -> Option<Event> {
        let next = |this: &Self| this.shared.inbox.pop().or_else(|| this.changed_row());
        next(self).or_else(|| {
            self.shared.inbox.found_nothing();
            next(self)
        })
    }

    fn counts(&self) -> Counts {
        self.shared.state().counts
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.shared.leave.notify_one();
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell any more, however it ended.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for Real {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Real").field("node", &self.shared.node()).finish_non_exhaustive()
    }
}

/// What an engine lives on.
struct Parts {
    shared: Arc<Shared>,
    inward: gossip::Heard,
    interval: Duration,
    peers: Vec<SocketAddr>,
}

/// Opens the endpoint; inside the runtime.
fn open(store: NodeStore, config: RealConfig, socket: UdpSocket, inbox: Inbox) -> Result<Parts, EngineError> {
    let RealConfig { listen, mut peers, gossip: interval, idle, authority } = config;
    let failed = |error| EngineError::Socket(listen, error);
    let server = tls::server(store.credentials(), authority.is_some(), idle)?;
    let client = tls::client(store.credentials(), idle)?;
    let endpoint =
        Endpoint::new(tls::endpoint()?, Some(server), socket, Arc::new(TokioRuntime)).map_err(failed)?;
    let address = endpoint.local_addr().map_err(failed)?;
    peers.extend(store.addresses()?.iter().filter_map(|address| address.parse::<SocketAddr>().ok()));
    peers.retain(|peer| *peer != address);
    let (ear, inward) = gossip::queue();
    let shared = Shared::new(store, authority, idle, (endpoint, address), inbox, client, ear);
    Ok(Parts { shared: Arc::new(shared), inward, interval, peers })
}

/// Runs until the owner leaves, or the engine has to stop.
async fn live(parts: Parts) {
    let Parts { shared, inward, interval, peers } = parts;
    let handle = match gossip::start(&shared, inward, interval, peers).await {
        Ok(handle) => handle,
        Err(error) => return shared.fail(&error),
    };
    gossip::say_denials(&shared);
    let ended = handle.termination_watcher();
    tokio::select! {
        () = greet::accept(Arc::clone(&shared)) => {}
        () = gossip::publish(Arc::clone(&shared), &handle) => {}
        () = gossip::follow(Arc::clone(&shared), &handle) => shared.fail(&"gossip has ended"),
        () = renew::watch(Arc::clone(&shared)) => {}
        result = ended => shared.fail(&format!("gossip has ended: {result:?}")),
        () = shared.stop.notified() => {}
        () = shared.leave.notified() => {}
    }
    #[cfg(test)]
    if shared.crash.load(std::sync::atomic::Ordering::Acquire) {
        return;
    }
    shared.state().sessions.values().for_each(|session| close(&session.connection, Goodbye::Leaving));
    shared.endpoint.close(0_u32.into(), b"");
    // So that the others hear the goodbye; whoever does not will see that it is gone.
    let _ = tokio::time::timeout(shared.idle, shared.endpoint.wait_idle()).await;
    let mut state = shared.state();
    state.stopped = true;
    for member in state.members.values_mut() {
        member.state = PeerState::Down;
    }
    state.sessions.clear();
}

fn runtime() -> Result<tokio::runtime::Runtime, EngineError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(EngineError::Thread)
}

/// The time of certificates: seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the edge reads the clock that certificates are about")]
fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
