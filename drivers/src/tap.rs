//! TAP devices: Ethernet frames between the kernel and us.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use stack::wire::MacAddr;

use crate::{interface, os};

/// The longest MTU that a TAP is left with: an MSDU of the networks behind it carries no more for certain.
const MTU: u16 = 1500;
/// Bytes of an Ethernet header, without which there is no frame.
const HEADER: usize = 14;

/// A TAP device, without packet information, non-blocking. One that is there already (made persistent by the user) is
/// attached to and stays; one that opening it made goes away when it is dropped.
#[derive(Debug)]
pub struct Tap {
    file: File,
    name: String,
}

/// Why there is no TAP device.
#[derive(Debug, thiserror::Error)]
#[error("TAP device {name}: {what}: {cause}")]
pub struct TapError {
    /// Its name.
    pub name: String,
    /// What was tried.
    pub what: &'static str,
    /// What the system said.
    pub cause: io::Error,
}

impl Tap {
    /// Bytes that a buffer for [`Tap::receive`] should have: a frame of the longest MTU with a VLAN tag.
    pub const FRAME: usize = MTU as usize + HEADER + 4;

    /// Opens the device `name` and sets it up, with an MTU of 1500 bytes or what less it has.
    pub fn open(name: &str) -> Result<Self, TapError> {
        let tap = Self::open_down(name)?;
        tap.bound_mtu()?;
        tap.up()?;
        Ok(tap)
    }

    /// The same for a station: the device carries its address, and has no carrier yet.
    pub fn open_as(name: &str, address: MacAddr) -> Result<Self, TapError> {
        let tap = Self::open_down(name)?;
        interface::set_address(name, address).map_err(|cause| tap.error("setting its address", cause))?;
        tap.bound_mtu()?;
        tap.set_carrier(false)?;
        tap.up()?;
        Ok(tap)
    }

    fn bound_mtu(&self) -> Result<(), TapError> {
        let name = &self.name;
        let mtu = interface::mtu(name).map_err(|cause| self.error("reading its MTU", cause))?;
        if mtu > usize::from(MTU) {
            interface::set_mtu(name, MTU).map_err(|cause| self.error("setting its MTU", cause))?;
        }
        Ok(())
    }

    /// Opens the device and leaves it down, so that its link type can still be set.
    pub fn open_down(name: &str) -> Result<Self, TapError> {
        let fail = |what| move |cause| TapError { name: name.to_owned(), what, cause };
        let bytes = interface::check_name(name).map_err(fail("its name"))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open("/dev/net/tun")
            .map_err(fail("opening /dev/net/tun (is the module tun loaded?)"))?;
        let mut payload = [0; 24];
        let flags = (libc::IFF_TAP | libc::IFF_NO_PI) as i16;
        for (byte, value) in payload.iter_mut().zip(flags.to_ne_bytes()) {
            *byte = value;
        }
        os::interface_request(file.as_fd(), libc::TUNSETIFF, bytes, payload)
            .map_err(|cause| fail(attach_problem(&cause))(cause))?;
        Ok(Self { file, name: name.to_owned() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sets it up.
    pub fn up(&self) -> Result<(), TapError> {
        interface::set_up(&self.name, true).map_err(|cause| self.error("setting it up", cause))
    }

    /// Says whether there is anything at the other end, as an Ethernet interface does whose cable is put in. Programs that
    /// ask for addresses wait for it.
    pub fn set_carrier(&self, there: bool) -> Result<(), TapError> {
        os::pointed_number_request(self.file.as_fd(), libc::TUNSETCARRIER, i32::from(there))
            .map_err(|cause| self.error("setting its carrier", cause))
    }

    /// Gives a device that is down another link type (`ARPHRD_*`). As `ARPHRD_IEEE80211_RADIOTAP` (803) it looks like a
    /// monitor interface, with no Wi-Fi in the kernel.
    pub fn set_link_type(&self, link_type: u16) -> Result<(), TapError> {
        os::number_request(self.file.as_fd(), libc::TUNSETLINK, i32::from(link_type))
            .map_err(|cause| self.error("setting its link type", cause))
    }

    /// Reads one frame into `buffer`, of which [`Tap::FRAME`] bytes are enough; `None` when there is none now.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, TapError> {
        match (&self.file).read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(cause) => Err(self.error("reading", cause)),
        }
    }

    /// Writes one frame. `false` when the kernel does not take it, which is the caller's to count: it has no room now, the
    /// device was set down, or this is no Ethernet frame.
    pub fn send(&self, frame: &[u8]) -> Result<bool, TapError> {
        if frame.len() < HEADER {
            return Ok(false);
        }
        match (&self.file).write(frame) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EIO)) => Ok(false),
            Err(cause) => Err(self.error("writing", cause)),
        }
    }

    fn error(&self, what: &'static str, cause: io::Error) -> TapError {
        TapError { name: self.name.clone(), what, cause }
    }
}

/// What keeps us from making a device or attaching to it, in words.
fn attach_problem(cause: &io::Error) -> &'static str {
    match cause.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => "making it (root or CAP_NET_ADMIN is needed)",
        Some(libc::EBUSY) => "attaching to it: another program has it; stop that one or choose another name",
        Some(libc::EINVAL) => {
            "attaching to it: the name is taken by an interface that is no TAP of one queue; choose another name"
        }
        _ => "making it",
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl AsRawFd for Tap {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}
