//! One virtual AP as one node sees it: who owns it, and what part this node plays.

use std::collections::{BTreeMap, VecDeque};

use stack::time::{Instant, earliest};

use super::message::MoveId;
use super::{Context, RadioIndex, Rank, SecretBytes, Timing, Title};
use crate::announce::{NodeId, SaBinding};
use crate::lease::Generation;

/// What waits for an owner, for one virtual AP.
pub(super) const MAX_HELD: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Vap {
    /// The highest that was seen.
    pub(super) title: Option<Title>,
    /// Since when its owner is lost.
    pub(super) lost: Option<Instant>,
    /// When it was last heard on the air, served by another.
    pub(super) heard: Option<Instant>,
    /// Since when its owner has had no row of it.
    pub(super) released: Option<Instant>,
    pub(super) role: Role,
    /// Which radio of this node is asked for, and for which move.
    pub(super) wanted: Option<(NodeId, MoveId, RadioIndex)>,
    pub(super) held: VecDeque<Held>,
    /// Who was last told that its title is lower, and which title that was.
    pub(super) fenced: Option<(NodeId, Rank)>,
    /// The timer that is set for it.
    pub(super) wake: Option<Instant>,
}

/// What waits for the virtual AP to have an owner that can be reached.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) since: Instant,
    /// It was sent here because of this title; only a higher one sends it on, so that it cannot go in circles.
    pub(super) after: Option<Rank>,
    pub(super) what: Burden,
}

#[derive(Debug)]
pub(super) enum Burden {
    Frame(SecretBytes),
    Left(Context),
}

/// What this node is to a virtual AP. A transition takes the old role away and puts a new one.
#[derive(Debug, Default)]
pub(super) enum Role {
    /// Nothing of it is here.
    #[default]
    Elsewhere,
    /// A copy is here, inactive.
    Guard(Guard),
    /// It is about to be here: the journal, then the radio has to answer.
    Activating(Activating),
    /// It is here and may transmit.
    Serving(Serving),
    /// It has been ordered out of the radio, and another owns it.
    Stopping(Stopping),
    /// It is out of the radio, and given to another that has not answered yet.
    Parked(Parked),
}

#[derive(Debug)]
pub(super) struct Guard {
    pub(super) copy: Context,
    /// The owner's when it made the copy.
    pub(super) rank: Rank,
    /// How many guards come before this one.
    pub(super) order: u8,
    /// Since when another owns it than the one who made the copy.
    pub(super) stale: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Activating {
    pub(super) context: Context,
    /// Of the owner that the context comes from.
    pub(super) below: Rank,
    /// Generations up to here may be in use by others.
    pub(super) above: Generation,
    pub(super) origin: Origin,
    /// Which radio is to have it.
    pub(super) radio: Option<RadioIndex>,
    /// What the radio was ordered to activate.
    pub(super) ordered: Option<Rank>,
}

/// Where a context that is being activated comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Its owner gave it to this node.
    Commit { from: NodeId, id: MoveId },
    /// It is a guard's copy, and its owner is lost.
    Copy,
    /// This node has given it away in vain: refused, or without an answer.
    Reclaim { to: Option<NodeId>, refused: bool },
}

#[derive(Debug)]
pub(super) struct Serving {
    pub(super) rank: Rank,
    /// The latest copy.
    pub(super) context: Context,
    /// Counts the copies.
    pub(super) version: u32,
    pub(super) guards: BTreeMap<NodeId, Watch>,
    pub(super) step: Step,
    /// A higher generation is being written to the journal.
    pub(super) extending: bool,
    /// Since when it has been without any guard in sight and without its wired network.
    pub(super) alone: Option<Instant>,
}

/// What an owner knows of one of its guards.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) order: u8,
    pub(super) sent: u32,
    pub(super) sent_at: Instant,
    pub(super) acked: u32,
}

/// How far a move has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// No move.
    Settled,
    /// The new owner is asked.
    Preparing { to: NodeId, id: MoveId, radio: Option<RadioIndex>, since: Instant },
    /// The radio stops sending.
    Draining { to: NodeId, id: MoveId, granted: Generation, since: Instant },
    /// It is being taken out of the radio: there is no way back.
    Taking { to: Option<(NodeId, MoveId)>, granted: Generation },
}

