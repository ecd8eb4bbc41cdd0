//! What many virtual APs on a radio, and many nodes in a cluster, cost: a frame to and from one of 8, 100 and 1,000
//! clients that have a virtual AP each, and what nodes that have nothing to say to each other send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant as Clock};

use mesh::engine::identity::{Authority, MachineId, NodeName, NodeStore};
use mesh::engine::real::{Real, RealConfig};
use mesh::engine::{Engine, PeerState};
use stack::ap::{ApRadio, BssidBlock, RadioConfig, VirtualApKind};
use stack::sta::{Link, LinkState};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr, RxInfo, TxStatus};
use tests::bench::median;
use tests::story::{self, HOST, NETWORK, Seeded};

/// Clients that talk.
const FEW: usize = 8;
const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 0, 0]), bits: 11 };

/// A radio, and clients that have joined it.
struct World {
    now: Instant,
    ap: ApRadio,
    links: Vec<Link>,
}

fn station(n: usize) -> MacAddr {
    let [.., high, low] = (n as u32).to_be_bytes();
    MacAddr([2, 1, 0, 0, high, low])
}

fn ethernet(to: MacAddr, from: MacAddr) -> Vec<u8> {
    let mut frame = [&to.octets()[..], &from.octets(), &[0x88, 0xb5]].concat();
    frame.resize(1000, 7);
    frame
}

impl World {
    fn joined(clients: usize) -> Self {
        let now = Instant::from_micros(1_000_000);
        let network = story::network(VirtualApKind::PerClient, true);
        let config = RadioConfig::new(Channel::from_number(36).unwrap(), BLOCK);
        let ap = ApRadio::new(config, vec![network], now, Seeded::boxed(1));
        let mut world = Self { now, ap, links: Vec::new() };
        for n in 0..clients {
            let config = stack::sta::LinkConfig { address: station(n), ..story::link(0, true) };
            let mut link = Link::new(config, Seeded::boxed(100 + n as u64));
            link.start(world.now);
            world.links.push(link);
            for _ in 0..400 {
                world.step(n);
                if world.links[n].state() == LinkState::Connected {
                    break;
                }
            }
            assert_eq!(world.links[n].state(), LinkState::Connected, "client {n}");
        }
        world
    }

    /// A few milliseconds in which only this client hears what is sent.
    fn step(&mut self, n: usize) {
        self.now += Duration::from_millis(3);
        let (now, info) = (self.now, RxInfo::default());
        self.ap.handle_timeout(now);
        self.links[n].handle_timeout(now);
        for _ in 0..4 {
            while let Some(transmit) = self.ap.poll_transmit(now) {
                self.links[n].handle_frame(now, &info, &mut transmit.frame.clone());
                let status = TxStatus { id: transmit.id, acked: true, retries: 0 };
                self.ap.recycle(transmit);
                self.ap.handle_tx_status(now, status);
            }
            while let Some(transmit) = self.links[n].poll_transmit() {
                self.ap.handle_frame(now, &info, &mut transmit.frame.clone());
                let status = TxStatus { id: transmit.id, acked: true, retries: 0 };
                self.links[n].handle_tx_status(now, status);
            }
            while self.links[n].poll_event().is_some() {}
            while self.ap.poll_event().is_some() {}
        }
    }

    /// A frame of each of the first clients, one client after the other.
    fn uplink(&mut self, talking: usize) -> Vec<Vec<u8>> {
        let now = self.now;
        let mut frames = Vec::new();
        for (n, link) in self.links.iter_mut().enumerate().take(talking) {
            link.handle_msdu(now, &ethernet(HOST, station(n)));
            while let Some(transmit) = link.poll_transmit() {
                frames.push(transmit.frame.clone());
                link.handle_tx_status(now, TxStatus { id: transmit.id, acked: true, retries: 0 });
            }
        }
        frames
    }

    /// Nanoseconds for each MSDU from a client.
    fn receive(&mut self, talking: usize) -> f64 {
        let frames = self.uplink(talking);
        let (now, info, mut count) = (self.now, RxInfo::default(), 0);
        let start = Clock::now();
        for mut frame in frames {
            self.ap.handle_frame(now, &info, &mut frame);
            while let Some(event) = self.ap.poll_event() {
                if let stack::ap::ApEvent::Msdu { ethernet, .. } = event {
                    count += 1;
                    self.ap.recycle_event(ethernet);
                }
            }
        }
        let time = start.elapsed();
        assert_eq!(count, talking, "every one arrives");
        time.as_secs_f64() * 1e9 / count as f64
    }

