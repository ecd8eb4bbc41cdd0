//! Why a channel is not hopped to.

use std::fmt;
use std::time::Duration;

use crate::slot::PER_MILLE;
use crate::wire::Channel;

/// Hopping to a channel is refused: one sentence with the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// One hop takes too long to be worth making.
    SlowHop {
        /// The slowest hop on its account starts here
        from: Channel,
        /// and ends here.
        to: Channel,
        /// What it takes, measured.
        dead: Duration,
        /// What it would have to stay below.
        limit: Duration,
    },
    /// All hops of a revolution together would leave too little.
    NoAirLeft {
        /// The channel that is one too many.
        channel: Channel,
        /// How many there would be with it.
        stops: usize,
        /// What the hops of a revolution would take.
        dead: Duration,
        /// The longest cycle that is allowed.
        cycle: Duration,
        /// The share of the air that would be left, per mille.
        kept: u32,
        /// The share that has to be left, per mille.
        least: u32,
    },
}

/// In milliseconds, to a tenth.
struct Ms(Duration);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0.as_micros() + 50) / 100;
        write!(f, "{}.{} ms", tenths / 10, tenths % 10)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SlowHop { from, to, dead, limit } => write!(
                f,
                "this radio takes {} from {from} to {to}; to be a station on both, a hop must take less than {}",
                Ms(dead),
                Ms(limit)
            ),
            Self::NoAirLeft { channel, stops, dead, cycle, kept, least } => write!(
                f,
                "with {channel} this radio would hop between {stops} channels and be deaf for {} of every {}, which \
                 leaves {} % of the air, where {} % are needed",
                Ms(dead),
                Ms(cycle),
                kept * 100 / PER_MILLE,
                least * 100 / PER_MILLE
            ),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sentence_and_the_figures() {
        let of = |number| Channel::from_number(number).unwrap();
        let ms = Duration::from_millis;
        let slow =
            Refusal::SlowHop { from: of(36), to: of(40), dead: Duration::from_micros(52_040), limit: ms(30) };
        assert_eq!(
            slow.to_string(),
            "this radio takes 52.0 ms from channel 36 (5180 MHz) to channel 40 (5200 MHz); to be a station on both, a \
             hop must take less than 30.0 ms"
        );
        let none = Refusal::NoAirLeft {
            channel: of(11),
            stops: 6,
            dead: ms(168),
            cycle: ms(200),
            kept: 160,
            least: 250,
        };
        assert_eq!(
            none.to_string(),
            "with channel 11 (2462 MHz) this radio would hop between 6 channels and be deaf for 168.0 ms of every \
             200.0 ms, which leaves 16 % of the air, where 25 % are needed"
        );
    }
}
