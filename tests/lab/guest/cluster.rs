//! Two nodes, each with a radio and a TAP, the TAPs in one bridge; a client's virtual AP moves between them.

use std::cell::Cell;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::access_point::{ADDRESS, Make};
use super::client::{Client, PASSPHRASE, SSID, Wanted};
use super::moves::{median, pings_both_ways};
use super::program::{Daemon, output, run, until};
use super::traffic::Stream;
use super::{Outcome, expect, said};

const FOLDER: &str = "/tmp/cluster";
const NAMES: [&str; 2] = ["north", "south"];

/// Two nodes in one cluster, which know each other.
struct Cluster {
    nodes: [Daemon; 2],
}

impl Cluster {
    /// `silence` is the time after which a node counts as lost: on an emulated machine a node that lives may say nothing
    /// for long.
    fn start(silence: &str) -> Result<Self, String> {
        Self::on_channels(silence, [6, 6])
    }

    fn on_channels(silence: &str, channels: [u8; 2]) -> Result<Self, String> {
        let _ = fs::remove_dir_all(FOLDER);
        said(fs::create_dir_all(FOLDER))?;
        said(fs::write(format!("{FOLDER}/passphrase"), PASSPHRASE))?;
        let authority = format!("{FOLDER}/authority");
        run("airloom", &["mesh", "init", "--out", &authority])?;
        for name in NAMES {
            let identity = format!("{FOLDER}/{name}.id");
            run("airloom", &["mesh", "node", name, "--cluster", &authority, "--out", &identity])?;
        }
        let nodes = [start(0, silence, channels[0])?, start(1, silence, channels[1])?];
        let mut cluster = Self { nodes };
        cluster.until_all_up()?;
        let _ = run("ip", &["link", "delete", "br0"]);
        run("ip", &["link", "add", "br0", "type", "bridge"])?;
        for tap in ["air0", "air1"] {
            run("ip", &["link", "set", tap, "master", "br0"])?;
        }
        run("ip", &["address", "add", &format!("{ADDRESS}/24"), "dev", "br0"])?;
        run("ip", &["link", "set", "br0", "up"])?;
        Ok(cluster)
    }

    fn until_all_up(&mut self) -> Outcome {
        until("the nodes don't find each other", || {
            for (node, name) in self.nodes.iter_mut().zip(NAMES) {
                node.lives()?;
                let status = status(name)?;
                let peers = status["peers"].as_array().cloned().unwrap_or_default();
                expect(peers.len() == 1 && peers[0]["state"] == "up", || status.to_string())?;
            }
            Ok(())
        })
    }

    /// Which node serves a client.
    fn owner(client: &Client) -> Result<usize, String> {
        let serves = |name: &str| -> Result<bool, String> {
            let status = status(name)?;
            let aps = status["virtual_aps"].as_array().cloned().unwrap_or_default();
            let mac = client.mac();
            let has = |ap: &Value| {
                ap["clients"].as_array().is_some_and(|all| all.iter().any(|one| one["address"] == *mac))
            };
            Ok(aps.iter().any(has))
        };
        match (serves(NAMES[0])?, serves(NAMES[1])?) {
            (true, false) => Ok(0),
            (false, true) => Ok(1),
            both => Err(format!("{} is served by north, south: {both:?}", client.mac())),
        }
    }

    /// The client's virtual AP goes to the other node; yields for how long nothing could be sent, in milliseconds. `None`
    /// if that node did not take it: on a busy machine it may not answer in time, and the client stays where it is.
    fn move_over(client: &Client) -> Result<Option<f64>, String> {
        let owner = Self::owner(client)?;
        let to = format!("phy{}@{}", 1 - owner, NAMES[1 - owner]);
        let mut command = Command::new("airloom");
        command.args(["move", &client.mac(), "--to", &to, "--json", "--control", &socket(NAMES[owner])]);
        let said_by = match output(&mut command) {
            Err(why) if why.contains("does not take it") || why.contains("has not told") => return Ok(None),
            other => other?,
        };
        let moved: Value = said(serde_json::from_str(&said_by))?;
        until("it has not arrived", || expect(Self::owner(client)? == 1 - owner, || "not there".to_owned()))?;
        let gap = moved["gap_us"].as_f64().ok_or_else(|| moved.to_string())?;
        Ok(Some(gap / 1000.0))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.signal(Signal::SIGTERM);
            let _ = node.end();
        }
        let _ = run("ip", &["link", "delete", "br0"]);
    }
}

