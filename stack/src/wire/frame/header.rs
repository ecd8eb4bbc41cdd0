//! The MAC header of data and management frames as a value.

use super::{DataFrame, FrameControl, FrameKind, FrameType, ManagementFrame, QosControl, SequenceControl};
use crate::wire::MacAddr;

/// The header of a data or management frame (802.11-2020 9.2.3), to be built and written.
///
/// Which optional fields are there decides the flags: see [`Self::frame_control_on_air`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MacHeader {
    /// Type, subtype and flags.
    pub frame_control: FrameControl,
    /// Duration/ID, in microseconds.
    pub duration: u16,
    /// Receiver.
    pub addr1: MacAddr,
    /// Transmitter.
    pub addr2: MacAddr,
    /// BSSID, source or destination.
    pub addr3: MacAddr,
    /// Sequence and fragment number.
    pub sequence: SequenceControl,
    /// The fourth address; data frames only.
    pub addr4: Option<MacAddr>,
    /// QoS Control; data frames only.
    pub qos: Option<QosControl>,
    /// HT Control; management and QoS data frames only.
    pub ht_control: Option<[u8; 4]>,
}

impl MacHeader {
    /// A management frame.
    pub const fn management(kind: FrameKind, destination: MacAddr, source: MacAddr, bssid: MacAddr) -> Self {
        Self::new(FrameControl::new(kind), destination, source, bssid)
    }

    /// Data from a station to its AP.
    pub const fn to_ds(bssid: MacAddr, source: MacAddr, destination: MacAddr) -> Self {
        Self::new(FrameControl::new(FrameKind::DATA).with_to_ds(true), bssid, source, destination)
    }

    /// Data from an AP to a station, or to a group.
    pub const fn from_ds(destination: MacAddr, bssid: MacAddr, source: MacAddr) -> Self {
        Self::new(FrameControl::new(FrameKind::DATA).with_from_ds(true), destination, bssid, source)
    }

    /// The same with a QoS Control field.
    #[must_use]
    pub const fn with_qos(mut self, qos: QosControl) -> Self {
        self.qos = Some(qos);
        self
    }

    /// The same with this sequence and fragment number.
    #[must_use]
    pub const fn with_sequence(mut self, sequence: SequenceControl) -> Self {
        self.sequence = sequence;
        self
    }

    /// The same with this Duration.
    #[must_use]
    pub const fn with_duration(mut self, duration: u16) -> Self {
        self.duration = duration;
        self
    }

    /// How many bytes [`Self::emit`] writes.
    pub const fn len(&self) -> usize {
        24 + if self.addr4.is_some() { 6 } else { 0 }
            + if self.qos.is_some() { 2 } else { 0 }
            + if self.ht_control.is_some() { 4 } else { 0 }
    }

    /// Never: a header has at least 24 bytes.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the header to the end of `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.reserve(self.len());
        out.extend_from_slice(&self.frame_control_on_air().octets());
        out.extend_from_slice(&self.duration.to_le_bytes());
        for address in [self.addr1, self.addr2, self.addr3] {
            out.extend_from_slice(&address.octets());
        }
        out.extend_from_slice(&self.sequence.0.to_le_bytes());
        if let Some(address) = self.addr4 {
            out.extend_from_slice(&address.octets());
        }
        if let Some(qos) = self.qos {
            out.extend_from_slice(&qos.0.to_le_bytes());
        }
        if let Some(ht_control) = self.ht_control {
            out.extend_from_slice(&ht_control);
        }
    }

    /// The Frame Control field as it is written: both DS flags if there is a fourth address, the QoS bit of a data
    /// subtype as there is a QoS Control field, the order flag if there is an HT Control field.
    pub const fn frame_control_on_air(&self) -> FrameControl {
        let mut control = self.frame_control;
        if matches!(control.frame_type(), FrameType::Data) {
            let subtype = control.kind().subtype();
            let subtype = if self.qos.is_some() { subtype | 8 } else { subtype & 7 };
            control = control.with_kind(FrameKind::new(FrameType::Data, subtype));
        }
        if self.addr4.is_some() {
            control = control.with_to_ds(true).with_from_ds(true);
        }
        if self.ht_control.is_some() {
            control = control.with_order(true);
        }
        control
    }

    const fn new(frame_control: FrameControl, addr1: MacAddr, addr2: MacAddr, addr3: MacAddr) -> Self {
        Self {
            frame_control,
            duration: 0,
            addr1,
            addr2,
            addr3,
            sequence: SequenceControl(0),
            addr4: None,
            qos: None,
            ht_control: None,
        }
    }
}

impl From<&ManagementFrame<'_>> for MacHeader {
    fn from(frame: &ManagementFrame<'_>) -> Self {
        Self {
            duration: frame.duration(),
            sequence: frame.sequence(),
            ht_control: frame.ht_control(),
            ..Self::new(frame.frame_control(), frame.addr1(), frame.addr2(), frame.addr3())
        }
    }
}

impl From<&DataFrame<'_>> for MacHeader {
    fn from(frame: &DataFrame<'_>) -> Self {
        Self {
            duration: frame.duration(),
            sequence: frame.sequence(),
            addr4: frame.addr4(),
            qos: frame.qos(),
            ht_control: frame.ht_control(),
            ..Self::new(frame.frame_control(), frame.addr1(), frame.addr2(), frame.addr3())
        }
    }
}
