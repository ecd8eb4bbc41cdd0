//! What `airloom ap`, `run` and `status` say and exit with where there is nothing to run on.

use std::fs::File;
use std::process::{Command, Output, Stdio};

use tests::{airloom, captures};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_phy_that_is_not_there_is_told_and_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let control = socket.to_str().unwrap();
    let common = ["--phy", "nophy", "--control", control];
    for args in [
        &["ap", "--ssid", "x", "--open", "--tap", "alcmd0"][..],
        &["hop", "--network", "ssid=x,open,tap=alcmd0"],
    ] {
        let output = airloom::run(&[args, &common].concat());
        assert_eq!(output.status.code(), Some(1));
        let said = said(&output);
        // Without Wi-Fi, with Wi-Fi, and without the right to make a TAP.
        let known = ["this kernel has no Wi-Fi", "there is no nophy", "TAP device alcmd0"];
        assert!(said.starts_with("airloom: ") && known.iter().any(|words| said.contains(words)), "{said}");
        assert!(!socket.exists() && !std::path::Path::new("/sys/class/net/alcmd0").exists());
    }
}

#[test]
fn a_network_without_a_passphrase_is_named_when_nobody_can_be_asked() {
    let output = Command::new(airloom::binary())
        .args(["hop", "--phy", "nophy", "--network", "ssid=library,open", "--network", "ssid=cafe"])
        .env_remove("AIRLOOM_PASSPHRASE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("no passphrase for \"cafe\": name a file by passphrase-file="), "{said}");
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
        (&["hop", "--network", "ssid=x,open"], "--phy"),
        (&["hop", "--phy", "a"], "--network"),
        (&["hop", "--phy", "a", "--network", "ssid=x,opn"], "did you mean `open`?"),
        (
            &["hop", "--phy", "a", "--network", "ssid=x,open", "--network", "ssid=x,open"],
            "the network `x` is there twice",
        ),
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
    for command in ["ap", "hop", "run", "status", "replay", "mesh"] {
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

/// The exit code and the words of a command that writes to `out`.
fn writing_to(out: impl Into<Stdio>, args: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(airloom::binary()).args(args).stdout(out).stderr(Stdio::piped()).output().unwrap();
    (output.status.code(), said(&output))
}

#[test]
fn a_reader_that_is_gone_is_no_failure_and_a_full_disk_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (config, secret, out, plain) = (path("north.toml"), path("pass"), path("out"), path("plain.pcapng"));
    std::fs::write(&config, "[[radio]]\nphy = \"phy0\"\n[[network]]\nssid = \"x\"\nsecurity = \"open\"\n")
        .unwrap();
    std::fs::write(&secret, "correct horse battery\n").unwrap();
    let capture = captures::named("hwsim__15_wrong_passphrase.pcap").expect("this one ships");
    let capture = capture.to_str().unwrap();
    for args in [
        &["demo", "--seconds", "1", "--out", &out][..],
        &["demo", "--seconds", "1", "--out", &out, "--json"],
        &["run", &config, "--check"],
        &["replay", capture, "--into", &config],
        &["replay", capture, "--into", &config, "--json"],
        &["decrypt", capture, "-o", &plain, "--passphrase-file", &secret],
        &["decrypt", capture, "-o", &plain, "--passphrase-file", &secret, "--json"],
        &["dump", capture],
        &["dump", capture, "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(writing_to(writer, args), (Some(0), String::new()), "{args:?}");
        let (code, said) = writing_to(File::create("/dev/full").unwrap(), args);
        let told = said.starts_with("airloom: ") && said.contains("No space left");
        assert!(code == Some(1) && told, "{args:?}: {code:?} {said}");
    }
}
