//! `airloom decrypt` against tshark: at least as many frames, and the same plaintext byte for byte.

use std::path::Path;
use std::process::Command;

use drivers::capture::Reader;
use serde_json::Value;
use tests::{airloom, captures};

/// File, secrets (as in the passphrase file), name of the network, frames that tshark 4.0 decrypts.
const KEYED: &[(&str, &[&str], Option<&str>, u64)] = &[
    ("emb_libtins_ccmp_packets.pcap", &["Induction"], Some("Coherer"), 2),
    ("hwsim__01_wpa2_psk_ccmp_rekeys.pcap", &["correct horse battery"], Some("hwsim-test"), 51),
    (
        "hwsim__02_sae_h2e_pmf_beaconprot.pcap",
        &["506acfb2c8fe8013f926e1a4ddca4cbc7337e329de5652adf11251c3295710d2"],
        None,
        48,
    ),
    ("hwsim__05_pmf_sha256_ccmp256_cmac256.pcap", &["correct horse battery"], Some("hwsim-test"), 31),
    ("hwsim__07_ft_psk_air_roam.pcap", &["correct horse battery"], Some("hwsim-test"), 21),
    ("hwsim__10_owe.pcap", &["3dcc6a201b1c5d9ecbab498043c0b6009b10996ab1c3b7677604f94cfa807f7d"], None, 19),
    ("hwsim__13_wpa2_fragmentation.pcap", &["correct horse battery"], None, 60),
    (
        "hwsim__16_csa.pcap",
        &["1a49070b6ba38dcd06f4ff6ed16e309a75f462437812f0570880c6de9a95b500"],
        Some("hwsim-test"),
        28,
    ),
    ("hwsim__21_pmf_saquery_comeback.pcap", &["correct horse battery"], Some("hwsim-test"), 20),
    ("fragattacks__amsdu-inject-fromap.pcapng", &["abcdefgh"], Some("testnetwork"), 38),
    ("fragattacks__linux-plain-fromap.pcapng", &["abcdefgh"], Some("testnetwork"), 38),
    ("fragattacks__ping_I_D_E-fromap.pcapng", &["abcdefgh"], Some("testnetwork"), 20),
    ("fragattacks__ping_I_E_P-fromclient.pcapng", &["abcdefgh"], Some("testnetwork"), 17),
    ("fragattacks__ping_I_E_R_E__full-recon-fromclient.pcapng", &["abcdefgh"], Some("testnetwork"), 17),
    ("fragattacks__ping_I_P-fromclient.pcapng", &["abcdefgh"], Some("testnetwork"), 14),
    ("krack__example-tptk-attack.pcapng", &["password"], Some("simulnet"), 6),
    ("libpcap__wpa-Induction.pcap", &["Induction"], Some("Coherer"), 0),
    ("wireshark__wpa-Induction.pcap", &["Induction"], Some("Coherer"), 203),
    ("john__wpa-Induction.pcapng", &["Induction"], Some("Coherer"), 203),
    ("wireshark__wpa_ptk_extended_key_id.pcap", &["test0815"], None, 31),
    ("wireshark__wpa2-psk-mfp.pcapng", &["12345678"], None, 9),
    ("wireshark__wpa2-ft-psk.pcapng", &["12345678"], None, 17),
    ("wireshark__wpa-gcmp.pcapng", &["12345678"], None, 15),
    (
        "wireshark__wpa3-sae.pcapng",
        &["ecbfe709d6151eaba6a4fd9cba94fbb570c1fc4c15506fad3185b4a0a0cfda9a"],
        None,
        10,
    ),
    (
        "wireshark__wpa-eap-tls.pcap",
        &[
            "a5001e18e0b3f792278825bc3abff72d7021d7c157b600470ef730e2490835d4",
            "79258f6ceeecedd3482b92deaabdb675f09bcb4003ef5074f5ddb10a94ebe00a",
            "23a9ee58c7810546ae3e7509fda9f97435778d689e53a54891c56d02f18ca162",
        ],
        None,
        61,
    ),
    ("wireshark__wpa-test-decode-tdls.pcap", &["12345678"], None, 8),
    // tshark decrypts none of these four-address frames
    ("aircrack__capture_wds-01.cap", &["12345678"], Some("test1"), 46),
];

