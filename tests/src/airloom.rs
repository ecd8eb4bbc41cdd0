//! The binary `airloom`, as people run it.

use std::path::PathBuf;
use std::process::{Command, Output};

/// The path of the binary, which is built with the tests.
#[must_use]
pub fn binary() -> PathBuf {
    of_profile().join("airloom-as-tested")
}

/// The path of the binary as it is released. What cargo tells a test of the test's own crate, the build scripts of others
/// would take for a reason to run again, and with them all that depends on them would be built twice.
///
/// # Panics
/// If it can't be built.
#[must_use]
pub fn release() -> PathBuf {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&name);
        }
    }
    build.args(["build", "-q", "--release", "-p", "airloom", "--bin", "airloom"]);
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    assert!(build.status().is_ok_and(|status| status.success()), "the binary can be built");
    of_profile().with_file_name("release").join("airloom")
}

/// The folder `target/PROFILE` of this run: tests are in `deps` there.
fn of_profile() -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    test.ancestors().nth(2).expect("tests are two folders deep in the profile's").to_owned()
}

/// Runs the binary to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    Command::new(binary()).args(args).output().expect("the binary can be run")
}
