//! What tells elements apart.

use std::fmt;

use crate::wire::names::{by_name, named_values};

/// An element identifier (802.11-2020 Table 9-92). Every value is possible.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementId(pub u8);

/// The second identifier of an element with [`ElementId::EXTENSION`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionId(pub u8);

named_values! { ElementId, "Element", "number {}", by_name;
    SSID = 0, "SSID";
    SUPPORTED_RATES = 1, "Supported Rates";
    DS_PARAMETER = 3, "DSSS Parameter Set";
    TIM = 5, "TIM";
    COUNTRY = 7, "Country";
    REQUEST = 10, "Request";
    BSS_LOAD = 11, "BSS Load";
    CHALLENGE_TEXT = 16, "Challenge Text";
    POWER_CONSTRAINT = 32, "Power Constraint";
    POWER_CAPABILITY = 33, "Power Capability";
    SUPPORTED_CHANNELS = 36, "Supported Channels";
    CHANNEL_SWITCH = 37, "Channel Switch Announcement";
    QUIET = 40, "Quiet";
    ERP = 42, "ERP";
    HT_CAPABILITIES = 45, "HT Capabilities";
    QOS_CAPABILITY = 46, "QoS Capability";
    RSN = 48, "RSN";
    EXTENDED_RATES = 50, "Extended Supported Rates";
    NEIGHBOR_REPORT = 52, "Neighbor Report";
    MOBILITY_DOMAIN = 54, "Mobility Domain";
    FAST_BSS_TRANSITION = 55, "Fast BSS Transition";
    TIMEOUT_INTERVAL = 56, "Timeout Interval";
    OPERATING_CLASSES = 59, "Supported Operating Classes";
    EXTENDED_CHANNEL_SWITCH = 60, "Extended Channel Switch Announcement";
    HT_OPERATION = 61, "HT Operation";
    SECONDARY_CHANNEL_OFFSET = 62, "Secondary Channel Offset";
    RM_ENABLED_CAPABILITIES = 70, "RM Enabled Capabilities";
    MULTIPLE_BSSID = 71, "Multiple BSSID";
    MANAGEMENT_MIC = 76, "Management MIC";
    NONTRANSMITTED_BSSID_CAPABILITY = 83, "Nontransmitted BSSID Capability";
    SSID_LIST = 84, "SSID List";
    MULTIPLE_BSSID_INDEX = 85, "Multiple BSSID-Index";
    LINK_IDENTIFIER = 101, "Link Identifier";
    INTERWORKING = 107, "Interworking";
    MESH_CONFIGURATION = 113, "Mesh Configuration";
    MESH_ID = 114, "Mesh ID";
    EXTENDED_CAPABILITIES = 127, "Extended Capabilities";
    VHT_CAPABILITIES = 191, "VHT Capabilities";
    VHT_OPERATION = 192, "VHT Operation";
    EXTENDED_BSS_LOAD = 193, "Extended BSS Load";
    WIDE_BANDWIDTH_CHANNEL_SWITCH = 194, "Wide Bandwidth Channel Switch";
    TRANSMIT_POWER_ENVELOPE = 195, "Transmit Power Envelope";
    CHANNEL_SWITCH_WRAPPER = 196, "Channel Switch Wrapper";
    OPERATING_MODE_NOTIFICATION = 199, "Operating Mode Notification";
    REDUCED_NEIGHBOR_REPORT = 201, "Reduced Neighbor Report";
    VENDOR = 221, "Vendor Specific";
    FRAGMENT = 242, "Fragment";
    RSN_EXTENSION = 244, "RSN Extension";
    EXTENSION = 255, "Element ID Extension";
}

named_values! { ExtensionId, "Element 255, extension", "extension number {}", by_name;
    FILS_REQUEST_PARAMETERS = 2, "FILS Request Parameters";
    DIFFIE_HELLMAN_PARAMETER = 32, "Diffie-Hellman Parameter";
    PASSWORD_IDENTIFIER = 33, "Password Identifier";
    HE_CAPABILITIES = 35, "HE Capabilities";
    HE_OPERATION = 36, "HE Operation";
    UORA_PARAMETER_SET = 37, "UORA Parameter Set";
    MU_EDCA_PARAMETER_SET = 38, "MU EDCA Parameter Set";
    SPATIAL_REUSE = 39, "Spatial Reuse Parameter Set";
    NON_INHERITANCE = 56, "Non-Inheritance";
    HE_6GHZ_CAPABILITIES = 59, "HE 6 GHz Band Capabilities";
    REJECTED_GROUPS = 92, "Rejected Groups";
    ANTI_CLOGGING_TOKEN = 93, "Anti-Clogging Token Container";
    EHT_OPERATION = 106, "EHT Operation";
    MULTI_LINK = 107, "Multi-Link";
    EHT_CAPABILITIES = 108, "EHT Capabilities";
    TID_TO_LINK_MAPPING = 109, "TID-To-Link Mapping";
}

/// What tells an element from others: its identifier, its extension identifier, or for vendor specific elements the
/// organisation and the byte that follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ElementKind {
    /// By its identifier.
    Id(ElementId),
    /// By its extension identifier.
    Extension(ExtensionId),
    /// By organisation and type.
    Vendor([u8; 3], u8),
}

impl ElementKind {
    /// Wi-Fi Multimedia; a subtype tells information (0) from parameters (1).
    pub const WMM: Self = Self::Vendor([0x00, 0x50, 0xf2], 2);
    /// The security element of WPA, which came before RSN.
    pub const WPA: Self = Self::Vendor([0x00, 0x50, 0xf2], 1);
    /// Wi-Fi Protected Setup.
    pub const WPS: Self = Self::Vendor([0x00, 0x50, 0xf2], 4);
}

impl fmt::Display for ElementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Id(id) => fmt::Display::fmt(&id, f),
            Self::Extension(extension) => fmt::Display::fmt(&extension, f),
            Self::WMM => f.write_str("WMM"),
            Self::WPA => f.write_str("WPA"),
            Self::WPS => f.write_str("WPS"),
            Self::Vendor([a, b, c], kind) => write!(f, "Vendor Specific {a:02x}-{b:02x}-{c:02x} type {kind}"),
        }
    }
}
