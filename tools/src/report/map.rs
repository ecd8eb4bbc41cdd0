//! The floor: where the radios are, who walks where, and who serves whom on the way.

use std::time::Duration;

use super::markup::{Markup, Px, Seconds};
use super::shapes::Point;
use super::story::{Client, Place, Story};
use super::timeline::shortened;

const WIDTH: f64 = 1120.0;
const MARGIN: f64 = 64.0;
/// Tallest that the map gets.
const MOST: f64 = 440.0;
/// Rings around a radio, in metres.
const RINGS: [f64; 2] = [10.0, 20.0];
/// Most places of a walk that are drawn, and most parts in which one is.
const MAX_PLACES: usize = 240;
const MAX_PARTS: usize = 60;

/// Metres to pixels.
struct Plan {
    west: f64,
    north: f64,
    scale: f64,
    height: f64,
}

impl Plan {
    fn of(story: &Story) -> Self {
        let walked =
            story.clients.iter().flat_map(|client| client.walk.iter().map(|place| (place.x, place.y)));
        let places: Vec<_> = walked.chain(story.radios.iter().map(|radio| radio.place)).collect();
        let bounds = |pick: fn(&(f64, f64)) -> f64| {
            let values = places.iter().map(pick).filter(|value| value.is_finite());
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
            if low > high { (0.0, 1.0) } else { (low, high) }
        };
        let ((west, east), (south, north)) = (bounds(|place| place.0), bounds(|place| place.1));
        let wide = (WIDTH - 2.0 * MARGIN) / (east - west).max(1.0);
        let scale = wide.min((MOST - 2.0 * MARGIN) / (north - south).max(1.0));
        let west = west - ((WIDTH - 2.0 * MARGIN) / scale - (east - west)) / 2.0;
        Self { west, north, scale, height: (north - south) * scale + 2.0 * MARGIN }
    }

    fn point(&self, (east, north): (f64, f64)) -> Point {
        (MARGIN + (east - self.west) * self.scale, MARGIN + (self.north - north) * self.scale)
    }
}

pub(super) fn draw(out: &mut Markup, story: &Story) {
    let plan = Plan::of(story);
    out.picture((WIDTH, plan.height), &"Where radios and clients are");
    for (index, radio) in story.radios.iter().enumerate() {
        let class = format!("ring r{}", index % 4);
        for metres in RINGS {
            out.dot(&class, plan.point(radio.place), metres * plan.scale, &format!("{metres} m"));
        }
    }
    for client in &story.clients {
        walk(out, &plan, client);
    }
    for (index, radio) in story.radios.iter().enumerate() {
        let (x, y) = plan.point(radio.place);
        let lost = story.crash.as_ref().filter(|crash| crash.radios.contains(&index));
        let power = lost.map(|crash| format!(", without power from {} on", Seconds(crash.at)));
        mast(out, index, (x, y), &format!("{}: {}{}", radio.name, radio.channel, power.unwrap_or_default()));
        if lost.is_some() {
            let cross = format!("M{} {}l24 24m-24 0l24 -24", Px(x - 12.0), Px(y - 14.0));
            out.empty("path", &[("class", &"loss"), ("d", &cross)]);
        }
        out.label("label mid", (x, y + 30.0), &radio.name);
    }
    for client in &story.clients {
        dot(out, &plan, story, client);
    }
    ruler(out, &plan);
    out.close("svg");
}

fn mast(out: &mut Markup, index: usize, (x, y): Point, title: &str) {
    let place = format!("translate({} {})", Px(x), Px(y));
    out.open("g", &[("class", &format!("mast r{}", index % 4)), ("transform", &place)]);
    out.leaf("title", &[], &title);
    out.raw("<path class=\"line\" d=\"M0 -4V14M-7 14H7\"/><circle cy=\"-6\" r=\"4\"/>");
    out.raw("<path class=\"line\" d=\"M-8 -1a9.5 9.5 0 0 1 0 -10M8 -1a9.5 9.5 0 0 0 0 -10\"/>");
    out.raw("<path class=\"line\" d=\"M-13 3a16 16 0 0 1 0 -18M13 3a16 16 0 0 0 0 -18\"/>");
    out.close("g");
}

