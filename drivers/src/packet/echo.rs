//! Which of our frames an echo is of.

use std::collections::VecDeque;

use stack::wire::{MacAddr, TxId};

/// Frames that wait for their echo at the most; the oldest is given up beyond.
const WAITING: usize = 1024;

/// What of a frame is the same in its echo: the radio sets the retry bit and the duration, no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    kind: u8,
    addr1: MacAddr,
    sequence: [u8; 2],
}

impl Print {
    /// `None` for a frame without a sequence number, whose echo nobody waits for.
    pub(super) fn of(mpdu: &[u8]) -> Option<Self> {
        let kind = *mpdu.first()?;
        let addr1 = MacAddr::from_slice(mpdu.get(4..10)?)?;
        let sequence = mpdu.get(22..24)?.try_into().ok()?;
        Some(Self { kind, addr1, sequence })
    }
}

/// The frames that were sent and whose echo has not come, oldest first.
#[derive(Debug, Default)]
pub(super) struct Echoes(VecDeque<(Print, TxId)>);

impl Echoes {
    /// Waits for the echo of a frame. Yields the name of the frame that had to be given up for it, if any.
    pub(super) fn expect(&mut self, print: Print, id: TxId) -> Option<TxId> {
        let lost = if self.0.len() >= WAITING { self.0.pop_front().map(|(_, id)| id) } else { None };
        self.0.push_back((print, id));
        lost
    }

    /// The name of the oldest frame with this print.
    pub(super) fn take(&mut self, print: Print) -> Option<TxId> {
        let place = self.0.iter().position(|(waiting, _)| *waiting == print)?;
        self.0.remove(place).map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u8) -> Vec<u8> {
        let mut mpdu = vec![0x08, 0x02, 0, 0];
        mpdu.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3]);
        mpdu.extend([sequence << 4, 0]);
        mpdu
    }

    #[test]
    fn an_echo_with_retry_set_is_still_the_same_frame() {
        let mut echoes = Echoes::default();
        echoes.expect(Print::of(&frame(1)).unwrap(), TxId(1));
        echoes.expect(Print::of(&frame(2)).unwrap(), TxId(2));
        let mut echo = frame(2);
        echo[1] |= 0x08;
        echo[2] = 44;
        assert_eq!(echoes.take(Print::of(&echo).unwrap()), Some(TxId(2)));
        assert_eq!(echoes.take(Print::of(&echo).unwrap()), None);
    }

    #[test]
    fn what_waits_is_bounded_and_the_oldest_goes() {
        let mut echoes = Echoes::default();
        let print = Print::of(&frame(1)).unwrap();
        for n in 0..WAITING as u64 {
            assert_eq!(echoes.expect(print, TxId(n)), None);
        }
        assert_eq!(echoes.expect(print, TxId(9999)), Some(TxId(0)));
    }

    #[test]
    fn a_control_frame_has_no_print() {
        assert_eq!(Print::of(&[0xd4, 0, 0, 0, 2, 0, 0, 0, 0, 1]), None);
    }
}
