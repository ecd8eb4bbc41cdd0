//! Radiotap headers for frames to be injected, and for frames to be written into a capture.

use super::field::{Flags, LAYOUT, TxFlags};
use super::summary::TxInfo;
use crate::wire::{Rate, RxInfo, TxOptions};

/// The fixed part of a header.
const FIXED: usize = 8;

/// Appends a header for injection to `out`. The sequence number in the frame stands, and frames leave in the order
/// in which they are given (TX flags NOSEQNO and ORDER).
pub fn build(options: &TxOptions, out: &mut Vec<u8>) {
    let mut flags = TxFlags::NO_SEQNO | TxFlags::ORDER;
    flags.set(TxFlags::NO_ACK, options.no_ack);
    let mut header = Writer::new(out);
    header.legacy_rate(options.rate);
    header.field(15, &flags.bits().to_le_bytes());
    if let Some(retries) = options.retries {
        header.field(17, &[retries]);
    }
    header.modern_rate(options.rate);
    header.finish();
}

/// Appends the header of a frame that was heard. The frame is to follow without its frame check sequence.
pub fn build_rx(info: &RxInfo, out: &mut Vec<u8>) {
    write(info, None, out);
}

/// Appends the header of a frame that was sent. Of `info`, time, frequency and rate are meant.
pub fn build_tx(info: &RxInfo, tx: &TxInfo, out: &mut Vec<u8>) {
    write(info, Some(tx), out);
}

fn write(info: &RxInfo, tx: Option<&TxInfo>, out: &mut Vec<u8>) {
    let mut header = Writer::new(out);
    if let Some(tsft) = info.tsft {
        header.field(0, &tsft.to_le_bytes());
    }
    let mut flags = Flags::empty();
    flags.set(Flags::BAD_FCS, info.bad_fcs);
    header.field(1, &[flags.bits()]);
    header.legacy_rate(info.rate);
    if let Some(frequency) = info.frequency {
        let [a, b] = frequency.to_le_bytes();
        let [c, d] = channel_flags(frequency, info.rate).to_le_bytes();
        header.field(3, &[a, b, c, d]);
    }
    for (bit, level) in [(5, info.signal), (6, info.noise)] {
        if let Some(dbm) = level {
            header.field(bit, &dbm.to_le_bytes());
        }
    }
    if let Some(tx) = tx {
        header.field(15, &tx.flags.bits().to_le_bytes());
        for (bit, retries) in [(16, tx.rts_retries), (17, tx.data_retries)] {
            if let Some(retries) = retries {
                header.field(bit, &[retries]);
            }
        }
    }
    header.modern_rate(info.rate);
    header.finish();
}

/// Channel flags: 0x0080 2 GHz, 0x0100 5 GHz; 0x0020 CCK, 0x0040 OFDM. 6 GHz has no flag of its own.
fn channel_flags(frequency: u16, rate: Option<Rate>) -> u16 {
    let band = match frequency {
        2400..=2500 => 0x0080,
        4900..=5895 => 0x0100,
        _ => 0,
    };
    let cck = matches!(rate, Some(Rate::Legacy(2 | 4 | 11 | 22)));
    band | if cck { 0x0020 } else { 0x0040 }
}

/// Appends fields in ascending order of their bits, aligned, to a header whose fixed part is filled in at the end.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    present: u32,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0; FIXED]);
        Self { out, start, present: 0 }
    }

    fn field(&mut self, bit: u32, bytes: &[u8]) {
        debug_assert!(self.present >> bit == 0, "fields come in ascending order");
        let align = usize::try_from(bit).ok().and_then(|bit| LAYOUT.get(bit)).map_or(1, |&(align, _)| align);
        while !(self.out.len() - self.start).is_multiple_of(align) {
            self.out.push(0);
        }
        self.out.extend_from_slice(bytes);
        self.present |= 1 << bit;
    }

    fn legacy_rate(&mut self, rate: Option<Rate>) {
        if let Some(Rate::Legacy(rate)) = rate {
            self.field(2, &[rate]);
        }
    }

    fn modern_rate(&mut self, rate: Option<Rate>) {
        match rate {
            None | Some(Rate::Legacy(_)) => {}
            // known: bandwidth, index, guard interval
            Some(Rate::Ht { mcs, wide, short_gi }) => {
                self.field(19, &[0x07, u8::from(wide) | u8::from(short_gi) << 2, mcs]);
            }
            Some(Rate::Vht { mcs, streams, width, short_gi }) => {
                let bandwidth = match width {
                    40 => 1,
                    80 => 4,
                    160 => 11,
                    _ => 0,
                };
                let user = mcs << 4 | streams & 0x0f;
                // known: guard interval, bandwidth
                self.field(21, &[0x44, 0, u8::from(short_gi) << 2, bandwidth, user, 0, 0, 0, 0, 0, 0, 0]);
            }
            // data 1 known: data MCS; format single-user
            Some(Rate::He { mcs, streams }) => {
                self.field(23, &[0x20, 0, 0, 0, 0, mcs & 0x0f, 0, 0, 0, 0, streams & 0x0f, 0]);
            }
        }
    }

    /// The header is shorter than 64 KiB whatever is in it, since each field is there at most once.
    fn finish(self) {
        let length = u16::try_from(self.out.len() - self.start).unwrap_or(u16::MAX).to_le_bytes();
        let present = self.present.to_le_bytes();
        let fixed = [[0, 0], length, [present[0], present[1]], [present[2], present[3]]];
        if let Some(head) = self.out.get_mut(self.start..self.start + FIXED) {
            head.copy_from_slice(fixed.as_flattened());
        }
    }
}
