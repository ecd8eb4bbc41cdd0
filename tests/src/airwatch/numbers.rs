//! Packet numbers: no two frames under one (802.11-2020 12.5.3.3.2), and those of an access point only rise.

use std::collections::BTreeMap;

use super::frame::{Address, Frame};
use super::{Expected, Found, Violation};

/// A key as it is known from outside: its sender, whom it is for, its ID.
type Key = (Address, Address, u8);

/// What has been sent under a key.
#[derive(Default)]
struct Sent<'a> {
    highest: u64,
    frames: BTreeMap<u64, &'a Frame>,
}

pub(super) fn judge(frames: &[Frame], expected: &Expected, found: &mut Found) {
    let mut keys: BTreeMap<Key, Sent<'_>> = BTreeMap::new();
    for frame in frames {
        let Some(from) = frame.from else { continue };
        if frame.is_beginning() {
            // New keys: the pair's, and the group's of an access point that is the client's own.
            keys.retain(|(one, other, _), _| {
                let group = other.is_group() && [from, frame.to].contains(one);
                !group && !frame.parts(*one, *other)
            });
        }
        let Some((id, number)) = frame.cover else { continue };
        let to = if frame.to.is_group() { Address([0xff; 6]) } else { frame.to };
        let sent = keys.entry((from, to, id)).or_default();
        let what = sent.take(frame, number, expected.judges(from), expected.rekeys);
        found.extend(what.map(|what| Violation { rule: "numbers", frame: frame.number, what }));
    }
}

impl<'a> Sent<'a> {
    fn take(&mut self, frame: &'a Frame, number: u64, must_rise: bool, rekeys: bool) -> Option<String> {
        let same = self.frames.get(&number).copied();
        if same.is_some_and(|before| frame.retry && frame.is_again(before)) {
            return None;
        }
        let falls = number <= self.highest;
        if falls && rekeys {
            *self = Self::default();
        }
        let highest = self.highest;
        self.highest = highest.max(number);
        self.frames.insert(number, frame);
        match same {
            _ if falls && rekeys => None,
            Some(before) => Some(format!("{number:#x} of frame {} is used again", before.number)),
            None if falls && must_rise => Some(format!("{number:#x} after {highest:#x}")),
            None => None,
        }
    }
}
