//! Robust security network associations: keys, and the handshakes that agree on them.
//!
//! - [`Pmk`], [`Ptk`], [`Gtk`] and their like: keys as types.
//! - [`Authenticator`]: the access point's side of the 4-way and group key handshakes (802.11-2020 12.7.6, 12.7.7).
//! - [`Supplicant`]: the station's side.
//! - [`Observer`]: follows the handshakes of a capture.
//!
//! Both machines are sans-IO. They take whole EAPOL PDUs, and are asked for what they want sent, what happened, and
//! when they want to be called again. Whatever they do not like they drop without a trace on the air, with an
//! [`EapolDrop`] for the counters (SEC-K6).

mod akm;
mod authenticator;
mod ft;
mod keys;
mod message;
mod observer;
#[cfg(test)]
mod simulation;
mod supplicant;
#[cfg(test)]
mod tests;

pub use akm::Akm;
pub(crate) use authenticator::AuthenticatorRecord;
pub use authenticator::{Authenticator, AuthenticatorConfig, AuthenticatorEvent};
pub use ft::{PmkR0, R0Inputs};
pub use keys::{
    GroupKeyData, Gtk, Kck, Kek, KeyError, PassphraseError, Pmk, PmkR1, Ptk, PtkInputs, TemporalKey,
};
pub use message::{EapolDrop, EapolTransmit, HandshakeFailure};
pub use observer::{
    NetworkSecret, ObservedGroupKey, ObservedHandshake, ObservedKey, ObservedSession, Observer,
};
pub use supplicant::{Supplicant, SupplicantConfig, SupplicantEvent};
