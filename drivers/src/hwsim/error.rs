//! Why there can be no medium of ours.

use std::io;

use crate::netlink::NetlinkError;
use crate::nl80211::Nl80211Error;

/// Why there can be no medium of ours, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum MediumError {
    /// The netlink socket failed, or what this medium sleeps on.
    #[error("the medium: {what}: {cause}")]
    Socket {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// There are no simulated radios.
    #[error("this kernel has no simulated radios: `modprobe mac80211_hwsim` makes some")]
    NoHwsim,
    /// Somebody else is the medium.
    #[error("another program is the medium of the simulated radios already: stop that one first")]
    Taken,
    /// The kernel refused.
    #[error("registering as the medium: {cause}{}", advice(cause))]
    Refused {
        /// What the kernel said.
        cause: io::Error,
    },
    /// The interfaces can't be watched.
    #[error(transparent)]
    Nl80211(#[from] Nl80211Error),
}

impl MediumError {
    pub(super) fn refused(cause: io::Error) -> Self {
        if cause.raw_os_error() == Some(libc::EBUSY) { Self::Taken } else { Self::Refused { cause } }
    }
}

impl From<NetlinkError> for MediumError {
    fn from(error: NetlinkError) -> Self {
        match error {
            NetlinkError::Socket(cause) => Self::Socket { what: "netlink", cause },
            NetlinkError::NoFamily => Self::NoHwsim,
            NetlinkError::Refused { cause, .. } => Self::refused(cause),
        }
    }
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.raw_os_error() {
        Some(libc::EPERM) => " (root or CAP_NET_ADMIN is needed)",
        Some(libc::EOPNOTSUPP) => " (no radio may have more than one channel at a time: `channels=1`)",
        _ => "",
    }
}
