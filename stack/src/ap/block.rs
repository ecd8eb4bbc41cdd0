//! The block of addresses that a radio's BSSIDs come from.

use crate::wire::MacAddr;

/// An aligned block of addresses that BSSIDs are taken from. Aligned, so that the address mask by which a radio decides
/// what to acknowledge covers these addresses and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BssidBlock {
    /// The first address; its lower `bits` bits are taken as zero.
    pub base: MacAddr,
    /// How many low bits vary, at most 16.
    pub bits: u8,
}

/// A BSSID by its place in the block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u16);

impl BssidBlock {
    /// How many addresses it has.
    pub const fn len(&self) -> usize {
        1 << if self.bits < 16 { self.bits } else { 16 }
    }

    /// Never: a block has at least one address.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The lower and the upper half of it; `None` if it has but one address.
    pub fn halves(&self) -> Option<[Self; 2]> {
        let bits = self.bits.checked_sub(1)?;
        let upper = self.address(1 << bits)?;
        Some([Self { base: self.base, bits }, Self { base: upper, bits }])
    }

    /// The address with this index, `None` beyond the end of the block.
    pub fn address(&self, index: u32) -> Option<MacAddr> {
        let index = u16::try_from(index).ok()?;
        (usize::from(index) < self.len()).then(|| self.bssid(Place(index)))
    }

    /// The place with this index, `None` beyond the end of the block.
    pub(super) fn at(&self, index: usize) -> Option<Place> {
        u16::try_from(index).ok().filter(|_| index < self.len()).map(Place)
    }

    /// Where an address is, `None` if it is not of this block.
    pub(super) fn place(&self, address: MacAddr) -> Option<Place> {
        let place = Place(low(address) & self.mask());
        (self.bssid(place) == address).then_some(place)
    }

    /// The address of a place.
    pub(super) fn bssid(&self, place: Place) -> MacAddr {
        let [a, b, c, d, _, _] = self.base.octets();
        let [e, f] = (low(self.base) & !self.mask() | place.0 & self.mask()).to_be_bytes();
        MacAddr([a, b, c, d, e, f])
    }

    fn mask(&self) -> u16 {
        u16::try_from(self.len() - 1).unwrap_or(u16::MAX)
    }
}

impl Place {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

const fn low(address: MacAddr) -> u16 {
    let [_, _, _, _, e, f] = address.octets();
    u16::from_be_bytes([e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_places_are_the_same_things() {
        let block = BssidBlock { base: MacAddr([2, 0, 0, 0, 1, 0x47]), bits: 4 };
        assert_eq!((block.len(), block.address(16)), (16, None));
        for index in 0..16 {
            let address = block.address(index).unwrap();
            assert_eq!(address, MacAddr([2, 0, 0, 0, 1, 0x40 + index as u8]));
            assert_eq!(block.place(address).map(Place::index), Some(index as usize));
        }
        for other in [[2, 0, 0, 0, 1, 0x50], [2, 0, 0, 0, 2, 0x40], [3, 0, 0, 0, 1, 0x40]] {
            assert_eq!(block.place(MacAddr(other)), None);
        }
        let widest = BssidBlock { base: MacAddr([2, 0, 0, 0, 9, 9]), bits: 200 };
        assert_eq!(widest.address(0xffff), Some(MacAddr([2, 0, 0, 0, 0xff, 0xff])));
        assert_eq!(widest.address(0x1_0000), None);
        let single = BssidBlock { base: MacAddr([2, 0, 0, 0, 9, 9]), bits: 0 };
        assert_eq!((single.address(0), single.address(1)), (Some(single.base), None));
    }
}
