//! Prometheus' text format, version 0.0.4.

use std::fmt::{Display, Write as _};

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only rises, but for a restart.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by bounds.
    Histogram,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A label and its value.
pub(super) type Label<'a> = (&'static str, &'a str);

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    /// The metric whose samples follow.
    name: &'static str,
}

impl Text {
    /// What has been written.
    pub(super) fn into_string(self) -> String {
        self.out
    }

    /// Begins a metric; its samples follow. `help` is of this program and has neither backslash nor line feed.
    pub(super) fn metric(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        self.name = name;
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.name()));
    }

    /// A sample of the metric.
    pub(super) fn sample(&mut self, labels: &[Label<'_>], value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// A histogram with these upper bounds in seconds, each with the count of what is not above it. `all` is the count of
    /// all, and `sum` their sum in seconds.
    pub(super) fn histogram(&mut self, bounds: impl Iterator<Item = (f64, u64)>, all: u64, sum: f64) {
        for (bound, count) in bounds {
            self.suffixed("_bucket", &[("le", &bound.to_string())], count);
        }
        self.suffixed("_bucket", &[("le", "+Inf")], all);
        self.suffixed("_sum", &[], sum);
        self.suffixed("_count", &[], all);
    }

    fn suffixed(&mut self, suffix: &str, labels: &[Label<'_>], value: impl Display) {
        let name = self.name;
        self.line(format_args!("{name}{suffix}"));
        for (index, (label, value)) in labels.iter().enumerate() {
            self.line(format_args!("{}{label}=\"", if index == 0 { '{' } else { ',' }));
            escape(value, &mut self.out);
            self.out.push('"');
        }
        self.line(format_args!("{} {value}\n", if labels.is_empty() { "" } else { "}" }));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // writing to a string does not fail
        let _ = self.out.write_fmt(text);
    }
}

/// The three characters that the format has an escape for. All others are passed as they are: the reader is a program.
fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
