//! How fast counters grow.

use std::collections::VecDeque;

/// Samples that are kept: as many as are drawn.
pub(super) const SAMPLES: usize = 24;

/// A counter's growth per second, the latest last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    last: Option<(u64, u64)>,
    rates: VecDeque<u64>,
}

impl History {
    /// The counter stands at `count` when the node has run for `at_ms` milliseconds. A node that was started again, or
    /// a counter that was, begins anew.
    pub(super) fn take(&mut self, at_ms: u64, count: u64) {
        let before = self.last.replace((at_ms, count));
        let Some((then, earlier)) = before.filter(|(then, earlier)| *then < at_ms && *earlier <= count)
        else {
            return;
        };
        if self.rates.len() >= SAMPLES {
            self.rates.pop_front();
        }
        self.rates.push_back((count - earlier).saturating_mul(1000) / (at_ms - then));
    }

    /// The latest growth per second.
    pub(super) fn rate(&self) -> u64 {
        self.rates.back().copied().unwrap_or(0)
    }

    /// The latest growths, the latest last.
    pub(super) fn rates(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.rates.iter().copied()
    }
}

/// A number of things per second in a few characters.
pub(super) fn short(n: u64) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        1_000_000..10_000_000 => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
        _ => format!("{}M", n / 1_000_000),
    }
}

/// Growths as a row of small bars, right-aligned, the tallest of them full.
pub(super) fn bars(rates: impl ExactSizeIterator<Item = u64>, width: usize) -> String {
    const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let skipped = rates.len().saturating_sub(width);
    let shown: Vec<u64> = rates.skip(skipped).collect();
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let level = |rate: u64| usize::try_from(rate.saturating_mul(8).div_ceil(most)).unwrap_or(8);
    let bar = |&rate: &u64| LEVELS.get(level(rate)).copied().unwrap_or('█');
    let empty = width.saturating_sub(shown.len());
    std::iter::repeat_n(' ', empty).chain(shown.iter().map(bar)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_per_second_and_begins_anew_with_the_node() {
        let mut history = History::default();
        for (at, count) in [(1_000, 10), (1_500, 60), (1_500, 90), (2_500, 90), (100, 5), (600, 6)] {
            history.take(at, count);
        }
        assert_eq!(history.rates().collect::<Vec<_>>(), [100, 0, 2]);
        for n in 0..100 {
            history.take(10_000 + n, n);
        }
        assert_eq!((history.rates().len(), history.rate()), (SAMPLES, 1000));
    }

    #[test]
    fn bars_keep_to_the_right_and_numbers_short() {
        assert_eq!(bars([0, 1, 8].into_iter(), 5), "   ▁█");
        assert_eq!(bars([5, 1, 8].into_iter(), 2), "▁█");
        assert_eq!(
            [0, 999, 1_234, 56_789, 1_900_000, 25_000_000].map(short),
            ["0", "999", "1.2k", "56k", "1.9M", "25M"]
        );
    }
}
