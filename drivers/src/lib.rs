//! The edge.

pub mod air;
pub mod capture;
