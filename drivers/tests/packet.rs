//! The packet driver without a radio: a TAP device of link type 803 looks like a monitor interface. It is made in a
//! network namespace of the test's own, which takes root; without, each test says so and does nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests")]

use std::os::fd::AsFd;

use drivers::packet::{AddressFilter, PacketSocket};
use drivers::tap::Tap;
use drivers::{Received, TransmitError};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use stack::wire::radiotap::{self, TxFlags, TxInfo};
use stack::wire::{MacAddr, RxInfo, Transmit, TxId, TxOptions, TxStatus};

/// `ARPHRD_IEEE80211_RADIOTAP`.
const MONITOR: u16 = 803;
const OWN: MacAddr = MacAddr([0x02, 0, 0, 0, 0x10, 0x00]);

/// The interface as the kernel's side of a radio, and a socket on it.
fn monitor(filter: Option<AddressFilter>) -> Option<(Tap, PacketSocket)> {
    if !nix::unistd::geteuid().is_root() || unshare(CloneFlags::CLONE_NEWNET).is_err() {
        eprintln!("skipped: making a TAP device in a network namespace takes root");
        return None;
    }
    let tap = Tap::open_down("mon0").unwrap();
    tap.set_link_type(MONITOR).unwrap();
    tap.up().unwrap();
    let socket = PacketSocket::open("mon0", filter).unwrap();
    Some((tap, socket))
}

fn data_to(addr1: MacAddr, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut mpdu = vec![0x08, 0x01, 0, 0];
    mpdu.extend(addr1.octets());
    mpdu.extend([0x02, 0, 0, 0, 0, 0x99]);
    mpdu.extend(addr1.octets());
    mpdu.extend((sequence << 4).to_le_bytes());
    mpdu.extend(payload);
    mpdu
}

fn heard(mpdu: &[u8]) -> Vec<u8> {
    let info = RxInfo { frequency: Some(2437), signal: Some(-42), ..RxInfo::default() };
    let mut bytes = Vec::new();
    radiotap::build_rx(&info, &mut bytes);
    bytes.extend(mpdu);
    bytes
}

#[derive(Debug, PartialEq, Eq)]
enum Got {
    Frame(RxInfo, Vec<u8>),
    Status(TxStatus),
    Nothing,
}

impl Got {
    fn frame(self) -> (RxInfo, Vec<u8>) {
        let Self::Frame(info, mpdu) = self else { panic!("no frame but {self:?}") };
        (info, mpdu)
    }
}

/// Waits for the socket, and takes what it has. The kernel hands a block over within a few milliseconds.
fn next(socket: &mut PacketSocket) -> Got {
    for _ in 0..20 {
        match socket.receive() {
            Some(Received::Frame { info, frame }) => return Got::Frame(info, frame.to_vec()),
            Some(Received::Status(status)) => return Got::Status(status),
            None => {}
        }
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(20u8)).unwrap();
    }
    Got::Nothing
}

