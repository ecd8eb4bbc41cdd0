//! What the air is like: losses, receivers, timing. All of it plain numbers that a test may change.

use std::time::Duration;

use stack::wire::{Band, Channel};

/// A place, in metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// East.
    pub x: f64,
    /// North.
    pub y: f64,
}

impl Position {
    /// A place by its coordinates, in metres.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Distance to `other`, in metres.
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }
}

/// The air and the radios in it. The default is an indoor one of ordinary radios.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Transmit power of a radio, in dBm.
    pub power: f64,
    /// Path loss at one metre in 2.4 GHz, in dB; 5 and 6 GHz add 7 and 8 dB.
    pub reference_loss: f64,
    /// Path-loss exponent: 2 in free space, 3 and more indoors.
    pub exponent: f64,
    /// Standard deviation of the shadowing of a link, in dB; drawn once for each pair of radios.
    pub shadowing: f64,
    /// Noise at a receiver's input, in dBm.
    pub noise: f64,
    /// Weaker frames are not noticed at all, in dBm.
    pub sensitivity: f64,
    /// A frame on the own channel above this defers us, in dBm (802.11-2020 17.3.10.6).
    pub carrier_sense: f64,
    /// Energy of any kind above this defers us, in dBm.
    pub energy_detect: f64,
    /// A later frame this much stronger, in dB, takes the receiver away from an earlier one.
    pub capture: f64,
    /// How often an unacknowledged frame is sent again, unless its sender says otherwise.
    pub retries: u8,
    /// Frames that a radio takes into its queue.
    pub queue: usize,
    /// Time a radio is deaf and mute while it changes its channel.
    pub retune: Duration,
    /// Frames that failed their FCS are delivered too, marked as such.
    pub deliver_corrupted: bool,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            power: 17.0,
            reference_loss: 40.0,
            exponent: 3.0,
            shadowing: 0.0,
            noise: -95.0,
            sensitivity: -94.0,
            carrier_sense: -82.0,
            energy_detect: -62.0,
            capture: 10.0,
            retries: 7,
            queue: 512,
            retune: Duration::from_millis(3),
            deliver_corrupted: false,
        }
    }
}

impl Model {
    /// Loss between two places on a channel, in dB: log-distance, never less than at half a metre.
    pub fn path_loss(&self, metres: f64, channel: Channel) -> f64 {
        let band = match channel.band() {
            Band::Ghz2 => 0.0,
            Band::Ghz5 => 7.0,
            Band::Ghz6 => 8.0,
        };
        self.reference_loss + band + 10.0 * self.exponent * metres.max(0.5).log10()
    }

    /// Whether a radio defers to a transmission that it hears so strongly, in dBm, on its own channel or another.
    pub(crate) fn defers(&self, power: f64, own_channel: bool) -> bool {
        power >= if own_channel { self.carrier_sense } else { self.energy_detect }
    }

    /// By how much a signal stands out from noise and from what else is on the air, in dB: the power of each other
    /// transmission at the receiver, and whether it began earlier on the same channel. `None` if the receiver is at one of
    /// these and stays there.
    pub(crate) fn stands_out(&self, signal: f64, others: impl Iterator<Item = (f64, bool)>) -> Option<f64> {
        let mut noise = milliwatts(self.noise);
        for (power, earlier) in others {
            noise += milliwatts(power);
            if earlier && power >= self.sensitivity && signal < power + self.capture {
                return None;
            }
        }
        Some(signal - dbm(noise))
    }

    /// What a receiver on channel `to` attenuates a transmission on channel `from` by, in dB; `None` if nothing of it
    /// comes through. Adjacent channels do come through: two radios in one box hear each other as noise.
    pub fn rejection(from: Channel, to: Channel) -> Option<f64> {
        if from.band() != to.band() {
            return None;
        }
        match from.frequency().abs_diff(to.frequency()) {
            0 => Some(0.0),
            1..=5 => Some(3.0),
            6..=10 => Some(12.0),
            11..=15 => Some(24.0),
            16..=20 => Some(36.0),
            21..=25 => Some(48.0),
            26..=60 => Some(60.0),
            _ => None,
        }
    }

    /// SIFS on a channel (802.11-2020 tables 17-21 and 18-5).
    pub const fn sifs(channel: Channel) -> Duration {
        match channel.band() {
            Band::Ghz2 => Duration::from_micros(10),
            Band::Ghz5 | Band::Ghz6 => Duration::from_micros(16),
        }
    }

    /// DIFS on a channel: SIFS and two slots.
    pub fn difs(channel: Channel) -> Duration {
        Self::sifs(channel) + 2 * SLOT
    }
}

/// A short slot.
pub(crate) const SLOT: Duration = Duration::from_micros(9);

/// What is done to the frames from one radio to another, changeable at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Knobs {
    /// Probability that a frame (or an ACK) is lost, besides all that the model does.
    pub loss: f64,
    /// How much later the receiving stack is told of a frame; the ACK is not delayed.
    pub delay: Duration,
    /// Nothing comes through, not even energy.
    pub cut: bool,
}

/// dBm to milliwatts.
fn milliwatts(dbm: f64) -> f64 {
    10f64.powf(dbm / 10.0)
}

/// Milliwatts to dBm.
fn dbm(milliwatts: f64) -> f64 {
    10.0 * milliwatts.log10()
}

/// dBm as radiotap has it.
pub(crate) fn as_i8(dbm: f64) -> i8 {
    // Saturates by definition of float casts, and no power is outside anyway.
    dbm.round() as i8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_grows_with_distance_and_frequency() {
        let model = Model::default();
        let six = Channel::from_number(6).unwrap();
        let high = Channel::from_number(36).unwrap();
        assert!((model.path_loss(10.0, six) - 70.0).abs() < 1e-9);
        assert!((model.path_loss(10.0, high) - 77.0).abs() < 1e-9);
        assert!(model.path_loss(0.0, six) < 40.0);
    }

    #[test]
    fn far_channels_do_not_couple() {
        let channel = |number| Channel::from_number(number).unwrap();
        assert_eq!(Model::rejection(channel(1), channel(1)), Some(0.0));
        assert_eq!(Model::rejection(channel(1), channel(6)), Some(48.0));
        assert_eq!(Model::rejection(channel(1), channel(36)), None);
        assert_eq!(Model::rejection(channel(36), channel(149)), None);
    }
}
