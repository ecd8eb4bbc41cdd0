//! What a header says, in the words the MAC knows.

use std::ops::Range;

use super::field::{Field, Flags, TxFlags, Vht};
use super::fields::Raw;
use super::{Radiotap, RadiotapError, parse};
use crate::wire::{Rate, RxInfo};

/// The length of a frame check sequence.
const FCS_LEN: usize = 4;

/// What a driver tells of a frame that this host sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxInfo {
    /// How it was sent, and whether it was given up.
    pub flags: TxFlags,
    /// RTS retries, where told.
    pub rts_retries: Option<u8>,
    /// Data retries, where told.
    pub data_retries: Option<u8>,
}

impl TxInfo {
    /// The receiver acknowledged it, or needed not.
    pub const fn acked(&self) -> bool {
        !self.flags.contains(TxFlags::FAIL)
    }
}

/// A header in the words the MAC knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How the frame was heard.
    pub rx: RxInfo,
    /// What became of it, if this host sent it: a header with TX flags is a transmission's.
    pub tx: Option<TxInfo>,
    /// The flags field.
    pub flags: Flags,
    /// There is a PPDU, but no frame with it.
    pub zero_length: bool,
}

/// A header and where its frame is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripped {
    /// The header.
    pub summary: Summary,
    /// The MPDU without frame check sequence, in the bytes given to [`strip`].
    pub mpdu: Range<usize>,
    /// The frame check sequence, if the bytes end with one.
    pub fcs: Option<[u8; FCS_LEN]>,
}

/// Reads the header at the start of `bytes` and finds the frame behind it.
///
/// [`Flags::DATA_PAD`] is left to the caller: the padding is inside the range.
pub fn strip(bytes: &[u8]) -> Result<Stripped, RadiotapError> {
    let (header, start) = parse(bytes)?;
    let summary = header.summary()?;
    let frame = bytes.get(start..).unwrap_or_default();
    if !summary.flags.contains(Flags::FCS) || (frame.is_empty() && summary.zero_length) {
        return Ok(Stripped { summary, mpdu: start..bytes.len(), fcs: None });
    }
    let (mpdu, fcs) = frame.split_last_chunk::<FCS_LEN>().ok_or(RadiotapError::ShortFcs(frame.len()))?;
    Ok(Stripped { summary, mpdu: start..start + mpdu.len(), fcs: Some(*fcs) })
}

impl Radiotap<'_> {
    /// All fields, summed up. Where a field stands more than once the first counts, which is that of the frame as a
    /// whole.
    pub fn summary(&self) -> Result<Summary, RadiotapError> {
        let mut summary = Summary::default();
        let mut fields = self.fields();
        while let Some(raw) = fields.step()? {
            if is_summed_up(&raw)
                && let Some(field) = raw.decode()?
            {
                summary.add(&field);
            }
        }
        let rx = &mut summary.rx;
        rx.bad_fcs = summary.flags.contains(Flags::BAD_FCS);
        Ok(summary)
    }
}

/// Every frame that is heard comes through here: what [`Summary::add`] does not look at is not decoded either.
const fn is_summed_up(raw: &Raw<'_>) -> bool {
    !matches!(raw, Raw::Own(4 | 7..=14 | 20 | 22 | 24 | 25 | 27, _))
}

impl Summary {
    #[inline(always)]
    fn add(&mut self, field: &Field<'_>) {
        let rx = &mut self.rx;
        match *field {
            Field::Tsft(tsft) => rx.tsft = rx.tsft.or(Some(tsft)),
            Field::Flags(flags) => self.flags = flags,
            Field::Channel(frequency, _) | Field::XChannel(_, frequency, ..) => {
                rx.frequency = rx.frequency.or(Some(frequency).filter(|&f| f != 0));
            }
            Field::AntennaSignal(signal) => rx.signal = rx.signal.or(Some(signal)),
            Field::AntennaNoise(noise) => rx.noise = rx.noise.or(Some(noise)),
            Field::Rate(rate) => rx.rate = rx.rate.or(Some(Rate::Legacy(rate)).filter(|_| rate != 0)),
            Field::Mcs(known, flags, mcs) => rx.rate = ht_rate(known, flags, mcs).or(rx.rate),
            Field::Vht(vht) => rx.rate = vht_rate(&vht).or(rx.rate),
            Field::He(data) => rx.rate = he_rate(&data).or(rx.rate),
            Field::TxFlags(flags) => self.tx.get_or_insert_default().flags = flags,
            Field::RtsRetries(n) => self.tx.get_or_insert_default().rts_retries = Some(n),
            Field::DataRetries(n) => self.tx.get_or_insert_default().data_retries = Some(n),
            Field::ZeroLengthPsdu(_) => self.zero_length = true,
            _ => {}
        }
    }
}

/// MCS known bits: 0x01 bandwidth, 0x02 index, 0x04 guard interval.
fn ht_rate(known: u8, flags: u8, mcs: u8) -> Option<Rate> {
    let wide = known & 0x01 != 0 && flags & 0x03 == 1;
    let short_gi = known & 0x04 != 0 && flags & 0x04 != 0;
    (known & 0x02 != 0).then_some(Rate::Ht { mcs, wide, short_gi })
}

/// VHT known bits: 0x0004 guard interval, 0x0040 bandwidth. A user without streams is not there.
fn vht_rate(vht: &Vht) -> Option<Rate> {
    let (mcs, streams) = (vht.mcs_nss[0] >> 4, vht.mcs_nss[0] & 0x0f);
    let width = match vht.bandwidth & 0x1f {
        _ if vht.known & 0x0040 == 0 => 20,
        0 => 20,
        1..=3 => 40,
        4..=10 => 80,
        _ => 160,
    };
    let short_gi = vht.known & 0x0004 != 0 && vht.flags & 0x04 != 0;
    (streams != 0).then_some(Rate::Vht { mcs, streams, width, short_gi })
}

/// HE data 1 bit 0x0020: the MCS in data 3 is known; the number of streams is in data 6.
fn he_rate(data: &[u16; 6]) -> Option<Rate> {
    let [known, _, data3, _, _, data6] = *data;
    let nibble = |word: u16| u8::try_from(word & 0x0f).unwrap_or_default();
    (known & 0x0020 != 0).then_some(Rate::He { mcs: nibble(data3 >> 8), streams: nibble(data6).max(1) })
}
