//! The receive ring: blocks of frames that the kernel fills and hands over one by one (`TPACKET_V3`).

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;

use stack::wire::Reader;

use crate::os::{self, SharedMemory};

/// Bytes of a block; a frame never lies across two.
const BLOCK: usize = 1 << 18;
/// Blocks in the ring: 4 MiB, a tenth of a second at 300 Mb/s.
const BLOCKS: usize = 16;
/// What a slot would be in the older layouts; the kernel still wants it to divide the block.
const SLOT: usize = 1 << 11;
/// The kernel hands a block over at the latest after this many milliseconds, rounded up to its jiffy.
const HAND_OVER_MS: u32 = 1;

/// Offset of the block's status in its descriptor: after version and offset to private data.
const BLOCK_STATUS: usize = 8;
/// Offsets in a frame's header: after the next offset and two words of time; after length, status; see `tpacket3_hdr`.
const FRAME_HEADER: usize = 28;

/// The ring of one socket.
#[derive(Debug)]
pub(super) struct Ring {
    memory: SharedMemory,
    block: usize,
    /// Frames of the current block that were not read yet, and where the next one begins.
    left: u32,
    next: usize,
    open: bool,
}

/// Where a frame lies, as the kernel put it down, radiotap header first. Good until the next call of [`Ring::next`].
#[derive(Debug)]
pub(super) struct Place {
    offset: usize,
    length: usize,
    /// Bytes were cut off, which the ring is too large for unless the frame is absurd.
    pub(super) cut: bool,
}

impl Ring {
    /// Sets the ring up on a socket that is not bound yet.
    pub(super) fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let version = libc::tpacket_versions::TPACKET_V3 as i32;
        os::set_option(fd, libc::SOL_PACKET, libc::PACKET_VERSION, &version)?;
        let request = libc::tpacket_req3 {
            tp_block_size: BLOCK as u32,
            tp_block_nr: BLOCKS as u32,
            tp_frame_size: SLOT as u32,
            tp_frame_nr: (BLOCK / SLOT * BLOCKS) as u32,
            tp_retire_blk_tov: HAND_OVER_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        os::set_option(fd, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let memory = SharedMemory::map(fd, BLOCK * BLOCKS)?;
        Ok(Self { memory, block: 0, left: 0, next: 0, open: false })
    }

    /// The next frame. The block it lies in goes back to the kernel when the frame after its last is asked for.
    pub(super) fn next(&mut self) -> Option<Place> {
        loop {
            if self.left > 0 {
                let place = self.advance();
                if place.is_some() {
                    return place;
                }
                self.left = 0;
            }
            if self.open {
                self.close_block();
            }
            if !self.open_block() {
                return None;
            }
        }
    }

    /// The bytes of a frame.
    pub(super) fn bytes(&mut self, place: &Place) -> Option<&mut [u8]> {
        self.memory.handed_over(self.status(), place.offset, place.length)
    }

    /// Where the next frame lies; steps behind it. `None` if the kernel's offsets lead out of the block.
    fn advance(&mut self) -> Option<Place> {
        let (status, start, at) = (self.status(), self.block * BLOCK, self.next);
        let header = self.memory.handed_over(status, start.checked_add(at)?, FRAME_HEADER)?;
        let mut reader = Reader::new(header);
        let step = native_u32(&mut reader)?;
        let (_sec, _nsec) = (native_u32(&mut reader)?, native_u32(&mut reader)?);
        let (kept, length) = (native_u32(&mut reader)? as usize, native_u32(&mut reader)? as usize);
        let _status = native_u32(&mut reader)?;
        let mac = usize::from(u16::from_ne_bytes(*reader.array().ok()?));
        let offset = at.checked_add(mac)?;
        if offset.checked_add(kept)? > BLOCK {
            return None;
        }
        self.left -= 1;
        self.next = at.checked_add(step as usize)?;
        Some(Place { offset: start + offset, length: kept, cut: kept < length })
    }

    /// Takes the current block if the kernel has handed it over.
    fn open_block(&mut self) -> bool {
        let (status, start) = (self.status(), self.block * BLOCK);
        let Some(header) = self.memory.handed_over(status, start + BLOCK_STATUS, 12) else { return false };
        let mut reader = Reader::new(header);
        let _status = native_u32(&mut reader);
        self.left = native_u32(&mut reader).unwrap_or(0);
        self.next = native_u32(&mut reader).unwrap_or(0) as usize;
        self.open = true;
        true
    }

    /// Gives the current block back and goes on to the next.
    fn close_block(&mut self) {
        if let Some(word) = self.memory.word(self.status()) {
            word.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
        self.block = (self.block + 1) % BLOCKS;
        self.open = false;
    }

    const fn status(&self) -> usize {
        self.block * BLOCK + BLOCK_STATUS
    }
}

fn native_u32(reader: &mut Reader<'_>) -> Option<u32> {
    reader.array().ok().copied().map(u32::from_ne_bytes)
}
