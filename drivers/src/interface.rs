//! Network interfaces by name: index, up and down, hardware address, MTU.

use std::io;
use std::os::fd::AsFd;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use stack::wire::MacAddr;

use crate::os;

/// An interface name as the kernel takes it: 1 to 15 bytes, none of them a slash, a colon or white space. A percent sign
/// would have the kernel choose another name, so it is refused too.
pub fn check_name(name: &str) -> io::Result<[u8; libc::IFNAMSIZ]> {
    let mut bytes = [0; libc::IFNAMSIZ];
    let good = !name.is_empty()
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':' | b'%'));
    match bytes.get_mut(..name.len()) {
        Some(head) if good && name.len() < libc::IFNAMSIZ => {
            head.copy_from_slice(name.as_bytes());
            Ok(bytes)
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{name}` is not an interface name: 1 to 15 characters without `/`, `:`, `%` and spaces"),
        )),
    }
}

/// The interface's index.
pub fn index(name: &str) -> io::Result<i32> {
    request(libc::SIOCGIFINDEX, name, [0; 24]).map(|payload| first_i32(&payload))
}

/// The interface's MTU, in bytes.
pub fn mtu(name: &str) -> io::Result<usize> {
    let payload = request(libc::SIOCGIFMTU, name, [0; 24])?;
    Ok(usize::try_from(first_i32(&payload)).unwrap_or(0))
}

/// Sets the interface's MTU, in bytes.
pub fn set_mtu(name: &str, mtu: u16) -> io::Result<()> {
    request(libc::SIOCSIFMTU, name, payload(&i32::from(mtu).to_ne_bytes())).map(drop)
}

/// Whether the interface is up.
pub fn is_up(name: &str) -> io::Result<bool> {
    let flags = request(libc::SIOCGIFFLAGS, name, [0; 24])?;
    Ok(first_i32(&flags) & libc::IFF_UP != 0)
}

/// Sets the interface up or down.
pub fn set_up(name: &str, up: bool) -> io::Result<()> {
    let now = request(libc::SIOCGIFFLAGS, name, [0; 24])?;
    let flags = first_i32(&now) as i16;
    let bit = libc::IFF_UP as i16;
    let flags = if up { flags | bit } else { flags & !bit };
    request(libc::SIOCSIFFLAGS, name, payload(&flags.to_ne_bytes())).map(drop)
}

/// The interface's hardware address.
pub fn address(name: &str) -> io::Result<MacAddr> {
    let payload = request(libc::SIOCGIFHWADDR, name, [0; 24])?;
    payload.get(2..8).and_then(MacAddr::from_slice).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Sets the hardware address of an Ethernet interface.
pub fn set_address(name: &str, address: MacAddr) -> io::Result<()> {
    let [low, high] = libc::ARPHRD_ETHER.to_ne_bytes();
    let [a, b, c, d, e, f] = address.octets();
    request(libc::SIOCSIFHWADDR, name, payload(&[low, high, a, b, c, d, e, f])).map(drop)
}

fn request(request: libc::c_ulong, name: &str, payload: [u8; 24]) -> io::Result<[u8; 24]> {
    let name = check_name(name)?;
    let fd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    os::interface_request(fd.as_fd(), request, name, payload).map(|(_, payload)| payload)
}

fn payload(head: &[u8]) -> [u8; 24] {
    let mut bytes = [0; 24];
    for (byte, value) in bytes.iter_mut().zip(head) {
        *byte = *value;
    }
    bytes
}

const fn first_i32(payload: &[u8; 24]) -> i32 {
    let [a, b, c, d, ..] = *payload;
    i32::from_ne_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_the_kernel_would_refuse_are_refused_with_the_rule() {
        for name in ["", ".", "..", "a/b", "a:b", "a b", "a%d", "sixteen-chars-xx"] {
            let error = check_name(name).unwrap_err();
            assert!(error.to_string().contains("1 to 15 characters"), "{name}");
        }
        assert!(check_name("fifteen-chars-x").is_ok());
    }

    #[test]
    fn the_loopback_is_there() {
        assert!(index("lo").unwrap() > 0);
        assert!(mtu("lo").unwrap() > 0);
        assert_eq!(index("nosuch0").unwrap_err().raw_os_error(), Some(libc::ENODEV));
    }
}
