//! What people run: the commands of the binary `airloom`, and what they are made of.

#![forbid(unsafe_code)]

pub mod cli;
pub mod command;
pub mod config;
pub mod control;
pub mod decrypt;
pub mod demo;
pub mod dump;
pub mod escape;
pub mod metrics;
pub mod node;
mod patience;
pub mod report;
pub mod status;
pub mod top;
