//! The classic BPF program that keeps other people's frames in the kernel.

use stack::wire::MacAddr;

/// One instruction: code, jump if true, jump if false, operand (`struct sock_filter`).
pub(super) type Instruction = (u16, u8, u8, u32);

const LOAD_BYTE: u16 = 0x30;
const LOAD_BYTE_AT_X: u16 = 0x50;
const LOAD_WORD_AT_X: u16 = 0x40;
const LOAD_HALF_AT_X: u16 = 0x48;
const AND: u16 = 0x54;
const SHIFT_LEFT: u16 = 0x64;
const OR_X: u16 = 0x4c;
const A_TO_X: u16 = 0x07;
const JUMP_IF_SET: u16 = 0x45;
const JUMP_IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// The first byte of a beacon (802.11-2020 9.2.4.1.3).
const BEACON: u32 = 0x80;

/// Lets through what a set of virtual APs has to see: group-addressed frames, frames to an address of an aligned block,
/// beacons from one, which some send to a single station, and the echoes of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressFilter {
    base: MacAddr,
    bits: u8,
}

impl AddressFilter {
    /// The block of `2^bits` addresses around `base`; `bits` above 32 count as 32.
    pub const fn block(base: MacAddr, bits: u8) -> Self {
        Self { base, bits: if bits > 32 { 32 } else { bits } }
    }

    /// Whether an address lies in the block.
    pub fn contains(self, address: MacAddr) -> bool {
        let ((high, low), (base_high, base_low)) = (halves(address), halves(self.base));
        high == base_high && (low ^ base_low) & self.mask() == 0
    }

    /// The bits of the last four bytes that are the same all over the block.
    const fn mask(self) -> u32 {
        if self.bits == 32 { 0 } else { u32::MAX << self.bits }
    }

    /// The program. A radiotap header has no fixed length, so the place of the first address is computed.
    pub(super) fn program(self) -> Vec<Instruction> {
        let (mask, (high, low)) = (self.mask(), halves(self.base));
        let (accept, refuse) = (u32::MAX, 0);
        vec![
            // Byte 5 of the header holds bit 15 of the first present word: TX flags.
            (LOAD_BYTE, 0, 0, 5),
            (JUMP_IF_SET, 20, 0, 0x80),
            // X = the header's length, bytes 2 and 3, least significant first.
            (LOAD_BYTE, 0, 0, 2),
            (A_TO_X, 0, 0, 0),
            (LOAD_BYTE, 0, 0, 3),
            (SHIFT_LEFT, 0, 0, 8),
            (OR_X, 0, 0, 0),
            (A_TO_X, 0, 0, 0),
            (LOAD_BYTE_AT_X, 0, 0, 4),
            (JUMP_IF_SET, 12, 0, 0x01),
            // The receiver, in two parts.
            (LOAD_HALF_AT_X, 0, 0, 4),
            (JUMP_IF_EQUAL, 0, 3, high),
            (LOAD_WORD_AT_X, 0, 0, 6),
            (AND, 0, 0, mask),
            (JUMP_IF_EQUAL, 7, 0, low & mask),
            // The transmitter of a beacon.
            (LOAD_BYTE_AT_X, 0, 0, 0),
            (JUMP_IF_EQUAL, 0, 6, BEACON),
            (LOAD_HALF_AT_X, 0, 0, 10),
            (JUMP_IF_EQUAL, 0, 4, high),
            (LOAD_WORD_AT_X, 0, 0, 12),
            (AND, 0, 0, mask),
            // Jumps to the end land on one of the two returns.
            (JUMP_IF_EQUAL, 0, 1, low & mask),
            (RETURN, 0, 0, accept),
            (RETURN, 0, 0, refuse),
        ]
    }
}

/// The first two bytes of an address and the last four, as numbers.
const fn halves(address: MacAddr) -> (u32, u32) {
    let [a, b, c, d, e, f] = address.octets();
    (u16::from_be_bytes([a, b]) as u32, u32::from_be_bytes([c, d, e, f]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_its_base_and_what_differs_in_the_last_bits() {
        let base = MacAddr([2, 0xa1, 0, 0, 1, 0x40]);
        let block = AddressFilter::block(base, 4);
        for (last, within) in [(0x40, true), (0x4f, true), (0x50, false), (0x3f, false)] {
            assert_eq!(block.contains(MacAddr([2, 0xa1, 0, 0, 1, last])), within, "{last:02x}");
        }
        assert!(!block.contains(MacAddr([2, 0xa2, 0, 0, 1, 0x40])));
        assert!(!AddressFilter::block(base, 32).contains(MacAddr([3, 0xa1, 0, 0, 1, 0x40])));
        assert!(AddressFilter::block(base, 32).contains(MacAddr([2, 0xa1, 9, 9, 9, 9])));
    }
}
