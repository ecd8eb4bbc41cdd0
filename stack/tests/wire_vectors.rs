//! Frames and elements of other projects' tests.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use stack::wire::eapol::{EapolKey, KeyInfo};
use stack::wire::element::{AkmSuite, CipherSuite, ElementKind, Elements, Rsn};

fn load(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn sec_m11_elements_are_walked_and_counted() {
    let file = load(include_str!("vectors/element_and_rsne_parse.json"));
    for vector in file["elements"].as_array().unwrap() {
        let data = unhex(&vector["data"]);
        let elements = Elements::new(&data);
        assert_eq!(elements.check(), Ok(()), "{vector}");
        // What hostap calls unknown it does not count, so only the others' numbers can be compared.
        if vector["result"] == "ParseOK" {
            assert_eq!(elements.iter().count() as u64, vector["element_count"].as_u64().unwrap(), "{vector}");
        }
        // Whatever is inside, reading it as what it says it is does no harm.
        elements
            .iter()
            .filter(|element| element.kind() == ElementKind::Id(stack::wire::ElementId::RSN))
            .for_each(|element| {
                let _ = element.typed::<Rsn<'_>>();
            });
    }
}

#[test]
fn sec_m11_rsn_elements_are_taken_and_refused_as_hostap_does() {
    let file = load(include_str!("vectors/element_and_rsne_parse.json"));
    for vector in file["rsne"].as_array().unwrap() {
        // hostap's parser takes an element alone, so its length byte must be that of the bytes there.
        let data = unhex(&vector["data"]);
        let elements = Elements::new(&data);
        let rsn = match elements.check() {
            Ok(()) => elements.get::<Rsn<'_>>().ok().flatten(),
            Err(_) => None,
        };
        let accepted = rsn.is_some_and(|rsn| {
            // Selectors that no one knows are refused by hostap at once, by us when suites are chosen.
            let no_unknown = [0, 0, 0, 0].into();
            rsn.group != Some(no_unknown) && rsn.group_management != Some(no_unknown)
        });
        assert_eq!(accepted, vector["hostap_result"] == 0, "{vector}: {rsn:?}");
    }
    let two = load(r#"{"data": "30100100000fac040200000fac04000fac08"}"#);
    let data = unhex(&two["data"]);
    let rsn = Elements::new(&data).get::<Rsn<'_>>().unwrap().unwrap();
    assert_eq!(
        rsn.pairwise_ciphers().iter().collect::<Vec<_>>(),
        [CipherSuite::CCMP_128, CipherSuite::GCMP_128]
    );
    assert_eq!(rsn.akms().iter().collect::<Vec<_>>(), [AkmSuite::IEEE_802_1X]);
}

#[test]
fn eapol_key_frames() {
    let file = load(include_str!("vectors/eapol_key_frames.json"));
    let frames = file["frames"].as_array().unwrap();
    assert_eq!(frames.len(), 16);
    for vector in frames {
        let pdu = unhex(&vector["frame"]);
        let fields = &vector["fields"];
        let key = EapolKey::parse(&pdu, 16).unwrap().unwrap();
        let number = |name: &str| fields[name].as_u64().unwrap();
        assert_eq!(u64::from(key.key_length()), number("key_length"), "{vector}");
        assert_eq!(key.replay_counter(), number("key_replay_counter"), "{vector}");
        assert_eq!(key.key_data().len() as u64, number("key_data_len"), "{vector}");
        assert_eq!(*key.nonce(), *unhex(&fields["key_nonce"]), "{vector}");
        assert_eq!(*key.iv(), *unhex(&fields["eapol_key_iv"]), "{vector}");
        assert_eq!(key.mic(), unhex(&fields["key_mic_data"]), "{vector}");
        let mut rsc = [0; 8];
        rsc.copy_from_slice(&unhex(&fields["key_rsc"]));
        assert_eq!(key.rsc(), u64::from_le_bytes(rsc) & 0xffff_ffff_ffff, "{vector}");
        for (name, bit) in [
            ("key_type", KeyInfo::PAIRWISE),
            ("install", KeyInfo::INSTALL),
            ("key_ack", KeyInfo::ACK),
            ("key_mic", KeyInfo::MIC),
            ("secure", KeyInfo::SECURE),
            ("error", KeyInfo::ERROR),
            ("request", KeyInfo::REQUEST),
            ("encrypted_key_data", KeyInfo::ENCRYPTED),
        ] {
            assert_eq!(key.info().contains(bit), fields[name].as_bool().unwrap(), "{name}: {vector}");
        }
        let version = match fields["key_descriptor_version"].as_str().unwrap() {
            "EAPOL_KEY_DESCRIPTOR_VERSION_HMAC_MD5_ARC4" => 1,
            "EAPOL_KEY_DESCRIPTOR_VERSION_HMAC_SHA1_AES" => 2,
            "EAPOL_KEY_DESCRIPTOR_VERSION_AES_128_CMAC_AES" => 3,
            other => panic!("{other}"),
        };
        assert_eq!(key.info().version(), version, "{vector}");
    }
}
