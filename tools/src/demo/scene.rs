//! What is made up: the house, the people in it, and what they do. Times of the plan are shares of the whole, so that
//! a short demo tells the same story as a long one.

use std::time::Duration;

use drivers::propagation::{Knobs, Model, Position};
use stack::ap::{NetworkId, VirtualApKind};
use stack::wire::{Channel, MacAddr};

/// The protected network.
pub(super) const HOME: NetworkId = NetworkId(0);
/// The open one.
pub(super) const GUESTS: NetworkId = NetworkId(1);
/// The passphrase of [`HOME`]. There is nothing behind it to protect.
pub(super) const PASSPHRASE: &str = "every client an air of its own";

/// A radio of the node.
pub(super) struct Mast {
    pub(super) name: &'static str,
    pub(super) channel: u8,
    pub(super) place: Position,
    /// First address of its block of BSSIDs.
    pub(super) block: MacAddr,
}

/// The radios.
pub(super) const MASTS: [Mast; 2] = [
    Mast {
        name: "west",
        channel: 6,
        place: Position::new(6.0, 8.0),
        block: MacAddr([0x02, 0xa1, 0x00, 0x00, 0x10, 0x00]),
    },
    Mast {
        name: "east",
        channel: 36,
        place: Position::new(44.0, 10.0),
        block: MacAddr([0x02, 0xa1, 0x00, 0x00, 0x20, 0x00]),
    },
];

/// A network.
pub(super) struct Network {
    pub(super) id: NetworkId,
    pub(super) ssid: &'static str,
    pub(super) protected: bool,
    pub(super) kind: VirtualApKind,
    /// The wired host behind it.
    pub(super) host: MacAddr,
}

/// The networks, on both radios.
pub(super) const NETWORKS: [Network; 2] = [
    Network {
        id: HOME,
        ssid: "airloom home",
        protected: true,
        kind: VirtualApKind::PerClient,
        host: MacAddr([0x02, 0xee, 0x00, 0x00, 0x00, 0x01]),
    },
    Network {
        id: GUESTS,
        ssid: "airloom guests",
        protected: false,
        kind: VirtualApKind::Shared,
        host: MacAddr([0x02, 0xee, 0x00, 0x00, 0x00, 0x02]),
    },
];

/// A client.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) address: MacAddr,
    pub(super) network: NetworkId,
    /// Channels in the order in which it looks for its network.
    pub(super) channels: [u8; 2],
    /// Dozes after so long without traffic.
    pub(super) doze_after: Option<Duration>,
    /// When it is switched on, as a share of the demo.
    pub(super) arrives: f64,
    /// From when to when it is away in between.
    pub(super) away: Option<(f64, f64)>,
    /// Where it is, at shares of the demo.
    pub(super) way: &'static [(f64, f64, f64)],
}

/// The clients.
pub(super) const PEOPLE: [Person; 4] = [
    Person {
        name: "laptop",
        address: MacAddr([0x02, 0xc1, 0x00, 0x00, 0x00, 0x01]),
        network: HOME,
        channels: [6, 36],
        doze_after: None,
        arrives: 0.01,
        away: None,
        way: &[(0.0, 9.0, 14.0)],
    },
    Person {
        name: "phone",
        address: MacAddr([0x02, 0xc1, 0x00, 0x00, 0x00, 0x02]),
        network: HOME,
        channels: [6, 36],
        doze_after: Some(Duration::from_millis(120)),
        arrives: 0.04,
        away: None,
        way: &[
            (0.0, 8.0, 4.0),
            (0.22, 8.0, 4.0),
            (0.40, 26.0, 3.0),
            (0.52, 33.0, 13.0),
            (0.62, 33.0, 13.0),
            (0.78, 20.0, 15.0),
            (0.92, 10.0, 7.0),
        ],
    },
    Person {
        name: "tablet",
        address: MacAddr([0x02, 0xc1, 0x00, 0x00, 0x00, 0x03]),
        network: HOME,
        channels: [36, 6],
        doze_after: Some(Duration::from_millis(80)),
        arrives: 0.08,
        away: Some((0.52, 0.66)),
        way: &[(0.0, 48.0, 4.0)],
    },
    Person {
        name: "sensor",
        address: MacAddr([0x02, 0xc1, 0x00, 0x00, 0x00, 0x04]),
        network: GUESTS,
        channels: [36, 6],
        doze_after: Some(Duration::from_millis(40)),
        arrives: 0.14,
        away: None,
        way: &[(0.0, 52.0, 14.0)],
    },
];

