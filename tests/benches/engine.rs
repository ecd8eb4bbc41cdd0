//! The engine between two nodes against plain UDP between two threads, on the loopback, in the same run: how long a
//! round trip takes, and a burst of Ethernet frames.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

use std::net::UdpSocket;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use mesh::announce::NodeId;
use mesh::engine::identity::{Authority, MachineId, NodeName, NodeStore};
use mesh::engine::real::{Real, RealConfig};
use mesh::engine::{Engine, Event, Refused};
use tests::bench::compare;

/// Frames that are sent before their receiver is waited for.
const BURST: usize = 64;
const SMALL: [u8; 64] = [7; 64];
const FRAME: [u8; 1514] = [7; 1514];
const LOST: Duration = Duration::from_secs(1);

/// An engine, and what its waker rings.
struct Node {
    engine: Real,
    bell: mpsc::Receiver<()>,
}

impl Node {
    fn start(folder: &Path, authority: &Authority, name: &str, peers: &[&Self]) -> Self {
        let path = folder.join(name);
        let credentials = authority.admit(&NodeName::new(name).unwrap(), now()).unwrap();
        NodeStore::create(&path, &credentials, &[]).unwrap();
        let store = NodeStore::open(&path, MachineId::of_this_machine(), 1).unwrap();
        let peers = peers.iter().map(|peer| peer.engine.address()).collect();
        let mut config = RealConfig::new("127.0.0.1:0".parse().unwrap(), peers);
        config.idle = Duration::from_secs(5);
        let (ring, bell) = mpsc::sync_channel(1);
        let waker = move || {
            // Rung already is rung.
            let _ = ring.try_send(());
        };
        let engine = Real::start(store, config, Box::new(waker)).unwrap();
        Self { engine, bell }
    }

    /// The next event; `None` if nothing happens for a while.
    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.engine.poll_event() {
                return Some(event);
            }
            self.bell.recv_timeout(LOST).ok()?;
        }
    }

    fn wait_up(&mut self) -> NodeId {
        loop {
            if let Some(Event::Up(member)) = self.next() {
                return member.node;
            }
        }
    }

    fn wait_frame(&mut self) {
        while !matches!(self.next(), Some(Event::Frame { .. }) | None) {}
    }

    fn wait_message(&mut self) {
        while !matches!(self.next(), Some(Event::Message { .. }) | None) {}
    }

    fn send_frame(&mut self, to: NodeId, frame: &[u8]) {
        while self.engine.send_frame(to, frame) == Err(Refused::Full(to)) {
            thread::yield_now();
        }
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let name = NodeName::new("bench").unwrap();
    let authority = Authority::create(&folder.path().join("cluster"), &name, now()).unwrap();
    let mut north = Node::start(folder.path(), &authority, "north", &[]);
    let mut south = Node::start(folder.path(), &authority, "south", &[&north]);
    let (to_south, to_north) = (north.wait_up(), south.wait_up());
    let stop = Arc::new(AtomicBool::new(false));
    let (plain, echo) = (echo_socket(&stop), Arc::clone(&stop));
    let echo = thread::spawn(move || {
        let mut frames = 0;
        while !echo.load(Ordering::Relaxed) {
            match south.next() {
                Some(Event::Message { bytes, .. }) => south.engine.send(to_north, &bytes).unwrap(),
                Some(Event::Frame { bytes, .. }) if bytes.len() == SMALL.len() => {
                    south.send_frame(to_north, &bytes);
                }
                Some(Event::Frame { .. }) => {
                    frames += 1;
                    if frames % BURST == 0 {
                        south.send_frame(to_north, &SMALL);
                    }
                }
                _ => {}
            }
        }
    });
    round_trips(&plain, &mut north, to_south);
    bursts(&plain, &mut north, to_south);
    println!("dropped: {:?}", north.engine.counts());
    stop.store(true, Ordering::Relaxed);
    echo.join().unwrap();
}

fn round_trips(plain: &UdpSocket, north: &mut Node, to: NodeId) {
    let north = std::cell::RefCell::new(north);
    let mut udp = || {
        plain.send(&SMALL).unwrap();
        // A lost one costs a second, which shows.
        let _ = plain.recv(&mut [0; 2048]);
    };
    let mut frame = || {
        north.borrow_mut().send_frame(to, &SMALL);
        north.borrow_mut().wait_frame();
    };
    let mut message = || {
        north.borrow_mut().engine.send(to, &SMALL).unwrap();
        north.borrow_mut().wait_message();
    };
    let subjects: &mut [tests::bench::Subject<'_>] =
        &mut [("UDP", &mut udp), ("frame", &mut frame), ("message", &mut message)];
    compare("round trip of 64 bytes", 1, subjects);
}

fn bursts(plain: &UdpSocket, north: &mut Node, to: NodeId) {
    let mut udp = || {
        for _ in 0..BURST {
            plain.send(&FRAME).unwrap();
        }
        let _ = plain.recv(&mut [0; 2048]);
    };
    let mut frames = || {
        for _ in 0..BURST {
            north.send_frame(to, &FRAME);
        }
        north.wait_frame();
    };
    let ratios = {
        let subjects: &mut [tests::bench::Subject<'_>] = &mut [("UDP", &mut udp), ("frames", &mut frames)];
        compare("a frame of 1514 bytes, in bursts of 64", BURST, subjects)
    };
    println!("frames a second, of those of plain UDP: {:.2}", 1.0 / ratios[1]);
}

/// A socket whose other end echoes what is small, and tells once that a burst has come.
fn echo_socket(stop: &Arc<AtomicBool>) -> UdpSocket {
    let (near, far) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    near.connect(far.local_addr().unwrap()).unwrap();
    far.connect(near.local_addr().unwrap()).unwrap();
    near.set_read_timeout(Some(LOST)).unwrap();
    far.set_read_timeout(Some(LOST)).unwrap();
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let mut frames = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut bytes = [0; 2048];
            let Ok(len) = far.recv(&mut bytes) else { continue };
            frames += usize::from(len == FRAME.len());
            if len == SMALL.len() || frames % BURST == 0 {
                let _ = far.send(&SMALL);
            }
        }
    });
    near
}
