//! MAC addresses.

use std::fmt;
use std::str::FromStr;

/// A 48-bit MAC address (802-2014 8.2), in transmission order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// `00:00:00:00:00:00`, which no station has.
    pub const ZERO: Self = Self([0; 6]);

    /// Reads an address from exactly six bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The six bytes.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Multicast or broadcast: the individual/group bit is set.
    pub const fn is_group(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// The locally administered bit is set.
    pub const fn is_local(self) -> bool {
        self.0[0] & 0x02 != 0
    }

    /// All six bytes are zero.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl From<[u8; 6]> for MacAddr {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a MAC address: six bytes in hexadecimal with colons, such as 02:00:00:00:01:00")]
pub struct ParseMacAddrError(String);

impl FromStr for MacAddr {
    type Err = ParseMacAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            *octet = parts.next().and_then(octet_from_hex).ok_or_else(|| ParseMacAddrError(text.into()))?;
        }
        match parts.next() {
            None => Ok(Self(octets)),
            Some(_) => Err(ParseMacAddrError(text.into())),
        }
    }
}

/// `u8::from_str_radix` alone would take `+f` for a byte.
fn octet_from_hex(part: &str) -> Option<u8> {
    let hex = part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { u8::from_str_radix(part, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let addr: MacAddr = "02:00:00:0a:Fe:01".parse().unwrap();
        assert_eq!(addr.to_string(), "02:00:00:0a:fe:01");
        assert!(addr.is_local() && !addr.is_group());
    }

    #[test]
    fn other_texts_are_refused_with_the_text() {
        for text in ["", "02", "02:00:00:00:00", "02:00:00:00:00:00:00", "+2:00:00:00:00:00", "2:0:0:0:0:0"] {
            let error = text.parse::<MacAddr>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")));
        }
    }
}
