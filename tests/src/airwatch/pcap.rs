//! Capture files in the old format, in either byte order, of whole frames behind radiotap headers.

use std::fs;
use std::path::Path;

/// `LINKTYPE_IEEE802_11_RADIOTAP`.
const RADIOTAP: u32 = 127;
/// The flags in a radiotap header: four bytes of frame check sequence follow the frame; it is wrong.
const WITH_FCS: u8 = 0x10;
const BAD_FCS: u8 = 0x40;

/// A frame of a file.
pub(super) struct Packet {
    /// Microseconds since 1970.
    pub(super) time: u64,
    /// In MHz; 0 where it is not said.
    pub(super) frequency: u16,
    /// Without radiotap header and frame check sequence.
    pub(super) bytes: Vec<u8>,
}

/// All frames that were received whole, in the order of their times: they came by way of a queue for each processor.
pub(super) fn read(file: &Path) -> Result<Vec<Packet>, String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut packets = parse(&bytes).ok_or_else(|| format!("{}: no capture with radiotap", file.display()))?;
    packets.sort_by_key(|packet| packet.time);
    Ok(packets)
}

fn parse(bytes: &[u8]) -> Option<Vec<Packet>> {
    let (header, mut rest) = bytes.split_at_checked(24)?;
    let (big, nanoseconds) = match header.first_chunk::<4>()? {
        [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
        [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
        [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
        [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
        _ => return None,
    };
    let number = |bytes: &[u8], at: usize| {
        let field: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if big { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) })
    };
    if number(header, 20)? & 0xffff != RADIOTAP {
        return None;
    }
    let mut packets = Vec::new();
    // A recording that was cut short ends in half a record.
    while let Some((record, after)) = rest.split_at_checked(16) {
        let length = number(record, 8)? as usize;
        let Some((packet, after)) = after.split_at_checked(length) else { break };
        let fraction = u64::from(number(record, 4)?) / if nanoseconds { 1000 } else { 1 };
        let time = u64::from(number(record, 0)?) * 1_000_000 + fraction;
        let stripped = strip(packet);
        packets.extend(stripped.map(|(frequency, bytes)| Packet { time, frequency, bytes: bytes.to_vec() }));
        rest = after;
    }
    Some(packets)
}

/// The frame behind a radiotap header and its frequency, if it came whole.
fn strip(packet: &[u8]) -> Option<(u16, &[u8])> {
    let length = usize::from(u16::from_le_bytes(packet.get(2..4)?.try_into().ok()?));
    let header = packet.get(..length)?;
    let (flags, frequency) = flags_and_frequency(header).unwrap_or_default();
    let frame = packet.get(length..)?;
    if flags & BAD_FCS != 0 {
        return None;
    }
    let fcs = if flags & WITH_FCS != 0 { 4 } else { 0 };
    Some((frequency, frame.get(..frame.len().checked_sub(fcs)?)?))
}

/// The first fields of a header are, where it has them, the time of the radio, flags, the rate, and the channel. Each is
/// aligned to its size.
fn flags_and_frequency(header: &[u8]) -> Option<(u8, u16)> {
    let mut at = 4;
    let mut first = None;
    loop {
        let present = u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?);
        at += 4;
        first.get_or_insert(present);
        if present & 1 << 31 == 0 {
            break;
        }
    }
    let has = |field: u32| first.is_some_and(|present| present & 1 << field != 0);
    if has(0) {
        at = at.next_multiple_of(8) + 8;
    }
    let flags = if has(1) { *header.get(at)? } else { 0 };
    at += usize::from(has(1)) + usize::from(has(2));
    at = at.next_multiple_of(2);
    let frequency = if has(3) { u16::from_le_bytes(header.get(at..at + 2)?.try_into().ok()?) } else { 0 };
    Some((flags, frequency))
}
