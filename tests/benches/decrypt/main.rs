//! Large captures decrypted by `airloom`, `airdecap-ng` and `tshark`: `cargo bench -p airloom-tests --bench decrypt`.
//!
//! All run on one core, in turn, each round over the same file. What is timed is the whole process: the processor time
//! that it took, in the kernel too, and the time on the clock. All write to nowhere: `airloom` every frame, as pcapng;
//! `airdecap-ng` only the frames that it decrypted, as Ethernet, without their headers; `tshark`, which decrypts only what it takes apart
//! whole, a number for each frame.
//! Peers that are not installed are left out.

mod capture;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use capture::{PASSPHRASE, SSID, Shape};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::Pid;
use tests::bench::median;
use tests::{airloom, captures};

const ROUNDS: usize = 9;

const LARGE: Shape = Shape { stations: 1, lengths: &[1500], frames: 60_000, beacon_every: 200 };
const SMALL: Shape = Shape { stations: 1, lengths: &[72], frames: 300_000, beacon_every: 200 };
const MIXED: Shape =
    Shape { stations: 16, lengths: &[1500, 80, 1500, 300, 1500, 64], frames: 120_000, beacon_every: 20 };

fn main() {
    if let Err(error) = stay_on_one_core() {
        println!("not on one core: {error}");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("capture.pcap");
    if let Some(source) = captures::named("hwsim__13_wpa2_fragmentation.pcap") {
        capture::repeat(&source, &file, 2000).expect("the temporary folder can be written");
        compare("a real capture of small frames, 2000 times over", &file);
    }
    let shapes = [
        ("one station, MSDUs of 1500 bytes", LARGE),
        ("one station, MSDUs of 72 bytes", SMALL),
        ("16 stations, MSDUs of 64 to 1500 bytes, many beacons", MIXED),
    ];
    for (title, shape) in shapes {
        capture::make(&shape, &file).expect("the temporary folder can be written");
        compare(title, &file);
    }
}

/// This process, and those that it starts.
fn stay_on_one_core() -> nix::Result<()> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let mut one = CpuSet::new();
    let first = (0..CpuSet::count()).find(|&core| allowed.is_set(core).unwrap_or(false));
    one.set(first.unwrap_or(0))?;
    sched_setaffinity(Pid::from_raw(0), &one)
}

/// A name, a command, and how often it is run.
type Subject = (&'static str, Command, usize);

fn subjects(file: &Path) -> [Subject; 3] {
    let keys = file.with_extension("keys");
    std::fs::write(&keys, PASSPHRASE).expect("the temporary folder can be written");
    let mut ours = Command::new(airloom::binary());
    ours.arg("decrypt").arg(file).args(["-o", "/dev/null", "--ssid", SSID, "--passphrase-file"]).arg(keys);
    let mut airdecap = Command::new("airdecap-ng");
    airdecap.args(["-e", SSID, "-p", PASSPHRASE, "-o", "/dev/null"]).arg(file);
    let mut tshark = Command::new("tshark");
    let key = format!("uat:80211_keys:\"wpa-pwd\",\"{PASSPHRASE}:{SSID}\"");
    tshark.args([
        "-n",
        "-o",
        "wlan.enable_decryption:TRUE",
        "-o",
        &key,
        "-T",
        "fields",
        "-e",
        "data.len",
        "-r",
    ]);
    tshark.arg(file);
    // tshark takes so much longer that once is enough
    [("airloom decrypt", ours, ROUNDS), ("airdecap-ng", airdecap, ROUNDS), ("tshark", tshark, 1)]
}

fn compare(title: &str, file: &Path) {
    let mut subjects = subjects(file);
    let mut times = vec![Vec::new(); subjects.len()];
    for round in 0..ROUNDS {
        let due = times.iter_mut().zip(&mut subjects).filter(|(_, (.., rounds))| round < *rounds);
        for (times, (_, command, _)) in due {
            times.extend(run(command));
        }
    }
    let megabytes = file.metadata().map_or(0, |metadata| metadata.len()) / 1_000_000;
    println!("{title}: {megabytes} MB, median of {ROUNDS}, processor time and time on the clock");
    let medians: Vec<_> = times.iter().map(|times| medians(times)).collect();
    for ((name, ..), median) in subjects.iter().zip(&medians) {
        let (Some((processor, clock)), Some((our_processor, our_clock))) = (median, medians[0]) else {
            println!("  {name:<16} not installed");
            continue;
        };
        let (processor_ratio, clock_ratio) = (processor / our_processor, clock / our_clock);
        println!(
            "  {name:<16} {:>8.1} ms {processor_ratio:>7.2} x  {:>8.1} ms {clock_ratio:>7.2} x",
            processor * 1e3,
            clock * 1e3
        );
    }
}

/// Processor time and time on the clock.
fn run(command: &mut Command) -> Option<(Duration, Duration)> {
    let processor = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
        let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
        u64::try_from(micros(usage.user_time()) + micros(usage.system_time())).ok()
    };
    let (before, start) = (processor()?, Instant::now());
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let clock = start.elapsed();
    status.success().then(|| (Duration::from_micros(processor().unwrap_or(before) - before), clock))
}

/// In seconds.
fn medians(times: &[(Duration, Duration)]) -> Option<(f64, f64)> {
    if times.is_empty() {
        return None;
    }
    let (mut processor, mut clock): (Vec<f64>, Vec<f64>) =
        times.iter().map(|(processor, clock)| (processor.as_secs_f64(), clock.as_secs_f64())).unzip();
    Some((median(&mut processor), median(&mut clock)))
}
