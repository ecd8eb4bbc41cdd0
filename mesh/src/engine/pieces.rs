//! Frames in datagrams: whole if the path carries them, otherwise in two halves. IP never fragments.
//!
//! ```text
//! whole   kind u8 | frame
//! half    kind u8 | number u16 | half u8 (0, 1) | bytes
//! ```

use std::collections::VecDeque;

use stack::wire::Reader;

/// Bytes before a half.
const HALF_HEADER: usize = 4;
/// Halves that wait for their other half, of one peer.
const WAITING: usize = 32;

/// The first byte of a datagram that carries a whole frame.
pub(super) const WHOLE: u8 = 1;
/// The first byte of one that carries half of one.
pub(super) const HALF: u8 = 2;

/// The datagrams that carry `frame` where one carries `max` bytes. `None` if two are not enough.
pub(super) fn split(frame: &[u8], number: u16, max: usize) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    if frame.len() < max {
        return Some(([&[WHOLE], frame].concat(), None));
    }
    let (first, second) = frame.split_at(frame.len().div_ceil(2));
    if first.len() + HALF_HEADER > max {
        return None;
    }
    let [low, high] = number.to_le_bytes();
    let half = |half, bytes: &[u8]| [&[HALF, low, high, half], bytes].concat();
    Some((half(0, first), Some(half(1, second))))
}

/// Puts halves together again, of one peer.
#[derive(Debug, Default)]
pub(super) struct Halves {
    waiting: VecDeque<(u16, u8, Vec<u8>)>,
    lost: u64,
}

/// A datagram that is no half.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoHalf;

impl Halves {
    /// Takes a half, what follows its kind, and yields the frame if it was the second to come.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<Option<Vec<u8>>, NoHalf> {
        let mut reader = Reader::new(bytes);
        let (number, half) =
            reader.u16_le().and_then(|number| Ok((number, reader.u8()?))).map_err(|_| NoHalf)?;
        let bytes = reader.rest();
        if half > 1 || bytes.is_empty() {
            return Err(NoHalf);
        }
        let other = self.waiting.iter().position(|(n, h, _)| *n == number && *h != half);
        if let Some((_, _, other)) = other.and_then(|at| self.waiting.remove(at)) {
            let frame = if half == 0 { [bytes, &other].concat() } else { [&other, bytes].concat() };
            return Ok(Some(frame));
        }
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            self.lost += 1;
        }
        self.waiting.push_back((number, half, bytes.to_vec()));
        Ok(None)
    }

    /// How many halves stayed alone, since the last call.
    pub(super) fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_frame_comes_out_as_it_went_in(
            frame in prop::collection::vec(any::<u8>(), 1..2000), max in 1200usize..3000, swap: bool,
        ) {
            let (first, second) = split(&frame, 7, max).unwrap();
            prop_assert!(first.len() <= max && second.as_ref().is_none_or(|s| s.len() <= max));
            let Some(second) = second else {
                prop_assert_eq!(&first[1..], &frame[..]);
                return Ok(());
            };
            let mut halves = Halves::default();
            let (a, b) = if swap { (second, first) } else { (first, second) };
            prop_assert_eq!(halves.put(&a[1..]), Ok(None));
            prop_assert_eq!(halves.put(&b[1..]), Ok(Some(frame)));
        }

        #[test]
        fn whatever_comes_nothing_grows(datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..200)) {
            let mut halves = Halves::default();
            for datagram in datagrams {
                let _ = halves.put(&datagram);
                prop_assert!(halves.waiting.len() <= WAITING);
            }
        }
    }

    #[test]
    fn an_ethernet_frame_passes_where_1200_bytes_do_and_four_kilobytes_do_not() {
        assert!(split(&[0; 1514 + 32], 0, 1160).is_some());
        assert!(split(&[0; 4096], 0, 1160).is_none());
    }

    #[test]
    fn halves_that_stay_alone_are_counted() {
        let mut halves = Halves::default();
        for number in 0..40_u16 {
            let [low, high] = number.to_le_bytes();
            assert_eq!(halves.put(&[low, high, 0, 1]), Ok(None));
        }
        assert_eq!((halves.take_lost(), halves.take_lost()), (8, 0));
    }
}
