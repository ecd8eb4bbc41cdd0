//! Direct links (TDLS) as a listener sees them (802.11-2020 12.7.8).

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::session::{Ends, ObservedKey};
use super::{Observer, entry};
use crate::crypto::{Cipher, kdf_sha256};
use crate::rsn::{KeyError, TemporalKey};
use crate::wire::MacAddr;
use crate::wire::element::{AkmSuite, ElementId, Elements, FastTransition};

impl Observer {
    /// A TDLS Setup Response or Confirm (802.11-2020 9.6.12), whose elements name the link and its nonces. It goes over
    /// the access point, whose keys protect it.
    pub(super) fn direct_link(&mut self, pdu: &[u8]) {
        // payload type, category and action; then token and status, and in a response capabilities
        let elements = match pdu {
            [2, 12, 1, _, _, _, _, _, elements @ ..] | [2, 12, 2, _, _, _, elements @ ..] => {
                Elements::new(elements)
            }
            _ => return,
        };
        let link = elements.find(ElementId::LINK_IDENTIFIER).map(|element| element.data);
        let (Ok(Some(transition)), Some(link)) = (elements.get::<FastTransition<'_>>(), link) else { return };
        let address = |at: usize| link.get(at..at + 6).and_then(MacAddr::from_slice);
        let (Some(bssid), Some(initiator), Some(responder)) = (address(0), address(6), address(12)) else {
            return;
        };
        let key = tpk(bssid, [initiator, responder], [transition.anonce, transition.snonce]);
        let session = entry(&mut self.sessions, Ends { aa: initiator, spa: responder });
        let (Some(session), Ok(tk)) = (session, key) else { return };
        let (cipher, akm) = (Cipher::Ccmp128, AkmSuite::TDLS);
        if let Ok(ready) = tk.cipher_key(cipher) {
            session.install(ObservedKey { tk, cipher, akm, ready, confirmation: None });
        }
    }
}

/// The temporal key of a direct link (802.11-2020 12.7.8.2), which the two stations agree on.
fn tpk(bssid: MacAddr, stations: [MacAddr; 2], nonces: [&[u8; 32]; 2]) -> Result<TemporalKey, KeyError> {
    let [a, b] = nonces;
    let [one, two] = stations.map(MacAddr::octets);
    let digest = Sha256::new().chain_update(a.min(b)).chain_update(a.max(b)).finalize();
    let input = Zeroizing::new(<[u8; 32]>::from(digest));
    let mut tpk = Zeroizing::new([0; 32]);
    kdf_sha256(&*input, "TDLS PMK", &[&one.min(two), &one.max(two), &bssid.octets()], &mut *tpk);
    // the first half is the KCK
    TemporalKey::new(tpk.get(16..).unwrap_or_default())
}
