//! Which of two claims holds, and when a station changes its place too often.

use std::collections::VecDeque;
use std::time::Duration;

use stack::time::Instant;

use super::Limits;
use crate::announce::{Claim, NodeId};
use crate::lease::Generation;

/// How strong a claim is; the higher holds. A client's is above any on the wire; a later security association above an
/// earlier one, since the client has left that; within one the later owner of the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Strength {
    wireless: bool,
    sequence: u64,
    generation: Generation,
    node: NodeId,
}

/// Whether `claim` has to give way to one that holds.
pub(super) fn is_weaker(claim: &Claim, holds: &Claim) -> bool {
    let of = |claim: &Claim| {
        let Claim { sequence, generation, node, .. } = *claim;
        Strength { wireless: !claim.is_wired(), sequence, generation, node }
    };
    of(claim) < of(holds)
}

/// Whether a client's claim is of a security association that the client has left since: it comes late, and is no dispute.
pub(super) fn is_outdated(claim: &Claim, holds: &Claim) -> bool {
    !claim.is_wired() && claim.sequence < holds.sequence
}

/// The latest changes of a station's place.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    recent: VecDeque<Instant>,
    frozen: Option<Instant>,
}

impl Moves {
    /// Whether the station stays where it is for now.
    pub(super) const fn are_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// The station has moved. `true` if that was once too often.
    pub(super) fn add(&mut self, now: Instant, limits: &Limits) -> bool {
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|at| now.since(*at) > limits.window) {
            self.recent.pop_front();
        }
        let often = self.recent.len() > limits.moves;
        if often {
            self.frozen = Some(now);
            self.recent.clear();
        }
        often
    }

    /// When the station may move again.
    pub(super) fn thaws_at(&self, freeze: Duration) -> Option<Instant> {
        self.frozen.map(|since| since + freeze)
    }

    pub(super) const fn thaw(&mut self) {
        self.frozen = None;
    }
}
