//! The receive path allocates nothing for a data frame, from its radiotap header to the MSDU; nor does a node for one
//! that goes from a client on one radio to a client on another, or from the outside to a client.

#![allow(unsafe_code)] // a global allocator that counts cannot be written without

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use airloom::node::{OsRandom, Outside, Switch, SwitchNetwork, Worker};
use drivers::tap::TapError;
use drivers::{Radio, RadioError, Received, TransmitError};
use stack::ap::{BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security};
use stack::crypto::{Cipher, CipherKey};
use stack::mac::rx::{Context, Delivery, receive};
use stack::mac::{Bss, DropCounts, PairwiseSa, Peer, PeerConfig, SaId};
use stack::sta::{Link, LinkConfig, LinkState};
use stack::time::Instant;
use stack::wire::{AckChange, Channel, MacAddr, MacHeader, QosControl, RxInfo, Transmit, TxStatus, radiotap};

const AP: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
/// Of an Ethernet frame, in bytes.
const LENGTH: usize = 1214;
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);
const TK: [u8; 16] = [7; 16];

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain thread-local without destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Protected QoS data as a monitor interface hands it over: radiotap, then the MPDU.
fn captured(pn: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let info = RxInfo { signal: Some(-40), frequency: Some(2437), ..RxInfo::default() };
    radiotap::build_rx(&info, &mut bytes);
    let mut header = Vec::new();
    MacHeader::to_ds(AP, STA, HOST).with_qos(QosControl::new(0)).emit(&mut header);
    let mut body = vec![0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    body.resize(1500, 0x45);
    CipherKey::new(Cipher::Ccmp128, &TK).unwrap().protect(pn, 0, &header, &body, &mut bytes).unwrap();
    bytes
}

#[test]
fn a_received_data_frame_costs_no_allocation() {
    let mut frames: Vec<_> = (1..=200).map(captured).collect();
    let config = PeerConfig { protected: true, qos: true, ..PeerConfig::new(STA) };
    let mut peer = Peer::new(Instant::ZERO, config, SaId(1));
    let sa = PairwiseSa::new(SaId(2), Cipher::Ccmp128, &TK).unwrap();
    peer.install_pairwise(Instant::ZERO, sa);
    peer.open_port();
    let mut drops = DropCounts::new();
    let (mut msdus, mut bytes) = (0, 0);

    let before = ALLOCATIONS.get();
    for frame in &mut frames {
        let stripped = radiotap::strip(frame).unwrap();
        let mpdu = &mut frame[stripped.mpdu.clone()];
        let context = Context {
            now: Instant::ZERO,
            info: &stripped.summary.rx,
            bss: Bss::access_point(AP),
            peer: Some(&mut peer),
            group: None,
            late: false,
            drops: &mut drops,
        };
        let _ = receive(context, mpdu, &mut |delivery: Delivery<'_>| {
            if let Delivery::Msdu(msdu) = delivery {
                msdus += 1;
                bytes += msdu.payload().len();
            }
        });
    }
    let allocations = ALLOCATIONS.get() - before;

    assert_eq!((msdus, bytes), (200, 200 * 1500), "{drops:?}");
    assert_eq!(allocations, 0);
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(vec![0u8; 100]));
    assert!(ALLOCATIONS.get() > before);
}

/// A radio whose air is two queues. What it sends is kept while somebody listens, and always acknowledged.
struct Script {
    heard: VecDeque<Vec<u8>>,
    current: Vec<u8>,
    statuses: VecDeque<TxStatus>,
    listened: bool,
    sent: Vec<Vec<u8>>,
    data: usize,
}

impl Radio for Script {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        if let Some(status) = self.statuses.pop_front() {
            return Ok(Some(Received::Status(status)));
        }
        let Some(frame) = self.heard.pop_front() else { return Ok(None) };
        self.current = frame;
        Ok(Some(Received::Frame { info: RxInfo::default(), frame: &mut self.current }))
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        self.data += usize::from(transmit.frame[0] & 0x0c == 0x08);
        if self.listened {
            self.sent.push(transmit.frame.clone());
        }
        self.statuses.push_back(TxStatus { id: transmit.id, acked: true, retries: 0 });
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        Ok(())
    }

    fn set_channel(&mut self, _: Channel) -> Result<Duration, RadioError> {
        Ok(Duration::ZERO)
    }

    fn change_ack(&mut self, _: AckChange) -> Result<(), RadioError> {
        Ok(())
    }
}

/// An outside with so many frames to the client on the second radio.
#[derive(Default)]
struct Source(AtomicUsize);

impl Outside for Source {
    fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>, TapError> {
        let left = self.0.load(Ordering::Relaxed);
        if left == 0 {
            return Ok(None);
        }
        self.0.store(left - 1, Ordering::Relaxed);
        buffer[..LENGTH].copy_from_slice(&ethernet(client(1), HOST));
        Ok(Some(LENGTH))
    }

