//! What a report tells, as plain data. All times count from the beginning of the story.

use std::time::Duration;

/// Most columns that a picture has.
pub const MAX_BINS: usize = 480;

/// A story: who was there, and what happened to each.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// The headline.
    pub title: String,
    /// The result in one sentence.
    pub result: String,
    /// Nothing went wrong.
    pub good: bool,
    /// What else is to be said at once, a paragraph each.
    pub more: Vec<String>,
    /// How it can be told again.
    pub origin: String,
    /// How long it took.
    pub length: Duration,
    /// The numbers that matter most.
    pub figures: Vec<Figure>,
    /// The radios of the nodes.
    pub radios: Vec<Radio>,
    /// The clients.
    pub clients: Vec<Client>,
    /// How clients came from radio to radio, in the order of time.
    pub handovers: Vec<Handover>,
    /// The node whose power failed, if one did.
    pub crash: Option<Crash>,
    /// What happened, in the order of time.
    pub diary: Vec<(Duration, String)>,
    /// What was discarded, and by whom.
    pub drops: Vec<Drops>,
    /// The keys that were seen at work.
    pub keys: Vec<KeyUse>,
}

/// A number with its name.
#[derive(Clone, Debug, Default)]
pub struct Figure {
    /// The number, with its unit.
    pub value: String,
    /// What it counts.
    pub name: String,
    /// A few words more.
    pub detail: String,
}

/// A radio of a node, and how it used the channel.
#[derive(Clone, Debug, Default)]
pub struct Radio {
    /// Its name.
    pub name: String,
    /// Its channel, in words.
    pub channel: String,
    /// Where it stands, in metres.
    pub place: (f64, f64),
    /// Time on the air of what the radio sent, in microseconds.
    pub sent: Bins,
    /// Of what its clients sent.
    pub heard: Bins,
    /// Of what either had to send again.
    pub retried: Bins,
}

/// A client.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// What it is.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its network, as somebody named it.
    pub network: String,
    /// How that is protected.
    pub security: String,
    /// The BSSID of its virtual AP.
    pub virtual_ap: String,
    /// Which of [`Story::radios`] served it when, in the order of time.
    pub stays: Vec<Stay>,
    /// Where it was, in the order of time; one place if it stood still.
    pub walk: Vec<Place>,
    /// What it was doing, in the order of time.
    pub spans: Vec<Span>,
    /// Bytes from it that arrived.
    pub up: Bins,
    /// Bytes to it that arrived.
    pub down: Bins,
    /// Transmissions to or from it that had to be repeated.
    pub retries: Bins,
    /// MSDUs to or from it that never arrived, when they were sent.
    pub losses: Bins,
    /// How strong it heard its AP, in the order of time.
    pub signal: Vec<Sample>,
    /// What is worth a mark.
    pub moments: Vec<Moment>,
    /// How it joined, each time.
    pub joins: Vec<Join>,
    /// Its row in the table.
    pub totals: Totals,
}

/// A radio serves a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Which of [`Story::radios`].
    pub radio: usize,
    /// From when.
    pub from: Duration,
    /// Until when.
    pub to: Duration,
}

/// A client came to another radio. Numbers are words already: what is not known is a dash.
#[derive(Clone, Debug, Default)]
pub struct Handover {
    /// When it was served there.
    pub at: Duration,
    /// Who.
    pub client: String,
    /// Which of [`Story::radios`] served it before.
    pub from: usize,
    /// Which does now.
    pub to: usize,
    /// How it went.
    pub way: String,
    /// For how long nobody could send to it.
    pub gap: Option<Duration>,
    /// MSDUs that waited for it and came along.
    pub queued: usize,
    /// Sequence numbers of the last frame before and of the first one after.
    pub sequence: String,
    /// Packet numbers of the same.
    pub packets: String,
    /// Whether the key is the same.
    pub key: String,
}

/// A node was lost.
#[derive(Clone, Debug, Default)]
pub struct Crash {
    /// When.
    pub at: Duration,
    /// Which of [`Story::radios`] fell silent.
    pub radios: Vec<usize>,
    /// What is to be said of it.
    pub text: String,
    /// What became of each client that it served.
    pub clients: Vec<Orphan>,
}

/// A client whose node was lost.
#[derive(Clone, Debug, Default)]
pub struct Orphan {
    /// Who.
    pub client: String,
    /// Which of [`Story::radios`] served it before, and which did then.
    pub from: usize,
    /// `None` if none did.
    pub to: Option<usize>,
    /// For how long nobody served it.
    pub gap: Option<Duration>,
    /// MSDUs from and to it that the crash took.
    pub lost: u64,
}

