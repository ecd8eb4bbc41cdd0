//! HTML and SVG as text. Whatever is not written in this program passes through [`escape`].

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

/// An attribute and its value.
pub(super) type Attribute<'a> = (&'static str, &'a dyn Display);

/// A document that is being written.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// What has been written.
    pub(super) fn into_string(self) -> String {
        self.0
    }

    /// Text of this program, as it is.
    pub(super) fn raw(&mut self, text: &'static str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    /// Text from anywhere.
    pub(super) fn text(&mut self, text: &dyn Display) -> &mut Self {
        escape(&text.to_string(), &mut self.0);
        self
    }

    /// Begins an element.
    pub(super) fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> &mut Self {
        self.start(tag, attributes);
        self.0.push('>');
        self
    }

    /// Ends an element.
    pub(super) fn close(&mut self, tag: &'static str) -> &mut Self {
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
        self
    }

    /// An element without content.
    pub(super) fn empty(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> &mut Self {
        self.start(tag, attributes);
        self.0.push_str("/>");
        self
    }

    /// An element with text in it.
    pub(super) fn leaf(
        &mut self,
        tag: &'static str,
        attributes: &[Attribute<'_>],
        text: &dyn Display,
    ) -> &mut Self {
        self.open(tag, attributes).text(text).close(tag)
    }

    /// A shape with words for whoever points at it.
    pub(super) fn titled(
        &mut self,
        tag: &'static str,
        attributes: &[Attribute<'_>],
        title: &dyn Display,
    ) -> &mut Self {
        self.open(tag, attributes).leaf("title", &[], title).close(tag)
    }

    fn start(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            escape(&value.to_string(), &mut self.0);
            self.0.push('"');
        }
    }
}

/// Escapes what means something to HTML, and shows what would be invisible or turn the writing direction.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if crate::escape::is_dangerous(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
}

/// A coordinate: a tenth of a pixel is fine enough.
#[derive(Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        // no negative zero
        write!(f, "{}", tenths + 0.0)
    }
}

/// A point in time or a long time: seconds.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s", self.0.as_secs_f64())
    }
}

/// A time in the unit that suits it.
#[derive(Clone, Copy)]
pub(super) struct Span(pub(super) Duration);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        match micros {
            0..1_000 => write!(f, "{micros} µs"),
            1_000..9_950 => write!(f, "{:.1} ms", self.0.as_secs_f64() * 1e3),
            9_950..999_500 => write!(f, "{:.0} ms", self.0.as_secs_f64() * 1e3),
            _ => write!(f, "{:.2} s", self.0.as_secs_f64()),
        }
    }
}

/// Points of a line, for the attribute of that name.
pub(super) fn points(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut out = String::new();
    for (x, y) in points {
        // writing to a string does not fail
        let _ = write!(out, "{}{},{}", if out.is_empty() { "" } else { " " }, Px(x), Px(y));
    }
    out
}
