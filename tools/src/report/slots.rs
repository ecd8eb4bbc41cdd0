//! A short time of a radio that hops: each slot, each hop, each frame.

use std::time::Duration;

use super::axis::Axis;
use super::channels::{LEFT, MAX_ROWS, RIGHT, WIDTH, visited};
use super::hop_story::{HopStory, Mark, Network, Sight, Visit};
use super::markup::{Markup, Px, Span};
use super::timeline::shortened;

/// Height of a network.
const ROW: f64 = 96.0;
/// Room for the axis.
const AXIS: f64 = 26.0;
/// Most visits and most frames that are drawn.
const MAX_VISITS: usize = 400;
const MAX_MARKS: usize = 3000;

/// From the top of a network: where a slot begins and how high it is.
const SLOT: (f64, f64) = (8.0, 80.0);
/// Beginning and height of what beacons are drawn as.
const BEACON: (f64, f64) = (12.0, 14.0);
/// Data to the radio stands on this line, data from it hangs from it.
const DATA: f64 = 50.0;
/// The tallest bar, of a frame with so many bytes.
const REACH: f64 = 20.0;
const TALLEST: f64 = 1500.0;
/// Where the triangles for PM stand.
const MODE: f64 = 80.0;
/// Where steps of a handshake stand.
const KEY: f64 = 34.0;

pub(super) fn draw(out: &mut Markup, story: &HopStory) {
    let close = &story.close;
    let networks = story.networks.get(..story.networks.len().min(MAX_ROWS)).unwrap_or_default();
    let height = ROW * networks.len() as f64 + AXIS;
    out.picture((WIDTH, height), &"Slots, hops and frames of one second");
    let axis = Axis { from: close.from, length: close.length, left: LEFT, right: RIGHT };
    tenths(out, axis, height - AXIS);
    let end = close.from + close.length;
    let visits = story.visits.iter().filter(|visit| visit.from < end && visit.to > close.from);
    let visits: Vec<&Visit> = visits.take(MAX_VISITS).collect();
    for (index, network) in networks.iter().enumerate() {
        let top = ROW * index as f64;
        names(out, network, top, index > 0);
        for visit in visits.iter().filter(|visit| visit.channel == network.channel) {
            let (left, right) = (axis.x(visit.from), axis.x(visit.to));
            let class = format!("slot r{}", index % 4);
            out.bar(&class, (left, top + SLOT.0), ((right - left).max(0.5), SLOT.1), &visited(visit));
        }
    }
    hops(out, axis, networks, &visits);
    for mark in close.marks.iter().take(MAX_MARKS).filter(|mark| mark.network < networks.len()) {
        frame(out, axis, mark, ROW * mark.network as f64);
    }
    out.close("svg");
}

/// Lines and numbers at whole tenths of a second.
fn tenths(out: &mut Markup, axis: Axis, bottom: f64) {
    let tenth = Duration::from_millis(100);
    let first = axis.from.as_millis().div_ceil(tenth.as_millis());
    let marks = (first..).map(|mark| tenth * u32::try_from(mark).unwrap_or(u32::MAX));
    for at in marks.take_while(|at| *at <= axis.from + axis.length).take(20) {
        let x = axis.x(at);
        out.line("grid", (x, 4.0), (x, bottom));
        out.label("tick mid", (x, bottom + 18.0), &format!("{:.1} s", at.as_secs_f64()));
    }
}

fn names(out: &mut Markup, network: &Network, top: f64, rule: bool) {
    if rule {
        out.line("rule", (0.0, top), (WIDTH, top));
    }
    out.label("name", (0.0, top + 30.0), &format!("channel {}", network.channel));
    out.label("small", (0.0, top + 48.0), &shortened(&network.name, 22));
    for (lane, y) in [("beacons", 23.0), ("to us", 44.0), ("from us", 62.0), ("PM", 82.0)] {
        out.label("tiny end", (LEFT - 8.0, top + y), &lane);
    }
}

