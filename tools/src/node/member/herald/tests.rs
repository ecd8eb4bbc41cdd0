//! Two heralds, and what lies between them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use mesh::announce::{Claim, SaBinding, Signal};
use mesh::lease::Generation;
use stack::wire::MacAddr;

use super::scribe::CLAIMS;
use super::*;

const ONE: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(181).wrapping_add(101);
            *byte = self.0;
        }
    }
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<SignerState>>);

impl Journal for Memory {
    type Error = anyhow::Error;

    fn save(&mut self, state: &SignerState) -> anyhow::Result<()> {
        let mut kept = self.0.lock().unwrap();
        *kept = (*kept).max(*state);
        Ok(())
    }
}

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn herald(now: Instant, me: NodeId, profile: Profile, journal: &Memory) -> Herald {
    herald_by(now, me, profile, journal, Box::new(|now| Some(ClusterTime(DAY + now.as_micros()))))
}

/// What the clock of the cluster shows at the beginning.
const DAY: u64 = 1_800_000_000_000_000;

fn herald_by(now: Instant, me: NodeId, profile: Profile, journal: &Memory, clock: ClusterClock) -> Herald {
    let seed = zeroize::Zeroizing::new([me.0 as u8; 32]);
    let last = *journal.0.lock().unwrap();
    let announcing = Announcing {
        profile,
        identity: Arc::new(Identity::from_seed(&seed)),
        last,
        journal: Box::new(journal.clone()),
        clock,
        rows: 24,
        random: Box::new(Counting(last.epoch.0 as u8)),
    };
    Herald::new(now, me, announcing).unwrap()
}

fn claim(last: u8) -> Claim {
    Claim {
        client: MacAddr([2, 0, 0, 0, 0, last]),
        vlan: 0,
        node: ONE,
        generation: Generation::default(),
        sequence: 1,
        ttl: Duration::from_secs(6),
        sa: SaBinding([1; 16]),
    }
}

/// One node that announces, another that listens, and the time.
struct Pair {
    journal: Memory,
    one: Herald,
    other: Herald,
    now: u64,
    heard: Vec<Claim>,
    signals: Vec<Signal>,
    tidings: Heap,
    sent: Vec<Vec<u8>>,
}

/// What is to be told, in any order.
#[derive(Default)]
struct Heap(Vec<Item>);

impl Tidings for Heap {
    fn due(&mut self, _: Instant, room: usize) -> Vec<Item> {
        self.0.iter().take(room / 12).copied().collect()
    }

    fn told(&mut self, _: Instant, items: &[Item]) {
        self.0.retain(|item| !items.contains(item));
    }
}

fn signal(last: u8) -> Signal {
    Signal { client: MacAddr([2, 0, 0, 0, 1, last]), radio: 1, dbm: -50, age: 10 }
}

impl Pair {
    fn new(profile: Profile) -> Self {
        let journal = Memory::default();
        let one = herald(at(0), ONE, profile, &journal);
        let other = herald(at(0), OTHER, Profile::ED25519, &Memory::default());
        let (heard, signals, sent) = (Vec::new(), Vec::new(), Vec::new());
        let tidings = Heap::default();
        let mut pair = Self { journal, one, other, now: 0, heard, signals, tidings, sent };
        pair.introduce();
        pair
    }

    fn introduce(&mut self) {
        let introduction = self.one.introduction(at(self.now));
        self.other.handle_introduction(at(self.now), ONE, &introduction);
    }

    fn run(&mut self, millis: u64) {
        for _ in 0..millis / 5 {
            self.now += 5;
            self.one.turn(at(self.now), &mut self.tidings).unwrap();
            while let Some(word) = self.one.poll_word() {
                match word {
                    Word::Introduction(bytes) => self.other.handle_introduction(at(self.now), ONE, &bytes),
                    Word::Announcement(bytes) => {
                        assert!(bytes.len() <= MAX_NOTICE);
                        for item in self.other.handle_announcement(at(self.now), ONE, &bytes) {
                            match item {
                                Item::Claim(claim) => self.heard.push(claim),
                                Item::Signal(signal) => self.signals.push(signal),
                                Item::Load(_) => panic!("nobody said {item:?}"),
                            }
                        }
                        self.sent.push(bytes);
                    }
                }
            }
        }
    }
}

#[test]
fn claims_arrive_under_every_scheme_from_the_start_and_over_the_end_of_epochs() {
    for profile in [Profile::B16, Profile::H16, Profile::ED25519] {
        let mut pair = Pair::new(profile);
        // Two epochs of six seconds, and a row longer.
        for n in 0..13 {
            pair.one.announce(&[claim(n)]);
            pair.run(1000);
        }
        assert_eq!(pair.heard, (0..13).map(claim).collect::<Vec<_>>(), "{profile:?}");
        assert_eq!(pair.other.refusals().contains_key("epoch_not_newer"), profile != Profile::ED25519);
        let epochs = pair.journal.0.lock().unwrap().epoch.0;
        assert_eq!(epochs > 1, profile != Profile::ED25519);
    }
}

#[test]
fn many_claims_go_as_fast_as_rows_sign_and_none_is_lost() {
    let mut pair = Pair::new(Profile::B16);
    pair.run(500);
    let many: Vec<Claim> = (0..100).map(claim).collect();
    pair.one.announce(&many);
    pair.run(50);
    assert!(pair.heard.len() <= 2 * CLAIMS, "a row signs two");
    pair.run(2000);
    assert_eq!(pair.heard, many);
}

