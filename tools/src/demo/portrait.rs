//! The demo as a story for the report.

use std::time::Duration;

use stack::mac::DropReason;

use crate::report::{Bins, Client, Drops, Figure, Radio, State, Story, Totals};

use super::actor::Actor;
use super::outcome::Outcome;
use super::play::{Stage, since_start};
use super::scene::{self, End, MASTS, NODES, STREAMS};
use super::trail;
use super::witness::COLUMNS;

pub(super) fn draw(stage: &Stage, outcome: &Outcome) -> Story {
    let good =
        outcome.msdus_lost + outcome.msdus_duplicated + outcome.pn_reuses + outcome.reassociations == 0;
    let seconds = stage.length.as_secs_f64();
    Story {
        title: "airloom demo: two nodes, four radios, six clients that walk".into(),
        result: result(outcome),
        good,
        more: [moves(outcome)].into_iter().chain(crash(stage, outcome)).collect(),
        origin: format!("Made by: airloom demo --seed {} --seconds {seconds}", stage.seed),
        length: stage.length,
        figures: figures(stage, outcome),
        radios: radios(stage),
        clients: stage.actors.iter().enumerate().map(|(index, actor)| client(stage, index, actor)).collect(),
        handovers: trail::handovers(stage),
        crash: trail::crash(stage, crash(stage, outcome)),
        diary: stage.diary.iter().map(|(at, text)| (since_start(*at), text.clone())).collect(),
        drops: stage.discarded.clone(),
        keys: stage.witness.borrow().keys.uses(),
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

/// The moves in a sentence.
pub(super) fn moves(outcome: &Outcome) -> String {
    let Outcome { moves_within_nodes, moves_between_nodes, reassociations, eapol_after_join, gap_ms, .. } =
        outcome;
    format!(
        "{} moves ({moves_within_nodes} between radios of a node, {moves_between_nodes} from node to node) with \
         {reassociations} reassociations and {eapol_after_join} key frames; nobody could send to a client that moved \
         for {} ms in the median, {} ms at the longest.",
        moves_within_nodes + moves_between_nodes,
        gap_ms.p50,
        gap_ms.max
    )
}

/// The crash in a sentence, if there was one.
pub(super) fn crash(stage: &Stage, outcome: &Outcome) -> Option<String> {
    let crash = stage.chronicle.crash.as_ref()?;
    let node = NODES.get(crash.node).copied().unwrap_or_default();
    let Outcome { takeovers, takeover_ms, msdus_lost_by_crash, .. } = outcome;
    Some(format!(
        "When node {node} lost its power it served {} clients; {takeovers} were taken over from copies, the last after \
         {} ms. The crash took {msdus_lost_by_crash} messages, which are not among the lost.",
        crash.clients.len(),
        takeover_ms.max
    ))
}

fn figures(stage: &Stage, outcome: &Outcome) -> Vec<Figure> {
    let figure =
        |value: String, name: &str, detail: &str| Figure { value, name: name.into(), detail: detail.into() };
    let retries: u64 = stage.witness.borrow().people.iter().map(|seen| seen.retries.total()).sum();
    let dozes: u64 = stage.actors.iter().map(|actor| actor.dozes).sum();
    let moves = outcome.moves_within_nodes + outcome.moves_between_nodes;
    vec![
        figure(moves.to_string(), "moves", "from radio to radio and from node to node"),
        figure(
            format!("{} ms", outcome.gap_ms.max),
            "longest gap",
            "nobody could send to a client that moved",
        ),
        figure(outcome.reassociations.to_string(), "joined again", "without having been switched off"),
        figure(outcome.msdus_sent.to_string(), "messages sent", "numbered, and counted at both ends"),
        figure(outcome.msdus_lost.to_string(), "lost", "but for those that the crash took"),
        figure(outcome.msdus_duplicated.to_string(), "came twice", "arrivals beyond the first"),
        figure(outcome.takeovers.to_string(), "taken over", "from a node that was lost"),
        figure(outcome.msdus_lost_by_crash.to_string(), "taken by the crash", "with the node that had them"),
        figure(retries.to_string(), "sent again", "for want of an acknowledgement"),
        figure(dozes.to_string(), "naps", "receiver off, frames kept"),
    ]
}

fn radios(stage: &Stage) -> Vec<Radio> {
    let witness = stage.witness.borrow();
    let channel =
        scene::channel().map_or_else(String::new, |channel| format!("channel {}", channel.number()));
    let radio = |(index, (mast, air)): (usize, (&scene::Mast, &super::witness::AirUse))| Radio {
        name: scene::mast_name(index),
        channel: channel.clone(),
        place: (mast.place.x, mast.place.y),
        sent: air.sent.clone(),
        heard: air.heard.clone(),
        retried: air.retried.clone(),
    };
    MASTS.iter().zip(&witness.masts).enumerate().map(radio).collect()
}

fn client(stage: &Stage, index: usize, actor: &Actor) -> Client {
    let witness = stage.witness.borrow();
    let seen = witness.people.get(index);
    let mut losses = Bins::new(stage.length, COLUMNS);
    for (stream, books) in STREAMS.iter().zip(&stage.books) {
        if [stream.from, stream.to].contains(&End::Client(index)) {
            books.lost().for_each(|at| losses.add(since_start(at), 1));
        }
    }
    Client {
        name: actor.person.name.into(),
        address: actor.person.address.to_string(),
        network: scene::SSID.into(),
        security: "WPA2".into(),
        virtual_ap: actor.link.bssid().map_or_else(|| "–".into(), |bssid| bssid.to_string()),
        stays: trail::stays(stage, index),
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
    totals.taken = trail::taken(stage, index);
    totals.lost -= totals.taken.min(totals.lost);
    totals.retries = stage.witness.borrow().people.get(index).map_or(0, |seen| seen.retries.total());
    let time = |states: &[State]| -> Duration {
        let spans = actor.spans.iter().filter(|span| states.contains(&span.state));
        spans.map(|span| span.to.saturating_sub(span.from)).sum()
    };
    totals.dozed = time(&[State::Dozing]);
    totals.connected = time(&[State::Awake, State::Dozing]);
    totals
}

/// Enters what a node has discarded so far.
pub(super) fn node_drops(stage: &mut Stage, node: usize) {
    let Some(Some(known)) = stage.nodes.get_mut(node) else { return };
    let name = NODES.get(node).copied().unwrap_or_default();
    for worker in &mut known.workers {
        let report = worker.report(stage.now);
        let who = format!("radio {name}/{}", report.radio.phy);
        stage.discarded.extend(report.radio.drops.iter().map(|(reason, &count)| drops(&who, reason, count)));
    }
}

/// Enters what the clients have discarded so far.
pub(super) fn client_drops(stage: &mut Stage) {
    for actor in &stage.actors {
        let counts = actor.link.drops().iter();
        let rows = counts.map(|(reason, count)| drops(actor.person.name, reason.name(), count));
        stage.discarded.extend(rows);
    }
}

/// What somebody has discarded for the reason of this name.
pub(super) fn drops(who: &str, reason: &str, count: u64) -> Drops {
    let known = DropReason::ALL.iter().find(|known| known.name() == reason);
    let text = known.map_or("", |reason| reason.text()).into();
    Drops { who: who.into(), reason: reason.into(), text, count }
}
