//! Somebody who sends with the address of a client, on the wire of the node that serves it and on the air: the client's
//! traffic goes to the client all the same, none is lost, and people are told.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use drivers::tap::Tap;
use nix::sched::{CloneFlags, setns};
use serde_json::Value;
use stack::wire::MacAddr;

use super::access_point::{ADDRESS, Make};
use super::client::{Client, Wanted};
use super::cluster::{Cluster, Plan, status};
use super::program::{output, run, until};
use super::traffic::{self, Beside};
use super::{Outcome, expect, said};

/// Between two forged frames: the client has several pings under way between each two of its own.
const PAUSE: Duration = Duration::from_millis(3);
/// For experiments (802-2014 9.2.4).
const ETHER_TYPE: [u8; 2] = [0x88, 0xb5];

/// What came of it.
struct Loot {
    forged: u32,
    /// Frames for the client that the thief got.
    drawn: u32,
}

/// A thread that goes on forging until it is told to end.
struct Thief {
    over: Arc<AtomicBool>,
    work: JoinHandle<Result<Loot, String>>,
}

impl Thief {
    /// `open` is called in that network namespace; what it yields sends a forged frame and tells how many for the client
    /// came.
    fn set_to_work<F>(
        namespace: String,
        open: impl FnOnce() -> Result<F, String> + Send + 'static,
    ) -> Result<Self, String>
    where
        F: FnMut() -> Result<u32, String>,
    {
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let work = thread::spawn(move || {
            let file = said(File::open(format!("/run/netns/{namespace}")))?;
            said(setns(file, CloneFlags::CLONE_NEWNET))?;
            let mut forge = open()?;
            let mut loot = Loot { forged: 0, drawn: 0 };
            while !told.load(Ordering::Relaxed) {
                loot.drawn += forge()?;
                loot.forged += 1;
                thread::sleep(PAUSE);
            }
            Ok(loot)
        });
        Ok(Self { over, work })
    }

    fn end(self) -> Result<Loot, String> {
        self.over.store(true, Ordering::Relaxed);
        self.work.join().map_err(|_| "the thief ended badly".to_owned())?
    }
}

fn forged(to: MacAddr, client: MacAddr) -> Vec<u8> {
    let mut frame = [&to.octets()[..], &client.octets(), &ETHER_TYPE].concat();
    frame.resize(60, 0);
    frame
}

fn address_of(client: &Client) -> Result<MacAddr, String> {
    said(client.mac().parse())
}

/// Pings both ways, one each 10 ms, all answered.
fn pinged_meanwhile(client: &Client) -> Outcome {
    let mut command = Command::new("ping");
    command.args(traffic::arguments(&client.ip(), 600, "0.01"));
    let down = Beside::start(command);
    traffic::from_client(client, ADDRESS, 600, "0.01")?.all_answered("from the client")?;
    down.end()?.all_answered("to the client")
}

/// All nodes say that the client is at this one.
fn is_known_to_be_at(client: &Client, owner: usize, nodes: usize) -> Outcome {
    let name = status(owner)?["node"].clone();
    until("the nodes do not agree where the client is", || {
        for n in 0..nodes {
            let claims = status(n)?["claims"].clone();
            let found = claims["clients"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|found| found["client"] == client.mac().as_str());
            expect(found.is_some_and(|found| found["node"] == name), || claims.to_string())?;
        }
        Ok(())
    })
}

fn dropped(status: &Value, reason: &str) -> u64 {
    let radios = status["radios"].as_array().into_iter().flatten();
    radios.filter_map(|radio| radio["drops"][reason].as_u64()).sum()
}

/// The TAP of a node comes into a bridge where the node is, which has a wire to the LAN: the node says to that bridge who
/// is behind its TAP.
fn give_a_bridge(n: usize) -> Outcome {
    let (namespace, tap, wire) = (format!("node{n}"), format!("air{n}"), format!("lan{n}"));
    for words in [
        format!("link set {tap} nomaster"),
        format!("link set {tap} netns {namespace}"),
        format!("-n {namespace} link add bridge type bridge"),
        format!("link add {wire} type veth peer name lan netns {namespace}"),
        format!("link set {wire} master br0 up"),
        format!("-n {namespace} link set lan master bridge up"),
        format!("-n {namespace} link set {tap} master bridge up"),
        format!("-n {namespace} link set bridge up"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        run("ip", &words)?;
    }
    Ok(())
}

/// On a port of the bridge that the TAP of the client's node is in.
pub(crate) fn on_the_wire(_: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    (0..2).try_for_each(give_a_bridge)?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let owner = cluster.owner(&client)?;
    let mac = address_of(&client)?;
    let thief = Thief::set_to_work(format!("node{owner}"), move || {
        let tap = said(Tap::open("thief0"))?;
        output(Command::new("ip").args(["link", "set", "thief0", "master", "bridge"]))?;
        let mut buffer = [0; Tap::FRAME];
        let mut turn = 0;
        Ok(move || {
            // To all, which the node sees; and to somebody who is elsewhere on the bridge, which it does not.
            turn += 1;
            let to = if turn % 2 == 0 { MacAddr::BROADCAST } else { MacAddr([2, 0, 0, 0, 0xee, 0xee]) };
            said(tap.send(&forged(to, mac)))?;
            let mut drawn = 0;
            while let Some(length) = said(tap.receive(&mut buffer))? {
                drawn += u32::from(length > 6 && buffer[..6] == mac.octets());
            }
            Ok(drawn)
        })
    })?;
    pinged_meanwhile(&client)?;
    let Loot { forged, drawn } = thief.end()?;
    expect(forged > 100 && drawn == 0, || format!("{forged} forged, {drawn} drawn"))?;
    is_known_to_be_at(&client, owner, 2)?;
    let status = status(owner)?;
    let conflict = status["claims"]["last_conflicts"][0].clone();
    let told = dropped(&status, "client_on_wire") > 0
        && status["claims"]["conflicts"].as_u64() > Some(0)
        && conflict["client"] == client.mac().as_str()
        && conflict["claimant"] == "wire";
    expect(told, || status.to_string())
}

/// A client that is in itself, and sends with the address of another through its own association.
pub(crate) fn on_the_air(_: Make) -> Outcome {
    let cluster = Cluster::start(2, Plan::PATIENT)?;
    let client = Client::join(0, &Wanted::WPA2)?;
    let other = Client::join(1, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    other.reaches(ADDRESS)?;
    let owner = cluster.owner(&client)?;
    let (mac, interface) = (address_of(&client)?, other.interface());
    let thief = Thief::set_to_work(other.namespace(), move || {
        let device = said(pcap::Capture::from_device(interface.as_str()))?.timeout(1).immediate_mode(true);
        let mut device = said(said(device.open())?.setnonblock())?;
        said(device.filter(&format!("ether dst {mac}"), true))?;
        Ok(move || {
            said(device.sendpacket(forged(MacAddr::BROADCAST, mac)))?;
            let mut drawn = 0;
            while device.next_packet().is_ok() {
                drawn += 1;
            }
            Ok(drawn)
        })
    })?;
    pinged_meanwhile(&client)?;
    let Loot { forged, drawn } = thief.end()?;
    expect(forged > 100 && drawn == 0, || format!("{forged} forged, {drawn} drawn"))?;
    is_known_to_be_at(&client, owner, 2)?;
    let all = (0..2).map(status).collect::<Result<Vec<_>, _>>()?;
    let strangers: u64 = all.iter().map(|status| dropped(status, "unknown_station")).sum();
    expect(strangers > 50, || format!("{strangers} of {forged} were dropped as a stranger's: {all:?}"))
}
