//! The demo of a radio that hops as a story for the report.

use std::time::Duration;

use crate::demo::play::since_start;
use crate::report::{Bins, Figure, HopStory, MAX_BINS, Network, NetworkTotals};
use crate::status;

use super::outcome::{HopOutcome, losses};
use super::play::Stage;
use super::scene::{self, NETWORKS, STREAMS, Stream};
use super::witness::Row;

pub(super) fn draw(stage: &mut Stage, outcome: &HopOutcome) -> HopStory {
    let report = stage.radio.report(stage.now);
    let cycle = report.radio.hopping.map(|hopping| hopping.cycle_ms).unwrap_or_default();
    let stage = &*stage;
    let witness = stage.witness.borrow();
    let rows = witness.rows.iter().zip(&report.links).enumerate();
    let HopOutcome { msdus_lost, msdus_duplicated, pn_reuses, wrong_channel_frames, .. } = *outcome;
    let faults = msdus_lost + msdus_duplicated + pn_reuses + wrong_channel_frames;
    HopStory {
        title: format!("airloom demo: one radio on {} networks at once", outcome.networks),
        result: result(outcome),
        good: faults == 0 && outcome.joined == outcome.networks,
        more: vec![hops(outcome, cycle), outage(outcome)],
        origin: format!(
            "Made by: airloom demo --hop --seed {} --seconds {}",
            stage.seed,
            stage.length.as_secs()
        ),
        length: stage.length,
        figures: figures(outcome, cycle),
        networks: rows.map(|(index, (row, link))| network(stage, index, row, link)).collect(),
        visits: witness.visits.clone(),
        close: witness.sights.close(stage.now),
        diary: witness.diary.iter().map(|(at, text)| (since_start(*at), text.clone())).collect(),
        drops: stage.discarded.clone(),
        keys: witness.keys.uses(),
    }
}

/// The result in one sentence.
pub(super) fn result(outcome: &HopOutcome) -> String {
    let HopOutcome { networks, joined, msdus_sent, .. } = outcome;
    let none = |count: u64, none: &str, some: &str| match count {
        0 => none.to_owned(),
        count => format!("{count} {some}"),
    };
    let lost = none(outcome.msdus_lost, "not one was lost", "never arrived");
    let twice = none(outcome.msdus_duplicated, "none came twice", "came more than once");
    let astray = none(
        outcome.wrong_channel_frames,
        "no frame went out on a wrong channel",
        "frames went out on a wrong channel",
    );
    let numbers =
        none(outcome.pn_reuses, "no packet number was used twice", "packet numbers were used twice");
    format!(
        "One radio was a station of {joined} of {networks} networks at once and exchanged {msdus_sent} messages on them: \
         {lost}, {twice}, {astray}, and {numbers}."
    )
}

/// The hops in a sentence.
pub(super) fn hops(outcome: &HopOutcome, cycle_ms: f64) -> String {
    let HopOutcome { hops, dead_air_ms, air_kept, beacons_sent, beacons_heard, joined_ms, .. } = outcome;
    format!(
        "All that could be joined was joined within {:.2} s. The radio made {hops} hops, a round in {cycle_ms} ms, each with \
         {} ms of dead air in the median and {} ms at the longest: it was on a channel for {:.1} % of the time. Of \
         {beacons_sent} beacons it was there for {beacons_heard} and understood them.",
        joined_ms.max / 1000.0,
        dead_air_ms.p50,
        dead_air_ms.max,
        100.0 * air_kept
    )
}

/// The outage in a sentence.
pub(super) fn outage(outcome: &HopOutcome) -> String {
    let ssid = NETWORKS.get(scene::OUTAGE.0).map_or("", |network| network.ssid);
    let HopOutcome { msdus_lost_by_outage, rejoins, rekeys, .. } = outcome;
    format!(
        "On the way the AP of {ssid} had no power for a while, which took {msdus_lost_by_outage} messages that are not among \
         the lost; a network was joined again {}, and keys were replaced {}.",
        times(*rejoins),
        times(*rekeys)
    )
}

