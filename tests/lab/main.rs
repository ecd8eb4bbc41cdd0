//! The lab: a Debian kernel with mac80211_hwsim in QEMU, in which `guest.rs` runs every scenario in one boot. The air of each
//! is recorded and checked by tshark (`witness.rs`).

mod witness;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The whole boot with all scenarios takes well under a minute on two idle cores.
const BOUND: Duration = Duration::from_secs(600);
/// How many scenarios `guest.rs` has.
const SCENARIOS: usize = 11;

#[test]
fn every_scenario_on_mac80211_hwsim() {
    let cache = cache();
    let Some(()) = image(&cache) else { return };
    let air = empty_folder(cache.join("air"));
    let console = boot(&cache, &air);
    let outcomes: Vec<(&str, &str)> = console.lines().filter_map(outcome).collect();
    for (name, result) in &outcomes {
        println!("lab: {name}: {result}");
    }
    assert!(console.contains("guest: exit 0"), "the guest did not come to its end:\n{console}");
    assert!(outcomes.len() == SCENARIOS, "only {} scenarios reported:\n{console}", outcomes.len());
    let failed: Vec<_> = outcomes.iter().filter(|(_, result)| *result != "ok").collect();
    assert!(failed.is_empty(), "{} of {} scenarios failed: {failed:#?}", failed.len(), outcomes.len());
    witness::check(&air);
}

/// Downloads stay in the target folder, which outlives a run.
fn cache() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_lab-guest"));
    program.parent().and_then(Path::parent).expect("a target folder").join("lab")
}

/// The recordings of the last run stay, to be looked at.
fn empty_folder(folder: PathBuf) -> PathBuf {
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the recordings");
    folder
}

/// Makes kernel and initramfs. `None` where the platform can't have them; a defect is a failure.
fn image(cache: &Path) -> Option<()> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/image");
    let made = Command::new("bash")
        .arg(script)
        .arg(cache)
        .arg(env!("CARGO_BIN_EXE_lab-guest"))
        .output()
        .expect("bash is there");
    let why = String::from_utf8_lossy(&made.stderr);
    match made.status.code() {
        Some(0) => Some(()),
        Some(3) => {
            println!("lab: {SCENARIOS} scenarios skipped: {why}");
            None
        }
        _ => panic!("making the image failed: {why}"),
    }
}

/// Runs the guest to its end and yields what it wrote on its console. It leaves its recordings in `air`.
fn boot(cache: &Path, air: &Path) -> String {
    let share = format!("local,path={},mount_tag=host,security_model=none", air.display());
    let mut guest = Command::new("qemu-system-x86_64")
        .args(["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1024"])
        .args(["-nographic", "-no-reboot", "-net", "none", "-append", "console=ttyS0 quiet panic=-1"])
        .args(["-virtfs", &share])
        .arg("-kernel")
        .arg(cache.join("vmlinuz"))
        .arg("-initrd")
        .arg(cache.join("initramfs"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("qemu-system-x86_64 starts");
    let mut output = guest.stdout.take().expect("a console");
    let (done, console) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.read_to_end(&mut bytes);
        let _ = done.send(());
        bytes
    });
    let in_time = console.recv_timeout(BOUND).is_ok();
    if !in_time {
        let _ = guest.kill();
    }
    let _ = guest.wait();
    let bytes = reader.join().expect("the console's reader ends");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(in_time, "the guest took more than {BOUND:?}:\n{text}");
    text
}

fn outcome(line: &str) -> Option<(&str, &str)> {
    line.trim().strip_prefix("scenario ")?.split_once(": ")
}