/// The report, and the output.
fn decrypt(file: &Path, secrets: &[&str], ssid: Option<&str>, out: &Path) -> Value {
    let keys = out.with_extension("keys");
    std::fs::write(&keys, secrets.join("\n")).unwrap();
    let mut args =
        vec!["decrypt".into(), file.as_os_str().to_owned(), "-o".into(), out.as_os_str().to_owned()];
    args.extend(["--json".into(), "--passphrase-file".into(), keys.into_os_string()]);
    args.extend(ssid.into_iter().flat_map(|ssid| ["--ssid".into(), ssid.into()]));
    let output = airloom::run(&args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {error}", file.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What tshark decrypts of each frame.
fn tshark(file: &Path, secrets: &[&str], ssid: Option<&str>) -> Option<Vec<Option<Vec<u8>>>> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-P", "-x", "-o", "wlan.enable_decryption:TRUE"]).arg("-r").arg(file);
    for secret in secrets {
        let name = ssid.map(|ssid| format!(":{ssid}")).unwrap_or_default();
        let key = match secret.len() {
            64 => format!("uat:80211_keys:\"wpa-psk\",\"{secret}\""),
            _ => format!("uat:80211_keys:\"wpa-pwd\",\"{secret}{name}\""),
        };
        command.args(["-o", &key]);
    }
    let output = command.output().ok()?;
    let mut frames: Vec<Option<Vec<u8>>> = Vec::new();
    let mut wanted = false;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        // the summary of the next frame, its number right-aligned
        if line.starts_with(' ') {
            frames.push(None);
            wanted = false;
        }
        if line.contains(" bytes):") {
            wanted = line.starts_with("Decrypted") && line.contains("MP data (");
        } else if let (true, Some(hex), Some(frame)) = (wanted, line.get(4..53), frames.last_mut()) {
            let bytes = hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap());
            frame.get_or_insert_default().extend(bytes);
        }
    }
    Some(frames)
}

#[test]
fn as_many_frames_as_tshark_with_the_same_plaintext() {
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for &(name, secrets, ssid, expected) in KEYED {
        let Some(file) = captures::named(name) else { continue };
        let out = folder.path().join("out.pcapng");
        let report = decrypt(&file, secrets, ssid, &out);
        assert!(report["decrypted"].as_u64().unwrap() >= expected, "{name}: {report}");
        let Some(theirs) = tshark(&file, secrets, ssid) else { continue };
        let mut reader = Reader::open(&out).unwrap();
        for (n, theirs) in theirs.iter().enumerate() {
            let ours = reader.next_frame().unwrap().unwrap().content.unwrap();
            let Some(theirs) = theirs else { continue };
            assert!(ours.mpdu.ends_with(theirs), "{name} frame {}", n + 1);
            assert_eq!(ours.mpdu[1] & 0x40, 0, "{name} frame {}", n + 1);
            compared += 1;
        }
        assert!(reader.next_frame().is_none(), "{name}");
    }
    assert!(compared > 100 || Command::new("tshark").arg("-v").output().is_err(), "only {compared} frames");
}

#[test]
fn handshakes_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let Some(file) = captures::named("hwsim__01_wpa2_psk_ccmp_rekeys.pcap") else { return };
    let out = folder.path().join("out.pcapng");
    let report = decrypt(&file, &["correct horse battery"], Some("hwsim-test"), &out);
    let handshakes = report["handshakes"].as_array().unwrap();
    assert_eq!(handshakes.len(), 2, "a join and a rekey");
    for handshake in handshakes {
        assert_eq!(handshake["complete"], true);
        assert_eq!((&handshake["akm"], &handshake["cipher"]), (&"PSK".into(), &"CCMP-128".into()));
    }
    let report = decrypt(&file, &["another horse"], Some("hwsim-test"), &out);
    assert_eq!((&report["decrypted"], &report["handshakes"][0]["complete"]), (&0.into(), &false.into()));
}

#[test]
fn every_other_file_ends_in_clear_words() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "some passphrase\n").unwrap();
    for file in captures::all() {
        let out = folder.path().join("out.pcapng");
        let args = ["decrypt".as_ref(), file.as_os_str(), "-o".as_ref(), out.as_os_str()];
        let rest = ["--ssid".as_ref(), "x".as_ref(), "--passphrase-file".as_ref(), keys.as_os_str()];
        let output = airloom::run(&[&args[..], &rest].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => assert!(!output.stdout.is_empty(), "{}", file.display()),
            Some(1) => assert!(error.starts_with("airloom: "), "{}: {error}", file.display()),
            other => panic!("{}: {other:?} {error}", file.display()),
        }
    }
}

#[test]
fn legacy_ciphers_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(file) = captures::named("emb_libtins_tkip_packets.pcap") else { return };
    let report = decrypt(&file, &["libtinstest"], Some("NODO"), &folder.path().join("out.pcapng"));
    assert_eq!((&report["decrypted"], &report["legacy"]), (&0.into(), &2.into()));
    assert_eq!(report["handshakes"][0]["cipher"], "TKIP");
}
