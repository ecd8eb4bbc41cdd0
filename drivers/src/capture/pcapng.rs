//! The pcapng format (draft-ietf-opsawg-pcapng).

use stack::wire::{self, Truncated};

use super::CaptureError;
use super::link::LinkType;
use super::reader::{Direction, Interface, Order, Record};
use super::source::Buffer;

pub(super) const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
/// Blocks that carry a frame or describe an interface and are larger than this are damaged; others are skipped.
const MAX_BLOCK: usize = 16 << 20;
/// More interfaces than any capture has; each costs memory.
const MAX_INTERFACES: usize = 65_536;
/// Type and two lengths.
const BLOCK_FRAME: usize = 12;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// A pcapng file: the state of the current section.
#[derive(Debug, Default)]
pub(super) struct PcapNg {
    order: Order,
    interfaces: Vec<Interface>,
    /// How many interfaces earlier sections had.
    earlier: usize,
    blocks: u64,
}

/// The type and the length of a block.
struct Header {
    kind: u32,
    length: usize,
}

impl PcapNg {
    /// The interface of a record.
    pub(super) fn interface(&self, record: &Record) -> Option<&Interface> {
        self.interfaces.get(record.interface.checked_sub(self.earlier)?)
    }

    /// The next block that carries a frame; the frame's bytes are the next in the buffer.
    pub(super) fn next(&mut self, buffer: &mut Buffer) -> Result<Option<Record>, CaptureError> {
        loop {
            self.blocks += 1;
            let Some(header) = self.header(buffer)? else { return Ok(None) };
            let carries = matches!(header.kind, ENHANCED_PACKET | SIMPLE_PACKET | OLD_PACKET);
            if carries || matches!(header.kind, SECTION | INTERFACE) {
                if let Some(record) = self.block(buffer, &header)? {
                    return Ok(Some(record));
                }
            } else {
                self.skip(buffer, header.length)?;
            }
        }
    }

    fn damaged(&self, buffer: &Buffer, why: &'static str) -> CaptureError {
        CaptureError::Damaged { record: self.blocks, offset: buffer.offset(), why }
    }

    fn cut(&self, need: usize, have: usize) -> CaptureError {
        CaptureError::CutShort { record: self.blocks, need, have }
    }

    fn header(&mut self, buffer: &mut Buffer) -> Result<Option<Header>, CaptureError> {
        let have = buffer.fill(BLOCK_FRAME)?;
        if have == 0 {
            return Ok(None);
        }
        if have < BLOCK_FRAME {
            return Err(self.cut(BLOCK_FRAME, have));
        }
        let head = buffer.peek();
        if head.starts_with(&SECTION_MAGIC) {
            // the byte order of a section, its header included, is that of the word after its length
            self.order = match head.get(8..12) {
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => Order::Little,
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order::Big,
                _ => return Err(self.damaged(buffer, "the section header has no byte-order mark")),
            };
        }
        let mut r = wire::Reader::new(head);
        let kind = self.order.u32(&mut r).map_err(|_| self.cut(BLOCK_FRAME, have))?;
        let length = self.order.len(&mut r).map_err(|_| self.cut(BLOCK_FRAME, have))?;
        if length < BLOCK_FRAME || !length.is_multiple_of(4) {
            return Err(self.damaged(buffer, "the block length is not a multiple of 4 from 12 on"));
        }
        Ok(Some(Header { kind, length }))
    }

    fn skip(&self, buffer: &mut Buffer, length: usize) -> Result<(), CaptureError> {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let had = buffer.skip(length)?;
        if had == length { Ok(()) } else { Err(self.cut(as_usize(length), as_usize(had))) }
    }

    /// Reads a block whole. Of one that carries a frame, all up to the frame's bytes is passed; what is behind them
    /// is passed by the caller with [`Record::behind`].
    fn block(&mut self, buffer: &mut Buffer, header: &Header) -> Result<Option<Record>, CaptureError> {
        if header.length > MAX_BLOCK {
            return Err(self.damaged(buffer, "the block claims more than 16 MiB"));
        }
        let have = buffer.fill(header.length)?;
        if have < header.length {
            return Err(self.cut(header.length, have));
        }
        let block = buffer.peek().get(..header.length).unwrap_or_default();
        let (rest, trailer) = block.split_last_chunk::<4>().ok_or_else(|| self.cut(4, 0))?;
        if usize::try_from(self.order.word(*trailer)) != Ok(header.length) {
            return Err(self.damaged(buffer, "the two lengths of the block disagree"));
        }
        let body = rest.get(8..).unwrap_or_default();
        match header.kind {
            SECTION => self.section(body).map_err(|why| why.at(self, buffer))?,
            INTERFACE => self.description(body).map_err(|why| why.at(self, buffer))?,
            kind => {
                let (record, at) = self.packet(kind, body).map_err(|why| why.at(self, buffer))?;
                buffer.take(8 + at);
                let behind = header.length - 8 - at - record.captured;
                return Ok(Some(Record { behind, ..record }));
            }
        }
        buffer.take(header.length);
        Ok(None)
    }

