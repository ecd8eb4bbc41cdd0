//! Reading a capture, frame by frame.

use std::io::Read;
use std::path::Path;

use stack::wire::{self, Truncated};

use super::CaptureError;
use super::link::{self, Content, LinkError, LinkType};
use super::live::Filter;
use super::pcap::{self, Pcap};
use super::pcapng::{PcapNg, SECTION_MAGIC};
use super::source::Buffer;

/// Frames that are handed out together have fewer bytes than this, but for the last of them.
const MAX_HELD: usize = 128 * 1024;

/// Whether the capturing host heard or sent a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came from the air.
    Received,
    /// It was sent by the capturing host.
    Sent,
}

/// One frame of a capture.
#[derive(Debug)]
pub struct CapturedFrame<'a> {
    /// From 1, as Wireshark counts.
    pub number: u64,
    /// Nanoseconds since 1970-01-01 00:00 UTC; 0 in files that do not tell.
    pub time: u64,
    /// Bytes on record before the snapshot length cut it, link-layer header included.
    pub original_length: usize,
    /// Bytes on record, link-layer header included.
    pub captured_length: usize,
    /// The number of the interface, over all sections; 0 in pcap.
    pub interface: usize,
    /// What stands before the MPDU.
    pub link: LinkType,
    /// Where the file says so.
    pub direction: Option<Direction>,
    /// The frame itself.
    pub content: Result<Content<'a>, LinkError>,
}

/// Byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Little,
    Big,
}

/// One record of a file whose bytes are next in the buffer.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) time: u64,
    pub(super) captured: usize,
    pub(super) original: usize,
    pub(super) interface: usize,
    pub(super) direction: Option<Direction>,
    /// How many bytes stand between the frame and the next record.
    pub(super) behind: usize,
}

/// What a file says of an interface.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) link: LinkType,
    pub(super) snaplen: usize,
    pub(super) name: String,
    /// As in `if_tsresol`: a power of ten, or of two with the highest bit set.
    pub(super) resolution: u8,
    /// Seconds to be added to each time.
    pub(super) offset: i64,
    pub(super) fcs_len: Option<usize>,
}

/// A capture, read from front to back.
pub struct Reader {
    buffer: Buffer,
    format: Format,
    number: u64,
    /// What stands between the frame handed out last and the next record.
    behind: usize,
    done: bool,
    /// An error behind the frames handed out last.
    error: Option<CaptureError>,
    filter: Option<FilterText>,
}

/// A frame whose bytes are in the buffer.
struct Found {
    number: u64,
    record: Record,
    link: LinkType,
    fcs_len: Option<usize>,
}

/// A filter, compiled for the link types met so far.
struct FilterText {
    text: String,
    compiled: Vec<(LinkType, Filter)>,
}

enum Format {
    Pcap(Pcap),
    PcapNg(PcapNg),
}

