//! The lab: a Debian kernel with mac80211_hwsim in QEMU, in which `guest/` runs every scenario in one boot, with the binary
//! `airloom` as access point and unmodified clients. The air of each is recorded and checked by tshark (`witness/`).
//!
//! For work on single scenarios: `AIRLOOM_LAB=TEXT,TEXT` runs only those whose names hold one of the texts, and
//! `AIRLOOM_LAB_AP=hostapd` has hostapd play the access point.

mod witness;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tests::machine::{Machine, cache, is_wanted, scenarios};

/// How long the whole boot may take; two idle cores need a fraction of it.
const BOUND: Duration = Duration::from_secs(2400);
const GUEST: &str = env!("CARGO_BIN_EXE_lab-guest");

#[test]
fn every_scenario_on_mac80211_hwsim() {
    let filter = std::env::var("AIRLOOM_LAB").unwrap_or_default();
    let hostapd = std::env::var("AIRLOOM_LAB_AP").is_ok_and(|ap| ap == "hostapd");
    let wanted: Vec<String> =
        scenarios(Path::new(GUEST), hostapd).into_iter().filter(|name| is_wanted(name, &filter)).collect();
    let machine = match Machine::prepare(Path::new(GUEST)) {
        Ok(machine) => machine,
        Err(why) => return skip(wanted.len(), &why),
    };
    machine.tell("filter", &filter);
    if hostapd {
        machine.tell("hostapd", "");
    }
    let mut outcomes = Vec::new();
    let console = machine.run(BOUND, |line| {
        if let Some((name, result)) = outcome(line) {
            outcomes.push((name.to_owned(), testify(&machine, name, result)));
        } else if line.starts_with("measure ") {
            println!("lab: {line}");
        }
    });
    let failed: Vec<_> = outcomes.iter().filter(|(_, result)| result.is_err()).collect();
    tell_the_count(outcomes.len() - failed.len(), 0);
    assert!(console.contains("guest: exit 0"), "the guest did not come to its end:\n{console}");
    assert!(failed.is_empty(), "{} of {} scenarios failed: {failed:#?}", failed.len(), outcomes.len());
    assert!(outcomes.len() == wanted.len(), "only {} scenarios reported:\n{console}", outcomes.len());
}

/// What came of a scenario: the guest's word, and then the witness's.
fn testify(machine: &Machine, name: &str, result: &str) -> Result<(), String> {
    let result = match result {
        "ok" => witness::testify(&machine.air, name),
        why => Err(why.to_owned()),
    };
    println!("lab: {name}: {}", result.as_ref().err().map_or("ok", String::as_str));
    result
}

/// Where the platform can't run the lab. Written past the test harness, which would keep it to itself.
fn skip(count: usize, why: &str) {
    tell_the_count(0, count);
    let _ = writeln!(std::io::stderr(), "lab: {count} scenarios skipped: {why}");
}

/// For the closing line of `tools/test`.
fn tell_the_count(passed: usize, skipped: usize) {
    let cache = cache(Path::new(GUEST));
    let _ = fs::create_dir_all(&cache);
    let _ = fs::write(cache.join("count"), format!("{passed} passed, {skipped} skipped\n"));
}

fn outcome(line: &str) -> Option<(&str, &str)> {
    line.trim().strip_prefix("scenario ")?.split_once(": ")
}
