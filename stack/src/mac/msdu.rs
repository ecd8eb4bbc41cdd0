//! An MSDU, however it came: from the air, out of an A-MSDU, or as an Ethernet frame.

use crate::mac::DropReason;
use crate::mac::qos::tid_of;
use crate::wire::{EtherType, EthernetFrame, Llc, MacAddr};

/// 802.11-2020 5.1.4: the longest MSDU, without its addresses.
const MAX_LEN: usize = 2304;
/// The shortest LLC header.
const MIN_LEN: usize = 3;
/// The longest payload of an 802.3 frame, whose length stands in the place of an EtherType.
const MAX_802_3: usize = 1500;

/// An MSDU that can also be an Ethernet frame, with its two addresses. The payload is borrowed from where it was
/// received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msdu<'a> {
    /// To whom.
    pub destination: MacAddr,
    /// From whom.
    pub source: MacAddr,
    payload: Llc<'a>,
}

impl<'a> Msdu<'a> {
    /// The MSDU in a frame body, which begins with an LLC header.
    pub fn from_body(destination: MacAddr, source: MacAddr, body: &'a [u8]) -> Result<Self, DropReason> {
        match Llc::parse(body) {
            Llc::Plain(body) if !(MIN_LEN..=MAX_802_3).contains(&body.len()) => {
                Err(DropReason::MsduMalformed)
            }
            payload => Ok(Self { destination, source, payload }),
        }
    }

    /// The MSDU of an Ethernet frame, without FCS; padding after an 802.3 length is cut off.
    pub fn from_ethernet(frame: &'a [u8]) -> Result<Self, DropReason> {
        let EthernetFrame { destination, source, payload } =
            EthernetFrame::parse(frame).map_err(|_| DropReason::MsduMalformed)?;
        if payload.len() > MAX_LEN {
            return Err(DropReason::MsduTooLong);
        }
        Ok(Self { destination, source, payload })
    }

    /// An EAPOL PDU as an MSDU.
    pub const fn eapol(destination: MacAddr, source: MacAddr, pdu: &'a [u8]) -> Self {
        Self { destination, source, payload: Llc::Typed(EtherType::EAPOL, pdu) }
    }

    /// What it carries, by its LLC header.
    pub const fn payload(&self) -> Llc<'a> {
        self.payload
    }

    /// The TID by what it carries: the IP precedence; EAPOL is urgent, the rest best effort.
    pub fn tid(&self) -> u8 {
        tid_of(&self.payload)
    }

    /// It carries EAPOL.
    pub fn is_eapol(&self) -> bool {
        self.payload.ethertype() == Some(EtherType::EAPOL)
    }

    /// An IP packet to one host. An IPv4 address that ends in 255 may be a subnet's broadcast address and counts as
    /// one.
    pub(super) fn is_unicast_ip(&self) -> bool {
        match self.payload {
            Llc::Typed(EtherType::IPV4, packet) => {
                packet.get(16).is_some_and(|first| !(224..240).contains(first))
                    && packet.get(19).is_some_and(|last| *last != 255)
            }
            Llc::Typed(EtherType::IPV6, packet) => packet.get(24).is_some_and(|first| *first != 0xff),
            _ => false,
        }
    }

    /// Writes the frame body: LLC header and payload.
    pub fn emit_body(&self, out: &mut Vec<u8>) {
        self.payload.emit(out);
    }

    /// Writes the Ethernet frame, without FCS or padding.
    pub fn emit_ethernet(&self, out: &mut Vec<u8>) {
        let Self { destination, source, payload } = *self;
        // Only a payload that no length field can say is refused, and there is no such MSDU.
        let _ = EthernetFrame { destination, source, payload }.emit(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
    const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);

    fn ethernet(type_or_length: u16, payload: &[u8]) -> Vec<u8> {
        let mut frame = [STA.octets(), HOST.octets()].concat();
        frame.extend_from_slice(&type_or_length.to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn the_two_types_of_802_1h_go_through_the_tunnel() {
        for (ethernet_type, oui) in [(0x0800, 0x00), (0x8137, 0xf8), (0x80f3, 0xf8), (0x888e, 0x00)] {
            let frame = ethernet(ethernet_type, b"payload");
            let msdu = Msdu::from_ethernet(&frame).unwrap();
            let mut body = Vec::new();
            msdu.emit_body(&mut body);
            assert_eq!(body[5], oui);
            assert_eq!(Msdu::from_body(STA, HOST, &body), Ok(msdu));
        }
    }

    #[test]
    fn an_802_3_frame_keeps_its_llc_header_and_loses_its_padding() {
        let frame = ethernet(3, &[0x42, 0x42, 0x03, 0, 0, 0, 0]);
        let msdu = Msdu::from_ethernet(&frame).unwrap();
        assert_eq!(msdu.payload(), Llc::Plain(&[0x42, 0x42, 0x03]));
        let mut out = Vec::new();
        msdu.emit_ethernet(&mut out);
        assert_eq!(out, ethernet(3, &[0x42, 0x42, 0x03]));
    }

    #[test]
    fn what_cannot_be_an_msdu_is_refused() {
        assert_eq!(Msdu::from_ethernet(&[0; 13]), Err(DropReason::MsduMalformed));
        assert_eq!(Msdu::from_ethernet(&ethernet(8, &[0; 7])), Err(DropReason::MsduMalformed));
        assert_eq!(Msdu::from_ethernet(&ethernet(0x0800, &[0; 2297])), Err(DropReason::MsduTooLong));
        assert_eq!(Msdu::from_body(STA, HOST, &[0xaa, 0xaa]), Err(DropReason::MsduMalformed));
        assert_eq!(Msdu::from_body(STA, HOST, &[0x42; 1501]), Err(DropReason::MsduMalformed));
        assert!(Msdu::from_body(STA, HOST, &[0x42; 1500]).is_ok());
    }

    proptest! {
        #[test]
        fn ethernet_round_trip(kind in 0x0600u16.., payload in proptest::collection::vec(any::<u8>(), 0..300)) {
            let frame = ethernet(kind, &payload);
            let mut body = Vec::new();
            Msdu::from_ethernet(&frame).unwrap().emit_body(&mut body);
            let mut back = Vec::new();
            Msdu::from_body(STA, HOST, &body).unwrap().emit_ethernet(&mut back);
            prop_assert_eq!(back, frame);
        }
    }
}
