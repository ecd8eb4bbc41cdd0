//! What a switch looks up for a frame, against plain maps of the same keys: where a client is within the node, and behind
//! which node it is.
//!
//! All keys in an order of their own, so that the larger maps are as cold as they are when many talk.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant as Clock};

use airloom::node::{Abroad, Home, Remote, Routes, Table};
use arc_swap::{ArcSwap, Cache};
use mesh::announce::{Claim, NodeId, SaBinding};
use mesh::claim::{Claims, Limits, Place, Station};
use mesh::lease::Generation;
use stack::ap::NetworkId;
use stack::time::Instant;
use stack::wire::MacAddr;
use tests::bench::median;
use tests::story::NETWORK;

const ROUNDS: usize = 31;
/// Lookups in all, at least.
const LOOKUPS: usize = 1_000_000;
/// Timed together.
const CHUNK: usize = 1000;

type Find<'a> = (&'a str, &'a mut dyn FnMut(MacAddr) -> bool);

/// Prints nanoseconds for each lookup, and how many more they are than those of plain maps.
pub fn run() {
    for count in [1000, 1 << 16] {
        let mut keys: Vec<MacAddr> = (0..count).map(station).collect();
        keys.sort_by_key(|key| scramble(*key));
        in_the_node(&keys);
        between_nodes(&keys);
    }
}

fn station(n: u32) -> MacAddr {
    let [_, b, high, low] = n.to_be_bytes();
    MacAddr([2, 1, 0, b, high, low])
}

/// Some order that is not that of the addresses.
fn scramble(key: MacAddr) -> u32 {
    let [_, _, _, b, high, low] = key.octets();
    u32::from_be_bytes([0, b, high, low]).wrapping_mul(0x9e37_79b9)
}

/// As a port does it: the thread's view of the table that all radios share.
fn in_the_node(keys: &[MacAddr]) {
    let table: Table = keys.iter().map(|key| (NETWORK, *key, 1)).collect();
    let mut table = Cache::new(Arc::new(ArcSwap::from_pointee(table)));
    let tree: BTreeMap<(NetworkId, MacAddr), usize> = keys.iter().map(|key| ((NETWORK, *key), 1)).collect();
    let hashed: HashMap<(NetworkId, MacAddr), usize> = keys.iter().map(|key| ((NETWORK, *key), 1)).collect();
    compare(
        "which radio a client is on",
        keys,
        &mut [
            ("the switch's table", &mut |key| table.load().place(NETWORK, key).is_some()),
            ("a plain BTreeMap", &mut |key| tree.contains_key(&(NETWORK, key))),
            ("a plain HashMap", &mut |key| hashed.contains_key(&(NETWORK, key))),
        ],
    );
}

/// As a port does it for who is on no radio of the node: where the claims of other nodes say that it is.
fn between_nodes(keys: &[MacAddr]) {
    let now = Instant::ZERO;
    let mut claims = Claims::new(NodeId(1), Limits::default());
    for key in keys {
        let claim = Claim {
            client: *key,
            vlan: 0,
            node: NodeId(2),
            generation: Generation::default(),
            sequence: 1,
            ttl: Duration::from_secs(6),
            sa: SaBinding([1; 16]),
        };
        claims.handle_claim(now, claim).unwrap();
    }
    let abroad = Abroad::default();
    let routes = Routes { me: Some(NodeId(1)), lookup: claims.lookup(), ..Routes::default() };
    abroad.set(Routes { vlans: [(NETWORK, 0)].into(), ..routes });
    let mut home = Home::new(mpsc::channel().0, None, abroad);
    let place = Place { node: NodeId(2), wired: false };
    let at = |key: &MacAddr| (Station { vlan: 0, address: *key }, place);
    let tree: BTreeMap<Station, Place> = keys.iter().map(at).collect();
    let hashed: HashMap<Station, Place> = keys.iter().map(at).collect();
    compare(
        "behind which node a client is",
        keys,
        &mut [
            ("the routes between nodes", &mut |key| {
                home.remote(now, NETWORK, key) == Some(Remote::Client { left: false })
            }),
            ("a plain BTreeMap", &mut |key| tree.contains_key(&Station { vlan: 0, address: key })),
            ("a plain HashMap", &mut |key| hashed.contains_key(&Station { vlan: 0, address: key })),
        ],
    );
}

/// Round by round in turn, each over all keys; the median of a thousand lookups each.
fn compare(title: &str, keys: &[MacAddr], finds: &mut [Find<'_>]) {
    println!("{title}, of {}", keys.len());
    let mut times = vec![Vec::new(); finds.len()];
    for _ in 0..ROUNDS.max(LOOKUPS / keys.len()) {
        for (times, (name, find)) in times.iter_mut().zip(finds.iter_mut()) {
            times.extend(keys.chunks(CHUNK).map(|keys| time(name, keys, *find)));
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    println!("  {:<26} {:>6.1} ns", finds[0].0, medians[0]);
    for ((name, _), time) in finds.iter().zip(&medians).skip(1) {
        println!("  {name:<26} {time:>6.1} ns, ours takes {:>+6.1} ns more", medians[0] - time);
    }
}

fn time(name: &str, keys: &[MacAddr], find: &mut dyn FnMut(MacAddr) -> bool) -> f64 {
    let start = Clock::now();
    for key in keys {
        assert!(find(black_box(*key)), "{name} has all of them");
    }
    start.elapsed().as_secs_f64() * 1e9 / keys.len() as f64
}
