//! The secrets of networks.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::psk_from_passphrase;
use crate::rsn::Pmk;

/// What the stations of a network share.
#[derive(Clone)]
pub enum NetworkSecret {
    /// Bytes from which, with the name of the network, a PMK is made. They are not checked: what an access point takes
    /// for a passphrase is its own business.
    Passphrase(Zeroizing<Vec<u8>>),
    /// A pairwise master key (or PSK, which is one).
    Pmk(Pmk),
}

impl NetworkSecret {
    /// The pairwise master key in the network of this name. Takes about a millisecond with a passphrase.
    pub(super) fn pmk(&self, ssid: &[u8]) -> Option<Pmk> {
        match self {
            Self::Passphrase(passphrase) => Pmk::new(&*psk_from_passphrase(passphrase, ssid)).ok(),
            Self::Pmk(pmk) => Some(pmk.clone()),
        }
    }

    /// The key of any network.
    pub(super) fn known_pmk(&self) -> Option<Pmk> {
        match self {
            Self::Passphrase(_) => None,
            Self::Pmk(pmk) => Some(pmk.clone()),
        }
    }
}

impl From<Pmk> for NetworkSecret {
    fn from(pmk: Pmk) -> Self {
        Self::Pmk(pmk)
    }
}

impl fmt::Debug for NetworkSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase(..)",
            Self::Pmk(_) => "Pmk(..)",
        })
    }
}
