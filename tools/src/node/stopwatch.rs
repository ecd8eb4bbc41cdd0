//! What hops take: the driver's part of it, and ours.

use std::collections::VecDeque;
use std::time::Duration;

/// So many of the last hops count.
const LAST: usize = 256;

/// The last hops.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    /// What the driver has taken for the hop that is under way, if that is known.
    driver: Option<Duration>,
    /// Each whole hop, and what the driver has taken of it.
    hops: VecDeque<(Duration, Duration)>,
}

impl Stopwatch {
    /// The driver has tuned the radio, in so long if that is known.
    pub(super) const fn start(&mut self, driver: Option<Duration>) {
        self.driver = driver;
    }

    /// The links know that the radio is there, so long after the order.
    pub(super) fn stop(&mut self, whole: Duration) {
        let Some(driver) = self.driver.take() else { return };
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
        assert_eq!(watch.medians(), None);
        watch.stop(ms(9));
        assert_eq!(watch.medians(), None, "of that nothing is known");
        for (whole, driver) in [(10, 9), (12, 9), (30, 9)] {
            watch.start(Some(ms(driver)));
            watch.stop(ms(whole));
        }
        assert_eq!(watch.medians(), Some((ms(12), ms(3))));
        for _ in 0..1000 {
            watch.start(Some(ms(5)));
            watch.stop(ms(6));
        }
        assert_eq!((watch.medians(), watch.hops.len()), (Some((ms(6), ms(1))), LAST));
    }
}
