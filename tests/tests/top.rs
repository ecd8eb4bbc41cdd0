//! `airloom top` where there is nothing to show it on.

use std::process::{Command, Stdio};

use tests::airloom;

#[test]
fn without_a_terminal_top_says_what_to_use_instead() {
    let mut top = Command::new(airloom::binary());
    let output = top.args(["top", "--control", "/nowhere"]).stdin(Stdio::null()).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("needs a terminal") && words.contains("airloom status --json"), "{words}");
    assert!(output.stdout.is_empty());
}
