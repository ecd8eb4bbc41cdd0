//! What `airloom status --json` says, as values: filled by the node, read by `status`, `top` and tests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A node, all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The node's name.
    pub node: String,
    /// The program's version.
    pub version: String,
    /// How long it has been running, in milliseconds.
    pub uptime_ms: u64,
    /// Its radios.
    pub radios: Vec<Radio>,
    /// The virtual APs on its radios.
    pub virtual_aps: Vec<VirtualAp>,
    /// Foreign networks that it is a station of.
    pub links: Vec<Link>,
    /// The other nodes of its cluster.
    pub peers: Vec<PeerNode>,
    /// Who is where in its cluster, if it is in one.
    #[serde(default)]
    pub claims: Option<Claims>,
    /// What was discarded of what came from other nodes, by reason.
    #[serde(default)]
    pub cluster_drops: BTreeMap<String, u64>,
    /// The last moves of clients between, from and to its radios, the latest last.
    #[serde(default)]
    pub moves: Vec<Move>,
    /// All moves since the start.
    #[serde(default)]
    pub move_totals: MoveTotals,
}

/// Upper bounds of the gaps that [`MoveTotals::gaps`] counts, in microseconds.
pub const GAP_BOUNDS_US: [u64; 10] =
    [200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000];

/// Moves since the node's start, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveTotals {
    /// Between its radios.
    pub within: u64,
    /// To other nodes.
    pub left: u64,
    /// From other nodes.
    pub arrived: u64,
    /// From nodes that were lost.
    pub taken_over: u64,
    /// The gaps of those within and those that left, summed up, in microseconds.
    pub gap_us: u64,
    /// How many of these gaps lie up to each of [`GAP_BOUNDS_US`] and above the one before.
    pub gaps: [u64; GAP_BOUNDS_US.len()],
}

impl MoveTotals {
    /// Counts a gap.
    pub fn gap(&mut self, gap_us: u64) {
        self.gap_us = self.gap_us.saturating_add(gap_us);
        let place = GAP_BOUNDS_US.iter().position(|bound| gap_us <= *bound);
        if let Some(count) = place.and_then(|place| self.gaps.get_mut(place)) {
            *count += 1;
        }
    }
}

/// Who is behind which node, as the node sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The clients of all nodes.
    pub clients: Vec<Whereabouts>,
    /// Addresses on wires that are known.
    pub wired: u64,
    /// How often somebody claimed an address that was another's, by a claim or by frames on the wire.
    pub conflicts: u64,
    /// How often a station moved so much that it was held where it was.
    pub frozen: u64,
    /// Claims that could not be read, or were in another's name.
    pub malformed: u64,
    /// Signed announcements that were not believed, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Frames between nodes that were discarded, by reason.
    pub drops: BTreeMap<String, u64>,
    /// The last conflicts, the latest last.
    pub last_conflicts: Vec<Conflict>,
}

/// Where a client is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// Its address.
    pub client: String,
    /// Its VLAN.
    pub vlan: u16,
    /// The node that has it.
    pub node: String,
    /// Of the lease under which it is served.
    pub generation: u64,
}

/// An address that two claimed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    /// The address.
    pub client: String,
    /// Its VLAN.
    pub vlan: u16,
    /// The node that had it before.
    pub holder: String,
    /// The node that claimed it, or `wire` for somebody who sent with it there.
    pub claimant: String,
}

/// A client's virtual AP that went from one radio to another, of this node or of others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The client's address.
    pub client: String,
    /// Its BSSID, which went with it.
    pub bssid: String,
    /// The radio that it left; `@` and the node's name if it came from another one.
    pub from: String,
    /// The radio that it came to; `@` and the node's name if that is another one.
    pub to: String,
    /// When, in milliseconds after the node's start.
    pub at_ms: u64,
    /// For how long nothing could be sent to it, in microseconds. Only the node that it left knows.
    pub gap_us: Option<u64>,
    /// MSDUs for the client that came with it; `None` for one that left.
    #[serde(default)]
    pub queued: Option<u64>,
    /// Its owner was lost, and this node has taken it over from a copy.
    #[serde(default)]
    pub taken_over: bool,
}

/// A radio.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Radio {
    /// The phy's name.
    pub phy: String,
    /// `up`, or why it is not.
    pub state: String,
    /// The channel's number.
    pub channel: u8,
    /// The channel's centre frequency, in MHz.
    pub frequency: u16,
    /// Frames that were discarded, by reason.
    pub drops: BTreeMap<String, u64>,
    /// What passed.
    pub counters: RadioCounters,
    /// The addresses that it acknowledges.
    pub ack_addresses: Vec<String>,
    /// Addresses that it was to acknowledge and does not, since the start.
    pub ack_failures: u64,
    /// What the kernel said at the last of them.
    pub ack_failure: Option<String>,
    /// How it goes round the channels of its links, if it has any.
    #[serde(default)]
    pub hopping: Option<Hopping>,
}

