//! What a radio itself looks at in a frame: who is to acknowledge it, and whom.

use stack::wire::MacAddr;

/// Address 1.
pub(crate) fn receiver(frame: &[u8]) -> Option<MacAddr> {
    address(frame, 4)
}

/// Address 2, which a CTS or an ACK has not.
pub(crate) fn transmitter(frame: &[u8]) -> Option<MacAddr> {
    address(frame, 10)
}

/// Whom the ACK to this frame is for, if it asks for one: a directed management or data frame, PS-Poll, BAR or BA
/// (802.11-2020 10.3.2.11).
pub(crate) fn wants_ack(frame: &[u8]) -> Option<MacAddr> {
    let control = *frame.first()?;
    let asks = match control & 0x0c {
        0x00 | 0x08 => true,
        0x04 => matches!(control >> 4, 8..=10),
        _ => false,
    };
    let directed = receiver(frame).is_some_and(|addr| !addr.is_group());
    if asks && directed { transmitter(frame) } else { None }
}

/// Marks a frame as a retry.
pub(crate) fn set_retry(frame: &mut [u8]) {
    if let Some(flags) = frame.get_mut(1) {
        *flags |= 0x08;
    }
}

fn address(frame: &[u8], offset: usize) -> Option<MacAddr> {
    frame.get(offset..offset + 6).and_then(MacAddr::from_slice)
}
