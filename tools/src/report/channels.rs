//! The whole run of a radio that hops: a row for each network, in it where the radio was, and what was seen on the air.

use std::time::Duration;

use super::axis::{Axis, Column, Flow};
use super::hop_story::{HopStory, Network, Visit};
use super::markup::{Markup, Px, Seconds, Span};
use super::story::{Bins, MAX_BINS};
use super::timeline::shortened;

/// Width of the whole picture.
pub(super) const WIDTH: f64 = 1120.0;
/// Where the time axis begins.
pub(super) const LEFT: f64 = 188.0;
/// Where it ends.
pub(super) const RIGHT: f64 = WIDTH - 22.0;
/// Height of a network.
const ROW: f64 = 154.0;
/// Room for the axis.
const AXIS: f64 = 26.0;
/// Most networks that are drawn.
pub(super) const MAX_ROWS: usize = 16;
/// So many visits are drawn one by one; if there are more they are drawn by columns.
const MAX_VISITS: usize = 1600;

/// Where the flags of moments stand, from the top of a network.
const FLAG: f64 = 14.0;
/// Lanes of a network: beginning and height.
const THERE: (f64, f64) = (26.0, 20.0);
const BEACONS: (f64, f64) = (50.0, 12.0);
const MODES: f64 = 127.0;
const RETRIES: (f64, f64) = (138.0, 9.0);
/// What the radio sends is drawn downwards from here, what comes to it upwards.
const UP: f64 = 92.0;
/// The tallest bar.
const REACH: f64 = 24.0;
/// Height of the ticks for PM, above and below their line.
const TICK: f64 = 7.0;

pub(super) fn draw(out: &mut Markup, story: &HopStory) {
    let networks = story.networks.get(..story.networks.len().min(MAX_ROWS)).unwrap_or_default();
    let height = ROW * networks.len() as f64 + AXIS;
    out.picture((WIDTH, height), &"On which channel the radio was when, and what was seen there");
    let axis = Axis { from: Duration::ZERO, length: story.length, left: LEFT, right: RIGHT };
    axis.seconds(out, height - AXIS);
    let presence = presences(story, networks);
    let most = networks.iter().map(|network| network.up.max().max(network.down.max())).max().unwrap_or(0);
    for (index, network) in networks.iter().enumerate() {
        let top = Px(ROW * index as f64);
        out.open("g", &[("transform", &format!("translate(0 {top})"))]);
        if index > 0 {
            out.line("rule", (0.0, -1.5), (WIDTH, -1.5));
        }
        names(out, network);
        outage(out, axis, network);
        let class = format!("serve r{}", index % 4);
        match &presence {
            Some((columns, most)) => shares(out, axis, (network, columns.get(index), *most), &class),
            None => visits(out, axis, (story, network), &class),
        }
        beacons(out, axis, network);
        out.line("zero", (LEFT, UP - 0.5), (RIGHT, UP - 0.5));
        let flow =
            Flow { class: "up", words: "from the radio", most, reach: REACH, base: UP, upwards: false };
        axis.flow(out, &network.down, &Flow { class: "down", words: "to the radio", upwards: true, ..flow });
        axis.flow(out, &network.up, &flow);
        modes(out, axis, network);
        axis.repeated(out, &network.retries, RETRIES);
        axis.lost(out, &network.losses, RETRIES.0 + 1.0);
        axis.moments(out, &network.moments, (FLAG, THERE.0 + THERE.1));
        out.close("g");
    }
    out.close("svg");
}

/// What stands to the left of a row.
fn names(out: &mut Markup, network: &Network) {
    out.label("name", (0.0, 36.0), &format!("channel {}", network.channel));
    out.label("small", (0.0, 54.0), &shortened(&format!("{} · {}", network.name, network.security), 22));
    out.label("mono small", (0.0, 71.0), &network.bssid);
    let lanes = [("there", 40.0), ("beacons", 60.0), ("to us", 82.0), ("from us", 106.0), ("PM", 131.0)];
    for (lane, y) in lanes.into_iter().chain([("again", 146.0)]) {
        out.label("tiny end", (LEFT - 8.0, y), &lane);
    }
}