impl Reader {
    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::with(Buffer::open(path)?)
    }

    /// Reads from any source.
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        Self::with(Buffer::new(source, None)?)
    }

    fn with(mut buffer: Buffer) -> Result<Self, CaptureError> {
        let have = buffer.fill(4)?;
        let Some(&magic) = buffer.peek().first_chunk::<4>() else {
            return Err(CaptureError::TooShort(have));
        };
        let format = if magic == SECTION_MAGIC {
            Format::PcapNg(PcapNg::default())
        } else if let Some(known) = pcap::magic(magic) {
            Format::Pcap(Pcap::new(&mut buffer, known)?)
        } else {
            return Err(CaptureError::Unknown(magic.to_vec()));
        };
        Ok(Self { buffer, format, number: 0, behind: 0, done: false, error: None, filter: None })
    }

    /// Leaves out the frames that do not pass a filter in the language of libpcap; the others keep their numbers.
    pub fn set_filter(&mut self, text: &str) -> Result<(), CaptureError> {
        // an error in it is better told before the first frame
        let radiotap = Filter::compile(LinkType::RADIOTAP, text)?;
        let compiled = vec![(LinkType::RADIOTAP, radiotap)];
        self.filter = Some(FilterText { text: text.into(), compiled });
        Ok(())
    }

    /// How many bytes of the file have been read, and how many it has, if that is known. For a progress bar.
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.buffer.progress()
    }

    /// The name of the interface of the frame read last, if the file tells.
    pub fn interface_name(&self, frame_interface: usize) -> Option<&str> {
        let record = Record { interface: frame_interface, ..Record::default() };
        let interface = match &self.format {
            Format::Pcap(_) => None,
            Format::PcapNg(file) => file.interface(&record),
        };
        interface.map(|interface| interface.name.as_str()).filter(|name| !name.is_empty())
    }

    /// The next frame; `None` at the end and after an error. The frame stays until the next call.
    pub fn next_frame(&mut self) -> Option<Result<CapturedFrame<'_>, CaptureError>> {
        match self.next_found() {
            Ok(Some(found)) => {
                let bytes = self.buffer.take(found.record.captured);
                Some(Ok(found.frame(bytes)))
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// The next frames, at least one and at most `most`, all in memory together; none at the end and after an error. They
    /// stay until the next call.
    pub fn next_frames(&mut self, most: usize) -> Result<Vec<CapturedFrame<'_>>, CaptureError> {
        let mut all = Vec::with_capacity(most);
        self.buffer.hold();
        while all.len() < most && self.buffer.held() < MAX_HELD {
            match self.next_found() {
                Ok(Some(found)) => {
                    let at = self.buffer.held();
                    self.buffer.take(found.record.captured);
                    all.push((at, found));
                }
                Ok(None) => break,
                // first comes what was before it
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        let mut rest = self.buffer.release();
        if all.is_empty()
            && let Some(error) = self.error.take()
        {
            return Err(error);
        }
        let mut passed = 0;
        let frames = all.into_iter().map(|(at, found)| {
            let behind = std::mem::take(&mut rest).split_at_mut_checked(at - passed).unwrap_or_default().1;
            let (bytes, later) = behind.split_at_mut_checked(found.record.captured).unwrap_or_default();
            passed = at + bytes.len();
            rest = later;
            found.frame(bytes)
        });
        Ok(frames.collect())
    }

    /// The next record that passes the filter; its bytes are next in the buffer.
    fn next_found(&mut self) -> Result<Option<Found>, CaptureError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        while !self.done {
            let record = match self.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => {
                    self.done = true;
                    break;
                }
                Err(error) => {
                    self.done = true;
                    return Err(error);
                }
            };
            self.behind = record.behind;
            if self.passes(&record) {
                let interface = self.interface(&record);
                let (link, fcs_len) = interface.map_or((LinkType::default(), None), |i| (i.link, i.fcs_len));
                return Ok(Some(Found { number: self.number, record, link, fcs_len }));
            }
            self.buffer.take(record.captured);
        }
        Ok(None)
    }

    fn next_record(&mut self) -> Result<Option<Record>, CaptureError> {
        self.buffer.take(self.behind);
        self.behind = 0;
        self.number += 1;
        match &mut self.format {
            Format::Pcap(file) => file.next(&mut self.buffer, self.number),
            Format::PcapNg(file) => file.next(&mut self.buffer),
        }
    }

    fn interface(&self, record: &Record) -> Option<&Interface> {
        match &self.format {
            Format::Pcap(file) => Some(file.interface()),
            Format::PcapNg(file) => file.interface(record),
        }
    }

    fn passes(&mut self, record: &Record) -> bool {
        let link = self.interface(record).map_or(LinkType::default(), |interface| interface.link);
        let Some(filter) = &mut self.filter else { return true };
        let bytes = self.buffer.peek().get(..record.captured).unwrap_or_default();
        if !filter.compiled.iter().any(|(known, _)| *known == link)
            && let Ok(compiled) = Filter::compile(link, &filter.text)
        {
            filter.compiled.push((link, compiled));
        }
        // a filter that makes no sense for a link type passes none of its frames
        filter.compiled.iter().any(|(known, filter)| *known == link && filter.matches(bytes))
    }
}

impl Found {
    fn frame(self, bytes: &mut [u8]) -> CapturedFrame<'_> {
        let Self { number, record, link, fcs_len } = self;
        CapturedFrame {
            number,
            time: record.time,
            original_length: record.original,
            captured_length: record.captured,
            interface: record.interface,
            link,
            direction: record.direction,
            content: link::content(link, fcs_len, record.original, bytes),
        }
    }
}

impl Default for Interface {
    fn default() -> Self {
        let (link, name) = (LinkType::default(), String::new());
        Self { link, snaplen: 0, name, resolution: 6, offset: 0, fcs_len: None }
    }
}

impl Interface {
    /// Nanoseconds since 1970, from units of this interface's resolution.
    pub(super) fn time(&self, units: u64) -> u64 {
        let (units, exponent) = (u128::from(units), u32::from(self.resolution & 0x7f));
        let nanos = if self.resolution & 0x80 != 0 {
            // at most 64 bits of units times 30 of a billion
            units.saturating_mul(1_000_000_000).checked_shr(exponent).unwrap_or_default()
        } else if exponent <= 9 {
            units * 10_u128.pow(9 - exponent)
        } else {
            10_u128.checked_pow(exponent - 9).map_or(0, |divisor| units / divisor)
        };
        let offset = i128::from(self.offset) * 1_000_000_000;
        let total = i128::try_from(nanos).unwrap_or(i128::MAX).saturating_add(offset);
        u64::try_from(total.max(0)).unwrap_or(u64::MAX)
    }
}

impl Order {
    pub(super) fn u16(self, r: &mut wire::Reader<'_>) -> Result<u16, Truncated> {
        match self {
            Self::Little => r.u16_le(),
            Self::Big => r.u16_be(),
        }
    }

    pub(super) fn u32(self, r: &mut wire::Reader<'_>) -> Result<u32, Truncated> {
        r.array().map(|&bytes| self.word(bytes))
    }

    pub(super) fn len(self, r: &mut wire::Reader<'_>) -> Result<usize, Truncated> {
        self.u32(r).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
    }

    pub(super) const fn word(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn i64(self, bytes: &[u8]) -> Option<i64> {
        let bytes = *bytes.first_chunk()?;
        Some(if self == Self::Little { i64::from_le_bytes(bytes) } else { i64::from_be_bytes(bytes) })
    }
}
