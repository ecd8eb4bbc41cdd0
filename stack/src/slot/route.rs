//! Where the radio goes next, and when: the next stops laid out so that beacons of our own come first, and others where they
//! fit.

use std::time::Duration;

use crate::slot::Hop;
use crate::slot::plan::{AFTER, Placed, Visit, place};
use crate::slot::roster::{Window, is_own, is_urgent};
use crate::slot::schedule::{Schedule, State};
use crate::time::Instant;
use crate::wire::Channel;

/// The next stops, laid out.
struct Draft {
    route: Vec<Channel>,
    visits: Vec<Visit>,
    placed: Vec<Placed>,
    /// Visits that should hold a beacon of our own.
    own: Vec<usize>,
    /// How many of them do not.
    missed: usize,
}

/// Where the radio waits for a beacon of our own that is due only after its visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Where it is, unless it could go round first after its full time.
    Stay,
    /// Nowhere, if it could go round first after its shortest.
    Return,
}

impl Schedule {
    /// Decides anew when to go on, and where.
    pub(super) fn replan(&mut self) {
        let State::On { since } = self.state else { return };
        self.hop = None;
        let here = self.channel;
        let (after, of_this) = self.turns.after(here);
        if !after.iter().any(|&channel| channel != here) {
            return;
        }
        let mut route = vec![here];
        route.extend(after);
        let next = route.get(1).copied();
        let draft = self.best_draft(since, &route, of_this);
        if let Some(&sooner) = draft.route.get(1).filter(|sooner| next != Some(**sooner)) {
            self.turns.hurry(sooner);
        }
        self.hop = draft.hop();
    }

    /// The way that misses the fewest beacons of our own: the route as it is, or with one of our APs first.
    fn best_draft(&self, since: Instant, route: &[Channel], of_this: usize) -> Draft {
        let mut best = self.draft(since, route, of_this, Patience::Stay);
        if best.missed == 0 {
            return best;
        }
        // Where it is already the radio can't go sooner; and one that had its turn may come once more, for its beacon, but
        // only one.
        let elsewhere = |index: usize| index > 1 && route.get(index) != route.first();
        let in_turn = |index: usize| of_this == 0 || index <= of_this || !self.turns.had_second();
        let own = best.own.iter().copied().filter(|&index| elsewhere(index) && in_turn(index));
        let own: Vec<usize> = own.collect();
        let ways = std::iter::once(0).chain(own);
        for sooner in ways {
            let mut way = route.to_vec();
            if let Some(part) = way.get_mut(1..=sooner).filter(|part| !part.is_empty()) {
                part.rotate_right(1);
            }
            let of_way = if of_this > 0 && sooner > of_this { of_this + 1 } else { of_this };
            for patience in [Patience::Stay, Patience::Return] {
                let draft = self.draft(since, &way, of_way, patience);
                if draft.missed < best.missed {
                    best = draft;
                }
            }
        }
        best
    }

    /// Lays the visits of a route out: first as long as they wish, then moved for beacons.
    fn draft(&self, since: Instant, route: &[Channel], of_this: usize, patience: Patience) -> Draft {
        let mut visits = self.visits(since, route);
        if let Some(first) = visits.first_mut() {
            // What has passed can't be taken back.
            first.floor = first.floor.max((self.now + first.guard).since(since));
        }
        if let Some(last) = visits.get_mut(of_this) {
            last.latest = Some(self.turns.began() + self.cycle + self.cycle / 2 - last.careful);
        }
        let wished = place(since, &mut visits);
        self.want(since, route, &wished, &mut visits, patience);
        let is_own = |visit: &Visit| visit.want.is_some_and(|want| is_own(want.rank));
        if self.turns.is_late(self.cycle) {
            visits.iter_mut().filter(|visit| !is_own(visit)).for_each(|visit| visit.want = None);
        }
        let own: Vec<usize> = indices(&visits, is_own);
        let urgent = visits.iter().any(|visit| visit.want.is_some_and(|want| is_urgent(want.rank)));
        if !urgent && !self.is_pinned() {
            visits.iter_mut().for_each(|visit| visit.floor = visit.floor.max(visit.ideal / 2));
        }
        let placed = place(since, &mut visits);
        let missed = own.len() - indices(&visits, is_own).len();
        Draft { route: route.to_vec(), visits, placed, own, missed }
    }

