//! Nodes of a cluster, each with a radio and a TAP, in namespaces of their own; clients' virtual APs move between them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use airloom::control::{Answer, Request};
use airloom::status::Move;
use serde_json::Value;

use super::client::{Client, PASSPHRASE, SSID};
use super::program::{Daemon, run, until};
use super::site::Site;
use super::{Outcome, expect, said};

const FOLDER: &str = "/tmp/cluster";
const NAMES: [&str; 3] = ["north", "south", "east"];

/// A few nodes that know each other.
pub(crate) struct Cluster {
    // Ends before its site does.
    nodes: Vec<Option<Daemon>>,
    pub(crate) site: Site,
    plan: Plan,
}

/// What all nodes are told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// After how long a node takes another for lost.
    pub(crate) silence: &'static str,
    pub(crate) placement: &'static str,
    /// Each has a namespace of its own.
    pub(crate) apart: bool,
    /// Where the radios of the nodes are.
    pub(crate) channels: [u8; 3],
    /// Group keys change every two seconds, pairwise keys every three.
    pub(crate) rekeys: bool,
}

impl Plan {
    /// On an emulated machine a node that lives may say nothing for long.
    pub(crate) const PATIENT: Self =
        Self { silence: "5s", placement: "by-hand", apart: true, channels: [6; 3], rekeys: false };
    /// What is lost is taken over soon.
    pub(crate) const PROMPT: Self = Self { silence: "1s", ..Self::PATIENT };
    /// Clients go by themselves where they are heard best.
    pub(crate) const SIGNAL: Self = Self { placement: "signal", apart: false, ..Self::PATIENT };
}

/// What came of a wish to move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moved {
    /// It went, and for so many milliseconds nothing could be sent.
    After(f64),
    /// The other did not take it: on a busy machine it may not answer in time, and the client stays where it is.
    Not,
}

impl Cluster {
    pub(crate) fn start(count: usize, plan: Plan) -> Result<Self, String> {
        let _ = fs::remove_dir_all(FOLDER);
        said(fs::create_dir_all(FOLDER))?;
        said(fs::write(format!("{FOLDER}/passphrase"), PASSPHRASE))?;
        authority("authority")?;
        let site = Site::build(count, plan.apart)?;
        let mut cluster = Self { nodes: Vec::new(), site, plan };
        for (n, name) in NAMES.into_iter().enumerate().take(count) {
            identity("authority", n, name)?;
            cluster.nodes.push(None);
            cluster.launch(n, name)?;
        }
        cluster.until_all_up()?;
        Ok(cluster)
    }

    /// Starts a node by the identity of this name.
    pub(crate) fn launch(&mut self, n: usize, identity: &str) -> Outcome {
        let file = format!("{FOLDER}/{identity}.toml");
        said(fs::write(&file, self.configuration(n, identity)))?;
        let mut node = Daemon::start(self.site.command(n, "airloom").args(["run", "-v", &file]), NAMES[n])?;
        until("the node does not start", || {
            node.lives()?;
            status(n).map(drop)
        })?;
        self.site.connect(n, &format!("air{n}"))?;
        self.nodes[n] = Some(node);
        Ok(())
    }

    fn configuration(&self, n: usize, identity: &str) -> String {
        let others = (0..NAMES.len()).filter(|other| *other != n);
        let peers: Vec<_> = others.map(|other| format!("\"{}:7450\"", self.site.address(other))).collect();
        format!(
            "[node]\ncontrol = \"{}\"\nplacement = \"{}\"\n[mesh]\nlisten = \"{}:7450\"\npeers = [{}]\n\
             identity = \"{identity}.id\"\nsilence = \"{}\"\n[[radio]]\nphy = \"phy{n}\"\nchannel = {}\n[[network]]\n\
             ssid = \"{SSID}\"\npassphrase_file = \"passphrase\"\ntap = \"air{n}\"\n{}",
            socket(n),
            self.plan.placement,
            self.site.address(n),
            peers.join(", "),
            self.plan.silence,
            self.plan.channels[n],
            if self.plan.rekeys { "group_rekey = \"2s\"\npairwise_rekey = \"3s\"\n" } else { "" },
        )
    }

    pub(crate) fn until_all_up(&mut self) -> Outcome {
        let count = self.nodes.len();
        until("the nodes don't find each other", || {
            for (n, node) in self.nodes.iter_mut().enumerate() {
                node.as_mut().map_or(Ok(()), Daemon::lives)?;
                expect(up(n)? == count - 1, || format!("{} sees {:?}", NAMES[n], status(n)))?;
            }
            Ok(())
        })
    }

