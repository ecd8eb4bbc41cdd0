//! How long a frame takes on the air, and how strong it must be to be understood, by rate.

use std::time::Duration;

use stack::wire::Rate;

/// Bytes of the frame check sequence, which is on the air but not in our frames.
const FCS: u64 = 4;
/// After an OFDM frame in 2.4 GHz the air counts as busy for this long (802.11-2020 18.3.2.4), in microseconds.
const SIGNAL_EXTENSION: u64 = 6;
/// DSSS long preamble and header (802.11-2020 16.2.2.2), in microseconds.
const LONG_PREAMBLE: u64 = 192;

/// Data bits in one HT or VHT symbol and stream of 20 MHz, by MCS (802.11-2020 tables 19-27, 21-29).
const BITS_20: [u64; 10] = [26, 52, 78, 104, 156, 208, 234, 260, 312, 347];
/// The same for 40 MHz.
const BITS_40: [u64; 10] = [54, 108, 162, 216, 324, 432, 486, 540, 648, 720];
/// The same for 80 MHz.
const BITS_80: [u64; 10] = [117, 234, 351, 468, 702, 936, 1053, 1170, 1404, 1560];
/// Data bits in one HE symbol and stream of 20 MHz, by MCS (802.11ax-2021 table 27-55).
const BITS_HE: [u64; 12] = [117, 234, 351, 468, 702, 936, 1053, 1170, 1404, 1560, 1755, 1950];

/// Time on the air of a frame of `len` bytes (without FCS) at `rate`, in 2.4 GHz or above.
pub fn airtime(len: usize, rate: Rate, ghz2: bool) -> Duration {
    let bits = 8 * (u64::try_from(len).unwrap_or(u64::MAX / 16) + FCS);
    let micros = match rate {
        Rate::Legacy(units @ (2 | 4 | 11 | 22)) => return cck(bits, units),
        Rate::Legacy(units) => 20 + symbols(bits + 22, 2 * u64::from(units.max(2))) * 4,
        Rate::Ht { mcs, wide, short_gi } => {
            let streams = u64::from(mcs / 8 + 1);
            let width = if wide { 40 } else { 20 };
            ofdm(bits, 32 + 4 * streams, bits_per_symbol(mcs % 8, width) * streams, short_gi)
        }
        Rate::Vht { mcs, streams, width, short_gi } => {
            let streams = u64::from(streams.max(1));
            ofdm(bits, 36 + 4 * streams, bits_per_symbol(mcs, width) * streams, short_gi)
        }
        Rate::He { mcs, streams } => {
            let streams = u64::from(streams.max(1));
            let per_symbol = BITS_HE.get(usize::from(mcs)).copied().unwrap_or(1950) * streams;
            36 + 8 * streams + symbols(bits + 22, per_symbol) * 68 / 5
        }
    };
    Duration::from_micros(micros + if ghz2 { SIGNAL_EXTENSION } else { 0 })
}

/// The rate of the ACK to a frame sent at `rate`: the highest mandatory one that is not above it
/// (802.11-2020 10.6.6.5.2).
pub fn response_rate(rate: Rate) -> Rate {
    let units = match rate {
        Rate::Legacy(units @ (2 | 4)) => units,
        Rate::Legacy(11 | 22) => 4,
        Rate::Legacy(0..24) => 12,
        Rate::Legacy(24..48) => 24,
        Rate::Legacy(_) => 48,
        Rate::Ht { mcs, .. } => mandatory(mcs % 8),
        Rate::Vht { mcs, .. } | Rate::He { mcs, .. } => mandatory(mcs),
    };
    Rate::Legacy(units)
}

/// Signal to noise, in dB, at which every second frame of 1000 bytes is lost.
pub fn midpoint(rate: Rate) -> f64 {
    match rate {
        Rate::Legacy(0..=2) => 0.0,
        Rate::Legacy(4) => 2.0,
        Rate::Legacy(11) => 4.0,
        Rate::Legacy(22) => 7.0,
        Rate::Legacy(12) => 3.5,
        Rate::Legacy(18) => 5.0,
        Rate::Legacy(24) => 6.5,
        Rate::Legacy(36) => 9.0,
        Rate::Legacy(48) => 12.5,
        Rate::Legacy(72) => 16.0,
        Rate::Legacy(96) => 20.0,
        Rate::Legacy(_) => 21.5,
        Rate::Ht { mcs, wide, .. } => by_mcs(mcs % 8) + shared(mcs / 8 + 1, if wide { 40 } else { 20 }),
        Rate::Vht { mcs, streams, width, .. } => by_mcs(mcs) + shared(streams, width),
        Rate::He { mcs, streams } => by_mcs(mcs) + shared(streams, 20),
    }
}

/// What is missing, in dB, when the power of one stream of 20 MHz is spread over several and over more.
fn shared(streams: u8, width: u8) -> f64 {
    10.0 * (f64::from(streams.max(1)) * f64::from(width.max(20)) / 20.0).log10()
}

