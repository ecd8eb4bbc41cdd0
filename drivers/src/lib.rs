//! The edge.

pub mod capture;
