//! The pcap format (draft-ietf-opsawg-pcap).

use stack::wire::{self, Truncated};

use super::CaptureError;
use super::link::LinkType;
use super::reader::{Interface, Order, Record};
use super::source::Buffer;

/// No link type has a larger snapshot length; a record that claims more is damaged.
const MAX_RECORD: usize = 4 << 20;
const FILE_HEADER: usize = 24;

/// A pcap file whose header has been read.
#[derive(Debug)]
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in a unit of the second time word.
    unit: u64,
    /// 16, or 24 in a variant of the nineties.
    record_header: usize,
    minor: u16,
    interface: Interface,
}

/// Byte order, nanoseconds a time unit, length of a record header, by the first four bytes.
pub(super) fn magic(bytes: [u8; 4]) -> Option<(Order, u64, usize)> {
    let (order, number) = match (u32::from_le_bytes(bytes), u32::from_be_bytes(bytes)) {
        (n @ (0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34), _) => (Order::Little, n),
        (_, n) => (Order::Big, n),
    };
    match number {
        0xa1b2_c3d4 => Some((order, 1000, 16)),
        0xa1b2_3c4d => Some((order, 1, 16)),
        0xa1b2_cd34 => Some((order, 1000, 24)),
        _ => None,
    }
}

impl Pcap {
    /// Reads the file header, whose magic is known.
    pub(super) fn new(buffer: &mut Buffer, magic: (Order, u64, usize)) -> Result<Self, CaptureError> {
        let (order, unit, record_header) = magic;
        let have = buffer.fill(FILE_HEADER)?;
        let short = |_: Truncated| CaptureError::TooShort(have);
        let mut r = wire::Reader::new(buffer.take(FILE_HEADER));
        r.take(4).map_err(short)?;
        let (major, minor) = (order.u16(&mut r).map_err(short)?, order.u16(&mut r).map_err(short)?);
        r.take(12).map_err(short)?;
        let network = order.u32(&mut r).map_err(short)?;
        if major != 2 {
            return Err(CaptureError::Version { format: "pcap", major, minor });
        }
        let interface = Interface {
            link: LinkType(u16::try_from(network & 0xffff).unwrap_or_default()),
            fcs_len: fcs_len(network),
            ..Interface::default()
        };
        Ok(Self { order, unit, record_header, minor, interface })
    }

    pub(super) const fn interface(&self) -> &Interface {
        &self.interface
    }

    /// The next record; its bytes are the next in the buffer.
    pub(super) fn next(&self, buffer: &mut Buffer, number: u64) -> Result<Option<Record>, CaptureError> {
        let offset = buffer.offset();
        let have = buffer.fill(self.record_header)?;
        if have == 0 {
            return Ok(None);
        }
        let cut = |need, have| CaptureError::CutShort { record: number, need, have };
        if have < self.record_header {
            return Err(cut(self.record_header, have));
        }
        let header = self.header(buffer.take(self.record_header));
        let record = header.map_err(|_| cut(self.record_header, have))?;
        if record.captured > MAX_RECORD {
            return Err(CaptureError::Damaged { record: number, offset, why: "it claims more than 4 MiB" });
        }
        let have = buffer.fill(record.captured)?;
        if have < record.captured { Err(cut(record.captured, have)) } else { Ok(Some(record)) }
    }

    fn header(&self, bytes: &[u8]) -> Result<Record, Truncated> {
        let mut r = wire::Reader::new(bytes);
        let seconds = u64::from(self.order.u32(&mut r)?);
        let fraction = u64::from(self.order.u32(&mut r)?);
        let captured = self.order.len(&mut r)?;
        let original = self.order.len(&mut r)?;
        // before version 2.3 the two stood the other way round, and in 2.3 with some writers
        let swapped = self.minor < 3 || (self.minor == 3 && captured > original);
        let (captured, original) = if swapped { (original, captured) } else { (captured, original) };
        Ok(Record {
            time: seconds * 1_000_000_000 + fraction * self.unit,
            captured,
            original: original.max(captured),
            ..Record::default()
        })
    }
}

/// The upper bits of the link-type word may tell the length of the frame check sequence, in units of 16 bits.
fn fcs_len(network: u32) -> Option<usize> {
    let told = network & 0x0400_0000 != 0;
    told.then(|| usize::try_from(network >> 28).unwrap_or_default() * 2)
}
