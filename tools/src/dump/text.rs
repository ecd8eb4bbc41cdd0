//! A line for people.

use std::io::{self, Write};

use super::describe::Line;
use crate::escape::escape;

/// Writes a frame as a line: number, time since `start` (nanoseconds since 1970), signal, what it is, from whom to
/// whom, and what is worth knowing of its kind.
pub fn write_text(line: &Line, start: u64, out: &mut impl Write) -> io::Result<()> {
    let since = line.time_ns.saturating_sub(start);
    write!(out, "{:>6} {:>5}.{:06}", line.number, since / 1_000_000_000, since / 1000 % 1_000_000)?;
    match line.signal_dbm {
        Some(dbm) => write!(out, " {dbm:>4}dBm")?,
        None => write!(out, " {:>7}", "")?,
    }
    if let Some(subtype) = line.subtype {
        write!(out, " {}", subtype.replace('_', " "))?;
    }
    match (&line.addr2, &line.addr1) {
        (Some(from), Some(to)) => write!(out, " {from} > {to}")?,
        (None, Some(to)) => write!(out, " > {to}")?,
        _ => {}
    }
    if let (Some(bssid), Some("data")) = (&line.bssid, line.frame_type) {
        write!(out, " bssid {bssid}")?;
    }
    details(line, out)?;
    for (text, name) in [(&line.malformed, "malformed"), (&line.error, "error")] {
        if let Some(text) = text {
            write!(out, " [{name}: {}]", escape(text.as_bytes()))?;
        }
    }
    writeln!(out)
}

fn details(line: &Line, out: &mut impl Write) -> io::Result<()> {
    if let Some(ssid) = &line.ssid {
        write!(out, " \"{}\"", escape(ssid.as_bytes()))?;
    }
    if let Some(rsn) = &line.rsn {
        write!(out, " {}/{}", rsn.akm.join("+"), rsn.pairwise.join("+"))?;
    }
    if let Some(transaction) = line.transaction {
        write!(out, " algorithm {} step {transaction}", line.algorithm.unwrap_or_default())?;
    }
    for (name, code) in [("status", line.status), ("reason", line.reason)] {
        if let Some(code) = code {
            write!(out, " {name} {code}")?;
        }
    }
    if let Some(meaning) = &line.meaning {
        write!(out, " ({meaning})")?;
    }
    numbers(line, out)?;
    flags(line, out)
}

fn numbers(line: &Line, out: &mut impl Write) -> io::Result<()> {
    for (name, value) in
        [("AID", line.aid), ("category", line.category.map(u16::from)), ("TID", line.tid.map(u16::from))]
    {
        if let Some(value) = value {
            write!(out, " {name} {value}")?;
        }
    }
    if let Some(ethertype) = line.ethertype {
        write!(out, " 0x{ethertype:04x}")?;
    }
    if let Some(message) = line.eapol {
        write!(out, " EAPOL {message}")?;
    }
    if let Some(sequence) = line.sequence {
        write!(out, " SN {sequence}")?;
    }
    if let Some(fragment) = line.fragment.filter(|&n| n != 0) {
        write!(out, " FN {fragment}")?;
    }
    Ok(())
}

fn flags(line: &Line, out: &mut impl Write) -> io::Result<()> {
    let bad_fcs = (line.fcs == Some("bad")).then_some(true);
    let flags = [
        (line.retry, "retry"),
        (line.protected, "protected"),
        (line.power_management, "PM"),
        (line.more_data, "more"),
        (bad_fcs, "bad FCS"),
        (line.acknowledged.map(|acked| !acked), "not acknowledged"),
    ];
    for (_, name) in flags.iter().filter(|(set, _)| *set == Some(true)) {
        write!(out, " {name}")?;
    }
    Ok(())
}
