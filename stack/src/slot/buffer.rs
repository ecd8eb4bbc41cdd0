//! What a foreign AP keeps for us while we are away, learned from what it had when we came back.

/// What an AP that nobody knows may be trusted with, in frames a class.
const UNKNOWN: u32 = 32;
/// What mac80211 keeps (`STA_MAX_TX_BUFFER`), in frames a class; nothing tells of an AP that keeps more until
/// it has shown it.
const USUAL: u32 = 64;
/// However badly it goes, so much is assumed.
const LEAST: u32 = 4;
/// A gap after fewer frames is not the end of a buffer: frames get lost on the air and grow old too.
const FEWEST_HELD: u32 = 4;

/// How many frames the AP keeps, as far as is known.
///
/// Grows by one a visit as long as nothing is lost. A visit with a gap cuts it at once; a second one before it has held more
/// settles it: beyond that it is not tried again, since finding out costs frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ApBuffer {
    frames: u32,
    limit: u32,
    suspect: Option<u32>,
}

impl ApBuffer {
    pub(super) const fn new() -> Self {
        Self { frames: UNKNOWN, limit: USUAL, suspect: None }
    }

    /// How many it may be trusted with.
    pub(super) const fn frames(self) -> u32 {
        self.frames
    }

    /// After an absence it had `held` frames for us, and `lost` were missing between them by their sequence numbers.
    pub(super) fn returned(&mut self, held: u32, lost: u32) {
        if lost == 0 {
            self.kept_all(held);
        } else if held >= FEWEST_HELD {
            self.overflowed(held);
        }
    }

    fn kept_all(&mut self, held: u32) {
        // It has held more than when it seemed to be full: that was something else.
        self.suspect = self.suspect.filter(|&suspect| held <= suspect);
        self.limit = self.limit.max(held);
        // Only one that has held as much shows that it can hold more.
        if held.saturating_mul(2) >= self.frames {
            self.frames = (self.frames + 1).max(held).min(self.limit);
        }
    }

    fn overflowed(&mut self, held: u32) {
        self.frames = self.frames.min(held).max(LEAST);
        if let Some(before) = self.suspect.replace(held) {
            self.limit = before.max(held).max(LEAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an AP with this buffer loses over so many visits, when as much arrives as we trust it with.
    fn lost_over(buffer: &mut ApBuffer, capacity: u32, visits: u32) -> u32 {
        (0..visits).fold(0, |sum, _| {
            let arrived = buffer.frames();
            let lost = arrived.saturating_sub(capacity);
            buffer.returned(arrived.min(capacity), lost);
            sum + lost
        })
    }

    #[test]
    fn an_unknown_ap_is_trusted_with_little_and_then_with_what_it_keeps() {
        let mut buffer = ApBuffer::new();
        assert_eq!(buffer.frames(), 32);
        assert_eq!(lost_over(&mut buffer, 64, 100), 0);
        assert_eq!(buffer.frames(), 64);
    }

    #[test]
    fn a_small_buffer_is_found_and_not_tried_again() {
        let mut buffer = ApBuffer::new();
        let found = lost_over(&mut buffer, 20, 50);
        assert!((1..=14).contains(&found), "{found} lost");
        // One at a time, at most twice in a row, and then never.
        assert!(lost_over(&mut buffer, 20, 1000) <= 2);
        assert_eq!((buffer.frames(), lost_over(&mut buffer, 20, 1000)), (20, 0));
    }

    #[test]
    fn a_frame_lost_on_the_air_is_forgiven() {
        let mut buffer = ApBuffer::new();
        lost_over(&mut buffer, 64, 100);
        buffer.returned(30, 1);
        assert_eq!(buffer.frames(), 30);
        assert_eq!(lost_over(&mut buffer, 64, 100), 0);
        assert_eq!(buffer.frames(), 64);
        buffer.returned(2, 1);
        assert_eq!(buffer.frames(), 64);
    }

    #[test]
    fn one_that_keeps_more_is_believed() {
        let mut buffer = ApBuffer::new();
        buffer.returned(120, 0);
        assert_eq!(buffer.frames(), 120);
    }

    #[test]
    fn it_never_comes_to_nothing() {
        let mut buffer = ApBuffer::new();
        for held in [5, 4, 4, 4, 0, u32::MAX] {
            buffer.returned(held, u32::MAX);
            assert!(buffer.frames() >= LEAST);
        }
    }
}
