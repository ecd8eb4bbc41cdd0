//! What a node is told: by a file or by the options of a command, as the same values.

mod error;
mod file;
mod link;
mod mesh;
mod radio;
mod secret;
mod tables;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::mesh::announce::Profile;
use stack::ap::{NetworkConfig, NetworkId, Security};

pub use error::{ConfigError, unknown};
pub use file::{parse, read};
pub use link::LinkSettings;
pub use radio::RadioSettings;
pub use secret::{Passphrase, read_passphrase};
pub use value::{
    PlacementPolicy, VirtualAp, address, channel, country, cycle, duration, inactivity, mac, name_of_host,
    power, rekey, ssid, tap,
};

/// Where the control socket is, unless something else is said.
pub const CONTROL: &str = "/run/airloom.sock";

/// All that a node is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// About the node itself.
    pub node: NodeSettings,
    /// The cluster that it is in; none, and it is a single node.
    pub mesh: Option<MeshSettings>,
    /// Its radios, at least one. Those that serve the networks come first.
    pub radios: Vec<RadioSettings>,
    /// Its networks. Each of them is on all radios that serve them.
    pub networks: Vec<NetworkSettings>,
}

impl Config {
    /// The radios that serve the networks, which are the first ones.
    pub fn serving(&self) -> impl Iterator<Item = &RadioSettings> {
        self.radios.iter().filter(|radio| radio.serves)
    }

    /// All foreign networks that its radios are stations of.
    pub fn links(&self) -> impl Iterator<Item = &LinkSettings> {
        self.radios.iter().flat_map(|radio| &radio.links)
    }
}

/// A node.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Its name, in the status and to other nodes.
    pub name: String,
    /// Where it keeps what has to outlive it.
    pub state: PathBuf,
    /// Where its control socket is.
    pub control: PathBuf,
    /// Who decides which radio serves a client.
    pub placement: PlacementPolicy,
    /// Where metrics are served to this host; nowhere when `None`.
    pub metrics: Option<SocketAddr>,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            name: name_of_host(),
            state: PathBuf::from("/var/lib/airloom"),
            control: PathBuf::from(CONTROL),
            placement: PlacementPolicy::default(),
            metrics: None,
        }
    }
}

/// The cluster of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshSettings {
    /// Where the node listens: an address that the others reach.
    pub listen: SocketAddr,
    /// Other nodes.
    pub peers: Vec<SocketAddr>,
    /// The folder that `airloom mesh node` or `mesh join` made.
    pub identity: PathBuf,
    /// The cluster's folder, on a node that renews certificates and lets machines join.
    pub authority: Option<PathBuf>,
    /// A node from which nothing has come for so long is taken to be lost; the usual time when `None`.
    pub silence: Option<Duration>,
    /// The nodes are on different Ethernets: they carry between them what is for all.
    pub flood: bool,
    /// How claims are signed; not at all when `None`, since each session says whose they are.
    pub announce: Option<Profile>,
}

/// A network.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// Its name, 1 to 32 bytes.
    pub ssid: Vec<u8>,
    /// How it is protected.
    pub security: Security,
    /// One virtual AP for each client, or one for all.
    pub virtual_ap: VirtualAp,
    /// The TAP device that carries its Ethernet; none, and its clients reach each other only.
    pub tap: Option<String>,
    /// What the cluster calls its Ethernet, 0 to 4094: addresses count within one.
    pub vlan: u16,
    /// Beacons do not tell the SSID.
    pub hidden: bool,
    /// Clients do not reach each other.
    pub isolate: bool,
    /// Most clients on a radio.
    pub max_stations: u16,
    /// A client that is silent for longer is asked whether it is there.
    pub inactivity: Duration,
    /// Between beacons, in time units of 1024 µs.
    pub beacon_interval: u16,
    /// Every how many beacons there is a DTIM.
    pub dtim_period: u8,
    /// How often the group key changes; never when `None`.
    pub group_rekey: Option<Duration>,
    /// How often the key of each client changes; never when `None`.
    pub pairwise_rekey: Option<Duration>,
    /// MPDUs longer than this many bytes (FCS included) are fragmented.
    pub fragmentation: Option<usize>,
}

impl NetworkSettings {
    /// A network with the usual settings.
    pub const fn new(ssid: Vec<u8>, security: Security) -> Self {
        Self {
            ssid,
            security,
            virtual_ap: VirtualAp::PerClient,
            tap: None,
            vlan: 0,
            hidden: false,
            isolate: false,
            max_stations: 2007,
            inactivity: Duration::from_secs(300),
            beacon_interval: 100,
            dtim_period: 2,
            group_rekey: Some(Duration::from_secs(86_400)),
            pairwise_rekey: None,
            fragmentation: None,
        }
    }

    /// As the stack wants it, under the name `id`.
    pub fn to_stack(&self, id: NetworkId) -> NetworkConfig {
        NetworkConfig {
            hidden: self.hidden,
            isolate: self.isolate,
            beacon_interval: self.beacon_interval,
            dtim_period: self.dtim_period,
            max_stations: self.max_stations,
            inactivity: self.inactivity,
            fragmentation_threshold: self.fragmentation,
            kind: self.virtual_ap.into(),
            group_rekey: self.group_rekey,
            pairwise_rekey: self.pairwise_rekey,
            ..NetworkConfig::new(id, self.ssid.clone(), self.security.clone())
        }
    }
}

#[cfg(test)]
mod tests;
