//! The first two bytes of every MPDU, and the two other 16-bit fields of its header.

use std::fmt;

/// The four types of frame (802.11-2020 9.2.4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FrameType {
    /// Beacons, joins and leaves, action frames.
    Management,
    /// Acknowledgements, reservations, polls.
    Control,
    /// What carries the users' bytes.
    Data,
    /// DMG and S1G beacons.
    Extension,
}

impl FrameType {
    /// The name in messages and in JSON: `management`, `control`, `data` or `extension`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Management => "management",
            Self::Control => "control",
            Self::Data => "data",
            Self::Extension => "extension",
        }
    }
}

impl fmt::Display for FrameType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Type and subtype together, type in the upper four bits (802.11-2020 Table 9-1). Every value is possible; those the
/// standard knows have a constant and a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameKind(u8);

macro_rules! frame_kinds {
    ($($(#[$doc:meta])* $constant:ident = $value:literal, $name:literal, $machine:literal;)*) => {
        impl FrameKind {
            $($(#[$doc])* pub const $constant: Self = Self($value);)*

            /// The name that people use, `None` for a reserved subtype.
            pub const fn known_name(self) -> Option<&'static str> {
                match self.0 { $($value => Some($name),)* _ => None }
            }

            /// The name in JSON: lower case, underscores; `reserved` for a reserved subtype.
            pub const fn machine_name(self) -> &'static str {
                match self.0 { $($value => $machine,)* _ => "reserved" }
            }
        }
    };
}

frame_kinds! {
    /// A station asks to join a BSS.
    ASSOCIATION_REQUEST = 0x00, "association request", "association_request";
    /// The answer to it.
    ASSOCIATION_RESPONSE = 0x01, "association response", "association_response";
    /// A station asks to move to another BSS of the same ESS.
    REASSOCIATION_REQUEST = 0x02, "reassociation request", "reassociation_request";
    /// The answer to it.
    REASSOCIATION_RESPONSE = 0x03, "reassociation response", "reassociation_response";
    /// Who is there?
    PROBE_REQUEST = 0x04, "probe request", "probe_request";
    /// The answer to it.
    PROBE_RESPONSE = 0x05, "probe response", "probe_response";
    /// Timing Advertisement.
    TIMING_ADVERTISEMENT = 0x06, "timing advertisement", "timing_advertisement";
    /// A BSS announces itself.
    BEACON = 0x08, "beacon", "beacon";
    /// Announcement traffic indication message, of an IBSS.
    ATIM = 0x09, "ATIM", "atim";
    /// The end of an association.
    DISASSOCIATION = 0x0a, "disassociation", "disassociation";
    /// A step of an authentication exchange.
    AUTHENTICATION = 0x0b, "authentication", "authentication";
    /// The end of an authentication.
    DEAUTHENTICATION = 0x0c, "deauthentication", "deauthentication";
    /// An action frame.
    ACTION = 0x0d, "action", "action";
    /// An action frame that is not acknowledged.
    ACTION_NO_ACK = 0x0e, "action no ack", "action_no_ack";
    /// Trigger of uplink transmissions (HE).
    TRIGGER = 0x12, "trigger", "trigger";
    /// Acknowledgement with timestamps (S1G).
    TACK = 0x13, "TACK", "tack";
    /// Beamforming Report Poll.
    BEAMFORMING_REPORT_POLL = 0x14, "beamforming report poll", "beamforming_report_poll";
    /// VHT, HE or EHT null data packet announcement.
    NDP_ANNOUNCEMENT = 0x15, "NDP announcement", "ndp_announcement";
    /// Control Frame Extension: four more bits of the Frame Control field tell which.
    CONTROL_EXTENSION = 0x16, "control frame extension", "control_frame_extension";
    /// Control Wrapper: another control frame with an HT Control field.
    CONTROL_WRAPPER = 0x17, "control wrapper", "control_wrapper";
    /// Block Ack Request.
    BLOCK_ACK_REQUEST = 0x18, "block ack request", "block_ack_request";
    /// Block Ack.
    BLOCK_ACK = 0x19, "block ack", "block_ack";
    /// Power-Save Poll: a dozing station fetches a buffered frame.
    PS_POLL = 0x1a, "PS-Poll", "ps_poll";
    /// Request to send.
    RTS = 0x1b, "RTS", "rts";
    /// Clear to send.
    CTS = 0x1c, "CTS", "cts";
    /// Acknowledgement.
    ACK = 0x1d, "ACK", "ack";
    /// End of a contention-free period.
    CF_END = 0x1e, "CF-End", "cf_end";
    /// End of a contention-free period, with acknowledgement.
    CF_END_CF_ACK = 0x1f, "CF-End +CF-Ack", "cf_end_cf_ack";
    /// Data without QoS.
    DATA = 0x20, "data", "data";
    /// Data +CF-Ack.
    DATA_CF_ACK = 0x21, "data +CF-Ack", "data_cf_ack";
    /// Data +CF-Poll.
    DATA_CF_POLL = 0x22, "data +CF-Poll", "data_cf_poll";
    /// Data +CF-Ack +CF-Poll.
    DATA_CF_ACK_CF_POLL = 0x23, "data +CF-Ack +CF-Poll", "data_cf_ack_cf_poll";
    /// No data: only the header matters (power management).
    NULL = 0x24, "null", "null";
    /// CF-Ack without data.
    CF_ACK = 0x25, "CF-Ack", "cf_ack";
    /// CF-Poll without data.
    CF_POLL = 0x26, "CF-Poll", "cf_poll";
    /// CF-Ack +CF-Poll without data.
    CF_ACK_CF_POLL = 0x27, "CF-Ack +CF-Poll", "cf_ack_cf_poll";
    /// Data with QoS.
    QOS_DATA = 0x28, "QoS data", "qos_data";
    /// QoS data +CF-Ack.
    QOS_DATA_CF_ACK = 0x29, "QoS data +CF-Ack", "qos_data_cf_ack";
    /// QoS data +CF-Poll.
    QOS_DATA_CF_POLL = 0x2a, "QoS data +CF-Poll", "qos_data_cf_poll";
    /// QoS data +CF-Ack +CF-Poll.
    QOS_DATA_CF_ACK_CF_POLL = 0x2b, "QoS data +CF-Ack +CF-Poll", "qos_data_cf_ack_cf_poll";
    /// QoS Null: no data, a header with QoS Control.
    QOS_NULL = 0x2c, "QoS null", "qos_null";
    /// QoS CF-Poll without data.
    QOS_CF_POLL = 0x2e, "QoS CF-Poll", "qos_cf_poll";
    /// QoS CF-Ack +CF-Poll without data.
    QOS_CF_ACK_CF_POLL = 0x2f, "QoS CF-Ack +CF-Poll", "qos_cf_ack_cf_poll";
    /// Beacon of a 60 GHz BSS.
    DMG_BEACON = 0x30, "DMG beacon", "dmg_beacon";
    /// Beacon of a sub-1-GHz BSS.
    S1G_BEACON = 0x31, "S1G beacon", "s1g_beacon";
}

impl FrameKind {
    /// Type (0 to 3) and subtype (0 to 15); higher bits are cut off.
    pub const fn new(frame_type: FrameType, subtype: u8) -> Self {
        Self((frame_type as u8) << 4 | subtype & 0x0f)
    }

    /// The type.
    pub const fn frame_type(self) -> FrameType {
        match self.0 >> 4 & 3 {
            0 => FrameType::Management,
            1 => FrameType::Control,
            2 => FrameType::Data,
            _ => FrameType::Extension,
        }
    }

    /// The subtype, 0 to 15; its meaning depends on the type.
    pub const fn subtype(self) -> u8 {
        self.0 & 0x0f
    }

    /// A data frame with a QoS Control field.
    pub const fn is_qos_data(self) -> bool {
        self.0 & 0x38 == 0x28
    }

    /// A data frame that by its subtype carries no data: Null, QoS Null and the CF frames without data.
    pub const fn is_null_data(self) -> bool {
        self.0 & 0x34 == 0x24
    }
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{} subtype {}", self.frame_type(), self.subtype()),
        }
    }
}

