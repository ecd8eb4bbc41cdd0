//! The schedule from outside.

use std::time::Duration;

use super::*;
use crate::time::{Instant, TU};
use crate::wire::Channel;

const START: u64 = 1_000_000_000;

fn at(micros: u64) -> Instant {
    Instant::from_micros(START + micros)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn channel(number: u8) -> Channel {
    Channel::from_number(number).unwrap()
}

fn schedule() -> Schedule {
    Schedule::new(SlotConfig::default(), at(0), channel(1))
}

fn link(number: u8) -> Occupant {
    Occupant::new(Kind::Link, channel(number))
}

fn leave(schedule: &mut Schedule) -> Option<Hop> {
    std::iter::from_fn(|| schedule.poll_event()).find_map(|event| match event {
        SlotEvent::Leave(hop) => Some(hop),
        _ => None,
    })
}

/// Makes the hop that is due next, which takes so long; returns it.
fn hop(schedule: &mut Schedule, dead: Duration) -> Hop {
    let (due, _) = schedule.poll_timeout().unwrap();
    schedule.handle_timeout(due);
    let hop = leave(schedule).unwrap();
    let left = due + Duration::from_micros(200);
    schedule.handle_left(left);
    schedule.handle_arrival(left + dead, hop.to);
    hop
}

/// What each channel got of the next `hops` stays.
fn stays(schedule: &mut Schedule, hops: usize, dead: Duration) -> Vec<(u8, Duration)> {
    let mut stays = Vec::new();
    let mut came: Option<Instant> = None;
    for _ in 0..hops {
        let hop = hop(schedule, dead);
        stays.extend(came.map(|came| (hop.from.number(), hop.leave.since(came))));
        came = Some(hop.leave + Duration::from_micros(200) + dead);
    }
    stays
}

fn total(stays: &[(u8, Duration)], number: u8) -> Duration {
    stays.iter().filter(|(channel, _)| *channel == number).map(|(_, stay)| *stay).sum()
}

#[test]
fn one_channel_needs_no_hop_however_many_live_there() {
    let mut schedule = schedule();
    schedule.add(at(0), link(1));
    schedule.add(at(0), link(1));
    assert_eq!((schedule.poll_timeout(), schedule.air_left()), (None, PER_MILLE));
    assert_eq!(schedule.stay(), Some(Stay { channel: channel(1), hop: None }));
}

#[test]
fn networks_on_one_channel_share_a_slot() {
    let mut schedule = schedule();
    for number in [1, 6, 6, 6] {
        schedule.add(at(0), link(number));
    }
    let stays = stays(&mut schedule, 9, ms(3));
    assert!(stays.windows(2).all(|two| two[0].0 != two[1].0), "{stays:?}");
    assert_eq!(schedule.air_left(), air_left(2, ms(3), schedule.cycle()).unwrap());
}

#[test]
fn a_radio_on_a_channel_where_nobody_lives_leaves_it_at_once() {
    let mut schedule = schedule();
    schedule.add(at(0), link(6));
    let hop = hop(&mut schedule, ms(3));
    assert!(hop.to == channel(6) && hop.leave <= at(0));
    assert_eq!(schedule.poll_timeout(), None);
}

#[test]
fn leaving_begins_a_guard_before_the_edge_and_the_guard_is_measured() {
    let mut schedule = schedule();
    schedule.add(at(0), link(1));
    schedule.add(at(0), link(6));
    for _ in 0..20 {
        let (due, _) = schedule.poll_timeout().unwrap();
        schedule.handle_timeout(due);
        assert_eq!((schedule.stay(), schedule.poll_timeout()), (None, None));
        let hop = leave(&mut schedule).unwrap();
        let left = due + Duration::from_micros(if hop.from == channel(1) { 200 } else { 1500 });
        schedule.handle_left(left);
        schedule.handle_arrival(left + ms(3), hop.to);
    }
    let first = schedule.stay().unwrap().hop.unwrap();
    let second = hop(&mut schedule, ms(3));
    assert_eq!(first, second);
    let other = schedule.stay().unwrap().hop.unwrap();
    let mut guards = [first, other].map(|hop| (hop.from.number(), hop.edge.since(hop.leave).as_micros()));
    guards.sort_unstable();
    assert_eq!(guards, [(1, 200), (6, 1500)]);
}

#[test]
fn slots_follow_demand() {
    let mut schedule = schedule();
    let demand = |air| Demand { air: ms(air), arriving: 0 };
    schedule.add(at(0), link(1).with_demand(demand(800)));
    schedule.add(at(0), link(6).with_demand(demand(100)));
    let modest = schedule.add(at(0), link(11).with_demand(demand(100)));
    let stays_before = stays(&mut schedule, 40, ms(3));
    let shares = [1, 6, 11].map(|number| total(&stays_before, number));
    assert!(shares[0] > shares[1] * 4 && shares[1].abs_diff(shares[2]) < ms(30), "{shares:?}");
    let (now, _) = schedule.poll_timeout().unwrap();
    schedule.set_demand(now, modest, demand(800));
    let stays_after = stays(&mut schedule, 40, ms(3));
    assert!(total(&stays_after, 11) > total(&stays_before, 11) * 3);
}

#[test]
fn who_is_pinned_gets_the_radio_and_the_others_their_least() {
    let mut schedule = schedule();
    let ids = [1, 6, 11].map(|number| schedule.add(at(0), link(number)));
    stays(&mut schedule, 9, ms(3));
    let (now, _) = schedule.poll_timeout().unwrap();
    // Forgotten by whoever pinned it.
    schedule.pin(now, ids[1], now + Duration::from_secs(3600));
    let pinned = stays(&mut schedule, 30, ms(3));
    assert!(total(&pinned, 6) > (total(&pinned, 1) + total(&pinned, 11)) * 5, "{pinned:?}");
    assert!(total(&pinned, 1) > ms(30) && total(&pinned, 11) > ms(30), "{pinned:?}");
    let (now, _) = schedule.poll_timeout().unwrap();
    schedule.unpin(now, ids[1]);
    stays(&mut schedule, 9, ms(3));
    let after = stays(&mut schedule, 31, ms(3));
    assert!(total(&after, 6) < total(&after, 1) * 2, "{after:?}");
}

#[test]
fn a_slot_that_is_pinned_ends_with_the_pin() {
    let mut schedule = schedule();
    let ids = [1, 6, 11].map(|number| schedule.add(at(0), link(number)));
    while schedule.stay().unwrap().channel != channel(6) {
        hop(&mut schedule, ms(3));
    }
    let edge = |schedule: &Schedule| schedule.stay().unwrap().hop.unwrap().edge;
    let now = edge(&schedule) - ms(5);
    schedule.pin(now, ids[1], now + ms(20));
    assert_eq!(edge(&schedule), now + ms(20));
    schedule.pin(now, ids[1], now + Duration::from_secs(1));
    assert!(edge(&schedule) > now + ms(40));
}

#[test]
fn a_small_buffer_at_a_busy_ap_shortens_the_cycle() {
    let mut schedule = schedule();
    let busy = link(1).with_demand(Demand { air: ms(300), arriving: 500 });
    let id = schedule.add(at(0), busy);
    schedule.add(at(0), link(6));
    // 28 frames are 56 ms, and 5 ms are spent there.
    assert_eq!((schedule.cycle(), schedule.ap_buffer(id)), (ms(61), Some(32)));
    for _ in 0..64 {
        schedule.returned(at(0), id, schedule.ap_buffer(id).unwrap(), 0);
    }
    assert_eq!((schedule.cycle(), schedule.ap_buffer(id)), (TU * 100, Some(64)));
    schedule.returned(at(0), id, 32, 5);
    assert_eq!(schedule.cycle(), ms(61));
}

#[test]
fn slow_hops_are_refused_with_the_figures_and_taken_back_when_they_are_fast() {
    let mut schedule = schedule();
    schedule.add(at(0), link(1));
    let slow = schedule.add(at(0), link(36));
    (0..6).for_each(|_| _ = hop(&mut schedule, ms(52)));
    let refusal = schedule.refusal(slow).unwrap();
    assert!(refusal.to_string().starts_with("this radio takes 52.0 ms from channel "), "{refusal}");
    // It goes home, and stays.
    if schedule.stay().unwrap().hop.is_some() {
        hop(&mut schedule, ms(52));
    }
    assert_eq!(schedule.stay(), Some(Stay { channel: channel(1), hop: None }));
    for _ in 0..40 {
        schedule.measured(at(0), channel(1), channel(36), ms(3));
        schedule.measured(at(0), channel(36), channel(1), ms(3));
    }
    assert_eq!(schedule.refusal(slow), None);
    let events: Vec<_> = std::iter::from_fn(|| schedule.poll_event()).collect();
    assert_eq!(events.last(), Some(&SlotEvent::Admitted(slow)));
    assert!(schedule.poll_timeout().is_some());
}

#[test]
fn an_ap_of_our_own_keeps_its_channel_when_only_one_can_be_kept() {
    let mut schedule = schedule();
    let link = schedule.add(at(0), link(1));
    let own = schedule.add(at(0), Occupant::new(Kind::VirtualAp, channel(36)));
    for _ in 0..3 {
        schedule.measured(at(0), channel(1), channel(36), ms(200));
    }
    assert!(schedule.refusal(link).is_some() && schedule.refusal(own).is_none());
}

#[test]
fn a_hop_that_comes_to_nothing_is_not_tried_at_once() {
    let mut schedule = schedule();
    [1, 6, 11].into_iter().for_each(|number| _ = schedule.add(at(0), link(number)));
    let (due, _) = schedule.poll_timeout().unwrap();
    schedule.handle_timeout(due);
    let failed = leave(&mut schedule).unwrap();
    schedule.handle_left(due + ms(1));
    schedule.handle_arrival(due + ms(2), failed.from);
    let next = hop(&mut schedule, ms(3));
    assert!(next.to != failed.to && next.leave >= due + ms(2), "{next:?}");
    let to: Vec<_> = (0..4).map(|_| hop(&mut schedule, ms(3)).to).collect();
    assert!(to.contains(&failed.to), "{to:?}");
}

#[test]
fn who_moves_or_goes_is_followed() {
    let mut schedule = schedule();
    let ids = [1, 6].map(|number| schedule.add(at(0), link(number)));
    hop(&mut schedule, ms(3));
    let (now, _) = schedule.poll_timeout().unwrap();
    schedule.set_channel(now, ids[0], channel(11));
    let to: Vec<_> = (0..4).map(|_| hop(&mut schedule, ms(3)).to.number()).collect();
    assert_eq!(to, [11, 6, 11, 6]);
    let (now, _) = schedule.poll_timeout().unwrap();
    schedule.remove(now, ids[0]);
    assert_eq!(schedule.poll_timeout(), None);
    schedule.remove(now, ids[1]);
    assert_eq!(schedule.stay(), Some(Stay { channel: channel(6), hop: None }));
}

#[test]
fn a_beacon_of_our_own_falls_into_each_of_its_slots() {
    let mut schedule = schedule();
    let beacons = Beacons::new(at(70_000), TU * 100).unwrap();
    let own = Occupant::new(Kind::VirtualAp, channel(6)).with_beacons(beacons);
    let demand = Demand { air: ms(900), arriving: 0 };
    schedule.add(at(0), own);
    [1, 11, 36].into_iter().for_each(|number| _ = schedule.add(at(0), link(number).with_demand(demand)));
    stays(&mut schedule, 12, ms(3));
    let mut came = None;
    for _ in 0..40 {
        let hop = hop(&mut schedule, ms(3));
        if let Some(came) = came.filter(|_| hop.from == channel(6)) {
            assert!(beacons.within(came, hop.leave - ms(2)), "{came} to {}", hop.leave);
        }
        came = Some(hop.leave + Duration::from_micros(3200));
    }
}

#[test]
fn calls_out_of_turn_change_nothing() {
    let mut schedule = schedule();
    [1, 6].into_iter().for_each(|number| _ = schedule.add(at(0), link(number)));
    let due = schedule.poll_timeout();
    schedule.handle_left(at(10));
    schedule.handle_timeout(at(20));
    schedule.unpin(at(20), OccupantId(99));
    schedule.remove(at(20), OccupantId(99));
    assert_eq!((schedule.poll_timeout(), schedule.poll_event()), (due, None));
}

#[test]
fn a_slow_channel_is_tried_again_ever_less_often_and_kept_when_it_is_slow_no_more() {
    let mut schedule = schedule();
    schedule.add(at(0), link(1));
    let id = schedule.add(at(0), link(6));
    let mut tries = Vec::new();
    for dead in [ms(52), ms(52), ms(52), ms(3)] {
        let goes =
            |schedule: &Schedule| schedule.refusal(id).is_none() || schedule.stay().unwrap().hop.is_some();
        while dead > ms(3) && goes(&schedule) {
            hop(&mut schedule, dead);
        }
        if dead > ms(3) {
            let (due, why) = schedule.poll_timeout().unwrap();
            assert_eq!(why, "try a slow channel again");
            tries.push(due);
            schedule.handle_timeout(due);
            assert_eq!(schedule.refusal(id), None);
            let hop = leave(&mut schedule).unwrap();
            schedule.handle_left(due);
            schedule.handle_arrival(due + dead, hop.to);
        }
    }
    let waits: Vec<_> = tries.windows(2).map(|two| two[1].since(two[0]).as_millis() / 10_000).collect();
    assert_eq!(waits, [6, 12]);
    stays(&mut schedule, 40, ms(3));
    assert_eq!(schedule.refusal(id), None);
}
