//! Status and reason codes, capabilities, association identifiers: the fixed fields of management bodies.

use std::fmt;

use super::bits::capability_bits;
use super::names::{by_number, named_values};

/// How a request ended (802.11-2020 9.4.1.9). Every value is possible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(pub u16);

/// Why an association or authentication ended (802.11-2020 9.4.1.7). Every value is possible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReasonCode(pub u16);

named_values! { StatusCode, "Code", "status {}", by_number;
    SUCCESS = 0, "success";
    UNSPECIFIED_FAILURE = 1, "unspecified failure";
    UNSUPPORTED_CAPABILITIES = 10, "cannot support all requested capabilities";
    NO_ASSOCIATION = 11, "reassociation without an association";
    ASSOCIATION_DENIED = 12, "association denied for a reason outside the standard";
    UNSUPPORTED_ALGORITHM = 13, "authentication algorithm not supported";
    OUT_OF_SEQUENCE = 14, "authentication transaction out of sequence";
    CHALLENGE_FAILED = 15, "challenge failed";
    AUTHENTICATION_TIMEOUT = 16, "timeout waiting for the next authentication frame";
    TOO_MANY_STATIONS = 17, "too many associated stations";
    BASIC_RATES_MISMATCH = 18, "basic rates not supported";
    SPECTRUM_MANAGEMENT_REQUIRED = 22, "spectrum management required";
    BAD_POWER_CAPABILITY = 23, "power capability not acceptable";
    BAD_SUPPORTED_CHANNELS = 24, "supported channels not acceptable";
    SHORT_SLOT_REQUIRED = 25, "short slot time required";
    NO_HT = 27, "HT required";
    R0KH_UNREACHABLE = 28, "R0KH unreachable";
    TRY_AGAIN_LATER = 30, "refused for now, try again later";
    ROBUST_MANAGEMENT_VIOLATION = 31, "robust management frame policy violation";
    QOS_FAILURE = 32, "unspecified QoS failure";
    INSUFFICIENT_BANDWIDTH = 33, "insufficient bandwidth for another QoS station";
    POOR_CHANNEL = 34, "poor channel conditions";
    QOS_REQUIRED = 35, "QoS required";
    REQUEST_DECLINED = 37, "request declined";
    INVALID_PARAMETERS = 38, "invalid parameters";
    INVALID_ELEMENT = 40, "invalid element";
    INVALID_GROUP_CIPHER = 41, "invalid group cipher";
    INVALID_PAIRWISE_CIPHER = 42, "invalid pairwise cipher";
    INVALID_AKM = 43, "invalid AKM";
    UNSUPPORTED_RSN_VERSION = 44, "RSN element version not supported";
    INVALID_RSN_CAPABILITIES = 45, "invalid RSN capabilities";
    CIPHER_REFUSED = 46, "cipher suite rejected by policy";
    INVALID_FT_ACTION_COUNT = 52, "invalid FT action frame count";
    INVALID_PMKID = 53, "invalid PMKID";
    INVALID_MDE = 54, "invalid mobility domain element";
    INVALID_FTE = 55, "invalid fast BSS transition element";
    ANTI_CLOGGING_TOKEN_REQUIRED = 76, "anti-clogging token required";
    UNSUPPORTED_GROUP = 77, "finite cyclic group not supported";
    TRANSMISSION_FAILURE = 79, "transmission failure";
    SUGGESTED_BSS_TRANSITION = 82, "rejected, another BSS is suggested";
    VHT_REQUIRED = 104, "VHT required";
    ENABLEMENT_DENIED = 105, "enablement denied";
    UNKNOWN_PASSWORD_IDENTIFIER = 123, "unknown password identifier";
    HE_REQUIRED = 124, "HE required";
    SAE_HASH_TO_ELEMENT = 126, "SAE hash to element";
    SAE_PK = 127, "SAE-PK";
}

