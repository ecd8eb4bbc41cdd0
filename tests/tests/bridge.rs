//! A bridge of the real kernel and who is behind which of its ports; as root in a network namespace of its own, else skipped.

use std::process::Command;
use std::time::{Duration, Instant};

use drivers::bridge::ForwardingDatabase;
use drivers::interface;
use drivers::tap::Tap;
use nix::sched::{CloneFlags, unshare};
use stack::wire::MacAddr;

const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 5, 1]);
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 1]);
const NAMES: [&str; 3] = ["air0", "thief0", "host0"];

/// Three TAPs in one bridge: the node's, a thief's and a host's. `None` when this may not be had.
fn bridge() -> Option<[Tap; 3]> {
    if unshare(CloneFlags::CLONE_NEWNET).is_err() {
        eprintln!("skipped: a network namespace of its own needs root");
        return None;
    }
    let taps = match NAMES.map(Tap::open) {
        [Ok(air), Ok(thief), Ok(host)] => [air, thief, host],
        _ => {
            eprintln!("skipped: no TAP devices");
            return None;
        }
    };
    let ip =
        |words: &str| Command::new("ip").args(words.split(' ')).status().is_ok_and(|status| status.success());
    let masters = NAMES.map(|name| format!("link set {name} master br0"));
    let built = ip("link add br0 type bridge mcast_snooping 0")
        && masters.iter().all(|words| ip(words))
        && ip("link set br0 up");
    if !built {
        eprintln!("skipped: this kernel has no bridge, or there is no ip (iproute2)");
        return None;
    }
    Some(taps)
}

fn frame(to: MacAddr, from: MacAddr, number: u8) -> Vec<u8> {
    let mut frame = [&to.octets()[..], &from.octets(), &[0x88, 0xb5, number]].concat();
    frame.resize(60, 0);
    frame
}

/// Sends a frame from one port until it comes out of another, which it has to, and tells by which others it did too. A
/// port takes frames a moment after it was made.
fn by_which(taps: &[Tap; 3], from: usize, frame: &[u8], wanted: usize) -> Vec<usize> {
    let end = Instant::now() + Duration::from_secs(60);
    let mut buffer = [0; Tap::FRAME];
    let mut out = Vec::new();
    while !out.contains(&wanted) {
        assert!(Instant::now() < end, "it never comes out of {wanted}, but of {out:?}");
        assert!(taps[from].send(frame).unwrap());
        for (n, tap) in taps.iter().enumerate() {
            while let Some(length) = tap.receive(&mut buffer).unwrap() {
                if buffer[..length] == *frame && !out.contains(&n) {
                    out.push(n);
                }
            }
        }
        std::thread::yield_now();
    }
    out
}

#[test]
fn sec_m12_a_pinned_client_stays_behind_its_port_whatever_a_thief_sends() {
    let Some(taps) = bridge() else { return };
    let [air, thief, host] = [0, 1, 2];
    let mut database = ForwardingDatabase::open().unwrap();
    let port = interface::index(NAMES[air]).unwrap();
    // All ports carry frames.
    by_which(&taps, host, &frame(MacAddr::BROADCAST, HOST, 0), thief);
    by_which(&taps, host, &frame(MacAddr::BROADCAST, HOST, 1), air);
    database.pin(port, CLIENT).unwrap();
    by_which(&taps, thief, &frame(MacAddr::BROADCAST, CLIENT, 2), host);
    assert_eq!(by_which(&taps, host, &frame(CLIENT, HOST, 3), air), [air]);
    // Without that a bridge believes the thief.
    database.unpin(port, CLIENT).unwrap();
    by_which(&taps, thief, &frame(MacAddr::BROADCAST, CLIENT, 4), host);
    assert_eq!(by_which(&taps, host, &frame(CLIENT, HOST, 5), thief), [thief]);
    assert!(database.unpin(port, CLIENT).is_err(), "it is not behind that port");
    database.pin(port, CLIENT).unwrap();
    assert_eq!(by_which(&taps, host, &frame(CLIENT, HOST, 6), air), [air]);
}

/// Where two nodes are behind one bridge, what is for a client that goes from one to the other comes to one of them at every
/// moment.
#[test]
fn a_client_that_was_let_go_stays_behind_its_port_until_it_is_seen_elsewhere() {
    let Some(taps) = bridge() else { return };
    let [air, other, host] = [0, 1, 2];
    let mut database = ForwardingDatabase::open().unwrap();
    let port = interface::index(NAMES[air]).unwrap();
    by_which(&taps, host, &frame(MacAddr::BROADCAST, HOST, 0), other);
    by_which(&taps, host, &frame(MacAddr::BROADCAST, HOST, 1), air);
    assert!(database.loosen(port, CLIENT).is_err(), "it is nowhere");
    database.pin(port, CLIENT).unwrap();
    database.loosen(port, CLIENT).unwrap();
    assert_eq!(by_which(&taps, host, &frame(CLIENT, HOST, 2), air), [air]);
    by_which(&taps, other, &frame(MacAddr::BROADCAST, CLIENT, 3), host);
    assert_eq!(by_which(&taps, host, &frame(CLIENT, HOST, 4), other), [other]);
    assert!(database.unpin(port, CLIENT).is_err(), "it is not behind that port");
}
