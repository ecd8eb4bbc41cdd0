//! The wires between nodes: each node has a network namespace with its phy and a wire to the backhaul, of which how good it is
//! can be said. Their TAPs are ports of one bridge, the LAN. A bridge of its own for each node would be one more queue for
//! each processor on the way to the TAP, and the kernel keeps no order among those: a frame that was sent to a node before
//! the LAN learned that the client is elsewhere would come after that.

use std::process::Command;

use super::access_point::ADDRESS;
use super::program::{output, run};
use super::{Outcome, expect};

const LAN: &str = "br0";
const BACKHAUL: &str = "mesh0";

/// Put up for as long as it lives.
pub(crate) struct Site {
    nodes: usize,
    /// Else all are in the first namespace, and the backhaul is the loopback: there the air can be that of our medium, which
    /// sees the monitors of its own namespace only.
    apart: bool,
}

/// How good the backhaul is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire {
    pub(crate) name: &'static str,
    /// What netem is told; each way of a packet passes it once.
    netem: &'static [&'static str],
}

impl Wire {
    pub(crate) const SHORT: Self = Self { name: "short", netem: &["delay", "100us"] };
    pub(crate) const LONG: Self = Self { name: "long", netem: &["delay", "5ms"] };
    pub(crate) const BAD: Self = Self { name: "bad", netem: &["delay", "1ms", "loss", "1%"] };
}

impl Site {
    pub(crate) fn build(nodes: usize, apart: bool) -> Result<Self, String> {
        let site = Self { nodes, apart };
        site.clear();
        for bridge in [LAN, BACKHAUL] {
            run("ip", &["link", "add", bridge, "type", "bridge"])?;
            run("ip", &["link", "set", bridge, "up"])?;
        }
        // Else it would be that of one of the TAPs, and change with them.
        run("ip", &["link", "set", LAN, "address", "02:1a:00:00:00:01"])?;
        run("ip", &["address", "add", &format!("{ADDRESS}/24"), "dev", LAN])?;
        if apart {
            (0..nodes).try_for_each(|n| site.settle(n))?;
            site.quality(Wire::SHORT)?;
        }
        Ok(site)
    }

    /// Where a node can be reached by the others.
    pub(crate) fn address(&self, n: usize) -> String {
        format!("{}.{}", if self.apart { "10.7.0" } else { "127.0.0" }, n + 1)
    }

    fn settle(&self, n: usize) -> Outcome {
        let namespace = namespace(n);
        run("ip", &["netns", "add", &namespace])?;
        run("iw", &["phy", &format!("phy{n}"), "set", "netns", "name", &namespace])?;
        let wire = wire(n);
        run("ip", &["link", "add", &wire, "type", "veth", "peer", "name", "wire", "netns", &namespace])?;
        run("ip", &["link", "set", &wire, "master", BACKHAUL, "up"])?;
        for inner in ["wire", "lo"] {
            run("ip", &["-n", &namespace, "link", "set", inner, "up"])?;
        }
        let address = format!("{}/24", self.address(n));
        run("ip", &["-n", &namespace, "address", "add", &address, "dev", "wire"]).map(drop)
    }

    /// What is sent between nodes from now on is delayed or lost so.
    pub(crate) fn quality(&self, wire: Wire) -> Outcome {
        for n in 0..self.nodes {
            let mut tc = self.command(n, "tc");
            tc.args(["qdisc", "replace", "dev", "wire", "root", "netem"]).args(wire.netem);
            output(&mut tc)?;
        }
        Ok(())
    }

    /// Nothing goes to or from this node by the backhaul, or all does again. Its LAN stays.
    pub(crate) fn cut(&self, n: usize, cut: bool) -> Outcome {
        run("ip", &["link", "set", &wire(n), if cut { "down" } else { "up" }]).map(drop)
    }

    /// A program in the namespace of a node.
    pub(crate) fn command(&self, n: usize, program: &str) -> Command {
        if !self.apart {
            return Command::new(program);
        }
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &namespace(n), program]);
        command
    }

    /// A TAP that a node has made is on the LAN.
    pub(crate) fn connect(&self, n: usize, tap: &str) -> Outcome {
        expect(n < self.nodes, || format!("there is no node {n}"))?;
        if self.apart {
            run("ip", &["-n", &namespace(n), "link", "set", tap, "netns", "1"])?;
        }
        run("ip", &["link", "set", tap, "master", LAN, "up"]).map(drop)
    }

    /// Also what a scenario before has left.
    fn clear(&self) {
        for n in 0..self.nodes {
            // In the first namespace, that of the first process, phys are as they were.
            let (phy, namespace) = (format!("phy{n}"), namespace(n));
            let _ = run("ip", &["netns", "exec", &namespace, "iw", "phy", &phy, "set", "netns", "1"]);
            let _ = run("ip", &["netns", "delete", &namespace]);
            let _ = run("ip", &["link", "delete", &wire(n)]);
        }
        for bridge in [LAN, BACKHAUL] {
            let _ = run("ip", &["link", "delete", bridge]);
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.clear();
    }
}

fn namespace(n: usize) -> String {
    format!("node{n}")
}

fn wire(n: usize) -> String {
    format!("wire{n}")
}
