//! What stands before the MPDU: the link types that carry 802.11.

use std::fmt;

use flate2::Crc;
use stack::wire::radiotap::{self, Flags, RadiotapError, TxInfo};
use stack::wire::{Rate, RxInfo, Truncated};

const FCS_LEN: usize = 4;

/// A link-layer header type (tcpdump.org/linktypes.html).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkType(pub u16);

impl LinkType {
    /// Bare 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// Prism header.
    pub const PRISM: Self = Self(119);
    /// Radiotap header.
    pub const RADIOTAP: Self = Self(127);
    /// AVS header.
    pub const AVS: Self = Self(163);
    /// Per-packet information header.
    pub const PPI: Self = Self(192);

    /// Carries 802.11 frames in a way that can be read here.
    pub const fn is_wireless(self) -> bool {
        matches!(self, Self::IEEE802_11 | Self::PRISM | Self::RADIOTAP | Self::AVS | Self::PPI)
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "BSD loopback",
            1 => "Ethernet",
            12 | 14 | 101 => "raw IP",
            105 => "802.11",
            113 => "Linux cooked",
            119 => "802.11 with Prism header",
            127 => "802.11 with radiotap header",
            163 => "802.11 with AVS header",
            187 | 201 | 251 => "Bluetooth",
            192 => "802.11 with PPI header",
            195 | 230 | 283 => "802.15.4",
            276 => "Linux cooked v2",
            _ => return write!(f, "link type {}", self.0),
        };
        write!(f, "{name} (link type {})", self.0)
    }
}

/// Why there is no MPDU in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The link type does not carry 802.11.
    #[error("{0} is not 802.11")]
    NotWireless(LinkType),
    /// A per-packet information header with another link type inside.
    #[error("the PPI header announces {0}, not 802.11")]
    PpiInner(LinkType),
    /// The radiotap header is wrong.
    #[error(transparent)]
    Radiotap(#[from] RadiotapError),
    /// Another header is wrong.
    #[error("the {0} header is damaged or longer than the record")]
    Header(&'static str),
    /// A frame check sequence is promised for fewer bytes than it has.
    #[error("an FCS is promised, but only {0} bytes of frame are there")]
    ShortFcs(usize),
}

/// What is known of the frame check sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fcs {
    /// Nothing: the capture has none.
    #[default]
    Absent,
    /// It was there and matched.
    Good,
    /// It was there and did not match, or the radio said so.
    Bad,
}

/// A record's frame.
#[derive(Debug)]
pub struct Content<'a> {
    /// How it was heard; of a frame that was sent, time, frequency and rate.
    pub rx: RxInfo,
    /// What became of it, if it was sent by the capturing host.
    pub tx: Option<TxInfo>,
    /// The frame check sequence, which is no longer there.
    pub fcs: Fcs,
    /// The radiotap header, where there is one.
    pub radiotap: Option<&'a [u8]>,
    /// The radiotap header promises a frame check sequence or padding, which are no longer there: it cannot stand before
    /// the MPDU as it is.
    pub stripped: bool,
    /// The MPDU, without frame check sequence and without padding between header and payload.
    pub mpdu: &'a mut [u8],
}

/// What a link-layer header says.
#[derive(Default)]
struct Head {
    len: usize,
    rx: RxInfo,
    tx: Option<TxInfo>,
    has_fcs: bool,
    padded: bool,
    no_frame: bool,
}

/// Takes a record apart. `original` is its length before it was cut to the snapshot length; `fcs_len` what the file
/// says of the frame check sequence for link types whose header does not.
pub(super) fn content(
    link: LinkType,
    fcs_len: Option<usize>,
    original: usize,
    record: &mut [u8],
) -> Result<Content<'_>, LinkError> {
    let mut head = match link {
        LinkType::RADIOTAP => radiotap_head(record)?,
        LinkType::IEEE802_11 => Head::default(),
        LinkType::PPI => ppi_head(record)?,
        LinkType::PRISM => prism_head(record)?,
        LinkType::AVS => avs_head(record).map_err(|_| LinkError::Header("AVS"))?,
        other => return Err(LinkError::NotWireless(other)),
    };
    if !matches!(link, LinkType::RADIOTAP | LinkType::PPI) {
        head.has_fcs = fcs_len == Some(FCS_LEN);
    }
    let whole = original <= record.len();
    let (before, frame) = record.split_at_mut_checked(head.len).ok_or(LinkError::Header("link-layer"))?;
    let end = mpdu_end(&head, original.saturating_sub(head.len), frame.len())?;
    let padding = if head.padded { pad_len(frame) } else { 0 };
    let moved = frame.len().min(header_len(frame).unwrap_or_default());
    if padding > 0 && frame.len() >= moved + padding && end >= moved + padding {
        frame.copy_within(..moved, padding);
    }
    let frame = frame.get_mut(padding.min(end)..).unwrap_or_default();
    let fcs = if head.has_fcs && whole { check_fcs(frame) } else { Fcs::Absent };
    let fcs = if head.rx.bad_fcs { Fcs::Bad } else { fcs };
    let mpdu = frame.get_mut(..end - padding.min(end)).unwrap_or_default();
    let rx = RxInfo { bad_fcs: fcs == Fcs::Bad, ..head.rx };
    let radiotap = (link == LinkType::RADIOTAP).then_some(&*before);
    let stripped = head.has_fcs || head.padded;
    Ok(Content { rx, tx: head.tx, fcs, radiotap, stripped, mpdu })
}

