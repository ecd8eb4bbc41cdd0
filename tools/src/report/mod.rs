//! `report.html`: what happened on the air, as one page that needs nothing but itself.
//!
//! A [`Story`] is plain data and knows nothing of radios; [`html`] draws it. So does [`hop_html`] with a [`HopStory`], that of
//! one radio on many networks. Every text in it is taken for hostile (an
//! SSID is whatever somebody typed) and escaped on its way out, and whatever grows with time is drawn by columns, so a
//! page has a bounded size however long its story is.

mod air;
mod axis;
mod channels;
mod handovers;
mod hop_page;
mod hop_story;
mod joins;
mod map;
mod markup;
mod page;
mod shapes;
mod slots;
mod story;
mod tables;
mod timeline;

pub use hop_page::hop_html;
pub use hop_story::{Close, HopStory, Mark, Network, NetworkTotals, Sight, Visit};
pub use page::html;
pub use story::{
    Bins, Client, Crash, Drops, Figure, Handover, Join, JoinStep, KeyUse, MAX_BINS, Moment, Orphan, Place,
    Radio, Sample, Span, State, Stay, Story, Totals,
};

#[cfg(test)]
mod hop_tests;
#[cfg(test)]
mod tests;
