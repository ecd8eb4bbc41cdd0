//! What a client that is Linux hands up of the frames that it acknowledged for certain: each MSDU once.
//!
//! Linux drops a frame with the retry bit and the sequence control of the last one of its TID
//! (`ieee80211_rx_h_check_dup`), then one whose packet number is not above the last of its TID
//! (`ieee80211_crypto_ccmp_decrypt`).

use std::collections::BTreeMap;

use super::frame::{Address, Frame, ahead};
use super::{Expected, Found, Violation};

/// For how long a sequence number is that of one MSDU: it takes longer to go round the circle, in microseconds.
const ROUND: u64 = 1_000_000;

/// What a receiver knows of one sender and TID.
#[derive(Default)]
struct Receiver<'a> {
    last: Option<(u16, u8)>,
    packet_number: u64,
    /// What it has handed up lately, by sequence and fragment number.
    had: BTreeMap<(u16, u8), &'a Frame>,
}

pub(super) fn judge(frames: &[Frame], expected: &Expected, found: &mut Found) {
    let mut receivers: BTreeMap<(Address, Address, u8), Receiver<'_>> = BTreeMap::new();
    for frame in frames {
        let Some(from) = frame.from else { continue };
        if frame.is_beginning() {
            receivers
                .retain(|(one, other, _), _| ![(from, frame.to), (frame.to, from)].contains(&(*one, *other)));
        }
        let counts = frame.is_data() && frame.acked && expected.judges(from);
        let Some(tid) = frame.tid.filter(|_| counts) else { continue };
        let receiver = receivers.entry((from, frame.to, tid)).or_default();
        let twice = receiver.take(frame, expected.rekeys);
        found.extend(twice.map(|before| Violation {
            rule: "twice",
            frame: frame.number,
            what: format!("{} was delivered as frame {} already", frame.sequence, before.number),
        }));
    }
}

impl<'a> Receiver<'a> {
    /// Yields the frame as which it had the same before.
    fn take(&mut self, frame: &'a Frame, rekeys: bool) -> Option<&'a Frame> {
        let numbers = (frame.sequence, frame.fragment);
        if frame.retry && self.last == Some(numbers) {
            return None;
        }
        self.last = Some(numbers);
        if let Some((_, number)) = frame.cover {
            if number <= self.packet_number && !rekeys {
                return None;
            }
            self.packet_number = number;
        }
        self.had.retain(|(sequence, _), before| {
            before.time + ROUND >= frame.time && ahead(frame.sequence, *sequence).abs() < 1024
        });
        self.had.insert(numbers, frame)
    }
}
