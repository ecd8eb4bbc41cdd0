//! The netlink socket: one request at a time, answered within a bound.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use linux_raw_sys::netlink::{NETLINK_CAP_ACK, NETLINK_EXT_ACK, NLM_F_ACK};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::Nl80211Error;
use super::message::{Attributes, Replies, Reply, Request};
use crate::os;

/// `GENL_ID_CTRL`, its command to look a family up, and the two attributes of that.
const CONTROLLER: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
/// The kernel answers at once; this long only a driver that hangs takes.
const PATIENCE_S: i64 = 10;

/// A socket that talks to nl80211.
#[derive(Debug)]
pub(super) struct Socket {
    fd: OwnedFd,
    family: u16,
    sequence: u32,
}

impl Socket {
    pub(super) fn open() -> Result<Self, Nl80211Error> {
        let fd = connect().map_err(|cause| Nl80211Error::Socket { cause })?;
        let mut socket = Self { fd, family: CONTROLLER, sequence: 0 };
        let mut family = None;
        let request = Request::new(CONTROLLER, NLM_F_ACK as u16, GET_FAMILY).text(FAMILY_NAME, "nl80211");
        socket
            .ask("looking nl80211 up", request, |attributes| {
                family = attributes.find(FAMILY_ID).and_then(|id| id.try_into().ok()).map(u16::from_ne_bytes);
            })
            .map_err(|_| Nl80211Error::NoWifi)?;
        socket.family = family.ok_or(Nl80211Error::NoWifi)?;
        Ok(socket)
    }

    /// A request to nl80211 that is to be acknowledged; `flags` beside that.
    pub(super) const fn family(&self) -> u16 {
        self.family
    }

    /// Sends a request and hands each piece of the answer to `piece`, until the kernel says that it is complete.
    pub(super) fn ask(
        &mut self,
        what: &'static str,
        request: Request,
        mut piece: impl FnMut(Attributes<'_>),
    ) -> Result<(), Nl80211Error> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.finish(self.sequence);
        let broken = |cause: nix::Error| Nl80211Error::Socket { cause: cause.into() };
        send(self.fd.as_raw_fd(), &bytes, MsgFlags::empty()).map_err(broken)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::empty()).map_err(broken)?;
            for reply in Replies::new(buffer.get(..length).unwrap_or_default(), self.sequence) {
                match reply {
                    Reply::Data(attributes) => piece(attributes),
                    Reply::Done => return Ok(()),
                    Reply::Refused { errno, why } => {
                        let cause = io::Error::from_raw_os_error(errno);
                        return Err(Nl80211Error::Refused { what, cause, why });
                    }
                }
            }
        }
    }
}

fn connect() -> io::Result<OwnedFd> {
    let kind = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, kind, SockProtocol::NetlinkGeneric)?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_S))?;
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
        os::set_option(fd.as_fd(), libc::SOL_NETLINK, option as i32, &1i32)?;
    }
    Ok(fd)
}
