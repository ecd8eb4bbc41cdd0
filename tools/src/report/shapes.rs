//! The few shapes that all pictures are made of.

use std::fmt::Display;

use super::markup::{Markup, Px};

/// A point of a picture.
pub(super) type Point = (f64, f64);

impl Markup {
    /// Begins a picture of this size.
    pub(super) fn picture(&mut self, (width, height): Point, title: &dyn Display) -> &mut Self {
        let frame = format!("0 0 {} {}", Px(width), Px(height));
        self.open("svg", &[("viewBox", &frame), ("role", &"img")]).leaf("title", &[], title)
    }

    /// A line.
    pub(super) fn line(&mut self, class: &str, (x1, y1): Point, (x2, y2): Point) {
        let (x1, y1, x2, y2) = (Px(x1), Px(y1), Px(x2), Px(y2));
        self.empty("line", &[("class", &class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
    }

    /// Text whose baseline begins (or, by its class, ends or has its middle) here.
    pub(super) fn label(&mut self, class: &str, (x, y): Point, text: &dyn Display) {
        self.leaf("text", &[("class", &class), ("x", &Px(x)), ("y", &Px(y))], text);
    }

    /// A rectangle from its upper left corner.
    pub(super) fn bar(&mut self, class: &str, (x, y): Point, (width, height): Point, title: &dyn Display) {
        let (x, y, width, height) = (Px(x), Px(y), Px(width), Px(height));
        let place = [("x", &x as &dyn Display), ("y", &y), ("width", &width), ("height", &height)];
        self.titled("rect", &[[("class", &class as &dyn Display)].as_slice(), &place].concat(), title);
    }

    /// A circle.
    pub(super) fn dot(&mut self, class: &str, (x, y): Point, radius: f64, title: &dyn Display) {
        let (x, y, radius) = (Px(x), Px(y), Px(radius));
        self.titled("circle", &[("class", &class), ("cx", &x), ("cy", &y), ("r", &radius)], title);
    }

    /// A line through these points.
    pub(super) fn path(&mut self, class: &str, through: impl IntoIterator<Item = Point>) {
        let through = super::markup::points(through);
        self.empty("polyline", &[("class", &class), ("points", &through)]);
    }
}