/// Its AP is without power.
fn outage(out: &mut Markup, axis: Axis, network: &Network) {
    let Some((from, to)) = network.off else { return };
    let (left, right) = (axis.x(from), axis.x(to));
    let title = format!("The AP of {} is without power, {} to {}", network.name, Seconds(from), Seconds(to));
    out.bar("outage", (left, THERE.0), (right - left, ROW - THERE.0 - 6.0), &title);
}

/// Each visit of the radio.
fn visits(out: &mut Markup, axis: Axis, (story, network): (&HopStory, &Network), class: &str) {
    for visit in story.visits.iter().filter(|visit| visit.channel == network.channel) {
        let (left, right) = (axis.x(visit.from), axis.x(visit.to));
        out.bar(class, (left, THERE.0), ((right - left).max(0.5), THERE.1), &visited(visit));
    }
}

/// For what share of each column the radio was there; the tallest bar is the longest presence in any row.
fn shares(
    out: &mut Markup,
    axis: Axis,
    (network, presence, most): (&Network, Option<&Bins>, u64),
    class: &str,
) {
    let Some(presence) = presence else { return };
    let whole = presence.width().as_micros().max(1) as f64;
    for Column { from, to, left, width, sum } in axis.filled(presence) {
        let high = THERE.1 * sum as f64 / most.max(1) as f64;
        let title = format!(
            "channel {}: there for {:.0} % of the time between {} and {}",
            network.channel,
            100.0 * (sum as f64 / whole).min(1.0),
            Seconds(from),
            Seconds(to)
        );
        out.bar(class, (left, THERE.0 + THERE.1 - high), (width, high), &title);
    }
}

/// If there are too many visits to draw each: how long the radio was in each row by columns, and the longest of it.
fn presences(story: &HopStory, networks: &[Network]) -> Option<(Vec<Bins>, u64)> {
    if story.visits.len() <= MAX_VISITS {
        return None;
    }
    let of = |network: &Network| {
        presence(story.length, story.visits.iter().filter(|visit| visit.channel == network.channel))
    };
    let columns: Vec<_> = networks.iter().map(of).collect();
    let most = columns.iter().map(Bins::max).max().unwrap_or(0);
    Some((columns, most))
}

/// A visit in words.
pub(super) fn visited(visit: &Visit) -> String {
    let time = Span(visit.to.saturating_sub(visit.from));
    format!("channel {} for {time}, from {:.3} s on", visit.channel, visit.from.as_secs_f64())
}

/// How long the radio was there in each column, in microseconds.
fn presence<'a>(length: Duration, visits: impl Iterator<Item = &'a Visit>) -> Bins {
    let mut bins = Bins::new(length, MAX_BINS);
    for visit in visits {
        let mut at = visit.from;
        for _ in 0..MAX_BINS {
            let until = bins.end(at).min(visit.to);
            if until <= at {
                break;
            }
            bins.add(at, u64::try_from((until - at).as_micros()).unwrap_or(u64::MAX));
            at = until;
        }
    }
    bins
}

/// A tick for each column with beacons: as tall as the share of them that was heard, and dim for the rest.
fn beacons(out: &mut Markup, axis: Axis, network: &Network) {
    for Column { from, to, left, width, sum } in axis.filled(&network.beacons) {
        let heard = network.heard.at(from);
        let share = (heard as f64 / sum as f64).min(1.0);
        let high = BEACONS.1 * share;
        let title =
            format!("{heard} of {sum} beacons heard, sent between {} and {}", Seconds(from), Seconds(to));
        if share < 1.0 {
            out.bar("unheard", (left, BEACONS.0), (width, BEACONS.1 - high), &title);
        }
        if share > 0.0 {
            out.bar("beacon", (left, BEACONS.0 + BEACONS.1 - high), (width, high), &title);
        }
    }
}

/// PM=1 below the line, PM=0 above it.
fn modes(out: &mut Markup, axis: Axis, network: &Network) {
    out.line("zero", (LEFT, MODES), (RIGHT, MODES));
    for (bins, class, top, words) in [
        (&network.returns, "returns", MODES - TICK, "PM=0: the station is back"),
        (&network.leaves, "leaves", MODES, "PM=1: the station goes"),
    ] {
        for Column { from, to, left, width, sum } in axis.filled(bins) {
            let times = if sum == 1 { "once".into() } else { format!("{sum} times") };
            let title = format!("{words}, {times} between {} and {}", Seconds(from), Seconds(to));
            out.bar(class, (left, top), (width, TICK), &title);
        }
    }
}
