//! Follows the handshakes of others: out of the frames of a capture and known secrets it makes the keys.
//!
//! [`Observer`] is shown the frames in the order in which they were captured: management frames, from which it learns the
//! names of networks, suites, and fast transitions; and what is in data frames, decrypted where they were encrypted, for
//! the messages of handshakes. It tries the secrets on each second message, takes the pairwise key where the MIC is
//! right, and the group keys out of what that key wraps.

mod direct_link;
mod network;
mod report;
mod secret;
mod session;
mod transition;

use std::collections::{BTreeMap, VecDeque};

use network::Network;
use session::{Ends, Search};

pub use network::ObservedGroupKey;
pub use report::ObservedHandshake;
pub use secret::NetworkSecret;
pub use session::{ObservedKey, ObservedSession};

use crate::crypto::CipherKey;
use crate::rsn::message::Message;
use crate::rsn::{EapolDrop, Pmk};
use crate::wire::eapol::{EapolKey, KeyInfo};
use crate::wire::element::{CipherSuite, Elements, Rsn};
use crate::wire::frame::{DataFrame, ManagementFrame};
use crate::wire::management::{Algorithm, BodyError, ManagementBody};
use crate::wire::{EtherType, Llc, MacAddr};

/// Pairs of stations, networks and handshakes that are followed: a bound against made-up captures.
const MAX_RECORDS: usize = 65_536;
/// Network names for which PMKs are made out of passphrases, which takes time.
const MAX_NAMES: usize = 256;
/// Nonces, messages and keys that are remembered of a pair of stations: retries, forgeries, rekeys; not an archive.
const MAX_REMEMBERED: usize = 8;

/// Follows handshakes.
#[derive(Debug)]
pub struct Observer {
    secrets: Vec<NetworkSecret>,
    ssid: Option<Vec<u8>>,
    /// By the name of the network.
    pmks: BTreeMap<Vec<u8>, Vec<Pmk>>,
    networks: BTreeMap<MacAddr, Network>,
    sessions: BTreeMap<Ends, ObservedSession>,
    handshakes: Vec<ObservedHandshake>,
}

impl Observer {
    /// An observer that tries these secrets in every network, a passphrase in those whose names are heard.
    pub const fn new(secrets: Vec<NetworkSecret>) -> Self {
        Self {
            secrets,
            ssid: None,
            pmks: BTreeMap::new(),
            networks: BTreeMap::new(),
            sessions: BTreeMap::new(),
            handshakes: Vec::new(),
        }
    }

    /// The name that every network has, whatever is heard.
    #[must_use]
    pub fn with_ssid(self, ssid: Vec<u8>) -> Self {
        Self { ssid: Some(ssid), ..self }
    }

