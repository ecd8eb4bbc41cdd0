//! Why a phy can't be had as a radio, and what to do about it.

use stack::wire::Channel;

use crate::nl80211::Nl80211Error;
use crate::radio::RadioError;

/// Why a phy can't be had as a radio.
#[derive(Debug, thiserror::Error)]
pub enum PacketRadioError {
    /// There is no such phy in this network namespace.
    #[error("there is no {phy}; {}", if known.is_empty() { "no phy at all: is the driver loaded?".to_owned() }
        else { format!("there is {}", known.join(", ")) })]
    NoPhy {
        /// The one asked for.
        phy: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// Another airloom has it.
    #[error("{phy} is in use by another airloom that runs: stop that one first")]
    InUse {
        /// The phy.
        phy: String,
    },
    /// Other interfaces are up on it, which pins its channel.
    #[error(
        "{phy} is held by {holders}, which is up: `--take-phy` (in a file: `take = true`) sets it down and puts it back at the end, or set it down yourself (`ip link set {holders} down`)"
    )]
    Held {
        /// The phy.
        phy: String,
        /// The interfaces.
        holders: String,
    },
    /// It has no monitor interfaces.
    #[error("the driver of {phy} has no monitor interfaces: another adapter is needed")]
    NoMonitor {
        /// The phy.
        phy: String,
    },
    /// Its monitor interfaces do not acknowledge.
    #[error(
        "the driver of {phy} has no active monitors, so it would acknowledge nothing and clients would not stay: another adapter is needed (`iw phy` lists \"active monitor\" for those that can)"
    )]
    NoActiveMonitor {
        /// The phy.
        phy: String,
    },
    /// It can't be used on this channel.
    #[error("{phy} on channel {channel}: {why}")]
    Channel {
        /// The phy.
        phy: String,
        /// The channel.
        channel: Channel,
        /// Why, and what to do.
        why: ChannelProblem,
    },
    /// The kernel refused something.
    #[error(transparent)]
    Nl80211(#[from] Nl80211Error),
    /// The packet socket or the helper could not be made.
    #[error(transparent)]
    Radio(#[from] RadioError),
}

/// What speaks against a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelProblem {
    /// The adapter does not know it.
    #[error("the adapter does not have it: choose one that `iw phy` lists")]
    Missing,
    /// Switched off by the regulatory domain.
    #[error(
        "disabled by the regulatory domain: set your country (`iw reg set CC`) or choose another channel"
    )]
    Disabled,
    /// Only to listen.
    #[error(
        "the regulatory domain forbids to begin a transmission there (no-IR): set your country (`iw reg set CC`) or choose another channel"
    )]
    NoIr,
    /// Radar has priority there, and nothing here looks out for it.
    #[error("radar has to be looked out for there, which airloom does not do: choose another channel")]
    Radar,
}