fn socket(name: &str) -> String {
    format!("/run/{name}.sock")
}

fn status(name: &str) -> Result<Value, String> {
    let text = output(Command::new("airloom").args(["status", "--json", "--control", &socket(name)]))?;
    said(serde_json::from_str(&text))
}

fn start(n: usize, silence: &str, channel: u8) -> Result<Daemon, String> {
    let name = NAMES[n];
    let file = format!("{FOLDER}/{name}.toml");
    let text = format!(
        "[node]\ncontrol = \"{}\"\nplacement = \"by-hand\"\n[mesh]\nlisten = \"127.0.0.1:{}\"\npeers = [\"127.0.0.1:{}\"]\n\
         identity = \"{name}.id\"\nsilence = \"{silence}\"\n[[radio]]\nphy = \"phy{n}\"\nchannel = {channel}\n[[network]]\nssid = \"{SSID}\"\n\
         passphrase_file = \"passphrase\"\ntap = \"air{n}\"\n",
        socket(name),
        7450 + n,
        7451 - n,
    );
    said(fs::write(&file, text))?;
    Daemon::start(Command::new("airloom").args(["run", "-v", &file]), name)
}

/// Pings both ways, one each 10 ms, while the client goes from node to node and back.
pub(crate) fn under_pings(make: Make) -> Outcome {
    let _cluster = Cluster::start("5s")?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let gaps = pings_both_ways(&client, || Cluster::move_over(&client))?;
    println!("measure node_moves.{} {} times", make.name(), gaps.len());
    println!("measure node_move_gap.{} {:.2} ms", make.name(), median(&gaps));
    expect(gaps.len() >= 3, || format!("only {} moves", gaps.len()))
}

/// The same between nodes on two channels.
pub(crate) fn to_another_channel(make: Make) -> Outcome {
    let _cluster = Cluster::on_channels("5s", [6, 11])?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let gaps = pings_both_ways(&client, || Cluster::move_over(&client))?;
    println!("measure node_channel_moves.{} {} times", make.name(), gaps.len());
    expect(gaps.len() >= 3, || format!("only {} moves", gaps.len()))
}

/// Streams both ways while the client goes from node to node and back.
pub(crate) fn under_streams(make: Make) -> Outcome {
    let _cluster = Cluster::start("5s")?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    for stream in Stream::ALL.map(|stream| Stream { seconds: 6, ..stream }) {
        let moves = Cell::new(0);
        let arrived = thread::scope(|scope| {
            let running = scope.spawn(|| stream.run(&client));
            while !running.is_finished() {
                thread::sleep(Duration::from_millis(500));
                moves.set(moves.get() + usize::from(Cluster::move_over(&client)?.is_some()));
            }
            running.join().map_err(|_| "the stream's thread ended badly".to_owned())?
        })?;
        println!("measure {}_between_nodes.{} {arrived:.1} Mb/s", stream.name(), make.name());
        let moves = moves.get();
        expect(arrived > 0.2 && moves >= 1, || format!("{stream:?}: {arrived} Mb/s, {moves} moves"))?;
    }
    Ok(())
}

/// The node that serves a client is killed; the other takes over.
pub(crate) fn owner_is_killed(make: Make) -> Outcome {
    let mut cluster = Cluster::start("1s")?;
    let client = Client::join(0, &Wanted::WPA2)?;
    client.reaches(ADDRESS)?;
    let owner = Cluster::owner(&client)?;
    // A copy goes out twice a second.
    thread::sleep(Duration::from_secs(2));
    cluster.nodes[owner].kill();
    let killed = std::time::Instant::now();
    client.reaches(ADDRESS)?;
    println!("measure served_again.{} {:.0} ms", make.name(), killed.elapsed().as_secs_f64() * 1e3);
    let mac = client.mac();
    let there = status(NAMES[1 - owner])?.to_string();
    expect(there.contains(&mac), || there.clone())
}
