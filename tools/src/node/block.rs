//! Which addresses a radio takes its BSSIDs from.

use std::path::Path;

use stack::ap::BssidBlock;
use stack::wire::MacAddr;

/// A block has 256 addresses: parents and shared virtual APs, and one for each client of a per-client network.
const BITS: u8 = 8;

/// A block of locally administered addresses made of the phy's own `address`, apart from that, from the blocks that other
/// radios have and from the addresses in `avoid`, which somebody else answers to. The same phy gets the same block each time,
/// so clients find their BSS again.
pub fn choose_block(address: MacAddr, others: &[BssidBlock], avoid: &[MacAddr]) -> BssidBlock {
    let [first, b, c, d, e, _] = address.octets();
    let block = |number: u8| {
        // Bit 0 says group, bit 1 locally administered; the six above tell the blocks of one phy apart.
        let first = ((first & 0xfc) ^ (number << 2)) | 0x02;
        BssidBlock { base: MacAddr([first, b, c, d, e, 0]), bits: BITS }
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

/// The block of a phy, made of its permanent address as [`choose_block`] does.
pub fn block_of_phy(phy: &str, others: &[BssidBlock], avoid: &[MacAddr]) -> BssidBlock {
    // Where there is no address there is no phy, as opening it will say.
    choose_block(address_of_phy(phy).unwrap_or(MacAddr::ZERO), others, avoid)
}

/// The permanent address of a phy.
pub(super) fn address_of_phy(phy: &str) -> Option<MacAddr> {
    let file = Path::new("/sys/class/ieee80211").join(phy).join("macaddress");
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
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
    fn blocks_are_local_aligned_and_apart_from_all_others() {
        let own = MacAddr([0x00, 0x1f, 0x33, 0x44, 0x55, 0x66]);
        let first = choose_block(own, &[], &[]);
        assert_eq!(first, block_at(MacAddr([0x02, 0x1f, 0x33, 0x44, 0x55, 0])));
        // The second band of the same adapter has nearly the same address.
        let second = choose_block(MacAddr([0x00, 0x1f, 0x33, 0x44, 0x55, 0x67]), &[first], &[own]);
        assert_eq!(second, block_at(MacAddr([0x06, 0x1f, 0x33, 0x44, 0x55, 0])));
        // Simulated phys have local addresses themselves.
        let simulated = MacAddr([0x02, 0, 0, 0, 1, 0]);
        assert_eq!(choose_block(simulated, &[], &[]), block_at(MacAddr([0x06, 0, 0, 0, 1, 0])));
    }

    #[test]
    fn where_all_are_taken_there_is_one_nevertheless() {
        let own = MacAddr([0x02, 0, 0, 0, 1, 0]);
        let all: Vec<_> = (0..64).map(|n| block_at(MacAddr([n << 2 | 0x02, 0, 0, 0, 1, 0]))).collect();
        assert_eq!(choose_block(own, &all, &[]), block_at(own));
    }
}
