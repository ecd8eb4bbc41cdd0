use proptest::prelude::*;
use stack::wire::MacAddr;

use super::*;
use crate::announce::{Claim, NodeId, SaBinding};
use crate::handover::Rank;
use crate::lease::Generation;
use crate::table::{Key, Row};
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

fn rank(sequence: u64, number: u16) -> Rank {
    Rank { sequence, generation: generation(number), ..Rank::default() }
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
    claims.claim(at(1), STATION, SA, rank(5, 8)).unwrap();
    let made = claims.poll_claim().unwrap().claim;
    assert_eq!((made.sequence, made.generation, made.node), (5, generation(8), ME));
    // A handshake: a later association, though its key is in generation 0.
    claims.claim(at(2), STATION, SaBinding([2; 16]), rank(6, 0)).unwrap();
    assert_eq!(claims.poll_claim().unwrap().claim.sequence, 6);
    // What comes late is no dispute.
    let late = claims.handle_claim(at(3), theirs(OTHER, 5, 9, SA));
    assert_eq!((late, claims.lookup().node(STATION)), (Err(Refused::Weaker(ME)), Some(ME)));
    let moved = |from, to| Event::Moved { station: STATION, from, to };
    assert_eq!(events(&mut claims), [moved(None, OTHER), moved(Some(OTHER), ME)]);
    // Two associations of the same count are one.
    assert!(claims.handle_claim(at(4), theirs(NodeId(0), 6, 0, SA)).is_err());
    assert_eq!(events(&mut claims), [Event::Conflict { station: STATION, holder: ME, claimant: NodeId(0) }]);
}

