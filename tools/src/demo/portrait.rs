//! The demo as a story for the report.

use std::time::Duration;

use stack::mac::DropReason;

use crate::report::{Bins, Client, Drops, Figure, KeyUse, Radio, State, Story, Totals};

use super::actor::Actor;
use super::outcome::Outcome;
use super::play::{Stage, since_start};
use super::scene::{self, End, MASTS, STREAMS};
use super::witness::COLUMNS;

pub(super) fn draw(stage: &Stage, outcome: &Outcome) -> Story {
    let good =
        outcome.msdus_lost + outcome.msdus_duplicated + outcome.pn_reuses + outcome.reassociations == 0;
    let seconds = stage.length.as_secs_f64();
    Story {
        title: "airloom demo: one node, two radios, four clients".into(),
        result: result(outcome),
        good,
        origin: format!("Made by: airloom demo --seed {} --seconds {seconds}", stage.seed),
        length: stage.length,
        figures: figures(stage, outcome),
        radios: radios(stage),
        clients: stage.actors.iter().enumerate().map(|(index, actor)| client(stage, index, actor)).collect(),
        drops: stage.discarded.clone(),
        keys: keys(stage),
    }
}

/// The result in one sentence.
pub(super) fn result(outcome: &Outcome) -> String {
    let Outcome { clients, msdus_sent, msdus_lost, msdus_duplicated, pn_reuses, .. } = outcome;
    let lost = match msdus_lost {
        0 => "not one was lost".into(),
        lost => format!("{lost} never arrived"),
    };
    let twice = match msdus_duplicated {
        0 => "none came twice".into(),
        twice => format!("{twice} came more than once"),
    };
    let numbers = match pn_reuses {
        0 => "no packet number was used twice".into(),
        reuses => format!("{reuses} packet numbers were used twice"),
    };
    format!("{clients} clients exchanged {msdus_sent} messages over the air: {lost}, {twice}, and {numbers}.")
}

fn figures(stage: &Stage, outcome: &Outcome) -> Vec<Figure> {
    let figure =
        |value: String, name: &str, detail: &str| Figure { value, name: name.into(), detail: detail.into() };
    let retries: u64 = stage.witness.borrow().people.iter().map(|seen| seen.retries.total()).sum();
    let dozes: u64 = stage.actors.iter().map(|actor| actor.dozes).sum();
    vec![
        figure(outcome.msdus_sent.to_string(), "messages sent", "numbered, and counted at both ends"),
        figure(outcome.msdus_lost.to_string(), "lost", "sent and never arrived"),
        figure(outcome.msdus_duplicated.to_string(), "came twice", "arrivals beyond the first"),
        figure(retries.to_string(), "sent again", "for want of an acknowledgement"),
        figure(dozes.to_string(), "naps", "receiver off, frames kept by the node"),
        figure(
            format!("{:.0} ms", outcome.gap_ms.p99),
            "longest wait",
            "between two messages, but for one in a hundred",
        ),
    ]
}

fn radios(stage: &Stage) -> Vec<Radio> {
    let witness = stage.witness.borrow();
    let radio = |(mast, air): (&scene::Mast, &super::witness::AirUse)| {
        let band = if mast.channel < 15 { "2.4 GHz" } else { "5 GHz" };
        Radio {
            name: mast.name.into(),
            channel: format!("channel {}, {band}", mast.channel),
            place: (mast.place.x, mast.place.y),
            sent: air.sent.clone(),
            heard: air.heard.clone(),
            retried: air.retried.clone(),
        }
    };
    MASTS.iter().zip(&witness.channels).map(radio).collect()
}

fn client(stage: &Stage, index: usize, actor: &Actor) -> Client {
    let witness = stage.witness.borrow();
    let seen = witness.people.get(index);
    let network = scene::network(actor.person.network);
    let mut losses = Bins::new(stage.length, COLUMNS);
    for (stream, books) in STREAMS.iter().zip(&stage.books) {
        if [stream.from, stream.to].contains(&End::Client(index)) {
            books.lost().for_each(|at| losses.add(since_start(at), 1));
        }
    }
    Client {
        name: actor.person.name.into(),
        address: actor.person.address.to_string(),
        network: network.map_or("", |network| network.ssid).into(),
        security: if network.is_some_and(|network| network.protected) { "WPA2" } else { "open" }.into(),
        virtual_ap: actor.link.bssid().map_or_else(|| "–".into(), |bssid| bssid.to_string()),
        radio: stage.ports.get(index).copied().flatten(),
        walk: actor.walk.clone(),
        spans: actor.spans.clone(),
        up: actor.up.clone(),
        down: actor.down.clone(),
        retries: seen.map(|seen| seen.retries.clone()).unwrap_or_default(),
        losses,
        signal: actor.signal().to_vec(),
        moments: actor.moments.clone(),
        joins: seen.map(|seen| seen.ladder.joins().to_vec()).unwrap_or_default(),
        totals: totals(stage, index, actor),
    }
}

/// A client's numbers. What clients exchange with each other counts at both.
pub(super) fn totals(stage: &Stage, index: usize, actor: &Actor) -> Totals {
    let mut totals = Totals { dozes: actor.dozes, ..Totals::default() };
    for (stream, books) in STREAMS.iter().zip(&stage.books) {
        let side = match (stream.from, stream.to) {
            (End::Client(from), _) if from == index => &mut totals.up,
            (_, End::Client(to)) if to == index => &mut totals.down,
            _ => continue,
        };
        side.0 += books.sent();
        side.1 += books.arrived();
        totals.lost += books.lost().count() as u64;
        totals.duplicated += books.duplicated();
    }
    totals.retries = stage.witness.borrow().people.get(index).map_or(0, |seen| seen.retries.total());
    let time = |states: &[State]| -> Duration {
        let spans = actor.spans.iter().filter(|span| states.contains(&span.state));
        spans.map(|span| span.to.saturating_sub(span.from)).sum()
    };
    totals.dozed = time(&[State::Dozing]);
    totals.connected = time(&[State::Awake, State::Dozing]);
    totals
}

/// What node and clients have discarded so far.
pub(super) fn drops(stage: &mut Stage) -> Vec<Drops> {
    let row = |who: &str, reason: &str, count: u64| {
        let known = DropReason::ALL.iter().find(|known| known.name() == reason);
        let text = known.map_or("", |reason| reason.text()).into();
        Drops { who: who.into(), reason: reason.into(), text, count }
    };
    let mut rows = Vec::new();
    for worker in &mut stage.workers {
        let report = worker.report(stage.now);
        let who = format!("radio {}", report.radio.phy);
        rows.extend(report.radio.drops.iter().map(|(reason, &count)| row(&who, reason, count)));
    }
    for actor in &stage.actors {
        let drops = actor.link.drops().iter();
        rows.extend(drops.map(|(reason, count)| row(actor.person.name, reason.name(), count)));
    }
    rows
}

fn keys(stage: &Stage) -> Vec<KeyUse> {
    let witness = stage.witness.borrow();
    let uses = witness.nonces.uses();
    let row = |key: &&super::nonces::Use| KeyUse {
        owner: key.owner.clone(),
        from: since_start(key.from),
        frames: key.frames,
        highest: key.highest,
        reuses: key.reuses,
    };
    uses.iter().map(row).collect()
}
