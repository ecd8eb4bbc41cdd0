//! The shared table: rows that each node writes about itself, and all others read.
//!
//! Rows that say who owns a virtual AP are made and read by [`Cluster`](crate::Cluster), and claims are for
//! [`Claims`](crate::claim::Claims). [`Row`] is the form of all of them; [`Table`] keeps what is for placement: what the
//! radios of the nodes hear, and how busy they are.

mod kept;
mod row;
#[cfg(test)]
mod tests;

pub use kept::Table;
pub use row::{Key, Row};
