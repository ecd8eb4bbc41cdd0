//! The side that announces.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use stack::random::Random;

use super::chain::{ChainBuilder, Chains, Seed};
use super::clock::{ClockWatch, ClusterTime, Reading, micros};
use super::payload::{Item, Payload, PayloadError};
use super::profile::SIGNATURES_PER_ROW;
use super::record::Record;
use super::row::{Row, RowError};
use super::schedule::Schedule;
use super::scheme::{Place, RowScheme, Scheme};
use super::seal::{Domain, SealRow};
use super::wire::Header;
use super::{Ed25519, Epoch, EpochRecord, Identity, NodeId, Profile, RowRecord};

/// What a signer must not forget: how far it has come. Later states compare as greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignerState {
    /// The epoch it is in.
    pub epoch: Epoch,
    /// The row it is about to sign under.
    pub row: u32,
    /// The sequence number of the announcement, the first of an epoch being 1.
    pub count: u64,
}

/// Where states are kept.
pub trait Journal {
    /// Why it could not.
    type Error;

    /// Keeps the greater of `state` and what is kept, and returns when it will survive a crash.
    fn save(&mut self, state: &SignerState) -> Result<(), Self::Error>;
}

/// What does not change from one epoch of a node to the next.
#[derive(Clone, Debug)]
pub struct SignerConfig {
    /// The node.
    pub node: NodeId,
    /// Its private key.
    pub identity: Arc<Identity>,
    /// How to sign.
    pub profile: Profile,
    /// T_d: how long a row is used.
    pub period: Duration,
    /// δ: how far two clocks of the cluster may be apart, at most a quarter of the period.
    pub clock_error: Duration,
    /// How many rows an epoch has.
    pub rows: u32,
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The clock is lost or has jumped: begin an epoch of [`Profile::ED25519`].
    #[error("without a clock no row may sign")]
    ClockLost,
    /// The row has signed all it may, or it is too early for it.
    #[error("no signature before {}", .0.0)]
    Wait(ClusterTime),
    /// The epoch has no row for this time: begin the next one.
    #[error("the epoch is over")]
    EpochOver,
    /// It cannot be announced.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The row failed.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// Why an epoch was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError<E> {
    /// There is no clock to tell when its rows sign.
    #[error("an epoch with rows needs a clock")]
    ClockLost,
    /// No verifier would take its record.
    #[error("period, clock error or number of rows out of bounds")]
    Impossible,
    /// Its number could not be saved.
    #[error("the epoch could not be saved: {0}")]
    Journal(E),
}

/// An epoch in the making. After a crash, and when an epoch ends, there is a new one; none is ever continued.
#[derive(Debug)]
pub struct EpochPlan {
    config: SignerConfig,
    epoch: Epoch,
    chains: Option<(RowScheme, ChainBuilder)>,
}

impl EpochPlan {
    /// The epoch after `last`, the greatest state in the journal (its default, if there is none).
    pub fn new(config: SignerConfig, last: SignerState, random: &mut dyn Random) -> Self {
        let epoch = Epoch(last.epoch.0.saturating_add(1));
        let domain = Domain { node: config.node, epoch };
        let builder = |scheme| {
            let seed = Seed::draw(random);
            (scheme, ChainBuilder::new(domain, config.rows, config.profile.seals(), &seed))
        };
        let chains = RowScheme::of(config.profile).map(builder);
        Self { config, epoch, chains }
    }

    /// Makes up to `rows` rows of the chains. True when all are made. A row takes about a tenth of a millisecond, two
    /// hours of them some seconds: in slices, or on a thread of its own.
    pub fn advance(&mut self, rows: u32) -> bool {
        self.chains.as_mut().is_none_or(|(_, builder)| builder.advance(rows))
    }

