//! The books of the numbered MSDUs: what was sent, what arrived, how often, and how long nothing did.

use std::time::Duration;

use stack::time::Instant;

/// What became of one MSDU.
#[derive(Clone, Copy, Debug)]
struct Entry {
    sent: Instant,
    arrived: u32,
}

/// The books of one stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    entries: Vec<Entry>,
    last: Option<Instant>,
    /// Nothing was said for a while on purpose.
    paused: bool,
    gaps: Vec<Duration>,
}

impl Arrivals {
    /// The number of the next MSDU, which is being sent now.
    pub(super) fn send(&mut self, now: Instant) -> u64 {
        if std::mem::take(&mut self.paused) {
            self.last = None;
        }
        self.entries.push(Entry { sent: now, arrived: 0 });
        self.entries.len() as u64 - 1
    }

    /// An MSDU has arrived. Numbers that were never sent are not believed.
    pub(super) fn arrive(&mut self, now: Instant, number: u64) {
        let entry = usize::try_from(number).ok().and_then(|index| self.entries.get_mut(index));
        let Some(entry) = entry else { return };
        entry.arrived += 1;
        if let Some(last) = self.last.replace(now) {
            self.gaps.push(now.since(last));
        }
    }

    /// Nothing is said now: what comes next comes after no gap.
    pub(super) const fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) const fn sent(&self) -> u64 {
        self.entries.len() as u64
    }

    /// MSDUs that arrived, each counted once.
    pub(super) fn arrived(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.arrived > 0).count() as u64
    }

    /// Arrivals beyond the first.
    pub(super) fn duplicated(&self) -> u64 {
        self.entries.iter().map(|entry| u64::from(entry.arrived.saturating_sub(1))).sum()
    }

    /// When those were sent that never arrived.
    pub(super) fn lost(&self) -> impl Iterator<Item = Instant> + '_ {
        self.entries.iter().filter(|entry| entry.arrived == 0).map(|entry| entry.sent)
    }

    /// When the first MSDU was sent that was sent after this time and has arrived.
    pub(super) fn resumed(&self, after: Instant) -> Option<Instant> {
        self.entries.iter().find(|entry| entry.sent > after && entry.arrived > 0).map(|entry| entry.sent)
    }

    /// The times between arrivals.
    pub(super) fn gaps(&self) -> &[Duration] {
        &self.gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_what_comes_twice_and_what_was_never_sent() {
        let at = Instant::from_micros;
        let mut books = Arrivals::default();
        for n in 0..3 {
            assert_eq!(books.send(at(n * 10)), n);
        }
        for (time, number) in [(5, 0), (25, 2), (40, 2), (41, 99)] {
            books.arrive(at(time), number);
        }
        assert_eq!((books.sent(), books.arrived(), books.duplicated()), (3, 2, 1));
        assert_eq!(books.lost().collect::<Vec<_>>(), [at(10)]);
        assert_eq!((books.resumed(at(0)), books.resumed(at(20))), (Some(at(20)), None));
        assert_eq!(books.gaps(), [Duration::from_micros(20), Duration::from_micros(15)]);
        books.pause();
        books.send(at(800));
        books.arrive(at(900), 3);
        assert_eq!(books.gaps().len(), 2);
    }
}
