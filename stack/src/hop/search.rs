//! Looking for networks whose channel nobody knows: channel by channel, all links that look for theirs at once.

use std::collections::VecDeque;
use std::time::Duration;

use crate::slot::OccupantId;
use crate::time::Instant;
use crate::wire::Channel;

/// How long answers to a probe request are waited for. They come within a few milliseconds, if the medium is not busy.
const ASKED: Duration = Duration::from_millis(40);
/// How long beacons are waited for where nothing is asked: an interval of most.
const LISTENED: Duration = Duration::from_millis(110);
/// What a search wants of each second: enough for a channel in one cycle or two, and not so much that others starve.
pub(super) const AIR: Duration = Duration::from_millis(200);
/// Between two rounds at first; it doubles with each that found nothing.
const PAUSE: Duration = Duration::from_millis(200);
const MOST_DOUBLINGS: u32 = 6;

/// How far the search is.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The rest of this round.
    left: VecDeque<Channel>,
    at: Option<Visit>,
    /// When the next round may begin.
    next: Instant,
    rounds: u32,
}

/// A channel that is searched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) channel: Channel,
    pub(super) occupant: OccupantId,
    /// The links look; before, the radio has not come yet.
    pub(super) begun: bool,
}

/// How long one visit is.
pub(super) const fn dwell(passive: bool) -> Duration {
    if passive { LISTENED } else { ASKED }
}

impl Search {
    pub(super) const fn at(&self) -> Option<Visit> {
        self.at
    }

    pub(super) const fn at_mut(&mut self) -> Option<&mut Visit> {
        self.at.as_mut()
    }

    /// A new round may begin.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.at.is_none() && self.next <= now
    }

    /// When it may.
    pub(super) fn deadline(&self) -> Option<(Instant, &'static str)> {
        self.at.is_none().then_some((self.next, "look for networks again"))
    }

    /// A round over these channels; yields the first.
    pub(super) fn begin(&mut self, channels: impl IntoIterator<Item = Channel>) -> Option<Channel> {
        self.left = channels.into_iter().collect();
        self.left.pop_front()
    }

    pub(super) const fn visit(&mut self, channel: Channel, occupant: OccupantId) {
        self.at = Some(Visit { channel, occupant, begun: false });
    }

    /// The next channel of this round, if there is one.
    pub(super) fn next_channel(&mut self) -> Option<Channel> {
        self.left.pop_front()
    }

    /// The round is over: the next one waits for a while, the longer the more have been in vain.
    pub(super) fn rest(&mut self, now: Instant) {
        self.at = None;
        self.next = now + PAUSE * (1 << self.rounds.min(MOST_DOUBLINGS));
        self.rounds += 1;
    }

    /// Somebody new is sought, or nobody is any more: the next round need not wait.
    pub(super) fn renew(&mut self) {
        (self.rounds, self.next) = (0, Instant::ZERO);
    }

    /// Nobody is sought.
    pub(super) fn end(&mut self) -> Option<Visit> {
        self.renew();
        self.left.clear();
        self.at.take()
    }
}
