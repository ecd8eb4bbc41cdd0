//! What many virtual APs on a radio, many stations in a table, and many nodes in a cluster cost.
//!
//! `cargo bench -p airloom-tests --bench scale -- frames`: one part alone, of `frames`, `lookup` and `nodes`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

mod frames;
mod heap;
mod lookup;
mod nodes;

fn main() {
    // Cargo itself says "--bench".
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let parts: [(&str, fn()); 3] = [("frames", frames::run), ("lookup", lookup::run), ("nodes", nodes::run)];
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            run();
        }
    }
}