    /// Takes a management frame that is not encrypted. An error says that it has no body that can be read.
    pub fn handle_management(&mut self, frame: &ManagementFrame<'_>) -> Result<(), BodyError> {
        let body = frame.parse_body()?;
        let elements = body.elements();
        let bssid = frame.bssid();
        match body {
            ManagementBody::Beacon(_) | ManagementBody::ProbeResponse(_) => self.describe(bssid, elements),
            ManagementBody::AssociationRequest(_) | ManagementBody::ReassociationRequest(_) => {
                if let Some(network) = entry(&mut self.networks, bssid) {
                    network.learn_name(elements);
                }
                if let Some(session) = entry(&mut self.sessions, Ends { aa: bssid, spa: frame.source() }) {
                    session.learn(elements);
                }
            }
            ManagementBody::Authentication(body)
                if body.algorithm == Algorithm::FAST_TRANSITION && body.transaction == 2 =>
            {
                self.transition(Ends { aa: bssid, spa: frame.destination() }, Elements::new(body.fields));
            }
            ManagementBody::ReassociationResponse(_) => {
                let ends = Ends { aa: bssid, spa: frame.destination() };
                let network = self.networks.get_mut(&bssid);
                if let (Some(session), Some(network)) = (self.sessions.get(&ends), network) {
                    session.transition_group_key(elements, network);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the payload of a data frame, decrypted if it was encrypted; most are of no interest.
    pub fn handle_data(&mut self, frame: &DataFrame<'_>, payload: &[u8]) {
        match Llc::parse(payload) {
            Llc::Typed(EtherType::EAPOL, pdu) => {
                let _ = self.handle_eapol(frame.addr2(), frame.addr1(), pdu);
            }
            Llc::Typed(EtherType::IEEE_80211, pdu) => self.direct_link(pdu),
            _ => {}
        }
    }

    /// Takes an EAPOL PDU, decrypted if it was encrypted. Errors say why nothing was learned; they are no reason to stop.
    pub fn handle_eapol(
        &mut self,
        transmitter: MacAddr,
        receiver: MacAddr,
        pdu: &[u8],
    ) -> Result<(), EapolDrop> {
        // only the authenticator asks for answers
        let from_ap = EapolKey::peek_info(pdu).is_some_and(|info| info.contains(KeyInfo::ACK));
        let (aa, spa) = if from_ap { (transmitter, receiver) } else { (receiver, transmitter) };
        let ends = Ends { aa, spa };
        let key = self.sessions.get(&ends).map_or_else(|| session::parse(pdu, None), |it| it.parse(pdu))?;
        let message = Message::of(&key).ok_or(EapolDrop::Unexpected)?;
        if self.handshakes.len() >= MAX_RECORDS {
            return Err(EapolDrop::RateLimited);
        }
        let (name, pmks) = self.pmks_of(aa);
        let network = entry(&mut self.networks, aa).ok_or(EapolDrop::RateLimited)?;
        let session = entry(&mut self.sessions, ends).ok_or(EapolDrop::RateLimited)?;
        let search = Search { ends, ssid: &name, pmks: &pmks, log: &mut self.handshakes };
        session.message(search, message, &key, pdu, network)
    }

    /// What is known of `client` at `bssid`.
    pub fn session(&self, bssid: MacAddr, client: MacAddr) -> Option<&ObservedSession> {
        self.sessions.get(&Ends { aa: bssid, spa: client })
    }

    /// The group keys of a BSS, newest first.
    pub fn group_keys(&self, bssid: MacAddr) -> impl Iterator<Item = &ObservedGroupKey> {
        self.networks.get(&bssid).into_iter().flat_map(|network| &network.keys)
    }

    /// The keys that a frame may be encrypted under, the most likely first.
    pub fn keys(
        &self,
        receiver: MacAddr,
        transmitter: MacAddr,
        key_id: u8,
    ) -> impl Iterator<Item = &CipherKey> {
        let groups = if receiver.is_group() { self.networks.get(&transmitter) } else { None };
        let groups = groups.into_iter().flat_map(|network| &network.keys);
        let groups = groups.filter(move |key| key.key_id == key_id).filter_map(|key| key.ready.as_ref());
        // in a four-address frame either end may be the access point
        let ends = [(receiver, transmitter), (transmitter, receiver)].map(|(aa, spa)| Ends { aa, spa });
        let sessions = ends.into_iter().filter(move |_| !receiver.is_group());
        let sessions = sessions.filter_map(|ends| self.sessions.get(&ends));
        groups.chain(sessions.flat_map(ObservedSession::keys).map(|key| &key.ready))
    }

    /// A frame between these is protected by TKIP, which is not followed, as far as is known.
    pub fn is_tkip(&self, receiver: MacAddr, transmitter: MacAddr) -> bool {
        let suite = |session: &ObservedSession| session.suites().map(|(_, cipher)| cipher);
        let pairs = [(receiver, transmitter), (transmitter, receiver)];
        let mut pairwise = pairs.iter().filter_map(|&(aa, spa)| suite(self.session(aa, spa)?));
        let group = self.networks.get(&transmitter).map(|network| network.group_cipher);
        pairwise.any(|suite| suite == CipherSuite::TKIP)
            || (receiver.is_group() && group == Some(CipherSuite::TKIP))
    }

    /// All 4-way handshakes, in the order in which they were begun.
    pub fn handshakes(&self) -> &[ObservedHandshake] {
        &self.handshakes
    }

    /// A network as it describes itself.
    fn describe(&mut self, bssid: MacAddr, elements: Elements<'_>) {
        let Some(network) = entry(&mut self.networks, bssid) else { return };
        network.learn_name(elements);
        if let Ok(Some(rsn)) = elements.get::<Rsn<'_>>() {
            network.group_cipher = rsn.group_cipher();
        }
    }

    /// An authentication response of fast transition.
    fn transition(&mut self, ends: Ends, elements: Elements<'_>) {
        let (name, pmks) = self.pmks_of(ends.aa);
        if let Some(session) = entry(&mut self.sessions, ends) {
            session.transition(ends, elements, &name, &pmks);
        }
    }

    /// The name of a network, and the secrets' keys in it: PBKDF2 runs once for each name.
    fn pmks_of(&mut self, bssid: MacAddr) -> (Vec<u8>, Vec<Pmk>) {
        let heard = self.networks.get(&bssid).map(|network| network.ssid.clone()).unwrap_or_default();
        let name = self.ssid.clone().unwrap_or(heard);
        let secrets = &self.secrets;
        if name.is_empty() || (self.pmks.len() >= MAX_NAMES && !self.pmks.contains_key(&name)) {
            let pmks = secrets.iter().filter_map(NetworkSecret::known_pmk).collect();
            return (name, pmks);
        }
        let derive = || secrets.iter().filter_map(|secret| secret.pmk(&name)).collect();
        let pmks = self.pmks.entry(name.clone()).or_insert_with(derive).clone();
        (name, pmks)
    }
}

/// The value of a key, made if there is room for one more.
fn entry<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K) -> Option<&mut V> {
    if map.len() >= MAX_RECORDS && !map.contains_key(&key) {
        return None;
    }
    Some(map.entry(key).or_default())
}

/// Remembers the newest first, each once.
fn remember<T>(list: &mut VecDeque<T>, item: T, same: impl Fn(&T, &T) -> bool) {
    list.retain(|known| !same(known, &item));
    list.push_front(item);
    list.truncate(MAX_REMEMBERED);
}
