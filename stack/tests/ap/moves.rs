//! A client's virtual AP moves from one radio to another.

use std::time::Duration;

use stack::ap::{
    ApEvent, ApRadio, BssidBlock, Context, ContextError, NetworkConfig, Refusal, SharedClock, VirtualAp,
    VirtualApKind,
};
use stack::sta::LinkConfig;
use stack::wire::{AckChange, Frame, FrameKind, MacAddr, ManagementBody, RxInfo, TxId, TxStatus};

use crate::two::{LINGER, OWN, Two, above, carried, dozing, events_of, half};
use crate::world::{
    Counting, NETWORK, WPA2_PSK, association, at, authentication, data, kind_of, open, probe, radio, station,
    stranger, transmitter, wpa2,
};

#[test]
fn what_waits_for_a_dozing_client_moves_with_it() {
    for step in [Two::moved as fn(&mut Two), Two::moved_far] {
        let mut two = dozing(5);
        step(&mut two);
        assert_eq!(two.world.ap.occupancy().queued, 5);
        two.world.away.clear();
        two.world.run(1000);
        assert_eq!(two.world.got(0, b"for the one who dozes"), 5);
    }
}

/// Two frames to the station that are with the radio, of which none probes a rate: what they say, and their names.
fn launched(two: &mut Two) -> [(String, TxId, Vec<u8>); 2] {
    // While there is something to learn, every second frame probes a rate.
    for _ in 0..200 {
        two.world.send_down(station(1), b"to learn from");
        two.world.run(2);
    }
    for n in 0..10 {
        let now = at(two.world.now);
        let mut probes = false;
        let mut flying = ["first", "second"].into_iter().filter_map(|which| {
            let text = format!("the {which} of {n}");
            two.world.send_down(station(1), text.as_bytes());
            let transmit = two.world.ap.poll_transmit(now)?;
            let (id, frame) = (transmit.id, transmit.frame.clone());
            probes |= transmit.options.retries == Some(0);
            two.world.ap.recycle(transmit);
            Some((text, id, frame))
        });
        let flying = [flying.next(), flying.next()];
        if let ([Some(one), Some(other)], false) = (flying.clone(), probes) {
            return [one, other];
        }
        for (_, id, _) in flying.into_iter().flatten() {
            two.world.ap.handle_tx_status(now, TxStatus { id, acked: true, retries: 0 });
        }
        two.world.run(20);
    }
    panic!("never two at a time");
}

#[test]
fn what_is_in_flight_is_waited_for_and_what_failed_goes_again_from_the_other_radio() {
    for step in [|_: &mut Two, ap| ap, carried as fn(&mut Two, VirtualAp) -> VirtualAp] {
        let mut two = Two::joined(wpa2(OWN));
        two.world.traffic_both_ways(0);
        let [acked, failed] = launched(&mut two);
        let (now, bssid) = (at(two.world.now), two.bssid());
        two.world.send_down(station(1), b"still waits");
        assert!(two.world.ap.drain(bssid));
        assert!(two.world.ap.poll_transmit(now).is_none(), "nothing new is launched");
        two.world.links[0].1.handle_frame(now, &RxInfo::default(), &mut acked.2.clone());
        two.world.ap.handle_tx_status(now, TxStatus { id: acked.1, acked: true, retries: 0 });
        two.world.take_events();
        assert!(!two.world.ap_events.contains(&ApEvent::Drained(bssid)));
        assert!(two.world.ap.take(now, bssid, LINGER).is_none(), "not before it is drained");
        two.world.ap.handle_tx_status(now, TxStatus { id: failed.1, acked: false, retries: 7 });
        two.world.take_events();
        assert!(two.world.ap_events.contains(&ApEvent::Drained(bssid)));
        let ap = two.world.ap.take(now, bssid, LINGER).unwrap();
        let ap = step(&mut two, ap);
        two.hand_over(ap);
        let since = two.world.air.len();
        two.world.run(50);
        for text in [acked.0.as_bytes(), failed.0.as_bytes(), b"still waits"] {
            assert_eq!(two.world.got(0, text), 1, "{:?}", std::str::from_utf8(text));
        }
        let mut data = two.world.air[since..].iter().filter(|on_air| on_air.frame[1] & 0x40 != 0);
        let again = &data.next().unwrap().frame;
        let retry = (again[1] & 0x08, &again[22..24]);
        assert_eq!(retry, (0x08, &failed.2[22..24]), "Retry, and the same sequence number");
    }
}

