//! The access point against hostapd with the kernel's mac80211, in one boot of the lab and in turn: what a join takes, ping,
//! throughput, processor time. Prints the medians and their ratios as the table of `tests/performance.md`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::airloom;
use tests::bench::median;
use tests::machine::{Machine, measure};

const BOUND: Duration = Duration::from_secs(2400);
const MAKES: [&str; 3] = ["hostapd", "shared", "per_client"];

fn main() {
    let machine = match Machine::prepare(Path::new(env!("CARGO_BIN_EXE_lab-guest")), &airloom::release()) {
        Ok(machine) => machine,
        Err(why) => return println!("the comparison is skipped: {why}"),
    };
    machine.tell("compare", "");
    let mut measured: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    let mut order: Vec<(String, String)> = Vec::new();
    let console = machine.run(BOUND, |line| {
        let Some((name, make, value, unit)) = measure(line).or_else(|| joined(&machine.air, line)) else {
            return;
        };
        eprintln!("{name}.{make} {value:.3} {unit}");
        if !order.iter().any(|(known, _)| *known == name) {
            order.push((name.clone(), unit));
        }
        measured.entry((name, make)).or_default().push(value);
    });
    assert!(console.contains("scenario compare: ok"), "the comparison did not come to its end:\n{console}");
    println!("| what | hostapd | airloom shared | x | airloom per client | x |\n|---|---|---|---|---|---|");
    for (name, unit) in order {
        let medians = MAKES.map(|make| {
            measured.get_mut(&(name.clone(), make.to_owned())).map_or(f64::NAN, |values| median(values))
        });
        let [peer, shared, own] = medians;
        println!(
            "| {name}, {unit} | {peer:.2} | {shared:.2} | {:.2} | {own:.2} | {:.2} |",
            shared / peer,
            own / peer
        );
    }
}

/// `recorded join.MAKE`: from the first Authentication frame on the air to message 4 of the 4-way handshake.
fn joined(air: &Path, line: &str) -> Option<(String, String, f64, String)> {
    let (name, make) = line.strip_prefix("recorded ")?.rsplit_once('.')?;
    let mut tshark = Command::new("tshark");
    tshark.args(["-T", "fields", "-e", "frame.time_epoch", "-e", "wlan_rsna_eapol.keydes.msgnr"]);
    tshark.args(["-Y", "wlan.fc.type_subtype == 0x0b || wlan_rsna_eapol.keydes.msgnr == 4", "-r"]);
    let output = tshark.arg(air.join(format!("{name}.{make}.pcap"))).output().expect("tshark starts");
    let text = String::from_utf8(output.stdout).expect("tshark prints text");
    let seconds = |line: &str| line.split('\t').next().and_then(|time| time.parse::<f64>().ok());
    let first = text.lines().next().and_then(seconds).expect("an Authentication frame");
    let last = text.lines().find(|line| line.ends_with("\t4")).and_then(seconds).expect("message 4");
    Some((name.to_owned(), make.to_owned(), (last - first) * 1e3, "ms".to_owned()))
}
