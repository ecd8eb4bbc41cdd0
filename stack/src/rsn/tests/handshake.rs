//! The 4-way handshake between two that know each other.

use super::*;

#[test]
fn both_sides_agree_with_any_psk_suite() {
    for akm in [Akm::Psk, Akm::PskSha256, Akm::PskSha384] {
        let mut pair = Pair::with(akm, parties().pmk, &AP_RSNE, &STA_RSNE);
        pair.run();
        assert_eq!(pair.ap_key(), pair.sta_key());
        assert_eq!(pair.ap_events.last(), Some(&AuthenticatorEvent::Authorized));
        assert_eq!(pair.sta_events[1], SupplicantEvent::InstallGroup(group(0x11, 1, 0x42)));
        assert_eq!(pair.sta_events.last(), Some(&SupplicantEvent::Authorized));
        assert_eq!((pair.ap.poll_timeout(), pair.sta.poll_timeout()), (None, None));
    }
}

#[test]
fn a_wrong_psk_is_dropped_in_silence_and_times_out_after_four_tries() {
    let mut pair = Pair::with(Akm::Psk, Pmk::new(&[8; 32]).unwrap(), &AP_RSNE, &STA_RSNE);
    let mut sent = Vec::new();
    while pair.ap_events.is_empty() {
        if let Some(m1) = pair.ap.poll_transmit() {
            sent.push(pair.now.as_micros());
            pair.give_sta(&m1).unwrap();
            let m2 = pair.sta_sends();
            assert_eq!(pair.give_ap(&m2), Err(EapolDrop::Mic));
        }
        pair.expire();
        pair.collect();
    }
    assert_eq!(sent, [0, 100_000, 1_100_000, 2_100_000]);
    assert_eq!(pair.ap_events, [AuthenticatorEvent::Failed(HandshakeFailure::Timeout)]);
    assert_eq!(HandshakeFailure::Timeout.reason(), ReasonCode(15));
    assert_eq!(pair.ap.poll_timeout(), None);
    pair.sta.handle_timeout(pair.now + Duration::from_secs(10));
    assert_eq!(pair.sta.poll_event(), Some(SupplicantEvent::Failed(HandshakeFailure::Timeout)));
}

#[test]
fn a_late_answer_to_an_earlier_transmission_counts() {
    let mut pair = Pair::new();
    let first = pair.ap_sends();
    pair.expire();
    let _second = pair.ap_sends();
    pair.give_sta(&first).unwrap();
    pair.run();
    assert_eq!(pair.ap_key(), pair.sta_key());
}

#[test]
fn a_station_with_a_new_nonce_for_each_message_1_gets_a_message_3_that_it_understands() {
    let mut pair = Pair::new();
    let m1 = pair.ap_sends();
    pair.give_sta(&m1).unwrap();
    let first_m2 = pair.sta_sends();
    let mut other = Pair::new();
    other.random = Counting(100);
    other.give_sta(&m1).unwrap();
    let second_m2 = other.sta_sends();
    pair.give_ap(&first_m2).unwrap();
    let _lost = pair.ap_sends();
    pair.give_ap(&second_m2).unwrap();
    let m3 = pair.ap_sends();
    other.give_sta(&m3).unwrap();
    let m4 = other.sta_sends();
    pair.give_ap(&m4).unwrap();
    pair.collect();
    other.collect();
    assert_eq!(pair.ap_key(), other.sta_key());
}

#[test]
fn sec_k7_message_3_without_message_1_opens_nothing() {
    let mut pair = Pair::new();
    let m3 = pair.up_to_message_3();
    let mut fresh = Pair::new();
    assert_eq!(fresh.give_sta(&m3), Err(EapolDrop::Unexpected));
    fresh.collect();
    assert_eq!(fresh.sta_events, []);
    // Nor does message 4, for the AP, in place of message 2.
    pair.give_sta(&m3).unwrap();
    let m4 = pair.sta_sends();
    assert_eq!(fresh.give_ap(&m4), Err(EapolDrop::Unexpected));
    fresh.collect();
    assert_eq!(fresh.ap_events, []);
}

#[test]
fn sec_k13_a_generator_that_repeats_itself_ends_it() {
    for byte in [0, 0xab] {
        let mut pair = Pair::joined();
        let mut broken = Constant(byte);
        pair.ap.rekey_pairwise(pair.now, &mut broken);
        if byte != 0 {
            pair.run();
            pair.ap_events.clear();
            pair.ap.rekey_pairwise(pair.now, &mut broken);
        }
        pair.collect();
        assert_eq!(pair.ap_events, [AuthenticatorEvent::Failed(HandshakeFailure::Randomness)]);
    }
}
