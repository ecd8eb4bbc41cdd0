//! The lease: who may transmit under a key, said by the packet number itself.
//!
//! ```text
//!  47            34 33          22 21                     0
//! +----------------+--------------+------------------------+
//! | generation  14 | slot      12 | counter             22 |
//! +----------------+--------------+------------------------+
//! ```
//!
//! Whoever takes a key over takes a generation above every one seen, in its own node slot: two nodes never share a
//! packet number, and a receiver, which only takes rising numbers (802.11-2020 12.5.3.4.4), drops whatever an
//! older owner still sends. A client sees nothing but gaps, which are allowed. So that a node that restarts uses no
//! generation a second time, it writes down what it is going to use: the [`Journal`].

mod journal;

pub use journal::{AHEAD, Journal, KeyId, Record, Reservations};

const GENERATION_BITS: u32 = 14;
const SLOT_BITS: u32 = 12;
const COUNTER_BITS: u32 = 22;
const _: () = assert!(GENERATION_BITS + SLOT_BITS + COUNTER_BITS == 48, "a packet number has 48 bits");

/// The place of a node in its cluster, unique in it, 0 to 4095.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeSlot(u16);

impl NodeSlot {
    /// The slot of a node that is alone.
    pub const SINGLE: Self = Self(0);

    /// The slot `number`, if there is one.
    pub const fn new(number: u16) -> Option<Self> {
        if (number as u32) < (1 << SLOT_BITS) { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// How often a key has changed its owner, 0 to 16383.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u16);

impl Generation {
    /// From here on the key should be renewed, while there are generations left to do it in.
    pub const REKEY_AT: Self = Self(12_288);

    /// The generation `number`, if there is one.
    pub const fn new(number: u16) -> Option<Self> {
        if (number as u32) < (1 << GENERATION_BITS) { Some(Self(number)) } else { None }
    }

    /// The one after it; `None` when they are used up and only a new key helps.
    pub const fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// The one `count` after it, or the last there is.
    pub const fn ahead(self, count: u16) -> Self {
        let number = self.0.saturating_add(count);
        if number < 1 << GENERATION_BITS { Self(number) } else { Self((1 << GENERATION_BITS) - 1) }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// The right of one node to transmit under one key: a range of packet numbers that nobody else has.
///
/// It orders as packet numbers do: a higher lease wins, and its first frame fences the lower one off.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease {
    generation: Generation,
    slot: NodeSlot,
}

impl Lease {
    /// The first lease on a fresh key.
    pub const fn first(slot: NodeSlot) -> Self {
        Self { generation: Generation(0), slot }
    }

    /// The lease of a node that takes a key over, having seen generations up to `seen`.
    pub const fn take_over(seen: Generation, slot: NodeSlot) -> Option<Self> {
        match seen.next() {
            Some(generation) => Some(Self { generation, slot }),
            None => None,
        }
    }

    /// The generation it is of.
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// The node it belongs to.
    pub const fn slot(&self) -> NodeSlot {
        self.slot
    }

    /// The first packet number of the lease. The very first lease begins at 1: a packet number is never 0
    /// (802.11-2020 12.5.3.2).
    pub const fn first_packet_number(&self) -> u64 {
        let base = self.base();
        if base == 0 { 1 } else { base }
    }

    /// The last packet number of the lease.
    pub const fn last_packet_number(&self) -> u64 {
        self.base() | ((1 << COUNTER_BITS) - 1)
    }

    const fn base(&self) -> u64 {
        ((self.generation.0 as u64) << (SLOT_BITS + COUNTER_BITS)) | ((self.slot.0 as u64) << COUNTER_BITS)
    }
}

/// Whose packet number it is: generation and slot of the lease that it lies in. `None` above 48 bits.
pub fn owner_of(packet_number: u64) -> Option<(Generation, NodeSlot)> {
    let slot = (packet_number >> COUNTER_BITS) & ((1 << SLOT_BITS) - 1);
    let generation = packet_number >> (SLOT_BITS + COUNTER_BITS);
    let generation = u16::try_from(generation).ok().and_then(Generation::new)?;
    let slot = u16::try_from(slot).ok().and_then(NodeSlot::new)?;
    Some((generation, slot))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lease(generation: u16, slot: u16) -> Lease {
        Lease { generation: Generation::new(generation).unwrap(), slot: NodeSlot::new(slot).unwrap() }
    }

    #[test]
    fn the_first_lease_begins_at_one_and_the_last_ends_at_48_bits() {
        assert_eq!(Lease::first(NodeSlot::SINGLE).first_packet_number(), 1);
        assert_eq!(lease(16_383, 4_095).last_packet_number(), (1 << 48) - 1);
    }

    #[test]
    fn numbers_out_of_range_are_no_slot_and_no_generation() {
        assert_eq!(NodeSlot::new(4_096), None);
        assert_eq!(Generation::new(16_384), None);
        assert_eq!(lease(16_383, 0).generation().next(), None);
        assert_eq!(owner_of(1 << 48), None);
    }

    proptest! {
        #[test]
        fn two_leases_never_share_a_packet_number(
            a in (0u16..16_384, 0u16..4_096), b in (0u16..16_384, 0u16..4_096),
        ) {
            prop_assume!(a != b);
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(lease(low.0, low.1).last_packet_number() < lease(high.0, high.1).first_packet_number());
        }

        #[test]
        fn whoever_takes_over_is_above_all_that_was_seen(
            seen in 0u16..16_383, old in 0u16..4_096, new in 0u16..4_096,
        ) {
            let taken = Lease::take_over(Generation::new(seen).unwrap(), NodeSlot::new(new).unwrap()).unwrap();
            prop_assert!(lease(seen, old).last_packet_number() < taken.first_packet_number());
            prop_assert!(lease(seen, old) < taken);
        }

        #[test]
        fn a_packet_number_names_its_owner(generation in 0u16..16_384, slot in 0u16..4_096, offset in 0u64..1 << 22) {
            let lease = lease(generation, slot);
            let owner = owner_of(lease.base() + offset).unwrap();
            prop_assert_eq!(owner, (lease.generation(), lease.slot()));
        }
    }
}
