//! Frames that were handed to the radio and whose fate is not known yet.

use std::collections::VecDeque;
use std::time::Duration;

use crate::mac::BufferPool;
use crate::mac::tx::{Completion, Outgoing, Sent};
use crate::time::Instant;
use crate::wire::{Transmit, TxId, TxStatus};

/// How long a status is waited for.
const STATUS: Duration = Duration::from_secs(1);

/// The transmit window of one radio. A frame gets its [`TxId`] here, and the status that comes back under it finds the
/// peer again.
#[derive(Debug)]
pub struct InFlight<K> {
    /// `None` for one that is completed while an older one is not.
    records: VecDeque<Option<Record<K>>>,
    /// The ID of the first of them.
    first: u64,
    count: usize,
    window: usize,
}

#[derive(Debug)]
struct Record<K> {
    key: K,
    sent: Sent,
    at: Instant,
    frame: Option<Vec<u8>>,
}

impl<K> InFlight<K> {
    /// At most `window` frames at a time.
    pub const fn new(window: usize) -> Self {
        Self { records: VecDeque::new(), first: 0, count: 0, window }
    }

    /// Another frame may be given to the radio.
    pub const fn has_room(&self) -> bool {
        self.count < self.window
    }

    /// How many frames are in flight.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whose the frames in flight are.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.records.iter().flatten().map(|record| &record.key)
    }

    /// No frame is in flight.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Names a frame that goes to the radio now; `key` is whose it is.
    pub fn launch(&mut self, now: Instant, key: K, outgoing: Outgoing) -> Transmit {
        let Outgoing { frame, options, sent } = outgoing;
        let id = TxId(self.first + self.records.len() as u64);
        self.records.push_back(Some(Record { key, sent, at: now, frame: None }));
        self.count += 1;
        Transmit { frame, options, id }
    }

    /// Takes a frame back from the driver. Its bytes are kept until its status comes, since it may have to be sent again.
    pub fn reclaim(&mut self, transmit: Transmit, pool: &mut BufferPool) {
        let record = self.place(transmit.id).and_then(|place| self.records.get_mut(place));
        match record {
            Some(Some(record)) if record.sent.again.is_some() => record.frame = Some(transmit.frame),
            _ => pool.give(transmit.frame),
        }
    }

    /// A status from the driver: whose frame it was and what became of it, for [`crate::mac::Peer::handle_completion`].
    /// `None` if the ID is not one in flight.
    pub fn handle_status(&mut self, status: TxStatus) -> Option<(K, Completion)> {
        let place = self.place(status.id)?;
        self.complete(place, status.acked, status.retries)
    }

    /// One frame whose status did not come in time; it counts as not acknowledged, but is not sent again: the peer may
    /// well have had it, and others after it. To be called until it says `None`.
    pub fn poll_lost(&mut self, now: Instant) -> Option<(K, Completion)> {
        let place = self.records.iter().position(Option::is_some)?;
        let at = self.records.get(place)?.as_ref()?.at;
        if now.since(at) < STATUS {
            return None;
        }
        let (key, completion) = self.complete(place, false, 0)?;
        Some((key, Completion { frame: None, ..completion }))
    }

    /// When [`Self::poll_lost`] should be called next. Changes with every call that takes `&mut self`.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let oldest = self.records.iter().flatten().next()?;
        Some((oldest.at + STATUS, "transmit status overdue"))
    }

    fn place(&self, id: TxId) -> Option<usize> {
        let place = usize::try_from(id.0.checked_sub(self.first)?).ok()?;
        (place < self.records.len()).then_some(place)
    }

    fn complete(&mut self, place: usize, acked: bool, retries: u8) -> Option<(K, Completion)> {
        let Record { key, sent, frame, .. } = self.records.get_mut(place)?.take()?;
        self.count -= 1;
        while self.records.front().is_some_and(Option::is_none) {
            self.records.pop_front();
            self.first += 1;
        }
        Some((key, Completion { sent, frame, acked, retries }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::TxOptions;

    fn outgoing() -> Outgoing {
        Outgoing::immediate(vec![1, 2, 3], TxOptions::default())
    }

    fn status(id: TxId) -> TxStatus {
        TxStatus { id, acked: true, retries: 2 }
    }

    #[test]
    fn a_status_finds_its_frame_once_in_any_order() {
        let mut flight = InFlight::new(2);
        let a = flight.launch(Instant::ZERO, 'a', outgoing());
        let b = flight.launch(Instant::ZERO, 'b', outgoing());
        assert!(!flight.has_room() && a.id != b.id);
        let (key, completion) = flight.handle_status(status(b.id)).unwrap();
        assert_eq!((key, completion.acked, completion.retries), ('b', true, 2));
        assert!(flight.handle_status(status(b.id)).is_none());
        assert_eq!(flight.handle_status(status(a.id)).unwrap().0, 'a');
        assert!(flight.is_empty() && flight.handle_status(status(a.id)).is_none());
        assert_eq!(flight.poll_timeout(), None);
    }

    #[test]
    fn a_status_that_does_not_come_is_a_failure_after_a_second() {
        let mut flight = InFlight::new(8);
        flight.launch(Instant::ZERO, 'a', outgoing());
        let (deadline, _) = flight.poll_timeout().unwrap();
        assert!(flight.poll_lost(deadline - Duration::from_micros(1)).is_none());
        let (key, completion) = flight.poll_lost(deadline).unwrap();
        assert_eq!((key, completion.acked), ('a', false));
        assert!(flight.poll_lost(deadline).is_none() && flight.has_room());
    }
}
