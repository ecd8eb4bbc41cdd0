//! The binary `airloom`, as people run it.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The path of the binary, built once for the test run if need be.
pub fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "-q", "-p", "airloom", "--bin", "airloom"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status();
        assert!(status.is_ok_and(|status| status.success()), "the binary can be built");
        // the test runs from target/PROFILE/deps
        let test = std::env::current_exe().expect("this test has a path");
        let folder =
            test.parent().and_then(|deps| deps.parent()).expect("tests are two folders deep in target");
        folder.join("airloom")
    })
}

/// The path of the binary as it is released.
///
/// # Panics
/// If it can't be built.
#[must_use]
pub fn release() -> PathBuf {
    optimised("release")
}

/// The path of the binary for the lab, which asks what it does and not how fast: optimised too, but built in less time.
///
/// # Panics
/// If it can't be built.
#[must_use]
pub fn for_the_lab() -> PathBuf {
    optimised("guest")
}

fn optimised(profile: &str) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "-q", "-p", "airloom", "--bin", "airloom", "--profile", profile]);
    let status = build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status();
    assert!(status.is_ok_and(|status| status.success()), "the binary can be built");
    let test = std::env::current_exe().expect("this test has a path");
    let target = test.ancestors().nth(3).expect("tests are three folders deep in target");
    target.join(profile).join("airloom")
}

/// Runs the binary to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    Command::new(binary()).args(args).output().expect("the binary can be run")
}
