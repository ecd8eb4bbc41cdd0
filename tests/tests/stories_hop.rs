//! Stories of one radio that is a station on several networks, on the simulated air.

use std::time::Duration;

use stack::hop::{HopEvent, LinkId};
use stack::random::Random;
use stack::sta::{LinkEnd, LinkEvent, LinkState};
use stack::time::Instant;
use tests::hopping::{Foreign, World};
use tests::story::{Seeded, in_order};

const DEAD: Duration = Duration::from_millis(3);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn told(name: &str, story: impl Fn(u64) + std::panic::RefUnwindSafe) {
    tests::story::told("stories_hop", name, story);
}

/// Four networks on four channels of two bands, one of them open.
fn four() -> Vec<Foreign> {
    let open = Foreign { wpa2: false, ..Foreign::wpa2(44) };
    vec![Foreign::wpa2(1), Foreign::wpa2(11), Foreign::wpa2(36), open]
}

fn all(world: &World) -> Vec<usize> {
    (0..world.hopper.links().count()).collect()
}

fn joined(seed: u64, foreign: &[Foreign]) -> World {
    let mut world = World::new(seed, DEAD, foreign);
    (0..foreign.len()).for_each(|n| {
        world.link(n);
    });
    let joined = world.until(5 * SECOND, |world| world.are_connected(&all(world)));
    assert!(joined, "{} {:?}", world.now, world.events);
    world
}

/// Traffic of these networks both ways, `count` MSDUs each, and time for the last to arrive.
fn traffic(world: &mut World, networks: &[usize], numbers: std::ops::Range<u32>, pause: Duration) {
    for number in numbers {
        for &n in networks {
            world.up(n, number, 300);
            world.down(n, number, 300);
        }
        world.run(pause);
    }
    world.run(SECOND);
}

fn has_lost_nothing(world: &World, networks: &[usize], numbers: std::ops::Range<u32>) {
    let all: Vec<_> = numbers.collect();
    for &n in networks {
        for (what, got) in [("up", world.ups(n)), ("down", world.downs(n))] {
            let missing: Vec<_> = all.iter().filter(|number| !got.contains(number)).collect();
            assert!(got == all, "network {n}, {what}: {missing:?} missing, {}", world.drops(n));
        }
    }
}

fn is_clean(world: &World) {
    let seen = world.seen.borrow();
    assert!(seen.astray.is_empty(), "{:?}", seen.astray);
    assert!(seen.repeated.is_empty(), "{:?}", seen.repeated);
    let recorder = world.recorder.borrow();
    assert!(recorder.offences.is_empty(), "{:?}", recorder.offences);
}

#[test]
fn four_networks_are_joined_within_five_seconds_and_nothing_is_lost() {
    told("four_networks", |seed| {
        let mut world = joined(seed, &four());
        traffic(&mut world, &[0, 1, 2, 3], 0..200, Duration::from_millis(20));
        has_lost_nothing(&world, &[0, 1, 2, 3], 0..200);
        is_clean(&world);
        let figures = world.hopper.figures();
        assert!(figures.hops > 150 && figures.given_up == 0, "{figures:?}");
        assert!(world.seen.borrow().dozes > 150, "each AP is told of each absence");
    });
}

/// Who returns says so, and asks for nothing more.
#[test]
fn an_ap_that_does_not_say_for_whom_it_has_frames_and_one_that_is_slow_lose_nothing() {
    told("bad_manners", |seed| {
        let mut foreign = four();
        foreign[0].mute = true;
        foreign[2].slow = Duration::from_millis(15);
        let mut world = joined(seed, &foreign);
        traffic(&mut world, &[0, 1, 2, 3], 0..200, Duration::from_millis(25));
        has_lost_nothing(&world, &[0, 1, 2, 3], 0..200);
        is_clean(&world);
    });
}

#[test]
fn an_ap_that_comes_back_is_joined_again_and_the_others_feel_nothing() {
    told("an_ap_that_comes_back", |seed| {
        let mut world = joined(seed, &four());
        world.power(1, false);
        traffic(&mut world, &[0, 2, 3], 0..200, Duration::from_millis(50));
        world.power(1, true);
        assert!(world.until(30 * SECOND, |world| world.is_connected(1)), "{:?}", world.events);
        traffic(&mut world, &[1], 200..250, Duration::from_millis(20));
        has_lost_nothing(&world, &[0, 2, 3], 0..200);
        has_lost_nothing(&world, &[1], 200..250);
        is_clean(&world);
    });
}

