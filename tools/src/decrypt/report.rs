//! A handshake as it is reported.

use serde::Serialize;
use stack::rsn::ObservedHandshake;

/// A 4-way handshake that was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Handshake {
    /// The access point.
    pub bssid: String,
    /// The station.
    pub client: String,
    /// All four messages were seen, and their MICs are right under a known secret.
    pub complete: bool,
    /// The MIC of a message was right under a known secret.
    pub verified: bool,
    /// Which of the four messages were seen.
    pub messages: Vec<u8>,
    /// Key management.
    pub akm: String,
    /// Pairwise cipher.
    pub cipher: String,
}

impl From<&ObservedHandshake> for Handshake {
    fn from(seen: &ObservedHandshake) -> Self {
        let unknown = || "unknown".to_owned();
        Self {
            bssid: seen.bssid.to_string(),
            client: seen.client.to_string(),
            complete: seen.complete(),
            verified: seen.verified,
            messages: (1..).zip(seen.messages).filter_map(|(n, seen)| seen.then_some(n)).collect(),
            akm: seen.akm.map_or_else(unknown, |akm| akm.to_string()),
            cipher: seen.cipher.map_or_else(unknown, |cipher| cipher.to_string()),
        }
    }
}
