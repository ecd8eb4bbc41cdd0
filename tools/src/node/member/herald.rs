//! Claims as announcements that are signed, and who may be believed: `mesh::announce` in the node.
//!
//! A node begins with an epoch of Ed25519, which needs nothing made before. If it is to announce by a scheme with rows, it
//! makes their chains in small pieces meanwhile, and goes over to such an epoch; and to the next before that one ends. Its
//! public key, the record of its epoch and a row go to each node by the session between the two, which proves whose they
//! are.
//!
//! ```text
//! introduction  'i' | version u8 = 1 | public key [32] | epoch record, row record, row: length u16 | bytes, each
//! announcement  'a' | as mesh::announce has it
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use mesh::announce::{
    Claim, ClusterTime, EpochPlan, Identity, Item, Journal, NodeId, Opened, Profile, PublicIdentity, Reading,
    Refusal, SealRow, SignError, Signer, SignerConfig, SignerState, Verifier,
};
use mesh::engine::MAX_NOTICE;
use stack::random::Random;
use stack::time::Instant;
use stack::wire::{Reader, Truncated};

const INTRODUCTION: u8 = b'i';
const ANNOUNCEMENT: u8 = b'a';
const VERSION: u8 = 1;
/// Nodes that are listened to at the most.
const NODES: usize = 1 << 12;
/// How long a row signs, and how far the clocks of two nodes may be apart.
const PERIOD: Duration = Duration::from_millis(250);
const CLOCK_ERROR: Duration = Duration::from_micros(62_500);
/// Rows of chains that are made at a time, and how often: each takes a tenth of a millisecond.
const PIECE: u32 = 20;
const EACH: Duration = Duration::from_millis(20);
/// How often all nodes get a row, so that what is announced hashes down to it in a few steps. A clock that has jumped is
/// believed again after so long.
const REFRESH: Duration = Duration::from_secs(2);
/// Claims that wait for a row to sign them; what finds no room goes as a row of the table alone.
const WAITING: usize = 1024;
/// Claims that fit a notice beside the longest signature.
const CLAIMS: usize = (MAX_NOTICE - 320) / 48;

/// What the cluster's clock says, if it is known, at a moment of the node's own.
pub type ClusterClock = Box<dyn Fn(Instant) -> Option<ClusterTime> + Send>;
/// Where the state of a signer is kept.
pub type SignerJournal = Box<dyn Journal<Error = anyhow::Error> + Send>;

/// With what a node announces.
pub struct Announcing {
    /// How it is to sign.
    pub profile: Profile,
    /// By which key.
    pub identity: Arc<Identity>,
    /// How far it had come before this start.
    pub last: SignerState,
    /// Where that is kept.
    pub journal: SignerJournal,
    /// The clock that all nodes have.
    pub clock: ClusterClock,
    /// How many rows an epoch has, if it has any: four a second.
    pub rows: u32,
    /// For the chains.
    pub random: Box<dyn Random + Send>,
}

/// Signs what this node announces and checks what others do.
pub(super) struct Herald {
    with: Announcing,
    me: NodeId,
    verifier: Verifier,
    signer: Signer,
    state: SignerState,
    /// Of the epoch that it is in, and its first row, if it has any.
    record: Vec<u8>,
    first_row: Option<SealRow>,
    /// The next epoch, in the making.
    plan: Option<EpochPlan>,
    /// When there is more to do for it.
    work: Instant,
    /// When all nodes get a row again.
    refresh: Instant,
    waiting: VecDeque<Claim>,
    /// Before that nothing can be signed.
    patience: Option<Instant>,
    /// Announcements that were refused since the clock had jumped, up to the last refresh.
    lost: u64,
    words: VecDeque<Word>,
}

/// What a herald has for other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// To be sent to each node by its session.
    Introduction(Vec<u8>),
    /// To be told to all at once.
    Announcement(Vec<u8>),
}

impl Herald {
    pub(super) fn new(now: Instant, me: NodeId, mut with: Announcing) -> anyhow::Result<Self> {
        let config = config(me, &with, Profile::ED25519);
        let plan = EpochPlan::new(config, with.last, &mut *with.random);
        let at = reading(&with, now);
        let Opened { signer, record, row } =
            plan.open(at, &mut *with.journal).context("the node cannot begin to announce")?;
        let state = SignerState { epoch: signer.epoch(), row: 0, count: 0 };
        Ok(Self {
            with,
            me,
            verifier: Verifier::new(NODES),
            signer,
            state,
            record,
            first_row: row,
            plan: None,
            work: now,
            refresh: now + REFRESH,
            waiting: VecDeque::new(),
            patience: None,
            lost: 0,
            words: VecDeque::new(),
        })
    }

    /// These are to be told to all.
    pub(super) fn announce(&mut self, claims: &[Claim]) {
        let room = WAITING.saturating_sub(self.waiting.len());
        self.waiting.extend(claims.iter().take(room));
    }