/// Where the MPDU ends in what was captured of the frame.
fn mpdu_end(head: &Head, original: usize, captured: usize) -> Result<usize, LinkError> {
    if !head.has_fcs || (head.no_frame && captured == 0) {
        return Ok(captured);
    }
    let end = original.checked_sub(FCS_LEN).ok_or(LinkError::ShortFcs(original))?;
    Ok(end.min(captured))
}

fn check_fcs(frame: &[u8]) -> Fcs {
    let Some((mpdu, fcs)) = frame.split_last_chunk::<FCS_LEN>() else { return Fcs::Absent };
    let mut crc = Crc::new();
    crc.update(mpdu);
    if crc.sum() == u32::from_le_bytes(*fcs) { Fcs::Good } else { Fcs::Bad }
}

fn radiotap_head(record: &[u8]) -> Result<Head, LinkError> {
    let (header, len) = radiotap::parse(record)?;
    let summary = header.summary()?;
    Ok(Head {
        len,
        rx: summary.rx,
        tx: summary.tx,
        has_fcs: summary.flags.contains(Flags::FCS),
        padded: summary.flags.contains(Flags::DATA_PAD),
        no_frame: summary.zero_length,
    })
}

/// The length of the 802.11 header, without regard to what it says (802.11-2020 9.2.4.1): some adapters pad between
/// it and the payload.
fn header_len(frame: &[u8]) -> Option<usize> {
    let &[first, flags] = frame.first_chunk::<2>()?;
    let four_addresses = flags & 0x03 == 0x03;
    let ht_control = if flags & 0x80 == 0 { 0 } else { 4 };
    match (first >> 2 & 3, first & 0x80 != 0) {
        (0, _) => Some(24 + ht_control),
        (2, qos) => Some(24 + if four_addresses { 6 } else { 0 } + if qos { 2 + ht_control } else { 0 }),
        _ => None,
    }
}

fn pad_len(frame: &[u8]) -> usize {
    header_len(frame).map_or(0, |len| len.next_multiple_of(4) - len)
}

/// PPI (CACE PPI header format 1.0.7): fields of type and length; field 2 is the radio's.
fn ppi_head(record: &[u8]) -> Result<Head, LinkError> {
    let damaged = |_: Truncated| LinkError::Header("PPI");
    let mut r = stack::wire::Reader::new(record);
    let (_version, flags) = (r.u8().map_err(damaged)?, r.u8().map_err(damaged)?);
    let len = usize::from(r.u16_le().map_err(damaged)?);
    let inner = r.u32_le().map_err(damaged)?;
    if inner != u32::from(LinkType::IEEE802_11.0) {
        return Err(LinkError::PpiInner(LinkType(u16::try_from(inner).unwrap_or(u16::MAX))));
    }
    let fields = record.get(8..len).ok_or(LinkError::Header("PPI"))?;
    let mut head = Head { len, ..Head::default() };
    let mut r = stack::wire::Reader::new(fields);
    while r.remaining() >= 4 {
        let (kind, size) = (r.u16_le().map_err(damaged)?, usize::from(r.u16_le().map_err(damaged)?));
        let field = r.take(size).map_err(damaged)?;
        if flags & 0x01 != 0 {
            r.take(size.next_multiple_of(4) - size).ok();
        }
        if kind == 2 {
            ppi_common(field, &mut head).map_err(damaged)?;
        }
    }
    Ok(head)
}

