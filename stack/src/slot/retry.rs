//! A channel that was refused for slow hops is tried again: the machine may have been busy when they were measured.

use std::time::Duration;

use crate::time::Instant;

/// The first time after so long,
const FIRST: Duration = Duration::from_secs(30);
/// and each time after twice as long as before, up to this: each try costs the others three slow hops.
const MOST: Duration = Duration::from_secs(600);

/// When the next try is due.
#[derive(Debug)]
pub(super) struct Retry {
    wait: Duration,
    due: Option<Instant>,
}

impl Retry {
    pub(super) const fn new() -> Self {
        Self { wait: FIRST, due: None }
    }

    /// Some channel is refused for slow hops, or none is.
    pub(super) fn note(&mut self, now: Instant, refused: bool) {
        if !refused {
            self.due = None;
        } else if self.due.is_none() {
            self.due = Some(now + self.wait);
            self.wait = (self.wait * 2).min(MOST);
        }
    }

    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Whether it is time to try again, which is said once.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        self.due.take_if(|due| *due <= now).is_some()
    }
}
