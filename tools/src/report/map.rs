//! Where the radios and the clients are, and who walks where.

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
/// Most places of a walk that are drawn.
const MAX_PLACES: usize = 240;

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
        mast(out, index, (x, y), &format!("{}: {}", radio.name, radio.channel));
        out.label("label mid", (x, y + 30.0), &format!("radio {}", radio.name));
        out.label("small mid", (x, y + 45.0), &radio.channel);
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

/// The way, with the time at a few places of it.
fn walk(out: &mut Markup, plan: &Plan, client: &Client) {
    let step = client.walk.len().div_ceil(MAX_PLACES).max(1);
    let places: Vec<&Place> = client.walk.iter().step_by(step).collect();
    if places.len() < 2 {
        return;
    }
    out.path("way", places.iter().map(|place| plan.point((place.x, place.y))));
    let every = places.len().div_ceil(9).max(1);
    for place in places.iter().skip(every).step_by(every) {
        let (x, y) = plan.point((place.x, place.y));
        out.dot("foot", (x, y), 3.0, &format!("{} is here at {}", client.name, Seconds(place.at)));
        out.label("tiny mid halo", (x, y - 7.0), &format!("{:.0} s", place.at.as_secs_f64()));
    }
}

fn dot(out: &mut Markup, plan: &Plan, story: &Story, client: &Client) {
    let Some(place) = client.walk.first() else { return };
    let (x, y) = plan.point((place.x, place.y));
    let class = client.radio.map_or_else(|| "client".to_owned(), |radio| format!("client r{}", radio % 4));
    let radio = client.radio.and_then(|radio| story.radios.get(radio));
    let to = radio.map(|radio| format!(", on radio {}", radio.name)).unwrap_or_default();
    if let Some(radio) = radio {
        out.line("tie", (x, y), plan.point(radio.place));
    }
    out.dot(&class, (x, y), 7.0, &format!("{}{to}, virtual AP {}", client.name, client.virtual_ap));
    out.label("label mid", (x, y - 13.0), &shortened(&client.name, 24));
}

fn ruler(out: &mut Markup, plan: &Plan) {
    let lengths = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 500.0];
    let metres = lengths.into_iter().find(|metres| metres * plan.scale >= 60.0).unwrap_or(1000.0);
    let (y, end) = (plan.height - 16.0, 8.0 + metres * plan.scale);
    out.path("ruler", [(8.0, y), (8.0, y + 4.0), (end, y + 4.0), (end, y)]);
    out.label("tiny", (end + 7.0, y + 6.0), &format!("{metres} m"));
}