/// Probability that a frame of `len` bytes at `rate` is not understood at a signal-to-noise ratio of `snr` dB.
///
/// A logistic curve through [`midpoint`], steep as measured ones are, and scaled by length as independent bit errors
/// would be.
pub fn frame_error(len: usize, rate: Rate, snr: f64) -> f64 {
    let at_1000 = 1.0 / (1.0 + ((snr - midpoint(rate)) * 1.8).exp());
    let thousands = f64::from(u16::try_from(len).unwrap_or(u16::MAX).max(14)) / 1000.0;
    1.0 - (1.0 - at_1000).powf(thousands)
}

fn by_mcs(mcs: u8) -> f64 {
    match mcs {
        0 => 3.5,
        1 => 6.5,
        2 => 9.0,
        3 => 12.5,
        4 => 16.0,
        5 => 20.0,
        6 => 21.5,
        7 => 23.0,
        8 => 27.0,
        9 => 29.0,
        10 => 32.0,
        _ => 34.0,
    }
}

const fn mandatory(mcs: u8) -> u8 {
    match mcs {
        0 => 12,
        1 | 2 => 24,
        _ => 48,
    }
}

fn cck(bits: u64, units: u8) -> Duration {
    Duration::from_micros(LONG_PREAMBLE + (bits * 2).div_ceil(u64::from(units)))
}

fn ofdm(bits: u64, preamble: u64, per_symbol: u64, short_gi: bool) -> u64 {
    let symbols = symbols(bits + 22, per_symbol);
    preamble + if short_gi { (symbols * 18).div_ceil(5) } else { symbols * 4 }
}

fn symbols(bits: u64, per_symbol: u64) -> u64 {
    bits.div_ceil(per_symbol.max(1))
}

fn bits_per_symbol(mcs: u8, width: u8) -> u64 {
    let table = match width {
        0..=20 => &BITS_20,
        21..=40 => &BITS_40,
        _ => &BITS_80,
    };
    let bits = table.get(usize::from(mcs)).copied().unwrap_or(260);
    if width > 80 { bits * 2 } else { bits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn airtimes_are_those_of_the_standard() {
        let micros = |len, rate, ghz2| airtime(len, rate, ghz2).as_micros();
        // An ACK is 14 bytes with its FCS.
        assert_eq!(micros(10, Rate::Legacy(12), false), 44);
        assert_eq!(micros(10, Rate::Legacy(48), false), 28);
        assert_eq!(micros(10, Rate::Legacy(2), true), 304);
        assert_eq!(micros(1532, Rate::Legacy(108), false), 248);
        assert_eq!(micros(1532, Rate::Ht { mcs: 7, wide: false, short_gi: false }, false), 36 + 48 * 4);
    }

    #[test]
    fn ht_frames_take_the_time_that_their_rate_says() {
        // Mb/s of one stream at 20 MHz and 800 ns, times ten (802.11-2020 table 19-27).
        for (mcs, tenths) in (0..).zip([65, 130, 195, 260, 390, 520, 585, 650]) {
            for (streams, preamble) in [(1, 36), (2, 40)] {
                let rate = Rate::Ht { mcs: mcs + 8 * (streams - 1), wide: false, short_gi: false };
                let bits = (1500 + 4) * 8 + 22;
                let symbols = (bits * 10_u64).div_ceil(tenths * 4 * u64::from(streams));
                assert_eq!(airtime(1500, rate, false).as_micros(), u128::from(preamble + 4 * symbols));
            }
        }
    }

    #[test]
    fn ht_rates_want_more_signal_the_more_they_carry() {
        let rate = |mcs| Rate::Ht { mcs, wide: false, short_gi: false };
        for mcs in 0..16 {
            let half = midpoint(rate(mcs));
            assert!((frame_error(1000, rate(mcs), half) - 0.5).abs() < 0.01);
            assert!(frame_error(1500, rate(mcs), half + 6.0) < 0.01);
            assert!(frame_error(1500, rate(mcs), half - 6.0) > 0.99);
            if mcs % 8 > 0 {
                assert!(half > midpoint(rate(mcs - 1)));
            }
            if mcs >= 8 {
                assert!(half > midpoint(rate(mcs - 8)) + 2.9, "two streams share the power");
            }
        }
    }

    #[test]
    fn errors_fall_with_signal_and_grow_with_length() {
        let rate = Rate::Legacy(48);
        assert!(frame_error(1000, rate, 12.5) > 0.49 && frame_error(1000, rate, 12.5) < 0.51);
        assert!(frame_error(1500, rate, 14.0) > frame_error(100, rate, 14.0));
        assert!(frame_error(1500, rate, 30.0) < 1e-9 && frame_error(1500, rate, 0.0) > 0.999);
    }

    #[test]
    fn an_ack_is_no_faster_than_its_frame() {
        assert_eq!(response_rate(Rate::Legacy(108)), Rate::Legacy(48));
        assert_eq!(response_rate(Rate::Legacy(18)), Rate::Legacy(12));
        assert_eq!(response_rate(Rate::Legacy(22)), Rate::Legacy(4));
    }
}
