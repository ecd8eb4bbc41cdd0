//! A large capture decrypted by `airloom`, `airdecap-ng` and `tshark`, in turn in one run. The capture is a real one
//! repeated; peers that are not installed are left out.
//!
//! What is timed is the whole process, output to nowhere. `airdecap-ng` writes only what it decrypted; `airloom` writes
//! every frame.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tests::{airloom, captures};

const PASSPHRASE: &str = "correct horse battery";
const SSID: &str = "hwsim-test";
const ROUNDS: usize = 5;

fn main() {
    let Some(source) = captures::named("hwsim__13_wpa2_fragmentation.pcap") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (big, keys) = (folder.path().join("big.pcap"), folder.path().join("keys"));
    repeat(&source, &big, 1000);
    std::fs::write(&keys, PASSPHRASE).expect("the temporary folder can be written");
    let mut ours = Command::new(airloom::binary());
    ours.arg("decrypt").arg(&big).args(["-o", "/dev/null", "--ssid", SSID, "--passphrase-file"]).arg(&keys);
    let mut airdecap = Command::new("airdecap-ng");
    airdecap.args(["-e", SSID, "-p", PASSPHRASE, "-o", "/dev/null"]).arg(&big);
    let mut tshark = Command::new("tshark");
    let key = format!("uat:80211_keys:\"wpa-pwd\",\"{PASSPHRASE}:{SSID}\"");
    tshark
        .args(["-n", "-o", "wlan.enable_decryption:TRUE", "-o", &key, "-w", "/dev/null", "-2", "-r"])
        .arg(&big);
    let mut subjects = [("airloom decrypt", ours), ("airdecap-ng", airdecap), ("tshark", tshark)];
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (times, (_, command)) in times.iter_mut().zip(&mut subjects) {
            times.extend(run(command));
        }
    }
    println!("decrypt {} MB, median of {ROUNDS}", big.metadata().map_or(0, |m| m.len()) / 1_000_000);
    let medians: Vec<_> = times.iter_mut().map(|times| median(times)).collect();
    for ((name, _), median) in subjects.iter().zip(&medians) {
        match (median, medians[0]) {
            (Some(median), Some(ours)) => {
                println!(
                    "  {name:<16} {median:>10.2?}  {:>7.2} x",
                    median.as_secs_f64() / ours.as_secs_f64()
                );
            }
            _ => println!("  {name:<16} not installed"),
        }
    }
}

/// A pcap file with its records `times` times over.
fn repeat(source: &Path, to: &Path, times: usize) {
    let bytes = std::fs::read(source).expect("the capture can be read");
    let (header, records) = bytes.split_at(24);
    std::fs::write(to, [header, &records.repeat(times)].concat())
        .expect("the temporary folder can be written");
}

fn run(command: &mut Command) -> Option<Duration> {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    status.success().then(|| start.elapsed())
}

fn median(times: &mut [Duration]) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}