/// The 802.11-Common field. Flags: 0x01 FCS at the end, 0x02 time in milliseconds, 0x04 FCS invalid.
fn ppi_common(field: &[u8], head: &mut Head) -> Result<(), Truncated> {
    let mut r = stack::wire::Reader::new(field);
    let tsf = r.u64_le()?;
    let flags = r.u16_le()?;
    let rate = u8::try_from(r.u16_le()?).unwrap_or_default();
    let frequency = r.u16_le()?;
    r.take(4)?;
    let (signal, noise) = (r.u8()?.cast_signed(), r.u8()?.cast_signed());
    head.has_fcs = flags & 0x01 != 0;
    head.rx = RxInfo {
        tsft: Some(if flags & 0x02 == 0 { tsf } else { tsf.wrapping_mul(1000) }),
        frequency: (frequency != 0).then_some(frequency),
        // the format has no "unknown"; radios that do not tell leave 0 or the least value
        signal: (!matches!(signal, 0 | i8::MIN)).then_some(signal),
        noise: (!matches!(noise, 0 | i8::MIN)).then_some(noise),
        rate: (rate != 0).then_some(Rate::Legacy(rate)),
        bad_fcs: flags & 0x04 != 0,
    };
    Ok(())
}

/// Prism: message code and length in the capturing host's byte order, a device name, then items of 12 bytes. Some
/// drivers put an AVS header under the same link type.
fn prism_head(record: &[u8]) -> Result<Head, LinkError> {
    let words = |at: usize| record.get(at..).and_then(|tail| tail.first_chunk::<4>());
    let little = match words(0) {
        Some([0x80, 0x21, 0x10, _]) => return avs_head(record).map_err(|_| LinkError::Header("AVS")),
        Some(code) => code[0] != 0,
        None => return Err(LinkError::Header("Prism")),
    };
    let word = |at| words(at).map(|w| if little { u32::from_le_bytes(*w) } else { u32::from_be_bytes(*w) });
    let len =
        word(4).and_then(|len| usize::try_from(len).ok()).filter(|len| (24..=record.len()).contains(len));
    let len = len.ok_or(LinkError::Header("Prism"))?;
    let mut head = Head { len, ..Head::default() };
    for item in (24..len.saturating_sub(11)).step_by(12) {
        // the status is 0 where the item holds something
        let present = words(item + 4).is_some_and(|w| w[..2] == [0, 0]);
        if let (Some(id), Some(value), true) = (word(item), word(item + 8), present) {
            prism_item(id, value, &mut head.rx);
        }
    }
    Ok(head)
}

/// The item's number stands in the upper half in one dialect and in the second nibble from the top in the other.
fn prism_item(id: u32, value: u32, rx: &mut RxInfo) {
    let number = if id >> 16 == 0 { id >> 12 } else { id >> 16 };
    match number {
        2 => rx.tsft = Some(u64::from(value)),
        3 => rx.frequency = frequency(value),
        6 => rx.signal = negative_dbm(value),
        7 => rx.noise = negative_dbm(value),
        8 => rx.rate = u8::try_from(value).ok().filter(|&rate| rate != 0).map(Rate::Legacy),
        _ => {}
    }
}

/// AVS (AVS header version 1): big-endian words.
fn avs_head(record: &[u8]) -> Result<Head, Truncated> {
    let mut r = stack::wire::Reader::new(record);
    r.take(4)?;
    let len = r.array().map(|&w| usize::try_from(u32::from_be_bytes(w)).unwrap_or(usize::MAX))?;
    let mac_time = r.u64_be()?;
    r.take(12)?;
    let mut word = || r.array().map(|&w| u32::from_be_bytes(w));
    let (channel, rate, _antenna, _priority) = (word()?, word()?, word()?, word()?);
    let (kind, signal, noise) = (word()?, word()?, word()?);
    // the signal is in dBm only if its type says so
    let dbm = |value| if kind == 2 { negative_dbm(value) } else { None };
    let rx = RxInfo {
        tsft: Some(mac_time),
        frequency: frequency(channel),
        signal: dbm(signal),
        noise: dbm(noise),
        // in 100 kb/s
        rate: u8::try_from(rate / 5).ok().filter(|&rate| rate != 0).map(Rate::Legacy),
        bad_fcs: false,
    };
    stack::wire::Reader::new(record).take(len)?;
    Ok(Head { len, rx, ..Head::default() })
}

/// A signal that makes sense in dBm: other values are in units of the driver's own.
fn negative_dbm(value: u32) -> Option<i8> {
    i8::try_from(value.cast_signed()).ok().filter(|&dbm| dbm < 0)
}

/// From a channel number (802.11-2020 17.3.8.4 and Annex E), or a frequency already.
fn frequency(channel: u32) -> Option<u16> {
    let channel = u16::try_from(channel).ok()?;
    match channel {
        1..=13 => Some(2407 + 5 * channel),
        14 => Some(2484),
        34..=177 => Some(5000 + 5 * channel),
        2400..=7200 => Some(channel),
        _ => None,
    }
}
