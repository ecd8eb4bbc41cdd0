//! MSDUs and Ethernet: what stands between a MAC header and the network layer.

use std::fmt;

use crate::wire::{MacAddr, Reader, Truncated};

/// An EtherType.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// EAPOL.
    pub const EAPOL: Self = Self(0x888e);
    /// Preauthentication of RSN.
    pub const PREAUTHENTICATION: Self = Self(0x88c7);
    /// Remote frames of fast transition and TDLS.
    pub const IEEE_80211: Self = Self(0x890d);

    const AARP: Self = Self(0x80f3);
    const IPX: Self = Self(0x8137);
}

impl fmt::Debug for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// Why an MSDU and an Ethernet frame cannot be turned into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LlcError {
    /// There is not even a header.
    #[error("too short for its header: {0}")]
    Truncated(#[from] Truncated),
    /// Without an EtherType the length must stand in its place, and it is no length.
    #[error("{0} bytes without an EtherType are more than the 1500 that a length field can say")]
    TooLong(usize),
}

/// The payload of an MSDU, by what its LLC header says (802-2014 9, 802.11-2020 Annex M).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Llc<'a> {
    /// An LLC/SNAP header that stands for an EtherType, RFC 1042 or bridge tunnel.
    Typed(EtherType, &'a [u8]),
    /// Another LLC header, which belongs to the payload.
    Plain(&'a [u8]),
}

pub(super) const RFC_1042: [u8; 6] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00];
const BRIDGE_TUNNEL: [u8; 6] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0xf8];

impl<'a> Llc<'a> {
    /// Looks at an MSDU from its LLC header on.
    pub fn parse(msdu: &'a [u8]) -> Self {
        let Some((&[a, b, c, d, e, g, high, low], payload)) = msdu.split_first_chunk::<8>() else {
            return Self::Plain(msdu);
        };
        let ethertype = EtherType(u16::from_be_bytes([high, low]));
        let tunnelled = ethertype == EtherType::AARP || ethertype == EtherType::IPX;
        match [a, b, c, d, e, g] {
            RFC_1042 if !tunnelled && ethertype.0 >= 0x0600 => Self::Typed(ethertype, payload),
            BRIDGE_TUNNEL if ethertype.0 >= 0x0600 => Self::Typed(ethertype, payload),
            _ => Self::Plain(msdu),
        }
    }

    /// The EtherType, if there is one.
    pub const fn ethertype(&self) -> Option<EtherType> {
        match self {
            Self::Typed(ethertype, _) => Some(*ethertype),
            Self::Plain(_) => None,
        }
    }

    /// Writes the MSDU, from its LLC header on. An EtherType gets the header that Annex M assigns to it, whichever of the
    /// two it was read with.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Typed(ethertype, payload) => {
                let tunnelled = ethertype == EtherType::AARP || ethertype == EtherType::IPX;
                out.extend_from_slice(if tunnelled { &BRIDGE_TUNNEL } else { &RFC_1042 });
                out.extend_from_slice(&ethertype.0.to_be_bytes());
                out.extend_from_slice(payload);
            }
            Self::Plain(msdu) => out.extend_from_slice(msdu),
        }
    }

    /// How many bytes [`Self::emit`] writes.
    pub const fn len(&self) -> usize {
        match self {
            Self::Typed(_, payload) => 8 + payload.len(),
            Self::Plain(msdu) => msdu.len(),
        }
    }

    /// There is no byte at all.
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Plain([]))
    }
}

/// An Ethernet frame without FCS, its payload as an MSDU would have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EthernetFrame<'a> {
    /// Destination.
    pub destination: MacAddr,
    /// Source.
    pub source: MacAddr,
    /// The payload.
    pub payload: Llc<'a>,
}

impl<'a> EthernetFrame<'a> {
    /// Reads an Ethernet frame. Of one with a length field only so many bytes count: the rest is padding.
    pub fn parse(frame: &'a [u8]) -> Result<Self, LlcError> {
        let mut reader = Reader::new(frame);
        let destination = MacAddr(*reader.array()?);
        let source = MacAddr(*reader.array()?);
        let field = reader.u16_be()?;
        let payload = match field {
            0x0600.. => Llc::Typed(EtherType(field), reader.rest()),
            length => Llc::Plain(reader.take(usize::from(length))?),
        };
        Ok(Self { destination, source, payload })
    }

