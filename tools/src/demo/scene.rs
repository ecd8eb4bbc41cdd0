//! What is made up: the house, the nodes and the people in it, and what they do. Times of the plan are shares of the
//! whole, so that a short demo tells the same story as a long one.

use std::time::Duration;

use drivers::propagation::{Knobs, Model, Position};
use mesh::announce::NodeId;
use mesh::lease::NodeSlot;
use stack::ap::NetworkId;
use stack::wire::{Channel, MacAddr};

/// The network.
pub(super) const HOME: NetworkId = NetworkId(0);
/// Its name.
pub(super) const SSID: &str = "airloom home";
/// Its passphrase. There is nothing behind it to protect.
pub(super) const PASSPHRASE: &str = "every client an air of its own";
/// The wired host behind it.
pub(super) const HOST: MacAddr = MacAddr([0x02, 0xee, 0x00, 0x00, 0x00, 0x01]);
/// The channel of all radios: a move is then nothing but another radio's frames.
const CHANNEL: u8 = 36;
/// What the cluster is called; its BSSIDs are made of it.
pub(super) const CLUSTER: &str = "demo";

/// The nodes. The slot of each in the cluster is one more than its place here.
pub(super) const NODES: [&str; 2] = ["north", "south"];
/// The node whose power fails, and when.
pub(super) const CRASH: (usize, f64) = (0, 0.62);

/// Radios of a node.
pub(super) const RADIOS: usize = 2;

/// A radio of a node.
pub(super) struct Mast {
    /// Its node, by its place in [`NODES`].
    pub(super) node: usize,
    pub(super) name: &'static str,
    pub(super) place: Position,
}

const fn mast(node: usize, name: &'static str, x: f64, y: f64) -> Mast {
    Mast { node, name, place: Position::new(x, y) }
}

/// The radios, those of the first node first.
pub(super) const MASTS: [Mast; NODES.len() * RADIOS] = [
    mast(0, "west", 14.0, 21.0),
    mast(0, "east", 46.0, 21.0),
    mast(1, "west", 14.0, 5.0),
    mast(1, "east", 46.0, 5.0),
];

/// A client.
pub(super) struct Person {
    pub(super) name: &'static str,
    pub(super) address: MacAddr,
    /// Dozes after so long without traffic.
    pub(super) doze_after: Option<Duration>,
    /// When it is switched on, as a share of the demo.
    pub(super) arrives: f64,
    /// Where it is, at shares of the demo.
    pub(super) way: &'static [(f64, f64, f64)],
}

const fn person(number: u8, name: &'static str, arrives: f64, way: &'static [(f64, f64, f64)]) -> Person {
    let address = MacAddr([0x02, 0xc1, 0x00, 0x00, 0x00, number]);
    Person { name, address, doze_after: None, arrives, way }
}

/// The clients.
pub(super) const PEOPLE: [Person; 6] = [
    person(
        1,
        "laptop",
        0.005,
        &[(0.0, 9.0, 19.0), (0.12, 9.0, 19.0), (0.34, 8.0, 8.0), (0.45, 8.0, 8.0), (0.75, 44.0, 9.5)],
    ),
    Person {
        doze_after: Some(Duration::from_millis(120)),
        ..person(
            2,
            "phone",
            0.01,
            &[(0.0, 42.0, 24.0), (0.1, 42.0, 24.0), (0.3, 50.0, 3.0), (0.5, 50.0, 20.0), (0.8, 16.0, 24.0)],
        )
    },
    Person {
        doze_after: Some(Duration::from_millis(80)),
        ..person(
            3,
            "tablet",
            0.015,
            &[(0.0, 20.0, 2.0), (0.1, 20.0, 2.0), (0.3, 40.0, 3.0), (0.5, 41.0, 18.0), (0.9, 36.0, 22.0)],
        )
    },
    person(
        4,
        "camera",
        0.02,
        &[(0.0, 20.0, 22.0), (0.15, 20.0, 22.0), (0.4, 46.0, 17.0), (0.55, 53.0, 19.0), (0.9, 53.0, 5.0)],
    ),
    Person {
        doze_after: Some(Duration::from_millis(40)),
        ..person(
            5,
            "watch",
            0.025,
            &[(0.0, 52.0, 8.0), (0.2, 52.0, 8.0), (0.42, 18.0, 6.5), (0.56, 18.0, 17.0), (1.0, 24.0, 19.0)],
        )
    },
    person(
        6,
        "scanner",
        0.03,
        &[
            (0.0, 13.0, 1.0),
            (0.14, 5.0, 22.0),
            (0.28, 12.0, 4.0),
            (0.44, 44.0, 0.5),
            (0.58, 47.0, 23.5),
            (0.9, 15.0, 10.0),
        ],
    ),
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
    /// Between two MSDUs.
    pub(super) every: Duration,
    /// Bytes of the UDP payload.
    pub(super) size: usize,
    /// DS field of its IP packets.
    pub(super) ds: u8,
    /// It speaks in the first part of each such time only.
    pub(super) pause: Option<(Duration, Duration)>,
}

