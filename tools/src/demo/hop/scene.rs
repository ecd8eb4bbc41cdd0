//! What is made up: the networks, and what is said on them. Times of the plan are shares of the whole.

use std::time::Duration;

use drivers::propagation::{Knobs, Model, Position};
use stack::ap::BssidBlock;
use stack::wire::{Channel, MacAddr};

/// What the radio that hops is called.
pub(super) const RADIO: &str = "phy0";
/// Its links have the addresses of this block.
pub(super) const BLOCK: BssidBlock = BssidBlock { base: MacAddr([0x02, 0xc1, 0, 0, 0x70, 0]), bits: 4 };
/// How long it takes to another channel.
const RETUNE: Duration = Duration::from_millis(3);
/// The network whose AP loses its power, when, and when it has it again.
pub(super) const OUTAGE: (usize, f64, f64) = (2, 0.34, 0.46);
/// The network that changes its keys, and how old they get.
pub(super) const REKEYING: (usize, f64) = (0, 0.55);

/// A foreign network.
pub(super) struct Network {
    pub(super) ssid: &'static str,
    /// `None` for an open one. There is nothing behind it to protect.
    pub(super) passphrase: Option<&'static str>,
    pub(super) channel: u8,
    pub(super) place: Position,
    /// When it is switched on, in milliseconds: its beacons come every 102.4 ms from then on.
    pub(super) begins: u64,
}

const fn network(
    ssid: &'static str,
    passphrase: Option<&'static str>,
    channel: u8,
    (x, y, begins): (f64, f64, u64),
) -> Network {
    Network { ssid, passphrase, channel, place: Position::new(x, y), begins }
}

/// The networks around the radio, which is in the middle.
pub(super) const NETWORKS: [Network; 4] = [
    network("corner cafe", Some("a flat white, please"), 1, (7.0, 4.0, 0)),
    network("library", None, 11, (-9.0, 5.0, 29)),
    network("neighbour", Some("the cat is called Tom"), 36, (-4.0, -6.0, 54)),
    network("station hall", Some("platform nine at noon"), 149, (8.0, -5.0, 79)),
];

/// One direction of the traffic of a network: numbered MSDUs.
pub(super) struct Stream {
    pub(super) network: usize,
    /// From the radio to the wired host of the network, or back.
    pub(super) up: bool,
    /// Between two MSDUs.
    pub(super) every: Duration,
    /// Bytes of the UDP payload.
    pub(super) size: usize,
    /// DS field of its IP packets.
    pub(super) ds: u8,
}

const fn stream(network: usize, up: bool, every: u64, size: usize) -> Stream {
    Stream { network, up, every: Duration::from_millis(every), size, ds: 0 }
}

/// Expedited forwarding: voice.
const EF: u8 = 0xb8;

/// What is said.
pub(super) const STREAMS: [Stream; 8] = [
    // a download, and what is sent back
    stream(0, false, 8, 1000),
    stream(0, true, 40, 120),
    // a page now and then
    stream(1, false, 25, 700),
    stream(1, true, 50, 90),
    // a call
    Stream { ds: EF, ..stream(2, true, 20, 160) },
    Stream { ds: EF, ..stream(2, false, 20, 160) },
    // pictures are sent
    stream(3, true, 10, 900),
    stream(3, false, 60, 100),
];

/// An ordinary street.
pub(super) fn model() -> Model {
    Model { exponent: 2.7, shadowing: 1.0, retune: RETUNE, ..Model::default() }
}

/// Frames get lost for all sorts of reasons, here and there.
pub(super) fn knobs() -> Knobs {
    Knobs { loss: 0.02, ..Knobs::default() }
}

/// Where the networks are, each once.
pub(super) fn channels() -> Vec<Channel> {
    NETWORKS.iter().filter_map(|network| Channel::from_number(network.channel)).collect()
}

/// The addresses of an AP, one of which is that of its BSS.
pub(super) const fn block(network: usize) -> BssidBlock {
    BssidBlock { base: MacAddr([0x02, 0xf0, 0, 0, network as u8 + 1, 0]), bits: 4 }
}

/// The wired host behind an AP.
pub(super) const fn host(network: usize) -> MacAddr {
    MacAddr([0x02, 0xee, 0, 0, 0x70, network as u8 + 1])
}

/// The radios by their names, and what a capture says of each: the one that hops first.
pub(super) fn radios() -> impl Iterator<Item = (String, String)> {
    let hops = "what the radio that hops sent, and what was sent on its channel while it was there";
    let elsewhere =
        |network: &Network| format!("what the AP of {} sent while the radio was elsewhere", network.ssid);
    let aps = NETWORKS.iter().map(move |network| (network.ssid.to_owned(), elsewhere(network)));
    [(RADIO.to_owned(), hops.to_owned())].into_iter().chain(aps)
}
