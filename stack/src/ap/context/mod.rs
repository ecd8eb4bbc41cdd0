//! A virtual AP as bytes, for the road between hosts.

mod merge;
mod pack;
mod unpack;

use crate::crypto::key_fingerprint;
use crate::mac::{KeyRecord, PeerRecord, QueuedRecord, SequenceNumbers, TakenRates, Uapsd};
use crate::rsn::{AuthenticatorRecord, Gtk};
use crate::wire::record::{Record, record};
use crate::wire::{Channel, MacAddr, Reader, RecordError, SequenceControl};
use std::time::Duration;
use zeroize::Zeroizing;

/// The version that is written, and the only one that is read.
const VERSION: u8 = 4;
/// Everything but what is queued takes fewer bytes.
const FIXED: usize = 2048;
/// A queued MSDU takes fewer bytes besides its frame.
const QUEUED: usize = 64;
/// What the queues of a station and of its group hold at most, and room for the rest.
const MOST: usize = 4 << 20;

/// How far the replay counter of the handshakes is moved on in a copy: the owner may send so many messages more.
const MESSAGES: u64 = 1 << 32;

/// All that it takes to go on serving a client elsewhere, in plaintext: whoever carries it must seal it.
///
/// Times in it are ages, but for the TSF timer, which is relative to the [`SharedClock`]. What must not move is not in it:
/// fragments, and handshakes under way (SEC-H10). The PMK is not either: with a PSK, it is the network's; its PMKID shows
/// that both hosts mean the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    bssid: MacAddr,
    client: MacAddr,
    ssid: Vec<u8>,
    pmkid: Option<[u8; 16]>,
    /// How long the PMK still lasts; a PSK lasts for ever.
    pmk_lifetime: Option<Duration>,
    beacon_interval: u16,
    dtim_period: u8,
    dtim_count: u8,
    /// How far the TSF timer is ahead of the shared clock, in microseconds.
    tsf: i64,
    /// What the TSF timer shows when the next beacon is due.
    tbtt: u64,
    /// The channel that its client was on last.
    channel: Channel,
    switch: Option<SwitchRecord>,
    /// Group frames that may still follow the last DTIM beacon.
    burst: u16,
    sequence: SequenceNumbers,
    station: StationRecord,
    pairwise: Option<PairwiseRecord>,
    group: Option<GroupRecord>,
    group_queue: Vec<QueuedRecord>,
}

/// A channel switch that its client has been told of, or is being told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SwitchRecord {
    to: Channel,
    /// What the TSF timer shows at its TBTT.
    at: u64,
}

/// The client.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StationRecord {
    association_id: u16,
    qos: bool,
    uapsd: Uapsd,
    max_amsdu: Option<u16>,
    spp_amsdu: bool,
    buffer_age: Duration,
    takes: TakenRates,
    /// Its beacons go at 12 Mb/s.
    fast_beacons: bool,
    request: SequenceControl,
    age: Duration,
    proven: bool,
    asked: Option<Duration>,
    key_age: Duration,
    /// How long a pairwise rekey that has begun still waits for what was queued before it.
    draining: Option<Duration>,
    group_handed: u64,
    group_has: u64,
    peer: PeerRecord,
}

/// The pairwise key, and what its replacement takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PairwiseRecord {
    key: KeyRecord,
    authenticator: AuthenticatorRecord,
}

/// The group key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct GroupRecord {
    gtk: Gtk,
    key_id: u8,
    /// The highest packet number that was used, or that its owner may still use.
    sent: u64,
    generation: u64,
    age: Duration,
}

record!(Context {
    bssid,
    client,
    ssid,
    pmkid,
    pmk_lifetime,
    beacon_interval,
    dtim_period,
    dtim_count,
    tsf,
    tbtt,
    channel,
    switch,
    burst,
    sequence,
    station,
    pairwise,
    group,
    group_queue,
});
record!(SwitchRecord { to, at });
record!(StationRecord {
    association_id,
    qos,
    uapsd,
    max_amsdu,
    spp_amsdu,
    buffer_age,
    takes,
    fast_beacons,
    request,
    age,
    proven,
    asked,
    key_age,
    draining,
    group_handed,
    group_has,
    peer,
});
record!(PairwiseRecord { key, authenticator });
record!(GroupRecord { gtk, key_id, sent, generation, age });

