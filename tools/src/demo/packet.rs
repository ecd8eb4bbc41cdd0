//! Numbered MSDUs: UDP over IPv4, so that Wireshark has something to show.

use stack::wire::MacAddr;

/// What is in front of stream and number: Ethernet, IPv4 and UDP headers.
const HEADERS: usize = ETHERNET + 20 + 8;
const ETHERNET: usize = 14;
const UDP: u8 = 17;
/// Stream and number.
const LABEL: usize = 12;
/// Streams have this port and those after it.
const PORT: u16 = 47_000;

/// A packet to be sent.
pub(super) struct Packet {
    pub(super) from: MacAddr,
    pub(super) to: MacAddr,
    pub(super) stream: usize,
    pub(super) number: u64,
    /// DS field.
    pub(super) ds: u8,
    /// Bytes of the UDP payload; it has room for its number at least.
    pub(super) size: usize,
}

impl Packet {
    /// As an Ethernet frame.
    pub(super) fn ethernet(&self) -> Vec<u8> {
        let size = self.size.max(LABEL);
        let length = |headers: usize| u16::try_from(headers + size).unwrap_or(u16::MAX).to_be_bytes();
        let mut out = Vec::with_capacity(HEADERS + size);
        out.extend_from_slice(&self.to.octets());
        out.extend_from_slice(&self.from.octets());
        out.extend_from_slice(&[0x08, 0x00]);
        let ([high, low], [id_high, id_low]) = (length(28), (self.number as u16).to_be_bytes());
        // IPv4: don't fragment, 64 hops, UDP, and a place for the checksum
        let mut ip =
            [0x45, self.ds, high, low, id_high, id_low, 0x40, 0, 64, UDP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        if let Some(hosts) = ip.last_chunk_mut() {
            let ([_, net_a, .., a], [_, net_b, .., b]) = (self.from.octets(), self.to.octets());
            *hosts = [10, 0, net_a, a, 10, 0, net_b, b];
        }
        let sum = checksum(&ip);
        [ip[10], ip[11]] = sum;
        out.extend_from_slice(&ip);
        let port = (PORT + u16::try_from(self.stream).unwrap_or_default()).to_be_bytes();
        let [high, low] = length(8);
        // a UDP checksum of 0 says that there is none
        out.extend_from_slice(&[port[0], port[1], port[0], port[1], high, low, 0, 0]);
        out.extend_from_slice(&u32::try_from(self.stream).unwrap_or_default().to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.resize(HEADERS + size, 0xa5);
        out
    }
}

/// Stream and number of one of our IP packets, `None` if it is none.
pub(super) fn label(packet: &[u8]) -> Option<(usize, u64)> {
    let label = packet.get(HEADERS - ETHERNET..)?.get(..LABEL)?;
    if packet.get(9)? != &UDP {
        return None;
    }
    let (stream, number) = label.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_be_bytes(*stream)).ok()?, u64::from_be_bytes(*number.first_chunk()?)))
}

/// The same of an Ethernet frame.
pub(super) fn label_of_ethernet(ethernet: &[u8]) -> Option<(usize, u64)> {
    let (header, packet) = ethernet.split_first_chunk::<ETHERNET>()?;
    if header.ends_with(&[0x08, 0x00]) { label(packet) } else { None }
}

/// The Internet checksum (RFC 1071).
fn checksum(header: &[u8; 20]) -> [u8; 2] {
    let (words, _) = header.as_chunks::<2>();
    let sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    (!(folded as u16)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_carries_its_label_and_a_right_checksum() {
        let packet = Packet {
            from: MacAddr([2, 0xc1, 0, 0, 0, 1]),
            to: MacAddr([2, 0xee, 0, 0, 0, 1]),
            stream: 3,
            number: 70_000,
            ds: 0xb8,
            size: 160,
        };
        let ethernet = packet.ethernet();
        assert_eq!((ethernet.len(), label_of_ethernet(&ethernet)), (202, Some((3, 70_000))));
        let header: [u8; 20] = ethernet[14..34].try_into().unwrap();
        assert_eq!(checksum(&header), [0, 0], "a header with its checksum sums up to zero");
        assert_eq!(label_of_ethernet(&ethernet[..50]), None);
    }
}
