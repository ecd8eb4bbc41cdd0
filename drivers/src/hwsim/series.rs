//! The rates that a radio tries one after the other, as hwsim tells them and wants them told.

use stack::wire::{Band, Rate};

/// Legs that a series has.
const LEGS: usize = 4;
/// Attempts that one frame gets at the most, whatever is asked for.
const MOST: u32 = 64;

/// `MAC80211_HWSIM_TX_RC_*`
mod flag {
    pub(super) const MCS: u16 = 1 << 3;
    pub(super) const WIDE_40: u16 = 1 << 5;
    pub(super) const SHORT_GI: u16 = 1 << 7;
    pub(super) const VHT_MCS: u16 = 1 << 8;
    pub(super) const WIDE_80: u16 = 1 << 9;
    pub(super) const WIDE_160: u16 = 1 << 10;
}

/// The legacy rates of a hwsim radio in its order, in units of 500 kb/s; above 2.4 GHz it has those from the fifth on.
const LEGACY: [u8; 12] = [2, 4, 11, 22, 12, 18, 24, 36, 48, 72, 96, 108];

fn legacy(band: Band) -> &'static [u8] {
    LEGACY.get(if band == Band::Ghz2 { 0 } else { 4 }..).unwrap_or_default()
}

/// So many attempts at a rate. An index below zero ends the series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leg {
    index: i8,
    count: u8,
    flags: u16,
}

/// What a radio tries for one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Series([Leg; LEGS]);

impl Series {
    /// From index and count of each leg, and its flags in a list of their own. What is missing ends the series.
    pub(super) fn parse(rates: &[u8], flags: &[u8]) -> Self {
        let mut legs = [Leg { index: -1, count: 0, flags: 0 }; LEGS];
        let (rates, _) = rates.as_chunks::<2>();
        let (flags, _) = flags.as_chunks::<3>();
        for (leg, [index, count]) in legs.iter_mut().zip(rates) {
            (leg.index, leg.count) = (index.cast_signed(), *count);
        }
        for (leg, [_, low, high]) in legs.iter_mut().zip(flags) {
            leg.flags = u16::from_ne_bytes([*low, *high]);
        }
        Self(legs)
    }

    /// The rate of each attempt in turn, at least one: who names no rate sends at the lowest.
    pub(super) fn attempts(&self, band: Band) -> impl Iterator<Item = Rate> {
        let legs = self.0.into_iter().take_while(|leg| leg.index >= 0);
        let all = legs.flat_map(move |leg| std::iter::repeat_n(leg.rate(band), usize::from(leg.count)));
        let mut all = all.take(MOST as usize).peekable();
        let none = all.peek().is_none();
        all.chain(none.then(|| Rate::Legacy(legacy(band).first().copied().unwrap_or(2))))
    }

    /// Index and count of each leg after so many attempts.
    pub(super) fn report(&self, mut attempts: u32) -> [u8; 2 * LEGS] {
        let mut report = [0; 2 * LEGS];
        let (pairs, _) = report.as_chunks_mut::<2>();
        for (pair, leg) in pairs.iter_mut().zip(self.0) {
            let made = attempts.min(u32::from(leg.count));
            attempts -= made;
            let index = if made > 0 && leg.index >= 0 { leg.index } else { -1 };
            *pair = [index.cast_unsigned(), u8::try_from(made).unwrap_or(u8::MAX)];
        }
        report
    }
}

impl Leg {
    fn rate(self, band: Band) -> Rate {
        let index = self.index.cast_unsigned();
        let has = |flag| self.flags & flag != 0;
        let short_gi = has(flag::SHORT_GI);
        if has(flag::VHT_MCS) {
            let width = match () {
                () if has(flag::WIDE_160) => 160,
                () if has(flag::WIDE_80) => 80,
                () if has(flag::WIDE_40) => 40,
                () => 20,
            };
            return Rate::Vht { mcs: index & 0x0f, streams: (index >> 4) + 1, width, short_gi };
        }
        if has(flag::MCS) {
            return Rate::Ht { mcs: index, wide: has(flag::WIDE_40), short_gi };
        }
        let rates = legacy(band);
        Rate::Legacy(rates.get(usize::from(index)).or_else(|| rates.last()).copied().unwrap_or(2))
    }
}