/// The clock that all nodes of a cluster share: Unix time, as NTP or PTP keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharedClock {
    /// How far it is ahead of this node's own monotonic clock, in microseconds.
    pub ahead: i64,
}

/// The name of a transmit key in tables of packet numbers: it tells nothing about the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

/// Why bytes are no context, or a context becomes no virtual AP here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// Another version than this one.
    #[error("a context of version {0}, where {VERSION} is understood")]
    Version(u8),
    /// More bytes than a context can have.
    #[error("{0} bytes are too many for a context")]
    TooLong(usize),
    /// Fields that cannot be.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Bytes are left.
    #[error("{0} bytes after the end of a context")]
    Trailing(usize),
    /// Another SSID, another key, or not a network with a virtual AP for each client.
    #[error("the context is of another network")]
    OtherNetwork,
    /// There are no packet numbers for one of its keys.
    #[error("no packet numbers for a key of the context")]
    NoRange,
    /// The packet numbers given for a key begin below some that may have been used already (SEC-H1).
    #[error("packet numbers from {given} on, where {used} may have been used")]
    RangeTooLow {
        /// What the range begins after.
        given: u64,
        /// The highest that was used or reserved.
        used: u64,
    },
}

impl KeyId {
    fn of(key: &[u8]) -> Self {
        Self(key_fingerprint(key, b"vap-pn"))
    }
}

impl Context {
    /// Its BSSID.
    pub const fn bssid(&self) -> MacAddr {
        self.bssid
    }

    /// Its client.
    pub const fn client(&self) -> MacAddr {
        self.client
    }

    /// The SSID of its network.
    pub fn ssid(&self) -> &[u8] {
        &self.ssid
    }

    /// The channel on which its client is to be served: where it is, or where it was told to go.
    pub fn channel(&self) -> Channel {
        self.switch.map_or(self.channel, |switch| switch.to)
    }

    /// How many MSDUs wait for its client in it, and for its group.
    pub fn queued(&self) -> usize {
        self.station.peer.queued().count() + self.group_queue.len()
    }

    /// Its transmit keys, each with the highest packet number that was used, or of a copy: that its owner may still use.
    pub fn keys(&self) -> impl Iterator<Item = (KeyId, u64)> {
        let pairwise = self.pairwise.as_ref();
        let pairwise = pairwise.map(|pairwise| (pairwise.authenticator.ptk.tk.expose(), pairwise.key.sent));
        let group = self.group.as_ref().map(|group| (group.gtk.expose(), group.sent));
        pairwise.into_iter().chain(group).map(|(key, sent)| (KeyId::of(key), sent))
    }

    /// The same as if it were only a copy: somebody else may have gone on with it, so what is queued in it may have been
    /// sent, and more may have been received (SEC-H2).
    #[must_use]
    pub fn into_copy(mut self) -> Self {
        if let Some(pairwise) = self.pairwise.as_mut().filter(|pairwise| pairwise.key.received.is_some()) {
            pairwise.key.received = None;
            pairwise.authenticator.counter = pairwise.authenticator.counter.saturating_add(MESSAGES);
        }
        self.station.draining = None;
        self.station.peer.forget_what_waits();
        self.group_queue.clear();
        self
    }

    /// Its bytes, the version first.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Memory that a growing vector leaves behind would not be wiped.
        let queues = self.station.peer.queued().chain(&self.group_queue);
        let queued: usize = queues.map(|queued| queued.frame.len() + QUEUED).sum();
        let mut out = Zeroizing::new(Vec::with_capacity(FIXED + queued));
        VERSION.put(&mut out);
        self.put(&mut out);
        out
    }

    /// The context with these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, ContextError> {
        if bytes.len() > MOST {
            return Err(ContextError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let version = u8::read(&mut reader)?;
        if version != VERSION {
            return Err(ContextError::Version(version));
        }
        let context = Self::read(&mut reader)?;
        if reader.is_empty() { Ok(context) } else { Err(ContextError::Trailing(reader.remaining())) }
    }
}
