//! `airloom mesh` as people run it: a cluster, a node made offline, one that joins over the network.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tests::airloom;

fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(airloom::binary()).args(args).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn done(folder: &Path, args: &[&str]) -> String {
    let (code, out, err) = run(folder, args);
    assert_eq!((code, &*err), (Some(0), ""), "{args:?}: {out}");
    out
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// An invitation that answers by itself. It ends when it was used.
struct Door(Child);

impl Drop for Door {
    fn drop(&mut self) {
        // After a failed test it is still there.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port of the loopback that nobody has now.
fn free_address() -> String {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_cluster_is_made_and_nodes_get_slots_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert!(
        done(path, &["mesh", "init", "--out", "cluster", "--name", "home"])
            .contains("the cluster home is in cluster")
    );
    let said = done(path, &["mesh", "node", "north", "--cluster", "cluster", "--out", "north.id"]);
    assert!(said.contains("slot 0") && said.contains("identity = \"north.id\""), "{said}");
    let made =
        json(&done(path, &["mesh", "node", "south", "--cluster", "cluster", "--out", "south.id", "--json"]));
    assert_eq!(
        (&made["slot"], &made["cluster"], &made["node"]),
        (&1.into(), &"home".into(), &"south".into())
    );
    for secret in ["cluster/authority.key", "north.id/node.redb"] {
        let mode = std::fs::metadata(path.join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let file = "[mesh]\nlisten = \"10.9.0.1:7450\"\nidentity = \"north.id\"\nauthority = \"cluster\"\n\
                [[radio]]\nphy = \"phy0\"\n[[network]]\nssid = \"x\"\nsecurity = \"open\"\n";
    std::fs::write(path.join("north.toml"), file).unwrap();
    assert!(done(path, &["run", "north.toml", "--check"]).contains("nothing is wrong"));
}

#[test]
fn a_machine_joins_by_a_token_and_the_token_is_good_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    done(path, &["mesh", "init", "--out", "cluster"]);
    let address = free_address();
    let args = ["mesh", "invite", "--cluster", "cluster", "--listen", &address, "--json"];
    let mut invite = Command::new(airloom::binary());
    let mut door = Door(invite.args(args).current_dir(path).stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(door.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let invited = json(&line);
    let token = invited["token"].as_str().unwrap();
    let join = ["mesh", "join", &address, "--token", token, "--name", "south", "--json"];
    let made = json(&done(path, &join));
    assert_eq!(
        (&made["slot"], &made["node"], &made["identity"]),
        (&0.into(), &"south".into(), &"south.id".into())
    );
    assert!(door.0.wait().unwrap().success(), "it ends when the token was used");
    let (code, _, said) = run(path, &[&join[..], &["--out", "again.id"]].concat());
    assert_eq!(code, Some(1));
    assert!(said.contains("nobody answers") || said.contains("cannot join"), "{said}");
    assert!(!path.join("again.id").exists());
}

#[test]
fn what_goes_wrong_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    done(path, &["mesh", "init", "--out", "cluster"]);
    done(path, &["mesh", "node", "north", "--cluster", "cluster", "--out", "north.id"]);
    done(path, &["mesh", "node", "north", "--cluster", "cluster", "--out", "second.id"]);
    for (args, code, words) in [
        (&["mesh", "init", "--out", "cluster"][..], 1, "is there already"),
        (
            &["mesh", "node", "south", "--cluster", "north.id", "--out", "x"],
            1,
            "airloom mesh init --out north.id",
        ),
        (&["mesh", "node", "south", "--cluster", "cluster", "--out", "north.id"], 1, "is there already"),
        (&["mesh", "node", "So uth", "--cluster", "cluster", "--out", "x"], 2, "is not a node's name"),
        (&["mesh", "node", "south", "--cluster", "cluster"], 2, "--out"),
        (&["mesh", "join", "10.9.0.1", "--token", "x"], 2, "not an address with a port"),
        (&["mesh", "join", "127.0.0.1:9", "--token", "x"], 1, "airloom mesh invite"),
        (&["mesh", "join", "127.0.0.1:9"], 1, "give --token or set AIRLOOM_TOKEN"),
        (&["mesh", "revoke", "north", "--cluster", "cluster"], 1, "say which slot, 0, 1"),
        (&["mesh", "revoke", "9", "--cluster", "cluster"], 1, "no node of the cluster has slot 9"),
        (&["mesh", "revoke", "south", "--cluster", "cluster"], 1, "no node of the cluster is called south"),
        (&["mesh"], 2, "Usage"),
    ] {
        let (exit, _, said) = run(path, args);
        assert_eq!(exit, Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
    assert!(done(path, &["mesh", "revoke", "1", "--cluster", "cluster"]).contains("slot 1 is denied"));
    let slots = std::fs::read_dir(path.join("cluster/slots")).unwrap().count();
    assert_eq!(slots, 2, "what failed took no slot");
}

#[test]
fn every_subcommand_has_help_with_an_example() {
    for command in ["init", "node", "invite", "join", "revoke"] {
        let (code, help, _) = run(Path::new("."), &["mesh", command, "--help"]);
        assert!(code == Some(0) && help.contains(&format!("\n  airloom mesh {command}")), "{help}");
    }
}
