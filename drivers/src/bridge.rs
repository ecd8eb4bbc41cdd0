//! The forwarding database of a Linux bridge: addresses that are behind one port, whatever frames say.

use std::io;

use linux_raw_sys::netlink::{NLM_F_ACK, NLM_F_CREATE, NLM_F_REPLACE};
use stack::wire::MacAddr;

use crate::netlink::{NetlinkError, Request, Socket};

/// `RTM_NEWNEIGH`, `RTM_DELNEIGH`, `NDA_LLADDR`.
const NEW: u16 = 28;
const DELETE: u16 = 29;
const ADDRESS: u16 = 2;
/// `NTF_MASTER`: of the bridge that the interface is a port of. `NTF_STICKY`: frames do not move it to another port.
const MASTER: u8 = 0x04;
const STICKY: u8 = 0x40;
/// `NUD_REACHABLE`: an entry that grows old, and goes with its port.
const REACHABLE: u16 = 0x02;

/// The way to the forwarding databases of bridges. One request at a time; each is answered before the call returns.
#[derive(Debug)]
pub struct ForwardingDatabase(Socket);

impl ForwardingDatabase {
    /// Opens it.
    pub fn open() -> io::Result<Self> {
        Socket::open_route().map(Self).map_err(cause)
    }

    /// An address is behind the port with this interface index from now on, and stays there though frames with it come in
    /// elsewhere. It is forgotten after the bridge's ageing time without a frame from it, and with its port. Fails where
    /// the interface is no port of a bridge.
    pub fn pin(&mut self, port: i32, address: MacAddr) -> io::Result<()> {
        let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
        let request = request(NEW, flags as u16, STICKY, port, address);
        self.0.ask("pinning an address to a port", request, |_| ()).map_err(cause)
    }

    /// The address is behind that port until a frame with it comes in elsewhere. Unlike with [`Self::unpin`], the bridge
    /// does not send to all ports what is for it meanwhile. Fails where the interface is no port of a bridge.
    pub fn loosen(&mut self, port: i32, address: MacAddr) -> io::Result<()> {
        let flags = NLM_F_ACK | NLM_F_REPLACE;
        let request = request(NEW, flags as u16, 0, port, address);
        self.0.ask("loosening an address from a port", request, |_| ()).map_err(cause)
    }

    /// The address may be anywhere again. Fails where it was not behind that port.
    pub fn unpin(&mut self, port: i32, address: MacAddr) -> io::Result<()> {
        let request = request(DELETE, NLM_F_ACK as u16, 0, port, address);
        self.0.ask("letting go of an address", request, |_| ()).map_err(cause)
    }
}

/// With `struct ndmsg`: family, padding, interface, state, flags, type.
fn request(kind: u16, flags: u16, stays: u8, port: i32, address: MacAddr) -> Request {
    let mut header = vec![libc::AF_BRIDGE as u8, 0, 0, 0];
    header.extend(port.to_ne_bytes());
    header.extend(REACHABLE.to_ne_bytes());
    header.extend([MASTER | stays, 0]);
    Request::of_kind(kind, flags, &header).attribute(ADDRESS, &address.octets())
}

fn cause(error: NetlinkError) -> io::Error {
    match error {
        NetlinkError::Socket(cause) | NetlinkError::Refused { cause, .. } => cause,
        NetlinkError::NoFamily => io::ErrorKind::Unsupported.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_request_is_laid_out_as_the_kernel_wants_it() {
        // What `bridge fdb replace 02:00:00:00:00:01 dev (7) master dynamic sticky` asks for.
        let bytes = request(NEW, 0x504, STICKY, 7, MacAddr([2, 0, 0, 0, 0, 1])).finish(9);
        let expected = [
            40, 0, 0, 0, 28, 0, 5, 5, 9, 0, 0, 0, 0, 0, 0, 0, // length, type, flags, sequence, port
            7, 0, 0, 0, 7, 0, 0, 0, 2, 0, 0x44, 0, // AF_BRIDGE, interface, reachable, master and sticky
            10, 0, 2, 0, 2, 0, 0, 0, 0, 1, 0, 0, // NDA_LLADDR
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn an_interface_that_is_no_port_is_refused() {
        let loopback = crate::interface::index("lo").unwrap();
        let Ok(mut database) = ForwardingDatabase::open() else { return };
        assert!(database.pin(loopback, MacAddr([2, 0, 0, 0, 0, 1])).is_err());
    }
}
