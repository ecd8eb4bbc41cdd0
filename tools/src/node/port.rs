//! A radio's end of the switch: where the frames of its stations go, and where those for its stations come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use arc_swap::{ArcSwap, Cache};
use drivers::reactor::Bell;
use rtrb::{Consumer, Producer};
use stack::ap::{ApRadio, NetworkId};
use stack::mac::{DropCounts, DropReason};
use stack::time::Instant;
use stack::wire::MacAddr;

use super::home::{Home, Remote};
use super::orders::Told;
use super::outside::Outside;
use super::switch::{Control, Controls};
use super::table::{self, Shared, Table};
use super::wire::{Echoes, Sources, Way};

/// Frames taken from each source in one turn at the most, so that none keeps the others waiting.
pub(super) const BUDGET: usize = 64;
/// Longer than any MSDU: what fills it was longer still.
pub(super) const READ: usize = 4096;

/// A network as the switch knows it; all radios of the node serve it.
pub(super) struct Served {
    pub(super) id: NetworkId,
    /// Its stations do not reach each other.
    pub(super) isolate: bool,
    pub(super) outside: Option<Box<dyn Outside>>,
    /// The radio whose thread reads the outside, by its index.
    pub(super) reader: AtomicUsize,
    /// What passed a moment ago, where nodes carry between them what is for all.
    pub(super) echoes: Echoes,
}

/// An Ethernet frame on its way to the stations of another radio.
pub(super) struct Parcel {
    pub(super) network: NetworkId,
    pub(super) ethernet: Vec<u8>,
}

/// The way to another radio and back. Buffers return to where they came from.
pub(super) struct Lane {
    pub(super) out: Producer<Parcel>,
    pub(super) returned: Consumer<Vec<u8>>,
    pub(super) arriving: Consumer<Parcel>,
    pub(super) emptied: Producer<Vec<u8>>,
    pub(super) bell: Option<Bell>,
    /// It has something that it was not yet told of.
    pub(super) unrung: bool,
}

impl Lane {
    fn buffer(&mut self) -> Vec<u8> {
        self.returned.pop().unwrap_or_default()
    }

    fn send(&mut self, parcel: Parcel, drops: &mut DropCounts) {
        match self.out.push(parcel) {
            Ok(()) => self.unrung = true,
            Err(_) => drops.count(DropReason::RadioBusy),
        }
    }

    pub(super) fn send_copy(&mut self, network: NetworkId, frame: &[u8], drops: &mut DropCounts) {
        let mut ethernet = self.buffer();
        ethernet.clear();
        ethernet.extend_from_slice(frame);
        self.send(Parcel { network, ethernet }, drops);
    }
}

/// One radio's end of a [`Switch`](super::Switch). It belongs to the radio's thread.
pub struct Port {
    pub(super) radio: usize,
    pub(super) networks: Arc<[Served]>,
    pub(super) shared: Shared,
    pub(super) table: Cache<Arc<ArcSwap<Table>>, Arc<Table>>,
    /// By the index of the other radio; none to itself.
    pub(super) lanes: Vec<Option<Lane>>,
    pub(super) control: Receiver<Control>,
    pub(super) controls: Controls,
    pub(super) drops: DropCounts,
    /// What the outside is read into.
    pub(super) buffer: Vec<u8>,
    /// By the place of the network: its outside had nothing left, and has not been told of as readable since.
    pub(super) dry: Vec<bool>,
    /// Which lane comes first, in turn.
    pub(super) first: usize,
    /// The last frame to the outside failed.
    pub(super) failing: bool,
    /// Why it began to fail.
    pub(super) trouble: Option<String>,
    /// The node's part in a cluster, if it is in one.
    pub(super) home: Option<Home>,
    /// When it was last given something to do.
    pub(super) now: Instant,
    /// What was seen on the wires that this radio reads.
    pub(super) sources: Sources,
    /// When an IP address of a station was learnt last.
    pub(super) learnt: Instant,
}

impl Port {
    /// From now on what no radio of the node takes may be for another node.
    pub(super) fn enlist(&mut self, home: Home) {
        self.home = Some(home);
    }

    /// The next order from another thread.
    pub(super) fn poll_control(&self) -> Option<Control> {
        self.control.try_recv().ok()
    }

    /// The index of its radio.
    pub(super) const fn radio(&self) -> usize {
        self.radio
    }

    /// Tells another radio something; it comes back if that one is gone.
    pub(super) fn tell(&self, radio: usize, control: Control) -> Result<(), Control> {
        self.controls.send(radio, control)
    }

    /// Tells all other radios something.
    pub(super) fn tell_all(&self, control: &dyn Fn() -> Control) {
        for radio in (0..self.lanes.len()).filter(|radio| *radio != self.radio) {
            // A radio that is gone need not know.
            let _ = self.controls.send(radio, control());
        }
    }

