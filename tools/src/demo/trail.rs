//! Who served whom when, for the report: what the nodes told, beside what was seen on the air.

use mesh::lease::owner_of;
use stack::time::Instant;

use crate::report::{Crash, Handover, Orphan, Stay};

use super::chronicle::{self, Way};
use super::outcome::is_by_crash;
use super::play::{Stage, since_start};
use super::scene::{End, MASTS, PEOPLE, STREAMS};
use super::seams::{Pair, Seam};

/// Bits of a packet number's counter.
const COUNTER: u64 = (1 << 22) - 1;

/// Where a client has been.
pub(super) fn stays(stage: &Stage, client: usize) -> Vec<Stay> {
    let stay = |stay: &chronicle::Stay| Stay {
        radio: stay.mast,
        from: since_start(stay.from),
        to: since_start(stay.to.unwrap_or(stage.now)),
    };
    stage.chronicle.stays(client).iter().map(stay).collect()
}

/// Every handover, with what the air shows of it.
pub(super) fn handovers(stage: &Stage) -> Vec<Handover> {
    let witness = stage.witness.borrow();
    let all = &stage.chronicle.handovers;
    let row = |(index, handover): (usize, &chronicle::Handover)| {
        let later = all.iter().skip(index + 1).find(|later| later.client == handover.client);
        let until = later.map_or(stage.now, |later| later.at);
        let seam = seam(witness.seams.all(), handover, until);
        let dash = || "–".to_owned();
        Handover {
            at: since_start(handover.at),
            client: name(handover.client).to_owned(),
            from: handover.from,
            to: handover.to,
            way: match handover.way {
                Way::Within => "radio to radio",
                Way::Between => "node to node",
                Way::Takeover => "taken over",
            }
            .to_owned(),
            gap: handover.gap,
            queued: handover.queued,
            sequence: seam.map_or_else(dash, sequence),
            packets: seam.and_then(|seam| seam.packet).map_or_else(dash, packets),
            key: seam
                .and_then(|seam| seam.same_key)
                .map_or_else(dash, |same| if same { "same" } else { "new" }.to_owned()),
        }
    };
    all.iter().enumerate().map(row).collect()
}

/// Where the new radio went on, before the client went elsewhere.
fn seam<'a>(seams: &'a [Seam], handover: &chronicle::Handover, until: Instant) -> Option<&'a Seam> {
    seams.iter().find(|seam| {
        seam.client == handover.client && seam.to == handover.to && handover.at <= seam.at && seam.at < until
    })
}

fn sequence(seam: &Seam) -> String {
    let Pair { before, after } = seam.sequence;
    let before = before.map_or_else(|| "none".into(), |number| number.to_string());
    match seam.tid {
        16 => format!("{before} → {after}"),
        tid => format!("TID {tid}: {before} → {after}"),
    }
}

fn packets(Pair { before, after }: Pair<u64>) -> String {
    let words = |number| match owner_of(number) {
        Some((generation, slot)) => {
            format!("{} · {} · {}", generation.number(), slot.number(), number & COUNTER)
        }
        None => number.to_string(),
    };
    format!("{} → {}", before.map_or_else(|| "none".into(), words), words(after))
}

/// The crash, if there was one; `text` tells of it.
pub(super) fn crash(stage: &Stage, text: Option<String>) -> Option<Crash> {
    let crash = stage.chronicle.crash.as_ref()?;
    let radios = (0..MASTS.len()).filter(|mast| MASTS.get(*mast).is_some_and(|mast| mast.node == crash.node));
    let orphan = |&client: &usize| {
        let stays = stage.chronicle.stays(client);
        let after = stays.iter().position(|stay| stay.from > crash.at);
        let before = after.unwrap_or(stays.len()).checked_sub(1).and_then(|place| stays.get(place));
        let then = after.and_then(|place| stays.get(place));
        Orphan {
            client: name(client).to_owned(),
            from: before.map_or(0, |stay| stay.mast),
            to: then.map(|stay| stay.mast),
            gap: then.map(|stay| stay.from.since(crash.at)),
            lost: taken(stage, client),
        }
    };
    Some(Crash {
        at: since_start(crash.at),
        radios: radios.collect(),
        text: text.unwrap_or_default(),
        clients: crash.clients.iter().map(orphan).collect(),
    })
}

/// MSDUs from and to a client that the crash took.
pub(super) fn taken(stage: &Stage, client: usize) -> u64 {
    let of_client = STREAMS
        .iter()
        .zip(&stage.books)
        .filter(|(stream, _)| [stream.from, stream.to].contains(&End::Client(client)));
    of_client
        .map(|(stream, books)| {
            books.lost().filter(|at| is_by_crash(stage, (stream, books), *at)).count() as u64
        })
        .sum()
}

fn name(client: usize) -> &'static str {
    PEOPLE.get(client).map_or("", |person| person.name)
}
