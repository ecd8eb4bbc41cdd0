//! The binary `airloom`, as people run it.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The path of the binary, built once for the test run if need be.
pub fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let mut build = build();
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.status();
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
    let status = build().args(["--profile", profile]).status();
    assert!(status.is_ok_and(|status| status.success()), "the binary can be built");
    let test = std::env::current_exe().expect("this test has a path");
    let target = test.ancestors().nth(3).expect("tests are three folders deep in target");
    target.join(profile).join("airloom")
}

/// cargo as people start it. What it tells a test of the test's own crate, the build scripts of others would take for a
/// reason to run again, and with them all that depends on them would be built twice.
fn build() -> Command {
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let told = std::env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    }) {
        build.env_remove(name);
    }
    build.args(["build", "-q", "-p", "airloom", "--bin", "airloom"]);
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    build
}

/// Runs the binary to its end.
pub fn run<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    Command::new(binary()).args(args).output().expect("the binary can be run")
}
