use proptest::prelude::*;
use stack::wire::MacAddr;

use super::*;
use crate::announce::{Claim, NodeId, SaBinding};
use crate::lease::Generation;
use stack::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const ME: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);
const STATION: Station = Station { vlan: 0, address: MacAddr([2, 0, 0, 0, 0, 1]) };
const SA: SaBinding = SaBinding([1; 16]);

fn generation(number: u16) -> Generation {
    Generation::new(number).unwrap()
}

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn claims() -> Claims {
    Claims::new(ME, Limits::default())
}

fn theirs(node: NodeId, sequence: u64, number: u16, sa: SaBinding) -> Claim {
    let Station { vlan, address: client } = STATION;
    let ttl = Duration::from_secs(3);
    Claim { client, vlan, node, generation: generation(number), sequence, ttl, sa }
}

fn events(claims: &mut Claims) -> Vec<Event> {
    std::iter::from_fn(|| claims.poll_event()).collect()
}

#[test]
fn a_handover_moves_a_client_within_its_association_and_a_handshake_outranks_all_before() {
    let mut claims = claims();
    claims.handle_claim(at(0), theirs(OTHER, 5, 7, SA)).unwrap();
    // Handed here: the same association, one generation up.
    claims.claim(at(1), STATION, SA, generation(8)).unwrap();
    let made = claims.poll_claim().unwrap();
    assert_eq!((made.sequence, made.generation, made.node), (5, generation(8), ME));
    // A handshake: a later association, though its key is in generation 0.
    claims.claim(at(2), STATION, SaBinding([2; 16]), generation(0)).unwrap();
    assert_eq!(claims.poll_claim().unwrap().sequence, 6);
    let late = claims.handle_claim(at(3), theirs(OTHER, 5, 9, SA));
    assert_eq!((late, claims.lookup().node(STATION)), (Err(Refused::Weaker(ME)), Some(ME)));
    let moved = |from, to| Event::Moved { station: STATION, from, to };
    let conflict = Event::Conflict { station: STATION, holder: ME, claimant: OTHER };
    assert_eq!(events(&mut claims), [moved(None, OTHER), moved(Some(OTHER), ME), conflict]);
}

#[test]
fn sec_m12_the_wire_does_not_steal_a_client() {
    let mut claims = claims();
    claims.claim(at(0), STATION, SA, generation(0)).unwrap();
    let wired = theirs(OTHER, u64::MAX, 16_383, SaBinding::WIRED);
    assert_eq!(claims.handle_claim(at(1), wired), Err(Refused::Weaker(ME)));
    assert_eq!(claims.lookup().node(STATION), Some(ME));
    assert!(events(&mut claims).contains(&Event::Conflict { station: STATION, holder: ME, claimant: OTHER }));
    // Once the client is gone the wire may have it; and a client takes it from the wire.
    claims.handle_release(ME, STATION);
    claims.handle_claim(at(2), wired).unwrap();
    claims.claim(at(3), STATION, SA, generation(0)).unwrap();
    assert_eq!(claims.lookup().node(STATION), Some(ME));
    assert_eq!(claims.claim_wired(at(4), STATION), Err(Refused::Weaker(ME)), "not even behind the same node");
}

#[test]
fn what_is_not_renewed_is_forgotten_and_own_claims_are_renewed() {
    let mut claims = claims();
    claims.handle_claim(at(0), theirs(OTHER, 1, 0, SA)).unwrap();
    assert_eq!(claims.poll_timeout(), Some((at(3000), "claim")));
    claims.handle_claim(at(2000), theirs(OTHER, 1, 0, SA)).unwrap();
    claims.handle_timeout(at(3000));
    assert_eq!(claims.lookup().node(STATION), Some(OTHER));
    claims.handle_timeout(at(5000));
    assert_eq!((claims.lookup().node(STATION), claims.lookup().is_empty()), (None, true));
    claims.claim(at(5000), STATION, SA, generation(0)).unwrap();
    let first = claims.poll_claim().unwrap();
    claims.handle_timeout(at(7000));
    assert_eq!((claims.poll_claim(), claims.poll_claim()), (Some(first), None));
    claims.handle_timeout(at(60_000));
    assert_eq!(claims.lookup().node(STATION), Some(ME), "its own does not run out");
}

