//! The numbers of a demo, in the shape that `--json` prints.

use std::time::Duration;

use serde::Serialize;

use super::play::Stage;
use super::scene::STREAMS;

/// What is said more rarely says nothing about gaps.
const STEADY: Duration = Duration::from_millis(50);

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Clients on the stage.
    pub clients: u64,
    /// Virtual APs that went on from another radio of the node, seen from the air: data for a client from another
    /// radio than before, in the same BSS and association.
    pub handovers: u64,
    /// Clients that had to join again without having been switched off.
    pub reassociations: u64,
    /// EAPOL frames, repetitions by the radio not counted, to and from clients whose port was open.
    pub eapol_after_join: u64,
    /// Numbered MSDUs that an end has sent.
    pub msdus_sent: u64,
    /// Those of them that never arrived at the other.
    pub msdus_lost: u64,
    /// Arrivals beyond the first of an MSDU.
    pub msdus_duplicated: u64,
    /// Packet numbers that encrypted two different frames, seen from the air.
    pub pn_reuses: u64,
    /// Times between two MSDUs at the receiver, of streams that say something every 50 ms or more often.
    pub gap_ms: Gaps,
    /// Where the report is.
    pub report: String,
    /// Where the capture is.
    pub capture: String,
}

/// The median of the gaps and the longest but for one in a hundred, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Gaps {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
}

impl Outcome {
    pub(super) fn of(stage: &Stage) -> Self {
        let witness = stage.witness.borrow();
        let books = &stage.books;
        let steady = STREAMS.iter().zip(books).filter(|(stream, _)| stream.every <= STEADY);
        let mut gaps: Vec<Duration> = steady.flat_map(|(_, books)| books.gaps().iter().copied()).collect();
        gaps.sort_unstable();
        Self {
            clients: stage.actors.len() as u64,
            handovers: witness.handovers,
            reassociations: stage.actors.iter().map(|actor| actor.reassociations).sum(),
            eapol_after_join: witness.eapol_after_join,
            msdus_sent: books.iter().map(|books| books.sent()).sum(),
            msdus_lost: books.iter().map(|books| books.lost().count() as u64).sum(),
            msdus_duplicated: books.iter().map(|books| books.duplicated()).sum(),
            pn_reuses: witness.nonces.reuses(),
            gap_ms: Gaps { p50: percentile(&gaps, 50), p99: percentile(&gaps, 99) },
            report: String::new(),
            capture: String::new(),
        }
    }
}

/// By nearest rank, in milliseconds to the microsecond; 0 of nothing.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).map_or(0.0, |gap| gap.as_micros() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let gaps: Vec<_> = (1..=200).map(|n| Duration::from_micros(n * 500)).collect();
        assert_eq!((percentile(&gaps, 50), percentile(&gaps, 99)), (50.0, 99.0));
        assert_eq!((percentile(&gaps[..1], 99), percentile(&[], 50)), (0.5, 0.0));
    }
}
