//! A peer that moves to another host, as a value without its machinery.

use std::time::Duration;

use crate::mac::association::{PairwiseSa, SaId};
use crate::mac::peer::{Peer, PeerConfig};
use crate::mac::power_save::PowerSave;
use crate::mac::queue::{Cover, Queue, Queued, Resend};
use crate::mac::tx::Progress;
use crate::mac::{
    AccessCategory, BufferPool, DropCounts, DropReason, DuplicateCache, GroupQueue, ReplayCounters,
    SequenceNumbers,
};
use crate::time::Instant;
use crate::wire::record::record;
use crate::wire::{MacAddr, RecordError};

/// What a copy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The value goes, and nothing of it stays behind.
    Move,
    /// The value stays and goes on changing. Whoever needs the copy knows neither what was received nor what was sent since:
    /// it has no queues and no receive counters.
    Guard,
}

/// A peer whose port is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerRecord {
    pub(crate) association: SaId,
    pending: Option<SaId>,
    sequence: SequenceNumbers,
    duplicates: DuplicateCache,
    power: PowerSave,
    /// By access category, the most urgent first.
    queues: [Vec<QueuedRecord>; 4],
    counters: [u64; 4],
    silence: Duration,
}

/// The pairwise key in use, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRecord {
    pub(crate) id: SaId,
    /// The highest packet number that was used, or that its owner may still use.
    pub(crate) sent: u64,
    /// The highest that were received; `None` if they are not known (SEC-H2).
    pub(crate) received: Option<ReplayCounters>,
}

/// An MSDU that waits, unencrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueuedRecord {
    pub(crate) frame: Vec<u8>,
    destination: MacAddr,
    source: MacAddr,
    tid: u8,
    /// Under what it goes out (SEC-H3).
    cover: Option<SaId>,
    age: Duration,
    resend: Option<Resend>,
}

record!(PeerRecord { association, pending, sequence, duplicates, power, queues, counters, silence });
record!(KeyRecord { id, sent, received });
record!(QueuedRecord { frame, destination, source, tid, cover, age, resend });
record!(Resend { sequence, amsdu, given_up });

impl PeerRecord {
    /// All that waits for the peer.
    pub(crate) fn queued(&self) -> impl Iterator<Item = &QueuedRecord> {
        self.queues.iter().flatten()
    }

    /// Forgets what is queued, and the rekey that waits for it.
    pub(crate) fn forget_what_waits(&mut self) {
        self.queues.iter_mut().for_each(Vec::clear);
        self.pending = None;
    }

    /// The name of the key that a rekey will install.
    pub(crate) const fn pending(&self) -> Option<SaId> {
        self.pending
    }

    /// The peer dozes.
    pub(crate) const fn is_dozing(&self) -> bool {
        self.power.is_dozing()
    }
}

impl Peer {
    /// What goes along.
    pub(crate) fn record(&self, now: Instant, purpose: Purpose) -> PeerRecord {
        let queue = |category| match purpose {
            Purpose::Move => self.queues.view(category).record(now),
            Purpose::Guard => Vec::new(),
        };
        PeerRecord {
            association: self.association,
            pending: self.pending.filter(|_| purpose == Purpose::Move),
            sequence: self.sequence.clone(),
            duplicates: self.duplicates.clone(),
            power: self.power,
            queues: AccessCategory::ALL.map(queue),
            counters: self.stats.totals(),
            silence: self.stats.silence(now),
        }
    }

    /// The peer as it was, with its key.
    pub(crate) fn restore(
        now: Instant,
        config: PeerConfig,
        record: PeerRecord,
        pairwise: Option<PairwiseSa>,
    ) -> Result<Self, RecordError> {
        let mut peer = Self::new(now, config, record.association);
        if let Some(sa) = pairwise {
            peer.install_pairwise(now, sa);
        }
        peer.open_port();
        peer.pending = record.pending;
        peer.tx.progress = Progress::in_doubt();
        (peer.sequence, peer.duplicates, peer.power) = (record.sequence, record.duplicates, record.power);
        for (category, queue) in AccessCategory::ALL.into_iter().zip(record.queues) {
            if queue.iter().any(|queued| queued.cover.is_none()) {
                return Err(RecordError::Impossible("plaintext in the queue of a station"));
            }
            *peer.queues.of(category) = Queue::restore(now, queue)?;
        }
        peer.stats.resume(now - record.silence, record.counters);
        Ok(peer)
    }
}

