//! The packet socket and the TAP against a real kernel, without Wi-Fi: a TAP of link type 803 looks like a monitor
//! interface. In a network namespace of its own; as root, else skipped.

use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use drivers::packet::{AddressFilter, PacketSocket};
use drivers::reactor::{self, Reactor};
use drivers::tap::Tap;
use drivers::{Received, TransmitError, interface};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{setsockopt, sockopt};
use stack::wire::radiotap::{self, TxFlags, TxInfo};
use stack::wire::{MacAddr, Rate, RxInfo, Transmit, TxId, TxOptions, TxStatus};

const ARPHRD_IEEE80211_RADIOTAP: u16 = 803;
const OURS: MacAddr = MacAddr([2, 0, 0, 0, 1, 0x05]);

/// A monitor interface that is played by the test, and a socket on it. `None` when this may not be had.
fn monitor(name: &str, filter: Option<AddressFilter>) -> Option<(Tap, PacketSocket)> {
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        eprintln!("skipped: a network namespace of its own needs root");
        return None;
    }
    let air = match Tap::open_down(name) {
        Ok(tap) => tap,
        Err(error) => {
            eprintln!("skipped: {error}");
            return None;
        }
    };
    air.set_link_type(ARPHRD_IEEE80211_RADIOTAP).unwrap();
    air.up().unwrap();
    let socket = PacketSocket::open(name, filter).unwrap();
    Some((air, socket))
}

fn data(to: MacAddr, sequence: u8) -> Vec<u8> {
    let mut mpdu = vec![0x08, 0x02, 0, 0];
    mpdu.extend(to.octets());
    mpdu.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, sequence << 4, 0]);
    mpdu.extend(b"hello");
    mpdu
}

fn heard(mpdu: &[u8]) -> Vec<u8> {
    let info = RxInfo {
        frequency: Some(2437),
        signal: Some(-40),
        rate: Some(Rate::Legacy(12)),
        ..RxInfo::default()
    };
    let mut bytes = Vec::new();
    radiotap::build_rx(&info, &mut bytes);
    bytes.extend_from_slice(mpdu);
    bytes
}

fn echo(mpdu: &[u8], flags: TxFlags) -> Vec<u8> {
    let tx = TxInfo { flags, rts_retries: None, data_retries: Some(2) };
    let mut bytes = Vec::new();
    radiotap::build_tx(&RxInfo::default(), &tx, &mut bytes);
    bytes.extend_from_slice(mpdu);
    bytes
}

