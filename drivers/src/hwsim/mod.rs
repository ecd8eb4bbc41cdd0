//! The medium of `mac80211_hwsim`, the kernel's simulated radios, in userspace: real network stacks on an air of ours.
//!
//! Once a program has registered as the medium, the kernel hands it every frame that one of these radios sends. It says
//! who hears the frame and how strongly, and at the end what became of it. This medium decides that by the rules of the
//! simulated [`air`](crate::air): places, path loss, rates, and a seeded chance. Places change at run time.
//!
//! A radio is named as the kernel names it in these messages: by the second of the addresses in
//! `/sys/class/ieee80211/PHY/addresses`, which is `42:00:00:00:NN:00` for the radios that the module made itself.

mod acks;
mod error;
mod field;
mod kernel;
mod medium;
mod message;
mod series;

pub use error::MediumError;
pub use kernel::MediumCounts;
pub use medium::Medium;
