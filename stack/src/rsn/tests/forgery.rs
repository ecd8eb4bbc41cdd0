//! Messages that are sent again, forged or changed.

use super::*;

#[test]
fn sec_k1_retransmitted_m3_does_not_reinstall() {
    let mut pair = Pair::new();
    let m3 = pair.up_to_message_3();
    pair.give_sta(&m3).unwrap();
    let _lost_m4 = pair.sta_sends();
    pair.collect();
    pair.expire();
    let again = pair.ap_sends();
    for protected in [false, true] {
        let mut frame = again.clone();
        frame.protected = protected;
        let result = pair.give_sta(&frame);
        assert_eq!(result, if protected { Err(EapolDrop::ReplayCounter) } else { Ok(()) });
    }
    pair.run();
    assert_eq!(pair.sta_installs(), 1);
    let groups = pair.sta_events.iter().filter(|event| matches!(event, SupplicantEvent::InstallGroup(_)));
    assert_eq!(groups.count(), 1);
    assert_eq!(pair.ap_key(), pair.sta_key());
}

#[test]
fn sec_k2_a_forged_m1_changes_nothing() {
    for (nonce, protected) in
        [(None, false), (None, true), (Some([0xee; 32]), false), (Some([0xee; 32]), true)]
    {
        let mut pair = Pair::new();
        let m3 = pair.up_to_message_3();
        let anonce = *EapolKey::parse(&m3.pdu, 16).unwrap().unwrap().nonce();
        pair.give_sta(&m3).unwrap();
        let _lost_m4 = pair.sta_sends();
        pair.collect();
        let draft = Draft {
            nonce: nonce.unwrap_or(anonce),
            ..Draft::new(KeyInfo::PAIRWISE.with(KeyInfo::ACK), 1000)
        };
        let forged = EapolTransmit { pdu: parties().build(draft, None), protected };
        let _ = pair.give_sta(&forged);
        while pair.sta.poll_transmit().is_some() {}
        pair.expire();
        let again = pair.ap_sends();
        pair.give_sta(&again).unwrap();
        pair.run();
        assert_eq!(pair.sta_installs(), 1, "{nonce:?} {protected}");
        assert_eq!(pair.ap_key(), pair.sta_key());
    }
}

#[test]
fn sec_k2_a_forged_m1_before_m3_does_not_stop_the_handshake() {
    let mut pair = Pair::new();
    let m3 = pair.up_to_message_3();
    let draft = Draft { nonce: [0xee; 32], ..Draft::new(KeyInfo::PAIRWISE.with(KeyInfo::ACK), u64::MAX) };
    let forged = EapolTransmit { pdu: parties().build(draft, None), protected: false };
    pair.give_sta(&forged).unwrap();
    let _to_the_attacker = pair.sta_sends();
    pair.give_sta(&m3).unwrap();
    pair.run();
    assert_eq!(pair.ap_key(), pair.sta_key());
}

#[test]
fn sec_k6_whatever_is_wrong_is_discarded_and_the_handshake_goes_on() {
    let mut pair = Pair::new();
    let mut drops = Vec::new();
    while let Some(frame) = pair.ap.poll_transmit() {
        for bit in 0..frame.pdu.len() * 8 {
            let mut bad = frame.clone();
            bad.pdu[bit / 8] ^= 1 << (bit % 8);
            // Message 1 is not authenticated: its nonce and counter may say anything.
            let unauthenticated =
                EapolKey::parse(&frame.pdu, 16).unwrap().unwrap().info().contains(KeyInfo::MIC);
            let protocol_version = bit < 8;
            if unauthenticated && !protocol_version {
                drops.extend(pair.give_sta(&bad).err());
            }
        }
        for cut in 0..frame.pdu.len() {
            let short = EapolTransmit { pdu: frame.pdu[..cut].to_vec(), protected: frame.protected };
            assert!(pair.give_sta(&short).is_err());
        }
        pair.give_sta(&frame).unwrap();
        let answer = pair.sta_sends();
        for bit in 8..answer.pdu.len() * 8 {
            let mut bad = answer.clone();
            bad.pdu[bit / 8] ^= 1 << (bit % 8);
            drops.push(pair.give_ap(&bad).unwrap_err());
        }
        pair.give_ap(&answer).unwrap();
    }
    pair.collect();
    assert_eq!(pair.ap_key(), pair.sta_key());
    for kind in [EapolDrop::Malformed, EapolDrop::Mic, EapolDrop::Unexpected, EapolDrop::ReplayCounter] {
        assert!(drops.contains(&kind), "{kind}");
    }
    assert!(!drops.contains(&EapolDrop::ElementMismatch));
    assert_eq!(pair.ap.handle_eapol(pair.now, &[2, 1, 0, 0], true), Err(EapolDrop::NotKey));
    assert_eq!(pair.ap.handle_eapol(pair.now, &[2, 2, 0, 0], true), Err(EapolDrop::NotKey));
}

