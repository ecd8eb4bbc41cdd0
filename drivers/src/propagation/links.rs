//! The links between radios: the chance in them, the shadow on them, and what a test does to them.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::wire::{Channel, Rate};

use super::airtime::frame_error;
use super::model::{Knobs, Model, Position};

/// All links between radios that are called `I`. The same seed and the same calls give the same draws.
pub(crate) struct Links<I> {
    random: ChaCha8Rng,
    /// Shadowing of each pair, lower radio first, in dB.
    shadows: BTreeMap<(I, I), f64>,
    default_knobs: Knobs,
    knobs: BTreeMap<(I, I), Knobs>,
}

impl<I: Copy + Ord> Links<I> {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            shadows: BTreeMap::new(),
            default_knobs: Knobs::default(),
            knobs: BTreeMap::new(),
        }
    }

    /// Draws the shadows between a new radio and those that are there.
    pub(crate) fn add(&mut self, model: &Model, radio: I, others: impl Iterator<Item = I>) {
        for other in others {
            let shadow = self.gaussian() * model.shadowing;
            self.shadows.insert((other.min(radio), other.max(radio)), shadow);
        }
    }

    /// What is done to frames on links that have no knobs of their own.
    pub(crate) const fn set_all(&mut self, knobs: Knobs) {
        self.default_knobs = knobs;
    }

    /// What is done to frames from one radio to another.
    pub(crate) fn set(&mut self, from: I, to: I, knobs: Knobs) {
        self.knobs.insert((from, to), knobs);
    }

    pub(crate) fn knobs(&self, from: I, to: I) -> Knobs {
        self.knobs.get(&(from, to)).copied().unwrap_or(self.default_knobs)
    }

    /// What is lost on the way between two radios and their places, in dB; `None` where nothing comes through.
    pub(crate) fn loss(
        &self,
        model: &Model,
        from: (I, Position),
        to: (I, Position),
        channel: Channel,
    ) -> Option<f64> {
        if self.knobs(from.0, to.0).cut {
            return None;
        }
        let shadow = self.shadows.get(&(from.0.min(to.0), from.0.max(to.0))).copied().unwrap_or(0.0);
        Some(model.path_loss(from.1.distance(to.1), channel) + shadow)
    }

    /// Whether a frame of `len` bytes is lost though its signal is `snr` dB above noise and interference.
    pub(crate) fn garbles(&mut self, from: I, to: I, len: usize, rate: Rate, snr: f64) -> bool {
        self.chance(frame_error(len, rate, snr)) || self.chance(self.knobs(from, to).loss)
    }

    pub(crate) fn number(&mut self) -> u32 {
        self.random.next_u32()
    }

    /// Draws only where there is a choice, so that turning a knob to zero takes nothing from the sequence.
    fn chance(&mut self, probability: f64) -> bool {
        probability > 1e-9 && f64::from(self.number()) < probability * 4_294_967_296.0
    }

    /// Sum of twelve uniforms: close enough to normal for shadowing, and the same on every machine.
    fn gaussian(&mut self) -> f64 {
        (0..12).map(|_| f64::from(self.number()) / 4_294_967_296.0).sum::<f64>() - 6.0
    }
}
