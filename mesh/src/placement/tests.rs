use std::collections::BTreeMap;

use proptest::prelude::*;
use stack::time::Instant;
use stack::wire::{Channel, MacAddr};

use super::*;

const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);

fn place(radio: u8) -> Place {
    Place { node: NodeSlot::SINGLE, radio }
}

fn state(number: u8, busy: u16, clients: u16) -> PlaceState {
    PlaceState { channel: Channel::from_number(number).unwrap(), busy, clients }
}

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

/// Two radios on one channel, and a client at the first.
fn served(policy: impl Policy + Send + 'static) -> Placement {
    let mut placement = Placement::new(Box::new(policy));
    placement.handle_place(place(0), state(6, 100, 1));
    placement.handle_place(place(1), state(6, 100, 0));
    placement.handle_served(at(0), CLIENT, place(0));
    placement
}

/// Both radios hear the client for a second; yields the moves that were asked for, each carried out at once.
fn hear(placement: &mut Placement, from: u64, here: i8, there: i8) -> Vec<Move> {
    let mut moves = Vec::new();
    for step in 0..50 {
        let now = at(from + step * 20);
        placement.handle_heard(now, CLIENT, place(0), here);
        placement.handle_heard(now, CLIENT, place(1), there);
        if let Some(asked) = placement.poll_move(now) {
            placement.handle_served(now, CLIENT, asked.to);
            moves.push(asked);
        }
    }
    moves
}

#[test]
fn a_client_goes_where_it_is_heard_better_by_the_margin_and_not_by_less() {
    let mut placement = served(Signal::default());
    assert_eq!(hear(&mut placement, 2000, -60, -53), []);
    let moves = hear(&mut placement, 3000, -64, -53);
    assert_eq!(moves, [Move { client: CLIENT, from: place(0), to: place(1) }]);
    assert_eq!(hear(&mut placement, 4000, -60, -53), [], "the margin counts for the way back too");
}

#[test]
fn a_client_that_its_own_radio_hears_no_more_goes_to_one_that_does() {
    let mut placement = served(Signal::default());
    placement.handle_heard(at(1500), CLIENT, place(1), -80);
    placement.handle_heard(at(2500), CLIENT, place(1), -80);
    assert_eq!(placement.poll_move(at(2500)).unwrap().to, place(1));
}

#[test]
fn what_was_heard_long_ago_moves_nobody() {
    let mut placement = served(Signal::default());
    placement.handle_heard(at(1500), CLIENT, place(0), -80);
    placement.handle_heard(at(1500), CLIENT, place(1), -40);
    assert_eq!(placement.poll_move(at(1500 + 1001)), None);
    assert_eq!(placement.signal(at(2400), CLIENT, place(1)), Some(-40));
    assert_eq!(placement.signal(at(2600), CLIENT, place(1)), None);
}

#[test]
fn another_channel_has_to_be_better_by_more() {
    let mut placement = served(Signal::default());
    placement.handle_place(place(1), state(11, 100, 0));
    assert_eq!(hear(&mut placement, 2000, -64, -53), []);
    assert_eq!(hear(&mut placement, 3000, -70, -53).len(), 1);
}

#[test]
fn a_busy_air_is_worth_less() {
    let mut by_signal = served(Signal::default());
    let mut by_load = served(SignalAndLoad::default());
    for placement in [&mut by_signal, &mut by_load] {
        placement.handle_place(place(1), state(11, 800, 0));
    }
    assert_eq!(hear(&mut by_signal, 2000, -70, -53).len(), 1);
    assert_eq!(hear(&mut by_load, 2000, -70, -53), []);
    by_load.handle_place(place(1), state(11, 0, 0));
    assert_eq!(hear(&mut by_load, 3000, -70, -53).len(), 1);
}

#[test]
fn who_is_pinned_goes_to_its_place_and_nobody_else_goes_anywhere() {
    let pins = BTreeMap::from([(CLIENT, place(1))]);
    let mut placement = served(Pinned::new(pins));
    assert_eq!(hear(&mut placement, 2000, -50, -80).len(), 1);
    assert_eq!(hear(&mut placement, 4000, -80, -50), []);
    let mut placement = served(Pinned::default());
    assert_eq!(hear(&mut placement, 2000, -90, -50), []);
}

#[test]
fn a_move_that_did_not_come_about_is_asked_for_again_later() {
    let mut placement = served(Signal::default());
    let ask = |placement: &mut Placement, millis| {
        placement.handle_heard(at(millis), CLIENT, place(0), -80);
        placement.handle_heard(at(millis), CLIENT, place(1), -50);
        placement.poll_move(at(millis))
    };
    assert!(ask(&mut placement, 1500).is_some());
    assert_eq!(ask(&mut placement, 2000), None);
    placement.handle_refused(at(2000), CLIENT);
    assert_eq!(ask(&mut placement, 3900), None);
    assert!(ask(&mut placement, 4000).is_some());
}

#[test]
fn a_radio_that_is_gone_is_no_candidate() {
    let mut placement = served(Signal::default());
    assert_eq!(hear(&mut placement, 0, -80, -50), []);
    placement.handle_place_gone(place(1));
    assert_eq!(placement.poll_move(at(1000)), None);
    placement.handle_place(place(1), state(6, 100, 0));
    assert_eq!(placement.poll_move(at(1000)), None, "what it heard before is forgotten");
}

#[test]
fn the_table_of_clients_is_bounded() {
    let mut placement = served(Signal::default());
    for number in 0..2 * CLIENTS as u32 {
        let [a, b, c, d] = number.to_be_bytes();
        placement.handle_served(at(1), MacAddr([6, 0, a, b, c, d]), place(0));
    }
    assert!(placement.clients.len() <= CLIENTS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However the signals swing, a client is moved a bounded number of times: by small gains a handful of times at first
    /// and once a minute later, by great ones once in three seconds at the most.
    #[test]
    fn oscillation_is_bounded(period in 1u64..200, gain in 9i8..40) {
        let mut placement = served(Signal::default());
        let (mut moves, mut late) = (0u32, 0u32);
        for step in 0..30_000u64 {
            let now = at(1000 + step * 20);
            let (here, there) = if step / period % 2 == 0 { (0, gain) } else { (gain, 0) };
            placement.handle_heard(now, CLIENT, place(0), -80 + here);
            placement.handle_heard(now, CLIENT, place(1), -80 + there);
            if let Some(asked) = placement.poll_move(now) {
                placement.handle_served(now, CLIENT, asked.to);
                moves += 1;
                late += u32::from(step > 15_000);
            }
        }
        let (most, most_late) = if gain < 20 { (24, 10) } else { (210, 110) };
        prop_assert!(moves <= most, "{moves} moves in ten minutes");
        prop_assert!(late <= most_late, "{late} moves in the last five");
    }
}
