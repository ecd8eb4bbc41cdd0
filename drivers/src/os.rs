//! The system calls that no library wraps safely, each behind a safe function. The only unsafe lines of the project.
#![allow(unsafe_code, reason = "system calls and memory shared with the kernel")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Frames that one [`send_batch`] gives to the kernel at the most.
pub(crate) const BATCH: usize = 64;

/// A raw packet socket that hears nothing until it is bound.
pub(crate) fn packet_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointer is passed; the descriptor is checked and then owned by nobody else.
    unsafe {
        let fd = check(libc::socket(libc::AF_PACKET, kind, 0))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

/// Binds a packet socket to all protocols of one interface.
pub(crate) fn bind_packet(fd: BorrowedFd<'_>, index: i32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer is to a live `sockaddr_ll`, and the length is that of one.
    let result = unsafe {
        libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as u32)
    };
    check(result).map(drop)
}

/// Sets a socket option that is a plain C value.
pub(crate) fn set_option<T: Copy>(fd: BorrowedFd<'_>, level: i32, name: i32, value: &T) -> io::Result<()> {
    // SAFETY: pointer and length are those of `value`, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, name, (value as *const T).cast(), size_of::<T>() as u32)
    };
    check(result).map(drop)
}

/// Attaches a classic BPF program to a socket: instructions of code, jump if true, jump if false, operand.
pub(crate) fn attach_filter(fd: BorrowedFd<'_>, program: &[(u16, u8, u8, u32)]) -> io::Result<()> {
    let mut code: Vec<libc::sock_filter> =
        program.iter().map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }).collect();
    let length = u16::try_from(code.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len: length, filter: code.as_mut_ptr() };
    set_option(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Frames that reached a packet socket and frames it had no room for, since the last call.
pub(crate) fn packet_statistics(fd: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
    let [packets, drops] = numbers_of(fd, libc::SOL_PACKET, libc::PACKET_STATISTICS)?;
    Ok((packets, drops))
}

/// Datagrams that a socket had no room for since it was opened (`SK_MEMINFO_DROPS`).
pub(crate) fn socket_drops(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let [.., drops] = numbers_of::<9>(fd, libc::SOL_SOCKET, libc::SO_MEMINFO)?;
    Ok(drops)
}

/// A socket option that is a row of numbers. What the kernel does not know stays zero.
fn numbers_of<const N: usize>(fd: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<[u32; N]> {
    let mut values = [0u32; N];
    let mut length = size_of::<[u32; N]>() as u32;
    let place = values.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `length` bytes, which is what `values` has; any bytes are numbers.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, place, &raw mut length) })?;
    Ok(values)
}

/// Sends frames, each as one datagram, in one call; yields how many left. At most [`BATCH`] of them.
pub(crate) fn send_batch<'a>(
    fd: BorrowedFd<'_>,
    frames: impl Iterator<Item = &'a [u8]>,
) -> io::Result<usize> {
    let mut pieces = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; BATCH];
    let mut count = 0;
    for (piece, frame) in pieces.iter_mut().zip(frames) {
        *piece = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
        count += 1;
    }
    // SAFETY: `mmsghdr` is of integers and pointers only, for which zero is a value.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
    for (message, piece) in messages.iter_mut().zip(&mut pieces) {
        message.msg_hdr.msg_iov = piece;
        message.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: the first `count` messages point at pieces, and these at frames, that outlive the call; the kernel only
    // reads through them.
    let sent = unsafe {
        libc::sendmmsg(fd.as_raw_fd(), messages.as_mut_ptr(), count as u32, libc::MSG_DONTWAIT as _)
    };
    check(sent).map(|sent| sent as usize)
}

/// Asks for or sets something of an interface: `payload` is the union of `struct ifreq`, in and out.
pub(crate) fn interface_request(
    fd: BorrowedFd<'_>,
    request: u64,
    name: [u8; libc::IFNAMSIZ],
    payload: [u8; 24],
) -> io::Result<([u8; libc::IFNAMSIZ], [u8; 24])> {
    let mut bytes = [0u8; libc::IFNAMSIZ + 24];
    let (head, tail) = bytes.split_at_mut(libc::IFNAMSIZ);
    head.copy_from_slice(&name);
    tail.copy_from_slice(&payload);
    // SAFETY: the buffer is as long as `struct ifreq` on every 64-bit Linux, which is all the kernel reads or writes.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, bytes.as_mut_ptr()) })?;
    let (mut name, mut payload) = ([0; libc::IFNAMSIZ], [0; 24]);
    let (head, tail) = bytes.split_at(libc::IFNAMSIZ);
    name.copy_from_slice(head);
    payload.copy_from_slice(tail);
    Ok((name, payload))
}

/// An ioctl whose argument is a plain number.
pub(crate) fn number_request(fd: BorrowedFd<'_>, request: u64, number: i32) -> io::Result<()> {
    // SAFETY: the argument is passed by value; the requests this is used for take it so.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, number) }).map(drop)
}

/// An ioctl whose argument is a number that the kernel reads from where it is told to.
pub(crate) fn pointed_number_request(fd: BorrowedFd<'_>, request: u64, number: i32) -> io::Result<()> {
    // SAFETY: the pointer is to a live `int`, which is all that the requests this is used for read.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), request as _, &raw const number) }).map(drop)
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Memory that is shared with the kernel, mapped for as long as this lives.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: the mapping belongs to this value alone and is not tied to the thread that made it.
unsafe impl Send for SharedMemory {}

impl SharedMemory {
    /// Maps `length` bytes of what a descriptor offers.
    pub(crate) fn map(fd: BorrowedFd<'_>, length: usize) -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice; nothing that exists is touched.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), length, access, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }

    /// The aligned 32-bit word at `offset`, which the kernel writes too. `None` outside of the mapping.
    pub(crate) fn word(&self, offset: usize) -> Option<&AtomicU32> {
        if !offset.is_multiple_of(4) || offset.checked_add(4)? > self.length {
            return None;
        }
        // SAFETY: inside of the mapping, aligned (a mapping starts on a page), and atomics may be shared.
        Some(unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(offset).cast()) })
    }

    /// The bytes of a part that the kernel has handed over: the caller has just seen its word say so.
    pub(crate) fn handed_over(&mut self, status: usize, offset: usize, length: usize) -> Option<&mut [u8]> {
        let ours = self.word(status)?.load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        if !ours || offset.checked_add(length)? > self.length {
            return None;
        }
        // SAFETY: inside of the mapping; the kernel does not write to a part that it has handed over, and `&mut self`
        // keeps every other borrow and the handing back away.
        Some(unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(offset), length) })
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping that `map` made, and nobody borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
