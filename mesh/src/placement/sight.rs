//! How strongly a radio hears a client: an average that forgets.

use std::time::Duration;

use stack::time::Instant;

use super::FRESH;

/// What was heard so long ago counts half.
const HALF_LIFE: Duration = Duration::from_millis(150);
/// A single frame counts for at least this share: an average of many frames a second would be deaf to a turn.
const LEAST: f32 = 0.05;

#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    dbm: f32,
    at: Instant,
}

impl Sight {
    pub(super) fn first(now: Instant, dbm: i8) -> Self {
        Self { dbm: f32::from(dbm), at: now }
    }

    pub(super) fn heard(&mut self, now: Instant, dbm: i8) {
        let passed = now.since(self.at).as_secs_f32() / HALF_LIFE.as_secs_f32();
        let share = (1.0 - 0.5f32.powf(passed)).max(LEAST);
        self.dbm += (f32::from(dbm) - self.dbm) * share;
        self.at = self.at.max(now);
    }

    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.since(self.at) <= FRESH
    }

    /// When it was heard last.
    pub(super) const fn last(&self) -> Instant {
        self.at
    }

    pub(super) fn dbm(&self) -> i8 {
        self.dbm.round() as i8
    }
}
