//! Writing a capture.

use std::borrow::Cow;
use std::io::Write;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;
use stack::wire::RxInfo;
use stack::wire::radiotap::{self, TxInfo};

use super::CaptureError;
use super::reader::Direction;

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
        self.scratch.extend_from_slice(entry.mpdu);
        self.packet(interface, entry)
    }

    /// Writes a frame behind a radiotap header as it was captured; `rx` and `tx` of the entry are not looked at. The
    /// header must not promise a frame check sequence.
    pub fn write_with_header(
        &mut self,
        interface: InterfaceId,
        header: &[u8],
        entry: &Entry<'_>,
    ) -> Result<(), CaptureError> {
        self.scratch.clear();
        self.scratch.extend_from_slice(header);
        self.scratch.extend_from_slice(entry.mpdu);
        self.packet(interface, entry)
    }

    /// Writes the entry's `mpdu`, which here is an Ethernet frame, to an interface made with [`Self::ethernet`].
    pub fn write_ethernet(&mut self, interface: InterfaceId, entry: &Entry<'_>) -> Result<(), CaptureError> {
        self.scratch.clear();
        self.scratch.extend_from_slice(entry.mpdu);
        self.packet(interface, entry)
    }

    fn packet(&mut self, interface: InterfaceId, entry: &Entry<'_>) -> Result<(), CaptureError> {
        if entry.comments.is_empty() && entry.direction.is_none() {
            return self.plain_packet(interface, entry.time);
        }
        let comment = |text| EnhancedPacketOption::Common(CommonOption::Comment(Cow::Borrowed(text)));
        let mut options: Vec<_> = entry.comments.iter().copied().map(comment).collect();
        if let Some(direction) = entry.direction {
            options.push(EnhancedPacketOption::Flags(match direction {
                Direction::Received => 1,
                Direction::Sent => 2,
            }));
        }
        let block = EnhancedPacketBlock {
            interface_id: interface.0,
            timestamp: Duration::from_nanos(entry.time),
            original_len: u32::try_from(self.scratch.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(&self.scratch),
            options,
        };
        self.inner.write_pcapng_block(block)?;
        Ok(())
    }

    /// A block without options, in one write: the crate composes each block twice, once for its length, and a large
    /// capture is mostly such blocks.
    fn plain_packet(&mut self, interface: InterfaceId, time: u64) -> Result<(), CaptureError> {
        let length = u32::try_from(self.scratch.len()).unwrap_or(u32::MAX);
        let padded = self.scratch.len().next_multiple_of(4);
        self.scratch.resize(padded, 0);
        let total = u32::try_from(padded + 32).unwrap_or(u32::MAX);
        let (high, low) = (u32::try_from(time >> 32).unwrap_or_default(), u32::try_from(time & 0xffff_ffff));
        let words = [6, total, interface.0, high, low.unwrap_or_default(), length, length];
        // the crate's writer writes in the byte order of the machine
        let head = words.map(u32::to_ne_bytes);
        self.scratch.extend_from_slice(&total.to_ne_bytes());
        let out = self.inner.get_mut();
        out.write_all(head.as_flattened())?;
        Ok(out.write_all(&self.scratch)?)
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
