//! The shape of the house: which room may know which, and where unsafe code may live. Read from the sources, so that
//! an arrow drawn the wrong way fails here and not in a review.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file without its comments; a sentence may name any room.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a readable source");
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The rooms of `krate` that `text` names, as `krate::room` or in a braced `use krate::{room::..., ...}`.
fn rooms_named<'a>(text: &str, krate: &str, rooms: &[&'a str]) -> Vec<&'a str> {
    let mut named = Vec::new();
    for (at, _) in text.match_indices(&format!("{krate}::")) {
        let rest = &text[at + krate.len() + 2..];
        let reach = match rest.strip_prefix('{') {
            Some(braced) => braced.split(';').next().unwrap_or(braced),
            None => rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(""),
        };
        let words = reach.split(|c: char| !c.is_alphanumeric() && c != '_');
        named.extend(words.filter_map(|word| rooms.iter().find(|room| **room == word)));
    }
    named
}

const STACK: [&str; 8] = ["wire", "crypto", "rsn", "mac", "ap", "sta", "slot", "hop"];

/// What each room of the stack may know, beside itself.
fn allowed_in_stack(room: &str) -> &'static [&'static str] {
    match room {
        "wire" => &[],
        "crypto" => &["wire"],
        "rsn" => &["wire", "crypto"],
        "mac" => &["wire", "crypto", "rsn"],
        "hop" => &["wire", "crypto", "rsn", "mac", "sta", "slot"],
        _ => &["wire", "crypto", "rsn", "mac"],
    }
}

#[test]
fn arrows_inside_the_stack_run_one_way() {
    let mut wrong = Vec::new();
    for room in STACK {
        let folder = root().join("stack/src").join(room);
        if !folder.exists() {
            continue;
        }
        for file in sources(&folder) {
            for named in rooms_named(&code(&file), "crate", &STACK) {
                if named != room && !allowed_in_stack(room).contains(&named) {
                    wrong.push(format!("{} knows crate::{named}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn drivers_know_only_the_wire() {
    let beyond: Vec<&str> = STACK.into_iter().filter(|room| *room != "wire").collect();
    for file in sources(&root().join("drivers/src")) {
        let named = rooms_named(&code(&file), "stack", &beyond);
        assert!(named.is_empty(), "{} knows stack::{named:?}", file.display());
    }
}

#[test]
fn crates_depend_one_way() {
    for (krate, forbidden) in [
        ("stack", &["airloom-drivers", "airloom-mesh", "airloom."][..]),
        ("drivers", &["airloom-mesh", "airloom."]),
        ("mesh", &["airloom-drivers", "airloom."]),
        ("tools", &["airloom-tests"]),
    ] {
        let manifest = fs::read_to_string(root().join(krate).join("Cargo.toml")).expect("a manifest");
        for name in forbidden {
            assert!(
                !manifest.lines().any(|line| line.starts_with(name)),
                "{krate}/Cargo.toml depends on {name}"
            );
        }
    }
}

#[test]
fn unsafe_code_lives_in_drivers_alone() {
    for krate in ["stack", "mesh", "tools"] {
        let lib = fs::read_to_string(root().join(krate).join("src/lib.rs")).expect("a crate root");
        assert!(lib.contains("#![forbid(unsafe_code)]"), "{krate}/src/lib.rs does not forbid unsafe code");
    }
    for file in sources(&root().join("drivers/src")) {
        let text = code(&file);
        if text.contains("allow(unsafe_code)") {
            let comments = fs::read_to_string(&file).expect("a readable source").matches("SAFETY:").count();
            let blocks = text.matches("unsafe {").count() + text.matches("unsafe impl").count();
            assert!(
                comments >= blocks,
                "{}: {blocks} unsafe blocks, {comments} SAFETY comments",
                file.display()
            );
        }
    }
}

#[test]
fn the_core_reads_no_clock_and_opens_nothing() {
    // What touches the world between nodes: files and sessions. The rest of the mesh does not.
    let edge = ["mesh/src/engine/identity", "mesh/src/engine/real"].map(|folder| root().join(folder));
    for folder in ["stack/src", "mesh/src"] {
        for file in sources(&root().join(folder)) {
            if edge.iter().any(|folder| file.starts_with(folder)) {
                continue;
            }
            let text = code(&file);
            for word in [
                "std::net",
                "std::fs",
                "std::thread",
                "std::process",
                "time::SystemTime",
                "std::time::Instant",
            ] {
                assert!(!text.contains(word), "{} uses {word}", file.display());
            }
        }
    }
}

/// The rules of handover, queues and power save that `mesh/handover.md` lists.
const RULES_OF_HANDOVER: u32 = 11;

#[test]
fn every_rule_of_a_handover_has_a_test_of_its_name() {
    let folders =
        ["stack", "mesh/src", "tools/src", "tests/tests"].map(|folder| sources(&root().join(folder)));
    let text: String = folders.iter().flatten().map(|file| code(file)).collect();
    let tests: Vec<&str> =
        text.split("fn sec_").skip(1).map(|rest| rest.split('(').next().unwrap_or("")).collect();
    let untested = |n: &u32| !tests.iter().any(|name| name.split('_').any(|word| word == format!("h{n}")));
    let untested: Vec<u32> = (1..=RULES_OF_HANDOVER).filter(untested).collect();
    assert!(untested.is_empty(), "no test is named after these rules SEC-H: {untested:?}");
}

#[test]
fn the_reader_of_arrows_sees_both_ways_of_naming() {
    assert_eq!(rooms_named("use crate::ap::X;", "crate", &STACK), ["ap"]);
    assert_eq!(rooms_named("use crate::{\n    mac::Y,\n    sta::Z,\n};", "crate", &STACK), ["mac", "sta"]);
    assert!(rooms_named("use crate::apart::X;", "crate", &STACK).is_empty());
}