impl fmt::Debug for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The Frame Control field (802.11-2020 9.2.4.1), bit 0 the first on the air.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FrameControl(pub u16);

macro_rules! flags {
    ($($(#[$doc:meta])* $getter:ident, $with:ident, $bit:literal;)*) => {
        $(
            $(#[$doc])*
            pub const fn $getter(self) -> bool {
                self.0 & (1 << $bit) != 0
            }

            #[doc = concat!("The same with the bit of [`Self::", stringify!($getter), "`] set or cleared.")]
            #[must_use]
            pub const fn $with(self, on: bool) -> Self {
                if on { Self(self.0 | 1 << $bit) } else { Self(self.0 & !(1 << $bit)) }
            }
        )*
    };
}

impl FrameControl {
    /// Protocol version 0, this type and subtype, no flag set.
    pub const fn new(kind: FrameKind) -> Self {
        Self(((kind.frame_type() as u16) << 2) | ((kind.subtype() as u16) << 4))
    }

    /// Protocol version: 0, or 1 for S1G short frames, which have another format.
    pub const fn version(self) -> u8 {
        (self.0 & 3) as u8
    }

    /// Type and subtype.
    pub const fn kind(self) -> FrameKind {
        FrameKind(((self.0 >> 2 & 3) << 4 | self.0 >> 4 & 0x0f) as u8)
    }

    /// The type.
    pub const fn frame_type(self) -> FrameType {
        self.kind().frame_type()
    }

    /// The same flags with another type and subtype.
    #[must_use]
    pub const fn with_kind(self, kind: FrameKind) -> Self {
        Self(self.0 & !0x00fc | Self::new(kind).0)
    }

    flags! {
        /// On its way to the distribution system (data), or with `from_ds` between stations of four addresses.
        to_ds, with_to_ds, 8;
        /// On its way from the distribution system.
        from_ds, with_from_ds, 9;
        /// More fragments of the same MSDU or MMPDU follow.
        more_fragments, with_more_fragments, 10;
        /// A retransmission.
        retry, with_retry, 11;
        /// The sender will doze after this exchange.
        power_management, with_power_management, 12;
        /// More frames are buffered for the receiver.
        more_data, with_more_data, 13;
        /// The body is encrypted.
        protected, with_protected, 14;
        /// In QoS data and management frames an HT Control field follows; in other data frames strict order is asked.
        order, with_order, 15;
    }

    /// The four bits that tell which [`FrameKind::CONTROL_EXTENSION`] frame it is; they replace the flags 8 to 11.
    pub const fn control_extension(self) -> u8 {
        (self.0 >> 8 & 0x0f) as u8
    }

    /// The field as the first two bytes of the frame.
    pub const fn octets(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }
}

impl fmt::Debug for FrameControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        for (bit, name) in
            ["to-ds", "from-ds", "more-fragments", "retry", "pm", "more-data", "protected", "order"]
                .iter()
                .enumerate()
        {
            if self.0 >> (8 + bit) & 1 != 0 {
                write!(f, " {name}")?;
            }
        }
        Ok(())
    }
}

/// The Sequence Control field (802.11-2020 9.2.4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceControl(pub u16);

impl SequenceControl {
    /// Sequence number (12 bits) and fragment number (4 bits); higher bits are cut off.
    pub const fn new(number: u16, fragment: u8) -> Self {
        Self(number << 4 | (fragment & 0x0f) as u16)
    }

    /// Sequence number, 0 to 4095.
    pub const fn number(self) -> u16 {
        self.0 >> 4
    }

    /// Fragment number, 0 to 15.
    pub const fn fragment(self) -> u8 {
        (self.0 & 0x0f) as u8
    }
}

/// What is done about acknowledging a QoS data frame (802.11-2020 9.2.4.5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckPolicy {
    /// Normal acknowledgement, or implicit block ack request in an A-MPDU.
    Normal,
    /// None.
    None,
    /// No explicit acknowledgement, PSMP, or HTP acknowledgement.
    NoExplicit,
    /// Recorded for a later block ack.
    Block,
}

