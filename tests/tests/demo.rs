//! `airloom demo` as people run it: what it says, and the two files that it leaves.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Output;

use drivers::capture::Reader;
use serde_json::Value;
use tests::{airloom, captures};

fn demo(out: &Path, options: &[&str]) -> Output {
    let mut args = vec![OsStr::new("demo"), OsStr::new("--out"), out.as_os_str()];
    args.extend(options.iter().map(OsStr::new));
    airloom::run(&args)
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_json_has_the_promised_shape_and_the_files_are_where_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let value = json(&demo(folder.path(), &["--json", "--seconds", "10", "--seed", "3"]));
    let names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let promised = [
        "clients",
        "handovers",
        "reassociations",
        "eapol_after_join",
        "msdus_sent",
        "msdus_lost",
        "msdus_duplicated",
        "pn_reuses",
        "gap_ms",
        "report",
        "capture",
    ];
    assert_eq!(promised.iter().find(|name| !names.contains(name)), None, "{value}");
    assert_eq!(value["clients"], 6);
    let none = ["reassociations", "eapol_after_join", "msdus_lost", "msdus_duplicated", "pn_reuses"];
    assert_eq!(none.iter().find(|name| value[**name] != 0), None, "{value}");
    assert!(value["msdus_sent"].as_u64().unwrap() > 3000, "{value}");
    let of = |name: &str| value[name].as_u64().unwrap();
    assert!(of("handovers") > 8 && of("moves_within_nodes") > 2 && of("moves_between_nodes") > 2, "{value}");
    assert!(of("takeovers") > 0, "the crash leaves clients behind: {value}");
    let gap = |name: &str| value["gap_ms"][name].as_f64().unwrap();
    assert!(gap("p50") <= gap("p99") && gap("p99") < 50.0, "{value}");
    for file in ["report", "capture"] {
        assert!(Path::new(value[file].as_str().unwrap()).is_file(), "{value}");
    }
}

#[test]
fn a_radio_that_hops_tells_its_numbers_and_leaves_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let value = json(&demo(folder.path(), &["--hop", "--json"]));
    let none = ["msdus_lost", "msdus_duplicated", "pn_reuses", "wrong_channel_frames"];
    assert_eq!(none.iter().find(|name| value[**name] != 0), None, "{value}");
    assert_eq!((value["networks"].as_u64(), value["joined"].as_u64()), (Some(4), Some(4)), "{value}");
    assert!(value["msdus_sent"].as_u64().unwrap() > 3000 && value["hops"].as_u64().unwrap() > 300, "{value}");
    let kept = value["air_kept"].as_f64().unwrap();
    assert!(kept > 0.8 && kept < 1.0 && value["dead_air_ms"]["p50"].as_f64() == Some(3.0), "{value}");
    let page = fs::read_to_string(value["report"].as_str().unwrap()).unwrap();
    for section in
        ["The whole run, channel by channel", "One second, slot by slot", "The networks in numbers"]
    {
        assert!(page.contains(section), "{section}");
    }
    for loads in ["http://", "https://", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"] {
        assert!(!page.contains(loads), "{loads}");
    }
    let capture = Path::new(value["capture"].as_str().unwrap());
    let mut reader = Reader::open(capture).unwrap();
    while let Some(frame) = reader.next_frame() {
        assert!(frame.unwrap().content.is_ok());
    }
    assert_eq!(reader.interface_name(0), Some("phy0"));
    let Some(rows) = captures::tshark(capture, &[], &["frame.interface_name", "_ws.malformed"]) else {
        return;
    };
    assert!(rows.iter().all(|row| row[1].is_empty()), "tshark finds a malformed frame");
    assert!(rows.iter().filter(|row| row[0] == "phy0").count() > 1000);
}

#[test]
fn the_same_seed_leaves_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        json(&demo(folder.path(), &["--json", "--seconds", "3", "--seed", "9"]));
        ["report.html", "demo.pcapng"].map(|name| fs::read(folder.path().join(name)).unwrap())
    };
    assert!(run() == run(), "two runs of one seed differ");
}

