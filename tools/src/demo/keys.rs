//! Decrypts what is on the air with the secrets of the networks, and keeps the books of packet numbers.

use std::ops::Range;

use stack::crypto::CipherKey;
use stack::rsn::{NetworkSecret, Observer, Pmk};
use stack::time::Instant;
use stack::wire::MacAddr;
use stack::wire::frame::DataFrame;

use crate::report::KeyUse;

use super::nonces::{Nonces, Use};
use super::play::since_start;
use super::seams::Sealed;

/// What somebody can read who knows the passphrases and sees every handshake.
pub(super) struct Keys {
    observer: Observer,
    pub(super) nonces: Nonces,
}

/// A frame that was decrypted.
pub(super) struct Opened {
    pub(super) mpdu: Vec<u8>,
    /// Where the plaintext is in it.
    pub(super) payload: Range<usize>,
    /// How it was encrypted.
    pub(super) sealed: Sealed,
}

impl Keys {
    /// Of the networks with these secrets.
    pub(super) fn new(secrets: impl IntoIterator<Item = Pmk>) -> Self {
        let secrets = secrets.into_iter().map(NetworkSecret::Pmk).collect();
        Self { observer: Observer::new(secrets), nonces: Nonces::default() }
    }

    /// Learns from a frame of a handshake. What it has no use for teaches it nothing.
    pub(super) fn learn(&mut self, from: MacAddr, to: MacAddr, pdu: &[u8]) {
        let _ = self.observer.handle_eapol(from, to, pdu);
    }

    /// Decrypts an MPDU from or to this station, or to all, and enters its packet number.
    pub(super) fn open(
        &mut self,
        (at, mpdu): (Instant, &[u8]),
        data: &DataFrame<'_>,
        station: Option<MacAddr>,
        owner: &dyn Fn() -> String,
    ) -> Option<Opened> {
        let bssid = data.bssid()?;
        let mut keys: Vec<(Vec<u8>, CipherKey)> = Vec::new();
        if let Some(session) = station.and_then(|station| self.observer.session(bssid, station)) {
            let pairwise =
                session.keys().filter_map(|key| Some((&key.tk, key.tk.cipher_key(key.cipher).ok()?)));
            keys.extend(pairwise.map(|(tk, key)| (tk.expose().to_vec(), key)));
        } else if data.addr1().is_group() {
            let group = self.observer.group_keys(bssid);
            let group = group.filter_map(|key| Some((&key.gtk, key.gtk.cipher_key(key.cipher?).ok()?)));
            keys.extend(group.map(|(gtk, key)| (gtk.expose().to_vec(), key)));
        }
        for (secret, key) in keys {
            let mut copy = mpdu.to_vec();
            if let Ok(opened) = key.unprotect(data.header_len(), &mut copy) {
                let key = self.nonces.used(at, &secret, mpdu, opened.pn, owner);
                return Some(Opened { mpdu: copy, payload: opened.payload, sealed: (opened.pn, key) });
            }
        }
        None
    }

    /// The keys at work, for the report.
    pub(super) fn uses(&self) -> Vec<KeyUse> {
        let row = |key: &Use| KeyUse {
            owner: key.owner.clone(),
            from: since_start(key.from),
            frames: key.frames,
            highest: key.highest,
            reuses: key.reuses,
        };
        self.nonces.uses().into_iter().map(row).collect()
    }
}
