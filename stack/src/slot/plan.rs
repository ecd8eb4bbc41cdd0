//! Where the edges of the next slots lie: visits in their order, each as long as it wishes, moved so that beacons fall into
//! them.

use std::time::Duration;

use crate::time::Instant;

/// The radio is there so long before a beacon is due.
const BEFORE: Duration = Duration::from_millis(1);
/// And stays so long from then on: a beacon waits for the medium too, and takes 2 ms at 1 Mb/s.
pub(super) const AFTER: Duration = Duration::from_millis(3);

/// A beacon that should fall into a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Want {
    /// When it is due.
    pub(super) at: Instant,
    /// How much it matters, against others.
    pub(super) rank: u32,
}

/// One visit that is to be placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Visit {
    /// How long it wishes to be.
    pub(super) ideal: Duration,
    /// How long it has to be at least.
    pub(super) floor: Duration,
    /// From its edge until the radio is at the next, usually.
    pub(super) hop: Duration,
    /// The same when it must not be late.
    pub(super) careful: Duration,
    /// How long before its edge leaving begins.
    pub(super) guard: Duration,
    /// Its edge lies no later, whatever anybody wants.
    pub(super) latest: Option<Instant>,
    /// The beacon that should fall into it; taken away where it can't.
    pub(super) want: Option<Want>,
}

impl Visit {
    /// The earliest edge that lets the beacon be heard or sent to its end.
    fn after_beacon(&self) -> Option<Instant> {
        self.want.map(|want| want.at + AFTER + self.guard)
    }
}

/// When a visit has come and gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) arrival: Instant,
    pub(super) edge: Instant,
}

/// Until when something has to have happened, and for the beacon of which visit.
#[derive(Clone, Copy, Debug, Default)]
struct Limit {
    until: Option<Instant>,
    by: Option<usize>,
}

impl Limit {
    fn or(self, until: Instant, by: Option<usize>) -> Self {
        match self.until {
            Some(before) if before <= until => self,
            _ => Self { until: Some(until), by },
        }
    }

    fn sooner(self, by: Duration) -> Self {
        Self { until: self.until.map(|until| until - by), by: self.by }
    }
}

/// Places visits one after another from `start` on, when the radio has come to the first. Of two beacons that exclude each
/// other the one of lower rank is given up.
pub(super) fn place(start: Instant, visits: &mut [Visit]) -> Vec<Placed> {
    // Each round takes one beacon away, and without any nothing excludes anything.
    for _ in 0..=visits.len() {
        match walk(start, visits, &limits(visits)) {
            Ok(placed) => return placed,
            Err(loser) => {
                if let Some(visit) = visits.get_mut(loser) {
                    visit.want = None;
                }
            }
        }
    }
    Vec::new()
}

/// The latest edge of each visit that still lets all later ones be in time.
fn limits(visits: &[Visit]) -> Vec<Limit> {
    let mut limits = Vec::with_capacity(visits.len());
    let mut arrival_at_next = Limit::default();
    for (index, visit) in visits.iter().enumerate().rev() {
        let mut edge = arrival_at_next.sooner(visit.careful);
        if let Some(latest) = visit.latest {
            edge = edge.or(latest, None);
        }
        limits.push(edge);
        arrival_at_next = edge.sooner(visit.floor);
        if let Some(want) = visit.want {
            arrival_at_next = arrival_at_next.or(want.at - BEFORE, Some(index));
        }
    }
    limits.reverse();
    limits
}

/// Goes through the visits; an error names the visit whose beacon has to be given up.
fn walk(start: Instant, visits: &[Visit], limits: &[Limit]) -> Result<Vec<Placed>, usize> {
    let mut placed = Vec::with_capacity(visits.len());
    let mut arrival = start;
    for (index, (visit, limit)) in visits.iter().zip(limits).enumerate() {
        if visit.want.is_some_and(|want| arrival > want.at) {
            return Err(index);
        }
        let edge = edge_of(index, arrival, visits, *limit)?;
        placed.push(Placed { arrival, edge });
        arrival = edge + visit.hop;
    }
    Ok(placed)
}

fn edge_of(index: usize, arrival: Instant, visits: &[Visit], limit: Limit) -> Result<Instant, usize> {
    let Some(visit) = visits.get(index) else { return Err(index) };
    let shortest = arrival + visit.floor;
    let least = visit.after_beacon().map_or(shortest, |after| after.max(shortest));
    let wish = least.max(arrival + visit.ideal);
    let Some(until) = limit.until else { return Ok(wish) };
    // What is late already may use up the time that the radio should be there before the beacon.
    let late = until + BEFORE;
    if late >= least {
        return Ok(wish.min(until).max(least));
    }
    let rank = |index: usize| visits.get(index).and_then(|visit| visit.want).map_or(0, |want| want.rank);
    match limit.by {
        Some(by) if late < shortest || rank(by) <= rank(index) => Err(by),
        _ if visit.want.is_some() => Err(index),
        _ => Ok(shortest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn visit(want: Option<(u64, u32)>) -> Visit {
        Visit {
            ideal: ms(20),
            floor: ms(5),
            hop: ms(2),
            careful: ms(3),
            guard: ms(1),
            latest: None,
            want: want.map(|(millis, rank)| Want { at: at(millis), rank }),
        }
    }

    fn edges(visits: &mut [Visit]) -> Vec<u64> {
        place(at(100), visits).iter().map(|placed| placed.edge.as_micros() / 1000).collect()
    }

    #[test]
    fn without_beacons_each_is_as_long_as_it_wishes() {
        assert_eq!(edges(&mut [visit(None), visit(None), visit(None)]), [120, 142, 164]);
    }

    #[test]
    fn a_slot_ends_early_for_the_beacon_of_the_next() {
        // There at 114, 1 ms before; the hop may take 3.
        assert_eq!(edges(&mut [visit(None), visit(Some((115, 1)))]), [111, 133]);
        // And earlier ones give way if one alone can't.
        assert_eq!(edges(&mut [visit(None), visit(None), visit(Some((117, 1)))]), [105, 113, 135]);
    }

    #[test]
    fn a_slot_waits_for_its_own_beacon() {
        let mut visits = [visit(Some((130, 1))), visit(None)];
        assert_eq!(edges(&mut visits), [134, 156]);
    }

    #[test]
    fn of_two_beacons_that_exclude_each_other_the_lesser_is_given_up() {
        for (ranks, kept) in [((1, 9), [false, true]), ((9, 1), [true, false])] {
            let mut visits = [visit(Some((130, ranks.0))), visit(Some((132, ranks.1)))];
            let edges = edges(&mut visits);
            assert_eq!(visits.map(|visit| visit.want.is_some()), kept);
            assert_eq!(edges[0], if kept[0] { 134 } else { 120 });
        }
    }

    #[test]
    fn a_beacon_that_is_over_holds_nobody() {
        let mut visits = [visit(None), visit(Some((101, 1000)))];
        assert_eq!(edges(&mut visits), [120, 142]);
        assert_eq!(visits[1].want, None);
    }

    #[test]
    fn the_end_of_a_revolution_holds_against_beacons_but_not_against_the_floor() {
        let mut visits = [visit(Some((150, 1000))), visit(None)];
        visits[1].latest = Some(at(130));
        assert_eq!(edges(&mut visits), [120, 130]);
        visits[1].latest = Some(at(101));
        assert_eq!(edges(&mut visits), [105, 112]);
    }
}
