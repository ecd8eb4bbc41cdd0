//! `airloom dump` against tshark: as many lines as frames, on every file, and the same fields.

use serde_json::Value;
use tests::{airloom, captures};

fn dump(path: &std::path::Path) -> Vec<Value> {
    let output = airloom::run(&["dump".as_ref(), "--json".as_ref(), path.as_os_str()]);
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `0x012c`, `300` and the first of several, as a number in decimal.
fn number(text: &str) -> String {
    let first = text.split([';', ',']).next().unwrap_or_default();
    let parsed = match first.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => first.parse().ok(),
    };
    parsed.map(|n| n.to_string()).unwrap_or_default()
}

#[test]
fn every_frame_is_a_line_with_the_fields_that_tshark_sees() {
    let fields = [
        "frame.number",
        "frame.len",
        "wlan.fc.type",
        "wlan.ra",
        "wlan.ta",
        "wlan.seq",
        "wlan.frag",
        "wlan.fc.retry",
        "wlan.fc.protected",
        "wlan.ssid",
        "wlan.fixed.reason_code",
        "wlan.fixed.status_code",
        "_ws.malformed",
        "wlan.rsn.akms.type",
    ];
    let mut compared = 0;
    for path in captures::all() {
        let Some(theirs) = captures::tshark(&path, &[], &fields) else { return };
        let ours = dump(&path);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let at = format!("{name}: {ours} {theirs:?}");
            assert_eq!([text(&ours["number"]), text(&ours["length"])], theirs[..2], "{at}");
            if ours["error"].is_null() && theirs[12].is_empty() && !theirs[2].is_empty() {
                compare(ours, theirs, &at);
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "only {compared} frames were compared");
}

/// A frame that both could read.
fn compare(ours: &Value, theirs: &[String], at: &str) {
    let kind: usize = number(&theirs[2]).parse().unwrap();
    assert_eq!(text(&ours["type"]), ["management", "control", "data", "extension"][kind], "{at}");
    if kind == 3 {
        return;
    }
    assert_eq!(text(&ours["addr1"]), theirs[3].split(';').next().unwrap(), "{at}");
    if kind != 1 {
        assert!(theirs[4].is_empty() || text(&ours["addr2"]) == theirs[4].split(';').next().unwrap(), "{at}");
        assert_eq!(text(&ours["sequence"]), number(&theirs[5]), "{at}");
        assert_eq!(text(&ours["fragment"]), number(&theirs[6]), "{at}");
    }
    let flag = |text: &str| matches!(text, "1" | "True").to_string();
    let flags = [text(&ours["retry"]), text(&ours["protected"])];
    assert_eq!(flags, [flag(&theirs[7]), flag(&theirs[8])], "{at}");
    if ours["ssid_hex"].is_null() && !theirs[9].is_empty() && ours["ssid"].is_string() {
        compare_ssid(ours, &theirs[9], at);
    }
    // the codes inside action frames are not taken apart here
    if kind == 0 && ours["protected"] == false && ours["subtype"] != "action" {
        assert_eq!(text(&ours["reason"]), number(&theirs[10]), "{at}");
        assert_eq!(text(&ours["status"]), number(&theirs[11]), "{at}");
        let suites = ours["rsn"]["akm"].as_array().map_or(0, Vec::len);
        let theirs = theirs[13].split(';').filter(|suite| !suite.is_empty()).count();
        assert_eq!(suites, theirs, "{at}");
    }
}

/// tshark 4 prints the name in hexadecimal, older ones as text.
fn compare_ssid(ours: &Value, theirs: &str, at: &str) {
    let ssid = text(&ours["ssid"]);
    let hex: String = ssid.bytes().map(|byte| format!("{byte:02x}")).collect();
    let first = theirs.split(';').next().unwrap();
    assert!(first == hex || first == ssid || first == "<MISSING>", "{at}");
}

#[test]
fn a_file_that_is_no_capture_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "just text").unwrap();
    let output = airloom::run(&["dump".as_ref(), path.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("notes.txt") && error.contains("not a capture file"), "{error}");
}

#[test]
fn a_filter_leaves_frames_out_and_keeps_their_numbers() {
    let Some(path) = captures::named("hwsim__01_wpa2_psk_ccmp_rekeys.pcap") else { return };
    let filter = "type mgt subtype beacon";
    let output =
        airloom::run(&["dump".as_ref(), path.as_os_str(), "--json".as_ref(), "-f".as_ref(), filter.as_ref()]);
    let lines: Vec<Value> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all: Vec<_> = dump(&path).into_iter().filter(|line| line["subtype"] == "beacon").collect();
    assert!(!all.is_empty());
    assert_eq!(lines, all);
    let refused = airloom::run(&["dump".as_ref(), path.as_os_str(), "-f".as_ref(), "no such thing".as_ref()]);
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn what_cannot_be_dumped_is_named() {
    for (input, why) in [
        ("no-such-thing", "neither a file nor an interface"),
        // refused as it is no radio, or without the right to listen at all
        ("lo", "cannot listen to lo"),
        ("/", "directory"),
    ] {
        let output = airloom::run(&["dump", input]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{input}: {error}");
        assert!(error.starts_with("airloom: ") && error.contains(why), "{input}: {error}");
    }
}
