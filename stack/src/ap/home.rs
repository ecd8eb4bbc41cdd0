//! Which addresses of the block are this radio's own to give away.

use crate::ap::block::{BssidBlock, Place};
use crate::ap::radio::ApRadio;

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
        self.slot(place).is_none() && self.own_index(place).is_some() && !self.moves.away.contains(&place)
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
}
