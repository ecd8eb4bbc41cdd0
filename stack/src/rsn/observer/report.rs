//! The handshakes that were seen.

use super::session::Ends;
use crate::rsn::message::Message;
use crate::wire::MacAddr;
use crate::wire::element::{AkmSuite, CipherSuite};

/// A 4-way handshake that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedHandshake {
    /// The access point's address.
    pub bssid: MacAddr,
    /// The station's address.
    pub client: MacAddr,
    /// Which of messages 1 to 4 were there.
    pub messages: [bool; 4],
    /// One of the secrets fits: there is a key.
    pub verified: bool,
    /// The AKM suite, as far as it is known.
    pub akm: Option<AkmSuite>,
    /// The pairwise cipher suite, as far as it is known.
    pub cipher: Option<CipherSuite>,
    anonce: Option<[u8; 32]>,
    snonce: Option<[u8; 32]>,
}

impl ObservedHandshake {
    fn new(ends: Ends) -> Self {
        Self {
            bssid: ends.aa,
            client: ends.spa,
            messages: [false; 4],
            verified: false,
            akm: None,
            cipher: None,
            anonce: None,
            snonce: None,
        }
    }

    /// All four messages were there, and one of the secrets fits.
    pub fn complete(&self) -> bool {
        self.verified && self.messages == [true; 4]
    }

    /// Whether a message with this nonce is not of this handshake, but the first that is heard of another one. A message
    /// that is sent again has the same nonce.
    fn is_over(&self, message: Message, nonce: &[u8; 32]) -> bool {
        let other = |known: &Option<[u8; 32]>| known.as_ref().is_some_and(|known| known != nonce);
        let [.., done] = self.messages;
        match message {
            Message::M1 => self.anonce.as_ref() != Some(nonce),
            Message::M2 => done && other(&self.snonce),
            Message::M3 => other(&self.anonce),
            _ => false,
        }
    }

    fn note(&mut self, message: Message, nonce: &[u8; 32]) {
        let [m1, m2, m3, m4] = &mut self.messages;
        let (seen, known) = match message {
            Message::M1 => (m1, &mut self.anonce),
            Message::M2 => (m2, &mut self.snonce),
            Message::M3 => (m3, &mut self.anonce),
            Message::M4 => {
                *m4 = true;
                return;
            }
            _ => return,
        };
        *seen = true;
        *known = Some(*nonce);
    }
}

/// Puts a message down to the handshake that is going on, the `current` one in `log`, or to a new one.
pub(super) fn note(
    log: &mut Vec<ObservedHandshake>,
    current: &mut Option<usize>,
    ends: Ends,
    message: Message,
    nonce: &[u8; 32],
) {
    let going_on = current.and_then(|at| log.get(at)).filter(|handshake| !handshake.is_over(message, nonce));
    let begins = matches!(message, Message::M1 | Message::M2 | Message::M3);
    if going_on.is_none() && begins {
        *current = Some(log.len());
        log.push(ObservedHandshake::new(ends));
    }
    if let Some(handshake) = current.and_then(|at| log.get_mut(at)) {
        handshake.note(message, nonce);
    }
}
