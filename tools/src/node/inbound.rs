//! What comes to a port from the wire and from other nodes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mesh::announce::NodeId;
use stack::ap::{ApRadio, NetworkId};
use stack::mac::DropReason;
use stack::time::Instant;
use stack::wire::{EtherType, MacAddr};

use super::home::Remote;
use super::orders::Told;
use super::port::{BUDGET, Parcel, Port, destination};
use super::wire::Way;

/// A client that came a moment ago may have sent what is on the wire from where it was before.
const JUST_CAME: Duration = Duration::from_secs(2);

impl Port {
    pub(super) fn read_outside(&mut self, now: Instant, index: usize, ap: &mut ApRadio) -> (u64, bool) {
        let networks = Arc::clone(&self.networks);
        let Some(served) = networks.get(index) else { return (0, false) };
        let Some(outside) = served.outside.as_deref() else { return (0, false) };
        let dry = self.dry.get(index).is_some_and(|&dry| dry);
        if dry || served.reader.load(Ordering::Acquire) != self.radio {
            return (0, false);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut count = 0;
        let full = loop {
            if count == BUDGET as u64 {
                break true;
            }
            // An outside that fails is not read until it is ready again; writing to it is what shows that it fails.
            let Ok(Some(length)) = outside.receive(&mut buffer) else { break false };
            self.dispatch(now, index, served.id, buffer.get(..length).unwrap_or_default(), ap);
            count += 1;
        };
        self.buffer = buffer;
        if let Some(dry) = self.dry.get_mut(index) {
            // Where there is no descriptor nobody tells of what comes.
            *dry = !full && outside.descriptor().is_some();
        }
        (count, full)
    }

    /// A frame from the wire.
    fn dispatch(&mut self, now: Instant, index: usize, network: NetworkId, frame: &[u8], ap: &mut ApRadio) {
        let Some(to) = destination(frame) else { return self.drops.count(DropReason::MsduMalformed) };
        if frame.get(12..14) == Some(&EtherType::EAPOL.0.to_be_bytes()) {
            return self.drops.count(DropReason::EapolNotForUs);
        }
        if let Err(reason) = self.check_source(now, index, network, frame) {
            return self.drops.count(reason);
        }
        if to.is_group() {
            if self.floods() && self.has_passed(now, network, frame, Way::Wire) {
                return self.drops.count(DropReason::WentRound);
            }
            self.send_to_all_nodes(network, false, frame);
            return self.give_to_all(now, network, frame, ap);
        }
        match self.table.load().place(network, to) {
            Some(radio) => self.give(now, radio, network, frame, ap),
            None => self.carry_on(now, network, to, frame),
        }
    }

    /// A frame from the wire for nobody on this node. Where the nodes share an Ethernet, who has the client gets it there,
    /// but for what was sent before the client had left.
    fn carry_on(&mut self, now: Instant, network: NetworkId, to: MacAddr, frame: &[u8]) {
        let floods = self.floods();
        match self.home.as_mut().and_then(|home| home.remote(now, network, to)) {
            Some(Remote::Client { left: false }) if !floods => {
                self.drops.count(DropReason::ServedElsewhere);
            }
            Some(_) => self.tell_frame(Told::Msdu { network, ethernet: frame.to_vec() }),
            None if floods && self.has_passed(now, network, frame, Way::Wire) => {
                self.drops.count(DropReason::WentRound);
            }
            None if floods => self.send_to_all_nodes(network, false, frame),
            None => self.drops.count(DropReason::NoDestination),
        }
    }

    /// Whether what is on the wire may be from there. In a cluster, which knows of all access points where its clients may
    /// go, the address of a client is not: what sends with it is not believed, and bridges are told once more where the
    /// client is. All others are learnt.
    fn check_source(
        &mut self,
        now: Instant,
        index: usize,
        network: NetworkId,
        frame: &[u8],
    ) -> Result<(), DropReason> {
        let source = frame.get(6..12).and_then(MacAddr::from_slice).ok_or(DropReason::MsduMalformed)?;
        if source.is_group() {
            return Err(DropReason::MsduMalformed);
        }
        if self.home.is_none() {
            return Ok(());
        }
        if let Some(since) = self.table.load().since(network, source) {
            if now.since(since) < JUST_CAME {
                return Ok(());
            }
            self.suspect(now, network, source);
            if self.sources.may_answer(now) {
                self.tell_bridges(index, source);
            }
            return Err(DropReason::ClientOnWire);
        }
        let Some(home) = &mut self.home else { return Ok(()) };
        match home.remote(now, network, source) {
            // It may be on the same Ethernet, where all that it says to all comes here too.
            Some(Remote::Client { .. } | Remote::OnItsWay) if !home.floods() => self.check_isolation(index),
            Some(Remote::Client { left: true } | Remote::OnItsWay) => Ok(()),
            Some(Remote::Client { left: false }) => {
                self.suspect(now, network, source);
                Err(DropReason::ClientOnWire)
            }
            Some(Remote::Wired) | None => {
                if self.sources.see(now, network, source) {
                    home.tell(self.radio, Told::OnWire { network, address: source });
                }
                Ok(())
            }
        }
    }

    fn check_isolation(&self, index: usize) -> Result<(), DropReason> {
        let isolate = self.networks.get(index).is_some_and(|served| served.isolate);
        if isolate { Err(DropReason::Isolated) } else { Ok(()) }
    }

    /// Somebody sends with the address of a client.
    fn suspect(&mut self, now: Instant, network: NetworkId, address: MacAddr) {
        if self.sources.suspect(now, network, address)
            && let Some(home) = &self.home
        {
            home.tell(self.radio, Told::Forged { network, address });
        }
    }

    fn has_passed(&self, now: Instant, network: NetworkId, frame: &[u8], way: Way) -> bool {
        let served = self.networks.iter().find(|served| served.id == network);
        served.is_some_and(|served| served.echoes.has_passed(now, frame, way))
    }

    /// A frame that another node has for a client of this node.
    pub(super) fn bring(&mut self, now: Instant, network: NetworkId, ethernet: Vec<u8>, ap: &mut ApRadio) {
        let Some(to) = destination(&ethernet) else { return self.drops.count(DropReason::MsduMalformed) };
        match self.table.load().place(network, to) {
            Some(radio) => self.send_to_radio(now, radio, Parcel { network, ethernet }, ap),
            // Its radio has given it away since, and has told of that before.
            None if self.follows(network, to, &ethernet) => {}
            None => self.drops.count(DropReason::NoDestination),
        }
    }

    /// A frame that another node has for all, or for a station that it does not know, or that is on this node's wire.
    pub(super) fn bring_to_all(
        &mut self,
        now: Instant,
        network: NetworkId,
        (from, from_client): (NodeId, bool),
        frame: &[u8],
        ap: &mut ApRadio,
    ) {
        let Some(to) = destination(frame) else { return self.drops.count(DropReason::MsduMalformed) };
        let Some(index) = self.index(network) else { return self.drops.count(DropReason::NoDestination) };
        let source = frame.get(6..12).and_then(MacAddr::from_slice);
        let since = source.and_then(|source| self.table.load().since(network, source));
        if since.is_some_and(|since| now.since(since) >= JUST_CAME) {
            return self.drops.count(DropReason::ClientOnWire);
        }
        if self.has_passed(now, network, frame, Way::Node(from)) {
            return self.drops.count(DropReason::WentRound);
        }
        let isolated = from_client && self.check_isolation(index).is_err();
        match self.table.load().place(network, to) {
            Some(_) if isolated => self.drops.count(DropReason::Isolated),
            Some(radio) => self.give(now, radio, network, frame, ap),
            None => {
                self.send_outside(index, frame, !to.is_group());
                if to.is_group() && !isolated {
                    self.give_to_all(now, network, frame, ap);
                }
            }
        }
    }

    fn give(&mut self, now: Instant, radio: usize, network: NetworkId, frame: &[u8], ap: &mut ApRadio) {
        match self.lanes.get_mut(radio) {
            Some(Some(lane)) => lane.send_copy(network, frame, &mut self.drops),
            _ => ap.handle_msdu(now, network, frame),
        }
    }

    fn give_to_all(&mut self, now: Instant, network: NetworkId, frame: &[u8], ap: &mut ApRadio) {
        self.send_to_other_radios(network, frame);
        ap.handle_msdu(now, network, frame);
    }
}
