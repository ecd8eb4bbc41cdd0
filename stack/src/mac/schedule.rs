//! Whose turn it is: deficit round robin over air time, within each access category.

use std::collections::VecDeque;

use crate::mac::AccessCategory;
use crate::mac::peer::Peer;

/// What came of a turn.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn<T> {
    /// This goes out; the turn goes on.
    Sent(T),
    /// The share is used up for now; the others come first.
    Spent,
    /// Nothing to send: out of the ring until there is.
    Idle,
}

/// The peers of one radio that have something to send, by the key under which their owner finds them. Categories are
/// served in their order; within one, every peer gets the same air time.
#[derive(Debug)]
pub struct Scheduler<K> {
    rings: [VecDeque<K>; 4],
}

impl<K: Copy> Scheduler<K> {
    /// Nobody has anything to send.
    pub const fn new() -> Self {
        Self { rings: [VecDeque::new(), VecDeque::new(), VecDeque::new(), VecDeque::new()] }
    }

    /// Puts the peer into the rings of the categories in which it is ready. To be called after anything that may have
    /// made it so; calling it too often does no harm.
    pub fn wake(&mut self, key: K, peer: &mut Peer, peer_window: usize) {
        for (category, ring) in AccessCategory::ALL.into_iter().zip(&mut self.rings) {
            if peer.is_ready(category, peer_window) && peer.list(category) {
                ring.push_back(key);
            }
        }
    }

    /// Gives turns until something is sent or nobody has anything. `serve` finds the peer and polls it; for a peer that is
    /// gone it says [`Turn::Idle`], and for one that says so itself it calls [`Peer::unlist`].
    pub fn poll<T>(&mut self, mut serve: impl FnMut(K, AccessCategory) -> Turn<T>) -> Option<T> {
        for (category, ring) in AccessCategory::ALL.into_iter().zip(&mut self.rings) {
            while let Some(&key) = ring.front() {
                match serve(key, category) {
                    Turn::Sent(sent) => return Some(sent),
                    Turn::Spent => ring.rotate_left(1),
                    Turn::Idle => drop(ring.pop_front()),
                }
            }
        }
        None
    }

    /// Takes a peer that is gone out of all rings, so that its place there is not another's.
    pub fn forget(&mut self, key: K)
    where
        K: PartialEq,
    {
        for ring in &mut self.rings {
            ring.retain(|&other| other != key);
        }
    }

    /// Nobody has anything to send.
    pub fn is_empty(&self) -> bool {
        self.rings.iter().all(VecDeque::is_empty)
    }
}

impl<K: Copy> Default for Scheduler<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl Peer {
    /// Says that the peer is no longer in the ring of this category; goes with every [`Turn::Idle`] of a peer.
    pub const fn unlist(&mut self, category: AccessCategory) {
        *self.listed(category) = false;
    }

    fn list(&mut self, category: AccessCategory) -> bool {
        !std::mem::replace(self.listed(category), true)
    }

    const fn listed(&mut self, category: AccessCategory) -> &mut bool {
        let [voice, video, best_effort, background] = &mut self.tx.listed;
        match category {
            AccessCategory::Voice => voice,
            AccessCategory::Video => video,
            AccessCategory::BestEffort => best_effort,
            AccessCategory::Background => background,
        }
    }
}
