//! What is known of a BSS.

use std::collections::VecDeque;

use super::remember;
use crate::crypto::{Cipher, CipherKey};
use crate::rsn::{EapolDrop, Gtk};
use crate::wire::element::{CipherSuite, Elements};

/// A group key that was handed to a station.
#[derive(Clone, Debug)]
pub struct ObservedGroupKey {
    /// The key.
    pub gtk: Gtk,
    /// Key ID, 0 to 3.
    pub key_id: u8,
    /// Its cipher; `None` if it is one that is not understood, such as TKIP.
    pub cipher: Option<Cipher>,
    pub(super) ready: Option<CipherKey>,
}

#[derive(Debug)]
pub(super) struct Network {
    /// Empty while it has not been heard.
    pub(super) ssid: Vec<u8>,
    pub(super) group_cipher: CipherSuite,
    /// Newest first.
    pub(super) keys: VecDeque<ObservedGroupKey>,
}

impl Default for Network {
    fn default() -> Self {
        // what a network uses that has not been heard to say otherwise
        Self { ssid: Vec::new(), group_cipher: CipherSuite::CCMP_128, keys: VecDeque::new() }
    }
}

impl Network {
    pub(super) fn learn_name(&mut self, elements: Elements<'_>) {
        if let Some(ssid) = elements.ssid().filter(|ssid| !ssid.is_hidden() && !ssid.is_wildcard())
            && self.ssid != ssid.as_bytes()
        {
            self.ssid = ssid.as_bytes().to_vec();
        }
    }

    /// Takes a group key into use; one that is known becomes the newest.
    pub(super) fn add(&mut self, key_id: u8, key: &[u8]) -> Result<(), EapolDrop> {
        let gtk = Gtk::new(key).map_err(|_| EapolDrop::WeakKey)?;
        let cipher = Cipher::from_suite(self.group_cipher.0).filter(|cipher| cipher.key_len() == key.len());
        let ready = cipher.and_then(|cipher| gtk.cipher_key(cipher).ok());
        let same = |a: &ObservedGroupKey, b: &ObservedGroupKey| a.key_id == b.key_id && a.gtk == b.gtk;
        remember(&mut self.keys, ObservedGroupKey { gtk, key_id, cipher, ready }, same);
        Ok(())
    }
}
