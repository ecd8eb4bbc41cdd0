//! Who lives where: the occupants, what is known of each, and what follows for their channels.

use std::time::Duration;

use crate::slot::buffer::ApBuffer;
use crate::slot::cycle::Need;
use crate::slot::plan::{Placed, Want};
use crate::slot::{Beacons, Kind, Occupant, OccupantId, Refusal};
use crate::time::Instant;
use crate::wire::Channel;

/// Beacons of our own matter more than any number of missed foreign ones.
const OWN: u32 = 1000;
/// So many foreign beacons in a row may pass unheard for the sake of longer slots.
const PATIENCE: u32 = 4;

/// An occupant and what has been learned of it.
#[derive(Debug)]
pub(super) struct Resident {
    pub(super) id: OccupantId,
    pub(super) occupant: Occupant,
    pub(super) buffer: ApBuffer,
    /// The channel is held for it until then.
    pub(super) pinned: Option<Instant>,
    pub(super) refusal: Option<Refusal>,
    /// When its last beacon was heard, or the radio was last there to send it; at first, when it came.
    covered: Instant,
}

impl Resident {
    /// A beacon was heard, and others will be due when these say. Yields what was known before.
    pub(super) fn heard(&mut self, now: Instant, beacons: Beacons) -> Option<Beacons> {
        self.covered = now;
        self.occupant.beacons.replace(beacons)
    }

    /// The absence that loses nothing, an eighth kept back for bursts.
    fn absence(&self) -> Option<Duration> {
        let arriving = self.occupant.demand.arriving;
        let frames = self.buffer.frames() - self.buffer.frames() / 8;
        (self.occupant.kind == Kind::Link && arriving > 0)
            .then(|| Duration::from_micros(u64::from(frames) * 1_000_000 / u64::from(arriving)))
    }

    fn rank(&self, at: Instant, interval: Duration) -> u32 {
        let missed = at.since(self.covered).as_micros() / interval.as_micros().max(1);
        let missed = u32::try_from(missed).unwrap_or(u32::MAX).min(OWN - 1);
        if self.occupant.kind == Kind::VirtualAp { OWN + missed } else { missed }
    }

    /// Whose channel is kept first, when not all can be.
    const fn priority(&self) -> (u8, OccupantId) {
        let kind = match self.occupant.kind {
            Kind::VirtualAp => 0,
            Kind::Link => 1,
            Kind::Scan | Kind::Silence => 2,
        };
        (kind, self.id)
    }
}

/// A beacon of this rank is worth cutting slots to their least for.
pub(super) const fn is_urgent(rank: u32) -> bool {
    rank >= PATIENCE
}

/// A beacon of this rank is of an AP of ours.
pub(super) const fn is_own(rank: u32) -> bool {
    rank >= OWN
}

/// When a beacon of ours has to be due to be one for a visit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) from: Instant,
    pub(super) until: Option<Instant>,
}

/// All occupants of a radio.
#[derive(Debug, Default)]
pub(super) struct Roster {
    residents: Vec<Resident>,
    last: u64,
}

impl Roster {
    pub(super) fn add(&mut self, now: Instant, occupant: Occupant) -> OccupantId {
        self.last += 1;
        let id = OccupantId(self.last);
        let buffer = ApBuffer::new();
        let resident = Resident { id, occupant, buffer, pinned: None, refusal: None, covered: now };
        self.residents.push(resident);
        id
    }

    pub(super) fn remove(&mut self, id: OccupantId) {
        self.residents.retain(|resident| resident.id != id);
    }

    pub(super) fn get(&self, id: OccupantId) -> Option<&Resident> {
        self.residents.iter().find(|resident| resident.id == id)
    }

