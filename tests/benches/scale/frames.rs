//! A frame to and from one of 8, 100 and 1,000 clients that have a virtual AP each.
//!
//! Times are of eight frames each, whoever talks, and the median of these: another process that takes the processor for
//! a moment is in none of the rows then, or in all alike. The bytes of frames are as warm as those that a kernel has just
//! copied; what is cold is what the radio keeps of a client that has not talked for a while.

use std::time::{Duration, Instant as Clock};

use stack::ap::{ApEvent, ApRadio, BssidBlock, RadioConfig, VirtualApKind};
use stack::sta::{Link, LinkConfig, LinkState};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr, RxInfo, TxStatus};
use tests::bench::median;
use tests::story::{self, HOST, NETWORK, Seeded};

use crate::heap;

/// Frames that are timed together, and clients that talk where few do.
const FEW: usize = 8;
/// Timed in each row.
const FRAMES: usize = 32_000;
const BLOCK: BssidBlock = BssidBlock { base: MacAddr([2, 0, 0, 0, 0, 0]), bits: 11 };

/// A radio, and clients that have joined it.
struct World {
    now: Instant,
    ap: ApRadio,
    links: Vec<Link>,
}

/// Prints the times of frames, and what a virtual AP takes of memory.
pub fn run() {
    println!(
        "a frame of 1,000 bytes by the number of virtual APs on the radio, and by how many of them talk in turn"
    );
    let mut first = None;
    let mut sizes = Vec::new();
    for clients in [FEW, 100, 1000] {
        let before = heap::live();
        let mut world = World::joined(clients);
        for talking in [FEW, clients].into_iter().take(if clients == FEW { 1 } else { 2 }) {
            let (up, down) = world.measure(talking);
            let (first_up, first_down) = *first.get_or_insert((up, down));
            let (ratio_up, ratio_down) = (up / first_up, down / first_down);
            println!(
                "  {clients:>5} of which {talking:>5}: received {up:>6.0} ns ({ratio_up:.2} x), \
                 sent {down:>6.0} ns ({ratio_down:.2} x)"
            );
        }
        world.links = Vec::new();
        sizes.push((clients, heap::live() - before));
    }
    if let [_, (few, small), (many, large)] = sizes[..] {
        println!(
            "  on the heap for each virtual AP and its client: {} bytes",
            (large - small) / (many - few)
        );
    }
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
            let config = LinkConfig { address: station(n), ..story::link(0, true) };
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

    /// Median nanoseconds for an MSDU from a client, and for one to a client.
    fn measure(&mut self, talking: usize) -> (f64, f64) {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for round in 0..FRAMES / FEW {
            let talkers: Vec<usize> = (0..FEW).map(|n| (round * FEW + n) % talking).collect();
            up.push(self.receive(&talkers));
            down.push(self.send(&talkers));
        }
        (median(&mut up), median(&mut down))
    }

    /// Nanoseconds for an MSDU from each of these clients.
    fn receive(&mut self, talkers: &[usize]) -> f64 {
        let mut frames: Vec<Vec<u8>> = talkers.iter().flat_map(|n| self.uplink(*n)).collect();
        let (now, info, mut count) = (self.now, RxInfo::default(), 0);
        let start = Clock::now();
        for frame in &mut frames {
            self.ap.handle_frame(now, &info, frame);
            while let Some(event) = self.ap.poll_event() {
                if let ApEvent::Msdu { ethernet, .. } = event {
                    count += 1;
                    self.ap.recycle_event(ethernet);
                }
            }
        }
        let time = start.elapsed();
        assert_eq!(count, talkers.len(), "every one arrives");
        time.as_secs_f64() * 1e9 / count as f64
    }

    fn uplink(&mut self, n: usize) -> Vec<Vec<u8>> {
        let (link, now) = (&mut self.links[n], self.now);
        link.handle_msdu(now, &ethernet(HOST, station(n)));
        let mut frames = Vec::new();
        while let Some(transmit) = link.poll_transmit() {
            link.handle_tx_status(now, TxStatus { id: transmit.id, acked: true, retries: 0 });
            frames.push(transmit.frame);
        }
        frames
    }

    /// Nanoseconds for an MSDU to each of these clients.
    fn send(&mut self, talkers: &[usize]) -> f64 {
        let msdus: Vec<Vec<u8>> = talkers.iter().map(|n| ethernet(station(*n), HOST)).collect();
        let (now, mut count) = (self.now, 0);
        let start = Clock::now();
        for msdu in &msdus {
            self.ap.handle_msdu(now, NETWORK, msdu);
            while let Some(transmit) = self.ap.poll_transmit(now) {
                count += 1;
                let status = TxStatus { id: transmit.id, acked: true, retries: 0 };
                self.ap.recycle(transmit);
                self.ap.handle_tx_status(now, status);
            }
        }
        let time = start.elapsed();
        assert!(count >= talkers.len(), "every one leaves");
        time.as_secs_f64() * 1e9 / talkers.len() as f64
    }
}
