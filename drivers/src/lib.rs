//! The edge: every system call and every unsafe line. It knows the wire, time and randomness of the stack, and nothing
//! else of it.
//!
//! - [`radio`]: what every radio can do, real or simulated.
//! - [`packet`]: a monitor interface by `AF_PACKET`.
//! - [`nl80211`]: phys and their interfaces.
//! - [`reactor`]: what a radio thread sleeps on.
//! - [`tap`], [`interface`], [`bridge`]: the kernel's network devices.
//! - [`capture`]: capture files.
//! - [`propagation`]: how frames get from one radio to another.
//! - [`air`]: a simulated air in virtual time.
//! - [`hwsim`]: the medium of the kernel's simulated radios.
//! - [`middleware`]: radios around radios: faults, a trace, a recording.

pub mod air;
pub mod bridge;
pub mod capture;
pub mod hwsim;
pub mod interface;
pub mod middleware;
mod netlink;
pub mod nl80211;
mod os;
pub mod packet;
pub mod propagation;
pub mod radio;
pub mod reactor;
pub mod tap;

pub use radio::{Radio, RadioError, Received, TransmitError};
