//! An MSDU, however it came: from the air, out of an A-MSDU, or as an Ethernet frame.

use crate::mac::DropReason;
use crate::mac::qos::tid_of_type;
use crate::wire::MacAddr;

/// RFC 1042: an Ethernet type follows.
const RFC_1042: [u8; 6] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00];
/// 802.1H bridge tunnel: the same for the Ethernet types of [`is_tunnelled`].
const BRIDGE_TUNNEL: [u8; 6] = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0xf8];
/// The smallest Ethernet type; below it is a length.
const SMALLEST_TYPE: u16 = 0x0600;
/// 802.1X over LANs.
const EAPOL: u16 = 0x888e;
/// 802.11-2020 5.1.4: the longest MSDU, without its addresses.
const MAX_LEN: usize = 2304;

/// An MSDU with its two addresses. The payload is borrowed from where it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Msdu<'a> {
    /// To whom.
    pub destination: MacAddr,
    /// From whom.
    pub source: MacAddr,
    /// The LLC/SNAP header, if it stands for an Ethernet type.
    snap: Option<[u8; 8]>,
    /// What follows it; all of the body if there is none.
    pub payload: &'a [u8],
}

impl<'a> Msdu<'a> {
    /// The MSDU in a frame body, which begins with an LLC header.
    pub fn from_body(destination: MacAddr, source: MacAddr, body: &'a [u8]) -> Result<Self, DropReason> {
        if body.len() < 3 {
            return Err(DropReason::MsduMalformed);
        }
        let (snap, payload) = match body.split_first_chunk::<8>() {
            Some((snap, payload)) if stands_for_ethernet_type(snap) => (Some(*snap), payload),
            _ => (None, body),
        };
        Ok(Self { destination, source, snap, payload })
    }

    /// The MSDU of an Ethernet frame, without FCS; padding after an 802.3 length is cut off.
    pub fn from_ethernet(frame: &'a [u8]) -> Result<Self, DropReason> {
        let Some((header, rest)) = frame.split_first_chunk::<14>() else {
            return Err(DropReason::MsduMalformed);
        };
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
        let (destination, source) = (MacAddr([d0, d1, d2, d3, d4, d5]), MacAddr([s0, s1, s2, s3, s4, s5]));
        let ethernet_type = u16::from_be_bytes([t0, t1]);
        let msdu = if ethernet_type < SMALLEST_TYPE {
            let payload = rest.get(..usize::from(ethernet_type)).ok_or(DropReason::MsduMalformed)?;
            Self { destination, source, snap: None, payload }
        } else {
            let [a, b, c, d, e, f] = if is_tunnelled(ethernet_type) { BRIDGE_TUNNEL } else { RFC_1042 };
            Self { destination, source, snap: Some([a, b, c, d, e, f, t0, t1]), payload: rest }
        };
        if msdu.body_len() > MAX_LEN { Err(DropReason::MsduTooLong) } else { Ok(msdu) }
    }

    /// An EAPOL PDU as an MSDU.
    pub const fn eapol(destination: MacAddr, source: MacAddr, pdu: &'a [u8]) -> Self {
        let [a, b, c, d, e, f] = RFC_1042;
        let [high, low] = EAPOL.to_be_bytes();
        Self { destination, source, snap: Some([a, b, c, d, e, f, high, low]), payload: pdu }
    }

    /// The Ethernet type, if it has one.
    pub const fn ethernet_type(&self) -> Option<u16> {
        match self.snap {
            Some([_, _, _, _, _, _, high, low]) => Some(u16::from_be_bytes([high, low])),
            None => None,
        }
    }

    /// The TID by what it carries: the IP precedence; EAPOL is urgent, the rest best effort.
    pub fn tid(&self) -> u8 {
        tid_of_type(self.ethernet_type(), self.payload)
    }

    /// It carries EAPOL.
    pub const fn is_eapol(&self) -> bool {
        matches!(self.ethernet_type(), Some(EAPOL))
    }

    /// How many bytes [`Self::emit_body`] writes.
    pub const fn body_len(&self) -> usize {
        self.payload.len() + if self.snap.is_some() { 8 } else { 0 }
    }

    /// Writes the frame body: LLC header and payload.
    pub fn emit_body(&self, out: &mut Vec<u8>) {
        if let Some(snap) = self.snap {
            out.extend_from_slice(&snap);
        }
        out.extend_from_slice(self.payload);
    }

    /// Writes the Ethernet frame, without FCS or padding.
    pub fn emit_ethernet(&self, out: &mut Vec<u8>) {
        out.reserve(14 + self.payload.len());
        out.extend_from_slice(&self.destination.octets());
        out.extend_from_slice(&self.source.octets());
        let type_or_length = self.ethernet_type().map_or_else(|| length(self.payload), u16::to_be_bytes);
        out.extend_from_slice(&type_or_length);
        out.extend_from_slice(self.payload);
    }
}

/// 802.1H: the bridge tunnel is for the two types that are in use with
/// and without it, AppleTalk AARP and IPX.
const fn is_tunnelled(ethernet_type: u16) -> bool {
    matches!(ethernet_type, 0x80f3 | 0x8137)
}

fn stands_for_ethernet_type(snap: &[u8; 8]) -> bool {
    let [head @ .., high, low] = snap;
    let ethernet_type = u16::from_be_bytes([*high, *low]);
    ethernet_type >= SMALLEST_TYPE
        && match *head {
            RFC_1042 => !is_tunnelled(ethernet_type),
            BRIDGE_TUNNEL => true,
            _ => false,
        }
}

/// What fits into no length field keeps the type's range out of it: such an MSDU is no 802.3 frame, but it stays one
/// that is read back as it was.
fn length(payload: &[u8]) -> [u8; 2] {
    u16::try_from(payload.len()).unwrap_or(u16::MAX).min(SMALLEST_TYPE - 1).to_be_bytes()
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
            assert_eq!(body.len(), msdu.body_len());
            let back = Msdu::from_body(STA, HOST, &body).unwrap();
            assert_eq!((back, back.ethernet_type()), (msdu, Some(ethernet_type)));
        }
    }

    #[test]
    fn an_802_3_frame_keeps_its_llc_header_and_loses_its_padding() {
        let frame = ethernet(3, &[0x42, 0x42, 0x03, 0, 0, 0, 0]);
        let msdu = Msdu::from_ethernet(&frame).unwrap();
        assert_eq!((msdu.payload, msdu.ethernet_type()), (&[0x42, 0x42, 0x03][..], None));
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
