//! Bridges between nodes and wired hosts, in virtual time.

use std::collections::BTreeMap;

use stack::wire::MacAddr;

/// Who is on a port of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Node(usize),
    Host(usize),
}

/// A bridge that learns from every frame, as bridges do.
#[derive(Default)]
pub(crate) struct Bridge {
    pub(crate) ports: Vec<Port>,
    pub(crate) learnt: BTreeMap<MacAddr, Port>,
}

impl Bridge {
    /// The ports that a frame leaves by.
    pub(crate) fn forward(&mut self, from: Port, frame: &[u8]) -> Vec<Port> {
        let address = |at: usize| MacAddr::from_slice(frame.get(at..at + 6).unwrap_or_default());
        if let Some(source) = address(6).filter(|source| !source.is_group()) {
            self.learnt.insert(source, from);
        }
        match address(0).and_then(|to| self.learnt.get(&to)) {
            Some(port) => Some(*port).filter(|port| *port != from).into_iter().collect(),
            None => self.ports.iter().copied().filter(|port| *port != from).collect(),
        }
    }
}

pub(crate) struct Host {
    pub(crate) bridge: usize,
    pub(crate) got: Vec<Vec<u8>>,
}
