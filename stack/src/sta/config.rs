//! What a link is told, and what it tells.

use std::time::Duration;

use crate::rsn::{HandshakeFailure, Pmk};
use crate::wire::{Channel, MacAddr, ReasonCode, StatusCode};

/// Which network a link is for, and how it goes about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// The station's own address. The radio must acknowledge it.
    pub address: MacAddr,
    /// The network, 1 to 32 bytes.
    pub ssid: Vec<u8>,
    /// How it is protected. A BSS that is protected in another way is not ours.
    pub security: LinkSecurity,
    /// Only this BSS of it.
    pub bssid: Option<MacAddr>,
    /// The rates the radio has in any band, in units of 500 kb/s, bit 7 on those that it takes for basic. An AP is told
    /// those of them that it has announced.
    pub rates: Vec<u8>,
    /// How many streams the radio has with HT, up to 2; 0 for one that does not take HT rates for injected frames: it
    /// receives one and sends none.
    pub ht_streams: u8,
    /// The channels on which it follows an AP that changes its channel (SEC-M7).
    pub channels: Vec<Channel>,
    /// Listens for beacons only. Networks that hide their SSID are then not found.
    pub passive: bool,
    /// Dozes after so long without traffic; never if unset.
    pub doze_after: Option<Duration>,
    /// How it fetches what the AP has kept for it while it dozed.
    pub fetch: Fetch,
    /// Its radio goes to other channels, too ([`crate::hop`]): it takes leave of an AP before it follows it to another channel.
    pub hops: bool,
    /// Told to the AP: how many beacon intervals it must keep frames for at least.
    pub listen_interval: u16,
    /// The longest MPDU that the radio takes, without FCS.
    pub max_mpdu: usize,
    /// MPDUs longer than this many bytes (FCS included) are fragmented.
    pub fragmentation_threshold: Option<usize>,
}

impl LinkConfig {
    /// A link with the rates of DSSS, CCK and OFDM that never dozes, for the channels of 2.4 GHz that are allowed
    /// everywhere, and those of 5 GHz without radar.
    pub fn new(address: MacAddr, ssid: &[u8]) -> Self {
        Self {
            address,
            ssid: ssid.to_vec(),
            security: LinkSecurity::Open,
            bssid: None,
            rates: vec![0x0c, 0x12, 0x18, 0x24, 0x30, 0x48, 0x60, 0x6c, 0x82, 0x84, 0x8b, 0x96],
            ht_streams: 1,
            channels: (1..=11).chain(36..=48).chain(149..=165).filter_map(Channel::from_number).collect(),
            passive: false,
            doze_after: None,
            fetch: Fetch::Poll,
            hops: false,
            listen_interval: 10,
            max_mpdu: 2250,
            fragmentation_threshold: None,
        }
    }
}

/// How a dozing station fetches what the AP has kept for it (802.11-2020 11.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Frame by frame, with a PS-Poll for each.
    Poll,
    /// It says that it is awake, and dozes again when nothing more comes.
    Wake,
    /// With U-APSD in all access categories: a trigger frame brings all there is. An AP that does not know it is
    /// polled.
    Trigger,
}

/// How a network is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkSecurity {
    /// Not at all.
    Open,
    /// WPA2 with this key, that of [`Pmk::from_passphrase`].
    Wpa2(Pmk),
}

/// Why an association, or the attempt at one, came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// The AP deauthenticated us.
    #[error("deauthenticated by the AP: {0}")]
    Deauthenticated(ReasonCode),
    /// The AP disassociated us.
    #[error("disassociated by the AP: {0}")]
    Disassociated(ReasonCode),
    /// The handshake failed.
    #[error("{0}")]
    Handshake(HandshakeFailure),
    /// No beacon was heard for too long.
    #[error("the AP's beacons are gone")]
    BeaconLoss,
    /// The AP refused the authentication or the association.
    #[error("refused by the AP: {0}")]
    Refused(StatusCode),
    /// The AP did not answer.
    #[error("the AP did not answer")]
    Unanswered,
    /// We were told to stop.
    #[error("stopped")]
    Stopped,
}

/// What happened on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// Data can flow.
    Connected {
        /// With this BSS.
        bssid: MacAddr,
        /// Our association ID there.
        aid: u16,
    },
    /// The association, or the attempt at one, is over. Unless it was stopped the link goes on trying.
    Disconnected {
        /// With this BSS.
        bssid: MacAddr,
        /// Why.
        end: LinkEnd,
    },
    /// No BSS of the network was heard on this channel. The link looks again, ever more patiently, or where
    /// [`Link::search`](crate::sta::Link::search) has it look.
    NotFound,
    /// An Ethernet frame for the network layer.
    Msdu(Vec<u8>),
    /// The AP knows that the station dozes.
    Dozing,
    /// The station is awake again.
    Awake,
    /// The radio may go to another channel, and nothing is sent before it is back.
    Away {
        /// The AP knows, or there is none: if not, it goes on sending.
        told: bool,
    },
    /// The AP is on another channel, or back on the one before: the radio is to be tuned to it, and then
    /// [`Link::handle_channel_set`](crate::sta::Link::handle_channel_set).
    SwitchChannel(Channel),
}

/// Where a link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Not started, or stopped.
    Off,
    /// Between two attempts.
    Waiting,
    /// Looks for the network.
    Scanning,
    /// Waits for the answer to its authentication.
    Authenticating,
    /// Waits for the answer to its association.
    Associating,
    /// Associated; the handshake is under way.
    Securing,
    /// Data can flow.
    Connected,
}

impl LinkState {
    /// The name in `status`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Waiting => "waiting",
            Self::Scanning => "scanning",
            Self::Authenticating => "authenticating",
            Self::Associating => "associating",
            Self::Securing => "securing",
            Self::Connected => "connected",
        }
    }
}