/// What comes out of the socket until `enough` says so, within a generous bound.
fn collect<T>(
    socket: &mut PacketSocket,
    mut take: impl FnMut(Received<'_>) -> Option<T>,
    enough: usize,
) -> Vec<T> {
    let end = Instant::now() + Duration::from_secs(20);
    let mut found = Vec::new();
    while found.len() < enough && Instant::now() < end {
        match socket.receive() {
            Some(received) => found.extend(take(received)),
            None => std::thread::yield_now(),
        }
    }
    found
}

fn frame_of(received: Received<'_>) -> Option<Vec<u8>> {
    match received {
        Received::Frame { frame, .. } => Some(frame.to_vec()),
        Received::Status(_) => None,
    }
}

fn status_of(received: Received<'_>) -> Option<TxStatus> {
    match received {
        Received::Status(status) => Some(status),
        Received::Frame { .. } => None,
    }
}

#[test]
fn frames_come_in_order_with_how_they_were_heard_and_more_than_the_ring_holds() {
    let Some((air, mut socket)) = monitor("alt0", None) else { return };
    let mut expected = 0u32;
    for burst in 0..600u32 {
        for _ in 0..10 {
            assert!(air.send(&heard(&data(OURS, (burst % 16) as u8))).unwrap());
        }
        let got = collect(&mut socket, frame_of, 10);
        assert_eq!(got.len(), 10, "burst {burst}");
        assert!(got.iter().all(|frame| *frame == data(OURS, (burst % 16) as u8)));
        expected += 10;
    }
    assert!(socket.counts().unwrap().received >= u64::from(expected));
    assert_eq!(socket.counts().unwrap().ring_full, 0);
    air.send(&heard(&data(OURS, 1))).unwrap();
    let info = collect(
        &mut socket,
        |r| match r {
            Received::Frame { info, .. } => Some(info),
            Received::Status(_) => None,
        },
        1,
    );
    assert_eq!((info[0].frequency, info[0].signal), (Some(2437), Some(-40)));
}

#[test]
fn what_is_sent_leaves_in_order_and_its_echo_becomes_its_status() {
    let Some((air, mut socket)) = monitor("alt1", None) else { return };
    for n in 0..100u64 {
        let transmit =
            Transmit { frame: data(OURS, (n % 16) as u8), options: TxOptions::default(), id: TxId(n) };
        socket.transmit(&transmit).unwrap();
        socket.flush().unwrap();
        let mut buffer = [0; 4096];
        let end = Instant::now() + Duration::from_secs(20);
        let length = loop {
            match air.receive(&mut buffer).unwrap() {
                Some(length) => break length,
                None => assert!(Instant::now() < end, "frame {n} never left"),
            }
        };
        let stripped = radiotap::strip(&buffer[..length]).unwrap();
        assert_eq!(&buffer[stripped.mpdu], &transmit.frame[..]);
        let flags = if n % 2 == 0 { TxFlags::default() } else { TxFlags::FAIL };
        air.send(&echo(&transmit.frame, flags)).unwrap();
        let status = collect(&mut socket, status_of, 1);
        assert_eq!(status, [TxStatus { id: TxId(n), acked: n % 2 == 0, retries: 2 }]);
    }
    air.send(&echo(&data(OURS, 3), TxFlags::default())).unwrap();
    air.send(&heard(&data(OURS, 4))).unwrap();
    assert_eq!(collect(&mut socket, frame_of, 1), [data(OURS, 4)], "an echo nobody waits for is not heard");
    assert_eq!(socket.counts().unwrap().stray_echoes, 1);
}

#[test]
fn the_filter_lets_through_our_block_groups_and_echoes() {
    let block = MacAddr([2, 0, 0, 0, 1, 0]);
    let Some((air, mut socket)) = monitor("alt2", Some(AddressFilter::block(block, 4))) else { return };
    let outside = MacAddr([2, 0, 0, 0, 1, 0x10]);
    let elsewhere = MacAddr([2, 1, 0, 0, 1, 5]);
    let last = MacAddr([2, 0, 0, 0, 1, 0x0f]);
    let beacon = |from: MacAddr| [&[0x80, 0, 0, 0], &outside.octets()[..], &from.octets(), &[0; 24]].concat();
    let data_of_ours =
        |from: MacAddr| [&[0x08, 2, 0, 0], &outside.octets()[..], &from.octets(), &[0; 24]].concat();
    for to in [outside, OURS, elsewhere, MacAddr::BROADCAST, outside] {
        air.send(&heard(&data(to, 1))).unwrap();
    }
    for frame in [beacon(elsewhere), beacon(last), beacon(outside), data_of_ours(last), data(last, 1)] {
        air.send(&heard(&frame)).unwrap();
    }
    let got = collect(&mut socket, frame_of, 4);
    assert_eq!(got, [data(OURS, 1), data(MacAddr::BROADCAST, 1), beacon(last), data(last, 1)]);
    let transmit = Transmit { frame: data(elsewhere, 7), options: TxOptions::default(), id: TxId(1) };
    socket.transmit(&transmit).unwrap();
    air.send(&echo(&transmit.frame, TxFlags::default())).unwrap();
    assert_eq!(collect(&mut socket, status_of, 1).len(), 1, "the echo of a frame to anybody passes");
}

#[test]
fn what_another_program_sends_was_not_heard() {
    let Some((air, mut socket)) = monitor("alt10", None) else { return };
    let mut other = PacketSocket::open("alt10", None).unwrap();
    other.transmit(&Transmit { frame: data(OURS, 1), ..Transmit::default() }).unwrap();
    other.flush().unwrap();
    assert_eq!(leaving(&air, 1, || {}).len(), 1);
    air.send(&heard(&data(OURS, 2))).unwrap();
    assert_eq!(collect(&mut socket, frame_of, 1), [data(OURS, 2)]);
    assert_eq!(socket.counts().unwrap().stray_echoes, 0);
}

#[test]
fn sec_m14_a_bad_radiotap_header_is_counted_and_dropped() {
    let Some((air, mut socket)) = monitor("alt3", None) else { return };
    let good = heard(&data(OURS, 2));
    let mut beyond = good.clone();
    beyond[2..4].copy_from_slice(&u16::MAX.to_le_bytes());
    let mut version = good.clone();
    version[0] = 9;
    for bytes in [&beyond, &version, &good] {
        air.send(bytes).unwrap();
    }
    assert_eq!(collect(&mut socket, frame_of, 1), [data(OURS, 2)]);
    assert_eq!(socket.counts().unwrap().malformed, 2);
}

#[test]
fn a_full_queue_and_a_frame_too_long_are_said_and_nothing_is_lost() {
    let Some((_air, mut socket)) = monitor("alt4", None) else { return };
    let limit = interface::mtu("alt4").unwrap();
    let long = Transmit { frame: vec![0x08; limit + 1], ..Transmit::default() };
    assert!(matches!(socket.transmit(&long), Err(TransmitError::TooLong { .. })));
    let frame = Transmit { frame: data(OURS, 0), ..Transmit::default() };
    let taken = (0..10_000).take_while(|_| socket.transmit(&frame).is_ok()).count();
    assert!(taken > 0 && taken < 10_000);
    assert!(matches!(socket.transmit(&frame), Err(TransmitError::Full)));
    socket.flush().unwrap();
    socket.transmit(&frame).unwrap();
}

#[test]
fn an_interface_that_goes_down_is_an_error_that_names_it() {
    let Some((_air, mut socket)) = monitor("alt5", None) else { return };
    socket.flush().unwrap();
    interface::set_up("alt5", false).unwrap();
    let error = socket.flush().unwrap_err();
    assert_eq!((error.interface.as_str(), error.cause.raw_os_error()), ("alt5", Some(nix::libc::ENETDOWN)));
}

#[test]
fn what_the_ring_has_no_room_for_is_counted_and_the_rest_is_whole() {
    let Some((air, mut socket)) = monitor("alt6", None) else { return };
    let sent = 3000u32;
    for n in 0..sent {
        let mut mpdu = data(OURS, 0);
        mpdu.extend(n.to_le_bytes());
        assert!(air.send(&heard(&mpdu)).unwrap());
    }
    let counts = socket.counts().unwrap();
    assert!(counts.ring_full > 0 && counts.received >= u64::from(sent));
    let kept = sent - u32::try_from(counts.ring_full).unwrap();
    let numbers = collect(&mut socket, frame_of, kept as usize);
    let number = |frame: &Vec<u8>| u32::from_le_bytes(*frame.last_chunk().unwrap());
    assert!(numbers.iter().map(number).eq(0..kept), "the first {kept} frames in order");
    air.send(&heard(&data(OURS, 5))).unwrap();
    assert_eq!(collect(&mut socket, frame_of, 1), [data(OURS, 5)], "it goes on afterwards");
}

#[test]
fn a_frame_longer_than_a_slot_is_counted_and_dropped() {
    let Some((air, mut socket)) = monitor("alt7", None) else { return };
    let mut longest = data(OURS, 1);
    longest.resize(3839 + 36 + 16, 7);
    let mut beyond = longest.clone();
    beyond.resize(4096, 7);
    air.send(&heard(&beyond)).unwrap();
    air.send(&heard(&longest)).unwrap();
    assert_eq!(collect(&mut socket, frame_of, 1), [longest]);
    assert_eq!(socket.counts().unwrap().malformed, 1);
}

/// Slows an interface down so that frames queue up in front of it, as on a busy channel. `None` if this may not be had.
fn slow_down(name: &str, limit: u32) -> Option<()> {
    let limit = limit.to_string();
    let arguments =
        ["qdisc", "add", "dev", name, "root", "tbf", "rate", "2mbit", "burst", "2kb", "limit", &limit];
    let done = Command::new("tc").args(arguments).status();
    if !done.is_ok_and(|status| status.success()) {
        eprintln!("skipped: tc and the kernel's tbf are needed");
        return None;
    }
    Some(())
}

/// Gives frames `0..` to the socket until it takes no more and has sent what it can. Says how many it took.
fn fill(socket: &mut PacketSocket) -> u8 {
    let mut taken = 0;
    for round in 0..3 {
        let frame = |n: u8| Transmit { frame: [&data(OURS, 0)[..], &[n]].concat(), ..Transmit::default() };
        while taken < 255 && socket.transmit(&frame(taken)).is_ok() {
            taken += 1;
        }
        socket.flush().unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
    taken
}

/// The last bytes of the frames that leave, until `count` of them have; `turn` is called again and again.
fn leaving(air: &Tap, count: u8, mut turn: impl FnMut()) -> Vec<u8> {
    let end = Instant::now() + Duration::from_secs(60);
    let (mut numbers, mut buffer) = (Vec::new(), [0; 4096]);
    while numbers.len() < usize::from(count) && Instant::now() < end {
        turn();
        while let Some(length) = air.receive(&mut buffer).unwrap() {
            numbers.push(buffer[length - 1]);
        }
    }
    numbers
}

#[test]
fn a_full_socket_is_congested_and_the_reactor_tells_when_it_no_longer_is() {
    let Some((air, mut socket)) = monitor("alt8", None) else { return };
    let Some(()) = slow_down("alt8", 1_000_000) else { return };
    setsockopt(&socket, sockopt::SndBuf, &(32 << 10)).unwrap();
    let taken = fill(&mut socket);
    assert!(socket.is_congested(), "{taken} frames found room");
    let mut reactor = Reactor::new().unwrap();
    reactor.watch(socket.as_fd(), 0).unwrap();
    reactor.watch_writable(socket.as_fd(), 0, true).unwrap();
    let mut told = 0;
    let numbers = leaving(&air, taken, || {
        if socket.is_congested() {
            let now = reactor::now().unwrap();
            told += reactor.wait(now, Some(now + Duration::from_secs(20))).unwrap().count();
            socket.flush().unwrap();
        }
    });
    assert!(numbers.iter().copied().eq(0..taken), "all in order: {numbers:?}");
    assert!(told > 0 && !socket.is_congested());
}

#[test]
fn a_full_queue_of_the_interface_loses_nothing_and_is_no_congestion_of_the_socket() {
    let Some((air, mut socket)) = monitor("alt9", None) else { return };
    let Some(()) = slow_down("alt9", 3000) else { return };
    let taken = fill(&mut socket);
    assert!(!socket.is_congested());
    let numbers = leaving(&air, taken, || socket.flush().unwrap());
    assert!(numbers.iter().copied().eq(0..taken), "all in order: {numbers:?}");
}
