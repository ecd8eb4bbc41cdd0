//! What must hold, whatever happens.

use std::collections::{BTreeMap, BTreeSet, HashSet};

/// So long after the last quarrel, at the most, what each had received is known to the owner, in microseconds.
const SETTLED: u64 = 500_000;

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Two frames under one key and packet number.
    NumberReused { key: u64, number: u64, node: usize },
    /// The client took an MSDU twice.
    DownTwice { msdu: u32 },
    /// A client acknowledged an MSDU that it could not take, though nothing was wrong.
    DownInVain { msdu: u32 },
    /// An MSDU for a client got lost, though no node crashed.
    DownLost { msdu: u32 },
    /// An MSDU of a client went out twice.
    UpTwice { msdu: u32 },
    /// An MSDU of a client was acknowledged and got lost, though no node crashed.
    UpLost { msdu: u32 },
    /// Two nodes transmit for one virtual AP, though nothing was wrong.
    TwoOwners { bssid: String },
    /// Things have calmed down, and there are still two owners, or core and radio do not agree.
    Unsettled { what: String },
    /// A client had to come again, though no node crashed.
    ComesAgain { client: usize, why: &'static str },
    /// A client is not served, long after things have calmed down.
    NotServed { client: usize, what: &'static str },
}

/// An MSDU from a client.
#[derive(Clone, Debug, Default)]
struct Up {
    acked: bool,
    delivered: u32,
    /// When it was delivered first.
    first: u64,
    client: usize,
    hearers: BTreeSet<usize>,
    /// Two nodes heard it that could not tell each other, or that both owned the virtual AP: they cannot know.
    split: bool,
    /// An owner got it that was cut off when the client's key changed, while another has that key.
    unreadable: bool,
}

/// An MSDU for a client.
#[derive(Clone, Copy, Debug, Default)]
struct Down {
    accepted: bool,
    /// It was sent often enough, or was in flight when its owner had to stop at once.
    given_up: bool,
    client: usize,
}

#[derive(Debug, Default)]
pub struct Oracle {
    used: HashSet<(u64, u64)>,
    ups: BTreeMap<u32, Up>,
    downs: BTreeMap<u32, Down>,
    /// Clients that had to join again: what was under way for them then may be lost.
    joined_again: BTreeSet<usize>,
    pub violations: Vec<Violation>,
    pub counts: Counts,
}

/// How much of what happened, so that a model that does nothing shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub encrypted: u64,
    pub ups: u64,
    pub downs: u64,
    pub moved: u64,
    pub taken_over: u64,
    pub superseded: u64,
    pub move_failed: u64,
    pub rekeys: u64,
    pub extended: u64,
    pub invited: u64,
    /// Frames that the client acknowledged and dropped, the owner being fenced off.
    pub fenced: u64,
    /// Uplink MSDUs that went out twice because two nodes heard them and could not know.
    pub split: u64,
    pub crashes: u64,
    pub drops: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        for (sum, one) in self.all().into_iter().zip(other.clone().all()) {
            *sum += *one;
        }
    }

    fn all(&mut self) -> [&mut u64; 14] {
        let Self { encrypted, ups, downs, moved, taken_over, superseded, move_failed, .. } = self;
        let Self { rekeys, extended, invited, fenced, split, crashes, drops, .. } = self;
        [
            encrypted,
            ups,
            downs,
            moved,
            taken_over,
            superseded,
            move_failed,
            rekeys,
            extended,
            invited,
            fenced,
            split,
            crashes,
            drops,
        ]
    }
}

impl Oracle {
    pub fn fail(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// A frame is encrypted for the first time.
    pub fn encrypted(&mut self, node: usize, key: u64, number: u64) {
        self.counts.encrypted += 1;
        if !self.used.insert((key, number)) {
            self.fail(Violation::NumberReused { key, number, node });
        }
    }

    pub fn entered(&mut self, msdu: u32, client: usize) {
        self.downs.insert(msdu, Down { client, ..Down::default() });
    }

    pub fn accepted(&mut self, msdu: u32) {
        let down = self.downs.entry(msdu).or_default();
        if std::mem::replace(&mut down.accepted, true) {
            self.fail(Violation::DownTwice { msdu });
        } else {
            self.counts.downs += 1;
        }
    }

    pub fn is_accepted(&self, msdu: u32) -> bool {
        self.downs.get(&msdu).is_some_and(|down| down.accepted)
    }

    pub fn given_up(&mut self, msdu: u32) {
        self.downs.entry(msdu).or_default().given_up = true;
    }

    pub fn in_vain(&mut self, msdu: u32, excused: bool) {
        self.counts.fenced += 1;
        self.given_up(msdu);
        if !excused {
            self.fail(Violation::DownInVain { msdu });
        }
    }

    pub fn heard(&mut self, msdu: u32, client: usize, acked: bool, split: bool, hearers: &[usize]) {
        let up = self.ups.entry(msdu).or_default();
        up.client = client;
        up.acked |= acked;
        up.split |= split;
        up.hearers.extend(hearers);
    }

    pub fn unreadable(&mut self, msdu: u32) {
        self.ups.entry(msdu).or_default().unreadable = true;
    }

    /// `disputed` tells that more than one node believes to own the virtual AP, `grabbed` when one last began with it to
    /// whom nobody had given it: such a node cannot know what its owner before had received.
    pub fn delivered(&mut self, msdu: u32, now: u64, disputed: bool, grabbed: Option<u64>) {
        let up = self.ups.entry(msdu).or_default();
        up.delivered += 1;
        up.split |= disputed;
        if up.delivered == 1 {
            up.first = now;
            self.counts.ups += 1;
            return;
        }
        self.counts.split += 1;
        let forgotten = up.hearers.len() > 1 && grabbed.is_some_and(|grabbed| grabbed + SETTLED >= up.first);
        if !up.split && !forgotten && !self.joined_again.contains(&up.client) {
            self.fail(Violation::UpTwice { msdu });
        }
    }

    pub fn is_delivered(&self, msdu: u32) -> bool {
        self.ups.get(&msdu).is_some_and(|up| up.delivered > 0)
    }

    pub fn joined_again(&mut self, client: usize) {
        self.joined_again.insert(client);
    }

    /// What is missing: none of it may be, at the end of a run in which no node crashed.
    pub fn missing(&self) -> Vec<Violation> {
        let again = &self.joined_again;
        let lost = |up: &Up| up.acked && up.delivered == 0 && !up.unreadable && !again.contains(&up.client);
        let ups = self.ups.iter().filter(|(_, up)| lost(up));
        let lost = |down: &Down| !down.accepted && !down.given_up && !again.contains(&down.client);
        let downs = self.downs.iter().filter(|(_, down)| lost(down));
        let ups = ups.map(|(msdu, _)| Violation::UpLost { msdu: *msdu });
        ups.chain(downs.map(|(msdu, _)| Violation::DownLost { msdu: *msdu })).collect()
    }
}
