//! The page of a radio that hops: its sections in their order, and its table.

use super::hop_story::{HopStory, Network, NetworkTotals};
use super::markup::{Markup, Seconds};
use super::page::{Head, document, legend, section};
use super::{channels, handovers, slots, tables};

/// Most rows of the table.
const MAX_ROWS: usize = 64;

/// The story as one HTML page that loads nothing.
pub fn hop_html(story: &HopStory) -> String {
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

fn sections(out: &mut Markup, story: &HopStory) {
    let run = "A row for each network, on its channel. The radio is where the coloured blocks are, and nowhere between \
               them; on a long run their height is the share of the time. Point at anything to read what it is. Bars grow \
               with the square root of the bytes, on one scale for all.";
    section(out, "The whole run, channel by channel", run, |out| {
        legend(out, &LANES);
        channels::draw(out, story);
    });
    let second = "The same, enlarged: each slot, each hop from channel to channel, each frame. Before it goes the station says so \
                  (PM=1), so that the AP keeps what comes; when it is back it says that (PM=0), and is given what was kept.";
    section(out, "One second, slot by slot", second, |out| {
        legend(out, &FRAMES);
        slots::draw(out, story);
    });
    let numbers = "There is the share of the time in which the radio was on the channel, as the air has it, and what the \
                   schedule gives the channel at the end. Messages are counted by number at both ends. What is lost by cause \
                   and what is known of the AP's buffer is the radio's own word.";
    section(out, "The networks in numbers", numbers, |out| networks(out, story));
    let nonces = "Read from the air with the passphrases: no packet number may encrypt two different frames.";
    section(out, "Keys", nonces, |out| tables::keys(out, &story.keys));
    let named = "Every frame that is discarded has a reason, and most reasons are no trouble at all.";
    section(out, "What was discarded, and why", named, |out| tables::drops(out, &story.drops));
    section(out, "What happened", "In the order of time.", |out| handovers::diary(out, &story.diary));
}

const LANES: [(&str, &str); 10] = [
    ("serve r0", "the radio is there (a colour for each network)"),
    ("beacon", "beacon heard"),
    ("unheard", "beacon not heard"),
    ("down", "data to the radio"),
    ("up", "data from it"),
    ("leaves", "PM=1: it goes"),
    ("returns", "PM=0: it is back"),
    ("retry", "sent again"),
    ("cross", "lost"),
    ("outage", "AP without power"),
];

const FRAMES: [(&str, &str); 10] = [
    ("serve r0", "slot"),
    ("hop", "hop: dead air"),
    ("beacon", "beacon heard"),
    ("unheard", "beacon not heard"),
    ("down", "data to the radio"),
    ("up", "data from it"),
    ("leaves", "PM=1"),
    ("returns", "PM=0"),
    ("key", "handshake"),
    ("hollow", "PM not acknowledged"),
];

fn networks(out: &mut Markup, story: &HopStory) {
    let heads = [
        "network",
        "protection",
        "channel",
        "BSSID",
        "there",
        "slot",
        "joined after",
        "joined",
        "from the radio",
        "to it",
        "lost",
        "by the outage",
        "twice",
        "repeated",
        "lost by cause",
        "AP keeps",
    ];
    tables::table(out, &heads, story.networks.iter().take(MAX_ROWS), |network: &Network| {
        let totals = &network.totals;
        let there = totals.present.as_secs_f64() / story.length.as_secs_f64().max(1e-9);
        vec![
            network.name.clone(),
            network.security.clone(),
            network.channel.to_string(),
            network.bssid.clone(),
            percent(there),
            totals.slot_share.map_or_else(none, percent),
            totals.joined.map_or_else(|| "never".into(), |at| Seconds(at).to_string()),
            match totals.joins {
                0 => none(),
                1 => "once".into(),
                n => format!("{n} times"),
            },
            format!("{} of {}", totals.up.1, totals.up.0),
            format!("{} of {}", totals.down.1, totals.down.0),
            totals.lost.to_string(),
            totals.taken.to_string(),
            totals.duplicated.to_string(),
            totals.retries.to_string(),
            causes(totals),
            totals.ap_buffer.map_or_else(|| "not known".into(), |frames| format!("{frames} frames")),
        ]
    });
}

fn none() -> String {
    "–".into()
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn causes(totals: &NetworkTotals) -> String {
    let parts: Vec<_> = totals.causes.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    if parts.is_empty() { "nothing".into() } else { parts.join(", ") }
}
