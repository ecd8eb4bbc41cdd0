//! What hops take: the driver's part of it, and ours.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many of the last hops count.
const LAST: usize = 256;

/// The last hops, each from when the last status of what was in flight was read until the first frame for the other channel
/// is given to the driver.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    /// When that status was read, or the turn began.
    begun: Option<Instant>,
    /// What the driver has taken for the hop of this turn.
    driver: Option<Duration>,
    /// Each whole hop, and what the driver has taken of it.
    hops: VecDeque<(Duration, Duration)>,
}

impl Stopwatch {
    /// A turn begins, or a status was read.
    pub(super) fn begin(&mut self) {
        (self.begun, self.driver) = (Some(Instant::now()), None);
    }

    /// The driver has tuned the radio, in so long.
    pub(super) const fn tuned(&mut self, driver: Duration) {
        self.driver = Some(driver);
    }

    /// The radio was tuned in this turn.
    pub(super) const fn runs(&self) -> bool {
        self.driver.is_some()
    }

    /// The first frame after a hop is given to the driver, or there is none. Says whether there was a hop in this turn.
    pub(super) fn end(&mut self) -> bool {
        let Some((driver, begun)) = self.driver.take().zip(self.begun) else { return false };
        self.count(begun.elapsed(), driver);
        true
    }

    fn count(&mut self, whole: Duration, driver: Duration) {
        if self.hops.len() >= LAST {
            self.hops.pop_front();
        }
        self.hops.push_back((whole, driver));
    }

    /// Medians of a whole hop and of what is ours of it; `None` before the first.
    pub(super) fn medians(&self) -> Option<(Duration, Duration)> {
        let whole = median(self.hops.iter().map(|(whole, _)| *whole))?;
        let ours = median(self.hops.iter().map(|(whole, driver)| whole.saturating_sub(*driver)))?;
        Some((whole, ours))
    }
}

fn median(all: impl Iterator<Item = Duration>) -> Option<Duration> {
    let mut all: Vec<Duration> = all.collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_what_the_driver_has_not_taken() {
        let ms = Duration::from_millis;
        let mut watch = Stopwatch::default();
        for (whole, driver) in [(10, 9), (12, 9), (30, 9)] {
            watch.count(ms(whole), ms(driver));
        }
        assert_eq!(watch.medians(), Some((ms(12), ms(3))));
        for _ in 0..1000 {
            watch.count(ms(6), ms(5));
        }
        assert_eq!((watch.medians(), watch.hops.len()), (Some((ms(6), ms(1))), LAST));
    }

    #[test]
    fn turns_without_a_hop_do_not_count() {
        let mut watch = Stopwatch::default();
        for _ in 0..3 {
            watch.begin();
            watch.end();
        }
        assert_eq!(watch.medians(), None);
        watch.begin();
        watch.tuned(Duration::from_secs(1));
        watch.end();
        watch.end();
        assert_eq!(watch.hops.len(), 1);
    }
}
