//! The page: its sections in their order.

use std::time::Duration;

use super::markup::{Markup, Seconds};
use super::story::{Figure, Story};
use super::{air, handovers, joins, map, tables, timeline};

/// The story as one HTML page that loads nothing.
pub fn html(story: &Story) -> String {
    let head = Head {
        title: &story.title,
        result: &story.result,
        good: story.good,
        more: &story.more,
        origin: &story.origin,
        length: story.length,
        figures: &story.figures,
    };
    document(&head, |out| sections(out, story))
}

/// What stands at the top of every report.
pub(super) struct Head<'a> {
    pub(super) title: &'a str,
    pub(super) result: &'a str,
    pub(super) good: bool,
    pub(super) more: &'a [String],
    pub(super) origin: &'a str,
    pub(super) length: Duration,
    pub(super) figures: &'a [Figure],
}

/// A page with these sections.
pub(super) fn document(head: &Head<'_>, sections: impl FnOnce(&mut Markup)) -> String {
    let mut out = Markup::default();
    out.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    out.raw("<meta name=\"color-scheme\" content=\"light dark\">");
    out.leaf("title", &[], &head.title);
    out.raw("<style>").raw(include_str!("style.css")).raw("</style></head><body><main>");
    header(&mut out, head);
    sections(&mut out);
    out.open("footer", &[]).text(&head.origin).close("footer");
    out.raw("</main></body></html>\n");
    out.into_string()
}

fn sections(out: &mut Markup, story: &Story) {
    let walks = "A line is a walk, in the colour of the radio that serves, from the ring at its beginning to the dot at \
                 its end; a diamond is where another radio took over. Circles are 10 and 20 metres around each radio.";
    section(out, "Who is where, and who serves whom", walks, |out| {
        radios(out, story);
        map::draw(out, story);
    });
    let lanes = "Point at anything to read what it is. Bars grow with the square root of the bytes, on one scale for all.";
    section(out, "The clients, second by second", lanes, |out| {
        legend(out, &LANES);
        radios(out, story);
        timeline::draw(out, story);
    });
    let moved = "The gap is how long nobody could send to the client. Numbers are of the last data frame of the old radio \
                 and the first of the new one, as seen from the air; a packet number is generation · node slot · counter, \
                 and whoever takes a virtual AP to another node takes a higher generation.";
    section(out, "Every handover, and what moved", moved, |out| handovers::draw(out, story));
    if let Some(crash) = &story.crash {
        let words =
            "No goodbye, no handover: the other node has nothing but the copies that it was sent before.";
        section(out, "The crash, and what followed", words, |out| handovers::crash(out, story, crash));
    }
    let shares =
        "Share of the time in which a radio or its clients were on the air. All radios are on one channel.";
    loose(out, "The air", shares, |out| {
        legend(out, &AIR);
        air::draw(out, story);
    });
    numbers(out, story);
}

fn numbers(out: &mut Markup, story: &Story) {
    let ladder =
        "Each arrow is one frame, with the time since the one before it. Orange ones had to be repeated.";
    section(out, "How they joined", ladder, |out| joins::draw(out, story));
    let msdus = "Arrived of sent, counted by number at both ends.";
    section(out, "The clients in numbers", msdus, |out| tables::clients(out, story));
    let nonces = "Read from the air with the passphrase: no packet number may encrypt two different frames.";
    section(out, "Keys", nonces, |out| tables::keys(out, &story.keys));
    let named = "Every frame that is discarded has a reason, and most reasons are no trouble at all: \
                 radios hear what is for others, and repeat what was acknowledged too quietly.";
    section(out, "What was discarded, and why", named, |out| tables::drops(out, &story.drops));
    section(out, "What happened", "In the order of time.", |out| handovers::diary(out, &story.diary));
}

/// The colours of the radios.
fn radios(out: &mut Markup, story: &Story) {
    let classes: Vec<_> = (0..story.radios.len()).map(|index| format!("serve r{}", index % 4)).collect();
    let entries =
        classes.iter().zip(&story.radios).map(|(class, radio)| (class.as_str(), radio.name.as_str()));
    legend(out, &entries.collect::<Vec<_>>());
}

fn header(out: &mut Markup, head: &Head<'_>) {
    out.open("header", &[]).leaf("h1", &[], &head.title);
    let class = if head.good { "result good" } else { "result bad" };
    out.leaf("p", &[("class", &class)], &head.result);
    for paragraph in head.more {
        out.leaf("p", &[], paragraph);
    }
    let told = format!("{} on the simulated air. {}", Seconds(head.length), head.origin);
    out.leaf("p", &[("class", &"quiet")], &told);
    out.open("div", &[("class", &"figures")]);
    for figure in head.figures {
        out.open("div", &[("class", &"card figure")]);
        out.leaf("b", &[], &figure.value).leaf("span", &[], &figure.name).leaf("small", &[], &figure.detail);
        out.close("div");
    }
    out.close("div").close("header");
}

/// A section with its content on a card.
pub(super) fn section(
    out: &mut Markup,
    title: &'static str,
    words: &'static str,
    content: impl FnOnce(&mut Markup),
) {
    loose(out, title, words, |out| {
        out.open("div", &[("class", &"card")]);
        content(out);
        out.close("div");
    });
}

fn loose(out: &mut Markup, title: &'static str, words: &'static str, content: impl FnOnce(&mut Markup)) {
    out.open("section", &[]).leaf("h2", &[], &title).leaf("p", &[("class", &"quiet")], &words);
    content(out);
    out.close("section");
}

const LANES: [(&str, &str); 10] = [
    ("scan", "looking"),
    ("join", "joining"),
    ("awake", "awake"),
    ("doze", "dozing"),
    ("down", "arrived at it"),
    ("up", "arrived from it"),
    ("retry", "sent again"),
    ("cross", "lost"),
    ("stroke", "signal"),
    ("dashes", "rate of data to it"),
];

const AIR: [(&str, &str); 3] =
    [("area-sent", "sent by the radio"), ("area-heard", "sent by its clients"), ("area-again", "sent again")];

/// What the colours mean.
pub(super) fn legend(out: &mut Markup, entries: &[(&str, &str)]) {
    out.open("p", &[("class", &"legend")]);
    for (class, words) in entries {
        out.open("span", &[]).open("i", &[("class", class)]).close("i").text(words).close("span");
    }
    out.close("p");
}
