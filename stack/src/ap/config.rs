//! What an AP radio is told, and what it tells.

use std::time::Duration;

use crate::rsn::Pmk;
use crate::wire::{AckChange, Channel, MacAddr, ReasonCode};

/// An aligned block of addresses that BSSIDs are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BssidBlock {
    /// The first address; its lower `bits` bits are taken as zero.
    pub base: MacAddr,
    /// How many low bits vary, at most 16.
    pub bits: u8,
}

impl BssidBlock {
    /// The address with this index, `None` beyond the end of the block.
    pub fn address(&self, index: u32) -> Option<MacAddr> {
        let size = 1_u32 << self.bits.min(16);
        if index >= size {
            return None;
        }
        let [a, b, c, d, e, f] = self.base.octets();
        let [_, _, high, low] = ((u32::from(e) << 8 | u32::from(f)) & !(size - 1) | index).to_be_bytes();
        Some(MacAddr([a, b, c, d, high, low]))
    }
}

/// The name of a network within a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub u16);

/// How a network is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Not at all.
    Open,
    /// WPA2-PSK with CCMP-128.
    Wpa2(Pmk),
}

/// One network; on a radio it is one BSS.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Its name in events.
    pub id: NetworkId,
    /// 1 to 32 bytes.
    pub ssid: Vec<u8>,
    /// Beacons do not tell the SSID, and only probe requests that name it are answered.
    pub hidden: bool,
    /// How it is protected.
    pub security: Security,
    /// Stations cannot reach each other through this AP.
    pub isolate: bool,
    /// Between beacons, in time units of 1024 µs.
    pub beacon_interval: u16,
    /// Every how many beacons there is a DTIM.
    pub dtim_period: u8,
    /// Most stations at a time, at most 2007.
    pub max_stations: u16,
    /// A station that is silent for longer is asked whether it is there, and disassociated if it is not.
    pub inactivity: Duration,
    /// MPDUs longer than this many bytes (FCS included) are fragmented.
    pub fragmentation_threshold: Option<usize>,
}

impl NetworkConfig {
    /// A network with the usual values.
    pub const fn new(id: NetworkId, ssid: Vec<u8>, security: Security) -> Self {
        Self {
            id,
            ssid,
            hidden: false,
            security,
            isolate: false,
            beacon_interval: 100,
            dtim_period: 2,
            max_stations: 2007,
            inactivity: Duration::from_secs(300),
            fragmentation_threshold: None,
        }
    }
}

/// One radio.
#[derive(Clone, Copy, Debug)]
pub struct RadioConfig {
    /// Where it is.
    pub channel: Channel,
    /// Where its BSSIDs come from: network n has the address with index n.
    pub block: BssidBlock,
    /// Country code, such as `*b"DE"`; no Country element without one.
    pub country: Option<[u8; 2]>,
    /// The longest MPDU that the radio takes, without FCS.
    pub max_mpdu: usize,
    /// Most frames that are with the radio at a time.
    pub window: usize,
}

impl RadioConfig {
    /// A radio with the usual limits.
    pub const fn new(channel: Channel, block: BssidBlock) -> Self {
        Self { channel, block, country: None, max_mpdu: 2250, window: 64 }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApEvent {
    /// A frame for the distribution system. Give the buffer back with `recycle_event`.
    Msdu {
        /// The network it came from.
        network: NetworkId,
        /// An Ethernet frame without FCS.
        ethernet: Vec<u8>,
    },
    /// The radio has to acknowledge an address, or no longer.
    Ack(AckChange),
    /// A station's port opened.
    StationJoined {
        /// Its network.
        network: NetworkId,
        /// Its BSS.
        bssid: MacAddr,
        /// The station.
        station: MacAddr,
    },
    /// An association ended.
    StationLeft {
        /// Its network.
        network: NetworkId,
        /// Its BSS.
        bssid: MacAddr,
        /// The station.
        station: MacAddr,
        /// Why.
        reason: ReasonCode,
    },
    /// A station fell asleep or woke up.
    PowerSave {
        /// Its BSS.
        bssid: MacAddr,
        /// The station.
        station: MacAddr,
        /// It dozes.
        dozing: bool,
    },
}
