//! Text from the air on its way to a terminal: nothing in it may steer the terminal or pretend to be something else.

use std::fmt::Write as _;
use std::io;

use serde_json::ser::Formatter;

/// The bytes as text: UTF-8 where they are, with control characters, marks of writing direction, quotes and
/// backslashes escaped, and other bytes as `\xNN`.
pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if is_dangerous(c) => out.extend(c.escape_unicode()),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            // writing to a string does not fail
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Characters that are not seen, or that change how others are seen.
pub(crate) fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// JSON in which no character of a string can steer a terminal: what JSON itself lets through is escaped too.
#[derive(Clone, Copy, Debug)]
pub struct SafeJson;

impl Formatter for SafeJson {
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if !fragment.chars().any(is_dangerous) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if is_dangerous(c) {
                write!(writer, "\\u{:04x}", u32::from(c))?;
            } else {
                write!(writer, "{c}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize as _;

    use super::*;

    #[test]
    fn nothing_from_the_air_steers_a_terminal() {
        assert_eq!(escape("Café ☕".as_bytes()), "Café ☕");
        assert_eq!(escape(b"a\x1b[2J\x07\"\\\xff"), "a\\u{1b}[2J\\u{7}\\\"\\\\\\xff");
        assert_eq!(escape("\u{9b}31m\u{202e}".as_bytes()), "\\u{9b}31m\\u{202e}");
        let mut json = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut json, SafeJson);
        "x\u{9b}\u{202e}\u{1b}y\"é".serialize(&mut serializer).unwrap();
        let json = String::from_utf8(json).unwrap();
        assert_eq!(json, r#""x\u009b\u202e\u001by\"é""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "x\u{9b}\u{202e}\u{1b}y\"é");
    }
}