/// The way in the colours of those who serve, with the time at a few places of it.
fn walk(out: &mut Markup, plan: &Plan, client: &Client) {
    let step = client.walk.len().div_ceil(MAX_PLACES).max(1);
    let places: Vec<&Place> = client.walk.iter().step_by(step).collect();
    let Some(first) = places.first() else { return };
    let at = |place: &&Place| plan.point((place.x, place.y));
    out.path("way", places.iter().map(at));
    for stay in client.stays.iter().take(MAX_PARTS) {
        let begin = place_at(client, stay.from).unwrap_or(first);
        let end = place_at(client, stay.to).unwrap_or(first);
        let between = places.iter().copied().filter(|place| stay.from < place.at && place.at < stay.to);
        let part = [begin].into_iter().chain(between).chain([end]);
        out.path(&format!("way r{}", stay.radio % 4), part.map(|place| at(&place)));
    }
    let every = places.len().div_ceil(6).max(1);
    for place in places.iter().skip(every).step_by(every) {
        let (x, y) = at(place);
        out.dot("foot", (x, y), 2.4, &format!("{} is here at {}", client.name, Seconds(place.at)));
        out.label("tiny mid halo", (x, y - 6.0), &format!("{:.0} s", place.at.as_secs_f64()));
    }
}

/// Where a client is at a time: where it came to last.
fn place_at(client: &Client, at: Duration) -> Option<&Place> {
    let come = client.walk.partition_point(|place| place.at <= at);
    client.walk.get(come.saturating_sub(1))
}

/// The ends of a walk, and where another radio took over.
fn dot(out: &mut Markup, plan: &Plan, story: &Story, client: &Client) {
    let (Some(first), Some(last)) = (client.walk.first(), client.walk.last()) else { return };
    for pair in client.stays.windows(2).take(MAX_PARTS) {
        let [_, next] = pair else { continue };
        let Some(place) = place_at(client, next.from) else { continue };
        let (x, y) = plan.point((place.x, place.y));
        let name = story.radios.get(next.radio).map_or("nobody", |radio| &radio.name);
        let title = format!("{}: {} is served by {name}", Seconds(next.from), client.name);
        let diamond = format!("M{} {}l5 5l-5 5l-5 -5z", Px(x), Px(y - 5.0));
        let class = format!("turn r{}", next.radio % 4);
        out.titled("path", &[("class", &class), ("d", &diamond)], &title);
    }
    let (x, y) = plan.point((first.x, first.y));
    out.dot("begin", (x, y), 5.0, &format!("{} begins here", client.name));
    out.label("label mid", (x, y - 10.0), &shortened(&client.name, 24));
    let radio = client.stays.last().map(|stay| stay.radio);
    let class = radio.map_or_else(|| "client".to_owned(), |radio| format!("client r{}", radio % 4));
    let radio = radio.and_then(|radio| story.radios.get(radio));
    let on = radio.map(|radio| format!(", on {}", radio.name)).unwrap_or_default();
    out.dot(
        &class,
        plan.point((last.x, last.y)),
        6.0,
        &format!("{}{on}, virtual AP {}", client.name, client.virtual_ap),
    );
}

fn ruler(out: &mut Markup, plan: &Plan) {
    let lengths = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0];
    let metres = lengths.into_iter().find(|metres| metres * plan.scale >= 60.0).unwrap_or(1000.0);
    let (y, end) = (plan.height - 16.0, 8.0 + metres * plan.scale);
    out.path("ruler", [(8.0, y), (8.0, y + 4.0), (end, y + 4.0), (end, y)]);
    out.label("tiny", (end + 7.0, y + 6.0), &format!("{metres} m"));
}