#[test]
fn what_is_forged_repeated_or_said_by_another_is_not_believed() {
    let mut pair = Pair::new(Profile::B16);
    pair.run(500);
    pair.one.announce(&[claim(1)]);
    pair.run(10);
    let sent = pair.sent.pop().unwrap();
    let now = at(pair.now);
    assert!(pair.other.handle_announcement(now, ONE, &sent).is_empty(), "again");
    pair.one.announce(&[claim(2)]);
    pair.one.turn(now, &mut Heap::default()).unwrap();
    let Some(Word::Announcement(fresh)) = pair.one.poll_word() else { panic!("nothing is announced") };
    let mut forged = fresh.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(pair.other.handle_announcement(now, ONE, &forged).is_empty());
    assert!(pair.other.handle_announcement(now, NodeId(3), &fresh).is_empty(), "by another's session");
    assert!(pair.other.refusals().values().sum::<u64>() >= 2);
    let key = pair.one.introduction(now);
    for end in 0..key.len() {
        pair.other.handle_introduction(now, NodeId(9), &key[..end]);
    }
}

#[test]
fn who_starts_again_begins_a_new_epoch_and_is_believed() {
    let mut pair = Pair::new(Profile::H16);
    pair.run(500);
    pair.one.announce(&[claim(1)]);
    pair.run(100);
    let before = pair.journal.0.lock().unwrap().epoch;
    pair.one = herald(at(pair.now), ONE, Profile::H16, &pair.journal);
    assert!(pair.journal.0.lock().unwrap().epoch > before);
    pair.introduce();
    pair.one.announce(&[claim(2)]);
    pair.run(100);
    assert_eq!(pair.heard, [claim(1), claim(2)]);
}

#[test]
fn a_clock_that_jumped_and_is_right_again_is_believed_after_a_while() {
    let mut pair = Pair::new(Profile::B16);
    let ahead = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&ahead);
    let clock = move |now: Instant| Some(ClusterTime(DAY + now.as_micros() + shown.load(Ordering::Relaxed)));
    pair.other = herald_by(at(0), OTHER, Profile::ED25519, &Memory::default(), Box::new(clock));
    pair.introduce();
    let say = |pair: &mut Pair, last: u8| {
        pair.one.announce(&[claim(last)]);
        pair.run(500);
        pair.other.turn(at(pair.now), &mut Heap::default()).unwrap();
        pair.heard.len()
    };
    let heard = [say(&mut pair, 1), say(&mut pair, 2)];
    ahead.store(100_000_000, Ordering::Relaxed);
    let while_wrong = say(&mut pair, 3);
    ahead.store(0, Ordering::Relaxed);
    let after = (4..14).map(|last| say(&mut pair, last)).last();
    assert_eq!((heard, while_wrong), ([1, 2], 2));
    assert!(after > Some(4), "{after:?}, {:?}", pair.other.refusals());
}

/// Signals without end, and a claim now and then.
fn claims_among_tidings(profile: Profile) {
    let mut pair = Pair::new(profile);
    pair.run(1000);
    for n in 0..40 {
        pair.tidings.0 = (0..200).map(|n| Item::Signal(signal(n))).collect();
        pair.run(310);
        let before = pair.sent.len();
        pair.one.announce(&[claim(n)]);
        pair.run(5);
        assert_eq!((pair.heard.len(), pair.sent.len()), (usize::from(n) + 1, before + 1), "{profile:?}");
    }
    assert_eq!(pair.other.refusals().keys().filter(|reason| *reason != "epoch_not_newer").count(), 0);
    let told = pair.signals.len();
    assert!((40 * 58..=2 * 40 * 58 + 58).contains(&told), "{profile:?}: {told}");
    assert!(pair.signals.iter().all(|heard| *heard == signal(heard.client.octets()[5])));
}

#[test]
fn a_claim_never_waits_for_what_else_is_told_and_takes_some_of_it_along() {
    for profile in [Profile::B16, Profile::H16, Profile::ED25519] {
        claims_among_tidings(profile);
    }
}

#[test]
fn what_else_is_told_goes_out_at_once_if_nothing_went_out_before() {
    for profile in [Profile::B16, Profile::H16, Profile::ED25519] {
        let mut pair = Pair::new(profile);
        for n in 0..20 {
            pair.run(705);
            pair.tidings.0.push(Item::Signal(signal(n)));
            pair.run(5);
            assert_eq!(pair.signals.len(), usize::from(n) + 1, "{profile:?}");
        }
    }
}

#[test]
fn what_cannot_be_saved_is_not_said_and_others_are_still_heard() {
    struct Full;
    impl Journal for Full {
        type Error = anyhow::Error;
        fn save(&mut self, _: &SignerState) -> anyhow::Result<()> {
            anyhow::bail!("the disk is full")
        }
    }
    let mut pair = Pair::new(Profile::ED25519);
    pair.other.scribe.with.journal = Box::new(Full);
    let own = |last| Claim { node: OTHER, ..claim(last) };
    pair.other.announce(&[own(1)]);
    assert!(pair.other.turn(at(5), &mut Heap::default()).is_err());
    pair.other.announce(&[own(2)]);
    assert!(pair.other.turn(at(5000), &mut Heap::default()).is_ok(), "it has said so");
    assert_eq!(pair.other.poll_word(), None);
    pair.one.announce(&[claim(3)]);
    pair.run(10);
    assert_eq!(pair.heard, [claim(3)]);
}
