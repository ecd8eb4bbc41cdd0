//! Published PTK vectors, and handshakes of public captures.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use stack::crypto::Cipher;
use stack::rsn::{Akm, Observer, Pmk, PmkR0, Ptk, PtkInputs, R0Inputs};
use stack::wire::MacAddr;
use stack::wire::eapol::{EapolKeyFrame, KeyInfo};

fn load(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn bytes(value: &Value, key: &str) -> Vec<u8> {
    let text = value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}"));
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn address(value: &Value, key: &str) -> MacAddr {
    MacAddr::from_slice(&bytes(value, key)).unwrap()
}

fn nonce(value: &Value, key: &str) -> [u8; 32] {
    bytes(value, key).try_into().unwrap()
}

fn derive(akm: Akm, cipher: Cipher, vector: &Value) -> Ptk {
    let (anonce, snonce) = (nonce(vector, "anonce"), nonce(vector, "snonce"));
    let (aa, spa) = (address(vector, "aa"), address(vector, "spa"));
    let inputs = PtkInputs { aa, spa, anonce: &anonce, snonce: &snonce };
    Ptk::derive(akm, cipher, &Pmk::new(&bytes(vector, "pmk")).unwrap(), inputs).unwrap()
}

/// One with the vector's length of TK (TKIP's, too, is as long as that of CCMP-256).
fn cipher_for(vector: &Value) -> Cipher {
    if bytes(vector, "tk").len() == 32 { Cipher::Ccmp256 } else { Cipher::Ccmp128 }
}

#[test]
fn ptk() {
    let file = load(include_str!("vectors/ptk.json"));
    let mut checked = 0;
    for vector in file["vectors"].as_array().unwrap() {
        let akm = match vector["akm"].as_str().unwrap() {
            "PSK/SHA1" => Akm::Psk,
            akm if akm.contains("SHA256") => Akm::PskSha256,
            _ => continue,
        };
        let ptk = derive(akm, cipher_for(vector), vector);
        if vector["kck"].is_string() {
            assert_eq!(ptk.kck.expose(), bytes(vector, "kck"));
            assert_eq!(ptk.kek.expose(), bytes(vector, "kek"));
        }
        assert_eq!(ptk.tk.expose(), bytes(vector, "tk"), "{}", vector["name"]);
        checked += 1;
    }
    assert!(checked >= 4, "{checked}");
}

/// The hierarchy down to the keys of the first association and of each transition.
#[test]
fn fast_transition() {
    let file = load(include_str!("vectors/ft_key_hierarchy.json"));
    let mut checked = 0;
    for capture in file["vectors"].as_array().unwrap() {
        let ssid = capture["ssid"].as_str().unwrap().as_bytes();
        for initial in capture["initial"].as_array().unwrap() {
            let spa = address(initial, "s0kh_id");
            let inputs = R0Inputs {
                ssid,
                mobility_domain: bytes(initial, "mdid").try_into().unwrap(),
                r0_holder: &bytes(initial, "r0kh_id_hex"),
                spa,
            };
            let r0 = PmkR0::derive(&Pmk::new(&bytes(initial, "xxkey")).unwrap(), inputs);
            assert_eq!(*r0.name(), *bytes(initial, "pmk_r0name"));
            let roams = capture["roam"].as_array().unwrap().iter();
            for step in std::iter::once(initial).chain(roams.filter(|roam| address(roam, "spa") == spa)) {
                let r1 = r0.r1(&bytes(step, "r1kh_id").try_into().unwrap(), spa).unwrap();
                assert_eq!(r1.expose(), bytes(step, "pmk_r1"));
                let (anonce, snonce) = (nonce(step, "anonce"), nonce(step, "snonce"));
                let inputs = PtkInputs { aa: address(step, "aa"), spa, anonce: &anonce, snonce: &snonce };
                let ptk = Ptk::derive_ft(Akm::FtPsk, Cipher::Ccmp128, &r1, inputs).unwrap();
                assert_eq!(ptk.kck.expose(), bytes(step, "kck"));
                assert_eq!(ptk.kek.expose(), bytes(step, "kek"));
                assert_eq!(ptk.tk.expose(), bytes(step, "tk"));
                checked += 1;
            }
        }
    }
    assert!(checked >= 3, "{checked}");
}

fn handshakes() -> Vec<(Akm, String, Value)> {
    let file = load(include_str!("vectors/capture_handshakes.json"));
    let mut all = Vec::new();
    for capture in file["vectors"].as_array().unwrap() {
        let suite = capture["akm"].as_str().unwrap_or_default();
        let akm = match suite.split(' ').next() {
            Some("00-0f-ac:2") => Akm::Psk,
            Some("00-0f-ac:6") => Akm::PskSha256,
            Some("00-0f-ac:8") => Akm::Sae,
            _ => continue,
        };
        for handshake in capture["handshakes"].as_array().unwrap() {
            all.push((akm, capture["capture"].as_str().unwrap().to_owned(), handshake.clone()));
        }
    }
    assert!(all.len() >= 15);
    all
}

#[test]
fn keys_of_captured_handshakes() {
    for (akm, capture, handshake) in handshakes() {
        let ptk = derive(akm, cipher_for(&handshake), &handshake);
        assert_eq!(ptk.kck.expose(), bytes(&handshake, "kck"), "{capture}");
        assert_eq!(ptk.kek.expose(), bytes(&handshake, "kek"), "{capture}");
        assert_eq!(ptk.tk.expose(), bytes(&handshake, "tk"), "{capture}");
    }
}

/// Message 1 as the capture had it, as far as it matters.
fn message_1(akm: Akm, handshake: &Value) -> Vec<u8> {
    let frame = EapolKeyFrame {
        version: 2,
        descriptor: 2,
        info: KeyInfo::PAIRWISE.with(KeyInfo::ACK).with_version(akm.descriptor_version()),
        key_length: 16,
        replay_counter: 1,
        nonce: nonce(handshake, "anonce"),
        iv: [0; 16],
        rsc: 0,
        key_data: &[],
    };
    frame.emit(16)
}

#[test]
fn the_observer_finds_the_keys_of_captured_handshakes() {
    for (akm, capture, handshake) in handshakes() {
        let (bssid, client) = (address(&handshake, "aa"), address(&handshake, "spa"));
        let m2 = bytes(&handshake, "m2_eapol");
        if m2[4] != 2 {
            continue; // WPA of 2003
        }
        let wrong = Pmk::new(&[0x77; 32]).unwrap();
        let right = Pmk::new(&bytes(&handshake, "pmk")).unwrap();
        let mut observer = Observer::new(vec![wrong.into(), right.into()]);
        observer.handle_eapol(bssid, client, &message_1(akm, &handshake)).unwrap();
        observer.handle_eapol(client, bssid, &m2).unwrap_or_else(|e| panic!("{capture}: {e}"));
        let key = observer.session(bssid, client).unwrap().keys().next().unwrap();
        assert_eq!(key.tk.expose(), bytes(&handshake, "tk"), "{capture}");
        let report = &observer.handshakes()[0];
        assert!(report.verified && !report.complete() && report.akm.is_some(), "{capture}: {report:?}");
    }
}

#[test]
fn the_observer_takes_no_key_from_a_wrong_passphrase() {
    let (akm, _, handshake) = handshakes().into_iter().next().unwrap();
    let (bssid, client) = (address(&handshake, "aa"), address(&handshake, "spa"));
    let mut observer = Observer::new(vec![Pmk::new(&[0x77; 32]).unwrap().into()]);
    observer.handle_eapol(bssid, client, &message_1(akm, &handshake)).unwrap();
    assert!(observer.handle_eapol(client, bssid, &bytes(&handshake, "m2_eapol")).is_err());
    assert_eq!(observer.session(bssid, client).unwrap().keys().count(), 0);
    assert!(!observer.handshakes()[0].verified);
}