    pub(super) fn get_mut(&mut self, id: OccupantId) -> Option<&mut Resident> {
        self.residents.iter_mut().find(|resident| resident.id == id)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Resident> {
        self.residents.iter_mut()
    }

    /// Every channel that somebody lives on, the most important first, and whether it is refused so far.
    pub(super) fn channels(&self) -> Vec<(Channel, bool)> {
        let mut by_priority: Vec<&Resident> = self.residents.iter().collect();
        by_priority.sort_unstable_by_key(|resident| resident.priority());
        let mut channels: Vec<(Channel, bool)> = Vec::new();
        for resident in by_priority {
            let channel = resident.occupant.channel;
            let refused = resident.refusal.is_some();
            match channels.iter_mut().find(|(known, _)| *known == channel) {
                Some(known) => known.1 |= refused,
                None => channels.push((channel, refused)),
            }
        }
        channels
    }

    /// What those on a channel need together.
    pub(super) fn need(&self, channel: Channel) -> Need {
        let on = self.on(channel);
        on.fold(Need::default(), |need, resident| Need {
            air: need.air.saturating_add(resident.occupant.demand.air),
            absence: [need.absence, resident.absence()].into_iter().flatten().min(),
        })
    }

    /// Until when a channel is held.
    pub(super) fn pinned(&self, channel: Channel) -> Option<Instant> {
        self.on(channel).filter_map(|resident| resident.pinned).max()
    }

    /// How far beacons lie apart on these channels: the shortest of our own and, if there are none, the first of others.
    pub(super) fn intervals(&self, channels: &[Channel]) -> (Option<Duration>, Option<Duration>) {
        let of = |own: bool| {
            let there =
                self.residents.iter().filter(|resident| channels.contains(&resident.occupant.channel));
            let kind = there.filter(move |resident| (resident.occupant.kind == Kind::VirtualAp) == own);
            kind.filter_map(|resident| resident.occupant.beacons.map(|beacons| beacons.interval()))
        };
        (of(true).min(), of(false).next())
    }

    /// When the next beacon of a channel is due, the most important one's; `None` if none is known.
    pub(super) fn next_beacon(&self, channel: Channel, at: Instant) -> Option<Instant> {
        let wants = self.on(channel).filter_map(|resident| {
            let beacons = resident.occupant.beacons?;
            Some(Want { at: beacons.next(at), rank: resident.rank(at, beacons.interval()) })
        });
        wants.max_by_key(|want| want.rank).map(|want| want.at)
    }

    /// The most important beacon that a visit could be moved to hold. Of our own it is the first in the `window`, or
    /// the last if that has an end, wherever the visit lies, if the cycle leaves time for each; of others one that is near.
    pub(super) fn want(
        &self,
        channel: Channel,
        visit: Placed,
        cycle: Duration,
        window: Window,
    ) -> Option<Want> {
        let half = visit.edge.since(visit.arrival) / 2;
        let wants = self.on(channel).filter_map(|resident| {
            let beacons = resident.occupant.beacons?;
            let nearest = beacons.nearest(visit.arrival + half);
            let rank = resident.rank(nearest, beacons.interval());
            let every_one = is_own(rank) && cycle <= beacons.interval() + beacons.interval() / 20;
            if every_one {
                let first = beacons.next(window.from);
                // Who stays for the last one has had those before it.
                let last = |until| beacons.next(until + Duration::from_micros(1)) - beacons.interval();
                let at = window.until.map_or(first, last);
                return (at >= first).then_some(Want { at, rank });
            }
            let reach = match rank {
                _ if is_own(rank) => cycle / 2,
                _ if is_urgent(rank) => cycle / 4,
                _ => half.min(cycle / 4),
            };
            let near = nearest + reach >= visit.arrival && nearest <= visit.edge + reach;
            near.then_some(Want { at: nearest, rank })
        });
        wants.max_by_key(|want| want.rank)
    }

    /// The radio was on this channel for so long, and APs of ours there have sent the beacons that were due. Those of others
    /// come late at times, or not at all: they have to be heard.
    pub(super) fn cover(&mut self, channel: Channel, from: Instant, to: Instant) {
        let own = |resident: &&mut Resident| {
            resident.occupant.channel == channel && resident.occupant.kind == Kind::VirtualAp
        };
        for resident in self.residents.iter_mut().filter(own) {
            if resident.occupant.beacons.is_some_and(|beacons| beacons.within(from, to)) {
                resident.covered = to;
            }
        }
    }

    fn on(&self, channel: Channel) -> impl Iterator<Item = &Resident> {
        self.residents.iter().filter(move |resident| resident.occupant.channel == channel)
    }
}