    /// Begins the epoch, once it is saved that it was begun. Row 1 signs from now on.
    pub fn open<J: Journal + ?Sized>(
        self,
        now: Reading,
        journal: &mut J,
    ) -> Result<Opened, OpenError<J::Error>> {
        let Self { config, epoch, chains } = self;
        let mut rows = None;
        let mut public = None;
        if let Some((scheme, builder)) = chains {
            let now = now.cluster.ok_or(OpenError::ClockLost)?;
            let start = ClusterTime(now.0.saturating_sub(micros(config.period)));
            let SignerConfig { period, clock_error, rows: last, .. } = config;
            let schedule = Schedule { start, period, clock_error, rows: last };
            if !schedule.is_possible() {
                return Err(OpenError::Impossible);
            }
            let (row, chains) = builder.finish();
            public = Some((schedule, row));
            rows = Some(Rows::new(scheme, schedule, chains));
        }
        journal.save(&SignerState { epoch, row: 0, count: 0 }).map_err(OpenError::Journal)?;
        let hashes = public.as_ref().map(|(schedule, row)| (*schedule, row.hash()));
        let record = EpochRecord { node: config.node, epoch, profile: config.profile, rows: hashes };
        let record = record.emit(&config.identity);
        let mut signer = Signer { config, epoch, sequence: 0, watch: ClockWatch::new(), rows };
        signer.check_clock(now);
        Ok(Opened { signer, record, row: public.map(|(_, row)| row) })
    }
}

/// An epoch that has begun.
#[derive(Debug)]
pub struct Opened {
    /// Signs in it.
    pub signer: Signer,
    /// The signed [`EpochRecord`]: for every node, before the first announcement.
    pub record: Vec<u8>,
    /// Row 0: for every node that asks. `None` if the profile has no rows.
    pub row: Option<SealRow>,
}

/// Signs announcements in one epoch.
///
/// At most two messages are known of any row while a verifier still believes it. The row sees to its own two; but a
/// verifier whose clock is late takes a row for up to twice the clock error after the signer has left it, and SEALs
/// of the next row, aged by one step, are SEALs of that row too. So what is signed at the beginning of a row is
/// counted against the row before as well.
#[derive(Debug)]
pub struct Signer {
    config: SignerConfig,
    epoch: Epoch,
    sequence: u64,
    watch: ClockWatch,
    rows: Option<Rows>,
}

impl Signer {
    /// Signs one announcement of `items`. What it returns yields its bytes when the state is saved.
    ///
    /// A row that was used stays used, whether the bytes are ever sent or not.
    pub fn sign(&mut self, now: Reading, items: &[Item]) -> Result<Pending, SignError> {
        let clock = self.check_clock(now);
        let sequence = self.sequence + 1;
        let mut payload = Vec::new();
        Payload::emit(self.config.node, sequence, items, &mut payload)?;
        let mut place = Place { node: self.config.node, epoch: self.epoch, row: 0 };
        let scheme = self.config.profile.scheme();
        let mut bytes = Vec::new();
        match &mut self.rows {
            Some(rows) => {
                let clock = clock.ok_or(SignError::ClockLost)?;
                place.row = rows.enter(clock, place)?;
                Header { scheme, place }.emit(&mut bytes);
                rows.sign(clock, &payload, &mut bytes)?;
            }
            None => {
                Header { scheme, place }.emit(&mut bytes);
                Ed25519.sign(&self.config.identity, &place, &payload, &mut bytes).map_err(RowError::from)?;
            }
        }
        bytes.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend(payload);
        self.sequence = sequence;
        Ok(Pending { state: SignerState { epoch: self.epoch, row: place.row, count: sequence }, bytes })
    }

    /// A signed [`RowRecord`] of the newest row that is over for everybody, and that row. `None` before there is one,
    /// without a clock, in the last row, and in an epoch without rows.
    pub fn row_record(&mut self, now: Reading) -> Option<(Vec<u8>, SealRow)> {
        let clock = self.check_clock(now)?;
        let place = Place { node: self.config.node, epoch: self.epoch, row: 0 };
        let (row, seals) = self.rows.as_mut()?.public(clock, place)?;
        let record = RowRecord { node: self.config.node, epoch: self.epoch, row, hash: seals.hash() };
        Some((record.emit(&self.config.identity), seals))
    }