#[test]
fn the_report_loads_nothing_and_shows_every_client() {
    let folder = tempfile::tempdir().unwrap();
    json(&demo(folder.path(), &["--json", "--seconds", "10"]));
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    for loads in ["http://", "https://", "src=", "href=", "url(", "@import", "<script", "<link", "<iframe"] {
        assert!(!page.contains(loads), "{loads}");
    }
    for name in ["laptop", "phone", "tablet", "camera", "watch", "scanner", "airloom home"] {
        assert!(page.contains(name), "{name}");
    }
    for radio in ["north/west", "north/east", "south/west", "south/east"] {
        assert!(page.contains(&format!("served by {radio}, ")), "{radio} serves somebody");
    }
    for section in ["Every handover, and what moved", "The crash, and what followed", "Who is where"] {
        assert!(page.contains(section), "{section}");
    }
    for way in ["radio to radio", "node to node", "taken over"] {
        assert!(page.contains(&format!("<td>{way}</td>")), "{way}");
    }
    assert!(
        page.matches("<svg").count() >= 8 && page.matches("<svg").count() == page.matches("</svg>").count()
    );
}

#[test]
fn the_capture_is_read_by_our_reader_by_decrypt_and_by_tshark() {
    let folder = tempfile::tempdir().unwrap();
    json(&demo(folder.path(), &["--json", "--seconds", "5"]));
    let capture = folder.path().join("demo.pcapng");
    let mut reader = Reader::open(&capture).unwrap();
    let mut frames = 0;
    while let Some(frame) = reader.next_frame() {
        assert!(frame.unwrap().content.is_ok());
        frames += 1;
    }
    decrypted(folder.path(), &capture);
    let fields =
        ["frame.number", "frame.comment", "frame.interface_name", "_ws.malformed", "frame.time_epoch"];
    let Some(rows) = captures::tshark(&capture, &[], &fields) else { return };
    assert_eq!(rows.len(), frames);
    assert!(rows.iter().all(|row| row[3].is_empty()), "tshark finds a malformed frame");
    let comments = |words: &str| rows.iter().filter(|row| row[1].contains(words)).count();
    assert!(
        comments("MSDU") > 300 && comments("message 3") >= 3 && comments("dozes") > 3,
        "comments are there"
    );
    for radio in ["north/west", "north/east", "south/west", "south/east"] {
        assert!(
            rows.iter().filter(|row| row[2] == radio).count() > 50,
            "{radio} has an interface of its own"
        );
    }
    let times: Vec<f64> = rows.iter().map(|row| row[4].parse().unwrap()).collect();
    assert!(times.is_sorted(), "both nodes live by one clock");
    let crash = times[0] + 0.62 * 5.0;
    let late =
        rows.iter().zip(&times).filter(|(row, at)| row[2].starts_with("north/") && **at > crash + 0.01);
    assert_eq!(late.count(), 0, "a node without power captures nothing");
}

/// The product's own `decrypt` finds every handshake and opens every frame.
fn decrypted(folder: &Path, capture: &Path) {
    let pass = folder.join("pass");
    fs::write(&pass, "every client an air of its own").unwrap();
    let plain = folder.join("plain.pcapng");
    let args = ["decrypt".as_ref(), capture.as_os_str(), "-o".as_ref(), plain.as_os_str()];
    let more = ["--ssid", "airloom home", "--json", "--passphrase-file"].map(OsStr::new);
    let report = json(&airloom::run(&[&args[..], &more, &[pass.as_os_str()]].concat()));
    let handshakes = report["handshakes"].as_array().unwrap();
    let complete = handshakes.iter().filter(|handshake| handshake["complete"] == true);
    let clients: BTreeSet<_> = complete.map(|handshake| handshake["client"].as_str().unwrap()).collect();
    assert_eq!(clients.len(), 6, "{report}");
    assert!(report["protected"].as_u64().unwrap() > 1000, "{report}");
    assert_eq!(report["protected"], report["decrypted"], "{report}");
}

#[test]
fn wrong_use_and_a_place_that_cannot_be_written_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let refused = demo(&file, &["--seconds", "1"]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{words}");
    assert!(words.contains("cannot write") && words.contains("--out"), "{words}");
    assert_eq!(demo(folder.path(), &["--seconds", "0"]).status.code(), Some(2));
    assert_eq!(demo(folder.path(), &["--seed", "x"]).status.code(), Some(2));
}
