//! What a node is told: by a file or by the options of a command, as the same values.

mod error;
mod file;
mod mesh;
mod secret;
mod tables;
mod value;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ::mesh::announce::Profile;
use stack::ap::{NetworkConfig, NetworkId, RadioConfig, Security};
use stack::wire::{Channel, MacAddr};

pub use error::ConfigError;
pub use file::{parse, read};
pub use secret::{Passphrase, read_passphrase};
pub use value::{
    PlacementPolicy, VirtualAp, address, channel, country, duration, inactivity, name_of_host, power, rekey,
    ssid, tap,
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
    /// Its radios, at least one.
    pub radios: Vec<RadioSettings>,
    /// Its networks, at least one. Each of them is on all radios.
    pub networks: Vec<NetworkSettings>,
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

/// A radio.
#[derive(Clone, Debug)]
pub struct RadioSettings {
    /// The phy's name.
    pub phy: String,
    /// Where it is.
    pub channel: Channel,
    /// Interfaces of others that hold the phy are set down, and put back at the end.
    pub take: bool,
    /// Country code that it announces.
    pub country: Option<[u8; 2]>,
    /// Transmit power, in hundredths of a dBm; as it is when `None`.
    pub power: Option<u32>,
    /// The first of its BSSIDs; taken from the phy's address when `None`.
    pub bssid: Option<MacAddr>,
}

impl RadioSettings {
    /// A radio with the usual settings.
    pub const fn new(phy: String, channel: Channel) -> Self {
        Self { phy, channel, take: false, country: None, power: None, bssid: None }
    }

    /// As the stack wants it, with BSSIDs out of `block`.
    pub const fn to_stack(&self, block: stack::ap::BssidBlock) -> RadioConfig {
        let mut config = RadioConfig::new(self.channel, block);
        config.country = self.country;
        config
    }
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
