//! A timeline for each client: what it was doing, what arrived, what had to be repeated, how well it heard.

use std::time::Duration;

use super::axis::{Axis, Flow};
use super::markup::{Markup, Px, Seconds, Span as Length};
use super::story::{Client, Sample, State, Story};

/// Width of the whole picture.
const WIDTH: f64 = 1120.0;
/// Where the time axis begins.
const LEFT: f64 = 188.0;
/// Where it ends.
const RIGHT: f64 = WIDTH - 56.0;
/// Columns that states are drawn in.
const COLUMNS: u32 = 880;
/// Height of a client.
const ROW: f64 = 198.0;
/// Room for the axis.
const AXIS: f64 = 26.0;
/// Most stays of one client that are drawn.
const MAX_STAYS: usize = 400;
/// Signal at the top and at the bottom of its lane, in dBm.
const SIGNAL: (f64, f64) = (-30.0, -95.0);

/// Where the flags of moments stand, from the top of a client.
const FLAG: f64 = 18.0;
/// Lanes of a client: beginning and height.
const STATES: (f64, f64) = (32.0, 16.0);
const SERVED: (f64, f64) = (50.0, 9.0);
const RETRIES: (f64, f64) = (127.0, 9.0);
const HEARD: (f64, f64) = (142.0, 46.0);
/// The rate at the top of the lane of the signal, in Mb/s.
const FASTEST: f64 = 72.2;
/// What comes from a client is drawn downwards from here, what comes to it upwards.
const UP: f64 = 96.0;
/// The tallest bar.
const REACH: f64 = 26.0;

pub(super) fn draw(out: &mut Markup, story: &Story) {
    let height = ROW * story.clients.len() as f64 + AXIS;
    out.picture((WIDTH, height), &"What each client did, second by second");
    let axis = Axis { from: Duration::ZERO, length: story.length, left: LEFT, right: RIGHT };
    axis.seconds(out, height - AXIS);
    let most = story.clients.iter().map(|client| client.up.max().max(client.down.max())).max().unwrap_or(0);
    for (index, client) in story.clients.iter().enumerate() {
        let top = Px(ROW * index as f64);
        out.open("g", &[("transform", &format!("translate(0 {top})"))]);
        if index > 0 {
            out.line("rule", (0.0, -1.5), (WIDTH, -1.5));
        }
        names(out, story, client);
        states(out, axis, client);
        served(out, axis, (story, client));
        out.line("zero", (LEFT, UP - 0.5), (RIGHT, UP - 0.5));
        let flow =
            Flow { class: "up", words: "arrived from it", most, reach: REACH, base: UP, upwards: false };
        axis.flow(out, &client.down, &Flow { class: "down", words: "arrived at it", upwards: true, ..flow });
        axis.flow(out, &client.up, &flow);
        axis.repeated(out, &client.retries, RETRIES);
        axis.lost(out, &client.losses, RETRIES.0 + 1.0);
        signal(out, axis, client);
        axis.moments(out, &client.moments, (FLAG, STATES.0 + STATES.1));
        out.close("g");
    }
    if let Some(crash) = &story.crash {
        let at = axis.x(crash.at);
        out.line("crash", (at, 4.0), (at, height - AXIS));
    }
    out.close("svg");
}

fn names(out: &mut Markup, story: &Story, client: &Client) {
    out.label("name", (0.0, 45.0), &shortened(&client.name, 20));
    out.label("mono small", (0.0, 62.0), &client.address);
    let network = format!("{} · {}", shortened(&client.network, 14), client.security);
    out.label("small", (0.0, 79.0), &network);
    let radio = client.stays.last().and_then(|stay| story.radios.get(stay.radio));
    let radio = radio.map_or_else(|| "on no radio".into(), |radio| format!("at last on {}", radio.name));
    out.label("small", (0.0, 96.0), &shortened(&radio, 26));
    for (lane, y) in [
        ("is", 43.0),
        ("served by", 58.0),
        ("to it", 86.0),
        ("from it", 111.0),
        ("again", 135.0),
        ("signal", 168.0),
    ] {
        out.label("tiny end", (LEFT - 8.0, y), &lane);
    }
}

