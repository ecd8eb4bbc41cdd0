//! The places of virtual APs: which are this radio's own to give away, and who comes to a place and leaves it.

use crate::ap::block::{BssidBlock, Place};
use crate::ap::radio::{ApRadio, Slot};
use crate::ap::virtual_ap::VirtualAp;
use crate::time::Instant;
use crate::wire::MacAddr;

impl ApRadio {
    /// All that may live here.
    pub(super) const fn block(&self) -> BssidBlock {
        self.config.block
    }

    /// The place of the own address with this index, `None` if it is not in the block.
    pub(super) fn own_at(&self, index: usize) -> Option<Place> {
        self.block().place(self.config.own.address(u32::try_from(index).ok()?)?)
    }

    /// The index of a place among the own ones, `None` for one that belongs to another radio.
    pub(super) fn own_index(&self, place: Place) -> Option<usize> {
        self.config.own.place(self.block().bssid(place)).map(Place::index)
    }

    /// It is an own address that nothing lives at, here or on another radio.
    pub(super) fn is_free(&self, place: Place) -> bool {
        let elsewhere = || self.moves.away.contains(&place) || self.moves.on_air.contains_key(&place);
        self.slot(place).is_none() && self.own_index(place).is_some() && !elsewhere()
    }

    /// The network whose BSSID is at this place: its BSS if it is shared, else its parent.
    pub(super) fn announced_at(&self, place: Place) -> Option<usize> {
        self.own_index(place).filter(|&index| index < self.networks.len())
    }

    /// The addresses for clients of per-client networks, from the one with index `start` among them on, and from the
    /// first again.
    pub(super) fn client_places(&self, start: usize) -> impl Iterator<Item = Place> + Clone {
        let first = self.networks.len();
        let count = self.config.own.len().saturating_sub(first);
        (0..count).filter_map(move |step| self.own_at(first + (start + step) % count))
    }

    /// Puts a new virtual AP into its place.
    pub(super) fn make(&mut self, now: Instant, place: Place, position: usize, client: Option<MacAddr>) {
        let Some(config) = self.networks.get(position).map(|network| network.config.clone()) else { return };
        let times = (now, self.tsf(&config, place));
        let bssid = self.block().bssid(place);
        let (range, random) = (self.config.fresh_keys, &mut *self.random);
        let ap = VirtualAp::new(config, bssid, client, self.config.channel, times, range, random);
        self.free -= usize::from(client.is_some() && self.own_index(place).is_some());
        self.put(place, position, ap);
    }

    /// Puts a virtual AP into its place.
    pub(super) fn put(&mut self, place: Place, position: usize, ap: VirtualAp) {
        self.moves.departed.remove(&place);
        self.moves.vacated.remove(&place);
        self.agenda.beacons.insert((ap.next_beacon, place));
        if let Some(network) = self.networks.get_mut(position) {
            network.members.push(place);
        }
        let slot = Slot { network: position, group_listed: false, ap, drained: false, arrival: None };
        if let Some(empty) = self.slots.get_mut(place.index()) {
            *empty = Some(Box::new(slot));
        }
        self.acks.take(place);
    }

    /// The end of a client's virtual AP.
    pub(super) fn unmake(&mut self, place: Place) {
        if self.lift(place).is_none() {
            return;
        }
        self.acks.free(place);
        if self.own_index(place).is_some() {
            self.free += 1;
        } else {
            self.moves.vacated.insert(place);
        }
    }

    /// Takes a virtual AP out of its place, and out of all lists of what is to be done.
    pub(super) fn lift(&mut self, place: Place) -> Option<Box<Slot>> {
        let slot = self.slots.get_mut(place.index()).and_then(Option::take)?;
        self.agenda.beacons.remove(&(slot.ap.next_beacon, place));
        self.agenda.beacons_due.retain(|&due| due != place);
        self.agenda.groups_ready.retain(|&ready| ready != place);
        if let Some(network) = self.networks.get_mut(slot.network) {
            network.members.retain(|&member| member != place);
        }
        self.moves.unsettled.remove(&place);
        self.moves.awaited.remove(&place);
        Some(slot)
    }
}
