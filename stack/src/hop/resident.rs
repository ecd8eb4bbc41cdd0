//! A link and where it lives.

use std::time::Duration;

use crate::hop::LinkId;
use crate::hop::backlog::Backlog;
use crate::hop::demand::Usage;
use crate::slot::{OccupantId, Refusal};
use crate::sta::{Link, LinkState};
use crate::time::Instant;
use crate::wire::{Channel, MacAddr};

/// So often in a row its network was not heard where it was: it is looked for elsewhere.
const UNHEARD: u8 = 2;

/// A link of a radio that hops.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) link: Link,
    pub(super) place: Place,
    /// Where it lived last.
    pub(super) last: Option<Channel>,
    /// It needs the radio, and the schedule knows.
    pub(super) pinned: bool,
    /// How often in a row its network was not heard.
    pub(super) unheard: u8,
    /// It was said that it can't be looked for.
    pub(super) refused: Option<Refusal>,
    /// The last beacon that the schedule was told of.
    pub(super) beacon: Option<Instant>,
    pub(super) backlog: Backlog,
    pub(super) usage: Usage,
    pub(super) losses: Losses,
    /// How long the radio was on its channel, and since when it is.
    pub(super) present: Duration,
    pub(super) since: Option<Instant>,
}

/// Where a link lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nobody knows: it is looked for.
    Sought,
    /// On this channel.
    Lives { channel: Channel, occupant: OccupantId },
}

/// What a link has lost through hopping, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// MPDUs that the AP had dropped while we were away, by the gaps in its sequence numbers.
    pub buffer_full: u64,
    /// Absences that the AP did not know of.
    pub untold_absences: u64,
}

/// How a link is, for people.
#[derive(Debug)]
pub struct LinkView<'a> {
    /// Its name.
    pub id: LinkId,
    /// Itself.
    pub link: &'a Link,
    /// Its station's address.
    pub address: MacAddr,
    /// The channel of its network, `None` while that is looked for.
    pub channel: Option<Channel>,
    /// Why it is not served, if it is not.
    pub refusal: Option<Refusal>,
    /// How many frames a class its AP keeps for us, as far as is known.
    pub ap_buffer: Option<u32>,
    /// The share of the cycle that its channel gets, per mille; all networks on that channel have it together.
    pub slot_share: Option<u32>,
    /// What a hop to its channel takes, from the one where that takes longest.
    pub dead_air: Option<Duration>,
    /// How long the radio was on its channel so far.
    pub present: Duration,
    /// What hopping has cost it.
    pub losses: Losses,
}

impl Losses {
    /// Each cause by its name, and how often.
    pub const fn by_cause(&self) -> [(&'static str, u64); 2] {
        [("buffer_full", self.buffer_full), ("untold_absences", self.untold_absences)]
    }
}

impl Resident {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            place: Place::Sought,
            last: None,
            pinned: false,
            unheard: 0,
            refused: None,
            beacon: None,
            backlog: Backlog::default(),
            usage: Usage::default(),
            losses: Losses::default(),
            present: Duration::ZERO,
            since: None,
        }
    }

    pub(super) fn address(&self) -> MacAddr {
        self.link.config().address
    }

    /// Its network may be on this channel.
    pub(super) fn may_be_on(&self, channel: Channel) -> bool {
        self.link.config().channels.contains(&channel)
    }

    pub(super) fn is_sought(&self) -> bool {
        self.place == Place::Sought
    }

    pub(super) fn occupant(&self) -> Option<OccupantId> {
        match self.place {
            Place::Sought => None,
            Place::Lives { occupant, .. } => Some(occupant),
        }
    }

    pub(super) fn channel(&self) -> Option<Channel> {
        match self.place {
            Place::Sought => None,
            Place::Lives { channel, .. } => Some(channel),
        }
    }

    /// It has met its network on the channel where it looked for it.
    pub(super) fn has_found(&self) -> bool {
        self.is_sought() && self.link.bssid().is_some()
    }

    /// Its network is not where it was any more.
    pub(super) fn has_lost(&self) -> bool {
        !self.is_sought() && self.unheard >= UNHEARD && self.link.state() == LinkState::Waiting
    }

    /// The radio has come to its channel, or goes from it.
    pub(super) fn count_presence(&mut self, now: Instant, here: bool) {
        if let Some(since) = self.since.take() {
            self.present += now.since(since);
        }
        self.since = here.then_some(now);
    }
}
