//! Where the radio is on its way, and what its hops have taken so far.

use std::time::Duration;

use crate::slot::Hop;
use crate::time::Instant;
use crate::wire::Channel;

/// So long after the edge of the slot the APs are told that we leave. One that has not heard it by then is hardly there.
pub(super) const GRACE: Duration = Duration::from_millis(10);
/// So long after it an answer to a request to join is awaited: another try costs more than the others' patience.
pub(super) const ANSWER: Duration = Duration::from_millis(40);
/// However late a status is, the radio goes so long after that edge: links wait no longer for one either.
const DRAIN: Duration = Duration::from_secs(1);

/// Where the radio is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leg {
    /// Here.
    On(Channel),
    /// The APs here are told, and what is in flight is awaited.
    Leaving(Hop),
    /// Nowhere.
    Tuning { to: Channel, since: Instant },
}

impl Leg {
    /// The channel on which frames can be sent and heard.
    pub(super) const fn channel(self) -> Option<Channel> {
        match self {
            Self::On(channel) => Some(channel),
            Self::Leaving(hop) => Some(hop.from),
            Self::Tuning { .. } => None,
        }
    }

    /// When what is in flight is awaited no longer.
    pub(super) fn deadline(self) -> Option<(Instant, &'static str)> {
        match self {
            Self::Leaving(hop) => Some((hop.edge + DRAIN, "the radio does not say what became of frames")),
            Self::On(_) | Self::Tuning { .. } => None,
        }
    }
}

/// What the hops of a radio have taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Hops made.
    pub hops: u64,
    /// Hops that came to nothing, since the channel could not be set.
    pub given_up: u64,
    /// Time spent between channels, from the order to tune until that was done.
    pub dead: Duration,
    /// Time spent on leaving, from the order to leave until the order to tune.
    pub leaving: Duration,
    /// How late the radio went, in all: from the edge of its slot to the order to tune.
    pub late: Duration,
}