#[test]
fn an_ap_that_comes_back_on_another_channel_is_found_there() {
    told("on_another_channel", |seed| {
        let mut world = joined(seed, &four());
        world.power(0, false);
        world.run(SECOND);
        world.restart_on(0, 6);
        assert!(world.until(MINUTE, |world| world.is_connected(0)), "{:?}", world.events);
        // Where it was, it was spoken to until its silence was noticed.
        world.seen.borrow_mut().astray.clear();
        traffic(&mut world, &[0, 1, 2, 3], 0..50, Duration::from_millis(20));
        has_lost_nothing(&world, &[0, 1, 2, 3], 0..50);
        is_clean(&world);
    });
}

#[test]
fn one_with_the_wrong_key_fails_alone() {
    told("wrong_key", |seed| {
        let mut world = World::new(seed, DEAD, &four());
        world.link_with_wrong_key(0);
        (1..4).for_each(|n| {
            world.link(n);
        });
        assert!(world.until(5 * SECOND, |world| world.are_connected(&[1, 2, 3])), "{:?}", world.events);
        traffic(&mut world, &[1, 2, 3], 0..500, Duration::from_millis(20));
        has_lost_nothing(&world, &[1, 2, 3], 0..500);
        let ends = world.events.iter().filter(|(link, _)| *link == LinkId(0));
        let failed = |(_, event): &(LinkId, LinkEvent)| matches!(event, LinkEvent::Disconnected { .. });
        assert!(ends.clone().count() > 0 && ends.clone().all(failed), "{:?}", world.events);
    });
}

#[test]
fn keys_change_while_the_radio_hops() {
    told("keys_change", |seed| {
        let often = Foreign { rekey: Some(5 * SECOND), ..Foreign::wpa2(1) };
        let mut world = joined(seed, &[often, Foreign::wpa2(36), Foreign::wpa2(11)]);
        traffic(&mut world, &[0, 1, 2], 0..1000, Duration::from_millis(20));
        has_lost_nothing(&world, &[0, 1, 2], 0..1000);
        assert!(world.recorder.borrow().keys() >= 3 + 3, "{}", world.recorder.borrow().keys());
        is_clean(&world);
    });
}

#[test]
fn two_networks_on_one_channel_share_a_slot() {
    told("share_a_slot", |seed| {
        let mut world = joined(seed, &[Foreign::wpa2(6), Foreign::wpa2(6)]);
        world.run(SECOND);
        let hops = world.hopper.figures().hops;
        traffic(&mut world, &[0, 1], 0..200, Duration::from_millis(10));
        has_lost_nothing(&world, &[0, 1], 0..200);
        assert_eq!(world.hopper.figures().hops, hops, "nobody is anywhere else");
        is_clean(&world);
    });
}

#[test]
fn under_loss_nearly_all_arrives_and_nothing_twice_or_out_of_order() {
    told("under_loss", |seed| {
        let mut world = joined(seed, &four());
        world.loss(0.1);
        traffic(&mut world, &[0, 1, 2, 3], 0..500, Duration::from_millis(20));
        for n in 0..4 {
            let (ups, downs) = (world.ups(n), world.downs(n));
            assert!(in_order(&ups) && in_order(&downs), "network {n}: {ups:?} {downs:?}");
            assert!(ups.len() >= 495 && downs.len() >= 495, "network {n}: {} {}", ups.len(), downs.len());
        }
        is_clean(&world);
    });
}

#[test]
fn a_radio_that_is_too_slow_stays_on_one_channel_and_says_why() {
    told("too_slow", |seed| {
        let slow = Duration::from_millis(600);
        let mut world = World::new(seed, slow, &[Foreign::wpa2(1), Foreign::wpa2(36)]);
        world.link(0);
        world.link(1);
        let served = world.until(3 * MINUTE, |world| (0..2).any(|n| world.is_connected(n)));
        assert!(served, "{:?}", world.events);
        let said = world.until(3 * MINUTE, |world| {
            world.verdicts.iter().any(|verdict| matches!(verdict, HopEvent::Refused(..)))
        });
        assert!(said, "{:?} {:?}", world.events, world.verdicts);
        let said: Vec<_> =
            world.verdicts.iter().filter(|verdict| matches!(verdict, HopEvent::Refused(..))).collect();
        assert_eq!(said.len(), 1, "once: {said:?}");
        is_clean(&world);
    });
}

