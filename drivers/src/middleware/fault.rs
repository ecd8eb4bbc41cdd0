//! A radio that hears badly and is told too little, on purpose.

use std::collections::VecDeque;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use stack::wire::{AckChange, Channel, MacAddr, RxInfo, Transmit};

use crate::radio::{Radio, RadioError, Received, TransmitError};

/// How badly: probabilities, each from 0 to 1, for every frame heard or every status told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// It is not heard.
    pub loss: f64,
    /// It is heard twice.
    pub duplication: f64,
    /// One bit of it is wrong, and the FCS did not notice.
    pub corruption: f64,
    /// It is heard after the frame that follows it; held back for good if none follows.
    pub reordering: f64,
    /// What became of a frame that was sent is not told.
    pub status_loss: f64,
}

/// Damages what comes from a radio; what is sent passes untouched.
pub struct Fault<R> {
    inner: R,
    faults: Faults,
    random: ChaCha8Rng,
    held: Option<(RxInfo, Vec<u8>)>,
    ready: VecDeque<(RxInfo, Vec<u8>)>,
    frame: Vec<u8>,
}

impl<R: Radio> Fault<R> {
    /// Around `inner`. The same seed and the same frames give the same faults.
    pub fn new(inner: R, seed: u64, faults: Faults) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { inner, faults, random, held: None, ready: VecDeque::new(), frame: Vec::new() }
    }

    /// Changes the faults, at any time.
    pub const fn set(&mut self, faults: Faults) {
        self.faults = faults;
    }

    fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && f64::from(self.random.next_u32()) < probability * 4_294_967_296.0
    }

    fn pass(&mut self, info: RxInfo, mut frame: Vec<u8>) {
        if self.chance(self.faults.loss) {
            return;
        }
        if self.chance(self.faults.corruption) {
            let bit = usize::try_from(self.random.next_u32()).unwrap_or(0) % (frame.len() * 8).max(1);
            if let Some(byte) = frame.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
        if self.held.is_none() && self.chance(self.faults.reordering) {
            self.held = Some((info, frame));
            return;
        }
        if self.chance(self.faults.duplication) {
            self.ready.push_back((info, frame.clone()));
        }
        self.ready.push_back((info, frame));
        self.ready.extend(self.held.take());
    }
}

impl<R: Radio> Radio for Fault<R> {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        while self.ready.is_empty() {
            match self.inner.receive()? {
                None => return Ok(None),
                Some(Received::Status(status)) => {
                    if !self.chance(self.faults.status_loss) {
                        return Ok(Some(Received::Status(status)));
                    }
                }
                Some(Received::Frame { info, frame }) => {
                    let frame = frame.to_vec();
                    self.pass(info, frame);
                }
            }
        }
        let Some((info, frame)) = self.ready.pop_front() else { return Ok(None) };
        self.frame = frame;
        Ok(Some(Received::Frame { info, frame: &mut self.frame }))
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        self.inner.transmit(transmit)
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.inner.flush()
    }

    fn is_congested(&self) -> bool {
        self.inner.is_congested()
    }

    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError> {
        self.inner.set_channel(channel)
    }

    fn change_ack(&mut self, change: AckChange) -> Result<(), RadioError> {
        self.inner.change_ack(change)
    }

    fn is_tuned(&self) -> bool {
        self.inner.is_tuned()
    }

    fn acknowledges(&self, address: MacAddr) -> bool {
        self.inner.acknowledges(address)
    }

    fn poll_trouble(&mut self) -> Option<String> {
        self.inner.poll_trouble()
    }
}
