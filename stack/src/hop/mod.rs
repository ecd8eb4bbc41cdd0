//! One radio on the channels of several networks: its links, and the schedule that takes it from one to the next.
//!
//! A [`Hopper`] owns the links of a radio ([`crate::sta`]) and does what their schedule ([`crate::slot`]) says. Before it
//! leaves a channel, the APs there know that we doze and nothing is in flight; then it asks for the other channel
//! ([`HopEvent::Tune`]), and once that is set the APs there are told that we are awake. Frames are sent on the
//! channel of their network and on no other.
//!
//! The radio may serve virtual APs of its own besides ([`crate::ap`]), which is theirs to do: they have a slot as the links
//! do, and fall silent while the radio is elsewhere.
//!
//! Networks whose channel is not known are looked for on all that they may be on, in slots of their own beside those of the
//! links that have joined. A link holds the radio while it joins and is in a handshake, as far as the others can do with
//! their least slots. It is as the rest of the stack: no clock, no thread, no radio; see the vocabulary in the [crate] page.

mod backlog;
mod demand;
mod home;
mod hopper;
mod leg;
mod resident;
mod search;
mod settle;
mod travel;

pub use hopper::Hopper;
pub use leg::Figures;
pub use resident::{LinkView, Losses};

use crate::slot::Refusal;
use crate::sta::LinkEvent;
use crate::time::Instant;
use crate::wire::{AckChange, Channel};

/// Names a link of a [`Hopper`], in the order of their coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u16);

/// What happened on a radio that hops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HopEvent {
    /// On a link: it connected, it lost its network, an MSDU came.
    Link(LinkId, LinkEvent),
    /// An address that the radio is to acknowledge from now on.
    Ack(AckChange),
    /// Nothing is in flight, and the radio is to be tuned at once. [`Hopper::handle_tuned`] when that is done; until then
    /// nothing is sent.
    Tune(Channel),
    /// The radio's own virtual APs are to fall silent, since it leaves their channel: [`Hopper::handle_home_silent`] when they
    /// have.
    LeaveHome {
        /// When it will be back, if all goes as it should.
        back: Instant,
    },
    /// It is on their channel again.
    ComeHome,
    /// This link is not served, and why.
    Refused(LinkId, Refusal),
    /// It is served after all.
    Admitted(LinkId),
}