    /// Nanoseconds for each MSDU to a client.
    fn send(&mut self, talking: usize) -> f64 {
        let (now, mut count) = (self.now, 0);
        let start = Clock::now();
        for n in 0..talking {
            self.ap.handle_msdu(now, NETWORK, &ethernet(station(n), HOST));
            while let Some(transmit) = self.ap.poll_transmit(now) {
                count += 1;
                let status = TxStatus { id: transmit.id, acked: true, retries: 0 };
                self.ap.recycle(transmit);
                self.ap.handle_tx_status(now, status);
            }
        }
        let time = start.elapsed();
        assert!(count >= talking, "every one leaves");
        time.as_secs_f64() * 1e9 / talking as f64
    }
}

/// With few that talk all of their state is in the processor's caches; with all in turn hardly any is.
fn frames() {
    println!(
        "a frame of 1,000 bytes by the number of virtual APs on the radio, and by how many of them talk"
    );
    let mut first = None;
    for clients in [FEW, 100, 1000] {
        let mut world = World::joined(clients);
        for talking in [FEW, clients] {
            let rounds = 8000 / talking;
            let mut up: Vec<f64> = (0..rounds).map(|_| world.receive(talking)).collect();
            let mut down: Vec<f64> = (0..rounds).map(|_| world.send(talking)).collect();
            let (up, down) = (median(&mut up), median(&mut down));
            let (first_up, first_down) = *first.get_or_insert((up, down));
            let (ratio_up, ratio_down) = (up / first_up, down / first_down);
            println!(
                "  {clients:>5} of which {talking:>5}: received {up:>6.0} ns ({ratio_up:.2} x), \
                 sent {down:>6.0} ns ({ratio_down:.2} x)"
            );
        }
    }
}

/// What the loopback has carried, in bytes.
fn carried() -> u64 {
    let table = fs::read_to_string("/proc/net/dev").unwrap();
    let line = table.lines().find(|line| line.trim_start().starts_with("lo:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn start(folder: &Path, authority: &Authority, n: usize, first: Option<&Real>) -> Real {
    let name = format!("node{n}");
    let credentials = authority.admit(&NodeName::new(&name).unwrap(), now()).unwrap();
    NodeStore::create(&folder.join(&name), &credentials, &[]).unwrap();
    let store = NodeStore::open(&folder.join(&name), MachineId::of_this_machine(), 1).unwrap();
    let peers = first.map(Real::address).into_iter().collect();
    let mut config = RealConfig::new("127.0.0.1:0".parse().unwrap(), peers);
    config.idle = Duration::from_secs(5);
    Real::start(store, config, Box::new(|| {})).unwrap()
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn nodes() {
    const TIME: Duration = Duration::from_secs(10);
    println!("what nodes with ten rows each send while nothing happens, on the loopback, headers included");
    for count in [2, 4, 8, 16] {
        let folder = tempfile::tempdir().unwrap();
        let name = NodeName::new("bench").unwrap();
        let authority = Authority::create(&folder.path().join("cluster"), &name, now()).unwrap();
        let mut engines: Vec<Real> = Vec::new();
        for n in 0..count {
            let mut engine = start(folder.path(), &authority, n, engines.first());
            for row in 0..10u8 {
                engine.publish(&[1, row], &[row; 40]).unwrap();
            }
            engines.push(engine);
        }
        let all_up = |engine: &Real| {
            engine.members().iter().filter(|other| other.state == PeerState::Up).count() == count - 1
        };
        while !engines.iter().all(all_up) {
            thread::sleep(Duration::from_millis(50));
            engines.iter_mut().for_each(|engine| while engine.poll_event().is_some() {});
        }
        let before = carried();
        thread::sleep(TIME);
        let bytes = (carried() - before) as f64 / TIME.as_secs_f64() / count as f64;
        println!(
            "  {count:>3} nodes: {bytes:>8.0} bytes a second and node, {:.0} for each other node",
            bytes / (count - 1) as f64
        );
    }
}

fn main() {
    frames();
    nodes();
}