    /// What an MSDU is on Ethernet.
    pub fn from_msdu(destination: MacAddr, source: MacAddr, msdu: &'a [u8]) -> Self {
        Self { destination, source, payload: Llc::parse(msdu) }
    }

    /// Writes the Ethernet frame, without padding. An error writes nothing.
    pub fn emit(&self, out: &mut Vec<u8>) -> Result<(), LlcError> {
        let (field, payload) = match self.payload {
            Llc::Typed(ethertype, payload) => (ethertype.0, payload),
            Llc::Plain(msdu) if msdu.len() <= 1500 => (msdu.len() as u16, msdu),
            Llc::Plain(msdu) => return Err(LlcError::TooLong(msdu.len())),
        };
        out.reserve(14 + payload.len());
        out.extend_from_slice(&self.destination.octets());
        out.extend_from_slice(&self.source.octets());
        out.extend_from_slice(&field.to_be_bytes());
        out.extend_from_slice(payload);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;
    use proptest::prelude::*;

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    #[test]
    fn headers() {
        assert_eq!(Llc::parse(&hex!("aaaa03000000 0800 45")), Llc::Typed(EtherType::IPV4, &[0x45]));
        assert_eq!(Llc::parse(&hex!("aaaa030000f8 8137 01")), Llc::Typed(EtherType::IPX, &[1]));
        for plain in [
            &hex!("aaaa03000000 8137 01")[..],
            &hex!("424203000000000000"),
            &hex!("aaaa03"),
            &hex!("aaaa03000000 0005 01"),
            &[],
        ] {
            assert_eq!(Llc::parse(plain), Llc::Plain(plain));
        }
        assert_eq!(Llc::parse(&hex!("aaaa030000f8 0806 01")), Llc::Typed(EtherType::ARP, &[1]));
        let mut out = Vec::new();
        Llc::Typed(EtherType::EAPOL, &[2]).emit(&mut out);
        assert_eq!(out, hex!("aaaa03000000 888e 02"));
    }

    #[test]
    fn a_length_field_cuts_the_padding_off() {
        let frame = hex!("020000000001 020000000002 0003 424203 0000000000");
        assert_eq!(EthernetFrame::parse(&frame).unwrap().payload, Llc::Plain(&[0x42, 0x42, 3]));
        assert!(matches!(EthernetFrame::parse(&frame[..16]), Err(LlcError::Truncated(_))));
        assert!(matches!(EthernetFrame::parse(&frame[..13]), Err(LlcError::Truncated(_))));
    }

    #[test]
    fn what_no_length_can_say_is_refused() {
        let long = [0x42; 1501];
        let mut out = Vec::new();
        assert_eq!(EthernetFrame::from_msdu(A, B, &long).emit(&mut out), Err(LlcError::TooLong(1501)));
        assert!(out.is_empty());
        assert_eq!(EthernetFrame::from_msdu(A, B, &long[1..]).emit(&mut out), Ok(()));
    }

    proptest! {
        #[test]
        fn ethernet_to_msdu_and_back(ethertype in 0x0600u16.., payload in any::<Vec<u8>>()) {
            let frame = EthernetFrame { destination: A, source: B, payload: Llc::Typed(EtherType(ethertype), &payload) };
            let mut msdu = Vec::new();
            frame.payload.emit(&mut msdu);
            prop_assert_eq!(msdu.len(), frame.payload.len());
            prop_assert_eq!(EthernetFrame::from_msdu(A, B, &msdu), frame);
        }

        #[test]
        fn msdu_to_ethernet_and_back(snap in any::<bool>(), bytes in any::<Vec<u8>>()) {
            let mut msdu = if snap { RFC_1042.to_vec() } else { vec![] };
            msdu.extend(bytes);
            let mut ethernet = Vec::new();
            EthernetFrame::from_msdu(A, B, &msdu).emit(&mut ethernet).unwrap();
            let mut again = Vec::new();
            EthernetFrame::parse(&ethernet).unwrap().payload.emit(&mut again);
            prop_assert_eq!(again, msdu);
        }
    }
}
