//! The time axis of a picture, and what is drawn along any of them.

use std::time::Duration;

use super::markup::{Markup, Px, Seconds};
use super::story::{Bins, Moment};
use super::timeline::shortened;

/// Most marks for moments in one row.
const MAX_MOMENTS: usize = 48;

/// Time from left to right.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    /// When it begins.
    pub(super) from: Duration,
    pub(super) length: Duration,
    pub(super) left: f64,
    pub(super) right: f64,
}

/// A column of [`Bins`] that has something in it.
pub(super) struct Column {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) left: f64,
    pub(super) width: f64,
    pub(super) sum: u64,
}

impl Axis {
    /// Where a time is.
    pub(super) fn x(self, at: Duration) -> f64 {
        let share = at.saturating_sub(self.from).as_secs_f64() / self.length.as_secs_f64().max(1e-9);
        self.left + share.clamp(0.0, 1.0) * (self.right - self.left)
    }

    /// Lines and numbers at whole seconds, at most about a dozen, down to this height.
    pub(super) fn seconds(self, out: &mut Markup, bottom: f64) {
        let steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
        let step = steps.into_iter().find(|step| self.length.as_secs() / step <= 12).unwrap_or(7200);
        for mark in (0..=self.length.as_secs() / step).take(100) {
            let at = self.x(Duration::from_secs(mark * step));
            out.line("grid", (at, 8.0), (at, bottom));
            out.label("tick mid", (at, bottom + 18.0), &format!("{} s", mark * step));
        }
    }

    /// The columns that have something in them.
    pub(super) fn filled(self, bins: &Bins) -> impl Iterator<Item = Column> {
        bins.sums().iter().enumerate().filter(|(_, sum)| **sum > 0).map(move |(index, &sum)| {
            let (from, to) = (bins.start(index), bins.start(index + 1));
            let left = self.x(from);
            Column { from, to, left, width: (self.x(to) - left - 0.6).max(0.8), sum }
        })
    }

    /// Bars that grow with the square root of the bytes, up from `base` or down from it.
    pub(super) fn flow(self, out: &mut Markup, bins: &Bins, flow: &Flow) {
        for Column { from, to, left, width, sum } in self.filled(bins) {
            let height = ((sum as f64 / flow.most.max(1) as f64).sqrt() * flow.reach).max(1.0);
            let top = if flow.upwards { flow.base - 1.0 - height } else { flow.base };
            let title = format!("{sum} bytes {} between {} and {}", flow.words, Seconds(from), Seconds(to));
            out.bar(flow.class, (left, top), (width, height), &title);
        }
    }

    /// What had to be sent again, in a lane with this beginning and height: the taller the more.
    pub(super) fn repeated(self, out: &mut Markup, bins: &Bins, (top, height): (f64, f64)) {
        let most = bins.max().max(1) as f64;
        for Column { from, to, left, width, sum } in self.filled(bins) {
            let tall = height * (0.25 + 0.75 * sum as f64 / most);
            let what = if sum == 1 { "1 transmission".into() } else { format!("{sum} transmissions") };
            let title = format!("{what} repeated between {} and {}", Seconds(from), Seconds(to));
            out.bar("retry", (left, top + height - tall), (width, tall), &title);
        }
    }

    /// What was lost for good: crosses from this height on.
    pub(super) fn lost(self, out: &mut Markup, bins: &Bins, top: f64) {
        for Column { from, left, width, sum, .. } in self.filled(bins) {
            let (x, y) = (Px(left + width / 2.0 - 3.5), Px(top));
            let cross = format!("M{x} {y}l7 7m-7 0l7 -7");
            let title = format!("{sum} lost: sent at about {} and never arrived", Seconds(from));
            out.titled("path", &[("class", &"loss"), ("d", &cross)], &title);
        }
    }

    /// Flags from one height to another. Of several that stand close the last one has its label, as it says how it went.
    pub(super) fn moments(self, out: &mut Markup, moments: &[Moment], (flag, foot): (f64, f64)) {
        let mut moments = moments.iter().take(MAX_MOMENTS).peekable();
        while let Some(moment) = moments.next() {
            let at = self.x(moment.at);
            let class = if moment.bad { "mark bad" } else { "mark" };
            out.line(class, (at, flag), (at, foot));
            out.dot(class, (at, flag), 3.2, &format!("{}: {}", Seconds(moment.at), moment.text));
            let label = shortened(&moment.name, 28);
            let room = 6.2 * label.chars().count() as f64 + 14.0;
            if moments.peek().is_none_or(|next| self.x(next.at) > at + room) {
                let (class, dx) = if at + room > self.right { ("tick end", -6.0) } else { ("tick", 6.0) };
                out.label(class, (at + dx, flag + 4.0), &label);
            }
        }
    }
}

/// One direction of some traffic.
pub(super) struct Flow {
    pub(super) class: &'static str,
    pub(super) words: &'static str,
    /// The amount of the tallest bar, and how tall that is.
    pub(super) most: u64,
    pub(super) reach: f64,
    /// Where the bars stand or hang.
    pub(super) base: f64,
    pub(super) upwards: bool,
}
