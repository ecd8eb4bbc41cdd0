//! What the tests of this crate share.

pub mod airloom;
pub mod airwatch;
pub mod bench;
mod bridge;
pub mod captures;
pub mod fuzz;
pub mod hopping;
pub mod links;
pub mod machine;
pub mod monitor;
pub mod nodes;
pub mod overseer;
pub mod recorder;
pub mod roam;
pub mod scene;
mod signing;
pub mod story;
