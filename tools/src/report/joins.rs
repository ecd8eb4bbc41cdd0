//! How each client joined, step by step, as a ladder.

use std::time::Duration;

use super::markup::{Markup, Px, Seconds, Span};
use super::story::{Client, Join, JoinStep, Story};
use super::timeline::shortened;

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 196.0;
const HEIGHT: f64 = 112.0;
const ABOVE: f64 = 34.0;
const BELOW: f64 = 84.0;
/// Joins of one client and steps of one join that are drawn.
const MAX_JOINS: usize = 6;
const MAX_STEPS: usize = 16;

pub(super) fn draw(out: &mut Markup, story: &Story) {
    for client in &story.clients {
        for (index, join) in client.joins.iter().take(MAX_JOINS).enumerate() {
            picture(out, client, index, join);
        }
    }
}

fn picture(out: &mut Markup, client: &Client, index: usize, join: &Join) {
    let Some(first) = join.steps.first().map(|step| step.at) else { return };
    let last = join.steps.last().map_or(first, |step| step.at);
    out.picture((WIDTH, HEIGHT), &format!("How {} joined", client.name));
    out.label("name", (0.0, ABOVE + 4.0), &shortened(&client.name, 18));
    let words = if index == 0 { "joins" } else { "joins again" };
    out.label("small", (0.0, ABOVE + 22.0), &format!("{words} at {}", Seconds(first)));
    let took = Span(last.saturating_sub(first));
    let took = if join.complete { format!("connected after {took}") } else { "did not get in".into() };
    out.label("small", (0.0, ABOVE + 38.0), &took);
    for (y, end) in [(ABOVE, "client"), (BELOW, "node")] {
        out.line("rail", (LEFT, y), (WIDTH, y));
        out.label("tiny end", (LEFT - 8.0, y + 3.0), &end);
    }
    let steps = join.steps.len().min(MAX_STEPS);
    let mut before = first;
    for (place, step) in join.steps.iter().take(MAX_STEPS).enumerate() {
        let x = LEFT + (WIDTH - LEFT) * (place as f64 + 0.5) / steps.max(1) as f64;
        rung(out, x, before, step);
        before = step.at;
    }
    out.close("svg");
}

fn rung(out: &mut Markup, x: f64, before: Duration, step: &JoinStep) {
    let (from, to, tip) = if step.from_client { (ABOVE, BELOW, -7) } else { (BELOW, ABOVE, 7) };
    let again = match step.retries {
        0 => String::new(),
        1 => ", sent twice".into(),
        n => format!(", sent {} times", n + 1),
    };
    let class = if step.retries > 0 { "rung again" } else { "rung" };
    out.open("g", &[("class", &class)]);
    out.leaf("title", &[], &format!("{} at {}{again}", step.text, Seconds(step.at)));
    let path = format!("M{x} {from}V{to}m-4 {tip}l4 {}l4 {tip}", -tip, x = Px(x));
    out.empty("path", &[("d", &path)]);
    out.close("g");
    out.label("tick mid", (x, ABOVE - 12.0), &shortened(&step.name, 16));
    out.label("tiny mid", (x, BELOW + 18.0), &format!("+{}", Span(step.at.saturating_sub(before))));
}
