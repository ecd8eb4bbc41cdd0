//! The side that signs: claims first, and with them or between them how radios hear clients and how busy they are.
//!
//! A row signs two notices. One without a claim in it goes out once a row at the most, and not in the first half of the row
//! after another notice, which is counted against both: so a claim always finds a signature.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Context;
use mesh::announce::{
    Claim, EpochPlan, Item, NodeId, Opened, Profile, Reading, SealRow, SignError, Signer, SignerConfig,
    SignerState,
};
use stack::time::Instant;

use super::introduction::Introduction;
use super::{ANNOUNCEMENT, Announcing, CLOCK_ERROR, PERIOD, ROOM, Tidings, Word};

/// Rows of chains that are made at a time, and how often: each takes a tenth of a millisecond.
const PIECE: u32 = 20;
const EACH: Duration = Duration::from_millis(20);
/// Claims that wait for a row to sign them; what finds no room goes as a row of the table alone.
const WAITING: usize = 1024;
/// Kind, length and body of a claim.
const CLAIM: usize = 48;
/// Claims that fit a notice.
pub(super) const CLAIMS: usize = ROOM / CLAIM;

/// Signs what this node announces.
pub(super) struct Scribe {
    pub(super) with: Announcing,
    me: NodeId,
    signer: Signer,
    state: SignerState,
    /// Of the epoch that it is in, and its first row, if it has any.
    record: Vec<u8>,
    first_row: Option<SealRow>,
    /// The next epoch, in the making.
    plan: Option<EpochPlan>,
    /// When there is more to do for it.
    work: Instant,
    waiting: VecDeque<Claim>,
    /// Before that nothing can be signed.
    patience: Option<Instant>,
    /// Before that nothing goes out without a claim in it.
    spare: Instant,
    words: VecDeque<Word>,
}

impl Scribe {
    /// It begins by Ed25519, which needs nothing made before.
    pub(super) fn new(now: Instant, me: NodeId, mut with: Announcing) -> anyhow::Result<Self> {
        let plan = EpochPlan::new(config(me, &with, Profile::ED25519), with.last, &mut *with.random);
        let at = with.reading(now);
        let Opened { signer, record, row } =
            plan.open(at, &mut *with.journal).context("the node cannot begin to announce")?;
        let state = SignerState { epoch: signer.epoch(), row: 0, count: 0 };
        Ok(Self {
            with,
            me,
            signer,
            state,
            record,
            first_row: row,
            plan: None,
            work: now,
            waiting: VecDeque::new(),
            patience: None,
            spare: now,
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
        let at = self.with.reading(now);
        let later = self.signer.row_record(at);
        let (record, row) = later.map_or_else(
            || (Vec::new(), self.first_row.as_ref().map(SealRow::to_bytes).unwrap_or_default()),
            |(record, row)| (record, row.to_bytes()),
        );
        let key = self.with.identity.public();
        Introduction { key, epoch: &self.record, record: &record, row: &row }.emit()
    }

    /// A row for all, so that what is announced hashes down to it in a few steps.
    pub(super) fn refresh(&mut self, now: Instant) {
        self.signer.handle_timeout(self.with.reading(now));
        if self.first_row.is_some() {
            self.introduce(now);
        }
    }

    /// Makes rows, and signs what waits. `Err` if its state cannot be saved.
    pub(super) fn turn(&mut self, now: Instant, tidings: &mut dyn Tidings) -> anyhow::Result<()> {
        self.work(now)?;
        if self.patience.is_none_or(|until| until <= now) {
            self.patience = None;
            self.sign(now, tidings)?;
        }
        Ok(())
    }

    /// When [`Self::turn`] is due; `eager` says that there are tidings.
    pub(super) fn poll_timeout(&self, eager: bool) -> Option<Instant> {
        let waiting = self.patience.filter(|_| !self.waiting.is_empty());
        let spare = eager.then(|| self.patience.map_or(self.spare, |patience| patience.max(self.spare)));
        let work = Some(self.work).filter(|_| self.with.profile != Profile::ED25519);
        [waiting, spare, work].into_iter().flatten().min()
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
        let at = self.with.reading(now);
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
        self.introduce(now);
    }

    fn introduce(&mut self, now: Instant) {
        let introduction = self.introduction(now);
        self.words.push_back(Word::Introduction(introduction));
    }

    /// Signs what waits, as much as the row takes.
    fn sign(&mut self, now: Instant, tidings: &mut dyn Tidings) -> anyhow::Result<()> {
        loop {
            let at = self.with.reading(now);
            let mut items: Vec<Item> =
                self.waiting.iter().take(CLAIMS).map(|claim| Item::Claim(*claim)).collect();
            let claims = items.len();
            if claims == 0 && now < self.spare {
                return Ok(());
            }
            items.extend(tidings.due(now, ROOM - claims * CLAIM));
            if items.is_empty() {
                return Ok(());
            }
            match self.signer.sign(at, &items) {
                Ok(pending) => {
                    self.waiting.drain(..claims);
                    self.state = *pending.state();
                    let bytes =
                        pending.release(&mut *self.with.journal).context("an announcement is not saved")?;
                    self.words.push_back(Word::Announcement([&[ANNOUNCEMENT], &bytes[..]].concat()));
                    tidings.told(now, items.get(claims..).unwrap_or_default());
                    self.spare = now + self.until_spare(at);
                }
                Err(SignError::Wait(until)) => {
                    let wait = at.cluster.map_or(0, |cluster| until.0.saturating_sub(cluster.0));
                    self.patience = Some(now + Duration::from_micros(wait));
                    return Ok(());
                }
                // Without a clock, or after the last row, by the scheme that needs neither.
                Err(SignError::ClockLost | SignError::EpochOver) => self.fall_back(now)?,
                Err(SignError::Payload(_) | SignError::Row(_)) => {
                    // Rows of the table tell of the claims; the others are told again.
                    self.waiting.drain(..claims);
                    tidings.told(now, items.get(claims..).unwrap_or_default());
                }
            }
        }
    }

    /// How long after a notice one may go out that has no claim in it: when what has been signed is not counted any more.
    fn until_spare(&self, at: Reading) -> Duration {
        let of_rows = self.signer.schedule().zip(at.cluster).and_then(|(schedule, clock)| {
            let row = schedule.row_at(clock)?;
            Some(Duration::from_micros(schedule.public_from(row).0.saturating_sub(clock.0)))
        });
        of_rows.unwrap_or(PERIOD)
    }

    fn fall_back(&mut self, now: Instant) -> anyhow::Result<()> {
        let config = config(self.me, &self.with, Profile::ED25519);
        let plan = EpochPlan::new(config, self.state, &mut *self.with.random);
        self.plan = None;
        let opened = plan.open(self.with.reading(now), &mut *self.with.journal);
        self.enter(now, opened.context("no epoch without rows begins")?);
        self.work = now + EACH;
        Ok(())
    }
}

fn config(node: NodeId, with: &Announcing, profile: Profile) -> SignerConfig {
    let identity = std::sync::Arc::clone(&with.identity);
    SignerConfig { node, identity, profile, period: PERIOD, clock_error: CLOCK_ERROR, rows: with.rows }
}