/// A place at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// When.
    pub at: Duration,
    /// East, in metres.
    pub x: f64,
    /// North, in metres.
    pub y: f64,
}

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not there, or waits before it tries again.
    Away,
    /// It looks for its network.
    Scanning,
    /// It authenticates, associates, or is at its handshake.
    Joining,
    /// Connected, its receiver on.
    Awake,
    /// Connected, its receiver off.
    Dozing,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it was.
    pub state: State,
    /// Its beginning.
    pub from: Duration,
    /// Its end.
    pub to: Duration,
}

/// How well a client heard its AP.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Duration,
    /// Signal, in dBm.
    pub dbm: f64,
    /// Modulation of the latest data frame to it, and what that is in Mb/s.
    pub rate: Option<(String, f64)>,
}

/// Something worth a mark.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Duration,
    /// A word or two.
    pub name: String,
    /// A sentence.
    pub text: String,
    /// It was not meant to happen.
    pub bad: bool,
}

/// One join, step by step.
#[derive(Clone, Debug, Default)]
pub struct Join {
    /// The steps in their order.
    pub steps: Vec<JoinStep>,
    /// Data could flow.
    pub complete: bool,
}

/// A step of a join.
#[derive(Clone, Debug)]
pub struct JoinStep {
    /// When it was first sent.
    pub at: Duration,
    /// By the client, or to it.
    pub from_client: bool,
    /// Its short name.
    pub name: String,
    /// What it is for.
    pub text: String,
    /// How often it had to be repeated.
    pub retries: u32,
}

/// A client's row in the table.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// MSDUs that it sent, and those of them that arrived.
    pub up: (u64, u64),
    /// MSDUs for it, and those of them that arrived.
    pub down: (u64, u64),
    /// MSDUs that were lost, in both directions, but for the next.
    pub lost: u64,
    /// Those that went with a node that was lost.
    pub taken: u64,
    /// MSDUs that arrived more than once.
    pub duplicated: u64,
    /// Transmissions that were repeated.
    pub retries: u64,
    /// How often it dozed.
    pub dozes: u64,
    /// How long it dozed in all.
    pub dozed: Duration,
    /// How long it was connected in all.
    pub connected: Duration,
}

/// Frames that somebody discarded for one reason.
#[derive(Clone, Debug)]
pub struct Drops {
    /// Who.
    pub who: String,
    /// The reason's name.
    pub reason: String,
    /// The reason in a sentence.
    pub text: String,
    /// How many.
    pub count: u64,
}

/// A key at work.
#[derive(Clone, Debug)]
pub struct KeyUse {
    /// Whose it is, and what for.
    pub owner: String,
    /// When it was first used.
    pub from: Duration,
    /// Frames encrypted under it, repetitions not counted.
    pub frames: u64,
    /// Highest packet number that was seen.
    pub highest: u64,
    /// Packet numbers that were used a second time for something else.
    pub reuses: u64,
}

/// Sums over stretches of equal length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins {
    length: Duration,
    sums: Vec<u64>,
}

impl Bins {
    /// `bins` stretches (at most [`MAX_BINS`]) of a story of this length.
    pub fn new(length: Duration, bins: usize) -> Self {
        Self { length, sums: vec![0; bins.clamp(1, MAX_BINS)] }
    }

    /// Adds to the stretch in which `at` lies, the last one for what is later than the end.
    pub fn add(&mut self, at: Duration, amount: u64) {
        let index = self.index(at);
        if let Some(sum) = self.sums.get_mut(index) {
            *sum = sum.saturating_add(amount);
        }
    }

    /// The stretch in which `at` lies.
    fn index(&self, at: Duration) -> usize {
        let count = self.sums.len();
        let micros = self.length.as_micros().max(1);
        let index = at.as_micros().saturating_mul(count as u128) / micros;
        usize::try_from(index).unwrap_or(usize::MAX).min(count.saturating_sub(1))
    }

    /// The sum of the stretch in which `at` lies.
    pub fn at(&self, at: Duration) -> u64 {
        self.sums.get(self.index(at)).copied().unwrap_or(0)
    }

    /// When the stretch ends in which `at` lies.
    pub fn end(&self, at: Duration) -> Duration {
        self.start(self.index(at) + 1)
    }

    /// The sums, in the order of time.
    pub fn sums(&self) -> &[u64] {
        &self.sums
    }

    /// The largest sum.
    pub fn max(&self) -> u64 {
        self.sums.iter().copied().max().unwrap_or(0)
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.sums.iter().fold(0, |total, &sum| total.saturating_add(sum))
    }

    /// How long a stretch is.
    pub fn width(&self) -> Duration {
        self.length / u32::try_from(self.sums.len()).unwrap_or(1).max(1)
    }

    /// When the stretch with this index begins, to the microsecond.
    pub fn start(&self, index: usize) -> Duration {
        let micros = (index as u128).saturating_mul(self.length.as_micros());
        let start = micros.div_ceil((self.sums.len() as u128).max(1));
        Duration::from_micros(u64::try_from(start).unwrap_or(u64::MAX))
    }
}