    /// Frames from other radios wait.
    pub(super) fn is_waiting(&self) -> bool {
        self.lanes.iter().flatten().any(|lane| !lane.arriving.is_empty())
    }

    /// Frames that were discarded here, by reason.
    pub(super) const fn drops(&self) -> &DropCounts {
        &self.drops
    }

    /// The networks whose outside this radio reads.
    pub(super) fn reads(&self) -> impl Iterator<Item = &dyn Outside> + '_ {
        let own = self.networks.iter().filter(|served| served.reader.load(Ordering::Acquire) == self.radio);
        own.filter_map(|served| served.outside.as_deref())
    }

    /// What is outside may have something: it is read at the next turn.
    pub(super) fn outsides_are_readable(&mut self) {
        self.dry.fill(false);
    }

    /// Takes what a station of this radio sent for anybody but a station of the same BSS.
    pub(super) fn forward(&mut self, now: Instant, network: NetworkId, ethernet: Vec<u8>, ap: &mut ApRadio) {
        let Some(to) = destination(&ethernet) else { return self.drops.count(DropReason::MsduMalformed) };
        let Some(index) = self.index(network) else { return self.drops.count(DropReason::NoDestination) };
        let isolate = self.networks.get(index).is_some_and(|served| served.isolate);
        self.now = now;
        self.learn(network, &ethernet);
        let place = if to.is_group() { None } else { self.table.load().place(network, to) };
        match place {
            Some(_) if isolate => self.drops.count(DropReason::Isolated),
            Some(radio) => return self.send_to_radio(now, radio, Parcel { network, ethernet }, ap),
            None if to.is_group() => {
                self.send_outside(index, &ethernet, false);
                if !isolate {
                    self.send_to_other_radios(network, &ethernet);
                }
                self.send_to_all_nodes(network, true, &ethernet);
            }
            None => return self.leave(index, to, isolate, ethernet, ap),
        }
        ap.recycle_event(ethernet);
    }

    /// A station's frame for nobody on this node goes to the node that has claimed who it is for, or to the outside.
    fn leave(&mut self, index: usize, to: MacAddr, isolate: bool, ethernet: Vec<u8>, ap: &mut ApRadio) {
        let Some(network) = self.networks.get(index).map(|served| served.id) else { return };
        match self.home.as_mut().and_then(|home| home.remote(self.now, network, to)) {
            Some(Remote::Client { .. } | Remote::OnItsWay) if isolate => {
                self.drops.count(DropReason::Isolated)
            }
            Some(_) => return self.tell_frame(Told::Msdu { network, ethernet }),
            None => {
                let only = !self.floods();
                self.send_outside(index, &ethernet, only);
                self.send_to_all_nodes(network, true, &ethernet);
            }
        }
        ap.recycle_event(ethernet);
    }

    /// Nodes carry between them what is for all.
    pub(super) fn floods(&mut self) -> bool {
        self.home.as_mut().is_some_and(Home::floods)
    }

    /// A frame for all goes to all other nodes, where they are on other Ethernets.
    pub(super) fn send_to_all_nodes(&mut self, network: NetworkId, from_client: bool, frame: &[u8]) {
        if !self.floods() {
            return;
        }
        if from_client && let Some(served) = self.networks.iter().find(|served| served.id == network) {
            // What a client repeats is as good as new; only what comes back is not.
            served.echoes.has_passed(self.now, frame, Way::Air);
        }
        self.tell_frame(Told::ForAll { network, from_client, ethernet: frame.to_vec() });
    }

    /// A frame for a client that no radio has, but a node does, goes there. Says `false`, and does nothing, if the client is
    /// none of those.
    pub(super) fn follows(&mut self, network: NetworkId, to: MacAddr, frame: &[u8]) -> bool {
        let remote = self.home.as_mut().and_then(|home| home.remote(self.now, network, to));
        let follows = matches!(remote, Some(Remote::Client { .. } | Remote::OnItsWay));
        if follows {
            self.tell_frame(Told::Msdu { network, ethernet: frame.to_vec() });
        }
        follows
    }

    pub(super) fn tell_frame(&mut self, told: Told) {
        let told = self.home.as_ref().is_none_or(|home| home.tell_frame(self.radio, told));
        if !told {
            self.drops.count(DropReason::RadioBusy);
        }
    }

    /// Hands what other radios and the outside have for this radio's stations to `ap`. Yields how many MSDUs that
    /// were, and whether more may be waiting.
    pub(super) fn deliver(&mut self, now: Instant, ap: &mut ApRadio) -> (u64, bool) {
        self.now = now;
        let (mut count, mut more) = (0, false);
        let lanes = self.lanes.len();
        self.first = (self.first + 1) % lanes.max(1);
        for offset in 0..lanes {
            let at = (self.first + offset) % lanes;
            for _ in 0..BUDGET {
                let Some(parcel) = self.lane(at).and_then(|lane| lane.arriving.pop().ok()) else { break };
                self.arrive(now, at, parcel, ap);
                count += 1;
            }
            more |= self.lane(at).is_some_and(|lane| !lane.arriving.is_empty());
        }
        for index in 0..self.networks.len() {
            let (read, full) = self.read_outside(now, index, ap);
            count += read;
            more |= full;
        }
        (count, more)
    }

    /// A station whose virtual AP has gone to another radio since is followed there.
    fn arrive(&mut self, now: Instant, from: usize, parcel: Parcel, ap: &mut ApRadio) {
        let to = destination(&parcel.ethernet).filter(|to| !to.is_group());
        let place = to.and_then(|to| self.table.load().place(parcel.network, to));
        if let Some(Some(lane)) = place.and_then(|radio| self.lanes.get_mut(radio)) {
            return lane.send(parcel, &mut self.drops);
        }
        let leaves =
            place.is_none() && to.is_some_and(|to| self.follows(parcel.network, to, &parcel.ethernet));
        if !leaves {
            ap.handle_msdu(now, parcel.network, &parcel.ethernet);
        }
        if let Some(lane) = self.lane(from) {
            // Without room there the buffer is simply freed.
            let _ = lane.emptied.push(parcel.ethernet);
        }
    }

    pub(super) fn lane(&mut self, radio: usize) -> Option<&mut Lane> {
        self.lanes.get_mut(radio)?.as_mut()
    }

    /// A station's port opened on this radio: other radios let go of it, and bridges outside learn where it is.
    pub(super) fn joined(&mut self, network: NetworkId, station: MacAddr) {
        // Who has joined may be another than the one that had this address.
        table::forget_addresses(&self.shared, network, station);
        let before = table::put(&self.shared, self.now, (network, station), self.radio);
        if let Some(before) = before.filter(|&before| before != self.radio) {
            // A radio that is gone has no station.
            let _ = self.controls.send(before, Control::Elsewhere { network, station });
        }
        self.announce(network, station);
    }

    /// A station's virtual AP was moved to a radio.
    pub(super) fn moved(&self, network: NetworkId, station: MacAddr, radio: usize) {
        table::put(&self.shared, self.now, (network, station), radio);
    }

    /// A station has left this radio.
    pub(super) fn left(&mut self, network: NetworkId, station: MacAddr) {
        table::left(&self.shared, network, station, self.radio);
    }

    /// Whether a station that joined elsewhere is still there, and has not come back since.
    pub(super) fn is_elsewhere(&mut self, network: NetworkId, station: MacAddr) -> bool {
        self.table.load().place(network, station) != Some(self.radio)
    }

    /// Tells other radios of what was put into their rings since the last call.
    pub(super) fn ring(&mut self) {
        for lane in self.lanes.iter_mut().flatten() {
            if std::mem::take(&mut lane.unrung)
                && let Some(bell) = &lane.bell
            {
                // The other thread is gone if this fails, and its radio with it.
                let _ = bell.ring();
            }
        }
    }

    pub(super) fn index(&self, network: NetworkId) -> Option<usize> {
        self.networks.iter().position(|served| served.id == network)
    }

    pub(super) fn send_to_radio(&mut self, now: Instant, radio: usize, parcel: Parcel, ap: &mut ApRadio) {
        match self.lanes.get_mut(radio) {
            Some(Some(lane)) => {
                ap.recycle_event(lane.buffer());
                lane.send(parcel, &mut self.drops);
            }
            _ => {
                ap.handle_msdu(now, parcel.network, &parcel.ethernet);
                ap.recycle_event(parcel.ethernet);
            }
        }
    }

    pub(super) fn send_to_other_radios(&mut self, network: NetworkId, frame: &[u8]) {
        for lane in self.lanes.iter_mut().flatten() {
            lane.send_copy(network, frame, &mut self.drops);
        }
    }

    /// `only` says that the outside is the only place it could go to.
    pub(super) fn send_outside(&mut self, index: usize, frame: &[u8], only: bool) {
        let outside = self.networks.get(index).and_then(|served| served.outside.as_deref());
        match outside.map(|outside| outside.send(frame)) {
            Some(Ok(true)) => {
                self.failing = false;
                self.may_have_answered(index);
            }
            Some(Ok(false)) => self.drops.count(DropReason::OutsideFull),
            Some(Err(error)) => {
                self.drops.count(DropReason::OutsideFailed);
                if !std::mem::replace(&mut self.failing, true) {
                    self.trouble = Some(error.to_string());
                }
            }
            None if only => self.drops.count(DropReason::NoDestination),
            None => {}
        }
    }

    /// The kernel answers many a frame before the call that wrote it returns: that answer is not slept for.
    fn may_have_answered(&mut self, index: usize) {
        if let Some(dry) = self.dry.get_mut(index) {
            *dry = false;
        }
    }
}

pub(super) fn destination(ethernet: &[u8]) -> Option<MacAddr> {
    ethernet.get(..6).and_then(MacAddr::from_slice)
}
