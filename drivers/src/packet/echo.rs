//! Which of our frames an echo is of.

use std::collections::{HashMap, VecDeque};

use stack::wire::{MacAddr, TxId};

/// A frame is given up when this many later ones were sent and its echo has still not come.
const WAITING: usize = 1024;

/// What of a frame is the same in its echo: the radio sets the retry bit and the duration, no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Print {
    kind: u8,
    addr1: MacAddr,
    sequence: [u8; 2],
}

impl Print {
    /// `None` for what is too short for any frame. Control frames have no sequence number; those that are alike have their
    /// echoes in the order they were sent.
    pub(super) fn of(mpdu: &[u8]) -> Option<Self> {
        let kind = *mpdu.first()?;
        let addr1 = MacAddr::from_slice(mpdu.get(4..10)?)?;
        let sequence = mpdu.get(22..24).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        Some(Self { kind, addr1, sequence })
    }
}

/// The frames that were sent and whose echo has not come. Each has a number, counted up; frames with the same print are
/// chained in the order they were sent, so that an echo is found without a search. The prints hold addresses that
/// strangers choose, which is why the map's hash has to be a keyed one.
#[derive(Debug, Default)]
pub(super) struct Echoes {
    /// `None` for one whose echo has come while that of an older one has not. The first is never `None`.
    waiting: VecDeque<Option<Waiting>>,
    /// The number of the first of them.
    first: u64,
    chains: HashMap<Print, Chain>,
}

#[derive(Debug)]
struct Waiting {
    print: Print,
    id: TxId,
    /// The number of the next frame with the same print.
    next: Option<u64>,
}

/// The numbers of the first and the last frame with a print.
#[derive(Debug)]
struct Chain {
    oldest: u64,
    newest: u64,
}

impl Echoes {
    /// Waits for the echo of a frame. Yields the name of the frame that had to be given up for it, if any.
    pub(super) fn expect(&mut self, print: Print, id: TxId) -> Option<TxId> {
        let lost = if self.waiting.len() >= WAITING { self.give_up_oldest() } else { None };
        let number = self.first + self.waiting.len() as u64;
        let before = self.chains.get_mut(&print).map(|chain| std::mem::replace(&mut chain.newest, number));
        match before.and_then(|before| self.at(before)?.as_mut()) {
            Some(before) => before.next = Some(number),
            None => drop(self.chains.insert(print, Chain { oldest: number, newest: number })),
        }
        self.waiting.push_back(Some(Waiting { print, id, next: None }));
        lost
    }

    /// The name of the oldest frame with this print.
    pub(super) fn take(&mut self, print: Print) -> Option<TxId> {
        let oldest = self.chains.get(&print)?.oldest;
        let Waiting { id, next, .. } = self.at(oldest)?.take()?;
        match (next, self.chains.get_mut(&print)) {
            (Some(next), Some(chain)) => chain.oldest = next,
            _ => drop(self.chains.remove(&print)),
        }
        while self.waiting.front().is_some_and(Option::is_none) {
            self.waiting.pop_front();
            self.first += 1;
        }
        Some(id)
    }

    fn give_up_oldest(&mut self) -> Option<TxId> {
        let print = self.waiting.front()?.as_ref()?.print;
        self.take(print)
    }

    fn at(&mut self, number: u64) -> Option<&mut Option<Waiting>> {
        let place = number.checked_sub(self.first)?;
        self.waiting.get_mut(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn a_lost_echo_does_not_keep_its_place_for_ever() {
        let mut echoes = Echoes::default();
        let (lost, print) = (Print::of(&frame(1)).unwrap(), Print::of(&frame(2)).unwrap());
        echoes.expect(lost, TxId(0));
        let given_up = (1..=WAITING as u64).find_map(|n| {
            let given_up = echoes.expect(print, TxId(n));
            assert_eq!(echoes.take(print), Some(TxId(n)));
            given_up
        });
        assert_eq!(given_up, Some(TxId(0)));
        assert!(echoes.chains.is_empty() && echoes.waiting.is_empty());
    }

    proptest! {
        /// Against a search from the oldest on.
        #[test]
        fn echoes_are_matched_as_a_search_would(
            moves in proptest::collection::vec((any::<bool>(), 0..6u8), 0..300),
        ) {
            let (mut echoes, mut model) = (Echoes::default(), Vec::new());
            for (n, (sends, sequence)) in (0..).zip(moves) {
                let print = Print::of(&frame(sequence)).unwrap();
                if sends {
                    prop_assert_eq!(echoes.expect(print, TxId(n)), None);
                    model.push((print, TxId(n)));
                } else {
                    let place = model.iter().position(|(waiting, _)| *waiting == print);
                    let expected = place.map(|place| model.remove(place).1);
                    prop_assert_eq!(echoes.take(print), expected);
                }
            }
            prop_assert_eq!(echoes.waiting.iter().flatten().count(), model.len());
        }
    }

    #[test]
    fn a_control_frame_is_known_by_its_kind_and_receiver() {
        let cts = |duration, last| Print::of(&[0xc4, 0, duration, 0, 2, 0, 0, 0, 0, last]);
        assert!(cts(1, 1).is_some() && cts(1, 1) == cts(0, 1) && cts(0, 1) != cts(0, 2));
        assert_eq!(Print::of(&[0xc4, 0, 0, 0, 2, 0, 0, 0, 0]), None);
    }
}
