//! What is known of a station in a BSS: the messages of its handshakes, and its keys.

use std::collections::VecDeque;

use zeroize::Zeroizing;

use super::network::Network;
use super::remember;
use super::report::{self, ObservedHandshake};
use super::transition::Mobility;
use crate::crypto::{Cipher, CipherKey, EapolMic};
use crate::rsn::message::{Message, Verified};
use crate::rsn::{Akm, EapolDrop, Kck, Kek, Pmk, Ptk, PtkInputs, TemporalKey};
use crate::wire::MacAddr;
use crate::wire::eapol::{EapolKey, Kde, KeyData, KeyDataItem};
use crate::wire::element::{AkmSuite, CipherSuite, Elements, Rsn};

/// Authenticator and supplicant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ends {
    pub(super) aa: MacAddr,
    pub(super) spa: MacAddr,
}

/// A pairwise key that a handshake agreed on.
#[derive(Clone, Debug)]
pub struct ObservedKey {
    /// The key.
    pub tk: TemporalKey,
    /// Its cipher.
    pub cipher: Cipher,
    /// The suite it was agreed with.
    pub akm: AkmSuite,
    pub(super) ready: CipherKey,
    /// What protects further messages of a handshake.
    pub(super) confirmation: Option<(Akm, Kck, Kek)>,
}

impl ObservedKey {
    pub(super) fn new(akm: Akm, cipher: Cipher, ptk: Ptk) -> Option<Self> {
        let Ptk { kck, kek, tk } = ptk;
        let ready = tk.cipher_key(cipher).ok()?;
        Some(Self { tk, cipher, akm: AkmSuite(akm.suite()), ready, confirmation: Some((akm, kck, kek)) })
    }
}

/// What is known of one station at one BSS.
#[derive(Debug, Default)]
pub struct ObservedSession {
    /// Newest first.
    keys: VecDeque<ObservedKey>,
    /// Newest first.
    anonces: VecDeque<[u8; 32]>,
    /// Messages 2 that no key was found for yet: without message 1 only message 3 tells the other nonce.
    messages_2: VecDeque<Vec<u8>>,
    suites: Option<(AkmSuite, CipherSuite)>,
    pub(super) mobility: Mobility,
    /// Where the handshake that is going on stands among the reports.
    handshake: Option<usize>,
}

/// What a session needs of the observer to find a key, and where it reports.
pub(super) struct Search<'a> {
    pub(super) ends: Ends,
    pub(super) ssid: &'a [u8],
    pub(super) pmks: &'a [Pmk],
    pub(super) log: &'a mut Vec<ObservedHandshake>,
}

impl ObservedSession {
    /// The pairwise keys, newest first. A frame may be encrypted under an older one: around a rekey, or when a
    /// handshake was begun and not finished.
    pub fn keys(&self) -> impl Iterator<Item = &ObservedKey> {
        self.keys.iter()
    }

    /// The suites that the station chose.
    pub(super) const fn suites(&self) -> Option<(AkmSuite, CipherSuite)> {
        self.suites
    }

