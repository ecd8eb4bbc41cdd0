//! What is counted about a peer.

use std::time::Duration;

use crate::time::Instant;
use crate::wire::{Rate, RxInfo};

/// What is counted about a peer, in both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerStats {
    /// Frames received and believed.
    pub rx_frames: u64,
    /// Bytes in them, MAC headers included.
    pub rx_bytes: u64,
    /// Frames received and discarded, for whatever reason.
    pub rx_dropped: u64,
    /// MPDUs that the peer acknowledged.
    pub tx_frames: u64,
    /// Bytes in them, MAC headers included.
    pub tx_bytes: u64,
    /// MPDUs that the peer never acknowledged.
    pub tx_failed: u64,
    /// Retries that the radio reported.
    pub tx_retries: u64,
    /// How many of the last MPDUs in a row the peer did not acknowledge.
    pub failures_in_a_row: u32,
    /// Signal of the last frame, in dBm.
    pub signal: Option<i8>,
    /// Modulation and rate of the last data frame received.
    pub rx_rate: Option<Rate>,
    /// Modulation and rate of the last data frame sent.
    pub tx_rate: Option<Rate>,
    /// When something was last received, or an acknowledgement came.
    pub last_heard: Instant,
    /// Smoothed signal, in sixteenths of a dBm.
    smoothed: Option<i16>,
}

impl PeerStats {
    /// Nothing counted yet; the peer was just heard.
    pub fn new(now: Instant) -> Self {
        Self { last_heard: now, ..Self::default() }
    }

    /// The signal averaged over about the last eight frames, in dBm.
    pub fn average_signal(&self) -> Option<i8> {
        self.smoothed.and_then(|sixteenths| i8::try_from(sixteenths / 16).ok())
    }

    /// How long nothing was heard of the peer.
    pub const fn silence(&self, now: Instant) -> Duration {
        now.since(self.last_heard)
    }

    /// What was counted of frames and bytes, in both directions.
    pub(super) const fn totals(&self) -> [u64; 4] {
        [self.rx_frames, self.rx_bytes, self.tx_frames, self.tx_bytes]
    }

    /// Goes on from such totals.
    pub(super) const fn resume(&mut self, last_heard: Instant, totals: [u64; 4]) {
        [self.rx_frames, self.rx_bytes, self.tx_frames, self.tx_bytes] = totals;
        self.last_heard = last_heard;
    }

    pub(super) fn received(&mut self, now: Instant, info: &RxInfo, len: usize) {
        self.rx_frames += 1;
        self.rx_bytes += len as u64;
        self.last_heard = now;
        self.rx_rate = info.rate.or(self.rx_rate);
        if let Some(signal) = info.signal {
            self.signal = Some(signal);
            let sample = i16::from(signal) * 16;
            let before = self.smoothed.unwrap_or(sample);
            self.smoothed = Some(before + (sample - before) / 8);
        }
    }

    pub(super) fn acknowledged(&mut self, now: Instant, len: usize) {
        self.tx_frames += 1;
        self.tx_bytes += len as u64;
        self.failures_in_a_row = 0;
        self.last_heard = now;
    }

    pub(super) const fn failed(&mut self) {
        self.tx_failed += 1;
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
    }
}

/// Bits per microsecond of a modulation, roughly: for shares of air time, where twice too much or too little does no
/// harm. One stream of HT, VHT or HE in 20 MHz is taken, times the streams and the width.
pub(super) fn megabits(rate: Option<Rate>) -> u32 {
    const STREAM: [u32; 12] = [6, 13, 19, 26, 39, 52, 58, 65, 78, 86, 97, 108];
    let stream = |mcs: u8| STREAM.get(usize::from(mcs)).copied().unwrap_or(65);
    match rate {
        None => 12,
        Some(Rate::Legacy(halves)) => u32::from(halves / 2).max(1),
        Some(Rate::Ht { mcs, wide, .. }) => {
            stream(mcs % 8) * (u32::from(mcs / 8) + 1) * if wide { 2 } else { 1 }
        }
        Some(Rate::Vht { mcs, streams, width, .. }) => {
            stream(mcs) * u32::from(streams.max(1)) * u32::from(width / 20).max(1)
        }
        Some(Rate::He { mcs, streams }) => stream(mcs) * u32::from(streams.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_is_smoothed_and_the_last_kept() {
        let mut stats = PeerStats::new(Instant::ZERO);
        for signal in [-40, -80] {
            stats.received(Instant::ZERO, &RxInfo { signal: Some(signal), ..RxInfo::default() }, 10);
        }
        assert_eq!((stats.signal, stats.average_signal()), (Some(-80), Some(-45)));
    }

    #[test]
    fn an_acknowledgement_ends_a_row_of_failures() {
        let mut stats = PeerStats::new(Instant::ZERO);
        stats.failed();
        stats.failed();
        assert_eq!(stats.failures_in_a_row, 2);
        stats.acknowledged(Instant::from_micros(9), 100);
        assert_eq!((stats.failures_in_a_row, stats.tx_failed, stats.tx_bytes), (0, 2, 100));
        assert_eq!(stats.silence(Instant::from_micros(10)), Duration::from_micros(1));
    }
}
