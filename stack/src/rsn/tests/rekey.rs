//! New pairwise and group keys.

use super::*;

#[test]
fn sec_k3_a_replayed_group_m1_does_not_reinstall() {
    let mut pair = Pair::joined();
    pair.ap.rekey_group(pair.now, group(0x22, 2, 0));
    let g1 = pair.ap_sends();
    assert!(g1.protected);
    pair.give_sta(&g1).unwrap();
    let _lost = pair.sta_sends();
    pair.collect();
    assert_eq!(pair.sta_events, [SupplicantEvent::InstallGroup(group(0x22, 2, 0))]);
    assert_eq!(pair.give_sta(&g1), Err(EapolDrop::ReplayCounter));
    // The AP's own retransmission is answered, and installs nothing either.
    pair.expire();
    pair.run();
    assert_eq!(pair.sta_events.len(), 1);
    assert_eq!(pair.ap_events, [AuthenticatorEvent::GroupKeyDone]);
}

#[test]
fn sec_k4_the_group_key_comes_with_its_rsc_and_never_again_with_a_lower_one() {
    let mut pair = Pair::joined();
    pair.ap.set_group_rsc(1000);
    pair.ap.rekey_group(pair.now, group(0x22, 2, 77));
    pair.run();
    assert_eq!(pair.sta_events, [SupplicantEvent::InstallGroup(group(0x22, 2, 77))]);
    pair.ap.rekey_group(pair.now, group(0x22, 2, 0));
    pair.run();
    pair.ap.rekey_group(pair.now, group(0x22, 3, 0));
    pair.run();
    assert_eq!(pair.sta_events.len(), 1, "the same key under whatever key ID keeps its counter");
}

#[test]
fn message_4_of_a_rekey_is_taken_in_plaintext_once() {
    let mut pair = Pair::joined();
    pair.ap.rekey_pairwise(pair.now, &mut pair.random);
    let down = pair.ap_sends();
    pair.give_sta(&down).unwrap();
    let up = pair.sta_sends();
    pair.give_ap(&up).unwrap();
    let down = pair.ap_sends();
    pair.give_sta(&down).unwrap();
    let plain = EapolTransmit { protected: false, ..pair.sta_sends() };
    let mut forged = plain.clone();
    *forged.pdu.last_mut().unwrap() ^= 1;
    pair.give_ap(&forged).unwrap_err();
    pair.give_ap(&plain).unwrap();
    assert_eq!(pair.give_ap(&plain), Err(EapolDrop::Plaintext));
    pair.collect();
    assert!(!pair.ap.holds_data());
    assert_eq!(pair.ap_key(), pair.sta_key());
}

#[test]
fn sec_k11_a_rekey_goes_encrypted_and_the_old_key_stays_until_it_is_through() {
    let mut pair = Pair::joined();
    pair.ap.rekey_pairwise(pair.now, &mut pair.random);
    assert!(pair.ap.holds_data());
    for step in 0..2 {
        let down = pair.ap_sends();
        assert!(down.protected);
        let mut plain = down.clone();
        plain.protected = false;
        assert_eq!(pair.give_sta(&plain), Err(EapolDrop::Plaintext));
        pair.give_sta(&down).unwrap();
        assert_eq!(pair.sta.poll_event(), None, "nothing is installed while a frame waits for the old key");
        let up = pair.sta_sends();
        assert!(up.protected);
        if step == 0 {
            let plain = EapolTransmit { protected: false, ..up.clone() };
            assert_eq!(pair.give_ap(&plain), Err(EapolDrop::Plaintext));
        }
        pair.collect();
        assert_eq!((pair.ap_events.len(), pair.sta_installs()), (0, step), "step {step}");
        pair.give_ap(&up).unwrap();
    }
    pair.collect();
    assert!(!pair.ap.holds_data());
    assert_eq!(pair.ap_key(), pair.sta_key());
    assert!(!pair.ap_events.contains(&AuthenticatorEvent::Authorized));
    assert_eq!(
        (pair.ap_events.len(), pair.sta_events.len()),
        (1, 1),
        "one new key each, the port stays open"
    );
}

#[test]
fn sec_k12_a_station_whose_packet_numbers_run_out_asks_for_a_rekey() {
    let mut pair = Pair::joined();
    pair.sta.request_rekey();
    let request = pair.sta_sends();
    assert!(request.protected);
    pair.give_ap(&request).unwrap();
    pair.collect();
    assert_eq!(pair.ap_events, [AuthenticatorEvent::PairwiseRekeyRequested]);
    assert_eq!(pair.give_ap(&request), Err(EapolDrop::ReplayCounter));
    pair.sta.request_rekey();
    let request = pair.sta_sends();
    assert_eq!(pair.give_ap(&request), Err(EapolDrop::RateLimited));
    pair.now += Duration::from_secs(10);
    pair.give_ap(&request).unwrap();
    pair.ap_events.clear();
    pair.ap.rekey_pairwise(pair.now, &mut pair.random);
    pair.run();
    assert_eq!(pair.ap_key(), pair.sta_key());
}

#[test]
fn a_group_rekey_that_nobody_answers_fails_with_its_own_reason() {
    let mut pair = Pair::joined();
    pair.ap.rekey_group(pair.now, group(0x22, 2, 0));
    for _ in 0..4 {
        assert!(pair.ap.poll_transmit().is_some());
        pair.expire();
    }
    pair.collect();
    assert_eq!(pair.ap_events, [AuthenticatorEvent::Failed(HandshakeFailure::GroupTimeout)]);
    assert_eq!(HandshakeFailure::GroupTimeout.reason(), ReasonCode(16));
}

#[test]
fn a_group_key_that_changes_during_the_handshake_still_arrives() {
    let mut pair = Pair::new();
    let m3 = pair.up_to_message_3();
    pair.ap.rekey_group(pair.now, group(0x22, 2, 0));
    pair.give_sta(&m3).unwrap();
    pair.run();
    assert!(pair.sta_events.contains(&SupplicantEvent::InstallGroup(group(0x22, 2, 0))));
    assert_eq!(pair.ap_events.last(), Some(&AuthenticatorEvent::GroupKeyDone));
}