    fn send(&self, _: &[u8]) -> Result<bool, TapError> {
        Ok(true)
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

const fn client(n: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 7, n])
}

/// A frame of which two are too long for an A-MSDU.
fn ethernet(to: MacAddr, from: MacAddr) -> [u8; LENGTH] {
    let mut frame = [0x45; LENGTH];
    frame[..6].copy_from_slice(&to.octets());
    frame[6..12].copy_from_slice(&from.octets());
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame
}

struct Node {
    now: Instant,
    workers: Vec<Worker<Script>>,
    links: Vec<Link>,
    source: Arc<Source>,
}

impl Node {
    /// A node of two radios with a client on each.
    fn new() -> Self {
        let source = Arc::new(Source::default());
        let served =
            SwitchNetwork { id: NetworkId(0), isolate: false, outside: Some(Box::new(Arc::clone(&source))) };
        let (_, ports) = Switch::new(vec![served], &[None, None]);
        let network = NetworkConfig::new(NetworkId(0), b"node".to_vec(), Security::Open);
        let channel = Channel::from_number(36).unwrap();
        let now = Instant::from_micros(1_000_000);
        let workers = ports.into_iter().zip(0..).map(|(port, n)| {
            let radio = Script {
                heard: VecDeque::with_capacity(256),
                current: Vec::new(),
                statuses: VecDeque::with_capacity(256),
                listened: true,
                sent: Vec::new(),
                data: 0,
            };
            let config = RadioConfig::new(channel, BssidBlock { base: MacAddr([2, 0, 0, 1, n, 0]), bits: 6 });
            Worker::new("phy", radio, config, vec![network.clone()], port, now, Box::new(OsRandom))
        });
        let links = [0, 1].map(|n| Link::new(LinkConfig::new(client(n), b"node"), Box::new(OsRandom)));
        let mut node = Self { now, workers: workers.collect(), links: links.into(), source };
        node.join();
        node
    }

    fn join(&mut self) {
        for link in &mut self.links {
            link.start(self.now);
        }
        for _ in 0..5000 {
            self.now += std::time::Duration::from_millis(1);
            for (worker, link) in self.workers.iter_mut().zip(&mut self.links) {
                link.handle_timeout(self.now);
                while let Some(transmit) = link.poll_transmit() {
                    worker.radio_mut().heard.push_back(transmit.frame);
                    link.handle_tx_status(self.now, TxStatus { id: transmit.id, acked: true, retries: 0 });
                }
                worker.turn(self.now).unwrap();
                for mut frame in std::mem::take(&mut worker.radio_mut().sent) {
                    link.handle_frame(self.now, &RxInfo::default(), &mut frame);
                }
            }
        }
        assert!(self.links.iter().all(|link| link.state() == LinkState::Connected));
        for worker in &mut self.workers {
            worker.radio_mut().listened = false;
            while worker.poll_event().is_some() {}
        }
    }

    /// Lets the first radio hear so many data frames of its client to the other one.
    fn hear(&mut self, count: usize) {
        let frame = ethernet(client(1), client(0));
        for _ in 0..count {
            self.links[0].handle_msdu(self.now, &frame);
            while let Some(transmit) = self.links[0].poll_transmit() {
                self.workers[0].radio_mut().heard.push_back(transmit.frame);
                let acked = TxStatus { id: transmit.id, acked: true, retries: 0 };
                self.links[0].handle_tx_status(self.now, acked);
            }
        }
    }

    /// Turns both until there is nothing left to do, and yields how many allocations that took and how many data frames
    /// the second radio sent.
    fn turn(&mut self) -> (usize, usize) {
        let (before, sent) = (ALLOCATIONS.get(), self.workers[1].radio().data);
        for _ in 0..100 {
            for worker in &mut self.workers {
                worker.turn(self.now).unwrap();
            }
        }
        (ALLOCATIONS.get() - before, self.workers[1].radio().data - sent)
    }
}

#[test]
fn a_frame_from_radio_to_radio_costs_no_allocation() {
    let mut node = Node::new();
    // Buffers are made while fewer have come back than are needed at a time.
    for _ in 0..3 {
        node.hear(60);
        node.turn();
    }
    node.hear(50);
    assert_eq!(node.turn(), (0, 50));
}

#[test]
fn a_frame_from_outside_to_a_client_on_another_radio_costs_no_allocation() {
    let mut node = Node::new();
    for _ in 0..3 {
        node.source.0.store(60, Ordering::Relaxed);
        node.turn();
    }
    node.source.0.store(50, Ordering::Relaxed);
    assert_eq!(node.turn(), (0, 50));
}
