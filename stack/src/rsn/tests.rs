//! Both machines against each other, and against what an attacker makes of their frames.

use std::time::Duration;

use crate::crypto::{Cipher, wrap};
use crate::random::Random;
use crate::rsn::message::{Draft, Parties};
use crate::rsn::{
    Akm, Authenticator, AuthenticatorConfig, AuthenticatorEvent, EapolDrop, EapolTransmit, GroupKeyData, Gtk,
    HandshakeFailure, Observer, Pmk, Supplicant, SupplicantConfig, SupplicantEvent, TemporalKey,
};
use crate::time::Instant;
use crate::wire::eapol::{EapolKey, Kde, KeyDataWriter, KeyInfo};
use crate::wire::{MacAddr, ReasonCode};

const AP_RSNE: [u8; 8] = [48, 6, 1, 0, 0, 0x0f, 0xac, 4];
const STA_RSNE: [u8; 8] = [48, 6, 1, 0, 0, 0x0f, 0xac, 8];

/// Counts up: every draw differs, every run is the same.
struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0 += 1;
        buffer.fill(self.0);
    }
}

struct Constant(u8);

impl Random for Constant {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

fn parties() -> Parties {
    Parties {
        aa: MacAddr([2, 0, 0, 0, 1, 0]),
        spa: MacAddr([2, 0, 0, 0, 2, 0]),
        pmk: Pmk::new(&[7; 32]).unwrap(),
        akm: Akm::Psk,
        pairwise: Cipher::Ccmp128,
    }
}

fn group(byte: u8, key_id: u8, rsc: u64) -> GroupKeyData {
    GroupKeyData { gtk: Gtk::new(&[byte; 16]).unwrap(), key_id, rsc }
}

struct Pair {
    now: Instant,
    random: Counting,
    ap: Authenticator,
    sta: Supplicant,
    ap_events: Vec<AuthenticatorEvent>,
    sta_events: Vec<SupplicantEvent>,
}

impl Pair {
    fn with(akm: Akm, sta_pmk: Pmk, heard_ap: &[u8], sent_sta: &[u8]) -> Self {
        let Parties { aa, spa, pmk, pairwise, .. } = parties();
        let ap = Authenticator::new(AuthenticatorConfig {
            aa,
            spa,
            pmk,
            akm,
            pairwise,
            group: group(0x11, 1, 0x42),
            ap_elements: AP_RSNE.to_vec(),
            sta_elements: STA_RSNE.to_vec(),
        });
        let sta = Supplicant::new(SupplicantConfig {
            aa,
            spa,
            pmk: sta_pmk,
            akm,
            pairwise,
            group: Cipher::Ccmp128,
            ap_elements: heard_ap.to_vec(),
            sta_elements: sent_sta.to_vec(),
        });
        let mut pair =
            Self { now: Instant::ZERO, random: Counting(0), ap, sta, ap_events: vec![], sta_events: vec![] };
        pair.sta.start(pair.now);
        pair.ap.start(pair.now, &mut pair.random);
        pair
    }

    fn new() -> Self {
        Self::with(Akm::Psk, parties().pmk, &AP_RSNE, &STA_RSNE)
    }

    fn joined() -> Self {
        let mut pair = Self::new();
        pair.run();
        assert!(pair.ap_events.contains(&AuthenticatorEvent::Authorized));
        pair.ap_events.clear();
        pair.sta_events.clear();
        pair
    }

    fn ap_sends(&mut self) -> EapolTransmit {
        self.ap.poll_transmit().expect("a frame from the AP")
    }

    fn sta_sends(&mut self) -> EapolTransmit {
        self.sta.poll_transmit().expect("a frame from the station")
    }

    fn give_sta(&mut self, frame: &EapolTransmit) -> Result<(), EapolDrop> {
        self.sta.handle_eapol(self.now, &frame.pdu, frame.protected, &mut self.random)
    }

    fn give_ap(&mut self, frame: &EapolTransmit) -> Result<(), EapolDrop> {
        self.ap.handle_eapol(self.now, &frame.pdu, frame.protected)
    }

