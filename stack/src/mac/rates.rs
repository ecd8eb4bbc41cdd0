//! What two ends of a link can be sent with, and which rate suits what must arrive.

use crate::wire::element::HtCapabilities;
use crate::wire::record::record;
use crate::wire::{Elements, Rate};

/// The rates of DSSS, CCK and OFDM in units of 500 kb/s, slowest of each first.
const LEGACY: [u8; 12] = [2, 4, 11, 22, 12, 18, 24, 36, 48, 72, 96, 108];
/// Where OFDM begins in it.
const OFDM: usize = 4;
/// Most MCS: two streams of eight.
const MOST_MCS: u8 = 16;

/// The rates that one end sends with and the other takes, at 20 MHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Bit n: entry n of [`LEGACY`].
    legacy: u16,
    /// Bit n: MCS n.
    ht: u16,
    robust: Rate,
}

/// What a peer takes, whatever radio sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenRates {
    /// Bit n: entry n of [`LEGACY`].
    legacy: u16,
    /// Bit n: MCS n.
    ht: u16,
}

record!(TakenRates { legacy, ht });

/// The modulations that are alike but for how much they carry: what one of them is too fast for, the next is too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Dsss,
    Ofdm,
    /// HT with so many streams.
    Ht(u8),
}

impl Rates {
    /// 6 Mb/s and nothing else, which every OFDM station takes.
    pub const LOWEST: Self = Self { legacy: 1 << OFDM, ht: 0, robust: Rate::Legacy(12) };

    /// What is common to `own` (our rates, as in the Supported Rates element) and the elements of the peer, in beacons,
    /// requests or responses. With HT so many streams are sent, up to 2; none if that is 0, for a radio that cannot.
    pub fn agreed(own: &[u8], ht_streams: u8, elements: &Elements<'_>) -> Self {
        TakenRates::of(elements).among(own, ht_streams)
    }

    /// What must arrive is sent with this.
    pub const fn robust(&self) -> Rate {
        self.robust
    }

    /// One after the other, each with its family; within a family the slowest first.
    pub(super) fn iter(self) -> impl Iterator<Item = (Family, Rate)> {
        let legacy = LEGACY.into_iter().enumerate().filter(move |(n, _)| self.legacy >> n & 1 != 0);
        let legacy =
            legacy.map(|(n, rate)| (if n < OFDM { Family::Dsss } else { Family::Ofdm }, Rate::Legacy(rate)));
        let ht = (0..MOST_MCS).filter(move |mcs| self.ht >> mcs & 1 != 0);
        let ht = ht.map(|mcs| (Family::Ht(mcs / 8 + 1), Rate::Ht { mcs, wide: false, short_gi: false }));
        legacy.chain(ht)
    }
}

impl TakenRates {
    /// Those of a peer with these elements.
    pub fn of(elements: &Elements<'_>) -> Self {
        let legacy = elements.rates().fold(0, |bits, entry| bits | bit(entry.0));
        let capabilities = elements.get::<HtCapabilities<'_>>().ok().flatten();
        let ht = match capabilities.map(|ht| ht.rx_mcs()) {
            Some(&[low, high, ..]) => u16::from_le_bytes([low, high]),
            _ => 0,
        };
        Self { legacy, ht }
    }

    /// Those of them that a radio with the rates `own` and so many streams sends with.
    pub fn among(self, own: &[u8], ht_streams: u8) -> Rates {
        let legacy = own.iter().fold(0, |bits, &rate| bits | bit(rate)) & self.legacy;
        let sent = match ht_streams {
            0 => 0,
            1 => 0x00ff,
            _ => 0xffff,
        };
        let robust = robust_rate(own);
        // One that tells no rate of ours still takes what its BSS is managed with.
        let legacy = match (legacy, robust) {
            (0, Rate::Legacy(rate)) => bit(rate),
            (legacy, _) => legacy,
        };
        Rates { legacy, ht: self.ht & sent, robust }
    }
}

/// The rate for what must arrive or goes to many: management, groups, EAPOL, Null frames. 6 Mb/s where there is OFDM,
/// as every station of OFDM takes it (802.11-2020 Table 17-4) and DSSS would keep the air six times as long; else the
/// lowest basic rate. `own` are the rates of the BSS, as in the Supported Rates element.
pub fn robust_rate(own: &[u8]) -> Rate {
    let ofdm = own.iter().any(|&rate| bit(rate) & !0 << OFDM != 0);
    let basic = own.iter().filter(|&&rate| rate & 0x80 != 0 && bit(rate) != 0).map(|rate| rate & 0x7f).min();
    Rate::Legacy(if ofdm { 12 } else { basic.unwrap_or(2) })
}

/// The place of a rate of the Supported Rates element; 0 for what is none.
fn bit(rate: u8) -> u16 {
    LEGACY.iter().position(|&known| known == rate & 0x7f).map_or(0, |place| 1 << place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ElementId;
    use crate::wire::element::ElementsBuf;

    const OWN: [u8; 12] = [0x82, 0x84, 0x8b, 0x96, 0x0c, 0x12, 0x18, 0x24, 0x30, 0x48, 0x60, 0x6c];

    fn with_ht(mcs: [u8; 4]) -> ElementsBuf {
        let mut elements = ElementsBuf::new();
        elements
            .writer()
            .rates(&[0x8c, 0x18, 0x30, 0xff])
            .element(ElementId::HT_CAPABILITIES, &HtCapabilities::data(0, 0, mcs));
        elements
    }

    #[test]
    fn what_both_have_is_agreed() {
        let elements = with_ht([0x03, 0x01, 0, 0]);
        let legacy = [Rate::Legacy(12), Rate::Legacy(24), Rate::Legacy(48)];
        let ht = |mcs| Rate::Ht { mcs, wide: false, short_gi: false };
        for (streams, mcs) in [(0, &[][..]), (1, &[0, 1]), (2, &[0, 1, 8])] {
            let expected: Vec<_> = legacy.into_iter().chain(mcs.iter().copied().map(ht)).collect();
            let agreed = Rates::agreed(&OWN, streams, &elements.elements());
            assert_eq!(agreed.iter().map(|(_, rate)| rate).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_peer_that_tells_nothing_gets_the_robust_rate() {
        let agreed = Rates::agreed(&OWN, 2, &Elements::new(&[]));
        assert_eq!(agreed.iter().collect::<Vec<_>>(), [(Family::Ofdm, Rate::Legacy(12))]);
        assert_eq!(robust_rate(&OWN[..4]), Rate::Legacy(2));
        assert_eq!(robust_rate(&[]), Rate::Legacy(2));
    }
}