fn sent(tap: &Tap) -> Vec<u8> {
    let mut fds = [PollFd::new(tap.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::from(1000u16)).unwrap();
    let mut buffer = vec![0; 4096];
    let length = tap.receive(&mut buffer).unwrap().unwrap();
    buffer.truncate(length);
    buffer
}

#[test]
fn frames_come_out_of_the_ring_in_order_without_radiotap() {
    let Some((tap, mut socket)) = monitor(None) else { return };
    for sequence in 0..500 {
        assert!(tap.send(&heard(&data_to(OWN, sequence, &[7; 1000]))).unwrap());
    }
    for sequence in 0..500 {
        let (info, mpdu) = next(&mut socket).frame();
        assert_eq!(mpdu, data_to(OWN, sequence, &[7; 1000]));
        assert_eq!((info.frequency, info.signal), (Some(2437), Some(-42)));
    }
    let counts = socket.counts().unwrap();
    assert_eq!((counts.received, counts.ring_full, counts.malformed), (500, 0, 0));
}

#[test]
fn the_filter_keeps_the_frames_of_others_in_the_kernel() {
    let Some((tap, mut socket)) = monitor(Some(AddressFilter::block(OWN, 4))) else { return };
    let last_of_block = MacAddr([0x02, 0, 0, 0, 0x10, 0x0f]);
    let behind_block = MacAddr([0x02, 0, 0, 0, 0x10, 0x10]);
    let other_vendor = MacAddr([0x06, 0, 0, 0, 0x10, 0x00]);
    let all = [OWN, behind_block, last_of_block, other_vendor, MacAddr::BROADCAST];
    for (sequence, addr1) in (0..).zip(all) {
        tap.send(&heard(&data_to(addr1, sequence, b"x"))).unwrap();
    }
    for (sequence, addr1) in [(0, OWN), (2, last_of_block), (4, MacAddr::BROADCAST)] {
        assert_eq!(next(&mut socket).frame().1, data_to(addr1, sequence, b"x"));
    }
    assert_eq!(socket.counts().unwrap().received, 3);
}

#[test]
fn an_echo_becomes_the_status_of_its_frame_and_is_never_heard() {
    let Some((tap, mut socket)) = monitor(Some(AddressFilter::block(OWN, 4))) else { return };
    let station = MacAddr([0x02, 0, 0, 0, 0x77, 0x01]);
    for sequence in [1, 2, 3] {
        let frame = data_to(station, sequence, b"hello");
        let transmit = Transmit { frame, options: TxOptions::default(), id: TxId(u64::from(sequence)) };
        socket.transmit(&transmit).unwrap();
    }
    socket.flush().unwrap();
    let sent: Vec<Vec<u8>> = (0..3).map(|_| sent(&tap)).collect();
    for (bytes, flags) in sent.iter().zip([TxFlags::empty(), TxFlags::FAIL, TxFlags::empty()]).rev() {
        let (_, header) = radiotap::parse(bytes).unwrap();
        let mut echo = Vec::new();
        let tx = TxInfo { flags, data_retries: Some(2), ..TxInfo::default() };
        radiotap::build_tx(&RxInfo::default(), &tx, &mut echo);
        echo.extend(&bytes[header..]);
        tap.send(&echo).unwrap();
        // An echo that comes twice, or of a frame that was never ours, is dropped.
        tap.send(&echo).unwrap();
    }
    for (id, acked) in [(3, true), (2, false), (1, true)] {
        let status = TxStatus { id: TxId(id), acked, retries: 2 };
        assert_eq!(next(&mut socket), Got::Status(status));
    }
    assert_eq!(next(&mut socket), Got::Nothing);
    assert_eq!(socket.counts().unwrap().stray_echoes, 3);
}

#[test]
fn sec_m14_what_is_no_radiotap_is_counted_and_dropped() {
    let Some((tap, mut socket)) = monitor(None) else { return };
    tap.send(&[0xff; 40]).unwrap();
    tap.send(&[0, 0, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    tap.send(&heard(&data_to(OWN, 9, b"good"))).unwrap();
    assert_eq!(next(&mut socket).frame().1, data_to(OWN, 9, b"good"));
    assert_eq!(socket.counts().unwrap().malformed, 2);
}

#[test]
fn a_frame_beyond_the_mtu_is_refused_with_both_lengths_and_the_queue_is_bounded() {
    let Some((_tap, mut socket)) = monitor(None) else { return };
    let transmit = |length| Transmit { frame: data_to(OWN, 0, &vec![0; length]), ..Transmit::default() };
    let error = socket.transmit(&transmit(2000)).unwrap_err();
    assert!(matches!(error, TransmitError::TooLong { length, limit: 1500 } if length > 2024), "{error}");
    let full = (0..10_000).find_map(|_| socket.transmit(&transmit(10)).err());
    assert!(matches!(full, Some(TransmitError::Full)));
}
