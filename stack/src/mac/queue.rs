//! MSDUs that wait for their turn, one bounded queue for each access category.

use std::collections::VecDeque;
use std::time::Duration;

use crate::mac::{AccessCategory, BufferPool, DropCounts, DropReason, SaId};
use crate::time::Instant;
use crate::wire::{MacAddr, SequenceControl};

/// Most MSDUs in one queue.
const MOST: usize = 256;
/// Most bytes in one queue.
const MOST_BYTES: usize = 384 * 1024;

/// Under what a queued frame goes out, and under nothing else (SEC-H3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    /// In plaintext: EAPOL before there is a key.
    Plaintext,
    /// Under this association or key.
    Association(SaId),
}

/// An MSDU, or an A-MSDU that is to be sent again.
#[derive(Debug)]
pub(super) struct Queued {
    /// The frame body: LLC header first, or the subframes of an A-MSDU.
    pub(super) frame: Vec<u8>,
    pub(super) destination: MacAddr,
    pub(super) source: MacAddr,
    pub(super) tid: u8,
    pub(super) cover: Cover,
    pub(super) since: Instant,
    /// EAPOL of ours: robust, urgent, and never together with others.
    pub(super) eapol: bool,
    /// It was sent already, under this sequence number: [`Resend`].
    pub(super) resend: Option<Resend>,
}

impl Queued {
    fn was_sent_before(&self, other: &Self) -> bool {
        other.resend.is_some_and(|resend| self.precedes(resend.sequence))
    }

    /// It was sent before a frame with this sequence number. They run in a circle: half of it is before, half after.
    fn precedes(&self, sequence: SequenceControl) -> bool {
        let Some(resend) = self.resend else { return false };
        let ahead = sequence.number().wrapping_sub(resend.sequence.number()) & 0x0fff;
        (1..0x0800).contains(&ahead)
    }
}

/// What must stay the same when a frame is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resend {
    pub(super) sequence: SequenceControl,
    pub(super) amsdu: bool,
    /// How often the radio gave it up though the station seemed to be awake.
    pub(super) given_up: u8,
}

/// One queue, bounded in count and bytes; the oldest goes first when it is full.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Queued>,
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, queued: Queued, pool: &mut BufferPool, drops: &mut DropCounts) {
        self.put_last(queued);
        while !self.is_within_bounds() {
            self.discard_oldest(DropReason::QueueFull, pool, drops);
        }
    }

    /// Takes a frame back that was sent in vain: before all that was not sent yet, after what was sent before it.
    pub(super) fn put_back(&mut self, queued: Queued) {
        let behind = |waiting: &Queued| !waiting.was_sent_before(&queued);
        let place = self.waiting.iter().position(behind).unwrap_or(self.waiting.len());
        self.bytes += queued.frame.len();
        self.waiting.insert(place, queued);
    }

    /// Drops what was to be sent again, for one of the same TID that was sent after it has arrived.
    pub(super) fn discard_overtaken(
        &mut self,
        tid: u8,
        arrived: SequenceControl,
        pool: &mut BufferPool,
        drops: &mut DropCounts,
    ) {
        let overtaken = |queued: &Queued| queued.tid == tid && queued.precedes(arrived);
        let again = |queued: &&Queued| queued.resend.is_some();
        while let Some(place) = self.waiting.iter().take_while(again).position(overtaken)
            && let Some(queued) = self.waiting.remove(place)
        {
            self.bytes -= queued.frame.len();
            pool.give(queued.frame);
            drops.count(DropReason::NotAcknowledged);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Queued> {
        let queued = self.waiting.pop_front()?;
        self.bytes -= queued.frame.len();
        Some(queued)
    }

    /// Appends what was taken out of another queue.
    pub(super) fn put_last(&mut self, queued: Queued) {
        self.bytes += queued.frame.len();
        self.waiting.push_back(queued);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Queued> {
        self.waiting.iter()
    }

    pub(super) fn is_within_bounds(&self) -> bool {
        self.waiting.len() <= MOST && self.bytes <= MOST_BYTES
    }

    pub(super) fn head(&self) -> Option<&Queued> {
        self.waiting.front()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Drops what has waited for longer than `age`.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        age: Duration,
        pool: &mut BufferPool,
        drops: &mut DropCounts,
    ) {
        while self.head().is_some_and(|queued| now.since(queued.since) > age) {
            self.discard_oldest(DropReason::QueueExpired, pool, drops);
        }
    }

    pub(super) fn discard_oldest(
        &mut self,
        reason: DropReason,
        pool: &mut BufferPool,
        drops: &mut DropCounts,
    ) {
        if let Some(queued) = self.pop() {
            pool.give(queued.frame);
            drops.count(reason);
        }
    }

    pub(super) fn flush(&mut self, reason: DropReason, pool: &mut BufferPool, drops: &mut DropCounts) {
        while !self.is_empty() {
            self.discard_oldest(reason, pool, drops);
        }
    }
}

/// A queue for each access category.
#[derive(Debug, Default)]
pub(super) struct Queues([Queue; 4]);

impl Queues {
    pub(super) fn of(&mut self, category: AccessCategory) -> &mut Queue {
        let [voice, video, best_effort, background] = &mut self.0;
        match category {
            AccessCategory::Voice => voice,
            AccessCategory::Video => video,
            AccessCategory::BestEffort => best_effort,
            AccessCategory::Background => background,
        }
    }

    pub(super) fn view(&self, category: AccessCategory) -> &Queue {
        let [voice, video, best_effort, background] = &self.0;
        match category {
            AccessCategory::Voice => voice,
            AccessCategory::Video => video,
            AccessCategory::BestEffort => best_effort,
            AccessCategory::Background => background,
        }
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Queue> {
        self.0.iter_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.0.iter().map(Queue::len).sum()
    }
}