#[test]
fn a_station_that_flaps_stays_where_it_is_for_a_while() {
    let mut claims = claims();
    let mut moved = 0;
    for number in 1..200u16 {
        let node = NodeId(2 + u64::from(number % 2));
        moved +=
            u64::from(claims.handle_claim(at(u64::from(number) * 10), theirs(node, 1, number, SA)).is_ok());
    }
    let frozen =
        events(&mut claims).into_iter().filter(|event| matches!(event, Event::Frozen { .. })).count();
    let held = claims.lookup().node(STATION).unwrap();
    assert_eq!(frozen, 1);
    assert!((30..200).contains(&moved), "{moved}");
    let other = NodeId(5 - held.0);
    assert_eq!(claims.handle_claim(at(2500), theirs(other, 1, 300, SA)), Err(Refused::Frozen));
    // It is renewed meanwhile.
    for second in 3..9 {
        claims.handle_claim(at(second * 1000), theirs(held, 1, 301, SA)).unwrap();
        claims.handle_timeout(at(second * 1000));
    }
    claims.handle_claim(at(9000), theirs(other, 1, 302, SA)).unwrap();
    assert_eq!(claims.lookup().node(STATION), Some(other));
}

#[test]
fn five_moves_a_second_for_a_minute_are_no_flapping() {
    let mut claims = claims();
    for number in 1..300u16 {
        let node = NodeId(2 + u64::from(number % 2));
        claims.handle_claim(at(u64::from(number) * 200), theirs(node, 1, number, SA)).unwrap();
    }
}

#[test]
fn a_snapshot_does_not_change() {
    let mut claims = claims();
    claims.claim(at(0), STATION, SA, generation(0)).unwrap();
    let before = claims.lookup();
    claims.handle_claim(at(1), theirs(OTHER, 1, 1, SA)).unwrap();
    assert_eq!((before.node(STATION), claims.lookup().node(STATION)), (Some(ME), Some(OTHER)));
    let (a, b) = (claims.lookup(), claims.lookup());
    assert!(Arc::ptr_eq(&a, &b));
    let other_vlan = Station { vlan: 7, ..STATION };
    assert_eq!(a.node(other_vlan), None);
}

#[test]
fn what_cannot_be_claimed_and_what_is_too_much_is_refused() {
    let mut claims = Claims::new(ME, Limits { stations: 2, ..Limits::default() });
    assert_eq!(claims.handle_claim(at(0), theirs(ME, 1, 0, SA)), Err(Refused::Impossible));
    let group = Claim { client: MacAddr::BROADCAST, ..theirs(OTHER, 1, 0, SA) };
    assert_eq!(claims.handle_claim(at(0), group), Err(Refused::Impossible));
    let many = (0..5).map(|last| Claim { client: MacAddr([2, 0, 0, 0, 1, last]), ..theirs(OTHER, 1, 0, SA) });
    let taken: Vec<_> = many.map(|claim| claims.handle_claim(at(0), claim)).collect();
    assert_eq!(taken.iter().filter(|taken| **taken == Err(Refused::TooMany)).count(), 3);
    claims.handle_timeout(at(3000));
    assert_eq!((claims.lookup().len(), claims.poll_timeout()), (0, None));
}

proptest! {
    /// All nodes that have heard the same claims, in whatever order and however often, agree.
    #[test]
    fn the_order_of_claims_does_not_matter(
        claims in proptest::collection::vec((2u64..5, 0u64..3, 0u16..3, any::<bool>()), 1..12),
        order in any::<u64>(),
    ) {
        let made: Vec<Claim> = claims
            .iter()
            .map(|(node, sequence, number, wired)| {
                theirs(NodeId(*node), *sequence, *number, if *wired { SaBinding::WIRED } else { SA })
            })
            .collect();
        let mut shuffled = made.clone();
        shuffled.rotate_left(order as usize % made.len());
        shuffled.reverse();
        shuffled.extend(made.clone());
        let held = |list: &[Claim]| {
            let mut claims = self::claims();
            for claim in list {
                let _ = claims.handle_claim(at(0), *claim);
            }
            claims.lookup().node(STATION)
        };
        prop_assert_eq!(held(&made), held(&shuffled));
    }

    #[test]
    fn the_snapshot_is_what_the_claims_say(
        steps in proptest::collection::vec((0u8..6, 1u64..5, 0u16..9, 0u64..4000), 0..80),
    ) {
        let mut claims = claims();
        let mut now = 0;
        let mut places = BTreeMap::new();
        for (last, node, number, wait) in steps {
            now += wait;
            claims.handle_timeout(at(now));
            let station = Station { vlan: 0, address: MacAddr([2, 0, 0, 0, 1, last]) };
            let _ = match node {
                1 => claims.claim(at(now), station, SA, generation(number)),
                _ => claims.handle_claim(at(now), Claim { client: station.address, ..theirs(NodeId(node), 1, number, SA) }),
            };
            for event in events(&mut claims) {
                match event {
                    Event::Moved { station, to, .. } => drop(places.insert(station, to)),
                    Event::Gone { station } => drop(places.remove(&station)),
                    Event::Conflict { .. } | Event::Frozen { .. } => {}
                }
            }
            prop_assert_eq!(claims.lookup().len(), places.len());
            prop_assert!(places.iter().all(|(station, node)| claims.lookup().node(*station) == Some(*node)));
        }
    }
}
