//! What `airloom ap`, `run` and `status` say and exit with where there is nothing to run on.

use std::process::Output;

use tests::airloom;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_phy_that_is_not_there_is_told_and_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let control = socket.to_str().unwrap();
    let tap = ["--tap", "alcmd0"];
    let output = airloom::run(
        &[&["ap", "--phy", "nophy", "--ssid", "x", "--open", "--control", control][..], &tap].concat(),
    );
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    // Without Wi-Fi, with Wi-Fi, and without the right to make a TAP.
    let known = ["this kernel has no Wi-Fi", "there is no nophy", "TAP device alcmd0"];
    assert!(said.starts_with("airloom: ") && known.iter().any(|words| said.contains(words)), "{said}");
    assert!(!socket.exists() && !std::path::Path::new("/sys/class/net/alcmd0").exists());
}

#[test]
fn wrong_use_is_2_and_says_what_is_wrong() {
    for (args, words) in [
        (&["ap", "--ssid", "x", "--open"][..], "--phy"),
        (&["ap", "--phy", "a", "--open"], "--ssid"),
        (&["ap", "--phy", "a", "--phy", "a", "--ssid", "x", "--open"], "--phy a is there twice"),
        (
            &["ap", "--phy", "a", "--ssid", "x", "--open", "--channel", "1", "--channel", "6"],
            "2 channels for 1 radios",
        ),
        (&["ap", "--phy", "a", "--ssid", "x", "--open", "--passphrase-file", "f"], "cannot be used with"),
        (&["run"], "FILE.toml"),
        (&["status", "--jsno"], "--json"),
    ] {
        let output = airloom::run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["ap", "run", "status", "replay"] {
        let output = airloom::run(&[command, "--help"]);
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && help.contains(&format!("\n  airloom {command}")), "{help}");
    }
}

#[test]
fn a_file_is_checked_and_its_mistakes_are_told_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("north.toml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, "[[radio]]\nphy = \"phy0\"\n\n[[network]]\nssid = \"x\"\nsecurity = \"open\"\n")
        .unwrap();
    assert_eq!(airloom::run(&["run", path, "--check"]).status.code(), Some(0));
    std::fs::write(&file, "[[radio]]\nphy = \"phy0\"\nchanel = 6\n").unwrap();
    let output = airloom::run(&["run", path]);
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert_eq!(said, format!("airloom: {path}:3: there is no key `chanel`; did you mean `channel`?\n"));
}

#[test]
fn without_a_node_status_says_how_to_start_one() {
    let output = airloom::run(&["status", "--control", "/nonexistent/socket"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("no airloom answers at /nonexistent/socket: start one with"),
        "{}",
        said(&output)
    );
}
