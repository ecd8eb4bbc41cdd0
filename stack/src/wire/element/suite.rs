//! Suite selectors of the RSN element.

use std::fmt;

/// A cipher suite selector: organisation and type (802.11-2020 Table 9-149).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CipherSuite(pub [u8; 4]);

/// An authentication and key management suite selector (802.11-2020 Table 9-151).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AkmSuite(pub [u8; 4]);

macro_rules! suites {
    ($type:ident: $($constant:ident = $value:literal, $name:literal;)*) => {
        impl $type {
            $(
                #[doc = concat!($name, ".")]
                pub const $constant: Self = Self([0x00, 0x0f, 0xac, $value]);
            )*

            /// The name, `None` if the selector is not among the constants.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 { $([0x00, 0x0f, 0xac, $value] => Some($name),)* _ => None }
            }
        }

        impl From<[u8; 4]> for $type {
            fn from(selector: [u8; 4]) -> Self {
                Self(selector)
            }
        }

        impl From<$type> for [u8; 4] {
            fn from(suite: $type) -> Self {
                suite.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, c, number] = self.0;
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{a:02x}-{b:02x}-{c:02x}:{number}"),
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

suites! { CipherSuite:
    USE_GROUP = 0, "use group";
    WEP_40 = 1, "WEP-40";
    TKIP = 2, "TKIP";
    CCMP_128 = 4, "CCMP-128";
    WEP_104 = 5, "WEP-104";
    BIP_CMAC_128 = 6, "BIP-CMAC-128";
    GROUP_NOT_ALLOWED = 7, "group traffic not allowed";
    GCMP_128 = 8, "GCMP-128";
    GCMP_256 = 9, "GCMP-256";
    CCMP_256 = 10, "CCMP-256";
    BIP_GMAC_128 = 11, "BIP-GMAC-128";
    BIP_GMAC_256 = 12, "BIP-GMAC-256";
    BIP_CMAC_256 = 13, "BIP-CMAC-256";
}

suites! { AkmSuite:
    IEEE_802_1X = 1, "802.1X";
    PSK = 2, "PSK";
    FT_802_1X = 3, "FT-802.1X";
    FT_PSK = 4, "FT-PSK";
    IEEE_802_1X_SHA256 = 5, "802.1X-SHA256";
    PSK_SHA256 = 6, "PSK-SHA256";
    TDLS = 7, "TDLS";
    SAE = 8, "SAE";
    FT_SAE = 9, "FT-SAE";
    AP_PEER_KEY = 10, "AP-PeerKey";
    SUITE_B = 11, "802.1X Suite B";
    SUITE_B_192 = 12, "802.1X Suite B 192-bit";
    FT_802_1X_SHA384 = 13, "FT-802.1X-SHA384";
    FILS_SHA256 = 14, "FILS-SHA256";
    FILS_SHA384 = 15, "FILS-SHA384";
    FT_FILS_SHA256 = 16, "FT-FILS-SHA256";
    FT_FILS_SHA384 = 17, "FT-FILS-SHA384";
    OWE = 18, "OWE";
    FT_PSK_SHA384 = 19, "FT-PSK-SHA384";
    PSK_SHA384 = 20, "PSK-SHA384";
    SAE_EXT_KEY = 24, "SAE-EXT-KEY";
    FT_SAE_EXT_KEY = 25, "FT-SAE-EXT-KEY";
}
