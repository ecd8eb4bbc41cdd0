//! The Ethernet switch that the nodes and the wired host are on. It learns, as any does, from the sources of frames.

use std::collections::BTreeMap;
use std::sync::Arc;

use stack::wire::MacAddr;

use crate::node::Cable;

/// Where a frame comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Host,
    Node(usize),
}

/// A learning switch with a port for the wired host and one for each node.
#[derive(Default)]
pub(super) struct Bridge {
    /// By the node; `None` where the link is down.
    cables: Vec<Option<Arc<Cable>>>,
    learned: BTreeMap<MacAddr, Port>,
    /// For the host.
    delivered: Vec<Vec<u8>>,
}

impl Bridge {
    /// A switch with these cables in its ports, in the order of the nodes.
    pub(super) fn new(cables: Vec<Arc<Cable>>) -> Self {
        Self { cables: cables.into_iter().map(Some).collect(), ..Self::default() }
    }

    /// A node is without power: its link is down, and what was learned there is forgotten.
    pub(super) fn unplug(&mut self, node: usize) {
        if let Some(cable) = self.cables.get_mut(node) {
            *cable = None;
        }
        self.learned.retain(|_, port| *port != Port::Node(node));
    }

    /// The host sends a frame.
    pub(super) fn host_sends(&mut self, frame: &[u8]) {
        self.pass(Port::Host, frame);
    }

    /// Passes on what the nodes have sent. Whether it was anything.
    pub(super) fn turn(&mut self) -> bool {
        let mut any = false;
        for node in 0..self.cables.len() {
            let next = |bridge: &Self| bridge.cables.get(node)?.as_ref()?.host_receive();
            while let Some(frame) = next(self) {
                self.pass(Port::Node(node), &frame);
                any = true;
            }
        }
        any
    }

    /// What has come for the host.
    pub(super) fn take_delivered(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.delivered)
    }

    fn pass(&mut self, from: Port, frame: &[u8]) {
        let address = |at: usize| frame.get(at..at + 6).and_then(MacAddr::from_slice);
        let (Some(to), Some(source)) = (address(0), address(6)) else { return };
        self.learned.insert(source, from);
        let known = self.learned.get(&to).copied().filter(|_| !to.is_group());
        let all = (0..self.cables.len()).map(Port::Node).chain([Port::Host]);
        let ports: Vec<_> =
            all.filter(|port| *port != from && known.is_none_or(|known| known == *port)).collect();
        for port in ports {
            match port {
                Port::Host => self.delivered.push(frame.to_vec()),
                Port::Node(node) => {
                    if let Some(Some(cable)) = self.cables.get(node) {
                        // A full cable is a loss, and the books will show it.
                        cable.host_send(frame.to_vec());
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(to: u8, from: u8) -> Vec<u8> {
        [[2, 0, 0, 0, 0, to], [2, 0, 0, 0, 0, from]].concat()
    }

    fn read(cable: &Cable) -> usize {
        let mut buffer = [0; 64];
        std::iter::from_fn(|| crate::node::Outside::receive(cable, &mut buffer).unwrap()).count()
    }

    #[test]
    fn it_learns_where_stations_are_and_forgets_them_with_the_link() {
        let cables = [0, 1].map(|_| Arc::new(Cable::default()));
        let mut bridge = Bridge::new(cables.to_vec());
        bridge.host_sends(&frame(5, 1));
        assert_eq!([read(&cables[0]), read(&cables[1])], [1, 1], "unknown: to all");
        crate::node::Outside::send(&cables[1], &frame(1, 5)).unwrap();
        assert!(bridge.turn() && !bridge.turn());
        assert_eq!((bridge.take_delivered().len(), read(&cables[0])), (1, 0));
        bridge.host_sends(&frame(5, 1));
        assert_eq!([read(&cables[0]), read(&cables[1])], [0, 1]);
        bridge.unplug(1);
        bridge.host_sends(&frame(5, 1));
        assert_eq!([read(&cables[0]), read(&cables[1])], [1, 0]);
    }
}
