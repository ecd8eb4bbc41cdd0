//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What is wrong with a configuration, in which file and which line, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    what: String,
}

impl ConfigError {
    /// Something about the file as a whole.
    pub(super) fn whole(file: &Path, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, what: what.into() }
    }

    /// Something at these bytes of `text`.
    pub(super) fn at(file: &Path, text: &str, span: Range<usize>, what: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        Self { line: Some(before.matches('\n').count() + 1), ..Self::whole(file, what) }
    }

    /// The line that is meant, counted from 1, if it is one.
    pub const fn line(&self) -> Option<usize> {
        self.line
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.what)
    }
}

impl std::error::Error for ConfigError {}

/// What serde says of a key or value, with what was probably meant.
pub(super) fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let field = message.starts_with("unknown field");
    let (true, Some(given)) = (field || message.starts_with("unknown variant"), quoted.next()) else {
        return message.to_owned();
    };
    unknown(if field { "key" } else { "value" }, given, &quoted.collect::<Vec<_>>())
}

/// Says that there is no such `what` (a key, a value) among those that are known, with what was probably meant.
pub fn unknown(what: &str, given: &str, known: &[&str]) -> String {
    let what = format!("there is no {what} `{given}`");
    let secret = matches!(given, "passphrase" | "psk" | "wpa_passphrase" | "password");
    let file = known.iter().find(|word| matches!(**word, "passphrase_file" | "passphrase-file"));
    if let Some(file) = file.filter(|_| secret) {
        return format!("{what}: a secret does not stand here; put it into a file and name that by `{file}`");
    }
    match nearest(given, known) {
        Some(near) => format!("{what}; did you mean `{near}`?"),
        None => format!("{what}; there is {}", known.join(", ")),
    }
}

/// The one that is spelt most alike, if it is close enough to be meant.
fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (given.chars().count() / 3).max(1);
    let distances = known.iter().map(|&word| (distance(given, word), word));
    distances.min().filter(|&(distance, _)| distance <= limit).map(|(_, word)| word)
}

/// How many characters have to be put in, taken out or replaced to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut next = vec![left];
        for (pair, to) in row.windows(2).zip(&b) {
            let [diagonal, above] = *pair else { continue };
            left = (left + 1).min(above + 1).min(diagonal + usize::from(from != *to));
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_words() {
        assert_eq!(distance("chanel", "channel"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("tap", "tap"), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
    }

    #[test]
    fn a_near_miss_is_named_and_a_far_one_lists_what_there_is() {
        let one = explain("unknown field `chanel`, expected one of `phy`, `channel`");
        assert_eq!(one, "there is no key `chanel`; did you mean `channel`?");
        let other = explain("unknown field `colour`, expected `phy` or `channel`");
        assert_eq!(other, "there is no key `colour`; there is phy, channel");
        assert_eq!(explain("invalid type"), "invalid type");
    }
}