    fn collect(&mut self) {
        self.ap_events.extend(std::iter::from_fn(|| self.ap.poll_event()));
        self.sta_events.extend(std::iter::from_fn(|| self.sta.poll_event()));
    }

    /// Carries frames until both are silent.
    fn run(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(frame) = self.ap.poll_transmit() {
                quiet = false;
                self.give_sta(&frame).unwrap();
            }
            while let Some(frame) = self.sta.poll_transmit() {
                quiet = false;
                self.give_ap(&frame).unwrap();
            }
            if quiet {
                return self.collect();
            }
        }
    }

    /// Up to the point where the AP has sent message 3 and the station has not seen it.
    fn up_to_message_3(&mut self) -> EapolTransmit {
        let m1 = self.ap_sends();
        self.give_sta(&m1).unwrap();
        let m2 = self.sta_sends();
        self.give_ap(&m2).unwrap();
        self.ap_sends()
    }

    fn expire(&mut self) {
        self.now = self.ap.poll_timeout().expect("a deadline").0;
        self.ap.handle_timeout(self.now);
    }

    fn sta_installs(&self) -> usize {
        self.sta_events
            .iter()
            .filter(|event| matches!(event, SupplicantEvent::InstallPairwise { .. }))
            .count()
    }

    fn ap_key(&self) -> TemporalKey {
        let key = self.ap_events.iter().rev().find_map(|event| match event {
            AuthenticatorEvent::InstallPairwise { tk, .. } => Some(tk.clone()),
            _ => None,
        });
        key.expect("the AP installed a key")
    }

    fn sta_key(&self) -> TemporalKey {
        let key = self.sta_events.iter().rev().find_map(|event| match event {
            SupplicantEvent::InstallPairwise { tk, .. } => Some(tk.clone()),
            _ => None,
        });
        key.expect("the station installed a key")
    }
}

#[test]
fn both_sides_agree_with_either_psk_suite() {
    for akm in [Akm::Psk, Akm::PskSha256] {
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
        let mut plain = up.clone();
        plain.protected = false;
        assert_eq!(pair.give_ap(&plain), Err(EapolDrop::Plaintext));
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

/// Lets an observer hear a frame.
fn overhear(observer: &mut Observer, from_ap: bool, frame: &EapolTransmit) {
    let Parties { aa, spa, .. } = parties();
    let _ = observer.handle_eapol(aa, spa, from_ap, &frame.pdu);
}

#[test]
fn the_observer_follows_joins_rekeys_and_group_keys_even_without_message_1() {
    for first in [0, 1] {
        let mut observer = Observer::new(vec![parties().pmk]);
        let Parties { aa, spa, .. } = parties();
        let mut pair = Pair::new();
        let mut heard = 0;
        for round in 0..3 {
            while let Some(down) = pair.ap.poll_transmit() {
                if heard >= first {
                    overhear(&mut observer, true, &down);
                }
                heard += 1;
                pair.give_sta(&down).unwrap();
                let up = pair.sta_sends();
                overhear(&mut observer, false, &up);
                pair.give_ap(&up).unwrap();
            }
            pair.collect();
            match round {
                0 => pair.ap.rekey_pairwise(pair.now, &mut pair.random),
                _ => pair.ap.rekey_group(pair.now, group(0x22, 2, 0)),
            }
        }
        let keys: Vec<_> = observer.session(aa, spa).unwrap().keys().map(|key| key.tk.clone()).collect();
        assert_eq!(keys.len(), 2, "the old key is still there");
        assert_eq!(keys[0], pair.ap_key());
        let groups: Vec<_> = observer.group_keys(aa).map(|group| (group.gtk.clone(), group.key_id)).collect();
        assert_eq!(groups, [(group(0x22, 2, 0).gtk, 2), (group(0x11, 1, 0).gtk, 1)]);
        let complete: Vec<_> = observer.handshakes().iter().map(|report| report.complete).collect();
        assert_eq!(complete, [first == 0, true]);
        assert!(observer.handshakes().iter().all(|report| report.verified));
    }
}
