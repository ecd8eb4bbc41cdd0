//! What a node must not forget: up to which generation it may have used each key.
//!
//! A node transmits under a generation only after the journal holds that generation, or a higher one, for every key
//! concerned, and the journal is synced (rule U3). After a restart everything that was reserved counts as used, so
//! that nothing is used twice. Guards reserve [`AHEAD`] generations when they get a copy, and take over without
//! writing anything.

use std::collections::BTreeMap;

use super::Generation;

/// How many generations are reserved at once.
pub const AHEAD: u16 = 8;

/// Names a transmit key without telling it: the first 16 bytes of SHA-256 over the key and a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 16]);

/// A line of the journal. Lines may be written twice and in any order: the highest generation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// This node may have used the key up to and with that generation.
    Reserve(KeyId, Generation),
    /// Every key that the journal does not name may have been used up to and with that generation; the line of this
    /// one can go. One atomic write.
    Fold(KeyId, Generation),
}

/// Where the records are kept. What was written before a [`sync`](Self::sync) that returned survives any crash; what
/// was written after it may or may not. The journal lies where the node's identity lies, so that a node that has lost
/// its journal is another node with another slot (rule U4).
pub trait Journal {
    /// Why it could not.
    type Error;

    /// Everything that was written and not folded, and for each fold its generation.
    fn load(&mut self) -> Result<Vec<Record>, Self::Error>;

    /// Writes records.
    fn write(&mut self, records: &[Record]) -> Result<(), Self::Error>;

    /// Returns when everything that was written will survive a crash.
    fn sync(&mut self) -> Result<(), Self::Error>;
}

/// The journal as its node knows it: what is synced, and what of that has been used since the start.
#[derive(Debug)]
pub struct Reservations {
    floor: Generation,
    keys: BTreeMap<KeyId, Line>,
    /// Orders the lines by when they were needed last.
    clock: u64,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    synced: Generation,
    /// Written, perhaps not yet synced.
    written: Generation,
    used: Generation,
    needed: u64,
}

impl Reservations {
    /// From what the journal says at the start. It will name `capacity` keys at the most; beyond, those that were not
    /// needed for the longest time are folded into one generation for all.
    pub fn new(records: &[Record], capacity: usize) -> Self {
        let mut all = Self { floor: Generation::default(), keys: BTreeMap::new(), clock: 0, capacity };
        for record in records {
            match *record {
                Record::Reserve(key, generation) => all.line(key).raise(generation),
                Record::Fold(_, generation) => all.floor = all.floor.max(generation),
            }
        }
        all
    }

    fn line(&mut self, key: KeyId) -> &mut Line {
        self.clock += 1;
        let (floor, needed) = (self.floor, self.clock);
        let line =
            self.keys.entry(key).or_insert(Line { synced: floor, written: floor, used: floor, needed });
        line.needed = needed;
        line
    }

    /// The generation under which this node may take over keys of which these generations were seen, and at least
    /// `seen` for all of them: above everything seen and everything it may have used itself (rule U2). `None` if there
    /// is none left.
    pub fn next(&self, keys: &[(KeyId, Generation)], seen: Generation) -> Option<Generation> {
        let highest = keys.iter().map(|(_, seen)| *seen).max().unwrap_or_default();
        highest.max(self.highest(keys)).max(seen).next()
    }

    /// The highest generation under which this node may have used any of these keys.
    pub fn highest(&self, keys: &[(KeyId, Generation)]) -> Generation {
        keys.iter().map(|(key, _)| self.used(key)).max().unwrap_or_default()
    }

    fn used(&self, key: &KeyId) -> Generation {
        self.keys.get(key).map_or(self.floor, |line| line.used)
    }

    /// Whether all these keys may be used under `generation` without writing anything.
    pub fn allows(&self, keys: &[(KeyId, Generation)], generation: Generation) -> bool {
        keys.iter().all(|(key, _)| self.keys.get(key).is_some_and(|line| line.synced >= generation))
    }