const fn stream(from: End, to: End, every: u64, size: usize) -> Stream {
    Stream { from, to, every: Duration::from_millis(every), size, ds: 0, pause: None }
}

/// Expedited forwarding: voice.
const EF: u8 = 0xb8;

/// Who talks to whom.
pub(super) const STREAMS: [Stream; 14] = [
    // the laptop downloads, and what it sends back
    stream(End::Host, End::Client(0), 5, 1200),
    stream(End::Client(0), End::Host, 25, 300),
    // the phone calls
    Stream { ds: EF, ..stream(End::Client(1), End::Host, 20, 160) },
    Stream { ds: EF, ..stream(End::Host, End::Client(1), 20, 160) },
    // the tablet reads: a page now and then, and it dozes in between
    Stream { pause: Some(PAGE), ..stream(End::Host, End::Client(2), 10, 1000) },
    Stream { pause: Some(PAGE), ..stream(End::Client(2), End::Host, 40, 120) },
    // the camera sends pictures
    stream(End::Client(3), End::Host, 15, 900),
    stream(End::Host, End::Client(3), 100, 80),
    // the watch reports, is told something now and then, and dozes nearly always
    stream(End::Client(4), End::Host, 350, 60),
    stream(End::Host, End::Client(4), 230, 90),
    // the scanner asks and is answered, and exchanges something with the laptop
    stream(End::Client(5), End::Host, 40, 120),
    stream(End::Host, End::Client(5), 40, 240),
    Stream { pause: Some(CHAT), ..stream(End::Client(5), End::Client(0), 30, 500) },
    Stream { pause: Some(CHAT), ..stream(End::Client(0), End::Client(5), 30, 500) },
];

/// A page: so long in so long.
const PAGE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(900));
const CHAT: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(2900));

/// An ordinary house.
pub(super) fn model() -> Model {
    Model { exponent: 2.7, shadowing: 1.0, ..Model::default() }
}

/// Frames get lost for all sorts of reasons, here and there.
pub(super) fn knobs() -> Knobs {
    Knobs { loss: 0.02, ..Knobs::default() }
}

/// The channel of all radios.
pub(super) fn channel() -> Option<Channel> {
    Channel::from_number(CHANNEL)
}

/// Who a node is to the others.
pub(super) fn node_id(node: usize) -> NodeId {
    NodeId(node as u64 + 1)
}

/// The place of a node in its cluster.
pub(super) fn slot(node: usize) -> NodeSlot {
    u16::try_from(node + 1).ok().and_then(NodeSlot::new).unwrap_or_default()
}

/// What a radio is called by people: its node's name and its own.
pub(super) fn mast_name(mast: usize) -> String {
    let known = MASTS.get(mast).and_then(|mast| Some((NODES.get(mast.node)?, mast.name)));
    known.map_or_else(String::new, |(node, name)| format!("{node}/{name}"))
}

/// The radios by their names, and what a capture says of each.
pub(super) fn radios() -> impl Iterator<Item = (String, String)> {
    MASTS.iter().enumerate().map(|(index, mast)| {
        let node = NODES.get(mast.node).copied().unwrap_or_default();
        let about = format!("what radio {} of node {node} sent, and what its clients did", mast.name);
        (mast_name(index), about)
    })
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
