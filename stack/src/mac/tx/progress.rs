//! What may be sent to a peer again without coming twice.
//!
//! An unacknowledged frame may have arrived: its acknowledgement was lost. A peer knows a repetition by the sequence number
//! of the last frame of its TID, and only of the last (802.11-2020 10.3.2.14). So a frame can go again safely as long as
//! nothing of its kind was sent after it; and on a link that has become bad one frame at a time is in flight, so that each
//! is the last.

use super::Sent;
use crate::mac::AccessCategory;

/// Acknowledgements in a row after which a link is trusted again.
const TRUST: u8 = 8;

/// How far a peer has come, by access category, the most urgent first.
#[derive(Debug, Default)]
pub(in crate::mac) struct Progress {
    launched: u64,
    /// Of those launched in the category, the last.
    latest: [u64; 4],
    /// Of those acknowledged, the last that was launched.
    acknowledged: [u64; 4],
    /// Acknowledgements to come before more than one frame is in flight.
    doubt: u8,
}

impl Progress {
    /// On a link that nothing is known of, with frames that were sent on another.
    pub(in crate::mac) fn in_doubt() -> Self {
        Self { doubt: TRUST, ..Self::default() }
    }

    /// Gives a frame its place in the order.
    pub(super) fn launch(&mut self, category: AccessCategory) -> u64 {
        self.launched += 1;
        *of(&mut self.latest, category) = self.launched;
        self.launched
    }

    /// A frame was acknowledged after so many retries: more than half of what it had say that the link is about to fail.
    pub(super) fn acknowledge(&mut self, sent: &Sent, retries: u8) {
        let last = of(&mut self.acknowledged, sent.category);
        *last = sent.order.max(*last);
        let hard = sent.choice.is_some_and(|choice| !choice.probe && retries > choice.retries / 2);
        self.doubt = if hard { TRUST } else { self.doubt.saturating_sub(1) };
    }

    /// A frame was given up. One that probed a rate says nothing of the link, but what follows it must wait.
    pub(super) fn give_up(&mut self, sent: &Sent) {
        self.doubt = if sent.probe.is_some() { self.doubt.max(1) } else { TRUST };
    }

    /// How many frames may be in flight, of at most so many.
    pub(super) fn window(&self, most: usize) -> usize {
        if self.doubt > 0 { most.min(1) } else { most }
    }

    /// Nothing of its category was sent after it.
    pub(super) fn is_last(&self, sent: &Sent) -> bool {
        sent.order == *of(&mut { self.latest }, sent.category)
    }

    /// The peer has one that was sent after it.
    pub(super) fn is_overtaken(&self, sent: &Sent) -> bool {
        sent.order < *of(&mut { self.acknowledged }, sent.category)
    }
}

const fn of(counts: &mut [u64; 4], category: AccessCategory) -> &mut u64 {
    let [voice, video, best_effort, background] = counts;
    match category {
        AccessCategory::Voice => voice,
        AccessCategory::Video => video,
        AccessCategory::BestEffort => best_effort,
        AccessCategory::Background => background,
    }
}
