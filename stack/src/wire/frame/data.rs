//! Data frames.

use super::fields::{addressed_fields, first_fields};
use super::{FrameControl, FrameKind, QosControl, SequenceControl, address, frame_control};
use crate::wire::{MacAddr, Reader, Truncated};

/// A data frame (802.11-2020 9.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataFrame<'a> {
    header: &'a [u8; 24],
    addr4: Option<&'a [u8; 6]>,
    qos: Option<&'a [u8; 2]>,
    ht_control: Option<&'a [u8; 4]>,
    payload: &'a [u8],
}

first_fields!(DataFrame);
addressed_fields!(DataFrame);

impl<'a> DataFrame<'a> {
    /// Reads an MPDU that is known to be a data frame of version 0.
    pub(super) fn parse(mpdu: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(mpdu);
        let header = reader.array::<24>()?;
        let control = frame_control(header);
        let addr4 = if control.to_ds() && control.from_ds() { Some(reader.array()?) } else { None };
        let is_qos = control.kind().is_qos_data();
        let qos = if is_qos { Some(reader.array()?) } else { None };
        let ht_control = if is_qos && control.order() { Some(reader.array()?) } else { None };
        Ok(Self { header, addr4, qos, ht_control, payload: reader.rest() })
    }

    /// Address 4, there only if both DS flags are set.
    pub const fn addr4(&self) -> Option<MacAddr> {
        match self.addr4 {
            Some(&octets) => Some(MacAddr(octets)),
            None => None,
        }
    }

    /// The QoS Control field of QoS data.
    pub const fn qos(&self) -> Option<QosControl> {
        match self.qos {
            Some(&octets) => Some(QosControl(u16::from_le_bytes(octets))),
            None => None,
        }
    }

    /// The source of the MSDU (802.11-2020 Table 9-30). For an A-MSDU the subframes say it.
    pub const fn source(&self) -> MacAddr {
        let control = self.frame_control();
        match (control.to_ds(), control.from_ds(), self.addr4) {
            (true, true, Some(&octets)) => MacAddr(octets),
            (false, true, _) => self.addr3(),
            _ => self.addr2(),
        }
    }

    /// The destination of the MSDU (802.11-2020 Table 9-30). For an A-MSDU the subframes say it.
    pub const fn destination(&self) -> MacAddr {
        if self.frame_control().to_ds() { self.addr3() } else { self.addr1() }
    }

    /// The BSSID; frames of four addresses have none.
    pub const fn bssid(&self) -> Option<MacAddr> {
        let control = self.frame_control();
        match (control.to_ds(), control.from_ds()) {
            (false, false) => Some(self.addr3()),
            (false, true) => Some(self.addr2()),
            (true, false) => Some(self.addr1()),
            (true, true) => None,
        }
    }

    /// By its subtype the frame carries no data.
    pub const fn is_null(&self) -> bool {
        self.frame_control().kind().is_null_data()
    }

    /// How many bytes the header has, up to and with the HT Control field.
    pub const fn header_len(&self) -> usize {
        24 + if self.addr4.is_some() { 6 } else { 0 }
            + if self.qos.is_some() { 2 } else { 0 }
            + if self.ht_control.is_some() { 4 } else { 0 }
    }

    /// What follows the header: of a protected frame the cipher header, ciphertext and MIC. A Mesh Control field is left
    /// in it.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}