    fn section(&mut self, body: &[u8]) -> Result<(), Why> {
        let mut r = wire::Reader::new(body);
        r.take(4)?;
        let (major, minor) = (self.order.u16(&mut r)?, self.order.u16(&mut r)?);
        if major != 1 {
            return Err(Why::Version(major, minor));
        }
        r.take(8)?;
        for option in self.options(r.rest()) {
            option?;
        }
        self.earlier += self.interfaces.len();
        self.interfaces.clear();
        Ok(())
    }

    fn description(&mut self, body: &[u8]) -> Result<(), Why> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(Why::Text("there are more than 65536 interfaces"));
        }
        let mut r = wire::Reader::new(body);
        let link = LinkType(self.order.u16(&mut r)?);
        r.take(2)?;
        let snaplen = self.order.len(&mut r)?;
        let mut interface = Interface { link, snaplen, ..Interface::default() };
        for (code, value) in self.options(r.rest()).flatten() {
            match (code, value) {
                (2, name) => interface.name = String::from_utf8_lossy(name).into_owned(),
                (9, &[resolution, ..]) => interface.resolution = resolution,
                (13, &[bits, ..]) => interface.fcs_len = Some(usize::from(bits) / 8),
                (14, value) => interface.offset = self.order.i64(value).unwrap_or_default(),
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// A frame's record, and where in the block's body its bytes begin.
    fn packet(&self, kind: u32, body: &[u8]) -> Result<(Record, usize), Why> {
        let mut r = wire::Reader::new(body);
        let mut record = Record::default();
        let mut units = 0;
        let index = match kind {
            SIMPLE_PACKET => 0,
            OLD_PACKET => {
                let index = usize::from(self.order.u16(&mut r)?);
                r.take(2)?;
                index
            }
            _ => self.order.len(&mut r)?,
        };
        let interface = self.interfaces.get(index).ok_or(Why::Text("its interface was not described"))?;
        if kind == SIMPLE_PACKET {
            record.original = self.order.len(&mut r)?;
            let limit = if interface.snaplen == 0 { usize::MAX } else { interface.snaplen };
            record.captured = record.original.min(limit).min(r.remaining());
        } else {
            units = u64::from(self.order.u32(&mut r)?) << 32 | u64::from(self.order.u32(&mut r)?);
            record.captured = self.order.len(&mut r)?;
            record.original = self.order.len(&mut r)?.max(record.captured);
        }
        let at = r.offset();
        r.take(record.captured).map_err(|_| Why::Text("the frame is longer than its block"))?;
        r.take(record.captured.next_multiple_of(4) - record.captured).ok();
        if kind == ENHANCED_PACKET {
            record.direction = self.direction(r.rest());
        }
        record.interface = self.earlier + index;
        record.time = interface.time(units);
        Ok((record, at))
    }

    /// From the flags option; ill-formed options cost what they say and nothing else.
    fn direction(&self, options: &[u8]) -> Option<Direction> {
        let (_, flags) = self.options(options).flatten().find(|&(code, _)| code == 2)?;
        match self.order.word(*flags.first_chunk()?) & 3 {
            1 => Some(Direction::Received),
            2 => Some(Direction::Sent),
            _ => None,
        }
    }

    fn options<'a>(&self, bytes: &'a [u8]) -> Options<'a> {
        Options { order: self.order, reader: wire::Reader::new(bytes) }
    }
}

/// The options of a block: code and value. Ends at the end-of-options option.
struct Options<'a> {
    order: Order,
    reader: wire::Reader<'a>,
}

impl<'a> Options<'a> {
    fn option(&mut self) -> Result<Option<(u16, &'a [u8])>, Truncated> {
        let (code, length) =
            (self.order.u16(&mut self.reader)?, usize::from(self.order.u16(&mut self.reader)?));
        let value = self.reader.take(length)?;
        self.reader.take(length.next_multiple_of(4) - length).ok();
        Ok(Some((code, value)).filter(|&(code, _)| code != 0))
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<(u16, &'a [u8]), Why>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let option = self.option().map_err(|_| Why::Text("an option is longer than its block")).transpose();
        if !matches!(option, Some(Ok(_))) {
            self.reader.rest();
        }
        option
    }
}

/// What is wrong with a block.
enum Why {
    Version(u16, u16),
    Text(&'static str),
}

impl From<Truncated> for Why {
    fn from(_: Truncated) -> Self {
        Self::Text("it is too short for what it is")
    }
}

impl Why {
    fn at(self, file: &PcapNg, buffer: &Buffer) -> CaptureError {
        match self {
            Self::Version(major, minor) => CaptureError::Version { format: "pcapng", major, minor },
            Self::Text(why) => file.damaged(buffer, why),
        }
    }
}

fn as_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
