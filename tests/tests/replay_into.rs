//! `airloom replay --into`: captures into the stack as if heard.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tests::{airloom, captures};

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures").join(name)
}

/// A file for a radio with this first BSSID.
fn config(folder: &Path, bssid: &str, ssid: &str, more: &str) -> PathBuf {
    let path = folder.join("node.toml");
    let text = format!(
        "[[radio]]\nphy = \"phy0\"\nbssid = \"{bssid}\"\n[[network]]\nssid = \"{ssid}\"\nvirtual_ap = \"shared\"\n{more}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn replay(capture: &Path, config: &Path) -> Value {
    let output =
        airloom::run(&[Path::new("replay"), capture, Path::new("--into"), config, Path::new("--json")]);
    assert!(output.status.success(), "{}: {}", capture.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_client_of_another_ap_joins_dozes_and_leaves_in_our_stack() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "02:00:00:00:00:00", "hwsim-open", "security = \"open\"");
    let capture = capture("hwsim__11_open_powersave_pspoll.pcap");
    let report = replay(&capture, &config);
    assert_eq!((&report["frames"], &report["heard"]), (&329.into(), &329.into()));
    let events: Vec<_> = report["events"].as_array().unwrap().iter().collect();
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["AP-STA-CONNECTED", "POWER-SAVE-ON", "POWER-SAVE-OFF", "AP-STA-DISCONNECTED"]);
    assert!(events.iter().all(|event| event["station"] == "02:00:00:00:01:00"));
    // The time of the capture: the null frame with the PM bit is number 88.
    assert_eq!((&events[1]["time"], &events[3]["reason"]), (&4.49379.into(), &3.into()));
    assert!(report["msdus"].as_u64().unwrap() > 20, "{report}");
    // Beacons every 102.4 ms for 20 s, and answers.
    assert!(report["would_send"].as_u64().unwrap() > 200, "{report}");
    assert!(report["drops"]["not_for_us"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report, replay(&capture, &config), "the same again");
    let text = airloom::run(&[Path::new("replay"), &capture, Path::new("--into"), &config]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("4.493790 POWER-SAVE-ON 02:00:00:00:01:00 bssid=02:00:00:00:00:00\n"), "{text}");
}

#[test]
fn who_knew_another_nonce_does_not_get_in() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pass"), "correct horse battery\n").unwrap();
    let config = config(folder.path(), "02:00:00:00:00:00", "hwsim-test", "passphrase_file = \"pass\"");
    let report = replay(&capture("hwsim__01_wpa2_psk_ccmp_rekeys.pcap"), &config);
    let joined = |event: &&Value| event["event"] == "AP-STA-CONNECTED";
    assert_eq!(report["events"].as_array().unwrap().iter().filter(joined).count(), 0, "{report}");
    assert!(report["drops"]["eapol_rejected"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["msdus"], 0, "{report}");
}

#[test]
fn every_capture_can_be_heard_whatever_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "02:00:00:00:00:00", "hwsim-test", "security = \"open\"");
    for path in captures::all() {
        let output =
            airloom::run(&[Path::new("replay"), &path, Path::new("--into"), &config, Path::new("--json")]);
        let code = output.status.code();
        let (said, error) = (output.stdout, String::from_utf8_lossy(&output.stderr));
        assert!(matches!(code, Some(0 | 1)), "{}: {code:?} {error}", path.display());
        assert!(code == Some(0) || error.starts_with("airloom: "), "{}: {error}", path.display());
        let report = serde_json::from_slice::<Value>(&said);
        assert!(
            code == Some(1) || report.is_ok_and(|report| report["frames"].is_u64()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_wrong_file_or_both_targets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "02:00:00:00:00:00", "x", "colour = \"red\"");
    let config = config.to_str().unwrap();
    let capture = capture("libwifi__auth.pcap");
    let capture = capture.to_str().unwrap();
    let refused = airloom::run(&["replay", capture, "--into", config]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("node.toml:7: there is no key `colour`"));
    for wrong in [&["replay", capture][..], &["replay", capture, "--into", config, "--to", "mon0"]] {
        assert_eq!(airloom::run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