#[derive(Debug)]
pub(super) struct Stopping {
    /// By which right this node had it, and with which security association.
    pub(super) rank: Rank,
    pub(super) sa: SaBinding,
    /// The radio has been ordered to begin with it, and has not answered yet.
    pub(super) activating: Option<Activating>,
}

#[derive(Debug)]
pub(super) struct Parked {
    pub(super) rank: Rank,
    pub(super) context: Context,
    /// To whom it was given; `None` where this node only fenced itself off.
    pub(super) to: Option<(NodeId, MoveId)>,
    /// The generation that the other may have taken.
    pub(super) granted: Generation,
    pub(super) since: Instant,
}

impl Activating {
    pub(super) const fn new(context: Context, below: Rank, above: Generation, origin: Origin) -> Self {
        Self { context, below, above, origin, radio: None, ordered: None }
    }

    /// By which right this node has it, as far as that is certain.
    pub(super) fn rank(&self) -> Rank {
        self.ordered.unwrap_or(self.below)
    }
}

impl Serving {
    pub(super) const fn new(rank: Rank, context: Context) -> Self {
        Self {
            rank,
            context,
            version: 0,
            guards: BTreeMap::new(),
            step: Step::Settled,
            extending: false,
            alone: None,
        }
    }

    /// Where it is going, as long as that can be called off.
    pub(super) const fn leaving(&self) -> Option<(NodeId, MoveId)> {
        match self.step {
            Step::Preparing { to, id, .. } | Step::Draining { to, id, .. } => Some((to, id)),
            Step::Settled | Step::Taking { .. } => None,
        }
    }
}

impl Vap {
    /// When something is to be done for it if nothing else happens.
    pub(super) fn deadline(&self, timing: &Timing) -> Option<(Instant, &'static str)> {
        let held = self.held.front().map(|held| (held.since + timing.hold, "held too long"));
        let released = self.released.filter(|_| self.lost.is_none());
        let released = released.map(|since| (since + timing.ended, "ended"));
        earliest(earliest(held, released), earliest(self.role_deadline(timing), self.invitation(timing)))
    }

    fn role_deadline(&self, timing: &Timing) -> Option<(Instant, &'static str)> {
        match &self.role {
            Role::Guard(guard) => {
                let stale = guard.stale.map(|since| (since + timing.copy_life, "copy too old"));
                earliest(self.takeover(guard, timing), stale)
            }
            Role::Serving(serving) => {
                let alone = serving.alone.map(|since| (since + timing.fence, "alone"));
                let step = match serving.step {
                    Step::Preparing { since, .. } => Some((since + timing.prepare, "prepare")),
                    Step::Draining { since, .. } => Some((since + timing.drain, "drain")),
                    Step::Settled | Step::Taking { .. } => None,
                };
                earliest(step, alone)
            }
            Role::Parked(Parked { to: Some(_), since, .. }) => Some((*since + timing.commit, "commit")),
            Role::Elsewhere | Role::Activating(_) | Role::Stopping(_) | Role::Parked(_) => None,
        }
    }

    /// When this guard takes over. On the air a live owner is heard, wherever the wire is cut.
    pub(super) fn takeover(&self, guard: &Guard, timing: &Timing) -> Option<(Instant, &'static str)> {
        let lost = self.lost?;
        let heard = self.heard.map_or(lost, |heard| heard + timing.silence);
        let quiet = heard.max(lost).min(lost + timing.patience);
        Some((quiet + timing.stagger * u32::from(guard.order), "take over"))
    }

    /// When the client is told to come again, where nothing else is to be expected. Those who heard the owner on the air
    /// have lost it when that ended.
    pub(super) fn invitation(&self, timing: &Timing) -> Option<(Instant, &'static str)> {
        let lost = self.lost.filter(|_| matches!(self.role, Role::Elsewhere))?;
        Some((self.heard.map_or(lost, |heard| heard.max(lost)) + timing.cold, "invite"))
    }
}
