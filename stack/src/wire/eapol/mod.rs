//! EAPOL frames (802.1X-2020 11.3), EAPOL-Key frames (802.11-2020 12.7.2) and what their Key Data carries.

mod key;
mod key_data;

pub use key::{EapolKey, EapolKeyFrame, KeyInfo, set_mic};
pub use key_data::{Kde, KeyData, KeyDataItem, KeyDataWriter};

use crate::wire::{Reader, Truncated};

/// The EtherType of EAPOL, 802.1X-2020 11.1.4.
pub const ETHERTYPE: u16 = 0x888e;

/// Packet type of an EAPOL frame (802.1X-2020 Table 11-3); unknown ones are ordinary values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EapolType(pub u8);

impl EapolType {
    /// An EAP packet.
    pub const EAP: Self = Self(0);
    /// EAPOL-Start.
    pub const START: Self = Self(1);
    /// EAPOL-Logoff.
    pub const LOGOFF: Self = Self(2);
    /// EAPOL-Key.
    pub const KEY: Self = Self(3);
}

/// An EAPOL PDU: what follows the LLC header, from the protocol version on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EapolFrame<'a> {
    version: u8,
    kind: EapolType,
    pdu: &'a [u8],
}

impl<'a> EapolFrame<'a> {
    /// Length of version, type and body length.
    pub const HEADER_LEN: usize = 4;

    /// Reads the header. Bytes behind the body length, such as Ethernet padding, are left out.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8()?;
        let kind = EapolType(reader.u8()?);
        let body = usize::from(reader.u16_be()?);
        reader.take(body)?;
        let pdu = bytes.get(..Self::HEADER_LEN + body).unwrap_or(bytes);
        Ok(Self { version, kind, pdu })
    }

    /// Protocol version, 1 to 3; receivers accept any.
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// Packet type.
    pub const fn kind(&self) -> EapolType {
        self.kind
    }

    /// Header and body, without padding.
    pub const fn pdu(&self) -> &'a [u8] {
        self.pdu
    }

    /// What follows the header.
    pub fn body(&self) -> &'a [u8] {
        self.pdu.get(Self::HEADER_LEN..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_left_out_and_a_missing_byte_is_an_error() {
        let bytes = [2, 1, 0, 2, 0xaa, 0xbb, 0, 0, 0];
        let frame = EapolFrame::parse(&bytes).unwrap();
        assert_eq!((frame.version(), frame.kind(), frame.body()), (2, EapolType::START, &bytes[4..6]));
        assert_eq!(frame.pdu(), &bytes[..6]);
        for len in 0..6 {
            assert!(EapolFrame::parse(&bytes[..len]).is_err());
        }
    }
}