impl Peer {
    /// Takes in what another host had queued for the station and received from it. Only if it was under `same_key` is
    /// anything of that sent, and of frames that may have been received already nothing.
    pub(crate) fn merge(
        &mut self,
        now: Instant,
        record: PeerRecord,
        received: Option<&ReplayCounters>,
        same_key: bool,
        (pool, drops): (&mut BufferPool, &mut DropCounts),
    ) {
        let current = self.current_sa();
        if let (Some(sa), Some(received), true) = (&mut self.pairwise, received, same_key) {
            sa.rx.join(received);
        }
        for (category, left) in AccessCategory::ALL.into_iter().zip(record.queues) {
            let mut queue = std::mem::take(self.queues.of(category));
            for queued in left {
                let may = same_key && queued.cover == Some(current) && queued.resend.is_none();
                match queued.restore(now).ok().filter(|_| may) {
                    Some(queued) => self.queues.of(category).push(queued, pool, drops),
                    None => drops.count(DropReason::StaleAssociation),
                }
            }
            while let Some(queued) = queue.pop() {
                self.queues.of(category).push(queued, pool, drops);
            }
        }
    }
}

impl PairwiseSa {
    /// What goes along.
    pub(crate) fn record(&self, purpose: Purpose) -> KeyRecord {
        KeyRecord {
            id: self.id,
            sent: self.tx.spent(purpose),
            received: Some(self.rx.clone()).filter(|_| purpose == Purpose::Move && self.rx_known),
        }
    }
}

impl GroupQueue {
    /// What goes along.
    pub(crate) fn record(&self, now: Instant, purpose: Purpose) -> Vec<QueuedRecord> {
        if purpose == Purpose::Move { self.queue.record(now) } else { Vec::new() }
    }

    /// The queue as it was.
    pub(crate) fn restore(
        now: Instant,
        protected: bool,
        record: Vec<QueuedRecord>,
    ) -> Result<Self, RecordError> {
        Ok(Self { queue: Queue::restore(now, record)?, protected })
    }
}

impl Queue {
    fn record(&self, now: Instant) -> Vec<QueuedRecord> {
        self.iter().map(|queued| QueuedRecord::of(now, queued)).collect()
    }

    fn restore(now: Instant, record: Vec<QueuedRecord>) -> Result<Self, RecordError> {
        let mut queue = Self::default();
        for queued in record {
            queue.put_last(queued.restore(now)?);
        }
        if queue.is_within_bounds() { Ok(queue) } else { Err(RecordError::Impossible("a queue so long")) }
    }
}

impl QueuedRecord {
    fn of(now: Instant, queued: &Queued) -> Self {
        let cover = if let Cover::Association(id) = queued.cover { Some(id) } else { None };
        Self {
            frame: queued.frame.clone(),
            destination: queued.destination,
            source: queued.source,
            tid: queued.tid,
            cover,
            age: now.since(queued.since),
            resend: queued.resend,
        }
    }

    fn restore(self, now: Instant) -> Result<Queued, RecordError> {
        if self.tid > 15 {
            return Err(RecordError::Impossible("a TID above 15"));
        }
        Ok(Queued {
            frame: self.frame,
            destination: self.destination,
            source: self.source,
            tid: self.tid,
            cover: self.cover.map_or(Cover::Plaintext, Cover::Association),
            since: now - self.age,
            eapol: false,
            resend: self.resend,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_h3_nothing_comes_along_that_would_leave_in_plaintext() {
        let now = Instant::ZERO;
        let config = PeerConfig { protected: true, ..PeerConfig::new(MacAddr([2, 0, 0, 0, 0, 7])) };
        let mut record = Peer::new(now, config, SaId(1)).record(now, Purpose::Move);
        let queued = |cover| QueuedRecord {
            frame: vec![0; 20],
            destination: config.address,
            source: config.address,
            tid: 0,
            cover,
            age: Duration::ZERO,
            resend: None,
        };
        record.queues[2] = vec![queued(Some(SaId(1)))];
        assert!(Peer::restore(now, config, record.clone(), None).is_ok());
        record.queues[2].push(queued(None));
        assert!(Peer::restore(now, config, record.clone(), None).is_err());
        record.queues[2] = vec![queued(Some(SaId(1))); 257];
        assert!(Peer::restore(now, config, record, None).is_err(), "queues are as bounded as ever");
    }
}
