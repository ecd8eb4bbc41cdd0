//! How long a client stays, whatever would be better.

use std::time::Duration;

use stack::time::Instant;

use super::Place;

/// A client stays at least so long where it has come to.
const DWELL: Duration = Duration::from_secs(1);
/// A client that comes back to a place within this time of having left it swings.
const SWING: Duration = Duration::from_secs(20);
/// By every swing the time after which it may go back doubles, up to this.
const MOST: Duration = Duration::from_secs(60);
/// With so much to gain a client is not kept waiting for longer than a few seconds: it has walked.
const CLEAR: f32 = 12.0;
const CLEAR_MOST: Duration = Duration::from_secs(3);
/// After a move that was asked for and did not come about.
const AGAIN: Duration = Duration::from_secs(2);

/// Places that a client has left lately are remembered, so many at the most.
const LEFT: usize = 4;

/// Bounds how often one client is moved: every stay has a least length, and going back where it came from takes the
/// longer, the more often it did so. So the moves between places that are nearly equally good are at most a handful in
/// the first minute, and one a minute after that. Who walks is not held up: not on the way through ever new places, and
/// for three seconds at the most on the way back, where there is much to gain.
#[derive(Clone, Debug, Default)]
pub struct Patience {
    /// It is not moved before.
    until: Instant,
    /// Where it came from, and when it left there; the oldest first.
    left: Vec<(Place, Instant)>,
    swings: u32,
}

impl Patience {
    pub(super) fn joined(&mut self, now: Instant) {
        self.until = now + DWELL;
    }

    pub(super) fn moved(&mut self, now: Instant, from: Place, to: Place) {
        let lately = SWING.max(2 * self.back());
        let back = self.left.iter().any(|(left, at)| *left == to && now.since(*at) < lately);
        self.swings = if back { self.swings.saturating_add(1) } else { self.swings.saturating_sub(1) };
        self.left.retain(|(left, _)| *left != from);
        if self.left.len() >= LEFT {
            self.left.remove(0);
        }
        self.left.push((from, now));
        self.until = now + DWELL;
    }

    pub(super) fn asked(&mut self, now: Instant) {
        self.until = now + AGAIN;
    }

    pub(super) fn refused(&mut self, now: Instant) {
        self.until = now + AGAIN;
    }

    pub(super) fn allows(&self, now: Instant) -> bool {
        now >= self.until
    }

    pub(super) fn allows_to(&self, now: Instant, place: Place, gain: f32) -> bool {
        let back = if gain >= CLEAR { self.back().min(CLEAR_MOST) } else { self.back() };
        self.left.iter().all(|(left, at)| *left != place || now.since(*at) >= back)
    }

    /// How long it stays away from where it came from.
    fn back(&self) -> Duration {
        DWELL.saturating_mul(1 << self.swings.min(6)).min(MOST)
    }
}
