//! Which start of a node it is, and what its peers conclude when that does not fit what they have seen.

use super::Fault;

/// How many starts a node proves.
pub(super) const KNOWN_STARTS: usize = 32;

/// Which start of a node this is: a counter that rises with every start and is saved before the node says anything,
/// and a random number for each of the latest starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Incarnation {
    /// How many times it has started.
    pub(super) count: u64,
    /// The numbers drawn at the latest starts, this one first. Never empty, at most [`KNOWN_STARTS`].
    pub(super) starts: Vec<u64>,
}

/// What a peer remembers of a node: the latest start it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) count: u64,
    pub(super) start: u64,
}

/// How a start relates to the latest one seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is that start.
    Same,
    /// It came after it.
    Later,
    /// It cannot be true of one state file that only goes forward.
    Impossible(Fault),
}

impl Incarnation {
    /// The next start, with the random number drawn for it.
    pub(super) fn next(previous: Option<&Self>, start: u64) -> Self {
        let before = previous.map(|p| p.starts.as_slice()).unwrap_or_default();
        let starts = std::iter::once(start).chain(before.iter().copied()).take(KNOWN_STARTS).collect();
        Self { count: previous.map_or(0, |p| p.count).saturating_add(1), starts }
    }

    /// What is to be remembered of it.
    pub(super) fn seen(&self) -> Seen {
        Seen { count: self.count, start: self.starts.first().copied().unwrap_or(0) }
    }

    /// How it relates to the latest start seen of that node.
    ///
    /// A state file that was set back by one start, or copied and started on its own, has another history than what
    /// was seen, whether its counter is lower, equal, or higher by now.
    pub(super) fn compare(&self, seen: Seen) -> Verdict {
        let Some(since) = self.count.checked_sub(seen.count) else {
            return Verdict::Impossible(Fault::SetBack);
        };
        let at = usize::try_from(since).ok().and_then(|since| self.starts.get(since));
        match at {
            Some(start) if *start != seen.start => Verdict::Impossible(Fault::UsedTwice),
            Some(_) if since == 0 => Verdict::Same,
            _ => Verdict::Later,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(starts: &[u64]) -> Incarnation {
        let mut now = None;
        for start in starts {
            now = Some(Incarnation::next(now.as_ref(), *start));
        }
        now.unwrap()
    }

    #[test]
    fn a_restart_is_later_and_the_same_start_is_the_same() {
        let seen = started(&[1, 2, 3]).seen();
        assert_eq!(started(&[1, 2, 3]).compare(seen), Verdict::Same);
        assert_eq!(started(&[1, 2, 3, 4]).compare(seen), Verdict::Later);
        let many: Vec<u64> = (1..100).collect();
        assert_eq!(started(&many).starts.len(), KNOWN_STARTS);
        assert_eq!(started(&many).compare(seen), Verdict::Later, "too long ago to be checked");
    }

    #[test]
    fn a_state_set_back_or_copied_shows() {
        let seen = started(&[1, 2, 3]).seen();
        assert_eq!(started(&[1, 2]).compare(seen), Verdict::Impossible(Fault::SetBack));
        assert_eq!(started(&[1, 2, 9]).compare(seen), Verdict::Impossible(Fault::UsedTwice));
        assert_eq!(
            started(&[1, 2, 9, 4, 5]).compare(seen),
            Verdict::Impossible(Fault::UsedTwice),
            "later too"
        );
    }
}
