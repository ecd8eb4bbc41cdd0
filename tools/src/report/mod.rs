//! `report.html`: what happened on the air, as one page that needs nothing but itself.
//!
//! A [`Story`] is plain data and knows nothing of radios; [`html`] draws it. Every text in it is taken for hostile (an
//! SSID is whatever somebody typed) and escaped on its way out, and whatever grows with time is drawn by columns, so a
//! page has a bounded size however long its story is.

mod air;
mod axis;
mod handovers;
mod joins;
mod map;
mod markup;
mod page;
mod shapes;
mod story;
mod tables;
mod timeline;

pub use page::html;
pub use story::{
    Bins, Client, Crash, Drops, Figure, Handover, Join, JoinStep, KeyUse, MAX_BINS, Moment, Orphan, Place,
    Radio, Sample, Span, State, Stay, Story, Totals,
};

#[cfg(test)]
mod tests;
