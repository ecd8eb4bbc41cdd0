//! The receive ring: slots of one frame each, which the kernel fills and hands over one by one (`TPACKET_V2`). Why not
//! `TPACKET_V3` stands in the README of this crate.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use stack::wire::Reader;

use crate::os::{self, SharedMemory};

/// Bytes of a slot: the longest MPDU without HT aggregation (3,839 bytes of A-MSDU), its headers and the radiotap header.
const SLOT: usize = 1 << 12;
/// Slots in the ring: 8 MiB, which is a twentieth of a second at 40,000 frames a second.
const SLOTS: usize = 1 << 11;
/// The kernel wants the slots in blocks that are whole pages; they lie without gaps all the same.
const BLOCK: usize = 1 << 18;
/// Bytes of `tpacket2_hdr` that are read: status, length on the air, length kept, offset of the frame.
const HEADER: usize = 14;

/// The ring of one socket.
#[derive(Debug)]
pub(super) struct Ring {
    memory: SharedMemory,
    slot: usize,
    /// The current slot was read and is to be given back.
    open: bool,
}

/// Where a frame lies, as the kernel put it down, radiotap header first. Good until the next call of [`Ring::next`].
#[derive(Debug)]
pub(super) struct Place {
    offset: usize,
    length: usize,
    /// Bytes were cut off: it is longer than a slot.
    pub(super) cut: bool,
}

impl Ring {
    /// Sets the ring up on a socket that is not bound yet.
    pub(super) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let version = libc::tpacket_versions::TPACKET_V2 as i32;
        os::set_option(fd, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        let request = libc::tpacket_req {
            tp_block_size: BLOCK as u32,
            tp_block_nr: (SLOT * SLOTS / BLOCK) as u32,
            tp_frame_size: SLOT as u32,
            tp_frame_nr: SLOTS as u32,
        };
        os::set_option(fd, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let memory = SharedMemory::map(fd, SLOT * SLOTS)?;
        Ok(Self { memory, slot: 0, open: false })
    }

    /// The next frame. The slot it lies in goes back to the kernel when the one after it is asked for.
    pub(super) fn next(&mut self) -> Option<Place> {
        if self.open {
            self.give_back();
        }
        let start = self.slot * SLOT;
        let mut reader = Reader::new(self.memory.handed_over(start, start, HEADER)?);
        self.open = true;
        let _status = native_u32(&mut reader)?;
        let (length, kept) = (native_u32(&mut reader)? as usize, native_u32(&mut reader)? as usize);
        let offset = usize::from(u16::from_ne_bytes(*reader.array().ok()?));
        // What the kernel says is taken on trust no further than the slot reaches.
        let within = kept.min(SLOT.saturating_sub(offset));
        Some(Place { offset: start + offset, length: within, cut: within < length })
    }

    /// The bytes of a frame.
    pub(super) fn bytes(&mut self, place: &Place) -> Option<&mut [u8]> {
        self.memory.handed_over(self.slot * SLOT, place.offset, place.length)
    }

    fn give_back(&mut self) {
        if let Some(word) = self.memory.word(self.slot * SLOT) {
            word.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
        self.slot = (self.slot + 1) % SLOTS;
        self.open = false;
    }
}

fn native_u32(reader: &mut Reader<'_>) -> Option<u32> {
    reader.array().ok().copied().map(u32::from_ne_bytes)
}
