//! The lab: a Debian kernel with mac80211_hwsim in QEMU, in which `guest/` runs every scenario in one boot, with the binary
//! `airloom` as access point and unmodified clients. The air of each is recorded and checked by tshark (`witness/`).
//!
//! For work on single scenarios: `AIRLOOM_LAB=TEXT,TEXT` runs only those whose names hold one of the texts, and
//! `AIRLOOM_LAB_AP=hostapd` has hostapd play the access point.

mod witness;

use std::fs;
use std::io::Write;
use std::mem;
use std::num::NonZero;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tests::airloom;
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
    let machine = match Machine::prepare(Path::new(GUEST), &airloom::binary()) {
        Ok(machine) => machine,
        Err(why) => return skip(wanted.len(), &why),
    };
    machine.tell("filter", &filter);
    if hostapd {
        machine.tell("hostapd", "");
    }
    let mut told = Vec::new();
    let mut before = Instant::now();
    let console = machine.run(BOUND, |line| {
        if let Some((name, result)) = outcome(line) {
            let took = mem::replace(&mut before, Instant::now()).elapsed();
            say(&format!("{name}: {result} ({:.1} s)", took.as_secs_f64()));
            told.push(Told { name: name.to_owned(), result: result.to_owned() });
        } else if line.starts_with("measure ") {
            say(line);
        }
    });
    let outcomes = testify_all(&machine, &told);
    let failed: Vec<_> = outcomes.iter().filter(|(_, result)| result.is_err()).collect();
    tell_the_count(outcomes.len() - failed.len(), 0);
    assert!(console.contains("guest: exit 0"), "the guest did not come to its end:\n{console}");
    assert!(failed.is_empty(), "{} of {} scenarios failed: {failed:#?}", failed.len(), outcomes.len());
    assert!(outcomes.len() == wanted.len(), "only {} scenarios reported:\n{console}", outcomes.len());
}

/// The guest's word on a scenario.
struct Told {
    name: String,
    result: String,
}

/// What came of the scenarios. The witness waits for the last of them: on two cores it would take one from the emulated
/// machine.
fn testify_all(machine: &Machine, told: &[Told]) -> Vec<(String, Result<(), String>)> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let of_thread = |n: usize| {
        let own = told.iter().skip(n).step_by(threads);
        own.map(|told| (told.name.clone(), testify(machine, told))).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let witnesses: Vec<_> = (0..threads).map(|n| scope.spawn(move || of_thread(n))).collect();
        witnesses.into_iter().flat_map(|witness| witness.join().expect("a witness tells")).collect()
    })
}

/// What came of a scenario: the guest's word, and then the witness's.
fn testify(machine: &Machine, told: &Told) -> Result<(), String> {
    if told.result != "ok" {
        return Err(told.result.clone());
    }
    let result = witness::testify(&machine.air, &told.name);
    if let Err(why) = &result {
        say(&format!("{}: the witness: {why}", told.name));
    }
    result
}

/// Where the platform can't run the lab.
fn skip(count: usize, why: &str) {
    tell_the_count(0, count);
    say(&format!("{count} scenarios skipped: {why}"));
}

/// Past the test harness, which would keep it to itself until the end: the lab takes its time.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "lab: {line}");
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
