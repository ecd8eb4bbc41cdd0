//! The lab's machine: QEMU with a Debian kernel, hwsim radios, the guest program and the binary `airloom`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A machine that is ready to boot.
#[derive(Debug)]
pub struct Machine {
    /// Downloads and images; it lies in the target folder, which outlives a run.
    pub cache: PathBuf,
    /// The folder that the guest shares: what it is told, and the recordings of the last run.
    pub air: PathBuf,
}

impl Machine {
    /// Makes kernel and initramfs around the guest program, with this binary `airloom` beside it: an optimised one, since
    /// the machine is emulated. Fails with the reason where the platform can't have them.
    ///
    /// # Panics
    /// If the image can't be made though the platform has all that it takes: that is a defect.
    pub fn prepare(guest: &Path, airloom: &Path) -> Result<Self, String> {
        let cache = cache(guest);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/image");
        let mut image = Command::new("bash");
        image.arg(script).arg(&cache).arg(guest).arg(airloom);
        let made = image.output().map_err(|error| format!("bash does not start: {error}"))?;
        let why = String::from_utf8_lossy(&made.stderr).trim().to_owned();
        match made.status.code() {
            Some(0) => {}
            Some(3) => return Err(why),
            _ => panic!("making the image failed: {why}"),
        }
        let air = cache.join("air");
        let _ = fs::remove_dir_all(&air);
        fs::create_dir_all(&air).expect("a folder for the recordings");
        Ok(Self { cache, air })
    }

    /// Leaves a word for the guest: a file that it looks for.
    pub fn tell(&self, name: &str, text: &str) {
        fs::write(self.air.join(name), text).expect("the shared folder takes a file");
    }

    /// Runs the guest to its end and yields what it wrote on its console, which `watch` sees line by line.
    ///
    /// # Panics
    /// If it has not ended after `bound`.
    pub fn run(&self, bound: Duration, watch: impl FnMut(&str)) -> String {
        let mut guest = self.boot();
        let console = guest.stdout.take().map(|output| listen(output, bound, watch)).expect("a console");
        if console.is_err() {
            let _ = guest.kill();
        }
        let _ = guest.wait();
        let text = match &console {
            Ok(text) | Err(text) => text,
        };
        fs::write(self.cache.join("console"), text).expect("the lab's folder takes a file");
        match console {
            Ok(text) => text,
            Err(text) => panic!("the guest took more than {bound:?}:\n{text}"),
        }
    }

    fn boot(&self) -> Child {
        let share = format!("local,path={},mount_tag=host,security_model=none", self.air.display());
        let mut guest = Command::new("qemu-system-x86_64");
        guest
            .args(["-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "1536"])
            .args(["-nographic", "-no-reboot", "-net", "none", "-append", "console=ttyS0 quiet panic=-1"])
            .args(["-virtfs", &share, "-kernel"])
            .arg(self.cache.join("vmlinuz"))
            .arg("-initrd")
            .arg(self.cache.join("initramfs"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        guest.spawn().expect("qemu-system-x86_64 starts")
    }
}

/// All that the console says until it closes; what it said so far is the error when the time is over.
fn listen(output: ChildStdout, bound: Duration, mut watch: impl FnMut(&str)) -> Result<String, String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(output);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes).is_ok_and(|len| len > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + bound;
    let mut text = String::new();
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                watch(&line);
                text += &line;
                text.push('\n');
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(text),
            Err(mpsc::RecvTimeoutError::Timeout) => return Err(text),
        }
    }
}

/// The lab's own folder: `lab` in the target folder that the guest program was built in.
///
/// # Panics
/// If that program lies in no target folder.
#[must_use]
pub fn cache(guest: &Path) -> PathBuf {
    guest.parent().and_then(Path::parent).expect("a target folder").join("lab")
}

/// Scenarios that are run only when they are asked for. Those between nodes pass on a machine that has nothing else to do:
/// beside others the emulated machine stands still for longer than a client on its way, or a full stream, has patience for.
/// Those of today compare, and ask nothing. One fails at times, and is to be mended: in `hop_serves` the APs of 5 GHz then take
/// no frame at 24 Mb/s or more, once an address of a client was added while the radio hopped, as if the kernel had numbered the
/// rates by the other band.
const ON_REQUEST: [&str; 4] = ["nodes_walk", "nodes_counted", "today", "hop_serves"];

/// Whether a scenario is to be run under a filter of texts with commas between, of which one has to be in its name.
#[must_use]
pub fn is_wanted(name: &str, filter: &str) -> bool {
    let filter = filter.trim();
    let on_request = ON_REQUEST.iter().any(|waits| name.starts_with(waits));
    filter.split(',').any(|text| name.contains(text)) && !(on_request && filter.is_empty())
}

/// The scenarios that the guest program has, as it says itself: with `airloom` as access point, or with hostapd.
///
/// # Panics
/// If it does not say.
#[must_use]
pub fn scenarios(guest: &Path, hostapd: bool) -> Vec<String> {
    let list = Command::new(guest)
        .arg(if hostapd { "list-hostapd" } else { "list" })
        .output()
        .expect("the guest program runs here too");
    assert!(list.status.success(), "the guest program lists its scenarios");
    String::from_utf8_lossy(&list.stdout).lines().map(str::to_owned).collect()
}

/// What a line `measure NAME.VARIANT VALUE UNIT` of the guest says.
#[must_use]
pub fn measure(line: &str) -> Option<(String, String, f64, String)> {
    let mut words = line.strip_prefix("measure ")?.split(' ');
    let (name, variant) = words.next()?.rsplit_once('.')?;
    let value = words.next()?.parse().ok()?;
    Some((name.to_owned(), variant.to_owned(), value, words.next()?.to_owned()))
}