/// The QoS Control field (802.11-2020 9.2.4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct QosControl(pub u16);

impl QosControl {
    /// A QoS Control field with this TID (0 to 15) and nothing else.
    pub const fn new(tid: u8) -> Self {
        Self((tid & 0x0f) as u16)
    }

    /// Traffic identifier: 0 to 7 are user priorities.
    pub const fn tid(self) -> u8 {
        (self.0 & 0x0f) as u8
    }

    /// How the frame is to be acknowledged.
    pub const fn ack_policy(self) -> AckPolicy {
        match self.0 >> 5 & 3 {
            0 => AckPolicy::Normal,
            1 => AckPolicy::None,
            2 => AckPolicy::NoExplicit,
            _ => AckPolicy::Block,
        }
    }

    /// The same with another acknowledgement policy.
    #[must_use]
    pub const fn with_ack_policy(self, policy: AckPolicy) -> Self {
        Self(self.0 & !0x0060 | (policy as u16) << 5)
    }

    flags! {
        /// End of service period (from an AP); in frames from a station the upper byte is a queue size if set.
        eosp, with_eosp, 4;
        /// The payload is an A-MSDU.
        amsdu, with_amsdu, 7;
        /// In a mesh BSS: a Mesh Control field begins the payload.
        mesh_control, with_mesh_control, 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_names() {
        let control = FrameControl(u16::from_le_bytes([0x88, 0x41]));
        assert_eq!(control.kind(), FrameKind::QOS_DATA);
        assert!(control.to_ds() && control.protected() && !control.from_ds());
        assert_eq!(format!("{control:?}"), "QoS data to-ds protected");
        assert_eq!(FrameControl::new(FrameKind::BEACON).octets(), [0x80, 0x00]);
        assert_eq!(FrameKind::PROBE_REQUEST.machine_name(), "probe_request");
        assert_eq!(FrameKind::new(FrameType::Management, 15).to_string(), "management subtype 15");
        assert!(FrameKind::QOS_NULL.is_null_data() && FrameKind::NULL.is_null_data());
        assert!(!FrameKind::QOS_DATA.is_null_data() && !FrameKind::DMG_BEACON.is_null_data());
    }

    #[test]
    fn every_frame_control_keeps_its_kind() {
        for raw in 0..=u16::MAX {
            let control = FrameControl(raw);
            assert_eq!(control.with_kind(control.kind()).0, raw & !3 | raw & 3);
            assert_eq!(FrameControl::new(control.kind()).kind(), control.kind());
        }
    }

    #[test]
    fn sequence_and_qos() {
        let sequence = SequenceControl::new(4095, 15);
        assert_eq!((sequence.0, sequence.number(), sequence.fragment()), (0xffff, 4095, 15));
        let qos = QosControl::new(6).with_amsdu(true).with_ack_policy(AckPolicy::Block).with_eosp(true);
        assert_eq!((qos.0, qos.tid(), qos.ack_policy()), (0x00f6, 6, AckPolicy::Block));
    }
}