/// How a radio goes round its channels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hopping {
    /// How long a round takes.
    pub cycle_ms: f64,
    /// The share of the air that is left by it, 0 to 1.
    pub air_left: f64,
    /// How often it was tuned to another channel.
    pub hops: u64,
    /// How long that took altogether, in milliseconds.
    pub dead_air_ms: f64,
    /// How often it could not be tuned.
    pub failed: u64,
    /// How long a hop takes, in the median of the last ones, where the driver says when it is done.
    pub median_ms: Option<f64>,
    /// How much of that is ours, and not the driver's.
    pub ours_ms: Option<f64>,
}

/// What passed a radio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioCounters {
    /// Frames that were heard, those to others included.
    pub rx_frames: u64,
    /// Frames that were given to it.
    pub tx_frames: u64,
    /// Frames that it said were acknowledged, or needed not be.
    pub tx_acked: u64,
    /// Frames that it said were not.
    pub tx_failed: u64,
    /// Retries that it reported.
    pub tx_retries: u64,
    /// MSDUs that came from stations on it.
    pub msdus_from_stations: u64,
    /// MSDUs that came for stations on it: from other radios and from the outside.
    pub msdus_to_stations: u64,
}

/// A virtual AP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VirtualAp {
    /// Its BSSID.
    pub bssid: String,
    /// Its SSID; bytes that are not text are escaped.
    pub ssid: String,
    /// `per-client` or `shared`.
    pub kind: String,
    /// The node that has it.
    pub node: String,
    /// The radio that it is on.
    pub radio: String,
    /// Of its lease; 0 where it has never moved.
    pub generation: u64,
    /// Its stations.
    pub clients: Vec<Client>,
}

/// A station of a virtual AP.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// Its address.
    pub address: String,
    /// `associated` while its handshake is under way, `authorized` when data may pass.
    pub state: String,
    /// It dozes.
    pub power_save: bool,
    /// Frames from it.
    pub rx_frames: u64,
    /// Frames to it that it acknowledged.
    pub tx_frames: u64,
    /// Bytes from it, MAC headers included.
    pub rx_bytes: u64,
    /// Bytes to it, MAC headers included.
    pub tx_bytes: u64,
    /// Retries of frames to it.
    pub tx_retries: u64,
    /// Frames to it that it never acknowledged.
    pub tx_failed: u64,
    /// Signal, averaged over about eight frames, in dBm.
    pub signal_dbm: Option<i8>,
    /// Modulation and rate of the last data frame from it.
    pub rx_rate: Option<String>,
    /// MSDUs that wait for it.
    pub queued: u64,
    /// How long nothing was heard of it, in milliseconds.
    pub inactive_ms: u64,
}

/// A foreign network that the node is a station of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    /// Its SSID; bytes that are not text are escaped.
    pub ssid: String,
    /// The BSS that was joined, empty while there is none.
    pub bssid: String,
    /// Where the link stands: `off`, `waiting`, `scanning`, `authenticating`, `associating`, `securing`, `connected`.
    pub state: String,
    /// The channel's number; 0 while it is looked for.
    pub channel: u8,
    /// The TAP that carries its Ethernet, if one does.
    pub tap: Option<String>,
    /// The station's own address.
    pub address: String,
    /// The radio that it is on.
    pub radio: String,
    /// Why its channel is not hopped to.
    pub refusal: Option<String>,
    /// Signal of its AP, averaged over about eight frames, in dBm.
    pub signal_dbm: Option<i8>,
    /// The share of the radio's time that its channel gets, 0 to 1.
    pub slot_share: Option<f64>,
    /// How long a hop to its channel usually takes.
    pub dead_air_ms: Option<f64>,
    /// How many frames its AP may be trusted to keep while the radio is away, as far as that was learnt.
    pub ap_buffer: Option<u32>,
    /// Ethernet frames from the network.
    pub rx_frames: u64,
    /// Bytes in them.
    pub rx_bytes: u64,
    /// Ethernet frames to the network.
    pub tx_frames: u64,
    /// Bytes in them.
    pub tx_bytes: u64,
    /// Frames that wait for the radio to be there.
    pub queued: u64,
    /// How often it was connected.
    pub connects: u64,
    /// Frames that were lost or discarded, by cause.
    pub losses: BTreeMap<String, u64>,
}

/// Another node of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerNode {
    /// Its name.
    pub node: String,
    /// How it is reached.
    pub state: String,
}