/// APs come and go, keys change, frames are lost, and nobody is forgotten: each link that is connected has the radio at least
/// once in three cycles, and when all APs are back, all are joined.
#[test]
fn whatever_happens_nobody_starves_and_all_are_joined_in_the_end() {
    told("whatever_happens", |seed| {
        let mut random = Seeded::boxed(seed);
        let mut draw = |most: u8| {
            let mut byte = [0];
            random.fill(&mut byte);
            byte[0] % most
        };
        let channels = [1, 6, 36, 149, 6];
        let count = usize::from(2 + draw(4));
        let foreign: Vec<_> = channels[..count]
            .iter()
            .map(|&channel| Foreign {
                wpa2: draw(4) > 0,
                rekey: (draw(3) == 0).then_some(SECOND),
                ..Foreign::wpa2(channel)
            })
            .collect();
        let mut world = World::new(seed, Duration::from_micros(500 + 200 * u64::from(draw(40))), &foreign);
        let networks: Vec<_> = (0..count).collect();
        for &n in &networks {
            world.link(n);
        }
        world.loss(f64::from(draw(6)) / 100.0);
        let mut watch = Watch::new(count);
        for step in 0..20 {
            let n = usize::from(draw(u8::try_from(count).unwrap()));
            match draw(4) {
                0 => world.power(n, false),
                1 => world.power(n, true),
                _ => {
                    world.up(n, step, 300);
                    world.down(n, step, 300);
                }
            }
            world.until(Duration::from_millis(50 + u64::from(draw(200))), |world| watch.look(world));
        }
        for &n in &networks {
            world.power(n, true);
        }
        let joined = world.until(MINUTE, |world| watch.look(world) || world.are_connected(&networks));
        let apart = networks.iter().find(|&&n| !world.is_connected(n)).map(|&n| (n, world.drops(n)));
        assert!(joined && watch.starved.is_none(), "{:?} {apart:?} {:?}", watch.starved, world.events);
        is_clean(&world);
    });
}

/// When the radio was last on the channel of each link.
struct Watch {
    there: Vec<Instant>,
    starved: Option<String>,
}

impl Watch {
    fn new(count: usize) -> Self {
        Self { there: vec![Instant::ZERO; count], starved: None }
    }

    /// Says whether somebody starves.
    fn look(&mut self, world: &World) -> bool {
        let channel = world.hopper.channel();
        for (view, there) in world.hopper.links().zip(&mut self.there) {
            if channel == view.channel || view.link.state() != LinkState::Connected {
                *there = world.now;
            }
            if world.now.since(*there) > 3 * world.hopper.cycle() {
                self.starved = Some(format!("{:?} at {}", view.id, world.now));
            }
        }
        self.starved.is_some()
    }
}

/// A machine that has other things to do comes to the edge of a slot late: it goes later, not without a word.
#[test]
fn who_is_late_tells_the_ap_all_the_same() {
    told("late", |seed| {
        let mut world = joined(seed, &four());
        for n in 0..100 {
            world.run(Duration::from_millis(20 + n % 7));
            world.stall(Duration::from_millis(40));
        }
        let untold: Vec<_> = world.hopper.links().map(|view| view.losses.untold_absences).collect();
        assert_eq!(untold, [0; 4]);
    });
}

#[test]
fn at_the_end_every_ap_is_told() {
    told("at_the_end", |seed| {
        let mut world = joined(seed, &four());
        let now = world.now;
        world.hopper.stop(now);
        assert!(world.until(SECOND, |world| world.hopper.is_finished()), "{:?}", world.events);
        world.run(Duration::from_millis(10));
        for n in 0..4 {
            assert!(!world.is_known(n), "network {n}");
        }
        let stopped = world
            .events
            .iter()
            .filter(|(_, event)| matches!(event, LinkEvent::Disconnected { end: LinkEnd::Stopped, .. }));
        assert_eq!(stopped.count(), 4);
        assert!(world.hopper.links().all(|view| view.link.state() == LinkState::Off));
    });
}
