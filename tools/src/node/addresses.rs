//! The IP addresses of clients: learnt from what they send themselves, and told to the outside in their name when their
//! virtual AP has come to another port.

use std::net::{Ipv4Addr, Ipv6Addr};

use mesh::claim::Addresses;
use stack::wire::{MacAddr, Reader, Truncated};

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// ARP for IPv4 over Ethernet: types, lengths.
const ARP_ETHERNET: [u8; 6] = [0, 1, 8, 0, 6, 4];
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;
/// All nodes of a link (RFC 4291 2.7.1), as IPv6 and as Ethernet know them.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

/// An address that the sender of an Ethernet frame uses, by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Used {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Used {
    /// Notes it. Whether it is news.
    pub(super) fn add_to(self, known: &mut Addresses) -> bool {
        match self {
            Self::V4(address) => known.add_v4(address),
            Self::V6(address) => known.add_v6(address),
        }
    }
}

/// Which address a client's own frame says that the client uses: as the sender of ARP, in DHCP, or in the discovery of
/// neighbours. One that it still asks for (RFC 5227 2.1.1, RFC 4862 5.4) is not used yet.
pub(super) fn used(ethernet: &[u8]) -> Option<Used> {
    let mut reader = Reader::new(ethernet);
    read(&mut reader).ok()?
}

fn read(reader: &mut Reader<'_>) -> Result<Option<Used>, Truncated> {
    reader.take(6)?;
    let source: [u8; 6] = *reader.array()?;
    match u16::from_be_bytes(*reader.array()?) {
        ARP => arp(reader, source),
        IPV4 => dhcp(reader, source),
        IPV6 => neighbour(reader),
        _ => Ok(None),
    }
}

fn arp(reader: &mut Reader<'_>, source: [u8; 6]) -> Result<Option<Used>, Truncated> {
    if *reader.array()? != ARP_ETHERNET {
        return Ok(None);
    }
    let _operation = reader.take(2)?;
    let sender: [u8; 6] = *reader.array()?;
    let address = Ipv4Addr::from(*reader.array::<4>()?);
    Ok((sender == source && !address.is_unspecified()).then_some(Used::V4(address)))
}

/// `ciaddr` of what a client sends to a server: the address that it has (RFC 2131 2).
fn dhcp(reader: &mut Reader<'_>, source: [u8; 6]) -> Result<Option<Used>, Truncated> {
    let [version, ..] = *reader.array::<9>()?;
    let [protocol] = *reader.array()?;
    if version != 0x45 || protocol != UDP {
        return Ok(None);
    }
    reader.take(10)?;
    let ports: [u8; 4] = *reader.array()?;
    reader.take(4)?;
    let [operation, ..] = *reader.array::<12>()?;
    if ports != [0, 68, 0, 67] || operation != 1 {
        return Ok(None);
    }
    let address = Ipv4Addr::from(*reader.array::<4>()?);
    reader.take(12)?;
    let client: [u8; 6] = *reader.array()?;
    Ok((client == source && !address.is_unspecified()).then_some(Used::V4(address)))
}

fn neighbour(reader: &mut Reader<'_>) -> Result<Option<Used>, Truncated> {
    let [.., next, hops] = *reader.array::<8>()?;
    let source = Ipv6Addr::from(*reader.array::<16>()?);
    reader.take(16)?;
    let [kind, code, ..] = *reader.array::<8>()?;
    let target = Ipv6Addr::from(*reader.array::<16>()?);
    if next != ICMPV6 || hops != 255 || code != 0 || source.is_unspecified() {
        return Ok(None);
    }
    Ok(match kind {
        NEIGHBOUR_SOLICITATION => Some(Used::V6(source)),
        NEIGHBOUR_ADVERTISEMENT => Some(Used::V6(target)),
        _ => None,
    })
}

/// What tells the outside that these are behind this port now: ARP announcements (RFC 5227 3) and unsolicited neighbour
/// advertisements (RFC 4861 7.2.6), as if the client had sent them.
pub(super) fn announcements(client: MacAddr, known: &Addresses) -> impl Iterator<Item = Vec<u8>> + '_ {
    let v4 = known.v4().iter().map(move |address| gratuitous_arp(client, *address));
    v4.chain(known.v6().iter().map(move |address| advertisement(client, *address)))
}