#[test]
fn sec_m12_the_wire_does_not_steal_a_client() {
    let mut claims = claims();
    claims.claim(at(0), STATION, SA, rank(1, 0)).unwrap();
    let wired = theirs(OTHER, u64::MAX, 16_383, SaBinding::WIRED);
    assert_eq!(claims.handle_claim(at(1), wired), Err(Refused::Weaker(ME)));
    assert_eq!(claims.lookup().node(STATION), Some(ME));
    assert!(events(&mut claims).contains(&Event::Conflict { station: STATION, holder: ME, claimant: OTHER }));
    // Once the client is gone the wire may have it; and a client takes it from the wire.
    claims.handle_release(ME, STATION);
    claims.handle_claim(at(2), wired).unwrap();
    claims.claim(at(3), STATION, SA, rank(1, 0)).unwrap();
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
    claims.claim(at(5000), STATION, SA, rank(1, 0)).unwrap();
    let first = claims.poll_claim().unwrap();
    claims.handle_timeout(at(7000));
    let renewed = Due { urgent: false, ..first };
    assert_eq!((first.urgent, claims.poll_claim(), claims.poll_claim()), (true, Some(renewed), None));
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
    claims.claim(at(0), STATION, SA, rank(1, 0)).unwrap();
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

/// Rekeyed under one node, handed over, and rekeyed under the next before anybody has heard of the first: how far was counted
/// comes with the virtual AP, and what was said before is weaker whenever it comes.
#[test]
fn who_was_handed_a_client_and_rekeyed_it_holds_it_whatever_comes_late() {
    let mut new = claims();
    new.handle_claim(at(0), theirs(OTHER, 4, 7, SA)).unwrap();
    new.claim(at(1), STATION, SaBinding([3; 16]), rank(6, 0)).unwrap();
    let late = theirs(OTHER, 5, 1, SaBinding([2; 16]));
    assert_eq!(new.handle_claim(at(2), late), Err(Refused::Weaker(ME)));
    assert_eq!(new.lookup().node(STATION), Some(ME));
    assert!(!events(&mut new).iter().any(|event| matches!(event, Event::Conflict { holder: ME, .. })));
}

/// The claim of whoever it was given to may name an association that is made there already.
#[test]
fn a_client_that_was_given_away_and_rekeyed_there_is_no_conflict() {
    let mut old = claims();
    old.claim(at(0), STATION, SA, rank(4, 1)).unwrap();
    old.hand_over(at(1), STATION);
    old.handle_claim(at(2), theirs(OTHER, 5, 0, SaBinding([2; 16]))).unwrap();
    let moved = |from, to| Event::Moved { station: STATION, from, to };
    assert_eq!(events(&mut old), [moved(None, ME), moved(Some(ME), OTHER)]);
}

#[test]
fn a_claim_is_withdrawn_at_once_by_its_holder_alone_and_runs_out_after_a_handover() {
    let mut here = claims();
    here.claim(at(0), STATION, SA, rank(1, 0)).unwrap();
    let theirs_gone = Claim { ttl: Duration::ZERO, ..theirs(OTHER, 9, 9, SA) };
    here.handle_claim(at(1), theirs_gone).unwrap();
    assert_eq!(here.lookup().node(STATION), Some(ME));
    let withdrawn = here.release(STATION).unwrap();
    assert_eq!((withdrawn.ttl, here.lookup().node(STATION)), (Duration::ZERO, None));
    let mut there = Claims::new(OTHER, Limits::default());
    there.handle_claim(at(0), Claim { ttl: Limits::default().ttl, ..withdrawn }).unwrap();
    there.handle_claim(at(1), withdrawn).unwrap();
    assert_eq!(there.lookup().node(STATION), None);
    // Handed over, and nobody says that it has arrived.
    here.claim(at(2), STATION, SA, rank(1, 1)).unwrap();
    here.hand_over(at(2), STATION);
    here.handle_timeout(at(6001));
    assert_eq!(here.lookup().node(STATION), Some(ME));
    here.handle_timeout(at(6002));
    assert_eq!(here.lookup().node(STATION), None);
}

#[test]
fn an_address_on_the_wire_goes_when_it_is_not_seen_and_a_host_may_change_its_place() {
    let mut claims = claims();
    claims.claim_wired(at(0), STATION).unwrap();
    claims.claim_wired(at(200_000), STATION).unwrap();
    claims.handle_timeout(at(499_999));
    assert_eq!(claims.lookup().place(STATION), Some(Place { node: ME, wired: true }));
    claims.handle_claim(at(499_999), theirs(OTHER, 1, 0, SaBinding::WIRED)).unwrap();
    assert_eq!(claims.lookup().node(STATION), Some(OTHER));
    claims.claim_wired(at(500_000), STATION).unwrap();
    claims.handle_timeout(at(800_000));
    assert_eq!(claims.lookup().place(STATION), None);
    assert!(!events(&mut claims).iter().any(|event| matches!(event, Event::Conflict { .. })));
}

#[test]
fn a_client_with_the_address_of_a_wired_host_or_of_a_client_elsewhere_is_a_conflict() {
    let mut claims = claims();
    let conflict = |holder, claimant| Event::Conflict { station: STATION, holder, claimant };
    claims.claim_wired(at(0), STATION).unwrap();
    claims.handle_claim(at(1), theirs(OTHER, 1, 0, SA)).unwrap();
    assert!(events(&mut claims).contains(&conflict(ME, OTHER)));
    // A handshake of its own, while the other node still has it.
    claims.claim(at(2), STATION, SaBinding([2; 16]), rank(2, 0)).unwrap();
    assert!(events(&mut claims).contains(&conflict(OTHER, ME)));
    // Handed on: no conflict.
    let handed = Claim { sa: SaBinding([2; 16]), ..theirs(NodeId(3), 3, 1, SA) };
    claims.handle_claim(at(3), handed).unwrap();
    assert_eq!(events(&mut claims), [Event::Moved { station: STATION, from: Some(ME), to: NodeId(3) }]);
}

#[test]
fn a_notice_holds_what_fits_and_is_believed_of_its_sender_alone() {
    let claim = |n: u8| Claim { client: MacAddr([2, 0, 0, 0, 1, n]), ..theirs(OTHER, 1, 2, SA) };
    let many: Vec<Claim> = (0..50).map(claim).collect();
    let notices: Vec<_> = Notice::pack(&many).collect();
    assert_eq!(notices.len(), 3);
    assert!(notices.iter().all(|notice| notice.len() <= crate::engine::MAX_NOTICE && Notice::is_one(notice)));
    let read: Vec<Claim> = notices.iter().flat_map(|notice| Notice::decode(OTHER, notice).unwrap()).collect();
    assert_eq!(read, many);
    assert_eq!(Notice::decode(ME, &notices[0]), Err(NoticeError::Foreign));
    for end in 1..notices[0].len() {
        let cut = Notice::decode(OTHER, &notices[0][..end]);
        assert!(cut.is_err() || (end - 2) % 48 == 0, "{end}: {cut:?}");
    }
}

#[test]
fn addresses_are_bounded_and_those_that_nobody_has_are_not_kept() {
    use core::net::{Ipv4Addr, Ipv6Addr};
    let mut addresses = Addresses::default();
    for last in 0..10 {
        assert!(addresses.add_v4(Ipv4Addr::new(10, 0, 0, last)));
        assert!(addresses.add_v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1 + u16::from(last))));
    }
    assert!(!addresses.add_v4(Ipv4Addr::new(10, 0, 0, 9)), "known");
    for none in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)] {
        assert!(!addresses.add_v4(none));
    }
    assert_eq!((addresses.v4().len(), addresses.v6().len()), (4, 8));
    assert_eq!(addresses.v4()[3], Ipv4Addr::new(10, 0, 0, 9));
    let row = Row::Addresses(STATION, addresses);
    let key = Key::decode(&row.key().encode()).unwrap();
    assert_eq!(Row::decode(OTHER, key, &row.encode()), Some(row));
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
                1 => claims.claim(at(now), station, SA, rank(1, number)),
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