    /// Records to write and sync, so that these keys may be used up to [`AHEAD`] generations from `generation`, and then to
    /// [`confirm`](Self::confirm).
    pub fn reserve(&mut self, keys: &[(KeyId, Generation)], generation: Generation) -> Vec<Record> {
        let upto = generation.ahead(AHEAD - 1);
        let mut records = Vec::new();
        for (key, _) in keys {
            let line = self.line(*key);
            if line.synced < upto {
                line.written = line.written.max(upto);
                records.push(Record::Reserve(*key, upto));
            }
        }
        self.fold(keys, &mut records);
        records
    }

    /// Keeps the number of lines bounded, without forgetting the keys that are being reserved.
    fn fold(&mut self, keep: &[(KeyId, Generation)], records: &mut Vec<Record>) {
        while self.keys.len() > self.capacity.max(keep.len()) {
            let others = self.keys.iter().filter(|(key, _)| keep.iter().all(|(kept, _)| kept != *key));
            let Some((key, line)) = others.min_by_key(|(_, line)| line.needed).map(|(k, l)| (*k, *l)) else {
                return;
            };
            self.floor = self.floor.max(line.written);
            records.push(Record::Fold(key, self.floor));
            self.keys.remove(&key);
        }
    }

    /// These records are synced.
    pub fn confirm(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Reserve(key, generation) = *record
                && let Some(line) = self.keys.get_mut(&key)
            {
                line.synced = line.synced.max(generation);
            }
        }
    }

    /// From now on this node uses these keys under `generation`: it will not begin with it, or a lower one, again.
    pub fn mark_used(&mut self, keys: &[(KeyId, Generation)], generation: Generation) {
        for (key, _) in keys {
            let line = self.line(*key);
            line.used = line.used.max(generation);
        }
    }
}

impl Line {
    /// After a restart: all that was reserved counts as used.
    fn raise(&mut self, generation: Generation) {
        self.synced = self.synced.max(generation);
        self.written = self.synced;
        self.used = self.synced;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: KeyId = KeyId([1; 16]);

    fn generation(number: u16) -> Generation {
        Generation::new(number).unwrap()
    }

    fn seen(number: u16) -> [(KeyId, Generation); 1] {
        [(KEY, generation(number))]
    }

    #[test]
    fn nothing_is_allowed_before_it_is_synced() {
        let mut all = Reservations::new(&[], 8);
        let next = all.next(&seen(0), Generation::default()).unwrap();
        assert_eq!(next, generation(1));
        let records = all.reserve(&seen(0), next);
        assert_eq!(records, [Record::Reserve(KEY, generation(8))]);
        assert!(!all.allows(&seen(0), next));
        all.confirm(&records);
        assert!(all.allows(&seen(0), generation(8)) && !all.allows(&seen(0), generation(9)));
        assert!(all.reserve(&seen(0), next).is_empty(), "it is there already");
    }

    #[test]
    fn within_what_is_reserved_each_generation_is_used_once_and_after_a_restart_none() {
        let mut all = Reservations::new(&[], 8);
        let records = all.reserve(&seen(0), generation(1));
        all.confirm(&records);
        all.mark_used(&seen(0), generation(1));
        assert_eq!(all.next(&seen(0), Generation::default()), Some(generation(2)));
        let again = Reservations::new(&records, 8);
        assert_eq!(again.next(&seen(0), Generation::default()), Some(generation(9)));
        assert_eq!(
            again.next(&seen(40), Generation::default()),
            Some(generation(41)),
            "what others used counts too"
        );
        assert_eq!(again.next(&seen(16_383), Generation::default()), None);
    }

    #[test]
    fn a_folded_key_is_still_not_used_twice() {
        let mut all = Reservations::new(&[], 2);
        let mut journal = Vec::new();
        for number in 1..=5 {
            let keys = [(KeyId([number; 16]), generation(u16::from(number) * 100))];
            let records = all.reserve(&keys, keys[0].1);
            all.confirm(&records);
            all.mark_used(&keys, keys[0].1.ahead(7));
            journal.extend(records);
        }
        assert_eq!(all.keys.len(), 2);
        for all in [all, Reservations::new(&journal, 2)] {
            for number in 1..=5u8 {
                let next = all.next(&[(KeyId([number; 16]), generation(0))], Generation::default()).unwrap();
                assert!(next > generation(u16::from(number) * 100 + 7), "key {number}: {next:?}");
            }
        }
    }
}
