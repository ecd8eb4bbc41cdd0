//! Authentication and key management suites: which algorithms a handshake runs with.

use std::fmt;

use crate::crypto::{EapolMic, kdf_sha256, kdf_sha384, prf_sha1};
use crate::wire::record::Record;
use crate::wire::{Reader, RecordError};

/// An AKM suite (802.11-2020 Table 9-151) whose handshake is understood here.
///
/// The handshake machines serve the PSK suites; the others differ in where the PMK comes from, and the
/// [observer](crate::rsn::Observer) follows them when it is told the PMK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Akm {
    /// 802.1X, 00-0F-AC:1.
    Ieee8021x,
    /// PSK, 00-0F-AC:2.
    Psk,
    /// Fast transition with PSK, 00-0F-AC:4.
    FtPsk,
    /// 802.1X with SHA-256, 00-0F-AC:5.
    Ieee8021xSha256,
    /// PSK with SHA-256, 00-0F-AC:6.
    PskSha256,
    /// SAE, 00-0F-AC:8.
    Sae,
    /// Fast transition with SAE, 00-0F-AC:9.
    FtSae,
    /// OWE with group 19, 00-0F-AC:18.
    Owe,
    /// PSK with SHA-384, 00-0F-AC:20.
    PskSha384,
}

impl Akm {
    /// The suite with this selector (OUI and type), if it is one of these.
    pub const fn from_suite(suite: [u8; 4]) -> Option<Self> {
        match suite {
            [0x00, 0x0f, 0xac, 1] => Some(Self::Ieee8021x),
            [0x00, 0x0f, 0xac, 2] => Some(Self::Psk),
            [0x00, 0x0f, 0xac, 4] => Some(Self::FtPsk),
            [0x00, 0x0f, 0xac, 5] => Some(Self::Ieee8021xSha256),
            [0x00, 0x0f, 0xac, 6] => Some(Self::PskSha256),
            [0x00, 0x0f, 0xac, 8] => Some(Self::Sae),
            [0x00, 0x0f, 0xac, 9] => Some(Self::FtSae),
            [0x00, 0x0f, 0xac, 18] => Some(Self::Owe),
            [0x00, 0x0f, 0xac, 20] => Some(Self::PskSha384),
            _ => None,
        }
    }

    /// The suite selector, as in the RSN element.
    pub const fn suite(self) -> [u8; 4] {
        let kind = match self {
            Self::Ieee8021x => 1,
            Self::Psk => 2,
            Self::FtPsk => 4,
            Self::Ieee8021xSha256 => 5,
            Self::PskSha256 => 6,
            Self::Sae => 8,
            Self::FtSae => 9,
            Self::Owe => 18,
            Self::PskSha384 => 20,
        };
        [0x00, 0x0f, 0xac, kind]
    }

    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ieee8021x => "802.1X",
            Self::Psk => "PSK",
            Self::FtPsk => "FT-PSK",
            Self::Ieee8021xSha256 => "802.1X-SHA256",
            Self::PskSha256 => "PSK-SHA256",
            Self::Sae => "SAE",
            Self::FtSae => "FT-SAE",
            Self::Owe => "OWE",
            Self::PskSha384 => "PSK-SHA384",
        }
    }

    /// Key Descriptor Version of its EAPOL-Key frames (802.11-2020 12.7.2).
    pub const fn descriptor_version(self) -> u8 {
        match self {
            Self::Ieee8021x | Self::Psk => 2,
            Self::FtPsk | Self::Ieee8021xSha256 | Self::PskSha256 => 3,
            Self::Sae | Self::FtSae | Self::Owe | Self::PskSha384 => 0,
        }
    }

    /// Integrity algorithm of its EAPOL-Key frames (802.11-2020 Table 12-11).
    pub const fn mic(self) -> EapolMic {
        match self {
            Self::Ieee8021x | Self::Psk => EapolMic::HmacSha1,
            Self::FtPsk | Self::Ieee8021xSha256 | Self::PskSha256 | Self::Sae | Self::FtSae => {
                EapolMic::AesCmac
            }
            Self::Owe => EapolMic::HmacSha256,
            Self::PskSha384 => EapolMic::HmacSha384,
        }
    }

    /// Lengths of its KCK and KEK, in bytes (802.11-2020 Table 12-11).
    pub const fn kck_and_kek_len(self) -> (usize, usize) {
        match self {
            Self::PskSha384 => (24, 32),
            _ => (16, 16),
        }
    }

    /// Its keys come by the hierarchy of fast transition (802.11-2020 12.7.1.6).
    pub const fn is_fast_transition(self) -> bool {
        matches!(self, Self::FtPsk | Self::FtSae)
    }

    /// Fills `out` by the suite's key derivation function.
    pub(crate) fn derive(self, key: &[u8], label: &str, context: &[&[u8]], out: &mut [u8]) {
        match self {
            Self::Ieee8021x | Self::Psk => prf_sha1(key, label, context, out),
            Self::PskSha384 => kdf_sha384(key, label, context, out),
            Self::FtPsk | Self::Ieee8021xSha256 | Self::PskSha256 | Self::Sae | Self::FtSae | Self::Owe => {
                kdf_sha256(key, label, context, out)
            }
        }
    }
}

/// By its suite selector.
impl Record for Akm {
    fn put(&self, out: &mut Vec<u8>) {
        self.suite().put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        Self::from_suite(Record::read(reader)?).ok_or(RecordError::Impossible("an unknown AKM suite"))
    }
}

impl fmt::Display for Akm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
