//! The receive ring against libpcap on one TAP that looks like a monitor interface: how long one frame takes from the
//! kernel to the reader, and what a frame costs when many come. libpcap has `TPACKET_V3` as it is opened by default,
//! and `TPACKET_V2` in immediate mode. As root.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use drivers::packet::PacketSocket;
use drivers::reactor::Reactor;
use drivers::tap::Tap;
use nix::sched::{CloneFlags, unshare};
use nix::time::{ClockId, clock_gettime};
use stack::wire::{RxInfo, radiotap};

const INTERFACE: &str = "alb0";
const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;
/// Frames sent one by one, for the latency.
const SINGLE: usize = 1500;
/// Frames in a burst, and bursts in a round, for the cost. Less than any of the rings holds.
const BURST: usize = 256;
const BURSTS: usize = 20;
/// Rounds, in each of which every reader has its turn.
const ROUNDS: usize = 11;

/// Something that hands over what it has, and says how many frames that were.
trait Source: Send {
    fn drain(&mut self) -> usize;
    fn fd(&self) -> BorrowedFd<'_>;
}

impl Source for PacketSocket {
    fn drain(&mut self) -> usize {
        let mut frames = 0;
        while self.receive().is_some() {
            frames += 1;
        }
        frames
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.as_fd()
    }
}

struct Libpcap(pcap::Capture<pcap::Active>);

impl Libpcap {
    fn open(immediate: bool) -> Self {
        let capture = pcap::Capture::from_device(INTERFACE).unwrap().immediate_mode(immediate).timeout(1);
        Self(capture.snaplen(4096).open().unwrap().setnonblock().unwrap())
    }
}

impl Source for Libpcap {
    fn drain(&mut self) -> usize {
        let mut frames = 0;
        while let Ok(packet) = self.0.next_packet() {
            radiotap::strip(packet.data).unwrap();
            frames += 1;
        }
        frames
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

type Open = fn() -> Box<dyn Source>;

fn main() {
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        println!("skipped: a network namespace of its own needs root");
        return;
    }
    let tap = Tap::open_down(INTERFACE).unwrap();
    tap.set_link_type(ARPHRD_IEEE80211_RADIOTAP).unwrap();
    tap.up().unwrap();
    let subjects: [(&str, Open); 3] = [
        ("libpcap, TPACKET_V3", || Box::new(Libpcap::open(false))),
        ("libpcap, TPACKET_V2", || Box::new(Libpcap::open(true))),
        ("ours", || Box::new(PacketSocket::open(INTERFACE, None).unwrap())),
    ];
    report("one frame at a time: from the write to the reader, median us", &subjects, |open| {
        single(&tap, open())
    });
    report("bursts of 256: processor time a frame, kernel and reader, ns", &subjects, |open| {
        burst(&tap, open())
    });
}

/// Runs all subjects in turn, round by round, and prints medians and how they stand to the first.
fn report(title: &str, subjects: &[(&str, Open)], mut run: impl FnMut(Open) -> f64) {
    let mut figures = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for ((_, open), figures) in subjects.iter().zip(&mut figures) {
            figures.push(run(*open));
        }
    }
    println!("{title}");
    let medians: Vec<f64> = figures.iter_mut().map(|figures| median(figures)).collect();
    for ((name, _), median) in subjects.iter().zip(&medians) {
        println!("  {name:<24} {median:>10.1}  {:>7.3} x", median / medians[0]);
    }
}

/// The median time from the write of a frame to its reader, who sleeps until then, in microseconds.
fn single(tap: &Tap, mut source: Box<dyn Source>) -> f64 {
    let (ready, written) = (mpsc::channel(), mpsc::channel());
    let frame = frame();
    let mut times = thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut reactor = Reactor::new().unwrap();
            reactor.watch(source.fd(), 0).unwrap();
            let mut arrivals = Vec::new();
            while arrivals.len() < SINGLE / ROUNDS {
                ready.0.send(()).unwrap();
                while source.drain() == 0 {
                    let _ = reactor.wait(stack::time::Instant::ZERO, None).unwrap().count();
                }
                let now = Instant::now();
                let sent: Instant = written.1.recv().unwrap();
                arrivals.push(now.saturating_duration_since(sent).as_secs_f64() * 1e6);
            }
            arrivals
        });
        // The reader has gone to sleep by then, as it would between two frames; the waits differ, so that no timer of
        // the kernel falls into step with them.
        let mut waits = (0..).map(|n: u64| Duration::from_micros(500 + n * 377 % 4000));
        while ready.1.recv().is_ok() {
            thread::sleep(waits.next().unwrap_or_default());
            let now = Instant::now();
            assert!(tap.send(&frame).unwrap());
            written.0.send(now).unwrap();
        }
        reader.join().unwrap()
    });
    median(&mut times)
}

/// The processor time that a frame costs from the write to the reader, in nanoseconds. Waiting costs nothing here.
fn burst(tap: &Tap, mut source: Box<dyn Source>) -> f64 {
    let frame = frame();
    let mut reactor = Reactor::new().unwrap();
    reactor.watch(source.fd(), 0).unwrap();
    let start = processor_time();
    for _ in 0..BURSTS {
        for _ in 0..BURST {
            assert!(tap.send(&frame).unwrap());
        }
        let mut missing = BURST;
        while missing > 0 {
            missing -= source.drain();
            if missing > 0 {
                let _ = reactor.wait(stack::time::Instant::ZERO, None).unwrap().count();
            }
        }
    }
    (processor_time() - start).as_secs_f64() * 1e9 / (BURST * BURSTS) as f64
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// A data frame of 1500 bytes with the radiotap header of one that was heard.
fn frame() -> Vec<u8> {
    let mut bytes = Vec::new();
    radiotap::build_rx(&RxInfo { frequency: Some(2437), signal: Some(-40), ..RxInfo::default() }, &mut bytes);
    let header = bytes.len();
    bytes.extend([0x08, 0x02, 0, 0]);
    bytes.resize(header + 1500, 0x55);
    bytes
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
