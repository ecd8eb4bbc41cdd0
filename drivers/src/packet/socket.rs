//! One monitor interface as a source of frames and statuses, and as a sink of frames.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::SocketError;
use stack::wire::{Transmit, TxId, TxStatus, radiotap};

use super::echo::{Echoes, Print};
use super::filter::AddressFilter;
use super::ring::Ring;
use crate::interface;
use crate::os::{self, BATCH};
use crate::radio::{RadioError, Received, TransmitError};

/// Frames that wait for the interface at the most; then [`TransmitError::Full`].
const QUEUE: usize = 4 * BATCH;

/// What the socket dropped and why, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketCounts {
    /// Frames that reached the socket.
    pub received: u64,
    /// The ring was full: the kernel dropped them.
    pub ring_full: u64,
    /// The radiotap header was not one, or bytes were cut off (SEC-M14).
    pub malformed: u64,
    /// Echoes of frames whose status nobody waits for.
    pub stray_echoes: u64,
    /// Frames whose echo never came in time.
    pub lost_echoes: u64,
    /// Frames that the interface refused to send.
    pub refused: u64,
}

/// A packet socket on a monitor interface. Nothing blocks; its descriptor is readable when the ring has a block.
#[derive(Debug)]
pub struct PacketSocket {
    interface: String,
    // The ring is unmapped before the socket is closed: fields drop in order.
    ring: Ring,
    fd: OwnedFd,
    limit: usize,
    queue: VecDeque<Vec<u8>>,
    congested: bool,
    spare: Vec<Vec<u8>>,
    echoes: Echoes,
    failed: VecDeque<TxId>,
    counts: PacketCounts,
}

/// What a frame in the ring turned out to be.
enum Sorted {
    Heard(radiotap::Stripped),
    Echo { id: TxId, acked: bool, retries: u8 },
    Nothing,
}

impl PacketSocket {
    /// Opens a socket on the monitor interface `name`. With a filter, other frames stay in the kernel.
    pub fn open(name: &str, filter: Option<AddressFilter>) -> Result<Self, RadioError> {
        let fail = |what| move |cause| RadioError { interface: name.to_owned(), what, cause };
        let index = interface::index(name).map_err(fail("looking the interface up"))?;
        let limit = interface::mtu(name).map_err(fail("reading its MTU"))?;
        let fd = os::packet_socket().map_err(fail("opening a packet socket (root or CAP_NET_RAW)"))?;
        if let Some(filter) = filter {
            os::attach_filter(fd.as_fd(), &filter.program()).map_err(fail("attaching the filter"))?;
        }
        // What other programs send on the interface was not heard.
        os::set_option(fd.as_fd(), libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1i32)
            .map_err(fail("leaving out what others send"))?;
        let ring = Ring::new(fd.as_fd()).map_err(fail("setting up the receive ring"))?;
        os::bind_packet(fd.as_fd(), index).map_err(fail("binding the packet socket"))?;
        Ok(Self {
            interface: name.to_owned(),
            ring,
            fd,
            limit,
            queue: VecDeque::new(),
            congested: false,
            spare: Vec::new(),
            echoes: Echoes::default(),
            failed: VecDeque::new(),
            counts: PacketCounts::default(),
        })
    }