/// One end of a stream: a client by its index, or the wired host of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Host,
    Client(usize),
}

/// Numbered MSDUs from one end to the other.
pub(super) struct Stream {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) network: NetworkId,
    /// Between two MSDUs.
    pub(super) every: Duration,
    /// Bytes of the UDP payload.
    pub(super) size: usize,
    /// DS field of its IP packets.
    pub(super) ds: u8,
    /// It speaks in the first part of each such time only.
    pub(super) pause: Option<(Duration, Duration)>,
    /// From when to when, as shares of the demo.
    pub(super) between: (f64, f64),
}

const fn stream(from: End, to: End, network: NetworkId, every: u64, size: usize) -> Stream {
    let every = Duration::from_millis(every);
    Stream { from, to, network, every, size, ds: 0, pause: None, between: (0.0, 1.0) }
}

/// Expedited forwarding: voice.
const EF: u8 = 0xb8;

/// Who talks to whom.
pub(super) const STREAMS: [Stream; 11] = [
    // the laptop works: a download, and what it sends back
    stream(End::Host, End::Client(0), HOME, 10, 1200),
    stream(End::Client(0), End::Host, HOME, 25, 300),
    // the phone calls, then only looks for messages
    Stream { ds: EF, between: (0.0, 0.66), ..stream(End::Client(1), End::Host, HOME, 20, 160) },
    Stream { ds: EF, between: (0.0, 0.66), ..stream(End::Host, End::Client(1), HOME, 20, 160) },
    Stream { between: (0.66, 1.0), ..stream(End::Host, End::Client(1), HOME, 600, 400) },
    // the tablet reads: a page now and then
    Stream { pause: Some(PAGE), ..stream(End::Host, End::Client(2), HOME, 8, 1000) },
    Stream { pause: Some(PAGE), ..stream(End::Client(2), End::Host, HOME, 40, 120) },
    // tablet and laptop exchange something, from radio to radio
    Stream { pause: Some(CHAT), ..stream(End::Client(2), End::Client(0), HOME, 30, 500) },
    Stream { pause: Some(CHAT), ..stream(End::Client(0), End::Client(2), HOME, 30, 500) },
    // the sensor reports, and is told something now and then
    stream(End::Client(3), End::Host, GUESTS, 350, 60),
    stream(End::Host, End::Client(3), GUESTS, 1130, 90),
];

/// A page: so long in so long.
const PAGE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(1700));
const CHAT: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(2900));

/// While it is on, a microwave oven near the western radio drowns frames there.
pub(super) const OVEN: (f64, f64) = (0.30, 0.38);
/// Of each hundred frames near it, so many.
pub(super) const OVEN_LOSS: f64 = 0.15;

/// An ordinary house.
pub(super) fn model() -> Model {
    Model { exponent: 3.8, shadowing: 2.0, ..Model::default() }
}

/// Frames get lost for all sorts of reasons, here and there.
pub(super) fn knobs() -> Knobs {
    Knobs { loss: 0.02, ..Knobs::default() }
}

/// The network with this name.
pub(super) fn network(id: NetworkId) -> Option<&'static Network> {
    NETWORKS.iter().find(|network| network.id == id)
}

/// A channel of the scene.
pub(super) fn channel(number: u8) -> Option<Channel> {
    Channel::from_number(number)
}

/// Where somebody is at this share of the demo: on the straight line between two places of the way.
pub(super) fn place(way: &[(f64, f64, f64)], share: f64) -> Position {
    let mut last = way.first().copied().unwrap_or_default();
    for &(at, x, y) in way {
        if at > share {
            let part = (share - last.0) / (at - last.0);
            return Position::new(last.1 + part * (x - last.1), last.2 + part * (y - last.2));
        }
        last = (at, x, y);
    }
    Position::new(last.1, last.2)
}
