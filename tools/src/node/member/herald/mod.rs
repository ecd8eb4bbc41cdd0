//! Notices that are signed, and who may be believed: `mesh::announce` in the node.
//!
//! A node begins with an epoch of Ed25519, which needs nothing made before. If it is to announce by a scheme with rows, it
//! makes their chains in small pieces meanwhile, and goes over to such an epoch; and to the next before that one ends. Its
//! public key, the record of its epoch and a row go to each node by the session between the two, which proves whose they
//! are ([`introduction`]).
//!
//! ```text
//! announcement  'a' | as mesh::announce has it
//! ```

mod introduction;
mod scribe;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesh::announce::{
    Claim, ClusterTime, Identity, Item, Journal, NodeId, Profile, Reading, Refusal, SignerState, Verifier,
};
use mesh::engine::MAX_NOTICE;
use stack::random::Random;
use stack::time::Instant;

use self::introduction::{INTRODUCTION, Introduction};
use self::scribe::Scribe;

const ANNOUNCEMENT: u8 = b'a';
/// Nodes that are listened to at the most.
const NODES: usize = 1 << 12;
/// How long a row signs, and how far the clocks of two nodes may be apart.
const PERIOD: Duration = Duration::from_millis(250);
const CLOCK_ERROR: Duration = Duration::from_micros(62_500);
/// How often all nodes get a row. A clock that has jumped is believed again after so long.
const REFRESH: Duration = Duration::from_secs(2);
/// Bytes of items in a notice, beside the longest signature.
const ROOM: usize = MAX_NOTICE - 320;

/// What the cluster's clock says, if it is known, at a moment of the node's own.
pub type ClusterClock = Box<dyn Fn(Instant) -> Option<ClusterTime> + Send>;
/// Where the state of a signer is kept.
pub type SignerJournal = Box<dyn Journal<Error = anyhow::Error> + Send>;

/// With what a node announces.
pub struct Announcing {
    /// How it is to sign.
    pub profile: Profile,
    /// By which key.
    pub identity: Arc<Identity>,
    /// How far it had come before this start.
    pub last: SignerState,
    /// Where that is kept.
    pub journal: SignerJournal,
    /// The clock that all nodes have.
    pub clock: ClusterClock,
    /// How many rows an epoch has, if it has any: four a second.
    pub rows: u32,
    /// For the chains.
    pub random: Box<dyn Random + Send>,
}

impl Announcing {
    fn reading(&self, now: Instant) -> Reading {
        Reading { monotonic: now, cluster: (self.clock)(now) }
    }
}

/// What is worth telling beside claims, where there is room for it.
pub(super) trait Tidings {
    /// The most important of what is due, in at most so many bytes.
    fn due(&mut self, now: Instant, room: usize) -> Vec<Item>;

    /// This has been told.
    fn told(&mut self, now: Instant, items: &[Item]);
}

/// Signs what this node announces and checks what others do.
pub(super) struct Herald {
    scribe: Scribe,
    /// What cannot be saved is not said, now and later.
    silent: bool,
    verifier: Verifier,
    /// When all nodes get a row again.
    refresh: Instant,
    /// Announcements that were refused since the clock had jumped, up to the last refresh.
    lost: u64,
}

/// What a herald has for other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// To be sent to each node by its session.
    Introduction(Vec<u8>),
    /// To be told to all at once.
    Announcement(Vec<u8>),
}

impl Herald {
    pub(super) fn new(now: Instant, me: NodeId, with: Announcing) -> anyhow::Result<Self> {
        let scribe = Scribe::new(now, me, with)?;
        let (verifier, refresh) = (Verifier::new(NODES), now + REFRESH);
        Ok(Self { scribe, silent: false, verifier, refresh, lost: 0 })
    }

    /// These are to be told to all.
    pub(super) fn announce(&mut self, claims: &[Claim]) {
        if !self.silent {
            self.scribe.announce(claims);
        }
    }

    /// What is to be sent to a node that has just come.
    pub(super) fn introduction(&mut self, now: Instant) -> Vec<u8> {
        self.scribe.introduction(now)
    }

    /// Whether a message or notice is for this.
    pub(super) fn is_for_it(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&INTRODUCTION | &ANNOUNCEMENT))
    }

    /// A node introduces itself, by its session. What is wrong with it is counted.
    pub(super) fn handle_introduction(&mut self, now: Instant, from: NodeId, bytes: &[u8]) {
        let Some(Introduction { key, epoch, record, row }) = Introduction::parse(bytes) else { return };
        if !self.verifier.trust(from, key) {
            return;
        }
        // One that is known already, or of an older start, is refused, which is as it should be.
        let opened = self.verifier.handle_epoch_record(now, epoch);
        if !record.is_empty() {
            let _ = self.verifier.handle_row_record(now, record, row);
        } else if let (Ok(opened), false) = (opened, row.is_empty()) {
            let _ = self.verifier.handle_first_row(opened.node, opened.epoch, row);
        }
    }

    /// A notice of another node: what is in it, if it is authentic, of now and new. What is wrong with it is counted.
    pub(super) fn handle_announcement(&mut self, now: Instant, from: NodeId, bytes: &[u8]) -> Vec<Item> {
        let Some(announcement) = bytes.strip_prefix(&[ANNOUNCEMENT]) else { return Vec::new() };
        let at = self.scribe.with.reading(now);
        let Ok(heard) = self.verifier.handle_announcement(at, announcement) else { return Vec::new() };
        if heard.place.node == from { heard.payload.items.collect() } else { Vec::new() }
    }

    /// Nothing of it is believed until it introduces itself again.
    pub(super) fn node_gone(&mut self, node: NodeId) {
        self.verifier.distrust(node);
    }

    /// What was refused, by reason.
    pub(super) fn refusals(&self) -> BTreeMap<String, u64> {
        let all = self.verifier.refusals().iter();
        all.map(|(reason, count)| (reason.name().to_owned(), count)).collect()
    }

    /// Does what is due. `Err` if the state of the signer cannot be saved: from then on it only listens.
    pub(super) fn turn(&mut self, now: Instant, tidings: &mut dyn Tidings) -> anyhow::Result<()> {
        if self.refresh <= now {
            self.refresh = now + REFRESH;
            self.trust_clock();
            if !self.silent {
                self.scribe.refresh(now);
            }
        }
        if self.silent {
            return Ok(());
        }
        let turned = self.scribe.turn(now, tidings);
        self.silent = turned.is_err();
        turned
    }

    /// A clock that was set has jumped, and is right since.
    fn trust_clock(&mut self) {
        let lost = self.verifier.refusals().of(Refusal::ClockLost);
        if lost > self.lost {
            self.lost = lost;
            self.verifier.clock_is_set();
        }
    }

    /// When [`Self::turn`] is due; `eager` says that there are tidings.
    pub(super) fn poll_timeout(&self, eager: bool) -> Option<Instant> {
        let scribe = self.scribe.poll_timeout(eager).filter(|_| !self.silent);
        Some(scribe.map_or(self.refresh, |at| at.min(self.refresh)))
    }

    /// What it has for others.
    pub(super) fn poll_word(&mut self) -> Option<Word> {
        self.scribe.poll_word()
    }
}
