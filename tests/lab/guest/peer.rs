//! ARP and ping by hand, for a station of ours that has no kernel above it.

use std::fs::File;
use std::io::Read;

use stack::random::Random;
use stack::rsn::Pmk;
use stack::wire::MacAddr;

use super::client::SSID;
use super::said;

pub(crate) const PINGS: u16 = 200;

pub(crate) fn pmk(passphrase: &str) -> Result<Pmk, String> {
    said(Pmk::from_passphrase(passphrase, SSID.as_bytes()))
}

/// An ARP request for an address, as an Ethernet frame.
pub(crate) fn arp_request(from: MacAddr, from_ip: [u8; 4], wanted: [u8; 4]) -> Vec<u8> {
    let mut frame = [MacAddr::BROADCAST.octets(), from.octets()].concat();
    frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(from.octets());
    frame.extend(from_ip);
    frame.extend([0; 6]);
    frame.extend(wanted);
    frame
}

/// Who answered for an address.
pub(crate) fn arp_reply(frame: &[u8], wanted: [u8; 4]) -> Option<MacAddr> {
    let reply = frame.get(12..22)? == [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2];
    if reply && frame.get(28..32)? == wanted { MacAddr::from_slice(frame.get(22..28)?) } else { None }
}

/// A ping between two hosts, each a MAC and an IP address.
pub(crate) fn echo_request(from: (MacAddr, [u8; 4]), to: (MacAddr, [u8; 4]), sequence: u16) -> Vec<u8> {
    let mut icmp = vec![8, 0, 0, 0, 0x61, 0x6c];
    icmp.extend(sequence.to_be_bytes());
    icmp.extend(b"airloom".iter().cycle().take(56));
    let sum = checksum(&icmp);
    icmp[2..4].copy_from_slice(&sum);
    let mut ip = vec![0x45, 0];
    ip.extend((20 + icmp.len() as u16).to_be_bytes());
    ip.extend([0, 0, 0, 0, 64, 1, 0, 0]);
    ip.extend(from.1);
    ip.extend(to.1);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum);
    [&to.0.octets()[..], &from.0.octets(), &[0x08, 0x00], &ip, &icmp].concat()
}

/// The answer to that ping.
pub(crate) fn is_answer(frame: &[u8], sequence: u16) -> Option<()> {
    let ip = frame.get(12..15)? == [0x08, 0x00, 0x45];
    (ip && frame.get(34)? == &0 && frame.get(40..42)? == sequence.to_be_bytes()).then_some(())
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!((folded & 0xffff) + (folded >> 16)) as u16).to_be_bytes()
}

/// The guest's own randomness.
pub(crate) struct Urandom(File);

impl Urandom {
    pub(crate) fn open() -> Result<Self, String> {
        said(File::open("/dev/urandom")).map(Self)
    }
}

impl Random for Urandom {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.read_exact(buffer).expect("/dev/urandom never ends");
    }
}