#[test]
fn sec_k6_an_answer_to_nothing_that_was_sent_is_discarded_even_with_a_valid_mic() {
    let mut pair = Pair::new();
    let m1 = pair.ap_sends();
    // The same message 1 but for its counter, which nothing protects: the station signs what it is given.
    let mut renumbered = m1.clone();
    renumbered.pdu[16] = 9;
    pair.give_sta(&renumbered).unwrap();
    let stray = pair.sta_sends();
    assert_eq!(pair.give_ap(&stray), Err(EapolDrop::ReplayCounter));
    pair.give_sta(&m1).unwrap();
    pair.run();
    assert_eq!(pair.ap_key(), pair.sta_key());
}

#[test]
fn sec_k8_other_elements_in_m3_than_in_the_beacon_end_it() {
    let mut other = AP_RSNE;
    other[7] = 2;
    let with_rsnxe = [&AP_RSNE[..], &[244, 1, 0x20]].concat();
    for heard in [&other[..], &with_rsnxe, &[]] {
        let mut pair = Pair::with(Akm::Psk, parties().pmk, heard, &STA_RSNE);
        let m3 = pair.up_to_message_3();
        assert_eq!(pair.give_sta(&m3), Err(EapolDrop::ElementMismatch));
        pair.collect();
        assert_eq!(pair.sta_events, [SupplicantEvent::Failed(HandshakeFailure::ElementMismatch)]);
        assert_eq!(HandshakeFailure::ElementMismatch.reason(), ReasonCode(17));
    }
}

#[test]
fn sec_k8_other_elements_in_m2_than_in_the_association_end_it() {
    let mut pair = Pair::with(Akm::Psk, parties().pmk, &AP_RSNE, &AP_RSNE);
    let m1 = pair.ap_sends();
    pair.give_sta(&m1).unwrap();
    let m2 = pair.sta_sends();
    assert_eq!(pair.give_ap(&m2), Err(EapolDrop::ElementMismatch));
    pair.collect();
    assert_eq!(pair.ap_events, [AuthenticatorEvent::Failed(HandshakeFailure::ElementMismatch)]);
}

/// Message 3 with a valid MIC, but its key data changed by `change`.
fn message_3_with(
    pair: &mut Pair,
    change: impl FnOnce(&[u8], &crate::rsn::Ptk) -> (KeyInfo, Vec<u8>),
) -> Vec<u8> {
    let m1 = pair.ap_sends();
    pair.give_sta(&m1).unwrap();
    let m2 = pair.sta_sends();
    let (m1, m2) =
        (EapolKey::parse(&m1.pdu, 16).unwrap().unwrap(), EapolKey::parse(&m2.pdu, 16).unwrap().unwrap());
    let ptk = parties().derive(m1.nonce(), m2.nonce()).unwrap();
    let mut key_data = KeyDataWriter::new();
    key_data.elements(&AP_RSNE).kde(&Kde::Gtk { key_id: 1, tx: false, key: &[0x11; 16] }).pad();
    let (encrypted, key_data) = change(key_data.bytes(), &ptk);
    let info = KeyInfo::PAIRWISE.with(KeyInfo::ACK).with(KeyInfo::MIC).with(KeyInfo::SECURE).with(encrypted);
    let draft = Draft { nonce: *m1.nonce(), key_data: &key_data, ..Draft::new(info, 2) };
    parties().build(draft, Some(&ptk.kck))
}

#[test]
fn sec_k9_an_unencrypted_group_key_is_refused() {
    let mut pair = Pair::new();
    let pdu = message_3_with(&mut pair, |key_data, _| (KeyInfo(0), key_data.to_vec()));
    assert_eq!(pair.give_sta(&EapolTransmit { pdu, protected: false }), Err(EapolDrop::KeyData));
    pair.collect();
    assert_eq!(pair.sta_events, []);
}

#[test]
fn sec_k9_key_data_is_not_looked_at_before_the_mic() {
    let mut pair = Pair::new();
    let mut pdu = message_3_with(&mut pair, |_, _| (KeyInfo::ENCRYPTED, vec![0xff; 24]));
    *pdu.last_mut().unwrap() ^= 1;
    assert_eq!(pair.give_sta(&EapolTransmit { pdu: pdu.clone(), protected: false }), Err(EapolDrop::Mic));
    *pdu.last_mut().unwrap() ^= 1;
    assert_eq!(pair.give_sta(&EapolTransmit { pdu, protected: false }), Err(EapolDrop::KeyData));
}

#[test]
fn sec_k13_zero_nonces_and_zero_group_keys_are_refused() {
    let mut pair = Pair::new();
    let zero = Draft::new(KeyInfo::PAIRWISE.with(KeyInfo::ACK), 1);
    let forged = EapolTransmit { pdu: parties().build(zero, None), protected: false };
    assert_eq!(pair.give_sta(&forged), Err(EapolDrop::WeakKey));
    let pdu = message_3_with(&mut pair, |_, ptk| {
        let mut key_data = KeyDataWriter::new();
        key_data.elements(&AP_RSNE).kde(&Kde::Gtk { key_id: 1, tx: false, key: &[0; 16] }).pad();
        (KeyInfo::ENCRYPTED, wrap(ptk.kek.expose(), key_data.bytes()).unwrap())
    });
    assert_eq!(pair.give_sta(&EapolTransmit { pdu, protected: false }), Err(EapolDrop::WeakKey));
    pair.collect();
    assert_eq!(pair.sta_events, []);
}