    /// What is to be sent to a node that has just come.
    pub(super) fn introduction(&mut self, now: Instant) -> Vec<u8> {
        let at = reading(&self.with, now);
        let later = self.signer.row_record(at);
        let (record, row) = later.map_or_else(
            || (Vec::new(), self.first_row.as_ref().map(SealRow::to_bytes).unwrap_or_default()),
            |(record, row)| (record, row.to_bytes()),
        );
        let mut out = vec![INTRODUCTION, VERSION];
        out.extend(self.with.identity.public().to_bytes());
        for part in [&self.record, &record, &row] {
            out.extend(u16::try_from(part.len()).unwrap_or_default().to_le_bytes());
            out.extend(part);
        }
        out
    }

    /// Whether a message or notice is for this.
    pub(super) fn is_for_it(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(&INTRODUCTION | &ANNOUNCEMENT))
    }

    /// A node introduces itself, by its session. What is wrong with it is counted.
    pub(super) fn handle_introduction(&mut self, now: Instant, from: NodeId, bytes: &[u8]) {
        let Some(Introduction { key, epoch, record, row }) = Introduction::parse(bytes) else { return };
        if !self.verifier.trust(from, key) {
            return;
        }
        // One that is known already, or of an older start, is refused, which is as it should be.
        let opened = self.verifier.handle_epoch_record(now, epoch);
        if !record.is_empty() {
            let _ = self.verifier.handle_row_record(now, record, row);
        } else if let (Ok(opened), false) = (opened, row.is_empty()) {
            let _ = self.verifier.handle_first_row(opened.node, opened.epoch, row);
        }
    }

    /// A notice of another node: the claims in it, if it is authentic, of now and new. What is wrong with it is counted.
    pub(super) fn handle_announcement(&mut self, now: Instant, from: NodeId, bytes: &[u8]) -> Vec<Claim> {
        let Some(announcement) = bytes.strip_prefix(&[ANNOUNCEMENT]) else { return Vec::new() };
        let at = reading(&self.with, now);
        let Ok(heard) = self.verifier.handle_announcement(at, announcement) else { return Vec::new() };
        let claims = heard.payload.items.filter_map(|item| match item {
            Item::Claim(claim) => Some(claim),
            Item::Load(_) | Item::Signal(_) => None,
        });
        if heard.place.node == from { claims.collect() } else { Vec::new() }
    }

    /// Nothing of it is believed until it introduces itself again.
    pub(super) fn node_gone(&mut self, node: NodeId) {
        self.verifier.distrust(node);
    }

    /// What was refused, by reason.
    pub(super) fn refusals(&self) -> BTreeMap<String, u64> {
        let all = self.verifier.refusals().iter();
        all.map(|(reason, count)| (reason.name().to_owned(), count)).collect()
    }

    /// Does what is due. `Err` if the state of the signer cannot be saved.
    pub(super) fn turn(&mut self, now: Instant) -> anyhow::Result<()> {
        self.work(now)?;
        if self.refresh <= now {
            self.refresh = now + REFRESH;
            self.signer.handle_timeout(reading(&self.with, now));
            self.trust_clock();
            if self.first_row.is_some() {
                let introduction = self.introduction(now);
                self.words.push_back(Word::Introduction(introduction));
            }
        }
        if self.patience.is_none_or(|until| until <= now) {
            self.patience = None;
            self.sign(now)?;
        }
        Ok(())
    }

    /// A clock that was set has jumped, and is right since.
    fn trust_clock(&mut self) {
        let lost = self.verifier.refusals().of(Refusal::ClockLost);
        if lost > self.lost {
            self.lost = lost;
            self.verifier.clock_is_set();
        }
    }

    /// When [`Self::turn`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let waiting = self.patience.filter(|_| !self.waiting.is_empty());
        let work = Some(self.work).filter(|_| self.with.profile != Profile::ED25519);
        [Some(self.refresh), waiting, work].into_iter().flatten().min()
    }

    /// What it has for others.
    pub(super) fn poll_word(&mut self) -> Option<Word> {
        self.words.pop_front()
    }

    /// Makes rows, if the epoch has none or not many more, and goes over to them when they are made.
    fn work(&mut self, now: Instant) -> anyhow::Result<()> {
        if self.work > now || self.with.profile == Profile::ED25519 {
            return Ok(());
        }
        let plan = self.plan.get_or_insert_with(|| {
            EpochPlan::new(config(self.me, &self.with, self.with.profile), self.state, &mut *self.with.random)
        });
        self.work = now + EACH;
        if !plan.advance(PIECE) {
            return Ok(());
        }
        let at = reading(&self.with, now);
        if at.cluster.is_none() {
            return Ok(());
        }
        if let Some(plan) = self.plan.take() {
            let opened = plan.open(at, &mut *self.with.journal).context("no epoch of rows begins")?;
            self.enter(now, opened);
            // The last quarter of an epoch is time enough to make the next one.
            self.work = now + PERIOD * self.with.rows / 4 * 3;
        }
        Ok(())
    }

    fn enter(&mut self, now: Instant, opened: Opened) {
        let Opened { signer, record, row } = opened;
        self.state = SignerState { epoch: signer.epoch(), row: 0, count: 0 };
        (self.signer, self.record, self.first_row) = (signer, record, row);
        self.patience = None;
        let introduction = self.introduction(now);
        self.words.push_back(Word::Introduction(introduction));
    }

    /// Signs what waits, as much as the row takes.
    fn sign(&mut self, now: Instant) -> anyhow::Result<()> {
        while !self.waiting.is_empty() {
            let at = reading(&self.with, now);
            let items: Vec<Item> =
                self.waiting.iter().take(CLAIMS).map(|claim| Item::Claim(*claim)).collect();
            match self.signer.sign(at, &items) {
                Ok(pending) => {
                    self.waiting.drain(..items.len());
                    self.state = *pending.state();
                    let bytes =
                        pending.release(&mut *self.with.journal).context("an announcement is not saved")?;
                    self.words.push_back(Word::Announcement([&[ANNOUNCEMENT], &bytes[..]].concat()));
                }
                Err(SignError::Wait(until)) => {
                    let wait = at.cluster.map_or(0, |cluster| until.0.saturating_sub(cluster.0));
                    self.patience = Some(now + Duration::from_micros(wait));
                    return Ok(());
                }
                // Without a clock, or after the last row, by the scheme that needs neither.
                Err(SignError::ClockLost | SignError::EpochOver) => self.fall_back(now)?,
                Err(SignError::Payload(_) | SignError::Row(_)) => {
                    // Rows of the table tell of these.
                    self.waiting.drain(..items.len());
                }
            }
        }
        Ok(())
    }

    fn fall_back(&mut self, now: Instant) -> anyhow::Result<()> {
        let config = config(self.me, &self.with, Profile::ED25519);
        let plan = EpochPlan::new(config, self.state, &mut *self.with.random);
        self.plan = None;
        let opened = plan.open(reading(&self.with, now), &mut *self.with.journal);
        self.enter(now, opened.context("no epoch without rows begins")?);
        self.work = now + EACH;
        Ok(())
    }
}