    /// Reads an EAPOL-Key frame with the MIC that the suite has.
    pub(super) fn parse<'a>(&self, pdu: &'a [u8]) -> Result<EapolKey<'a>, EapolDrop> {
        parse(pdu, self.suites.and_then(|(akm, _)| Akm::from_suite(akm.0)))
    }

    /// Takes the elements of an association request, of a message 2, or of a transition.
    pub(super) fn learn(&mut self, elements: Elements<'_>) {
        if let Ok(Some(rsn)) = elements.get::<Rsn<'_>>() {
            self.suites = rsn.akms().iter().next().zip(rsn.pairwise_ciphers().iter().next()).or(self.suites);
        }
        self.mobility.learn(elements);
    }

    pub(super) fn message(
        &mut self,
        mut search: Search<'_>,
        message: Message,
        key: &EapolKey<'_>,
        pdu: &[u8],
        network: &mut Network,
    ) -> Result<(), EapolDrop> {
        // key descriptor version 1 is RC4 and HMAC-MD5: TKIP (802.11-2020 12.7.2)
        if key.info().version() == 1 && self.suites.is_none() {
            self.suites = Some((AkmSuite::PSK, CipherSuite::TKIP));
        }
        report::note(search.log, &mut self.handshake, search.ends, message, key.nonce());
        let result = match message {
            Message::M1 => {
                remember(&mut self.anonces, *key.nonce(), PartialEq::eq);
                self.solve(&mut search);
                Ok(())
            }
            Message::M2 => {
                self.learn(Elements::new(key.key_data()));
                remember(&mut self.messages_2, pdu.to_vec(), PartialEq::eq);
                self.solve(&mut search);
                if self.messages_2.iter().any(|open| open == pdu) { Err(EapolDrop::Mic) } else { Ok(()) }
            }
            Message::M3 => {
                remember(&mut self.anonces, *key.nonce(), PartialEq::eq);
                self.solve(&mut search);
                self.take_group_keys(key, network)
            }
            Message::Group1 => self.take_group_keys(key, network),
            Message::M4 | Message::Group2 => Ok(()),
            Message::Request { .. } => Err(EapolDrop::Unexpected),
        };
        self.describe(&mut search);
        result
    }

    /// What is known of the handshake that is going on, after a message.
    fn describe(&self, search: &mut Search<'_>) {
        let Some(handshake) = self.handshake.and_then(|at| search.log.get_mut(at)) else { return };
        let solved = self.keys.front().filter(|_| handshake.verified);
        let suites = solved.map(|key| (key.akm, CipherSuite(key.cipher.suite()))).or(self.suites);
        (handshake.akm, handshake.cipher) = suites.unzip();
    }

    /// Tries the secrets on the messages 2 that no key was found for yet.
    fn solve(&mut self, search: &mut Search<'_>) {
        for pdu in std::mem::take(&mut self.messages_2) {
            let Some(key) = self.find_key(search, &pdu) else {
                self.messages_2.push_back(pdu);
                continue;
            };
            self.install(key);
            if let Some(handshake) = self.handshake.and_then(|at| search.log.get_mut(at)) {
                handshake.verified = true;
            }
        }
    }

    /// Tries suites, secrets and nonces on a message 2, whose MIC decides.
    fn find_key(&self, search: &Search<'_>, pdu: &[u8]) -> Option<ObservedKey> {
        let message_2 = self.parse(pdu).ok()?;
        for (akm, cipher) in self.candidates(message_2.info().version()) {
            for pmk in search.pmks {
                for anonce in &self.anonces {
                    let ptk = self.derive(search, (akm, cipher), pmk, [anonce, message_2.nonce()]);
                    if let Some(ptk) = ptk.filter(|ptk| Verified::check(akm, &ptk.kck, &message_2).is_ok()) {
                        return ObservedKey::new(akm, cipher, ptk);
                    }
                }
            }
        }
        None
    }

    fn derive(
        &self,
        search: &Search<'_>,
        (akm, cipher): (Akm, Cipher),
        pmk: &Pmk,
        [anonce, snonce]: [&[u8; 32]; 2],
    ) -> Option<Ptk> {
        let Ends { aa, spa } = search.ends;
        let inputs = PtkInputs { aa, spa, anonce, snonce };
        if !akm.is_fast_transition() {
            return Ptk::derive(akm, cipher, pmk, inputs).ok();
        }
        let r1 = self.mobility.r1(&self.mobility.r0(pmk, search.ssid, spa)?, spa)?;
        Ptk::derive_ft(akm, cipher, &r1, inputs).ok()
    }

    /// The suites that the station chose; as long as they are not known those that go with the key descriptor version.
    pub(super) fn candidates(&self, version: u8) -> Vec<(Akm, Cipher)> {
        if let Some((akm, cipher)) = self.suites {
            return Akm::from_suite(akm.0).zip(Cipher::from_suite(cipher.0)).into_iter().collect();
        }
        let akms: &[Akm] = match version {
            2 => &[Akm::Psk],
            3 => &[Akm::PskSha256],
            0 => &[Akm::Sae, Akm::Owe],
            _ => &[],
        };
        akms.iter().map(|&akm| (akm, Cipher::Ccmp128)).collect()
    }

    /// Takes a key into use; one that is known becomes the newest.
    pub(super) fn install(&mut self, key: ObservedKey) {
        remember(&mut self.keys, key, |a, b| a.tk == b.tk);
    }

    /// Takes the group keys out of message 3 or group message 1, if one of the keys proves and decrypts it.
    fn take_group_keys(&self, key: &EapolKey<'_>, network: &mut Network) -> Result<(), EapolDrop> {
        let key_data = self.open(key)?;
        if let Ok(Some(rsn)) = Elements::new(&key_data).get::<Rsn<'_>>() {
            network.group_cipher = rsn.group_cipher();
        }
        for item in KeyData::new(&key_data).flatten() {
            if let KeyDataItem::Kde(Kde::Gtk { key_id, key, .. }) = item {
                network.add(key_id, key)?;
            }
        }
        Ok(())
    }

    fn open(&self, key: &EapolKey<'_>) -> Result<Zeroizing<Vec<u8>>, EapolDrop> {
        for (akm, kck, kek) in self.keys.iter().filter_map(|known| known.confirmation.as_ref()) {
            if let Ok(verified) = Verified::check(*akm, kck, key) {
                return verified.encrypted_key_data(kek);
            }
        }
        Err(EapolDrop::Mic)
    }
}

/// Reads an EAPOL-Key frame with the MIC that `akm` has, or as long as that is not known, the usual one.
pub(super) fn parse(pdu: &[u8], akm: Option<Akm>) -> Result<EapolKey<'_>, EapolDrop> {
    let [usual, long] = [EapolMic::AesCmac.mic_len(), EapolMic::HmacSha384.mic_len()];
    let read = |mic_len| EapolKey::parse(pdu, mic_len);
    let key = match akm {
        Some(akm) => read(akm.mic().mic_len()),
        None => read(usual).or_else(|_| read(long)),
    };
    key?.ok_or(EapolDrop::NotKey)
}
