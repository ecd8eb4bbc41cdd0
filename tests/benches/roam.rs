//! What it costs a client to be served from elsewhere, in one boot of the lab: where it roams itself between two hostapds of
//! one network, without and with 802.11r, and where its virtual AP moves. Prints each change of place, and the table of
//! `tests/performance.md`: median and worst of each.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::airloom;
use tests::bench::median;
use tests::machine::{Machine, measure};

const BOUND: Duration = Duration::from_secs(1200);
const VARIANTS: [(&str, &str); 5] = [
    ("wpa2", "it roams, WPA2-PSK"),
    ("ft", "it roams, FT-PSK (802.11r)"),
    ("radios", "airloom: to the other radio of the node"),
    ("channels", "airloom: the same, on another channel"),
    ("nodes", "airloom: to the other node"),
];
const MEASURED: [&str; 4] = ["gap, ms", "lost, pings", "management, frames", "eapol, frames"];
/// The first client of the guest.
const CLIENT: &str = "02:00:00:00:04:00";
/// What is counted in the recording of a roam, as tshark filters it: all that the two say to each other to move.
const COUNTED: [(&str, &str); 2] = [
    ("management", "wlan.fc.type == 0 && wlan.fc.subtype != 8 && !(wlan.fc.subtype in {4, 5})"),
    ("eapol", "eapol"),
];

fn main() {
    let machine = match Machine::prepare(Path::new(env!("CARGO_BIN_EXE_lab-guest")), &airloom::release()) {
        Ok(machine) => machine,
        Err(why) => return println!("the comparison is skipped: {why}"),
    };
    machine.tell("roam", "");
    let mut measured: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    let console = machine.run(BOUND, |line| {
        let found = measure(line).map_or_else(|| recorded(&machine.air, line), |one| vec![one]);
        for (name, variant, value, unit) in found {
            eprintln!("{name}.{variant} {value:.1} {unit}");
            measured.entry((format!("{name}, {unit}"), variant)).or_default().push(value);
        }
    });
    assert!(console.contains("scenario roam: ok"), "the comparison did not come to its end:\n{console}");
    println!("| | gap, ms | worst | pings lost | worst | management frames | worst | EAPOL frames | worst |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (variant, what) in VARIANTS {
        let columns = MEASURED.map(|name| {
            let key = (name.to_owned(), variant.to_owned());
            let values = measured.get_mut(&key).expect("every change of place measures all");
            let worst = values.iter().copied().fold(0.0, f64::max);
            format!("{:.0} | {worst:.0}", median(values))
        });
        println!("| {what} | {} |", columns.join(" | "));
    }
}

/// `recorded roam.VARIANT.NUMBER`: the frames of the client in it.
fn recorded(air: &Path, line: &str) -> Vec<(String, String, f64, String)> {
    let Some(name) = line.strip_prefix("recorded ") else { return Vec::new() };
    let variant = name.split('.').nth(1).expect("a variant");
    let count = |(what, filter): (&str, &str)| {
        let mut tshark = Command::new("tshark");
        tshark.args([
            "-T",
            "fields",
            "-e",
            "frame.number",
            "-Y",
            &format!("wlan.addr == {CLIENT} && {filter}"),
            "-r",
        ]);
        let output = tshark.arg(air.join(format!("{name}.pcap"))).output().expect("tshark starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let frames = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        (what.to_owned(), variant.to_owned(), frames as f64, "frames".to_owned())
    };
    COUNTED.map(count).to_vec()
}
