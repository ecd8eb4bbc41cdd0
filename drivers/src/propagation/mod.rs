//! How frames get from one radio to another: what is lost on the way, at which rate it is understood, how long it takes.
//!
//! The simulated [`air`](crate::air) and the [medium of the kernel's simulated radios](crate::hwsim) play the same rules
//! with what is here.

mod airtime;
mod links;
mod model;
pub(crate) mod mpdu;

pub use airtime::{airtime, frame_error, midpoint, response_rate};
pub(crate) use links::Links;
pub use model::{Knobs, Model, Position};
pub(crate) use model::{SLOT, as_i8};
