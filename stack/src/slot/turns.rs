//! Whose turn it is: every stop once a revolution, in the order of their beacons, and what each is owed.

use std::time::Duration;

use crate::time::Instant;
use crate::wire::Channel;

/// Revolutions over which their length is evened out; one that was short once has moved towards the beacons, and that is not
/// to be undone.
const MEMORY: i64 = 16;
/// And what part of it a revolution makes up for.
const GAIN: i64 = 2;

/// They may be late by this part of a cycle in all.
const PATIENCE: i64 = 3;

/// A stop of the revolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) channel: Channel,
    /// It had its turn in this revolution.
    served: bool,
    /// How much of a cycle is its due.
    pub(super) share: Duration,
    /// How much it got too little so far, in microseconds, against the others.
    credit: i64,
}

impl Turn {
    /// How long its next visit should be, when the revolutions are behind by so much for each.
    fn ideal(&self, floor: Duration, behind: i64) -> Duration {
        let credit = self.credit.saturating_add(behind);
        let by = Duration::from_micros(credit.unsigned_abs());
        let ideal = if credit < 0 { self.share.saturating_sub(by) } else { self.share + by };
        ideal.clamp(floor, (self.share * 2).max(floor))
    }
}

/// The stops in their order, and how far this revolution has come.
#[derive(Debug, Default)]
pub(super) struct Turns {
    order: Vec<Turn>,
    began: Instant,
    /// How much the last revolutions were too short in all, in microseconds; old ones are forgotten.
    behind: i64,
    /// Somebody had a second turn in this revolution.
    again: bool,
}

impl Turns {
    /// When this revolution began.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// How long the next visit there should be; `None` if it is no stop.
    pub(super) fn ideal(&self, channel: Channel, floor: Duration) -> Option<Duration> {
        let count = i64::try_from(self.order.len()).unwrap_or(i64::MAX).max(1);
        self.get(channel).map(|turn| turn.ideal(floor, self.behind / GAIN / count))
    }

    pub(super) fn get(&self, channel: Channel) -> Option<&Turn> {
        self.order.iter().find(|turn| turn.channel == channel)
    }

    pub(super) fn channels(&self) -> Vec<Channel> {
        self.order.iter().map(|turn| turn.channel).collect()
    }

    /// These channels are stops from now on. New ones get their turn at the end of this revolution, so that nobody's is
    /// put off by more than theirs.
    pub(super) fn set(&mut self, now: Instant, channels: &[Channel]) {
        if self.order.len() < 2 {
            // The radio has rested: what begins now is no late part of an old revolution.
            self.began = now;
        }
        self.order.retain(|turn| channels.contains(&turn.channel));
        for &channel in channels {
            if self.get(channel).is_none() {
                self.order.push(Turn { channel, served: false, share: Duration::ZERO, credit: 0 });
            }
        }
    }

    /// What each is due in a cycle, in the order of [`Self::channels`].
    pub(super) fn set_shares(&mut self, shares: &[Duration]) {
        for (turn, &share) in self.order.iter_mut().zip(shares) {
            turn.share = share;
        }
    }

    /// The radio has come to `channel`. Says that it was the last one of this revolution, so that the next can be
    /// put in order.
    pub(super) fn arrived(&mut self, now: Instant, channel: Channel, cycle: Duration) -> bool {
        if self.order.iter().all(|turn| turn.served) {
            let most = micros(cycle);
            let short = most - micros(now.since(self.began));
            self.behind = (self.behind - self.behind / MEMORY + short).clamp(-most, most);
            self.began = now;
            self.again = false;
            self.settle();
            self.order.iter_mut().for_each(|turn| turn.served = false);
        }
        self.again |= self.get(channel).is_some_and(|turn| turn.served);
        self.pass(channel);
        self.order.iter().all(|turn| turn.served)
    }

    /// The last revolutions were so long that there is no time to wait for foreign beacons.
    pub(super) fn is_late(&self, cycle: Duration) -> bool {
        self.behind < -micros(cycle) / PATIENCE
    }

    /// Somebody had a second turn in this revolution. One is all there is, else those who wait for their first starve.
    pub(super) const fn had_second(&self) -> bool {
        self.again
    }

    /// This one had its turn, whatever came of it.
    pub(super) fn pass(&mut self, channel: Channel) {
        if let Some(turn) = self.order.iter_mut().find(|turn| turn.channel == channel) {
            turn.served = true;
        }
    }

    /// A visit took so long.
    pub(super) fn spent(&mut self, channel: Channel, stay: Duration) {
        if let Some(turn) = self.order.iter_mut().find(|turn| turn.channel == channel) {
            let most = micros(turn.share);
            turn.credit = (turn.credit + micros(turn.share) - micros(stay)).clamp(-most, most);
        }
    }

