//! What a node tells Prometheus: `GET /metrics` on a local port, in its text format (version 0.0.4).
//!
//! [`page`] makes the text of a [`Status`](crate::status::Status); [`Exporter`] is the edge: a thread that accepts, and one
//! for each of a few scrapers at a time. Nobody who asks reaches a radio's thread more often than a few times a second,
//! and none of them can hold up the node.

mod http;
mod page;
mod server;
mod text;

pub use page::page;
pub use server::Exporter;

#[cfg(test)]
mod tests;
