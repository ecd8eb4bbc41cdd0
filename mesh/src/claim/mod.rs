//! The distributed switch: behind which node a station is.
//!
//! A [`Claim`](crate::announce::Claim) is made because a client completed a handshake here or its context was handed
//! here, and never because a frame with its address showed up: whoever makes one has to name the security association
//! that it rests on, and the generation of the lease under which the client is served. Addresses on the wire are claimed
//! without one, and rank below every live claim of a client (port stealing, SEC-M12).
//!
//! [`Claims`] is one node's view, sans-IO: it makes the claims of this node and renews them, takes those of others from
//! announcements and rows, and says what is wrong as [`Event`]s. [`Lookup`] is the immutable snapshot that the frame path
//! asks.

mod addresses;
mod claims;
mod dispute;
mod lookup;
mod notice;
#[cfg(test)]
mod tests;

pub use addresses::Addresses;
pub use claims::{Claims, Due, Event, Limits, Refused};
pub use lookup::{Lookup, Place, Station};
pub use notice::{Notice, NoticeError};