    /// What all got too little is nobody's due: only the differences count.
    fn settle(&mut self) {
        let Ok(count) = i64::try_from(self.order.len()) else { return };
        let mean = self.order.iter().map(|turn| turn.credit).sum::<i64>() / count.max(1);
        self.order.iter_mut().for_each(|turn| turn.credit -= mean);
    }

    /// Who comes after `here`, in this revolution and then once more in the next, and how many of them are of this
    /// one.
    pub(super) fn after(&self, here: Channel) -> (Vec<Channel>, usize) {
        let others = || self.order.iter().filter(|turn| turn.channel != here);
        let mut after: Vec<Channel> = others().filter(|turn| !turn.served).map(|turn| turn.channel).collect();
        let now = after.len();
        after.extend(others().filter(|turn| turn.served).map(|turn| turn.channel));
        after.extend(self.get(here).map(|turn| turn.channel));
        (after, now)
    }

    /// Puts the next revolution in order.
    pub(super) fn sort_by_key(&mut self, key: impl Fn(Channel) -> Duration) {
        self.order.sort_by_cached_key(|turn| key(turn.channel));
    }

    /// This one comes before all others.
    pub(super) fn hurry(&mut self, channel: Channel) {
        self.order.sort_by_key(|turn| turn.channel != channel);
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLE: Duration = Duration::from_millis(100);
    const FLOOR: Duration = Duration::from_millis(5);

    fn channel(number: u8) -> Channel {
        Channel::from_number(number).unwrap()
    }

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn turns() -> Turns {
        let mut turns = Turns::default();
        turns.set(Instant::ZERO, &[1, 6, 11].map(channel));
        turns.set_shares(&[ms(30); 3]);
        turns
    }

    fn numbers(channels: &[Channel]) -> Vec<u8> {
        channels.iter().map(|channel| channel.number()).collect()
    }

    /// One revolution with these stays, and what the next ones are to be.
    fn revolution(turns: &mut Turns, from: u64, stays: [u64; 3]) -> [u128; 3] {
        let mut now = Instant::from_micros(from);
        for (number, stay) in [1, 6, 11].into_iter().zip(stays) {
            turns.arrived(now, channel(number), CYCLE);
            turns.spent(channel(number), ms(stay));
            now += ms(stay);
        }
        turns.arrived(Instant::from_micros(from) + CYCLE, channel(1), CYCLE);
        [1, 6, 11].map(|number| turns.ideal(channel(number), FLOOR).unwrap().as_millis())
    }

    #[test]
    fn who_was_cut_short_gets_it_back_from_those_who_had_it() {
        assert_eq!(revolution(&mut turns(), 0, [40, 20, 30]), [20, 40, 30]);
        // But what all had too little is nobody's due.
        assert_eq!(revolution(&mut turns(), 0, [25, 25, 25]), [30, 30, 30]);
    }

    #[test]
    fn a_debt_is_at_most_a_share_and_a_slot_at_least_its_floor() {
        assert_eq!(revolution(&mut turns(), 0, [90, 0, 0]), [5, 50, 50]);
    }

    #[test]
    fn everybody_has_one_turn_a_revolution_and_who_comes_has_the_last() {
        let mut turns = turns();
        turns.arrived(Instant::ZERO, channel(1), CYCLE);
        let (after, of_this) = turns.after(channel(1));
        assert_eq!((numbers(&after), of_this), (vec![6, 11, 1], 2));
        assert!(!turns.arrived(Instant::ZERO, channel(6), CYCLE));
        turns.set(Instant::ZERO, &[36, 1, 6, 11].map(channel));
        let (after, of_this) = turns.after(channel(6));
        assert_eq!((numbers(&after), of_this), (vec![11, 36, 1, 6], 2));
        turns.pass(channel(11));
        assert!(turns.arrived(Instant::ZERO, channel(36), CYCLE));
    }

    #[test]
    fn a_second_turn_counts_until_the_revolution_ends() {
        let mut turns = turns();
        let second = [1, 6, 1, 11, 6].map(|number| {
            turns.arrived(Instant::ZERO, channel(number), CYCLE);
            turns.had_second()
        });
        assert_eq!(second, [false, false, true, true, false]);
    }

    #[test]
    fn revolutions_that_were_short_are_made_up_for() {
        let mut turns = turns();
        revolution(&mut turns, 0, [30; 3]);
        for number in [6, 11] {
            turns.arrived(Instant::from_micros(150_000), channel(number), CYCLE);
        }
        // Forty too early: half of it is made up for, a third by each.
        turns.arrived(Instant::from_micros(160_000), channel(1), CYCLE);
        let ideal = turns.ideal(channel(6), FLOOR).unwrap();
        assert!(ideal.abs_diff(Duration::from_micros(36_666)) < Duration::from_micros(10), "{ideal:?}");
    }
}