#[test]
fn a_move_that_is_called_off_changes_nothing() {
    let mut two = dozing(3);
    let bssid = two.bssid();
    assert!(two.world.ap.drain(bssid));
    two.world.away.clear();
    let since = two.world.air.len();
    two.world.run(250);
    assert!(!two.world.air[since..].iter().any(|on_air| transmitter(&on_air.frame) == bssid));
    two.world.ap.resume(at(two.world.now), bssid);
    assert!(two.world.ap.take(at(two.world.now), bssid, LINGER).is_none());
    two.world.run(600);
    assert_eq!(two.world.got(0, b"for the one who dozes"), 3);
    two.world.traffic_both_ways(0);
}

#[test]
fn an_address_that_is_away_is_nobodys_until_it_is_vacated() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    two.moved();
    // At its home nobody can take it, and it answers nothing there.
    two.change();
    two.world.run(500);
    let since = two.world.air.len();
    two.hear(&authentication(bssid, stranger(1)));
    two.hear(&association(bssid, stranger(1), &WPA2_PSK, 2));
    for n in 1..40 {
        two.hear(&probe(stranger(n), b"net"));
        two.world.run(1);
    }
    assert!(!two.world.air[since..].iter().any(|on_air| transmitter(&on_air.frame) == bssid));
    // Its end at the other radio is told, and makes it free.
    two.change();
    two.world.links[0].1.stop();
    two.world.run(20);
    assert!(two.world.ap_events.contains(&ApEvent::Vacated(bssid)), "{:?}", two.world.ap_events);
    two.change();
    two.world.ap.vacated(bssid);
    let since = two.world.air.len();
    two.hear(&authentication(bssid, stranger(1)));
    two.world.run(5);
    assert_eq!(two.world.answers(since, stranger(1), FrameKind::AUTHENTICATION).len(), 1);
}

#[test]
fn a_client_that_comes_again_is_taken_at_its_bssid_where_that_is_and_anew_where_it_is_not() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    two.moved();
    // To its own BSSID, on a radio whose own it is not.
    two.world.links.clear();
    two.link(|config| LinkConfig { bssid: Some(bssid), ..config });
    assert_eq!(two.bssid(), bssid);
    assert!(!two.world.ap_events.contains(&ApEvent::Vacated(bssid)), "it lives on");
    two.world.traffic_both_ways(0);
    // To the radio where it was first.
    two.change();
    two.world.links.clear();
    two.link(|config| config);
    assert_ne!(two.bssid(), bssid);
    two.other.station_elsewhere(at(two.world.now), NETWORK, station(1));
    let told = events_of(&mut two.other);
    assert!(told.contains(&ApEvent::Vacated(bssid)), "{told:?}");
    two.world.traffic_both_ways(0);
}

#[test]
fn a_virtual_ap_that_comes_home_finds_its_place() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    for _ in 0..3 {
        two.moved();
        two.world.traffic_both_ways(0);
    }
    two.moved();
    two.world.links[0].1.stop();
    two.world.run(20);
    let told = two.world.ap_events.iter().any(|event| matches!(event, ApEvent::Vacated(_)));
    assert!(!told, "it was at home");
    let clients = (1..=7).filter(|n| {
        two.hear(&authentication(crate::world::bssid(*n), stranger(u32::from(*n))));
        two.hear(&association(crate::world::bssid(*n), stranger(u32::from(*n)), &WPA2_PSK, 2));
        two.world.ap.virtual_aps().any(|ap| ap.bssid() == crate::world::bssid(*n))
    });
    assert_eq!((clients.count(), bssid.octets()[5] < 8), (7, true), "all places are free");
}

#[test]
fn what_cannot_be_adopted_is_given_back() {
    let why = |radio: &mut ApRadio, ap: VirtualAp| radio.adopt(at(1000), ap).unwrap_err().why;
    let taken = || Two::joined(wpa2(OWN)).take();
    let radio = |config, network| ApRadio::new(config, vec![network], at(0), Box::new(Counting(3)));
    let far = BssidBlock { base: MacAddr([2, 0, 0, 0, 7, 0]), bits: 4 };
    assert_eq!(why(&mut radio(self::radio(far), wpa2(OWN)), taken()), Refusal::ForeignBssid);
    let named = NetworkConfig { ssid: b"other".to_vec(), ..wpa2(OWN) };
    for network in [open(OWN), named, wpa2(VirtualApKind::Shared)] {
        assert_eq!(why(&mut radio(half(1), network), taken()), Refusal::UnknownNetwork);
    }
    let full = NetworkConfig { max_stations: 0, ..wpa2(OWN) };
    assert_eq!(why(&mut radio(half(1), full), taken()), Refusal::Full);
    let mut here = Two::joined(wpa2(OWN));
    assert_eq!(why(&mut here.world.ap, taken()), Refusal::BssidTaken);
}

