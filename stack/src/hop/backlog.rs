//! What an AP had kept for us when we came back, and what it had to drop, by its sequence numbers.

use crate::wire::frame::DataFrame;
use crate::wire::{Frame, MacAddr};

/// Sequence number spaces of data: one for each TID, and one for all that has none.
const SPACES: usize = 17;
const NO_TID: usize = SPACES - 1;
/// Sequence numbers are 12 bits.
const NUMBERS: u16 = 4096;
/// A jump beyond this is no gap: the AP has begun anew, or a retransmission came late.
const MOST: u16 = 1024;

/// What comes back after an absence, frame by frame.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    last: [Option<u16>; SPACES],
    visit: Option<Returned>,
}

/// What an AP had for us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Returned {
    /// MPDUs that it had kept.
    pub(super) held: u32,
    /// MPDUs that were missing among them.
    pub(super) lost: u32,
}

impl Backlog {
    /// The radio is back.
    pub(super) fn came_back(&mut self) {
        self.visit = Some(Returned::default());
    }

    /// The radio goes before all was fetched: what was counted says how much was held at least, and nothing of losses.
    pub(super) const fn left(&mut self) {
        self.visit = None;
    }

    /// A frame was heard. With the last that the AP had kept it says what there was.
    pub(super) fn heard(&mut self, own: MacAddr, bssid: MacAddr, mpdu: &[u8]) -> Option<Returned> {
        let Ok(Frame::Data(frame)) = Frame::parse(mpdu) else { return None };
        if frame.addr1() != own || frame.addr2() != bssid || frame.is_null() {
            return None;
        }
        let lost = self.gap(&frame)?;
        let visit = self.visit.as_mut()?;
        visit.held += 1;
        visit.lost += u32::from(lost);
        if frame.frame_control().more_data() { None } else { self.visit.take() }
    }

    /// How many numbers were passed over before this frame; `None` for one that was there before, or follows the first part
    /// of an MSDU.
    fn gap(&mut self, frame: &DataFrame<'_>) -> Option<u16> {
        let space = frame.qos().map_or(NO_TID, |qos| usize::from(qos.tid()));
        let number = frame.sequence().number();
        let last = self.last.get_mut(space)?;
        let before = last.replace(number);
        let Some(before) = before else { return Some(0) };
        let ahead = (number + NUMBERS - before) % NUMBERS;
        match ahead {
            0 => None,
            ahead if ahead <= MOST => Some(ahead - 1),
            _ => Some(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{MacHeader, QosControl, SequenceControl};

    const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const AP: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn frame(tid: u8, number: u16, more: bool) -> Vec<u8> {
        let mut header = MacHeader::from_ds(OWN, AP, AP)
            .with_qos(QosControl::new(tid))
            .with_sequence(SequenceControl::new(number, 0));
        header.frame_control = header.frame_control.with_more_data(more);
        let mut out = Vec::new();
        header.emit(&mut out);
        out.extend_from_slice(&[0; 16]);
        out
    }

    fn returned(backlog: &mut Backlog, frames: &[(u8, u16)]) -> Option<Returned> {
        let last = frames.len() - 1;
        let told = frames
            .iter()
            .enumerate()
            .map(|(at, &(tid, number))| backlog.heard(OWN, AP, &frame(tid, number, at < last)));
        told.last().flatten()
    }

    #[test]
    fn what_was_kept_is_counted_and_gaps_are_what_was_dropped() {
        let mut backlog = Backlog::default();
        assert_eq!(returned(&mut backlog, &[(0, 4090)]), None, "nobody was away");
        backlog.came_back();
        let frames = [(0, 4091), (0, 4094), (0, 1), (6, 77), (6, 78)];
        assert_eq!(returned(&mut backlog, &frames), Some(Returned { held: 5, lost: 2 + 2 }));
        assert_eq!(returned(&mut backlog, &[(0, 9)]), None, "that is no backlog any more");
    }

    #[test]
    fn repetitions_and_beginnings_are_no_losses() {
        let mut backlog = Backlog::default();
        returned(&mut backlog, &[(0, 100)]);
        backlog.came_back();
        assert_eq!(returned(&mut backlog, &[(0, 100), (0, 101)]), Some(Returned { held: 1, lost: 0 }));
        backlog.came_back();
        assert_eq!(returned(&mut backlog, &[(0, 90), (0, 3000)]), Some(Returned { held: 2, lost: 0 }));
    }

    #[test]
    fn what_is_cut_short_says_nothing() {
        let mut backlog = Backlog::default();
        backlog.came_back();
        backlog.heard(OWN, AP, &frame(0, 1, true));
        backlog.left();
        assert_eq!(backlog.heard(OWN, AP, &frame(0, 5, false)), None);
    }
}
