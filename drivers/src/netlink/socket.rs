//! The netlink socket: one request at a time, answered within a bound; or messages as they come, for who watches it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use linux_raw_sys::netlink::{NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_EXT_ACK, NLM_F_ACK};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::NetlinkError;
use super::message::{Attributes, Messages, Reply, Request, number_of, text_of};
use crate::os;

/// `GENL_ID_CTRL`, its command to look a family up, and the attributes of that.
const CONTROLLER: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const GROUPS: u16 = 7;
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;
/// The kernel answers at once; this long only a driver that hangs takes.
const PATIENCE_S: i64 = 10;

/// A socket that talks to one family.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    name: &'static str,
    family: u16,
    sequence: u32,
}

impl Socket {
    /// Opens it to the family with this name.
    pub(crate) fn open(name: &'static str) -> Result<Self, NetlinkError> {
        let fd = connect(SockProtocol::NetlinkGeneric).map_err(NetlinkError::Socket)?;
        let mut socket = Self { fd, name, family: CONTROLLER, sequence: 0 };
        let mut family = None;
        socket
            .look_up(|attributes| {
                family = attributes.find(FAMILY_ID).and_then(|id| id.try_into().ok()).map(u16::from_ne_bytes);
            })
            .map_err(|_| NetlinkError::NoFamily)?;
        socket.family = family.ok_or(NetlinkError::NoFamily)?;
        Ok(socket)
    }

    /// Opens it to what the kernel knows of links and neighbours.
    pub(crate) fn open_route() -> Result<Self, NetlinkError> {
        let fd = connect(SockProtocol::NetlinkRoute).map_err(NetlinkError::Socket)?;
        Ok(Self { fd, name: "route", family: 0, sequence: 0 })
    }

    /// From now on what the kernel tells this group of the family comes to this socket.
    pub(crate) fn join(&mut self, group: &str) -> Result<(), NetlinkError> {
        let mut number = None;
        self.look_up(|attributes| {
            let groups = attributes.nested(GROUPS).map(|(_, group)| Attributes::new(group));
            let named = |name: &[u8]| text_of(name) == group;
            let mut wanted = groups.filter(|found| found.find(GROUP_NAME).is_some_and(named));
            number = number.or_else(|| wanted.next()?.find(GROUP_ID).and_then(number_of));
        })?;
        let number = number.ok_or(NetlinkError::NoFamily)?;
        let option = NETLINK_ADD_MEMBERSHIP as i32;
        os::set_option(self.fd.as_fd(), libc::SOL_NETLINK, option, &number).map_err(NetlinkError::Socket)
    }

    fn look_up(&mut self, piece: impl FnMut(Attributes<'_>)) -> Result<(), NetlinkError> {
        let request = Request::new(CONTROLLER, NLM_F_ACK as u16, GET_FAMILY).text(FAMILY_NAME, self.name);
        self.ask("looking a netlink family up", request, piece)
    }

    /// The family's number, for requests to it.
    pub(crate) const fn family(&self) -> u16 {
        self.family
    }

    /// A number for the next request.
    pub(crate) const fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends one or more finished requests. The kernel has dealt with them when this returns.
    pub(crate) fn send(&self, requests: &[u8]) -> io::Result<()> {
        send(self.fd.as_raw_fd(), requests, MsgFlags::empty())?;
        Ok(())
    }

    /// The next datagram that waits, by its length in `buffer`; `None` when there is none. An error `ENOBUFS` says that
    /// the kernel had no room for some, once for all that were lost since; [`Self::lost`] counts them.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match recv(self.fd.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => Ok(Some(length)),
            Err(Errno::EAGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Room for messages that wait, in bytes.
    pub(crate) fn set_room(&self, bytes: usize) -> io::Result<()> {
        Ok(setsockopt(&self.fd, sockopt::RcvBufForce, &bytes)?)
    }

    /// Messages that the kernel had no room for since the socket was opened.
    pub(crate) fn lost(&self) -> io::Result<u32> {
        os::socket_drops(self.fd.as_fd())
    }

    /// Sends a request and hands each piece of the answer to `piece`, until the kernel says that it is complete.
    pub(crate) fn ask(
        &mut self,
        what: &'static str,
        request: Request,
        mut piece: impl FnMut(Attributes<'_>),
    ) -> Result<(), NetlinkError> {
        let sequence = self.next_sequence();
        self.send(&request.finish(sequence)).map_err(NetlinkError::Socket)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = recv(self.fd.as_raw_fd(), &mut buffer, MsgFlags::empty())
                .map_err(|cause| NetlinkError::Socket(cause.into()))?;
            for reply in Messages::new(buffer.get(..length).unwrap_or_default()).replies_to(sequence) {
                match reply {
                    Reply::Data(_, attributes) => piece(attributes),
                    Reply::Done => return Ok(()),
                    Reply::Refused { errno, why } => {
                        let cause = io::Error::from_raw_os_error(errno);
                        return Err(NetlinkError::Refused { what, cause, why });
                    }
                }
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn connect(protocol: SockProtocol) -> io::Result<OwnedFd> {
    let kind = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, kind, protocol)?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::seconds(PATIENCE_S))?;
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK] {
        os::set_option(fd.as_fd(), libc::SOL_NETLINK, option as i32, &1i32)?;
    }
    Ok(fd)
}