fn times(count: u64) -> String {
    match count {
        0 => "never".into(),
        1 => "once".into(),
        count => format!("{count} times"),
    }
}

fn figures(outcome: &HopOutcome, cycle_ms: f64) -> Vec<Figure> {
    let figure =
        |value: String, name: &str, detail: &str| Figure { value, name: name.into(), detail: detail.into() };
    vec![
        figure(format!("{} of {}", outcome.joined, outcome.networks), "networks joined", "with one radio"),
        figure(outcome.hops.to_string(), "hops", &format!("a round takes {cycle_ms} ms")),
        figure(
            format!("{} ms", outcome.dead_air_ms.p50),
            "dead air of a hop",
            "on no channel, in the median",
        ),
        figure(format!("{:.1} %", 100.0 * outcome.air_kept), "of the time", "on a channel"),
        figure(outcome.msdus_sent.to_string(), "messages sent", "numbered, and counted at both ends"),
        figure(outcome.msdus_lost.to_string(), "lost", "but for those that the outage took"),
        figure(outcome.msdus_lost_by_outage.to_string(), "taken by the outage", "with the AP that had them"),
        figure(outcome.wrong_channel_frames.to_string(), "on a wrong channel", "frames to an AP elsewhere"),
    ]
}

/// The streams of a network, with their books.
fn streams(
    stage: &Stage,
    network: usize,
) -> impl Iterator<Item = (&Stream, &crate::demo::arrivals::Arrivals)> {
    STREAMS.iter().zip(&stage.books).filter(move |(stream, _)| stream.network == network)
}

fn network(stage: &Stage, index: usize, row: &Row, link: &status::Link) -> Network {
    let Some(scene) = NETWORKS.get(index) else { return Network::default() };
    let mut lost = Bins::new(stage.length, MAX_BINS);
    for (_, books) in streams(stage, index) {
        books.lost().for_each(|at| lost.add(since_start(at), 1));
    }
    let off = stage.ends.get(index).and_then(|end| end.off);
    let until = |on: Option<_>| on.map_or(stage.length, since_start);
    Network {
        name: scene.ssid.into(),
        security: if scene.passphrase.is_some() { "WPA2" } else { "open" }.into(),
        channel: scene.channel,
        bssid: row.bssid.to_string(),
        station: row.station.to_string(),
        beacons: row.beacons.clone(),
        heard: row.heard.clone(),
        up: row.up.clone(),
        down: row.down.clone(),
        retries: row.retries.clone(),
        leaves: row.leaves.clone(),
        returns: row.returns.clone(),
        losses: lost,
        off: off.map(|(off, on)| (since_start(off), until(on))),
        moments: row.moments.clone(),
        totals: totals(stage, index, row, link),
    }
}

fn totals(stage: &Stage, index: usize, row: &Row, link: &status::Link) -> NetworkTotals {
    let mut totals = NetworkTotals {
        slot_share: link.slot_share,
        joined: row.joins.first().map(|at| since_start(*at)),
        joins: row.joins.len() as u64,
        ap_buffer: link.ap_buffer,
        retries: row.retries.total(),
        causes: link.losses.iter().map(|(cause, count)| (cause.clone(), *count)).collect(),
        ..NetworkTotals::default()
    };
    let channel = NETWORKS.get(index).map(|network| network.channel);
    let visits = stage.witness.borrow();
    let visits = visits.visits.iter().filter(|visit| Some(visit.channel) == channel);
    totals.present = visits.map(|visit| visit.to - visit.from).sum::<Duration>();
    for (stream, books) in streams(stage, index) {
        let way = if stream.up { &mut totals.up } else { &mut totals.down };
        *way = (way.0 + books.sent(), way.1 + books.arrived());
        let (lost, taken) = losses(stage, stream, books);
        totals.lost += lost;
        totals.taken += taken;
        totals.duplicated += books.duplicated();
    }
    totals
}
