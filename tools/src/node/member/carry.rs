//! Frames between nodes, in the sessions of the engine: for a station that another has claimed, and for all, where nodes
//! are on different Ethernets.
//!
//! ```text
//! version u8 = 1 | kind u8 | hops u8 | VLAN u16 | Ethernet frame
//! ```
//! All numbers are little-endian. A frame for one station that has moved on meanwhile follows it, at most a few times; one
//! for all came from where it entered, and goes to no other node from here.

use mesh::announce::NodeId;
use mesh::claim::Place;
use mesh::engine::{Engine, MAX_FRAME, PeerState, Refused};
use stack::ap::NetworkId;
use stack::mac::DropReason;
use stack::time::Instant;
use stack::wire::{MacAddr, Reader, Truncated};

use super::Member;
use super::hear::MSDU;
use crate::node::orders::Order;

const VERSION: u8 = 1;
/// Nodes that a frame goes through at the most.
const HOPS: u8 = 4;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One station.
    One,
    /// All, or one that nobody knows.
    All { from_client: bool },
}

/// A frame between nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Carried<'a> {
    kind: Kind,
    hops: u8,
    vlan: u16,
    ethernet: &'a [u8],
}

impl<'a> Carried<'a> {
    fn encode(self) -> Vec<u8> {
        let kind = match self.kind {
            Kind::One => 0,
            Kind::All { from_client: false } => 1,
            Kind::All { from_client: true } => 2,
        };
        let mut out = vec![VERSION, kind, self.hops];
        out.extend(self.vlan.to_le_bytes());
        out.extend_from_slice(self.ethernet);
        out
    }

    fn decode(bytes: &'a [u8]) -> Option<Self> {
        Self::parse(&mut Reader::new(bytes)).ok()?
    }

    fn parse(reader: &mut Reader<'a>) -> Result<Option<Self>, Truncated> {
        let version = reader.u8()?;
        let kind = match reader.u8()? {
            0 => Kind::One,
            1 => Kind::All { from_client: false },
            2 => Kind::All { from_client: true },
            _ => return Ok(None),
        };
        let (hops, vlan) = (reader.u8()?, reader.u16_le()?);
        let ethernet = reader.rest();
        Ok((version == VERSION && ethernet.len() >= 14).then_some(Self { kind, hops, vlan, ethernet }))
    }
}

impl<E: Engine> Member<E> {
    /// A frame for a station that is not on a radio of this node, or was not when it was told of.
    pub(super) fn carry(&mut self, now: Instant, network: NetworkId, ethernet: Vec<u8>, hops: u8) {
        let Some(to) = ethernet.get(..6).and_then(MacAddr::from_slice) else {
            return self.ports.drops.count(DropReason::MsduMalformed);
        };
        if let Some(own) = self.own.values().find(|own| (own.network, own.client) == (network, to)) {
            self.switch.order(own.radio, Order::Msdu { network, ethernet });
            return;
        }
        let station = self.ports.station(network, to);
        let me = self.engine.node();
        match self.ports.claims.lookup().place(station) {
            Some(Place { node, .. }) if node != me && hops < HOPS => {
                let carried = Carried { kind: Kind::One, hops, vlan: station.vlan, ethernet: &ethernet };
                match self.send_frame(node, carried) {
                    Err(Refused::NoSession(_)) => self.follow(now, to, &ethernet),
                    outcome => self.count(outcome),
                }
            }
            Some(Place { node, wired: true }) if node == me => {
                self.bring_to_all(network, me, false, ethernet)
            }
            _ => self.follow(now, to, &ethernet),
        }
    }

    /// The frame goes after a client's virtual AP, wherever that is on its way to; the core holds it until that is known.
    fn follow(&mut self, now: Instant, to: MacAddr, ethernet: &[u8]) {
        match self.abroad.get(&to) {
            Some(&bssid) => self.hand_on(now, bssid, MSDU, ethernet),
            None => self.ports.drops.count(DropReason::NoDestination),
        }
    }

    fn send_frame(&mut self, to: NodeId, carried: Carried<'_>) -> Result<(), Refused> {
        self.engine.send_frame(to, &carried.encode())
    }

    fn count(&mut self, outcome: Result<(), Refused>) {
        match outcome {
            Ok(()) => {}
            Err(Refused::TooLong { .. }) => self.ports.drops.count(DropReason::FrameTooLong),
            Err(Refused::Full(_)) => self.ports.drops.count(DropReason::RadioBusy),
            Err(_) => self.ports.drops.count(DropReason::NoDestination),
        }
    }

    /// A frame for all goes to every other node, once.
    pub(super) fn carry_to_all(&mut self, network: NetworkId, from_client: bool, ethernet: &[u8]) {
        let vlan = self.ports.station(network, MacAddr::BROADCAST).vlan;
        let carried = Carried { kind: Kind::All { from_client }, hops: 0, vlan, ethernet };
        if ethernet.len() + 5 > MAX_FRAME {
            return self.ports.drops.count(DropReason::FrameTooLong);
        }
        let up = self.engine.members().into_iter().filter(|other| other.state == PeerState::Up);
        for other in up.collect::<Vec<_>>() {
            let sent = self.send_frame(other.node, carried);
            self.count(sent);
        }
    }

    fn bring_to_all(&self, network: NetworkId, from: NodeId, from_client: bool, ethernet: Vec<u8>) {
        self.switch.order_reader(network, Order::ForAll { network, from, from_client, ethernet });
    }

    /// A frame from another node.
    pub(super) fn handle_frame(&mut self, now: Instant, from: NodeId, bytes: &[u8]) {
        let Some(Carried { kind, hops, vlan, ethernet }) = Carried::decode(bytes) else {
            return self.ports.drops.count(DropReason::MsduMalformed);
        };
        let Some(network) = self.ports.network_of(vlan) else {
            return self.ports.drops.count(DropReason::NoDestination);
        };
        match kind {
            Kind::One => self.carry(now, network, ethernet.to_vec(), hops.saturating_add(1)),
            Kind::All { from_client } if self.ports.flood => {
                self.bring_to_all(network, from, from_client, ethernet.to_vec());
            }
            Kind::All { .. } => self.ports.drops.count(DropReason::ServedElsewhere),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_road_and_others_are_not_taken_for_one() {
        let ethernet = [7; 60];
        for kind in [Kind::One, Kind::All { from_client: true }, Kind::All { from_client: false }] {
            let carried = Carried { kind, hops: 3, vlan: 4094, ethernet: &ethernet };
            let bytes = carried.encode();
            assert_eq!(Carried::decode(&bytes), Some(carried));
            assert!((0..19).all(|end| Carried::decode(&bytes[..end]).is_none()));
            assert_eq!(Carried::decode(&[&[2], &bytes[1..]].concat()), None);
        }
        assert_eq!(Carried::decode(&[&[1, 9], &[0; 60][..]].concat()), None);
    }
}
