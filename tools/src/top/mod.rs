//! `airloom top`: a node, live, on a terminal.
//!
//! [`View`] is what is known and what was chosen by key; it changes by answers and keys alone and reads no clock.
//! [`draw`] makes a screen of it, of whatever size. [`watch`] is the edge: the terminal, and a thread that asks the
//! node twice a second.

mod clients;
mod columns;
mod draw;
mod history;
mod links;
mod moves;
mod radios;
mod view;
mod watch;

pub use draw::draw;
pub use view::{Key, Sort, View};
pub use watch::watch;

#[cfg(test)]
mod tests;
