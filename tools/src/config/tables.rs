//! The tables of a file as they are written.

use std::path::PathBuf;

use mesh::announce::Profile;
use serde::Deserialize;
use toml::Spanned;

use super::value::{PlacementPolicy, Time, VirtualAp};

/// All of a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) node: NodeTable,
    pub(super) mesh: Option<Spanned<MeshTable>>,
    #[serde(default)]
    pub(super) radio: Vec<Spanned<RadioTable>>,
    #[serde(default)]
    pub(super) network: Vec<Spanned<NetworkTable>>,
    #[serde(default)]
    pub(super) link: Vec<Spanned<LinkTable>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeTable {
    pub(super) name: Option<Spanned<String>>,
    pub(super) state: Option<PathBuf>,
    pub(super) control: Option<PathBuf>,
    #[serde(default)]
    pub(super) placement: PlacementPolicy,
    pub(super) metrics: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeshTable {
    pub(super) listen: Spanned<String>,
    #[serde(default)]
    pub(super) peers: Vec<Spanned<String>>,
    pub(super) identity: Spanned<PathBuf>,
    pub(super) authority: Option<Spanned<PathBuf>>,
    pub(super) silence: Option<Spanned<Time>>,
    #[serde(default)]
    pub(super) flood: bool,
    #[serde(default)]
    pub(super) announce: Announce,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RadioTable {
    pub(super) phy: Spanned<String>,
    pub(super) channel: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) take: bool,
    pub(super) country: Option<Spanned<String>>,
    pub(super) power: Option<Spanned<f64>>,
    pub(super) bssid: Option<Spanned<String>>,
    #[serde(default = "yes")]
    pub(super) networks: bool,
    pub(super) cycle: Option<Spanned<Time>>,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkTable {
    pub(super) ssid: Spanned<String>,
    pub(super) security: Option<Spanned<Protection>>,
    pub(super) passphrase_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) virtual_ap: VirtualAp,
    pub(super) tap: Option<Spanned<String>>,
    pub(super) vlan: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) hidden: bool,
    #[serde(default)]
    pub(super) isolate: bool,
    pub(super) max_stations: Option<Spanned<i64>>,
    pub(super) inactivity: Option<Spanned<Time>>,
    pub(super) beacon_interval: Option<Spanned<i64>>,
    pub(super) dtim_period: Option<Spanned<i64>>,
    pub(super) group_rekey: Option<Spanned<Time>>,
    pub(super) pairwise_rekey: Option<Spanned<Time>>,
    pub(super) fragmentation: Option<Spanned<i64>>,
}

/// The values of `announce`.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Announce {
    #[default]
    Unsigned,
    Ed25519,
    H16,
    B16,
}

impl Announce {
    pub(super) const fn profile(self) -> Option<Profile> {
        match self {
            Self::Unsigned => None,
            Self::Ed25519 => Some(Profile::ED25519),
            Self::H16 => Some(Profile::H16),
            Self::B16 => Some(Profile::B16),
        }
    }
}

/// The values of `security`.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Protection {
    Open,
    Wpa2,
    Wpa3,
    #[serde(rename = "wpa2+wpa3")]
    Both,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkTable {
    pub(super) phy: Spanned<String>,
    pub(super) ssid: Spanned<String>,
    pub(super) security: Option<Spanned<Protection>>,
    pub(super) passphrase_file: Option<Spanned<PathBuf>>,
    pub(super) tap: Option<Spanned<String>>,
    pub(super) bssid: Option<Spanned<String>>,
    pub(super) channels: Option<Spanned<Vec<Spanned<i64>>>>,
}
