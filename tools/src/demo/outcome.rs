//! The numbers of a demo, in the shape that `--json` prints.

use std::time::Duration;

use serde::Serialize;
use stack::time::Instant;

use super::arrivals::Arrivals;
use super::chronicle::Way;
use super::play::Stage;
use super::scene::{End, STREAMS, Stream};

/// What is said more rarely says nothing about gaps.
const STEADY: Duration = Duration::from_millis(50);
/// What a node has for a client waits for no longer than this, most of it for one that dozes.
const KEPT: Duration = Duration::from_millis(500);

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Clients on the stage.
    pub clients: u64,
    /// Virtual APs that went on from another radio, seen from the air: data for a client from another radio than
    /// before, in the same BSS and association.
    pub handovers: u64,
    /// Moves between two radios of a node, as the nodes tell.
    pub moves_within_nodes: u64,
    /// Moves from node to node, as the nodes tell.
    pub moves_between_nodes: u64,
    /// Virtual APs that a node took over from its copy, since their owner was lost.
    pub takeovers: u64,
    /// Clients that had to join again without having been switched off.
    pub reassociations: u64,
    /// EAPOL frames, repetitions by the radio not counted, to and from clients whose port was open.
    pub eapol_after_join: u64,
    /// The same of clients that were taken over: their keys are renewed, as a copy may be older than what they know.
    pub eapol_after_takeover: u64,
    /// Numbered MSDUs that an end has sent.
    pub msdus_sent: u64,
    /// Those of them that never arrived at the other, but for the next.
    pub msdus_lost: u64,
    /// Those from and to clients of the crashed node that it may still have had, or that were sent before any got through
    /// again, or before their keys were renewed.
    pub msdus_lost_by_crash: u64,
    /// Arrivals beyond the first of an MSDU.
    pub msdus_duplicated: u64,
    /// Packet numbers that encrypted two different frames, seen from the air.
    pub pn_reuses: u64,
    /// For how long nobody could send to a client that moved.
    pub gap_ms: Gaps,
    /// For how long nobody served a client of the crashed node.
    pub takeover_ms: Gaps,
    /// Times between two MSDUs at the receiver, of streams that say something every 50 ms or more often.
    pub wait_ms: Gaps,
    /// Where the report is.
    pub report: String,
    /// Where the capture is.
    pub capture: String,
}

/// The median of the gaps, the longest but for one in a hundred, and the longest, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Gaps {
    /// Median.
    pub p50: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Gaps {
    pub(super) fn of(gaps: impl Iterator<Item = Duration>) -> Self {
        let mut gaps: Vec<_> = gaps.collect();
        gaps.sort_unstable();
        Self { p50: percentile(&gaps, 50), p99: percentile(&gaps, 99), max: percentile(&gaps, 100) }
    }
}

impl Outcome {
    pub(super) fn of(stage: &Stage) -> Self {
        let (lost, lost_by_crash) = losses(stage);
        let witness = stage.witness.borrow();
        let books = &stage.books;
        let steady = STREAMS.iter().zip(books).filter(|(stream, _)| stream.every <= STEADY);
        let handovers = &stage.chronicle.handovers;
        let moves = |way: Way| handovers.iter().filter(|handover| handover.way == way).count() as u64;
        let gaps = |taken: bool| {
            let of_kind = handovers.iter().filter(move |handover| (handover.way == Way::Takeover) == taken);
            Gaps::of(of_kind.filter_map(|handover| handover.gap))
        };
        Self {
            clients: stage.actors.len() as u64,
            handovers: witness.seams.all().len() as u64,
            moves_within_nodes: moves(Way::Within),
            moves_between_nodes: moves(Way::Between),
            takeovers: moves(Way::Takeover),
            reassociations: stage.actors.iter().map(|actor| actor.reassociations).sum(),
            eapol_after_join: witness.eapol_after_join,
            eapol_after_takeover: witness.eapol_after_takeover,
            msdus_sent: books.iter().map(|books| books.sent()).sum(),
            msdus_lost: lost,
            msdus_lost_by_crash: lost_by_crash,
            msdus_duplicated: books.iter().map(|books| books.duplicated()).sum(),
            pn_reuses: witness.keys.nonces.reuses(),
            gap_ms: gaps(false),
            takeover_ms: gaps(true),
            wait_ms: Gaps::of(steady.flat_map(|(_, books)| books.gaps().iter().copied())),
            report: String::new(),
            capture: String::new(),
        }
    }
}

/// What never arrived, and apart from it what the crash took.
fn losses(stage: &Stage) -> (u64, u64) {
    let (mut lost, mut by_crash) = (0, 0);
    for (stream, books) in STREAMS.iter().zip(&stage.books) {
        for at in books.lost() {
            let count = if is_by_crash(stage, (stream, books), at) { &mut by_crash } else { &mut lost };
            *count += 1;
        }
    }
    (lost, by_crash)
}

/// An MSDU from or to a client of the crashed node that never arrived was taken by the crash if the node may still have
/// had it, or if it was sent before one got through again, or before the keys were renewed that a copy does not do with.
pub(super) fn is_by_crash(stage: &Stage, (stream, books): (&Stream, &Arrivals), sent: Instant) -> bool {
    let Some(crash) = &stage.chronicle.crash else { return false };
    let concerned = [stream.from, stream.to].into_iter().filter_map(|end| match end {
        End::Client(client) if crash.clients.contains(&client) => Some(client),
        _ => None,
    });
    let witness = stage.witness.borrow();
    let renewed = |client: usize| witness.people.get(client).and_then(|seen| seen.renewed);
    let resumed = books.resumed(crash.at);
    let until = concerned.map(|client| resumed.max(renewed(client)));
    sent >= crash.at - KEPT
        && until.into_iter().any(|until| resumed.is_none() || until.is_some_and(|until| sent < until))
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
