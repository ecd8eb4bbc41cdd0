//! What a port knows of the wire: which addresses are there, which are forged there, and what has gone round in a circle.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mesh::announce::NodeId;
use stack::ap::NetworkId;
use stack::time::Instant;
use stack::wire::MacAddr;

/// Addresses that are remembered at the most; further ones are not learnt.
const ADDRESSES: usize = 4096;
/// One that is still seen is told of again after so long, a third of the life of a claim to it.
const TELL_AGAIN: Duration = Duration::from_secs(100);
/// An address is on the wire for certain when it is seen still, or again, after so long.
const SETTLED: Duration = Duration::from_secs(2);
/// Frames with the address of the same client are told of once in so long.
const HOLD: Duration = Duration::from_millis(100);
/// Between two answers to forged frames: each forged frame may draw the traffic of a client until it is answered, but who
/// forges many must not have us send as many.
const ANSWER: Duration = Duration::from_millis(1);
/// How long a frame is known again. Backhauls and bridges are faster, and hosts repeat themselves later.
const WINDOW: Duration = Duration::from_millis(250);
/// Frames that are known again.
const FRAMES: usize = 1024;

/// The addresses that were seen on the wire, and those of clients that were and should not.
#[derive(Debug, Default)]
pub(super) struct Sources {
    seen: BTreeMap<(NetworkId, MacAddr), Seen>,
    forged: BTreeMap<(NetworkId, MacAddr), Instant>,
    answered: Instant,
    swept: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Instant,
    told: Option<Instant>,
}

impl Sources {
    /// An address was seen. Whether that is to be told: once it has been there for a while, since bridges bring what a
    /// client has just sent elsewhere sooner than its claim comes; and again as long as it is.
    pub(super) fn see(&mut self, now: Instant, network: NetworkId, source: MacAddr) -> bool {
        let key = (network, source);
        if let Some(seen) = self.seen.get_mut(&key) {
            let due = seen.told.map_or(seen.first + SETTLED, |told| told + TELL_AGAIN) <= now;
            if due {
                seen.told = Some(now);
            }
            return due;
        }
        self.sweep(now);
        if self.seen.len() < ADDRESSES {
            self.seen.insert(key, Seen { first: now, told: None });
        }
        false
    }

    /// The address of a client was seen, where it can't be. Whether that is to be told.
    pub(super) fn suspect(&mut self, now: Instant, network: NetworkId, source: MacAddr) -> bool {
        let key = (network, source);
        if self.forged.get(&key).is_some_and(|told| now.since(*told) < HOLD) {
            return false;
        }
        self.sweep(now);
        let room = self.forged.len() < ADDRESSES || self.forged.contains_key(&key);
        if room {
            self.forged.insert(key, now);
        }
        room
    }

    /// Whether bridges may be told now that a client is elsewhere than a forged frame says.
    pub(super) fn may_answer(&mut self, now: Instant) -> bool {
        let may = now.since(self.answered) >= ANSWER;
        if may {
            self.answered = now;
        }
        may
    }

    /// Forgets what was not seen again for long, not more than once a second.
    fn sweep(&mut self, now: Instant) {
        if now.since(self.swept) >= Duration::from_secs(1) {
            self.swept = now;
            self.seen.retain(|_, seen| now.since(seen.told.unwrap_or(seen.first)) < 3 * TELL_AGAIN);
            self.forged.retain(|_, told| now.since(*told) < HOLD);
        }
    }
}

/// By which way a frame came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From a client of this node.
    Air,
    /// From the wire of this node.
    Wire,
    /// From another node.
    Node(NodeId),
}

/// Frames for all that passed a moment ago, to know them again when they come back by another way: where nodes carry them
/// between Ethernets that are one after all. All radios of a node share it without a lock; of two frames in one slot the
/// later is known.
#[derive(Debug)]
pub(super) struct Echoes {
    hash: RandomState,
    /// 40 bits of the frame's hash, 8 of the way, and the time, in 16 units of 1024 µs.
    slots: Box<[AtomicU64]>,
}

impl Echoes {
    pub(super) fn new() -> Self {
        Self { hash: RandomState::new(), slots: (0..FRAMES).map(|_| AtomicU64::new(0)).collect() }
    }

    /// A frame comes by this way. `true` if the same came by another a moment ago: then it has gone round.
    pub(super) fn has_passed(&self, now: Instant, frame: &[u8], way: Way) -> bool {
        let hash = self.hash.hash_one(frame);
        let Some(slot) = self.slots.get((hash % FRAMES as u64) as usize) else { return false };
        let tick = (now.as_micros() >> 10) & 0xffff;
        let (name, way) = (hash >> 24, u64::from(way.number(&self.hash)));
        let entry = name << 24 | way << 16 | tick;
        let outcome = slot.fetch_update(Ordering::AcqRel, Ordering::Acquire, |known| {
            let age = tick.wrapping_sub(known & 0xffff) & 0xffff;
            let recent = known >> 24 == name && age <= (WINDOW.as_micros() >> 10) as u64;
            (!recent || (known >> 16) & 0xff == way).then_some(entry)
        });
        outcome.is_err()
    }
}

impl Way {
    /// A number that is not 0.
    fn number(self, hash: &RandomState) -> u8 {
        match self {
            Self::Air => 1,
            Self::Wire => 2,
            Self::Node(node) => 3 + (hash.hash_one(node) % 253) as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: NetworkId = NetworkId(0);

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn a_frame_that_comes_back_by_another_way_is_known_and_one_that_is_repeated_is_not() {
        let echoes = Echoes::new();
        assert!(!echoes.has_passed(at(1000), b"frame", Way::Wire));
        assert!(echoes.has_passed(at(1001), b"frame", Way::Node(NodeId(7))));
        assert!(echoes.has_passed(at(1002), b"frame", Way::Air));
        assert!(!echoes.has_passed(at(1003), b"frame", Way::Wire), "its host says it again");
        assert!(!echoes.has_passed(at(1004), b"another", Way::Node(NodeId(7))));
        assert!(!echoes.has_passed(at(1600), b"frame", Way::Node(NodeId(7))), "long ago");
    }

    #[test]
    fn addresses_are_told_of_now_and_then_and_only_so_many() {
        let mut sources = Sources::default();
        let address = |n: usize| MacAddr([2, 0, 0, 1, (n >> 8) as u8, n as u8]);
        assert!(!sources.see(at(0), NETWORK, address(0)) && !sources.see(at(1999), NETWORK, address(0)));
        assert!(sources.see(at(2000), NETWORK, address(0)) && !sources.see(at(2001), NETWORK, address(0)));
        assert!(
            !sources.see(at(101_999), NETWORK, address(0)) && sources.see(at(102_000), NETWORK, address(0))
        );
        for n in 1..5000 {
            sources.see(at(102_001), NETWORK, address(n));
        }
        let told = (1..5000).filter(|n| sources.see(at(104_001), NETWORK, address(*n))).count();
        assert_eq!(told, ADDRESSES - 1);
        sources.see(at(500_000), NETWORK, address(5000));
        assert!(sources.see(at(502_000), NETWORK, address(5000)), "those of before are long gone");
        assert!(sources.suspect(at(0), NETWORK, address(1)) && !sources.suspect(at(99), NETWORK, address(1)));
        assert!(sources.suspect(at(100), NETWORK, address(1)));
        let answers =
            (1000..2000).filter(|micros| sources.may_answer(Instant::from_micros(100_000 + micros)));
        assert_eq!(answers.count(), 1);
    }
}
