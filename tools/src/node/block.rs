//! Which addresses a radio takes its BSSIDs from.

use std::path::Path;

use stack::ap::BssidBlock;
use stack::wire::MacAddr;

/// A block has 256 addresses: parents and shared virtual APs, and one for each client of a per-client network.
const BITS: u8 = 8;
/// A stack takes no larger block.
const MOST_BITS: u8 = 16;

/// The blocks of a node's radios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// What each radio takes its BSSIDs from.
    pub own: Vec<BssidBlock>,
    /// All of them in one: the BSSIDs that may live on any of the radios. Too far apart for that, they have none in
    /// common.
    pub all: Option<BssidBlock>,
}

impl Blocks {
    /// Blocks for radios, each with the address of its phy or the base that was asked for. Those without a base lie side
    /// by side, so that virtual APs can move between them.
    pub fn choose(radios: &[(MacAddr, Option<MacAddr>)]) -> Self {
        let avoid: Vec<_> = radios.iter().map(|(address, _)| *address).collect();
        let given: Vec<_> = radios.iter().filter_map(|(_, base)| base.map(block_at)).collect();
        let free = radios.len() - given.len();
        let bits = BITS + free.next_power_of_two().trailing_zeros() as u8;
        let first = radios.iter().find(|(_, base)| base.is_none()).map_or(MacAddr::ZERO, |(first, _)| *first);
        let common = choose_block(first, bits.min(MOST_BITS), &given, &avoid);
        let mut parts = (0..).map(|index: u32| BssidBlock {
            base: common.address(index << BITS).unwrap_or(common.base),
            bits: BITS,
        });
        let own: Vec<_> = radios
            .iter()
            .map(|(_, base)| base.map_or_else(|| parts.next().unwrap_or(common), block_at))
            .collect();
        Self { all: cover(&own), own }
    }
}

/// The smallest aligned block that has all these, if there is one that is not too large.
fn cover(blocks: &[BssidBlock]) -> Option<BssidBlock> {
    let first = blocks.first()?;
    (first.bits..=MOST_BITS)
        .map(|bits| BssidBlock { base: first.base, bits })
        .find(|cover| blocks.iter().all(|block| contains(cover, block.base)))
}

/// A block of `2^bits` locally administered addresses made of the phy's own `address`, apart from that, from the blocks that
/// other radios have and from the addresses in `avoid`, which somebody else answers to. The same phy gets the same block
/// each time, so clients find their BSS again.
fn choose_block(address: MacAddr, bits: u8, others: &[BssidBlock], avoid: &[MacAddr]) -> BssidBlock {
    let [first, b, c, d, e, f] = address.octets();
    let low = u16::from_be_bytes([e, f]);
    let [e, f] = low.checked_shr(bits.into()).map_or(0, |high| high << bits).to_be_bytes();
    let block = |number: u8| {
        // Bit 0 says group, bit 1 locally administered; the six above tell the blocks of one phy apart.
        let first = ((first & 0xfc) ^ (number << 2)) | 0x02;
        BssidBlock { base: MacAddr([first, b, c, d, e, f]), bits }
    };
    let free = |candidate: &BssidBlock| {
        !contains(candidate, address)
            && others.iter().all(|other| !overlap(candidate, other))
            && avoid.iter().all(|&address| !contains(candidate, address))
    };
    (0..64).map(block).find(free).unwrap_or_else(|| block(0))
}

/// A block that begins at `base`, as the settings ask for.
pub const fn block_at(base: MacAddr) -> BssidBlock {
    BssidBlock { base, bits: BITS }
}

/// The permanent address of a phy. Where there is none there is no phy, as opening it will say.
pub fn address_of_phy(phy: &str) -> MacAddr {
    let file = Path::new("/sys/class/ieee80211").join(phy).join("macaddress");
    std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(MacAddr::ZERO)
}

/// Whether a block has an address.
pub fn contains(block: &BssidBlock, address: MacAddr) -> bool {
    let number =
        |address: MacAddr| address.octets().iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
    number(block.base) >> block.bits == number(address) >> block.bits
}

fn overlap(one: &BssidBlock, other: &BssidBlock) -> bool {
    contains(one, other.base) || contains(other, one.base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_local_aligned_and_apart_from_the_addresses_of_phys() {
        let real = MacAddr([0x00, 0x1f, 0x33, 0x44, 0x55, 0x66]);
        let one = Blocks::choose(&[(real, None)]);
        assert_eq!(one.own, [block_at(MacAddr([0x02, 0x1f, 0x33, 0x44, 0x55, 0]))]);
        assert_eq!(one.all, Some(one.own[0]));
        // Simulated phys have local addresses themselves.
        let simulated = [(MacAddr([2, 0, 0, 0, 1, 0]), None), (MacAddr([2, 0, 0, 0, 2, 0]), None)];
        let two = Blocks::choose(&simulated);
        assert_eq!(two.own, [0, 1].map(|e| block_at(MacAddr([6, 0, 0, 0, e, 0]))));
        assert_eq!(two.all, Some(BssidBlock { base: two.own[0].base, bits: 9 }));
    }

    #[test]
    fn blocks_of_several_radios_lie_side_by_side_and_those_asked_for_are_kept() {
        let base = MacAddr([0x0e, 0, 0, 0, 0, 0]);
        let radios: Vec<_> = (0..5).map(|n| (MacAddr([2, 0, 0, 0, n, 0]), None)).collect();
        let blocks = Blocks::choose(&radios);
        let distinct: std::collections::BTreeSet<_> = blocks.own.iter().map(|block| block.base).collect();
        assert_eq!((distinct.len(), blocks.all.unwrap().bits), (5, 11));
        let mut given = radios;
        given[1].1 = Some(base);
        let blocks = Blocks::choose(&given);
        assert_eq!((blocks.own[1], blocks.all), (block_at(base), None));
        assert!(
            blocks
                .own
                .iter()
                .enumerate()
                .all(|(n, one)| { blocks.own.iter().skip(n + 1).all(|other| !overlap(one, other)) })
        );
    }

    #[test]
    fn where_all_are_taken_there_is_one_nevertheless() {
        let own = MacAddr([0x02, 0, 0, 0, 1, 0]);
        let all: Vec<_> = (0..64).map(|n| block_at(MacAddr([n << 2 | 0x02, 0, 0, 0, 1, 0]))).collect();
        assert_eq!(choose_block(own, BITS, &all, &[]), block_at(own));
    }
}
