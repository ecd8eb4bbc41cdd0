//! `ApRadio` against `Link`, without an air: every frame arrives, and is acknowledged if its receiver is there.

#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test may")]

mod absence;
mod channel;
mod context;
mod flood;
mod hostile;
mod join;
mod move_rules;
mod moves;
mod own;
mod per_client;
mod power_save;
mod presence;
mod rekey;
mod stops;
mod strays;
mod two;
mod world;
