//! What nodes that have nothing to say to each other send.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use mesh::engine::identity::{Authority, MachineId, NodeName, NodeStore};
use mesh::engine::real::{Real, RealConfig};
use mesh::engine::{Engine, PeerState};

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

/// Prints what each of 2 to 16 nodes sends while nothing happens.
pub fn run() {
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
