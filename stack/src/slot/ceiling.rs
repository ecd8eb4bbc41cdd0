//! What physics leaves: the share of the air that any schedule can keep.

use std::time::Duration;

/// All of it; shares are per mille.
pub const PER_MILLE: u32 = 1000;

/// The share of the air that is left, per mille, when a revolution of length `cycle` has `stops` stops and each hop is
/// dead for `dead`: `1 - stops * dead / cycle`. One stop needs no hop. `None` if nothing is left.
///
/// A schedule that goes to each stop once a cycle cannot keep more. A longer cycle keeps more, and has everybody wait
/// longer.
pub fn air_left(stops: usize, dead: Duration, cycle: Duration) -> Option<u32> {
    let hops = if stops > 1 { u32::try_from(stops).unwrap_or(u32::MAX) } else { 0 };
    share_left(dead.saturating_mul(hops), cycle)
}

/// The share of `cycle` that is left when so much of it is dead in all.
pub(super) fn share_left(dead: Duration, cycle: Duration) -> Option<u32> {
    let left = cycle.checked_sub(dead).filter(|left| !left.is_zero())?;
    u32::try_from(left.as_micros() * u128::from(PER_MILLE) / cycle.as_micros().max(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_field() {
        let left = |stops, dead, cycle| {
            air_left(stops, Duration::from_micros(dead), Duration::from_millis(cycle))
                .map(|left| (left + 5) / 10)
        };
        for (dead, cycle, expected) in [
            (1500, 100, [Some(97), Some(96), Some(94)]),
            (3000, 100, [Some(94), Some(91), Some(88)]),
            (6000, 100, [Some(88), Some(82), Some(76)]),
            (15_000, 100, [Some(70), Some(55), Some(40)]),
            (55_000, 100, [None, None, None]),
            (55_000, 200, [Some(45), Some(18), None]),
            (6000, 200, [Some(94), Some(91), Some(88)]),
        ] {
            assert_eq!([2, 3, 4].map(|stops| left(stops, dead, cycle)), expected, "{dead} us, {cycle} ms");
        }
    }

    #[test]
    fn one_stop_needs_no_hop() {
        assert_eq!(air_left(1, Duration::from_secs(1), Duration::from_millis(100)), Some(PER_MILLE));
    }
}
