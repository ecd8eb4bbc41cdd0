//! What an AP radio is told, and what it tells.

use std::time::Duration;

use crate::ap::block::BssidBlock;
use crate::mac::TxRange;
use crate::rsn::Pmk;
use crate::wire::{AckChange, Channel, MacAddr, ReasonCode, RxInfo};

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

/// Who shares a virtual AP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VirtualApKind {
    /// All stations of the network: one BSS on each radio.
    #[default]
    Shared,
    /// Nobody: each client has a BSS of its own, so that it can be moved alone.
    PerClient,
}

/// One network.
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
    /// Who shares a virtual AP.
    pub kind: VirtualApKind,
    /// Stations cannot reach each other through this AP.
    pub isolate: bool,
    /// Between beacons, in time units of 1024 µs.
    pub beacon_interval: u16,
    /// Every how many beacons there is a DTIM.
    pub dtim_period: u8,
    /// Most stations at a time on one radio, at most 2007.
    pub max_stations: u16,
    /// A station that is silent for longer is asked whether it is there, and disassociated if it is not.
    pub inactivity: Duration,
    /// MPDUs longer than this many bytes (FCS included) are fragmented.
    pub fragmentation_threshold: Option<usize>,
    /// A group key is replaced after so long; never for its age if unset.
    pub group_rekey: Option<Duration>,
    /// A pairwise key is replaced after so long; never for its age if unset.
    pub pairwise_rekey: Option<Duration>,
}

impl NetworkConfig {
    /// A network with the usual values.
    pub const fn new(id: NetworkId, ssid: Vec<u8>, security: Security) -> Self {
        Self {
            id,
            ssid,
            hidden: false,
            security,
            kind: VirtualApKind::Shared,
            isolate: false,
            beacon_interval: 100,
            dtim_period: 2,
            max_stations: 2007,
            inactivity: Duration::from_secs(300),
            fragmentation_threshold: None,
            group_rekey: Some(Duration::from_secs(86_400)),
            pairwise_rekey: None,
        }
    }
}

/// One radio.
#[derive(Clone, Copy, Debug)]
pub struct RadioConfig {
    /// Where it is.
    pub channel: Channel,
    /// Every BSSID that may live here: those of `own`, and those of virtual APs that come from other radios.
    pub block: BssidBlock,
    /// The part of `block` that new BSSIDs come from, and that no other radio has. Network n has the address with index n:
    /// its BSS if it is shared, else the parent that announces it. The addresses above are those of the clients of
    /// per-client networks.
    pub own: BssidBlock,
    /// The packet numbers that are used with each new pairwise and group key.
    pub fresh_keys: TxRange,
    /// Country code, such as `*b"DE"`; no Country element without one.
    pub country: Option<[u8; 2]>,
    /// The longest MPDU that the radio takes, without FCS.
    pub max_mpdu: usize,
    /// Most frames that are with the radio at a time.
    pub window: usize,
    /// It leaves the channel again and again for others: the beacons of all its virtual APs lie together, so that it need not
    /// come for each.
    pub hops: bool,
    /// How many streams it has with HT, up to 2; 0 for a radio that does not take HT rates for injected frames: it
    /// receives one and sends none.
    pub ht_streams: u8,
}

impl RadioConfig {
    /// A radio with the usual limits, which has the block and its keys to itself.
    pub const fn new(channel: Channel, block: BssidBlock) -> Self {
        Self {
            channel,
            block,
            own: block,
            fresh_keys: TxRange::ALL,
            country: None,
            max_mpdu: 2250,
            window: 64,
            hops: false,
            ht_streams: 1,
        }
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
    /// A virtual AP that was to be drained has nothing in flight: [`ApRadio::take`](crate::ap::ApRadio::take) it.
    Drained(MacAddr),
    /// A frame for a virtual AP that has just left, acknowledged by this radio: the radio where it is now takes it with
    /// `handle_frame`. Give the buffer back with `recycle_event`.
    Stray {
        /// Which virtual AP.
        bssid: MacAddr,
        /// How it was heard, but for the signal, which is that of this radio and none of the other.
        info: RxInfo,
        /// The MPDU.
        frame: Vec<u8>,
    },
    /// The client of a virtual AP that came from another channel is heard here.
    Followed(MacAddr),
    /// It is not, and has been waited for long enough: it may be where it was. What waits for it is held for two seconds more,
    /// so that the virtual AP can be taken back there.
    NotFollowed(MacAddr),
    /// A virtual AP with an address of another radio has ended here: tell
    /// [`ApRadio::vacated`](crate::ap::ApRadio::vacated) of that one.
    Vacated(MacAddr),
    /// How a station of the block is heard here, several times a second at most. That of a virtual AP elsewhere may be
    /// anybody who gives its address.
    Heard {
        /// Its BSS, wherever that is.
        bssid: MacAddr,
        /// The station.
        station: MacAddr,
        /// In dBm.
        signal: i8,
    },
    /// A virtual AP of the block that is not here is on the air: its beacons are heard, or somebody forges them. Several times
    /// a second at most.
    OnAir(MacAddr),
    /// Nothing is with the radio and nothing more is launched: it may leave the channel, as
    /// [`ApRadio::fall_silent`](crate::ap::ApRadio::fall_silent) wanted.
    Away,
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
