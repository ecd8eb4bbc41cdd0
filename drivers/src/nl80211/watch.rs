//! To be told when wireless interfaces change, without asking again and again.

use std::os::fd::{AsFd, BorrowedFd};

use super::Nl80211Error;
use crate::netlink::Socket;

/// The group that is told of interfaces and phys.
const GROUP: &str = "config";

/// Says that interfaces or phys of this network namespace have come, gone or changed; which, a look at
/// [`Nl80211`](super::Nl80211) tells. Its descriptor is readable when they have.
#[derive(Debug)]
pub struct InterfaceWatch {
    socket: Socket,
    buffer: Vec<u8>,
    looked: bool,
}

impl InterfaceWatch {
    /// Watches from now on.
    pub fn open() -> Result<Self, Nl80211Error> {
        let mut socket = Socket::open("nl80211")?;
        socket.join(GROUP)?;
        Ok(Self { socket, buffer: vec![0; 1 << 16], looked: false })
    }

    /// Whether anything may have changed since the last call, as it may have before the first.
    pub fn changed(&mut self) -> Result<bool, Nl80211Error> {
        let mut changed = !std::mem::replace(&mut self.looked, true);
        loop {
            match self.socket.receive(&mut self.buffer) {
                Ok(None) => return Ok(changed),
                Ok(Some(_)) => changed = true,
                // So much has changed that the kernel had no room to tell.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => changed = true,
                Err(cause) => return Err(Nl80211Error::Socket { cause }),
            }
        }
    }
}

impl AsFd for InterfaceWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
