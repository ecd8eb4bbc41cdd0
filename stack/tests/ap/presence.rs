//! Stations that are silent.

use std::time::Duration;

use stack::ap::{ApEvent, NetworkConfig, VirtualApKind};
use stack::sta::{LinkConfig, LinkState};
use stack::wire::{FrameKind, ReasonCode};

use crate::world::{KINDS, OnAir, World, kind_of, secure, station, wpa2};

fn impatient(kind: VirtualApKind) -> NetworkConfig {
    NetworkConfig { inactivity: Duration::from_secs(2), ..wpa2(kind) }
}

#[test]
fn a_silent_station_is_asked_and_leaves_if_it_does_not_answer() {
    for kind in KINDS {
        let mut world = World::joined(impatient(kind), 1);
        world.run(6000);
        assert_eq!(world.links[0].1.state(), LinkState::Connected, "it acknowledges the question");
        if kind == VirtualApKind::Shared {
            assert!(!world.answers(0, station(1), FrameKind::NULL).is_empty());
        }
        let since = world.air.len();
        world.links.clear();
        world.run(8000);
        let gone = |e: &&ApEvent| matches!(e, ApEvent::StationLeft { reason: ReasonCode::INACTIVITY, .. });
        assert_eq!(world.ap_events.iter().filter(gone).count(), 1);
        let position = |kind| {
            let of = |on_air: &OnAir| kind_of(&on_air.frame) == Some(kind);
            world.air[since..].iter().position(of).unwrap()
        };
        assert!(position(FrameKind::NULL) < position(FrameKind::DISASSOCIATION));
        assert!(position(FrameKind::DISASSOCIATION) < position(FrameKind::DEAUTHENTICATION));
        assert_eq!(world.answers(since, station(1), FrameKind::DISASSOCIATION)[0][24], 4);
    }
}

#[test]
fn a_dozing_station_is_asked_by_the_tim_and_stays_if_it_polls() {
    let mut world = World::new(impatient(VirtualApKind::Shared));
    world.link(LinkConfig { doze_after: Some(Duration::from_millis(50)), ..secure(1, 1) });
    world.run(20_000);
    assert_eq!(world.links[0].1.state(), LinkState::Connected);
    assert_eq!(world.left(station(1)), 0);
    let woke =
        world.ap_events.iter().filter(|event| matches!(event, ApEvent::PowerSave { dozing: false, .. }));
    let polled = world.sent.iter().filter(|(_, frame)| kind_of(frame) == Some(FrameKind::PS_POLL));
    assert!(woke.count() + polled.count() >= 3, "it was asked every two seconds or so");
}
