//! Writing a capture.

use std::borrow::Cow;
use std::io::Write;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use stack::wire::RxInfo;
use stack::wire::radiotap::{self, TxInfo};

use super::CaptureError;
use super::reader::Direction;

/// Type of an enhanced packet block, and its length around frame and options.
const ENHANCED_PACKET: u32 = 6;
const BLOCK_FRAME: usize = 32;
/// Options.
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const FLAGS: u16 = 2;

/// An interface of the capture being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(u32);

/// One frame to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    pub time: u64,
    /// Heard or sent; left out of the file if unknown.
    pub direction: Option<Direction>,
    /// How it was heard; of a frame that was sent, time, frequency and rate.
    pub rx: RxInfo,
    /// How it was sent.
    pub tx: Option<TxInfo>,
    /// The MPDU, without frame check sequence.
    pub mpdu: &'a [u8],
    /// What we decided about it, one comment each.
    pub comments: &'a [&'a str],
}

/// Writes pcapng with nanoseconds: radiotap frames, or Ethernet frames.
///
/// Nothing is buffered here, so `W` is best a `BufWriter`.
pub struct Writer<W: Write> {
    inner: PcapNgWriter<W>,
    interfaces: u32,
    scratch: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a capture.
    pub fn new(writer: W) -> Result<Self, CaptureError> {
        Ok(Self { inner: PcapNgWriter::new(writer)?, interfaces: 0, scratch: Vec::new() })
    }

    /// Adds a radio.
    pub fn radio(&mut self, name: &str, description: &str) -> Result<InterfaceId, CaptureError> {
        self.interface(DataLink::IEEE802_11_RADIOTAP, name, description)
    }

    /// Adds an Ethernet, for [`Self::write_ethernet`].
    pub fn ethernet(&mut self, name: &str, description: &str) -> Result<InterfaceId, CaptureError> {
        self.interface(DataLink::ETHERNET, name, description)
    }

    fn interface(&mut self, link: DataLink, name: &str, about: &str) -> Result<InterfaceId, CaptureError> {
        let mut options = vec![
            InterfaceDescriptionOption::IfName(Cow::Borrowed(name)),
            InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
        ];
        if !about.is_empty() {
            options.push(InterfaceDescriptionOption::IfDescription(Cow::Borrowed(about)));
        }
        let block = InterfaceDescriptionBlock { linktype: link, snaplen: 0, options };
        self.inner.write_pcapng_block(block)?;
        let id = InterfaceId(self.interfaces);
        self.interfaces += 1;
        Ok(id)
    }

    /// Writes a frame, with a radiotap header built from what is known of it.
    pub fn write(&mut self, interface: InterfaceId, entry: &Entry<'_>) -> Result<(), CaptureError> {
        self.scratch.clear();
        match &entry.tx {
            Some(tx) => radiotap::build_tx(&entry.rx, tx, &mut self.scratch),
            None => radiotap::build_rx(&entry.rx, &mut self.scratch),
        }
        let header = std::mem::take(&mut self.scratch);
        let result = self.packet(interface, &header, entry);
        self.scratch = header;
        result
    }

    /// Writes a frame behind a radiotap header as it was captured; `rx` and `tx` of the entry are not looked at. The
    /// header must not promise a frame check sequence.
    pub fn write_with_header(
        &mut self,
        interface: InterfaceId,
        header: &[u8],
        entry: &Entry<'_>,
    ) -> Result<(), CaptureError> {
        self.packet(interface, header, entry)
    }

    /// Writes the entry's `mpdu`, which here is an Ethernet frame, to an interface made with [`Self::ethernet`].
    pub fn write_ethernet(&mut self, interface: InterfaceId, entry: &Entry<'_>) -> Result<(), CaptureError> {
        self.packet(interface, &[], entry)
    }

    /// An enhanced packet block. A large capture is mostly these: they go out in pieces, without being composed first.
    fn packet(
        &mut self,
        interface: InterfaceId,
        header: &[u8],
        entry: &Entry<'_>,
    ) -> Result<(), CaptureError> {
        let options = options(entry);
        let length = header.len() + entry.mpdu.len();
        let total = length.next_multiple_of(4) + options.len() + BLOCK_FRAME;
        let [total, length] = [total, length].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let words =
            |time: u64| [time >> 32, time & 0xffff_ffff].map(|n| u32::try_from(n).unwrap_or_default());
        let [high, low] = words(entry.time);
        let out = self.inner.get_mut();
        // the crate's writer, which writes the other blocks, does so in the byte order of the machine
        let head = [ENHANCED_PACKET, total, interface.0, high, low, length, length].map(u32::to_ne_bytes);
        out.write_all(head.as_flattened())?;
        out.write_all(header)?;
        out.write_all(entry.mpdu)?;
        out.write_all(padding(header.len() + entry.mpdu.len()))?;
        if !options.is_empty() {
            out.write_all(&options)?;
        }
        Ok(out.write_all(&total.to_ne_bytes())?)
    }

    /// Hands what has been written on.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        Ok(self.inner.get_mut().flush()?)
    }

    /// Ends the capture.
    pub fn into_inner(self) -> W {
        self.inner.into_inner()
    }
}

/// What makes `length` a multiple of four.
fn padding(length: usize) -> &'static [u8] {
    [0; 3].as_slice().get(..length.next_multiple_of(4) - length).unwrap_or_default()
}

/// The options of a frame's block: comments and direction.
fn options(entry: &Entry<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    if entry.comments.is_empty() && entry.direction.is_none() {
        return out;
    }
    let mut option = |code: u16, value: &[u8]| {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        out.extend_from_slice(&code.to_ne_bytes());
        out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_ne_bytes());
        out.extend_from_slice(value);
        out.extend_from_slice(padding(value.len()));
    };
    for comment in entry.comments {
        option(COMMENT, comment.as_bytes());
    }
    match entry.direction {
        Some(Direction::Received) => option(FLAGS, &1_u32.to_ne_bytes()),
        Some(Direction::Sent) => option(FLAGS, &2_u32.to_ne_bytes()),
        None => {}
    }
    option(END_OF_OPTIONS, &[]);
    out
}