    /// Kills a node without a chance to say anything.
    pub(crate) fn kill(&mut self, n: usize) {
        self.nodes[n] = None;
    }

    pub(crate) fn restart(&mut self, n: usize) -> Outcome {
        self.kill(n);
        self.launch(n, NAMES[n])?;
        self.until_all_up()
    }

    /// Which node serves a client.
    pub(crate) fn owner(&self, client: &Client) -> Result<usize, String> {
        let mac = client.mac();
        let running = (0..self.nodes.len()).filter(|n| self.nodes[*n].is_some());
        let serving = running.map(|n| Ok((n, status(n)?))).collect::<Result<Vec<_>, String>>()?;
        let mut serving = serving.iter().filter(|(_, status)| serves(status, &mac)).map(|(n, _)| *n);
        match (serving.next(), serving.next()) {
            (Some(owner), None) => Ok(owner),
            both => Err(format!("{mac} is served by {both:?}")),
        }
    }

    /// The client's virtual AP goes to another node.
    pub(crate) fn move_to(&self, client: &Client, from: usize, to: usize) -> Result<Moved, String> {
        let moved = match wish(&client.mac(), from, to) {
            Err(why) if why.contains("does not take it") || why.contains("has not told") => {
                return Ok(Moved::Not);
            }
            other => other?,
        };
        until("it has not arrived", || {
            let owner = self.owner(client)?;
            expect(owner == to, || format!("it is at {}", NAMES[owner]))
        })?;
        let gap = moved.gap_us.ok_or_else(|| format!("{moved:?}"))?;
        Ok(Moved::After(Duration::from_micros(gap).as_secs_f64() * 1e3))
    }

    /// What went wrong, with what the nodes have dropped.
    pub(crate) fn explain(&self, why: &str) -> String {
        let drops = |n: usize| {
            let status = status(n).unwrap_or_default();
            let [radio, cluster, switch] =
                [&status["radios"][0]["drops"], &status["cluster_drops"], &status["claims"]["drops"]];
            format!("{} dropped {radio} {cluster} {switch}", NAMES[n])
        };
        let drops: Vec<_> = (0..self.nodes.len()).filter(|n| self.nodes[*n].is_some()).map(drops).collect();
        format!("{why}; {}", drops.join(", "))
    }

    /// To the next node; yields the gap, if it went.
    pub(crate) fn move_on(&self, client: &Client) -> Result<Option<f64>, String> {
        let owner = self.owner(client)?;
        match self.move_to(client, owner, (owner + 1) % self.nodes.len())? {
            Moved::After(gap) => Ok(Some(gap)),
            Moved::Not => Ok(None),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            let _ = node.terminate();
        }
    }
}

/// What `airloom move` asks for. To start a program takes longer than the move here.
pub(crate) fn wish(client: &str, from: usize, to: usize) -> Result<Move, String> {
    let to = format!("phy{to}@{}", NAMES[to]);
    match asked(from, &Request::Move { client: client.to_owned(), to })? {
        Answer::Moved(moved) => Ok(moved),
        other => Err(format!("{other:?}")),
    }
}

fn asked(n: usize, request: &Request) -> Result<Answer, String> {
    airloom::control::ask(Path::new(&socket(n)), request).map_err(|why| format!("{why:#}"))
}

/// How many others a node sees that are up.
pub(crate) fn up(n: usize) -> Result<usize, String> {
    let status = status(n)?;
    let peers = status["peers"].as_array().into_iter().flatten();
    Ok(peers.filter(|peer| peer["state"] == "up").count())
}

pub(crate) fn status(n: usize) -> Result<Value, String> {
    match asked(n, &Request::Status)? {
        Answer::Status(status) => said(serde_json::to_value(status)),
        other => Err(format!("{other:?}")),
    }
}

pub(crate) fn serves(status: &Value, mac: &str) -> bool {
    let aps = status["virtual_aps"].as_array().into_iter().flatten();
    aps.filter_map(|ap| ap["clients"].as_array()).flatten().any(|client| client["address"] == mac)
}

/// Makes the authority of a cluster of the same name as all of them.
pub(crate) fn authority(name: &str) -> Outcome {
    run("airloom", &["mesh", "init", "--name", "lab", "--out", &format!("{FOLDER}/{name}")]).map(drop)
}

/// Has an authority make a node's identity.
pub(crate) fn identity(authority: &str, n: usize, name: &str) -> Outcome {
    let (authority, out) = (format!("{FOLDER}/{authority}"), format!("{FOLDER}/{name}.id"));
    run("airloom", &["mesh", "node", NAMES[n], "--cluster", &authority, "--out", &out]).map(drop)
}

fn socket(n: usize) -> String {
    format!("/run/{}.sock", NAMES[n])
}
