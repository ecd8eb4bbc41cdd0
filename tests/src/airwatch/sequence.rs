//! Sequence numbers of an access point's QoS data to one client: they go on, across moves as well; and what is sent anew
//! under a new packet number is still the receiver's last frame, or one that it has not had.

use std::collections::BTreeMap;

use super::frame::{Address, Frame, ahead};
use super::{Expected, Found, Violation};

/// A sender, a receiver, a TID.
type Space = (Address, Address, u8);

#[derive(Clone, Copy)]
struct Last<'a> {
    newest: &'a Frame,
    /// The newest that the receiver acknowledged for certain.
    taken: Option<&'a Frame>,
}

pub(super) fn judge(frames: &[Frame], expected: &Expected, found: &mut Found) {
    let mut spaces: BTreeMap<Space, Last<'_>> = BTreeMap::new();
    for frame in frames {
        let Some(from) = frame.from else { continue };
        if frame.is_beginning() {
            spaces
                .retain(|(one, other, _), _| ![(from, frame.to), (frame.to, from)].contains(&(*one, *other)));
        }
        let counts = frame.is_data() && !frame.to.is_group() && expected.judges(from);
        let Some(tid) = frame.tid.filter(|_| counts) else { continue };
        let first = Last { newest: frame, taken: None };
        let last = spaces.entry((from, frame.to, tid)).or_insert(first);
        if last.newest.number != frame.number {
            let wrong = last.goes_on(frame).into_iter().chain(last.resent(frame));
            found.extend(wrong.map(|(rule, what)| Violation { rule, frame: frame.number, what }));
        }
        last.note(frame);
    }
}

impl<'a> Last<'a> {
    fn goes_on(&self, frame: &Frame) -> Option<(&'static str, String)> {
        let step = ahead(frame.sequence, self.newest.sequence);
        let next_fragment = step == 0 && frame.fragment > self.newest.fragment;
        if step > 0 || next_fragment || frame.retry {
            return None;
        }
        let newest = self.newest.sequence;
        Some(("sequence", format!("{} after {newest}, and no retry", frame.sequence)))
    }

    /// Linux remembers the sequence number of the last frame alone: if an older one had arrived after all, it would be
    /// delivered once more.
    fn resent(&self, frame: &Frame) -> Option<(&'static str, String)> {
        let taken = self.taken.filter(|taken| frame.retry && frame.cover != taken.cover)?;
        let behind = ahead(frame.sequence, taken.sequence) < 0;
        let what = || {
            let Frame { number, sequence, .. } = taken;
            format!("{} anew, though frame {number} with {sequence} was acknowledged", frame.sequence)
        };
        behind.then(|| ("resent", what()))
    }

    fn note(&mut self, frame: &'a Frame) {
        if ahead(frame.sequence, self.newest.sequence) >= 0 {
            self.newest = frame;
        }
        let newer = self.taken.is_none_or(|taken| ahead(frame.sequence, taken.sequence) >= 0);
        if frame.acked && newer {
            self.taken = Some(frame);
        }
    }
}