    /// Gives up rows whose time is over and works ahead. Call it about once in a period if little is announced, so
    /// that the next announcement does not have to catch up.
    pub fn handle_timeout(&mut self, now: Reading) {
        let place = Place { node: self.config.node, epoch: self.epoch, row: 0 };
        if let (Some(clock), Some(rows)) = (self.check_clock(now), &mut self.rows) {
            // Whether there is a row to sign under is of interest when something is to be signed.
            let _ = rows.enter(clock, place);
        }
    }

    /// The epoch it signs in.
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// When its rows sign; `None` in an epoch without rows.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.rows.as_ref().map(|rows| &rows.schedule)
    }

    fn check_clock(&mut self, now: Reading) -> Option<ClusterTime> {
        self.watch.check(now, self.config.clock_error)
    }
}

/// The rows of an epoch and the one that it is in.
#[derive(Debug)]
struct Rows {
    scheme: RowScheme,
    schedule: Schedule,
    chains: Chains,
    row: u32,
    current: Current,
    /// Signatures of the current row and of the one before.
    signed: [u8; 2],
}

#[derive(Debug)]
enum Current {
    Fresh(Row<SIGNATURES_PER_ROW>),
    Once(Row<1>),
    Spent,
}

impl Rows {
    const fn new(scheme: RowScheme, schedule: Schedule, chains: Chains) -> Self {
        Self { scheme, schedule, chains, row: 0, current: Current::Spent, signed: [0; 2] }
    }

    /// Makes the row that signs at `now` the current one.
    fn enter(&mut self, now: ClusterTime, place: Place) -> Result<u32, SignError> {
        let Some(row) = self.schedule.row_at(now) else {
            let early = now < self.schedule.start_of(1);
            return Err(if early {
                SignError::Wait(self.schedule.start_of(1))
            } else {
                SignError::EpochOver
            });
        };
        if row < self.row {
            return Err(SignError::Wait(self.schedule.start_of(self.row)));
        }
        if row > self.row {
            let [signed, _] = self.signed;
            self.signed = [0, if row == self.row + 1 { signed } else { 0 }];
            self.row = row;
            self.current = match self.chains.take(row) {
                Some(seals) => Current::Fresh(Row::new(seals, Place { row, ..place }, &self.schedule)),
                None => Current::Spent,
            };
        }
        Ok(row)
    }

    /// Signs under the current row.
    fn sign(&mut self, now: ClusterTime, message: &[u8], out: &mut Vec<u8>) -> Result<(), SignError> {
        let [signed, before] = self.signed;
        let before_is_public = self.schedule.public_from(self.row.saturating_sub(1));
        if now < before_is_public && signed + before >= SIGNATURES_PER_ROW {
            return Err(SignError::Wait(before_is_public));
        }
        self.current = match std::mem::replace(&mut self.current, Current::Spent) {
            Current::Fresh(row) => Current::Once(row.sign(&self.scheme, now, message, out)?),
            Current::Once(row) => {
                row.sign(&self.scheme, now, message, out)?;
                Current::Spent
            }
            Current::Spent => return Err(SignError::Wait(self.schedule.end_of(self.row))),
        };
        self.signed = [signed + 1, before];
        Ok(())
    }

    /// The newest row that nobody believes any more.
    fn public(&mut self, now: ClusterTime, place: Place) -> Option<(u32, SealRow)> {
        let current = self.enter(now, place).ok()?;
        let newest = (1..=2).filter_map(|back| current.checked_sub(back));
        let row = newest.filter(|&row| now >= self.schedule.public_from(row)).max().filter(|&row| row > 0)?;
        Some((row, self.chains.public(row)?))
    }
}

/// A signed announcement that may not be sent before it is saved that it was signed.
#[must_use = "an announcement that is not released is not sent"]
pub struct Pending {
    state: SignerState,
    bytes: Vec<u8>,
}

impl Pending {
    /// What has to be saved.
    pub const fn state(&self) -> &SignerState {
        &self.state
    }

    /// Saves the state and yields the bytes to send. There is no other way to them; if saving fails they are gone.
    pub fn release<J: Journal + ?Sized>(self, journal: &mut J) -> Result<Vec<u8>, J::Error> {
        journal.save(&self.state)?;
        Ok(self.bytes)
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("state", &self.state).finish_non_exhaustive()
    }
}