fn config(node: NodeId, with: &Announcing, profile: Profile) -> SignerConfig {
    let identity = Arc::clone(&with.identity);
    SignerConfig { node, identity, profile, period: PERIOD, clock_error: CLOCK_ERROR, rows: with.rows }
}

fn reading(with: &Announcing, now: Instant) -> Reading {
    Reading { monotonic: now, cluster: (with.clock)(now) }
}

/// What a node says of itself.
struct Introduction<'a> {
    key: PublicIdentity,
    epoch: &'a [u8],
    /// Of a later row; empty if it is the first.
    record: &'a [u8],
    row: &'a [u8],
}

impl<'a> Introduction<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.strip_prefix(&[INTRODUCTION, VERSION])?);
        let key = PublicIdentity::from_bytes(reader.array().ok()?)?;
        let mut part = || -> Result<&'a [u8], Truncated> {
            let length = usize::from(reader.u16_le()?);
            reader.take(length)
        };
        let (epoch, record, row) = (part().ok()?, part().ok()?, part().ok()?);
        Some(Self { key, epoch, record, row })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use mesh::announce::SaBinding;
    use mesh::lease::Generation;
    use stack::wire::MacAddr;

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

    fn herald_by(
        now: Instant,
        me: NodeId,
        profile: Profile,
        journal: &Memory,
        clock: ClusterClock,
    ) -> Herald {
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
        sent: Vec<Vec<u8>>,
    }

    impl Pair {
        fn new(profile: Profile) -> Self {
            let journal = Memory::default();
            let one = herald(at(0), ONE, profile, &journal);
            let other = herald(at(0), OTHER, Profile::ED25519, &Memory::default());
            let mut pair = Self { journal, one, other, now: 0, heard: Vec::new(), sent: Vec::new() };
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
                self.one.turn(at(self.now)).unwrap();
                while let Some(word) = self.one.poll_word() {
                    match word {
                        Word::Introduction(bytes) => {
                            self.other.handle_introduction(at(self.now), ONE, &bytes)
                        }
                        Word::Announcement(bytes) => {
                            assert!(bytes.len() <= MAX_NOTICE);
                            self.heard.extend(self.other.handle_announcement(at(self.now), ONE, &bytes));
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
        pair.one.turn(now).unwrap();
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
        let clock =
            move |now: Instant| Some(ClusterTime(DAY + now.as_micros() + shown.load(Ordering::Relaxed)));
        pair.other = herald_by(at(0), OTHER, Profile::ED25519, &Memory::default(), Box::new(clock));
        pair.introduce();
        let say = |pair: &mut Pair, last: u8| {
            pair.one.announce(&[claim(last)]);
            pair.run(500);
            pair.other.turn(at(pair.now)).unwrap();
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

    #[test]
    fn what_cannot_be_saved_is_not_said() {
        struct Full;
        impl Journal for Full {
            type Error = anyhow::Error;
            fn save(&mut self, _: &SignerState) -> anyhow::Result<()> {
                anyhow::bail!("the disk is full")
            }
        }
        let mut pair = Pair::new(Profile::ED25519);
        pair.one.with.journal = Box::new(Full);
        pair.one.announce(&[claim(1)]);
        assert!(pair.one.turn(at(5)).is_err());
        assert_eq!(pair.one.poll_word(), None);
    }
}