#[test]
fn a_context_of_another_network_is_refused() {
    let mut two = Two::joined(wpa2(OWN));
    let now = at(two.world.now);
    let context = two.take().into_context(now, SharedClock::default()).unwrap();
    let key = stack::rsn::Pmk::new(&[2; 32]).unwrap();
    let keyed = NetworkConfig { security: stack::ap::Security::Wpa2(key), ..wpa2(OWN) };
    let named = NetworkConfig { ssid: b"other".to_vec(), ..wpa2(OWN) };
    for network in [open(OWN), keyed, named, wpa2(VirtualApKind::Shared)] {
        let result = context.clone().into_virtual_ap(now, SharedClock::default(), &network, above);
        assert_eq!(result.map(|_| ()), Err(ContextError::OtherNetwork));
    }
}

/// TSF timer in the last beacon of a BSS, less the time at which it left.
fn tsf(two: &Two, bssid: MacAddr) -> i64 {
    let beacons = two.world.air.iter().rev().filter(|on_air| transmitter(&on_air.frame) == bssid);
    let beacons = beacons.filter(|on_air| kind_of(&on_air.frame) == Some(FrameKind::BEACON));
    let beacon = { beacons }.next().unwrap();
    let Ok(Frame::Management(frame)) = Frame::parse(&beacon.frame) else { panic!() };
    let ManagementBody::Beacon(body) = frame.parse_body().unwrap() else { panic!() };
    body.timestamp as i64 - at(beacon.at).as_micros() as i64
}

#[test]
fn the_tsf_timer_goes_on_whatever_the_clocks_of_the_hosts_show() {
    let mut two = Two::joined(wpa2(OWN));
    two.world.run(300);
    let bssid = two.bssid();
    let before = tsf(&two, bssid);
    // The clock of the first host shows 1.5 s more than that of the second, which began later than the timer.
    let (first, second) = (SharedClock { ahead: 1_000_000_000 }, SharedClock { ahead: 1_001_500_000 });
    let there = at(two.world.now);
    let here = there - Duration::from_millis(1500);
    let bytes = two.take().into_context(there, first).unwrap().encode();
    let context = Context::decode(&bytes).unwrap();
    assert_eq!((context.bssid(), context.client(), context.ssid()), (bssid, station(1), &b"net"[..]));
    let ap = context.into_virtual_ap(here, second, &two.network, above).unwrap();
    let far = ApRadio::new(half(1), vec![two.network.clone()], here, Box::new(Counting(5)));
    let mut far = far;
    far.adopt(here, ap).unwrap();
    let beacon = (0..200_000).step_by(100).find_map(|micros| {
        let now = here + Duration::from_micros(micros);
        far.handle_timeout(now);
        let transmit = far.poll_transmit(now).filter(|transmit| transmitter(&transmit.frame) == bssid)?;
        Some((now + Duration::from_millis(1500), transmit.frame))
    });
    let (at, frame) = beacon.unwrap();
    let timestamp = u64::from_le_bytes(frame[24..32].try_into().unwrap()) as i64;
    assert_eq!(timestamp - at.as_micros() as i64, before);
    assert!(timestamp % 102_400 < 100, "and at its TBTT: {}", timestamp % 102_400);
}

#[test]
fn how_a_station_is_heard_is_told_ten_times_a_second_wherever_its_virtual_ap_is() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    let info = RxInfo { signal: Some(-61), ..RxInfo::default() };
    let heard = |radio: &mut ApRadio| {
        let mut count = 0;
        for micros in (0..1_000_000).step_by(5_000) {
            let now = at(10_000) + Duration::from_micros(micros);
            radio.handle_frame(now, &info, &mut data(FrameKind::NULL, bssid, station(1), false, &[]));
            for event in events_of(radio) {
                if let ApEvent::Heard { .. } = event {
                    assert_eq!(event, ApEvent::Heard { bssid, station: station(1), signal: -61 });
                    count += 1;
                }
            }
        }
        count
    };
    assert_eq!((heard(&mut two.world.ap), heard(&mut two.other)), (10, 10));
}

#[test]
fn the_address_of_a_virtual_ap_that_came_is_acknowledged() {
    let mut two = Two::joined(wpa2(OWN));
    let bssid = two.bssid();
    let ap = two.take();
    two.other.adopt(at(two.world.now), ap).unwrap();
    assert!(events_of(&mut two.other).contains(&ApEvent::Ack(AckChange::Add(bssid))));
}