fn gratuitous_arp(client: MacAddr, address: Ipv4Addr) -> Vec<u8> {
    let mut frame = [&MacAddr::BROADCAST.octets()[..], &client.octets(), &ARP.to_be_bytes()].concat();
    frame.extend(ARP_ETHERNET);
    frame.extend([0, 1]);
    frame.extend(client.octets());
    frame.extend(address.octets());
    frame.extend([0; 6]);
    frame.extend(address.octets());
    frame
}

fn advertisement(client: MacAddr, address: Ipv6Addr) -> Vec<u8> {
    /// Override: what was known before does not count any more.
    const FLAGS: [u8; 4] = [0x20, 0, 0, 0];
    /// Target link-layer address, one unit of 8 bytes.
    const OPTION: [u8; 2] = [2, 1];
    let mut body = vec![NEIGHBOUR_ADVERTISEMENT, 0, 0, 0];
    body.extend(FLAGS);
    body.extend(address.octets());
    body.extend(OPTION);
    body.extend(client.octets());
    let length = u16::try_from(body.len()).unwrap_or_default();
    let sum = checksum(address, ALL_NODES, length, &body);
    if let Some(place) = body.get_mut(2..4) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    let mut frame = [&ALL_NODES_MAC[..], &client.octets(), &IPV6.to_be_bytes()].concat();
    frame.extend([0x60, 0, 0, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([ICMPV6, 255]);
    frame.extend(address.octets());
    frame.extend(ALL_NODES.octets());
    frame.extend(body);
    frame
}

/// RFC 4443 2.3: over a pseudo header and the message.
fn checksum(from: Ipv6Addr, to: Ipv6Addr, length: u16, body: &[u8]) -> u16 {
    let pseudo = [&from.octets()[..], &to.octets(), &[0, 0], &length.to_be_bytes(), &[0, 0, 0, ICMPV6]];
    let all = [&pseudo.concat(), body].concat();
    let words = all.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const OTHER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn v4() -> Ipv4Addr {
        Ipv4Addr::new(10, 9, 0, 10)
    }

    fn v6() -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x10)
    }

    #[test]
    fn what_is_announced_says_what_was_learnt() {
        let mut known = Addresses::default();
        assert!(Used::V4(v4()).add_to(&mut known) && Used::V6(v6()).add_to(&mut known));
        let said: Vec<_> = announcements(CLIENT, &known).collect();
        let read: Vec<_> = said.iter().filter_map(|frame| used(frame)).collect();
        assert_eq!(read, [Used::V4(v4()), Used::V6(v6())]);
        assert!(said.iter().all(|frame| frame[6..12] == CLIENT.octets()));
        // With its checksum in place the sum over an ICMPv6 message is nothing.
        let body = &said[1][54..];
        assert_eq!(checksum(v6(), ALL_NODES, body.len() as u16, body), 0);
    }

    #[test]
    fn what_others_say_and_what_is_only_asked_for_is_not_learnt() {
        let arp = gratuitous_arp(CLIENT, v4());
        let mut forged = arp.clone();
        forged[6..12].copy_from_slice(&OTHER.octets());
        assert_eq!(used(&forged), None, "the sender of the frame is another than that of the message");
        assert_eq!(used(&gratuitous_arp(CLIENT, Ipv4Addr::UNSPECIFIED)), None, "a probe");
        let mut probe = advertisement(CLIENT, v6());
        probe[54] = NEIGHBOUR_SOLICITATION;
        assert_eq!(used(&probe), Some(Used::V6(v6())));
        probe[22..38].fill(0);
        assert_eq!(used(&probe), None, "duplicate address detection");
        let mut routed = advertisement(CLIENT, v6());
        routed[21] = 64;
        assert_eq!(used(&routed), None, "from beyond the link");
        for end in 0..arp.len() {
            used(&arp[..end]);
        }
    }

    #[test]
    fn a_renewal_of_a_lease_tells_the_address_and_a_first_request_does_not() {
        let renewal = |address: Ipv4Addr| {
            let mut frame =
                [&[0xff; 6][..], &CLIENT.octets(), &[8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17]].concat();
            frame.extend([0; 10]);
            frame.extend([0, 68, 0, 67, 0, 0, 0, 0, 1, 1, 6, 0]);
            frame.extend([0; 8]);
            frame.extend(address.octets());
            frame.extend([0; 12]);
            frame.extend(CLIENT.octets());
            frame
        };
        assert_eq!(used(&renewal(v4())), Some(Used::V4(v4())));
        assert_eq!(used(&renewal(Ipv4Addr::UNSPECIFIED)), None);
    }
}