/// A line from each slot to the next, as wide as the radio was nowhere.
fn hops(out: &mut Markup, axis: Axis, networks: &[Network], visits: &[&Visit]) {
    let row = |visit: &Visit| networks.iter().position(|network| network.channel == visit.channel);
    for pair in visits.windows(2) {
        let [from, to] = pair else { continue };
        let (Some(above), Some(below)) = (row(from), row(to)) else { continue };
        // From the edge of the one slot that is towards the other.
        let edge = |row: usize, down: bool| ROW * row as f64 + if down { SLOT.0 + SLOT.1 } else { SLOT.0 };
        let down = below >= above;
        let (y1, y2) = (edge(above, down), edge(below, !down));
        let path = format!("M{} {}L{} {}", Px(axis.x(from.to)), Px(y1), Px(axis.x(to.from)), Px(y2));
        let title = format!(
            "From channel {} to channel {} in {}, at {:.3} s",
            from.channel,
            to.channel,
            Span(to.from.saturating_sub(from.to)),
            from.to.as_secs_f64()
        );
        out.titled("path", &[("class", &"hop"), ("d", &path)], &title);
    }
}

fn frame(out: &mut Markup, axis: Axis, mark: &Mark, top: f64) {
    let (left, right) = (axis.x(mark.at), axis.x(mark.until));
    let (middle, wide) = ((left + right) / 2.0, (right - left).max(1.2));
    let at = format!("{:.4} s", mark.at.as_secs_f64());
    match &mark.what {
        Sight::Beacon { heard } => {
            let (class, words) = if *heard { ("beacon", "heard") } else { ("unheard", "not heard") };
            out.bar(class, (left, top + BEACON.0), (wide, BEACON.1), &format!("{at}: a beacon, {words}"));
        }
        Sight::Data { up, bytes, again } => {
            let high = ((*bytes as f64 / TALLEST).min(1.0).sqrt() * REACH).max(2.0);
            let (class, y) = if *up { ("up", DATA) } else { ("down", DATA - high) };
            let class = if *again { "retry" } else { class };
            let words = if *up { "from the radio" } else { "to the radio" };
            let again = if *again { ", again" } else { "" };
            out.bar(class, (left, top + y), (wide, high), &format!("{at}: {bytes} bytes {words}{again}"));
        }
        Sight::Leaves { acked } => mode(out, (middle, top + MODE), *acked, &Mode::leaves(&at)),
        Sight::Returns { acked } => mode(out, (middle, top + MODE), *acked, &Mode::returns(&at)),
        Sight::Key(step) => {
            let (x, y) = (Px(middle), Px(top + KEY - 5.0));
            let path = format!("M{x} {y}l5 5l-5 5l-5 -5z");
            out.titled("path", &[("class", &"key"), ("d", &path)], &format!("{at}: handshake, {step}"));
        }
    }
}

/// A frame that says where the station goes.
struct Mode {
    class: &'static str,
    title: String,
    /// How far the tip of its triangle is below the base.
    tip: f64,
}

impl Mode {
    fn leaves(at: &str) -> Self {
        Self { class: "leaves", title: format!("{at}: PM=1, the station goes"), tip: 7.0 }
    }

    fn returns(at: &str) -> Self {
        Self { class: "returns", title: format!("{at}: PM=0, the station is back"), tip: -7.0 }
    }
}

/// A triangle, downwards for one that goes; a hollow one was not acknowledged.
fn mode(out: &mut Markup, (x, y): (f64, f64), acked: bool, mode: &Mode) {
    let base = y - mode.tip / 2.0;
    let path = format!("M{} {}h7l-3.5 {}z", Px(x - 3.5), Px(base), Px(mode.tip));
    let class = if acked { mode.class } else { "unknown" };
    let words = if acked { "acknowledged" } else { "not acknowledged" };
    out.titled("path", &[("class", &class), ("d", &path)], &format!("{}, {words}", mode.title));
}
