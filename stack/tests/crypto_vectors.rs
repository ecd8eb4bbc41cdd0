//! The published vectors of every primitive in `stack::crypto`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use stack::crypto::{
    Cipher, CipherHeader, CipherKey, EapolMic, GroupManagementCipher, IntegrityKey, KeyWrapError,
    UnprotectError, kdf_sha256, kdf_sha384, prf_sha1, psk_from_passphrase, unwrap, wrap,
};

fn load(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

fn bytes(value: &Value, key: &str) -> Vec<u8> {
    unhex(text(value, key))
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn aes_cmac() {
    let file = load(include_str!("vectors/aes_cmac.json"));
    let mut checked = 0;
    for vector in list(&file, "vectors") {
        let (key, message) = (bytes(vector, "key"), bytes(vector, "msg"));
        if key.len() == 16 {
            assert_eq!(*EapolMic::AesCmac.compute(&key, &[&message]).unwrap(), *bytes(vector, "tag"));
            let (head, tail) = message.split_at(message.len() / 3);
            assert!(EapolMic::AesCmac.verify(&key, &[head, tail], &bytes(vector, "tag")));
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked}");
}

/// Computed with another implementation of HMAC, that of Python.
#[test]
fn sha384() {
    let key: Vec<u8> = (0..32).collect();
    let mut out = [0; 88];
    kdf_sha384(&key, "Pairwise key expansion", &[b"air", b"loom"], &mut out);
    let expected = "ba338864ad2bde89d543ae7102fc6ad3aff6666f52667875b24b588a53cc81b00238a2ef2a252acd8a20094f83bd7889\
                    a927f77299c2b0da6cb5f2c1455089dcfb794bd7f340030b13acfb2b0d13d20497fe3f5f78afcc98";
    assert_eq!(out, *unhex(expected));
    let mic = EapolMic::HmacSha384.compute(&[0; 24], &[b"a", b"bc"]).unwrap();
    assert_eq!(*mic, *unhex("948f7c5caa500c31d7d4a0f52f3e3da7e33c8a9fe6ef528b"));
}

#[test]
fn key_wrap() {
    let file = load(include_str!("vectors/aes_key_wrap.json"));
    for vector in list(&file, "vectors") {
        let (kek, plain, wrapped) = (bytes(vector, "kek"), bytes(vector, "plain"), bytes(vector, "wrapped"));
        if kek.len() == 24 {
            // No AKM has a 192-bit KEK.
            assert_eq!(wrap(&kek, &plain), Err(KeyWrapError::KekLength(24)));
            continue;
        }
        assert_eq!(wrap(&kek, &plain).unwrap(), wrapped);
        assert_eq!(*unwrap(&kek, &wrapped).unwrap(), plain);
        for bit in 0..wrapped.len() * 8 {
            let mut changed = wrapped.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unwrap(&kek, &changed), Err(KeyWrapError::Integrity));
        }
    }
}

#[test]
fn key_wrap_refuses_lengths_that_are_none() {
    for len in [0, 7, 8, 15, 17, 23] {
        assert_eq!(wrap(&[1; 16], &vec![0; len]), Err(KeyWrapError::DataLength(len)));
        assert_eq!(unwrap(&[1; 16], &vec![0; len]), Err(KeyWrapError::DataLength(len)));
    }
    assert_eq!(unwrap(&[1; 15], &[0; 24]), Err(KeyWrapError::KekLength(15)));
}

#[test]
fn prf_and_kdf() {
    let file = load(include_str!("vectors/prf_kdf.json"));
    for vector in list(&file, "prf_sha1") {
        let mut out = [0; 64];
        prf_sha1(&bytes(vector, "key"), text(vector, "prefix"), &[&bytes(vector, "data")], &mut out);
        assert_eq!(out, *bytes(vector, "prf512"));
    }
    for vector in list(&file, "kdf_sha256") {
        let mut out = [0; 32];
        let (key, data) = (text(vector, "key").as_bytes(), text(vector, "data").as_bytes());
        kdf_sha256(key, text(vector, "prefix"), &[data], &mut out);
        assert_eq!(out, *bytes(vector, "kdf256"));
    }
}

#[test]
fn passphrase_to_psk() {
    let file = load(include_str!("vectors/psk_pbkdf2.json"));
    for vector in list(&file, "psk") {
        let psk = psk_from_passphrase(text(vector, "passphrase").as_bytes(), text(vector, "ssid").as_bytes());
        assert_eq!(*psk, *bytes(vector, "psk"));
    }
}

/// Title of a vector, its cipher, and the names of its plaintext and ciphertext fields.
const MPDU_VECTORS: [(&str, Cipher); 5] = [
    ("IEEE Std 802.11-2012, M.6.4 CCMP test vector", Cipher::Ccmp128),
    ("IEEE Std 802.11-2012, M.9.2 CCMP with unicast Deauthentication frame", Cipher::Ccmp128),
    ("IEEE Std 802.11ad-2012, M.11.1 GCMP test mpdu #2", Cipher::Gcmp128),
    ("IEEE P802.11ac/D7.0, M.11.1 GCMP-256 test vector", Cipher::Gcmp256),
    ("IEEE P802.11ac/D7.0, M.6.4 CCMP-256 test vector", Cipher::Ccmp256),
];

#[test]
fn mpdu_protection() {
    let file = load(include_str!("vectors/mpdu_protection.json"));
    for (title, cipher) in MPDU_VECTORS {
        let vector = list(&file, "vectors").iter().find(|v| text(v, "title") == title).unwrap();
        let fields = &vector["fields"];
        let key = CipherKey::new(cipher, &bytes(fields, "TK")).unwrap();
        let pn = u64::from_str_radix(text(fields, "PN"), 16).unwrap();
        let header = bytes(fields, "802.11 Header");
        let plaintext = bytes(fields, "Plaintext Data");
        let expected = bytes(fields, "Encrypted MPDU (without FCS)");
        let key_id = expected[header.len() + 3] >> 6;

        let mut protected = vec![0xee];
        key.protect(pn, key_id, &header, &plaintext, &mut protected).unwrap();
        assert_eq!(protected[1..], expected, "{title}");

        let mut mpdu = expected.clone();
        assert_eq!(CipherHeader::peek(&mpdu, header.len()), Ok(CipherHeader { pn, key_id }));
        let opened = key.unprotect(header.len(), &mut mpdu).unwrap();
        assert_eq!((opened.pn, opened.key_id, &mpdu[opened.payload]), (pn, key_id, &*plaintext), "{title}");
    }
}

/// Frames without and with their Management MIC element: those of the standard, and one that hostapd sent
/// (`captures/hwsim__05_pmf_sha256_ccmp256_cmac256.pcap`, frame 108, with the IGTK of its debug log).
#[test]
fn bip() {
    let file = load(include_str!("vectors/mpdu_protection.json"));
    let vectors = list(&file, "vectors").iter().filter(|vector| text(vector, "title").contains("BIP"));
    let mut frames: Vec<_> = vectors
        .map(|vector| {
            let (title, fields) = (text(vector, "title"), &vector["fields"]);
            let cipher = match title {
                title if title.contains("GMAC-128") => GroupManagementCipher::BipGmac128,
                title if title.contains("GMAC-256") => GroupManagementCipher::BipGmac256,
                _ => GroupManagementCipher::BipCmac128,
            };
            let [plain, signed] =
                ["Plaintext frame", "Protected MPDU (without FCS)"].map(|it| bytes(fields, it));
            (cipher, bytes(fields, "IGTK"), 4, plain, signed)
        })
        .collect();
    assert_eq!(frames.len(), 3);
    let igtk = unhex("9edc08072b5f76659a9a8dc292f181db2275ff36d745b259d9c3d7652c27c2de");
    let heard = "c0000000ffffffffffff02000000000002000000000070090200\
                 4c180400010000000000d08e60212ddf1264c62ce42e7a298687";
    let heard = unhex(heard);
    frames.push((GroupManagementCipher::BipCmac256, igtk, 1, heard[..26].to_vec(), heard));
    for (cipher, igtk, packet_number, plain, signed) in frames {
        let key = IntegrityKey::new(cipher, &igtk).unwrap();
        let mut mpdu = plain.clone();
        key.protect(packet_number, 4, &mut mpdu).unwrap();
        assert_eq!(mpdu, signed, "{cipher:?}");
        let element = key.verify(&signed).unwrap();
        assert_eq!((element.key_id, u64::from(element.packet_number[0])), (4, packet_number));
        for bit in 0..signed.len() * 8 {
            let mut changed = signed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // retry, power management, more data, duration, sequence control
            let free = matches!(bit, 11..14 | 16..32 | 176..192);
            assert_eq!(key.verify(&changed).is_ok(), free, "{cipher:?} bit {bit}");
        }
        for len in 0..signed.len() {
            assert!(key.verify(&signed[..len]).is_err());
        }
        assert!(IntegrityKey::new(cipher, &igtk[1..]).is_err());
        assert!(IntegrityKey::new(cipher, &vec![0; cipher.key_len()]).is_err());
    }
}

#[test]
fn every_bit_that_the_mic_covers_is_covered() {
    let header = unhex("884102000202020202020101010101010303030303037b000500");
    for cipher in [Cipher::Ccmp128, Cipher::Ccmp256, Cipher::Gcmp128, Cipher::Gcmp256] {
        let key = CipherKey::new(cipher, &vec![7; cipher.key_len()]).unwrap();
        let mut good = Vec::new();
        key.protect(0x0123_4567_89ab, 1, &header, b"payload", &mut good).unwrap();
        for bit in 0..good.len() * 8 {
            let mut mpdu = good.clone();
            mpdu[bit / 8] ^= 1 << (bit % 8);
            let result = key.unprotect(header.len(), &mut mpdu);
            assert_eq!(result.is_ok(), !is_covered(bit), "{cipher} bit {bit}: {result:?}");
        }
    }
}

/// Of a QoS data frame with a 26-byte header: what neither AAD nor nonce sees.
fn is_covered(bit: usize) -> bool {
    let masked_subtype = 4..7;
    let (retry, power_management, more_data, protected, order) = (11, 12, 13, 14, 15);
    let duration = 16..32;
    let sequence_number = 180..192;
    let qos_beyond_tid = 196..208;
    let reserved = (26 + 2) * 8..(26 + 3) * 8;
    let key_byte_but_ext_iv = (26 + 3) * 8..(26 + 4) * 8;
    let ext_iv = (26 + 3) * 8 + 5;
    !(masked_subtype.contains(&bit)
        || [retry, power_management, more_data, protected, order].contains(&bit)
        || duration.contains(&bit)
        || sequence_number.contains(&bit)
        || qos_beyond_tid.contains(&bit)
        || reserved.contains(&bit)
        || (key_byte_but_ext_iv.contains(&bit) && bit != ext_iv))
}

#[test]
fn short_and_legacy_frames_have_their_own_errors() {
    let key = CipherKey::new(Cipher::Ccmp128, &[1; 16]).unwrap();
    let mut good = Vec::new();
    key.protect(1, 0, &[0x08; 24], &[], &mut good).unwrap();
    assert_eq!(key.unprotect(24, &mut good.clone()).unwrap().payload, 32..32);
    for len in 0..good.len() {
        let error = key.unprotect(24, &mut good[..len].to_vec()).unwrap_err();
        assert!(matches!(error, UnprotectError::TooShort(_)), "{len}: {error}");
    }
    let mut wep = good.clone();
    wep[27] &= !0x20;
    assert_eq!(key.unprotect(24, &mut wep), Err(UnprotectError::NoExtIv));
    assert!(matches!(key.unprotect(4, &mut good), Err(UnprotectError::NoExtIv | UnprotectError::Header(_))));
    assert_eq!(
        CipherKey::new(Cipher::Ccmp256, &[0; 16]).unwrap_err().to_string(),
        "a CCMP-256 key has 32 bytes, not 16"
    );
}

#[test]
fn a_failed_mic_leaves_no_plaintext() {
    let key = CipherKey::new(Cipher::Ccmp128, &[1; 16]).unwrap();
    let mut mpdu = Vec::new();
    key.protect(1, 0, &[0x08; 24], b"nobody shall read this", &mut mpdu).unwrap();
    *mpdu.last_mut().unwrap() ^= 1;
    assert_eq!(key.unprotect(24, &mut mpdu), Err(UnprotectError::MicFailure));
    assert!(!mpdu.windows(6).any(|w| w == b"nobody"));
}
