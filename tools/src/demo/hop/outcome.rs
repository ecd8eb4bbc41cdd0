//! The numbers of a demo of a radio that hops, in the shape that `--json` prints.

use std::time::Duration;

use serde::Serialize;
use stack::time::Instant;

use crate::demo::Gaps;
use crate::demo::arrivals::Arrivals;

use super::play::Stage;
use super::scene::{OUTAGE, STREAMS, Stream};

/// What an AP has for the station waits for no longer than this, and what the station has for it.
const KEPT: Duration = Duration::from_millis(500);

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HopOutcome {
    /// Foreign networks around the radio.
    pub networks: u64,
    /// Those of them that were joined, seen from the air.
    pub joined: u64,
    /// How long that took.
    pub joined_ms: Gaps,
    /// Networks that were joined again.
    pub rejoins: u64,
    /// Handshakes beside those of joins: keys that were replaced.
    pub rekeys: u64,
    /// How often the radio came to a channel, by the air.
    pub hops: u64,
    /// How long it was on no channel for that, by the air.
    pub dead_air_ms: Gaps,
    /// The share of the time in which it was on a channel, 0 to 1.
    pub air_kept: f64,
    /// Beacons of the networks.
    pub beacons_sent: u64,
    /// Those of them that the radio was there for and understood.
    pub beacons_heard: u64,
    /// Numbered MSDUs that an end has sent.
    pub msdus_sent: u64,
    /// Those of them that never arrived at the other, but for the next.
    pub msdus_lost: u64,
    /// Those of the network whose AP lost its power that it may still have had, or that were sent before any got through
    /// again.
    pub msdus_lost_by_outage: u64,
    /// Arrivals beyond the first of an MSDU.
    pub msdus_duplicated: u64,
    /// Packet numbers that encrypted two different frames, seen from the air.
    pub pn_reuses: u64,
    /// Frames of the radio to an AP that is on another channel, seen from the air.
    pub wrong_channel_frames: u64,
    /// Where the report is.
    pub report: String,
    /// Where the capture is.
    pub capture: String,
}

impl HopOutcome {
    pub(super) fn of(stage: &Stage) -> Self {
        let witness = stage.witness.borrow();
        let (rows, books) = (&witness.rows, &stage.books);
        let lost = STREAMS.iter().zip(books).map(|(stream, books)| losses(stage, stream, books));
        let lost = lost.fold((0, 0), |sum, (lost, taken)| (sum.0 + lost, sum.1 + taken));
        let first = rows.iter().filter_map(|row| row.joins.first());
        Self {
            networks: rows.len() as u64,
            joined: first.clone().count() as u64,
            joined_ms: Gaps::of(first.map(|at| at.since(Instant::ZERO))),
            rejoins: rows.iter().map(|row| row.joins.len().saturating_sub(1) as u64).sum(),
            rekeys: rows.iter().map(|row| row.renewals).sum(),
            hops: witness.hops.len() as u64,
            dead_air_ms: Gaps::of(witness.hops.iter().copied()),
            air_kept: air_kept(witness.visits.iter().map(|visit| visit.to - visit.from).sum(), stage.length),
            beacons_sent: rows.iter().map(|row| row.beacons.total()).sum(),
            beacons_heard: rows.iter().map(|row| row.heard.total()).sum(),
            msdus_sent: books.iter().map(Arrivals::sent).sum(),
            msdus_lost: lost.0,
            msdus_lost_by_outage: lost.1,
            msdus_duplicated: books.iter().map(Arrivals::duplicated).sum(),
            pn_reuses: witness.keys.nonces.reuses(),
            wrong_channel_frames: witness.astray,
            report: String::new(),
            capture: String::new(),
        }
    }
}

/// A share to three digits: more would be noise.
fn air_kept(present: Duration, length: Duration) -> f64 {
    let share = present.as_secs_f64() / length.as_secs_f64().max(1e-9);
    (share * 1000.0).round() / 1000.0
}

/// What of a stream never arrived, and apart from it what went with the power of its AP.
pub(super) fn losses(stage: &Stage, stream: &Stream, books: &Arrivals) -> (u64, u64) {
    let (mut lost, mut by_outage) = (0, 0);
    for at in books.lost() {
        let count = if is_by_outage(stage, stream, books, at) { &mut by_outage } else { &mut lost };
        *count += 1;
    }
    (lost, by_outage)
}

fn is_by_outage(stage: &Stage, stream: &Stream, books: &Arrivals, sent: Instant) -> bool {
    let off = stage.ends.get(stream.network).filter(|_| stream.network == OUTAGE.0);
    let Some((off, on)) = off.and_then(|end| end.off) else { return false };
    let resumed = on.and_then(|on| books.resumed(on));
    sent >= off - KEPT && resumed.is_none_or(|resumed| sent < resumed)
}