/// What a receiver is told of a rate: an index of the legacy rates, which is all that hwsim takes. An MCS is told as the
/// rate that its first stream comes closest to from below.
pub(super) fn shown(rate: Rate, band: Band) -> u32 {
    let units = match rate {
        Rate::Legacy(units) => units,
        Rate::Ht { mcs, .. } => below(mcs % 8),
        Rate::Vht { mcs, .. } | Rate::He { mcs, .. } => below(mcs),
    };
    let place = legacy(band).iter().position(|known| *known == units).unwrap_or(0);
    u32::try_from(place).unwrap_or(0)
}

const fn below(mcs: u8) -> u8 {
    match mcs {
        0 => 12,
        1 => 24,
        2 => 36,
        3 => 48,
        4 => 72,
        5 => 96,
        _ => 108,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_tried_leg_by_leg_and_told_as_far_as_it_was_made() {
        // Two attempts at 54 Mb/s, one at 6 Mb/s, and no more.
        let series = Series::parse(&[11, 2, 4, 1, 0xff, 0, 7, 9], &[]);
        let rates: Vec<Rate> = series.attempts(Band::Ghz2).collect();
        assert_eq!(rates, [Rate::Legacy(108), Rate::Legacy(108), Rate::Legacy(12)]);
        assert_eq!(series.report(1), [11, 1, 0xff, 0, 0xff, 0, 0xff, 0]);
        assert_eq!(series.report(3), [11, 2, 4, 1, 0xff, 0, 0xff, 0]);
    }

    #[test]
    fn an_mcs_is_read_by_its_flags() {
        let mut flags = [0; 12];
        flags[1..3].copy_from_slice(&(flag::MCS | flag::SHORT_GI).to_ne_bytes());
        flags[4..6].copy_from_slice(&(flag::VHT_MCS | flag::WIDE_80).to_ne_bytes());
        let series = Series::parse(&[9, 1, 0x17, 1, 0xff, 0, 0xff, 0], &flags);
        let rates: Vec<Rate> = series.attempts(Band::Ghz5).collect();
        let vht = Rate::Vht { mcs: 7, streams: 2, width: 80, short_gi: false };
        assert_eq!(rates, [Rate::Ht { mcs: 9, wide: false, short_gi: true }, vht]);
    }

    #[test]
    fn who_names_no_rate_sends_once_at_the_lowest() {
        for (rates, flags) in [(&[][..], &[][..]), (&[0xff, 3], &[]), (&[0, 0], &[1]), (&[5], &[0, 0])] {
            let series = Series::parse(rates, flags);
            assert_eq!(series.attempts(Band::Ghz2).collect::<Vec<_>>(), [Rate::Legacy(2)]);
            assert_eq!(series.attempts(Band::Ghz5).collect::<Vec<_>>(), [Rate::Legacy(12)]);
        }
    }

    #[test]
    fn nobody_sends_for_ever() {
        let series = Series::parse(&[0, 255, 1, 255, 2, 255, 3, 255], &[]);
        assert_eq!(series.attempts(Band::Ghz2).count(), MOST as usize);
    }

    #[test]
    fn a_receiver_is_told_the_index_of_its_band() {
        assert_eq!(shown(Rate::Legacy(108), Band::Ghz2), 11);
        assert_eq!(shown(Rate::Legacy(108), Band::Ghz5), 7);
        assert_eq!(shown(Rate::Legacy(2), Band::Ghz2), 0);
        assert_eq!(shown(Rate::Ht { mcs: 11, wide: false, short_gi: false }, Band::Ghz2), 8);
    }
}
