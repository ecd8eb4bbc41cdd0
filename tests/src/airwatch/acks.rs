//! Which frames were acknowledged, as far as a recording says.
//!
//! An ACK names only whom it is for. The kernel's medium shows it behind its frame; a medium in userspace shows it when it
//! says so, when its sender may have sent more. So frames of a sender count as acknowledged when there have been as many
//! ACKs as frames. Where there were fewer, nobody knows which they were for, and nothing is concluded until the sender was
//! silent for so long that none can come any more.

use std::collections::BTreeMap;

use super::frame::{ACK, Address, Frame};

/// An acknowledgement that has not come by then does not come, in microseconds.
const LATEST: u64 = 50_000;

/// The frames that a sender has on the air, by their places, and how many ACKs have come since the first of them.
#[derive(Default)]
struct Open {
    frames: Vec<usize>,
    acks: usize,
}

/// Marks the frames that were acknowledged for certain.
pub(super) fn mark(frames: &mut [Frame]) {
    let mut senders: BTreeMap<Address, Open> = BTreeMap::new();
    for at in 0..frames.len() {
        let (kind, time, to) = (frames[at].kind, frames[at].time, frames[at].to);
        if kind == ACK {
            let open = senders.entry(to).or_default();
            open.acks += 1;
            if open.acks >= open.frames.len() {
                let Open { frames: settled, acks } = std::mem::take(open);
                // One too many is that of a frame which the recording does not have.
                settled.iter().filter(|_| acks == settled.len()).for_each(|&one| frames[one].acked = true);
            }
        } else if let Some(from) = frames[at].from.filter(|_| !to.is_group()) {
            let open = senders.entry(from).or_default();
            if open.frames.last().is_some_and(|&last| frames[last].time + LATEST < time) {
                *open = Open::default();
            }
            open.frames.push(at);
        }
    }
}
