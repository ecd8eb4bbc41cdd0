//! Capture files in the old format, in either byte order, of whole frames behind radiotap headers.

use std::fs;
use std::path::Path;

/// `LINKTYPE_IEEE802_11_RADIOTAP`.
const RADIOTAP: u32 = 127;
/// The flags in a radiotap header: four bytes of frame check sequence follow the frame; it is wrong.
const WITH_FCS: u8 = 0x10;
const BAD_FCS: u8 = 0x40;

/// A frame of a file: microseconds since 1970, and its bytes without radiotap header and frame check sequence.
pub(super) type Packet = (u64, Vec<u8>);

/// All frames that were received whole, in the order of their times: they came by way of a queue for each processor.
pub(super) fn read(file: &Path) -> Result<Vec<Packet>, String> {
    let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut packets = parse(&bytes).ok_or_else(|| format!("{}: no capture with radiotap", file.display()))?;
    packets.sort_by_key(|(time, _)| *time);
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
        packets.extend(strip(packet).map(|frame| (time, frame.to_vec())));
        rest = after;
    }
    Some(packets)
}

/// The frame behind a radiotap header, if it came whole.
fn strip(packet: &[u8]) -> Option<&[u8]> {
    let length = usize::from(u16::from_le_bytes(packet.get(2..4)?.try_into().ok()?));
    let flags = flags(packet.get(..length)?).unwrap_or(0);
    let frame = packet.get(length..)?;
    if flags & BAD_FCS != 0 {
        return None;
    }
    let fcs = if flags & WITH_FCS != 0 { 4 } else { 0 };
    frame.get(..frame.len().checked_sub(fcs)?)
}

/// The field of flags comes second, behind the time of the radio.
fn flags(header: &[u8]) -> Option<u8> {
    let mut at = 4;
    let mut first = None;
    loop {
        let present = u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?);
        at += 4;
        let first = *first.get_or_insert(present);
        if present & 1 << 31 == 0 {
            let time = if first & 1 != 0 { at.next_multiple_of(8) + 8 } else { at };
            return if first & 2 != 0 { header.get(time).copied() } else { None };
        }
    }
}