    /// The next frame or status, `None` when there is none now. Call until then after each readiness.
    pub fn receive(&mut self) -> Option<Received<'_>> {
        if let Some(id) = self.failed.pop_front() {
            return Some(Received::Status(TxStatus { id, acked: false, retries: 0 }));
        }
        loop {
            let place = self.ring.next()?;
            let bytes = self.ring.bytes(&place)?;
            match sort(bytes, place.cut, &mut self.echoes, &mut self.counts) {
                Sorted::Nothing => {}
                Sorted::Echo { id, acked, retries } => {
                    return Some(Received::Status(TxStatus { id, acked, retries }));
                }
                Sorted::Heard(stripped) => {
                    let frame = self.ring.bytes(&place)?.get_mut(stripped.mpdu)?;
                    return Some(Received::Frame { info: stripped.summary.rx, frame });
                }
            }
        }
    }

    /// Takes a frame into the batch.
    pub fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        if self.queue.len() >= QUEUE {
            return Err(TransmitError::Full);
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        radiotap::build(&transmit.options, &mut bytes);
        bytes.extend_from_slice(&transmit.frame);
        if bytes.len() > self.limit {
            let length = bytes.len();
            self.spare.push(bytes);
            return Err(TransmitError::TooLong { length, limit: self.limit });
        }
        self.queue.push_back(bytes);
        if let Some(print) = Print::of(&transmit.frame)
            && let Some(lost) = self.echoes.expect(print, transmit.id)
        {
            self.give_up(lost);
        }
        Ok(())
    }

    /// Sends the batch. What the interface has no room for stays; what it refuses outright is given up and counted. An
    /// error says that the interface is down or gone, also when there was nothing to send.
    pub fn flush(&mut self) -> Result<(), RadioError> {
        // Where there is something to send, sending it says so too.
        if self.queue.is_empty() {
            self.look_for_an_error()?;
        }
        self.congested = false;
        while !self.queue.is_empty() {
            match os::send_batch(self.fd.as_fd(), self.queue.iter().map(Vec::as_slice)) {
                Ok(sent) => self.spare.extend(self.queue.drain(..sent.min(self.queue.len()))),
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => {
                        self.congested = true;
                        return Ok(());
                    }
                    // The queue of the interface is full, not the socket, which stays writable. It is full of frames
                    // whose echoes will wake us.
                    Some(libc::ENOBUFS) => return Ok(()),
                    Some(libc::EINTR) => {}
                    Some(libc::EINVAL | libc::EMSGSIZE) => self.refuse_first(),
                    _ => return Err(self.error("sending", error)),
                },
            }
        }
        Ok(())
    }

    fn look_for_an_error(&self) -> Result<(), RadioError> {
        match getsockopt(&self.fd, SocketError) {
            Ok(0) => Ok(()),
            Ok(errno) => Err(self.error("listening", io::Error::from_raw_os_error(errno))),
            Err(errno) => Err(self.error("asking for its errors", errno.into())),
        }
    }

    /// The last flush ended because the socket takes no more; it becomes writable when half of it has left.
    pub const fn is_congested(&self) -> bool {
        self.congested
    }

    /// What was dropped since the socket was opened.
    pub fn counts(&mut self) -> Result<PacketCounts, RadioError> {
        let (received, full) = os::packet_statistics(self.fd.as_fd())
            .map_err(|error| self.error("reading statistics", error))?;
        self.counts.received += u64::from(received);
        self.counts.ring_full += u64::from(full);
        Ok(self.counts)
    }

    fn refuse_first(&mut self) {
        let Some(bytes) = self.queue.pop_front() else { return };
        self.counts.refused += 1;
        let print = radiotap::strip(&bytes).ok().and_then(|found| Print::of(bytes.get(found.mpdu)?));
        if let Some(id) = print.and_then(|print| self.echoes.take(print)) {
            self.failed.push_back(id);
        }
        self.spare.push(bytes);
    }

    fn give_up(&mut self, id: TxId) {
        self.counts.lost_echoes += 1;
        self.failed.push_back(id);
    }

    fn error(&self, what: &'static str, cause: io::Error) -> RadioError {
        RadioError { interface: self.interface.clone(), what, cause }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

fn sort(bytes: &[u8], cut: bool, echoes: &mut Echoes, counts: &mut PacketCounts) -> Sorted {
    let stripped = match radiotap::strip(bytes) {
        Ok(stripped) if !cut => stripped,
        _ => {
            counts.malformed += 1;
            return Sorted::Nothing;
        }
    };
    let Some(tx) = stripped.summary.tx else { return Sorted::Heard(stripped) };
    let id = bytes.get(stripped.mpdu).and_then(Print::of).and_then(|print| echoes.take(print));
    match id {
        Some(id) => Sorted::Echo { id, acked: tx.acked(), retries: tx.data_retries.unwrap_or(0) },
        None => {
            counts.stray_echoes += 1;
            Sorted::Nothing
        }
    }
}
