//! Who went where, and what became of those whose node was lost.

use std::time::Duration;

use super::markup::{Markup, Seconds, Span};
use super::story::{Crash, Handover, Orphan, Story};
use super::tables::table;

/// Most handovers that are listed.
const MAX_ROWS: usize = 400;

/// A row for each handover.
pub(super) fn draw(out: &mut Markup, story: &Story) {
    if story.handovers.is_empty() {
        out.leaf("p", &[("class", &"quiet")], &"Nobody went anywhere.");
        return;
    }
    let heads =
        ["time", "client", "from", "to", "how", "gap", "queued", "sequence numbers", "packet numbers", "key"];
    table(out, &heads, story.handovers.iter().take(MAX_ROWS), |handover: &Handover| {
        vec![
            Seconds(handover.at).to_string(),
            handover.client.clone(),
            radio(story, handover.from),
            radio(story, handover.to),
            handover.way.clone(),
            handover.gap.map_or_else(|| "–".into(), |gap| Span(gap).to_string()),
            handover.queued.to_string(),
            handover.sequence.clone(),
            handover.packets.clone(),
            handover.key.clone(),
        ]
    });
    let left = story.handovers.len().saturating_sub(MAX_ROWS);
    if left > 0 {
        out.leaf("p", &[("class", &"quiet")], &format!("and {left} further ones"));
    }
}

/// What followed on the crash.
pub(super) fn crash(out: &mut Markup, story: &Story, crash: &Crash) {
    out.leaf("p", &[], &crash.text);
    let heads = ["client", "was served by", "nobody for", "then by", "messages that the crash took"];
    table(out, &heads, crash.clients.iter().take(MAX_ROWS), |orphan: &Orphan| {
        vec![
            orphan.client.clone(),
            radio(story, orphan.from),
            orphan.gap.map_or_else(|| "the rest".into(), |gap| Span(gap).to_string()),
            orphan.to.map_or_else(|| "nobody".into(), |to| radio(story, to)),
            orphan.lost.to_string(),
        ]
    });
}

/// What happened, line by line.
pub(super) fn diary(out: &mut Markup, diary: &[(Duration, String)]) {
    out.open("details", &[]).leaf("summary", &[], &format!("{} lines", diary.len()));
    out.open("ul", &[("class", &"diary")]);
    for (at, text) in diary.iter().take(MAX_ROWS) {
        out.open("li", &[]).leaf("b", &[], &Seconds(*at)).text(&" ").text(text).close("li");
    }
    out.close("ul").close("details");
}

fn radio(story: &Story, radio: usize) -> String {
    story.radios.get(radio).map_or_else(|| "–".into(), |radio| radio.name.clone())
}
