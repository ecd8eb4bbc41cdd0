//! The capture files that tests run over, and the witnesses that read them too.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of captures: `AIRLOOM_CAPTURES`, else `../shared/captures` beside the checkout, else the ones that ship.
pub fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let candidates = [
        std::env::var_os("AIRLOOM_CAPTURES").map(PathBuf::from),
        Some(root.join("../shared/captures")),
        Some(root.join("captures")),
    ];
    candidates.into_iter().flatten().find(|path| path.is_dir()).unwrap_or(root)
}

/// All capture files of the folder, by name.
pub fn all() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).expect("the folder of captures can be listed");
    let mut files: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| is_capture(path)).collect();
    files.sort();
    assert!(!files.is_empty(), "there are no captures in {}", folder().display());
    files
}

/// One capture by its name; `None` if this checkout does not have it.
pub fn named(name: &str) -> Option<PathBuf> {
    Some(folder().join(name)).filter(|path| path.is_file())
}

fn is_capture(path: &Path) -> bool {
    path.is_file() && path.extension().is_none_or(|extension| extension != "md")
}

/// What tshark says of a file: for each frame the values of the fields asked for. `None` if tshark is not installed.
pub fn tshark(file: &Path, options: &[&str], fields: &[&str]) -> Option<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.env("LC_ALL", "C.UTF-8").args(["-n", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"]);
    command.arg("-r").arg(file).args(options);
    command.args(fields.iter().flat_map(|field| ["-e", field]));
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let row = |line: &str| {
        let mut row: Vec<_> = line.split('\t').map(str::to_owned).collect();
        // tshark leaves empty values at the end of a line out
        row.resize(fields.len(), String::new());
        row
    };
    Some(text.lines().map(row).collect())
}
