//! TAP devices: Ethernet frames between the kernel and us.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::{interface, os};

/// A TAP device, made if it was not there, without packet information, non-blocking. One that was made by opening it
/// goes away when it is dropped.
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
    #[source]
    pub cause: io::Error,
}

impl Tap {
    /// Opens the device `name` and sets it up.
    pub fn open(name: &str) -> Result<Self, TapError> {
        let tap = Self::open_down(name)?;
        tap.up()?;
        Ok(tap)
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
            .map_err(fail("making it (root or CAP_NET_ADMIN; in use by another program?)"))?;
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

    /// Gives a device that is down another link type (`ARPHRD_*`). As `ARPHRD_IEEE80211_RADIOTAP` (803) it looks like a
    /// monitor interface, with no Wi-Fi in the kernel.
    pub fn set_link_type(&self, link_type: u16) -> Result<(), TapError> {
        os::number_request(self.file.as_fd(), libc::TUNSETLINK, i32::from(link_type))
            .map_err(|cause| self.error("setting its link type", cause))
    }

    /// Reads one frame into `buffer`; `None` when there is none now.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, TapError> {
        match (&self.file).read(buffer) {
            Ok(length) => Ok(Some(length)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(cause) => Err(self.error("reading", cause)),
        }
    }

    /// Writes one frame. `false` when the kernel has no room for it now, and it is the caller's to count.
    pub fn send(&self, frame: &[u8]) -> Result<bool, TapError> {
        match (&self.file).write(frame) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(cause) => Err(self.error("writing", cause)),
        }
    }

    fn error(&self, what: &'static str, cause: io::Error) -> TapError {
        TapError { name: self.name.clone(), what, cause }
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
