//! The IP addresses that a client uses, so that whoever serves it next can tell the outside in its name.

use core::net::{Ipv4Addr, Ipv6Addr};

use stack::wire::{Reader, Truncated};

/// More of each kind are not kept: the one that was used longest ago goes.
const MAX_V4: usize = 4;
const MAX_V6: usize = 8;

/// What the node has seen a client use, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
}

impl Addresses {
    /// The client uses this one. Whether that is news; `false` also for one that nobody can have.
    pub fn add_v4(&mut self, address: Ipv4Addr) -> bool {
        let no = address.is_unspecified() || address.is_multicast() || address.is_broadcast();
        !no && !address.is_loopback() && add(&mut self.v4, address, MAX_V4)
    }

    /// The same for one of IPv6.
    pub fn add_v6(&mut self, address: Ipv6Addr) -> bool {
        let no = address.is_unspecified() || address.is_multicast() || address.is_loopback();
        !no && add(&mut self.v6, address, MAX_V6)
    }

    /// Those of IPv4.
    pub fn v4(&self) -> &[Ipv4Addr] {
        &self.v4
    }

    /// Those of IPv6.
    pub fn v6(&self) -> &[Ipv6Addr] {
        &self.v6
    }

    /// Appends `count u8 | IPv4 [4] ... | count u8 | IPv6 [16] ...`.
    pub(crate) fn emit(&self, out: &mut Vec<u8>) {
        out.push(u8::try_from(self.v4.len()).unwrap_or_default());
        self.v4.iter().for_each(|address| out.extend(address.octets()));
        out.push(u8::try_from(self.v6.len()).unwrap_or_default());
        self.v6.iter().for_each(|address| out.extend(address.octets()));
    }

    /// Reads them; more than are kept are passed over.
    pub(crate) fn parse(reader: &mut Reader<'_>) -> Result<Self, Truncated> {
        let mut addresses = Self::default();
        for _ in 0..reader.u8()? {
            addresses.add_v4(Ipv4Addr::from(*reader.array::<4>()?));
        }
        for _ in 0..reader.u8()? {
            addresses.add_v6(Ipv6Addr::from(*reader.array::<16>()?));
        }
        Ok(addresses)
    }
}

fn add<T: PartialEq>(known: &mut Vec<T>, address: T, most: usize) -> bool {
    if known.contains(&address) {
        return false;
    }
    if known.len() >= most {
        known.remove(0);
    }
    known.push(address);
    true
}
