//! The switch of a node: Ethernet between its radios, its TAPs and its virtual APs.
//!
//! It is no thread of its own: each radio has a [`Port`] and forwards what it has. Where a station is says a table of
//! which each port has an immutable snapshot; a frame for another radio goes through a ring with one writer and one
//! reader, and a bell wakes the other side. No lock is taken, and what finds no room is dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SendError, SyncSender};

use arc_swap::Cache;
use drivers::reactor::Bell;
use mesh::claim::Addresses;
use rtrb::RingBuffer;
use stack::ap::NetworkId;
use stack::mac::DropCounts;
use stack::time::Instant;
use stack::wire::{Channel, MacAddr, RxInfo};

use super::moves::{self, Answer, MoveError, Moved};
use super::orders::Order;
use super::outside::Outside;
use super::port::{Lane, Port, READ, Served};
use super::report::Report;
use super::table::{self, Shared, Table};
use super::wire::{Echoes, Sources};

/// Frames that wait for another radio at the most.
const LANE: usize = 512;

/// A network that the switch serves.
pub struct SwitchNetwork {
    /// Its name within the node.
    pub id: NetworkId,
    /// Its stations do not reach each other.
    pub isolate: bool,
    /// What is behind it, if anything.
    pub outside: Option<Box<dyn Outside>>,
}

/// What a radio thread is told by others.
#[derive(Debug)]
pub(super) enum Control {
    /// A station of it has joined on another radio.
    Elsewhere { network: NetworkId, station: MacAddr },
    /// The virtual AP of a station of it is to go to another radio.
    Move { station: MacAddr, to: usize, answer: Answer },
    /// A virtual AP may come from another radio: its address is to be acknowledged from now on.
    Expect { bssid: MacAddr, station: MacAddr, from: usize },
    /// The channel of a radio that was told to [`Control::Expect`] one, if it does so.
    Expected { bssid: MacAddr, ready: Option<Channel> },
    /// A virtual AP comes, or comes back.
    Adopt(moves::Parcel),
    /// A virtual AP with this address, which may be one of this radio, has ended elsewhere.
    Vacated(MacAddr),
    /// A frame that another radio heard for a virtual AP which has come here.
    Stray { info: RxInfo, frame: Vec<u8> },
    /// What the node's part in a cluster wants.
    Order(Order),
    /// Tells how it is.
    Report(SyncSender<Report>),
    /// Ends in good order.
    Stop,
}

/// The ways to tell radios something, by their index.
#[derive(Clone)]
pub(super) struct Controls(Arc<[(mpsc::Sender<Control>, Option<Bell>)]>);

impl Controls {
    /// Tells a radio. One that is gone cannot be told: what it was to be told comes back.
    pub(super) fn send(&self, radio: usize, control: Control) -> Result<(), Control> {
        let Some((line, bell)) = self.0.get(radio) else { return Err(control) };
        line.send(control).map_err(|SendError(control)| control)?;
        if let Some(bell) = bell {
            // A thread that is gone cannot be rung.
            let _ = bell.ring();
        }
        Ok(())
    }

    fn ring(&self, radio: usize) {
        if let Some((_, Some(bell))) = self.0.get(radio) {
            let _ = bell.ring();
        }
    }
}

/// The switch as the node sees it; the frames go from [`Port`] to [`Port`].
pub struct Switch {
    networks: Arc<[Served]>,
    table: Shared,
    controls: Controls,
    /// So many radios, the first ones, serve the networks.
    serving: usize,
    /// The radio may read what is outside of the networks.
    alive: Vec<AtomicBool>,
}

impl Switch {
    /// A switch between as many radios as there are bells, each the one of its radio's thread, or `None` where a
    /// single thread runs them all. Yields the radios' ports in the same order.
    pub fn new(networks: Vec<SwitchNetwork>, bells: &[Option<Bell>]) -> (Self, Vec<Port>) {
        Self::among(networks, bells, bells.len())
    }

    /// The same, where only the first `serving` radios serve the networks: no frame goes to the others.
    pub fn among(networks: Vec<SwitchNetwork>, bells: &[Option<Bell>], serving: usize) -> (Self, Vec<Port>) {
        let served = |network: SwitchNetwork| Served {
            id: network.id,
            isolate: network.isolate,
            outside: network.outside,
            reader: AtomicUsize::new(0),
            echoes: Echoes::new(),
        };
        let networks: Arc<[Served]> = networks.into_iter().map(served).collect();
        let table = Shared::default();
        let (lines, orders): (Vec<_>, Vec<_>) = bells.iter().map(|_| mpsc::channel()).unzip();
        let controls = Controls(lines.into_iter().zip(bells.iter().cloned()).collect());
        let ports =
            orders.into_iter().zip(lanes(bells, serving)).enumerate().map(|(radio, (control, lanes))| Port {
                radio,
                networks: Arc::clone(&networks),
                table: Cache::new(Arc::clone(&table)),
                shared: Arc::clone(&table),
                lanes,
                control,
                controls: controls.clone(),
                drops: DropCounts::new(),
                buffer: vec![0; READ],
                dry: vec![false; networks.len()],
                first: 0,
                failing: false,
                trouble: None,
                home: None,
                now: Instant::ZERO,
                sources: Sources::default(),
                learnt: Instant::ZERO,
            });
        let ports = ports.collect();
        let alive = (0..bells.len()).map(|radio| AtomicBool::new(radio < serving)).collect();
        (Self { networks, table, controls, serving, alive }, ports)
    }

