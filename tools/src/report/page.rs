//! The page: its sections in their order.

use super::markup::{Markup, Seconds};
use super::story::Story;
use super::{air, joins, map, tables, timeline};

/// The story as one HTML page that loads nothing.
pub fn html(story: &Story) -> String {
    let mut out = Markup::default();
    out.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    out.raw("<meta name=\"color-scheme\" content=\"light dark\">");
    out.leaf("title", &[], &story.title);
    out.raw("<style>").raw(include_str!("style.css")).raw("</style></head><body><main>");
    header(&mut out, story);
    section(
        &mut out,
        "The clients, second by second",
        "Point at anything to read what it is. Bars grow with the square root of the bytes, on one scale for all.",
        |out| {
            legend(out, &LANES);
            timeline::draw(out, story);
        },
    );
    let rings =
        "Rings are 10 and 20 metres around each radio; the dashed line is a walk, with the time along it.";
    section(&mut out, "Where everybody is", rings, |out| map::draw(out, story));
    let shares =
        "Share of the time in which something was on the air, acknowledgements and beacons included.";
    loose(&mut out, "The air", shares, |out| {
        legend(out, &AIR);
        air::draw(out, story);
    });
    let ladder =
        "Each arrow is one frame, with the time since the one before it. Orange ones had to be repeated.";
    section(&mut out, "How they joined", ladder, |out| joins::draw(out, story));
    let msdus = "Arrived of sent, counted by number at both ends.";
    section(&mut out, "The clients in numbers", msdus, |out| tables::clients(out, story));
    let nonces = "Read from the air with the passphrase: no packet number may encrypt two different frames.";
    section(&mut out, "Keys", nonces, |out| tables::keys(out, story));
    let named = "Every frame that is discarded has a reason, and most reasons are no trouble at all: \
                 radios hear what is for others, and repeat what was acknowledged too quietly.";
    section(&mut out, "What was discarded, and why", named, |out| tables::drops(out, story));
    out.open("footer", &[]).text(&story.origin).close("footer");
    out.raw("</main></body></html>\n");
    out.into_string()
}

fn header(out: &mut Markup, story: &Story) {
    out.open("header", &[]).leaf("h1", &[], &story.title);
    let class = if story.good { "result good" } else { "result bad" };
    out.leaf("p", &[("class", &class)], &story.result);
    let told = format!("{} on the simulated air. {}", Seconds(story.length), story.origin);
    out.leaf("p", &[("class", &"quiet")], &told);
    out.open("div", &[("class", &"figures")]);
    for figure in &story.figures {
        out.open("div", &[("class", &"card figure")]);
        out.leaf("b", &[], &figure.value).leaf("span", &[], &figure.name).leaf("small", &[], &figure.detail);
        out.close("div");
    }
    out.close("div").close("header");
}

fn section(out: &mut Markup, title: &'static str, words: &'static str, content: impl FnOnce(&mut Markup)) {
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
    [("area-sent", "sent by the node"), ("area-heard", "sent by clients"), ("area-again", "sent again")];

fn legend(out: &mut Markup, entries: &[(&str, &str)]) {
    out.open("p", &[("class", &"legend")]);
    for (class, words) in entries {
        out.open("span", &[]).open("i", &[("class", class)]).close("i").text(words).close("span");
    }
    out.close("p");
}
