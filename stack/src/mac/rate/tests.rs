use super::*;
use crate::wire::ElementId;
use crate::wire::element::{ElementsBuf, HtCapabilities};

const OWN: [u8; 8] = [0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c];
const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);

fn control(ht_streams: u8) -> RateControl {
    let mut elements = ElementsBuf::new();
    let ht = HtCapabilities::data(0, 0, [0xff, 0xff, 0, 0]);
    elements.writer().rates(&OWN).element(ElementId::HT_CAPABILITIES, &ht);
    RateControl::new(STA, Rates::agreed(&OWN, ht_streams, &elements.elements()))
}

/// A world in which a rate arrives or does not.
fn send(control: &mut RateControl, frames: usize, arrives: impl Fn(Rate) -> bool) -> (usize, Vec<Rate>) {
    let (mut lost, mut rates) = (0, Vec::new());
    for _ in 0..frames {
        let choice = control.choose(true).unwrap();
        let acked = arrives(choice.rate);
        control.report(choice, acked, if acked { 0 } else { choice.retries });
        lost += usize::from(!acked && !choice.probe);
        if !choice.probe {
            rates.push(choice.rate);
        }
    }
    (lost, rates)
}

fn ht_up_to(most: u8) -> impl Fn(Rate) -> bool {
    move |rate| match rate {
        Rate::Ht { mcs, .. } => mcs < 8 && mcs <= most,
        Rate::Legacy(units) => units <= 24,
        _ => false,
    }
}

#[test]
fn it_begins_with_the_robust_rate_and_finds_the_best_without_a_loss() {
    for most in [0, 3, 7] {
        let mut control = control(2);
        assert_eq!(control.choose(false).unwrap().rate, Rate::Legacy(12));
        let (lost, rates) = send(&mut control, 400, ht_up_to(most));
        let best =
            if most == 0 { Rate::Legacy(24) } else { Rate::Ht { mcs: most, wide: false, short_gi: false } };
        assert_eq!((lost, rates.last()), (0, Some(&best)), "{rates:?}");
    }
}

#[test]
fn it_goes_up_again_when_the_peer_comes_nearer() {
    let mut control = control(1);
    send(&mut control, 300, ht_up_to(2));
    let (lost, rates) = send(&mut control, 600, ht_up_to(7));
    assert_eq!((lost, rates.last()), (0, Some(&Rate::Ht { mcs: 7, wide: false, short_gi: false })));
}

#[test]
fn when_the_peer_is_far_at_once_two_frames_are_lost_and_no_more() {
    let mut control = control(1);
    send(&mut control, 200, ht_up_to(7));
    let (lost, rates) = send(&mut control, 100, |rate| rate == Rate::Legacy(12));
    assert_eq!((lost, rates.last()), (2, Some(&Rate::Legacy(12))));
}

#[test]
fn a_wall_of_loss_does_not_lock_it_up() {
    let mut control = control(1);
    send(&mut control, 200, ht_up_to(7));
    let (_, rates) = send(&mut control, 500, |_| false);
    assert_eq!(rates.last(), Some(&Rate::Legacy(12)));
    let (_, rates) = send(&mut control, 300, ht_up_to(7));
    assert_eq!(rates.last(), Some(&Rate::Ht { mcs: 7, wide: false, short_gi: false }));
}

#[test]
fn a_radio_that_cannot_send_ht_is_not_asked_to() {
    let (_, rates) = send(&mut control(0), 200, |_| true);
    assert!(rates.iter().all(|rate| matches!(rate, Rate::Legacy(_))));
    assert_eq!(rates.last(), Some(&Rate::Legacy(108)));
}

#[test]
fn a_rate_that_never_works_is_tried_seldom() {
    let mut control = control(1);
    let only_legacy = |rate: Rate| matches!(rate, Rate::Legacy(_));
    send(&mut control, 200, only_legacy);
    let probes = (0..1000).filter(|_| {
        let choice = control.choose(true).unwrap();
        let acked = only_legacy(choice.rate);
        control.report(choice, acked, 0);
        choice.probe
    });
    assert!(probes.count() <= 1000 / 20);
}

#[test]
fn every_run_is_the_same() {
    let run = || send(&mut control(2), 500, ht_up_to(5));
    assert_eq!(run(), run());
}