    /// Whether a radio serves the networks.
    pub(super) const fn serves(&self, radio: usize) -> bool {
        radio < self.serving
    }

    /// Has a radio deauthenticate its stations and end. Whether it was there to be told.
    pub fn stop(&self, radio: usize) -> bool {
        self.controls.send(radio, Control::Stop).is_ok()
    }

    /// Has a radio do something for the cluster. Whether it was there to be told.
    pub fn order(&self, radio: usize, order: Order) -> bool {
        self.controls.send(radio, Control::Order(order)).is_ok()
    }

    /// Has all radios do something for the cluster.
    pub fn order_all(&self, order: impl Fn() -> Order) {
        for radio in 0..self.alive.len() {
            self.order(radio, order());
        }
    }

    /// Has the radio that reads what is outside a network do something for the cluster.
    pub fn order_reader(&self, network: NetworkId, order: Order) {
        let served = self.networks.iter().find(|served| served.id == network);
        if let Some(served) = served {
            self.order(served.reader.load(Ordering::Acquire), order);
        }
    }

    /// A client is about to come, of which other nodes have said which IP addresses it uses.
    pub fn know(&self, network: NetworkId, station: MacAddr, addresses: Addresses) {
        table::know(&self.table, network, station, &Arc::new(addresses));
    }

    /// A client that was about to come does not, or is another than was thought.
    pub fn forget_addresses(&self, network: NetworkId, station: MacAddr) {
        table::forget_addresses(&self.table, network, station);
    }

    /// Which radio each client is on, as a snapshot.
    pub(super) fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// Asks a radio how it is; the answer comes through `answer`. Whether it was there to be asked.
    pub fn ask(&self, radio: usize, answer: SyncSender<Report>) -> bool {
        self.controls.send(radio, Control::Report(answer)).is_ok()
    }

    /// Has the virtual AP of a station go to another radio; how that ends comes through `answer`, if that is wanted.
    pub fn move_station(
        &self,
        station: MacAddr,
        to: usize,
        answer: Option<SyncSender<Result<Moved, MoveError>>>,
    ) -> Result<(), MoveError> {
        let from = self.table.load().radio_of(station).ok_or(MoveError::NotThere)?;
        self.controls.send(from, Control::Move { station, to, answer }).map_err(|_| MoveError::RadioGone)
    }

    /// A radio's thread has ended: its stations are forgotten, and another radio reads the outsides that it read.
    pub fn radio_gone(&self, radio: usize) {
        if let Some(alive) = self.alive.get(radio) {
            alive.store(false, Ordering::Release);
        }
        table::radio_gone(&self.table, radio);
        let Some(next) = self.alive.iter().position(|alive| alive.load(Ordering::Acquire)) else { return };
        for served in self.networks.iter().filter(|served| served.reader.load(Ordering::Acquire) == radio) {
            served.reader.store(next, Ordering::Release);
        }
        self.controls.ring(next);
    }
}

/// The lanes between all pairs of the first radios, for each radio by the index of the other.
fn lanes(bells: &[Option<Bell>], serving: usize) -> Vec<Vec<Option<Lane>>> {
    let count = bells.len();
    let mut all: Vec<Vec<Option<Lane>>> = (0..count).map(|_| (0..count).map(|_| None).collect()).collect();
    for one in 0..serving.min(count) {
        for other in one + 1..serving.min(count) {
            let (there, back) = pair(bells.get(one).cloned().flatten(), bells.get(other).cloned().flatten());
            for (from, to, lane) in [(one, other, there), (other, one, back)] {
                if let Some(place) = all.get_mut(from).and_then(|lanes| lanes.get_mut(to)) {
                    *place = Some(lane);
                }
            }
        }
    }
    all
}

/// Both ends of the way between two radios, which have these bells.
fn pair(one: Option<Bell>, other: Option<Bell>) -> (Lane, Lane) {
    let (out, arriving_there) = RingBuffer::new(LANE);
    let (out_there, arriving) = RingBuffer::new(LANE);
    let (emptied_there, returned) = RingBuffer::new(LANE);
    let (emptied, returned_there) = RingBuffer::new(LANE);
    let here = Lane { out, returned, arriving, emptied, bell: other, unrung: false };
    let there = Lane {
        out: out_there,
        returned: returned_there,
        arriving: arriving_there,
        emptied: emptied_there,
        bell: one,
        unrung: false,
    };
    (here, there)
}
