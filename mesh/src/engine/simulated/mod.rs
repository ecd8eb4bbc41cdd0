//! Many nodes in one process, in virtual time: for the model of the whole cluster and for the demo.
//!
//! A [`Backhaul`] is the network between them and the clock they live by; [`Backhaul::join`] starts a node and yields
//! its [`Simulated`] engine. Nothing happens but in [`Backhaul::advance`], and the same seed and calls give the same
//! run. What the real engine does is kept: a session breaks when nothing has passed for [`Timing::suspect`], messages
//! survive loss and shorter cuts but not the end of their session, rows travel by gossip also where two nodes cannot
//! reach each other, and a node is down when nobody has heard of it for [`Timing::down`].

mod gossip;
mod net;
mod node;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stack::random::Random;
use stack::time::Instant;

use self::net::Net;
pub use self::node::Simulated;
use crate::announce::NodeId;
use crate::lease::NodeSlot;

/// How one node's packets reach another: one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Nothing passes if it is not.
    pub open: bool,
    /// How long a packet takes at least.
    pub latency: Duration,
    /// How much longer it may take: frames overtake each other within it.
    pub jitter: Duration,
    /// Packets lost, of 1000. Messages are sent again and come later.
    pub loss: u16,
    /// Frames and notices that arrive twice, of 1000.
    pub duplication: u16,
}

impl Default for Link {
    /// A good wire: a tenth of a millisecond.
    fn default() -> Self {
        let latency = Duration::from_micros(100);
        Self { open: true, latency, jitter: Duration::ZERO, loss: 0, duplication: 0 }
    }
}

/// How fast the engine notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a node gossips, each time with up to three others.
    pub gossip: Duration,
    /// How long after the last packet a session breaks.
    pub suspect: Duration,
    /// How long after the last news of a node that there is no session with it is down.
    pub down: Duration,
    /// How long after a lost packet a message is sent again.
    pub again: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            gossip: Duration::from_millis(50),
            suspect: Duration::from_millis(200),
            down: Duration::from_millis(500),
            again: Duration::from_millis(10),
        }
    }
}

/// The simulated network between nodes. A clone is the same network.
#[derive(Clone)]
pub struct Backhaul(Arc<Mutex<Net>>);

impl Backhaul {
    /// A network without nodes. `random` decides what is lost and how late the rest comes.
    pub fn new(timing: Timing, random: Box<dyn Random + Send>) -> Self {
        Self(Arc::new(Mutex::new(Net::new(timing, random))))
    }

    /// Starts a node, for the first time or again after [`crash`](Self::crash). A node that runs is replaced by a new
    /// incarnation of it; its old engine is stopped.
    pub fn join(&self, now: Instant, node: NodeId, slot: NodeSlot, name: &str) -> Simulated {
        let mut net = self.net();
        net.advance(now);
        let incarnation = net.join(node, slot, name);
        Simulated { net: self.clone(), node, slot, incarnation }
    }

    /// The node is gone, from one moment to the next. Its engine is stopped.
    pub fn crash(&self, now: Instant, node: NodeId) {
        let mut net = self.net();
        net.advance(now);
        net.crash(node);
    }

    /// How packets go between all nodes that [`set_link`](Self::set_link) says nothing about.
    pub fn set_usual_link(&self, now: Instant, link: Link) {
        let mut net = self.net();
        net.advance(now);
        net.set_usual_link(link);
    }

    /// How packets of `from` reach `to`.
    pub fn set_link(&self, now: Instant, from: NodeId, to: NodeId, link: Link) {
        let mut net = self.net();
        net.advance(now);
        net.set_link(from, to, link);
    }

    /// Lets time pass: all that is due up to `now` happens.
    pub fn advance(&self, now: Instant) {
        self.net().advance(now);
    }

    /// When [`advance`](Self::advance) has something to do next. It may change with every call on the network or on an
    /// engine.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.net().poll_timeout()
    }

    fn net(&self) -> MutexGuard<'_, Net> {
        // A test that failed in between has failed already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Backhaul {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Backhaul(..)")
    }
}
