//! How each channel was used.

use super::markup::{Markup, Px, Seconds, points};
use super::story::{Bins, Radio, Story};

const WIDTH: f64 = 548.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = WIDTH - 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 128.0;
const HEIGHT: f64 = 152.0;

/// A picture for each radio.
pub(super) fn draw(out: &mut Markup, story: &Story) {
    out.open("div", &[("class", &"pair")]);
    for radio in &story.radios {
        out.open("figure", &[("class", &"card")]);
        out.open("figcaption", &[]).leaf("strong", &[], &radio.name).text(&format!(
            " · {} · on the air {} of the time",
            radio.channel,
            percent(mean(story, radio))
        ));
        out.close("figcaption");
        picture(out, story, radio);
        out.close("figure");
    }
    out.close("div");
}

/// Share of the story in which something was on the air.
fn mean(story: &Story, radio: &Radio) -> f64 {
    let used = radio.sent.total() + radio.heard.total() + radio.retried.total();
    used as f64 / story.length.as_micros().max(1) as f64
}

pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

fn picture(out: &mut Markup, story: &Story, radio: &Radio) {
    let layers = [
        ("area-sent", &radio.sent, "sent by the radio"),
        ("area-heard", &radio.heard, "sent by its clients"),
        ("area-again", &radio.retried, "sent again"),
    ];
    let columns = layers.iter().map(|(_, bins, _)| bins.sums().len()).max().unwrap_or(0);
    let share = |bins: &Bins, index: usize| {
        let micros = bins.sums().get(index).copied().unwrap_or(0);
        micros as f64 / bins.width().as_micros().max(1) as f64
    };
    let total = |index| layers.iter().map(|(_, bins, _)| share(bins, index)).sum::<f64>();
    let ceiling = ceiling((0..columns).map(total).fold(0.0, f64::max));
    out.picture((WIDTH, HEIGHT), &format!("How {} was used by {}", radio.channel, radio.name));
    grid(out, story, ceiling);
    let x = |index: usize| LEFT + (RIGHT - LEFT) * index as f64 / columns.max(1) as f64;
    let y = |share: f64| BOTTOM - (BOTTOM - TOP) * (share / ceiling).min(1.0);
    let mut floor = vec![0.0; columns];
    for (class, bins, _) in layers {
        let below = floor.clone();
        floor.iter_mut().enumerate().for_each(|(index, sum)| *sum += share(bins, index));
        let step = |heights: &[f64]| -> Vec<(f64, f64)> {
            let corners = heights.iter().enumerate();
            corners.flat_map(|(index, &h)| [(x(index), y(h)), (x(index + 1), y(h))]).collect()
        };
        let outline = step(&floor).into_iter().chain(step(&below).into_iter().rev());
        out.empty("polygon", &[("class", &class), ("points", &points(outline))]);
    }
    for index in 0..columns {
        let parts = layers.map(|(_, bins, words)| format!("{} {words}", percent(share(bins, index))));
        let title = format!("at {}: {}", Seconds(radio.sent.start(index)), parts.join(", "));
        out.bar("ghost", (x(index), TOP), (x(index + 1) - x(index), BOTTOM - TOP), &title);
    }
    out.close("svg");
}

/// The least of a few round shares that all columns fit under.
fn ceiling(most: f64) -> f64 {
    [0.02, 0.05, 0.1, 0.2, 0.5].into_iter().find(|ceiling| most <= *ceiling).unwrap_or(1.0)
}

fn grid(out: &mut Markup, story: &Story, ceiling: f64) {
    for part in [0.0, 0.5, 1.0] {
        let y = BOTTOM - (BOTTOM - TOP) * part;
        out.line("grid", (LEFT, y), (RIGHT, y));
        out.label("tiny end", (LEFT - 6.0, y + 3.0), &format!("{} %", Px(100.0 * ceiling * part)));
    }
    for (part, class) in [(0, "tiny"), (1, "tiny mid"), (2, "tiny mid"), (3, "tiny mid"), (4, "tiny end")] {
        let x = LEFT + (RIGHT - LEFT) * f64::from(part) / 4.0;
        let label = format!("{} s", Px((story.length * part / 4).as_secs_f64()));
        out.label(class, (x, HEIGHT - 6.0), &label);
    }
}