named_values! { ReasonCode, "Code", "reason {}", by_number;
    UNSPECIFIED = 1, "unspecified";
    INVALID_AUTHENTICATION = 2, "authentication no longer valid";
    LEAVING = 3, "sender is leaving or has left";
    INACTIVITY = 4, "inactivity";
    TOO_MANY_STATIONS = 5, "no resources for all stations";
    CLASS2_FRAME = 6, "class 2 frame from a station that is not authenticated";
    CLASS3_FRAME = 7, "class 3 frame from a station that is not associated";
    DISASSOCIATED_LEAVING = 8, "sender is leaving the BSS";
    NOT_AUTHENTICATED = 9, "station is not authenticated";
    BAD_POWER_CAPABILITY = 10, "power capability not acceptable";
    BAD_SUPPORTED_CHANNELS = 11, "supported channels not acceptable";
    BSS_TRANSITION = 12, "BSS transition";
    INVALID_ELEMENT = 13, "invalid element";
    MIC_FAILURE = 14, "MIC failure";
    FOUR_WAY_TIMEOUT = 15, "4-way handshake timeout";
    GROUP_KEY_TIMEOUT = 16, "group key handshake timeout";
    HANDSHAKE_ELEMENT_MISMATCH = 17, "element in the 4-way handshake differs from association or beacon";
    INVALID_GROUP_CIPHER = 18, "invalid group cipher";
    INVALID_PAIRWISE_CIPHER = 19, "invalid pairwise cipher";
    INVALID_AKM = 20, "invalid AKM";
    UNSUPPORTED_RSN_VERSION = 21, "RSN element version not supported";
    INVALID_RSN_CAPABILITIES = 22, "invalid RSN capabilities";
    IEEE_802_1X_FAILED = 23, "802.1X authentication failed";
    CIPHER_REFUSED = 24, "cipher suite rejected by policy";
    TDLS_UNREACHABLE = 25, "TDLS peer unreachable";
    TDLS_UNSPECIFIED = 26, "TDLS direct link torn down";
    QOS_UNSPECIFIED = 32, "unspecified QoS reason";
    INSUFFICIENT_BANDWIDTH = 33, "insufficient bandwidth";
    POOR_CHANNEL = 34, "poor channel conditions";
    OUTSIDE_TXOP = 35, "transmission outside of TXOP";
    STATION_LEAVING = 36, "station is leaving";
    END_MECHANISM = 37, "mechanism no longer used";
    UNKNOWN_MECHANISM = 38, "mechanism not set up";
    TIMEOUT = 39, "timeout";
    PEER_INITIATED = 46, "peer initiated";
    AP_INITIATED = 47, "AP initiated";
    INVALID_FT_ACTION_COUNT = 48, "invalid FT action frame count";
    INVALID_PMKID = 49, "invalid PMKID";
    INVALID_MDE = 50, "invalid mobility domain element";
    INVALID_FTE = 51, "invalid fast BSS transition element";
    MESH_PEERING_CANCELLED = 52, "mesh peering cancelled";
    MESH_MAX_PEERS = 53, "mesh peers at their limit";
    MESH_CHANNEL_SWITCH_REGULATORY = 65, "mesh channel switch, regulatory";
    MESH_CHANNEL_SWITCH = 66, "mesh channel switch, unspecified";
}

/// The Capability Information field (802.11-2020 9.4.1.4).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capabilities(pub u16);

capability_bits! { Capabilities:
    /// Of an infrastructure BSS, or asking to join one.
    ess, with_ess, 0;
    /// Of an independent BSS.
    ibss, with_ibss, 1;
    /// Data must be encrypted.
    privacy, with_privacy, 4;
    /// Short preambles are allowed.
    short_preamble, with_short_preamble, 5;
    /// Spectrum management required.
    spectrum_management, with_spectrum_management, 8;
    /// QoS.
    qos, with_qos, 9;
    /// Short slot time.
    short_slot, with_short_slot, 10;
    /// Automatic power save delivery.
    apsd, with_apsd, 11;
    /// Radio measurement.
    radio_measurement, with_radio_measurement, 12;
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}

/// The AID field (802.11-2020 9.4.1.8), whose upper two bits are set on the air.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssociationId(pub u16);

impl AssociationId {
    /// The field for an association ID, 1 to 2007.
    pub const fn new(number: u16) -> Self {
        Self(number | 0xc000)
    }

    /// The association ID without the upper two bits.
    pub const fn number(self) -> u16 {
        self.0 & 0x3fff
    }
}

impl fmt::Debug for AssociationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number())
    }
}