/// The state that filled the middle of each column, equal neighbours joined: bounded, however often a client dozes.
fn columns(length: Duration, client: &Client) -> Vec<(State, u32, u32)> {
    let mut runs: Vec<(State, u32, u32)> = Vec::new();
    let column = length / COLUMNS;
    let mut spans = client.spans.iter().peekable();
    for index in 0..COLUMNS {
        let middle = column * index + column / 2;
        while spans.peek().is_some_and(|span| span.to <= middle) {
            spans.next();
        }
        let state = spans.peek().filter(|span| span.from <= middle).map_or(State::Away, |span| span.state);
        match runs.last_mut() {
            Some((last, _, to)) if *last == state => *to = index + 1,
            _ => runs.push((state, index, index + 1)),
        }
    }
    runs
}

fn states(out: &mut Markup, axis: Axis, client: &Client) {
    let column = axis.length / COLUMNS;
    for (state, from, to) in columns(axis.length, client) {
        let (class, words) = match state {
            State::Away => ("away", "away"),
            State::Scanning => ("scan", "looking for its network"),
            State::Joining => ("join", "joining"),
            State::Awake => ("awake", "connected, awake"),
            State::Dozing => ("doze", "connected, dozing: its frames are kept"),
        };
        let (from, to) = (column * from, column * to);
        let (left, right) = (axis.x(from), axis.x(to));
        let (name, time) = (&client.name, Length(to - from));
        let title = format!("{name}: {words}, {} to {} ({time})", Seconds(from), Seconds(to));
        out.bar(class, (left, STATES.0), (right - left, STATES.1), &title);
    }
}

/// Which radio served it when.
fn served(out: &mut Markup, axis: Axis, (story, client): (&Story, &Client)) {
    for stay in client.stays.iter().take(MAX_STAYS) {
        let (left, right) = (axis.x(stay.from), axis.x(stay.to));
        let name = story.radios.get(stay.radio).map_or("nobody", |radio| &radio.name);
        let title = format!(
            "{} served by {name}, {} to {} ({})",
            client.name,
            Seconds(stay.from),
            Seconds(stay.to),
            Length(stay.to.saturating_sub(stay.from))
        );
        let class = format!("serve r{}", stay.radio % 4);
        out.bar(&class, (left, SERVED.0), ((right - left).max(0.8), SERVED.1), &title);
    }
}

fn height_of(dbm: f64) -> f64 {
    let share = (SIGNAL.0 - dbm) / (SIGNAL.0 - SIGNAL.1);
    HEARD.0 + share.clamp(0.0, 1.0) * HEARD.1
}

/// The line breaks where nothing was heard for long.
fn signal(out: &mut Markup, axis: Axis, client: &Client) {
    for dbm in [-40.0_f64, -60.0, -80.0] {
        let y = height_of(dbm);
        out.line("faint", (LEFT, y), (RIGHT, y));
        out.label("tiny", (RIGHT + 6.0, y + 3.5), &format!("−{} dBm", -dbm));
    }
    let samples = client.signal.get(..client.signal.len().min(super::MAX_BINS)).unwrap_or_default();
    let pause = (axis.length / 20).max(Duration::from_millis(400));
    for run in samples.chunk_by(|a, b| b.at.saturating_sub(a.at) < pause) {
        rates(out, axis, run);
        out.path("signal", run.iter().map(|sample| (axis.x(sample.at), height_of(sample.dbm))));
    }
    for sample in samples {
        let rate = sample.rate.as_ref().map(|(rate, _)| format!(", data at {rate}")).unwrap_or_default();
        let title = format!("{:.0} dBm at {}{rate}", sample.dbm, Seconds(sample.at));
        out.dot("spot", (axis.x(sample.at), height_of(sample.dbm)), 4.0, &title);
    }
}

/// The rate of data, in steps; the top of the lane is [`FASTEST`].
fn rates(out: &mut Markup, axis: Axis, run: &[Sample]) {
    let known = run.iter().filter_map(|sample| Some((axis.x(sample.at), sample.rate.as_ref()?.1)));
    let heights = known.map(|(x, rate)| (x, HEARD.0 + HEARD.1 * (1.0 - (rate / FASTEST).clamp(0.0, 1.0))));
    let mut before = None;
    let steps = heights.flat_map(|(x, y)| [(x, before.replace(y).unwrap_or(y)), (x, y)]);
    out.path("rate", steps.collect::<Vec<_>>());
}

/// The beginning of a text that is too long for its place.
pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