    /// Says of each visit which beacon it should hold.
    fn want(
        &self,
        since: Instant,
        route: &[Channel],
        wished: &[Placed],
        visits: &mut [Visit],
        patience: Patience,
    ) {
        let Some((first, here)) = visits.first().copied().zip(wished.first().copied()) else { return };
        let away: Duration = visits.iter().map(|visit| visit.floor + visit.careful).sum();
        let done = if patience == Patience::Stay { here.edge } else { since + first.floor };
        // Until then the radio could not have been everywhere else and be back.
        let mut window = Window { from: since.max(self.now - AFTER), until: Some(done + away) };
        let mut held = done;
        for (index, ((visit, channel), placed)) in visits.iter_mut().zip(route).zip(wished).enumerate() {
            if index > 0 {
                // A beacon that falls into the first visit is not one for the next one there.
                let leave = if route.first() == Some(channel) { held } else { since + first.floor };
                window = Window { from: leave + first.careful, until: None };
            }
            visit.want = self.roster.want(*channel, *placed, self.cycle, window);
            if let Some(want) = visit.want.filter(|_| index == 0) {
                held = held.max(want.at);
            }
        }
    }

    fn visits(&self, since: Instant, route: &[Channel]) -> Vec<Visit> {
        let held: Vec<Channel> =
            route.iter().copied().filter(|&stop| self.roster.pinned(stop) > Some(self.now)).collect();
        let next = route.iter().skip(1).chain(route.get(1));
        let visit = |(&channel, &next): (&Channel, &Channel)| {
            let guard = self.air.guard(channel);
            let hop = self.air.typical(channel, next) + self.air.leaving(channel);
            let careful = self.air.careful(channel, next).max(hop.saturating_sub(guard));
            let floor = self.config.shortest_slot.max(guard * 2);
            let Some(ideal) = self.turns.ideal(channel, floor) else {
                // Nobody lives here: the radio goes on at once.
                return Visit {
                    ideal: guard,
                    floor: guard,
                    hop: hop.saturating_sub(guard),
                    careful,
                    guard,
                    ..Visit::default()
                };
            };
            let ideal = if held.is_empty() { ideal } else { self.while_pinned(since, channel, floor) };
            Visit { ideal, floor, hop: hop.saturating_sub(guard), careful, guard, ..Visit::default() }
        };
        route.iter().zip(next).map(visit).collect()
    }

    /// How long a visit is while somebody is pinned: the others' least, and all the rest for who is.
    fn while_pinned(&self, since: Instant, channel: Channel, floor: Duration) -> Duration {
        let stops = self.turns.channels();
        let is_held = |stop: &Channel| self.roster.pinned(*stop) > Some(self.now);
        let Some(until) = self.roster.pinned(channel).filter(|until| *until > self.now) else { return floor };
        let held = stops.iter().filter(|stop| is_held(stop)).count();
        let others = u32::try_from(stops.len() - held).unwrap_or(u32::MAX);
        let rest = self.stretched.saturating_sub(self.dead).saturating_sub(floor * others);
        let fair = rest / u32::try_from(held).unwrap_or(u32::MAX).max(1);
        fair.min(until.since(since)).max(floor)
    }
}

impl Draft {
    /// The hop that ends the first visit.
    fn hop(&self) -> Option<Hop> {
        let (&[from, to, ..], Some(first), Some(visit)) =
            (self.route.as_slice(), self.placed.first(), self.visits.first())
        else {
            return None;
        };
        let edge = first.edge;
        Some(Hop { from, to, leave: edge - visit.guard, edge, arrival: edge + visit.hop })
    }
}

fn indices(visits: &[Visit], which: impl Fn(&Visit) -> bool) -> Vec<usize> {
    let found = visits.iter().enumerate().filter(|(_, visit)| which(visit));
    found.map(|(index, _)| index).collect()
}
