//! What the report of a radio that hops tells, as plain data. All times count from the beginning of the story.

use std::time::Duration;

use super::story::{Bins, Drops, Figure, KeyUse, Moment};

/// A story of one radio on many networks.
#[derive(Clone, Debug, Default)]
pub struct HopStory {
    /// The headline.
    pub title: String,
    /// The result in one sentence.
    pub result: String,
    /// Nothing went wrong.
    pub good: bool,
    /// What else is to be said at once, a paragraph each.
    pub more: Vec<String>,
    /// How it can be told again.
    pub origin: String,
    /// How long it took.
    pub length: Duration,
    /// The numbers that matter most.
    pub figures: Vec<Figure>,
    /// The networks.
    pub networks: Vec<Network>,
    /// Where the radio was, in the order of time; between two of them it was nowhere.
    pub visits: Vec<Visit>,
    /// A short time of it, frame by frame.
    pub close: Close,
    /// What happened, in the order of time.
    pub diary: Vec<(Duration, String)>,
    /// What was discarded, and by whom.
    pub drops: Vec<Drops>,
    /// The keys that were seen at work.
    pub keys: Vec<KeyUse>,
}

/// The radio was on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The channel's number.
    pub channel: u8,
    /// From when.
    pub from: Duration,
    /// Until when.
    pub to: Duration,
}

/// A foreign network, and what was seen of it on the air.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Its SSID, as somebody named it.
    pub name: String,
    /// How it is protected.
    pub security: String,
    /// Its channel's number.
    pub channel: u8,
    /// The BSSID of its AP.
    pub bssid: String,
    /// The address of the radio's station there.
    pub station: String,
    /// Beacons that its AP sent.
    pub beacons: Bins,
    /// Those of them that the radio heard.
    pub heard: Bins,
    /// Bytes to the AP, in data frames, repetitions not counted.
    pub up: Bins,
    /// Bytes from it.
    pub down: Bins,
    /// Transmissions from or to the radio that were repeated.
    pub retries: Bins,
    /// Frames with which the station said that it goes: PM=1.
    pub leaves: Bins,
    /// Frames with which it said that it is back: PM=0.
    pub returns: Bins,
    /// MSDUs from or to it that never arrived, when they were sent.
    pub losses: Bins,
    /// Its AP was without power from then to then.
    pub off: Option<(Duration, Duration)>,
    /// What is worth a mark.
    pub moments: Vec<Moment>,
    /// Its row in the table.
    pub totals: NetworkTotals,
}

/// A network's row in the table.
#[derive(Clone, Debug, Default)]
pub struct NetworkTotals {
    /// How long the radio was on its channel.
    pub present: Duration,
    /// The share of a round that the schedule gives its channel at the end, 0 to 1.
    pub slot_share: Option<f64>,
    /// When data could first flow.
    pub joined: Option<Duration>,
    /// How often it was joined.
    pub joins: u64,
    /// MSDUs from the radio, and those of them that arrived.
    pub up: (u64, u64),
    /// MSDUs to it, and those of them that arrived.
    pub down: (u64, u64),
    /// MSDUs that were lost, in both directions, but for the next.
    pub lost: u64,
    /// Those that went with the power of the AP.
    pub taken: u64,
    /// MSDUs that arrived more than once.
    pub duplicated: u64,
    /// Transmissions that were repeated.
    pub retries: u64,
    /// What the radio itself says that it lost or discarded there, by cause.
    pub causes: Vec<(String, u64)>,
    /// How many frames the AP may be trusted to keep, as far as the radio has learnt it.
    pub ap_buffer: Option<u32>,
}

/// A short time, frame by frame.
#[derive(Clone, Debug, Default)]
pub struct Close {
    /// When it begins.
    pub from: Duration,
    /// How long it is.
    pub length: Duration,
    /// The frames of the networks in it, in the order of time.
    pub marks: Vec<Mark>,
}

/// A frame of a network on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which of [`HopStory::networks`].
    pub network: usize,
    /// When its first bit left.
    pub at: Duration,
    /// When its last bit did.
    pub until: Duration,
    /// What it is.
    pub what: Sight,
}

/// What a frame is to a radio that hops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A beacon.
    Beacon {
        /// The radio heard it.
        heard: bool,
    },
    /// The station goes: PM=1.
    Leaves {
        /// The AP knows.
        acked: bool,
    },
    /// The station is back: PM=0.
    Returns {
        /// The AP knows.
        acked: bool,
    },
    /// Data.
    Data {
        /// From the radio, or to it.
        up: bool,
        /// Of the frame.
        bytes: u64,
        /// It is sent again.
        again: bool,
    },
    /// A step of a handshake.
    Key(String),
}
