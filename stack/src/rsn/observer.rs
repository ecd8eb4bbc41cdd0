//! Follows the handshakes of others: out of the EAPOL frames of a capture and known PMKs it makes the keys.

use std::collections::{BTreeMap, VecDeque};

use zeroize::Zeroizing;

use crate::crypto::Cipher;
use crate::rsn::message::{Message, Parties, Verified, security_elements};
use crate::rsn::{Akm, EapolDrop, Gtk, Pmk, Ptk, TemporalKey};
use crate::wire::MacAddr;
use crate::wire::eapol::{EapolKey, Kde, KeyData, KeyDataItem};
use crate::wire::element::{Rsn, TypedElement};

/// MIC field of the AKMs that are followed.
const MIC_LEN: usize = 16;
/// Nonces that are remembered per pair of stations: retries and forgeries, not an archive.
const MAX_NONCES: usize = 8;
/// Keys that are kept per pair of stations or BSS, the newest.
const MAX_KEYS: usize = 64;
/// Pairs of stations that are followed, and handshakes that are reported: a bound against made-up captures.
const MAX_RECORDS: usize = 16_384;

/// A handshake that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedHandshake {
    /// The access point's address.
    pub bssid: MacAddr,
    /// The station's address.
    pub client: MacAddr,
    /// All four messages were there.
    pub complete: bool,
    /// One of the PMKs fits: there is a key.
    pub verified: bool,
    /// The AKM suite that the station chose, its selector as in the RSN element.
    pub akm: Option<[u8; 4]>,
    /// The pairwise cipher suite that the station chose.
    pub cipher: Option<[u8; 4]>,
}

/// A pairwise key that a handshake agreed on.
#[derive(Clone, Debug)]
pub struct ObservedKey {
    /// The key.
    pub tk: TemporalKey,
    /// Its cipher.
    pub cipher: Cipher,
    /// The suite it was agreed with.
    pub akm: Akm,
    parties: Parties,
    ptk: Ptk,
}

/// A group key that was handed to a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedGroupKey {
    /// The key.
    pub gtk: Gtk,
    /// Key ID, 0 to 3.
    pub key_id: u8,
    /// Its cipher; `None` if it is one that is not understood, such as TKIP.
    pub cipher: Option<Cipher>,
}

/// What is known of one station at one BSS.
#[derive(Debug, Default)]
pub struct ObservedSession {
    keys: Vec<ObservedKey>,
    anonces: VecDeque<[u8; 32]>,
    /// Messages 2 that no key was found for yet: without message 1 only message 3 tells the other nonce.
    messages_2: VecDeque<Vec<u8>>,
    /// Index of the newest handshake among the reports.
    handshake: Option<usize>,
    snonce: Option<[u8; 32]>,
    seen: [bool; 4],
}

impl ObservedSession {
    /// The pairwise keys, newest first. A frame may be encrypted under an older one: around a rekey, or when a
    /// handshake was begun and not finished.
    pub fn keys(&self) -> impl Iterator<Item = &ObservedKey> {
        self.keys.iter().rev()
    }
}

/// Follows handshakes. Give it every EAPOL frame in the order of the capture, those of a rekey decrypted.
#[derive(Debug)]
pub struct Observer {
    pmks: Vec<Pmk>,
    sessions: BTreeMap<(MacAddr, MacAddr), ObservedSession>,
    groups: BTreeMap<MacAddr, Vec<ObservedGroupKey>>,
    handshakes: Vec<ObservedHandshake>,
}

impl Observer {
    /// An observer that tries these PMKs: those of passphrases with their SSIDs, or any that are known.
    pub const fn new(pmks: Vec<Pmk>) -> Self {
        Self { pmks, sessions: BTreeMap::new(), groups: BTreeMap::new(), handshakes: Vec::new() }
    }

    /// Takes an EAPOL PDU between `bssid` and `client`. Errors say why nothing was learned; they are no reason to stop.
    pub fn handle_eapol(
        &mut self,
        bssid: MacAddr,
        client: MacAddr,
        from_ap: bool,
        pdu: &[u8],
    ) -> Result<(), EapolDrop> {
        let key = EapolKey::parse(pdu, MIC_LEN)?.ok_or(EapolDrop::NotKey)?;
        if key.descriptor() != EapolKey::RSN {
            return Err(EapolDrop::Descriptor);
        }
        let message = Message::of(&key).ok_or(EapolDrop::Unexpected)?;
        let pair = (bssid, client);
        if self.sessions.len() >= MAX_RECORDS && !self.sessions.contains_key(&pair) {
            return Err(EapolDrop::RateLimited);
        }
        let mut session = self.sessions.remove(&pair).unwrap_or_default();
        let result = match (message, from_ap) {
            (Message::M1, true) => {
                remember(&mut session.anonces, *key.nonce());
                Ok(())
            }
            (Message::M2, false) => self.message_2(pair, &mut session, &key, pdu),
            (Message::M3, true) => self.message_3(pair, &mut session, &key),
            (Message::M4, false) => {
                self.see(&mut session, 3);
                Ok(())
            }
            (Message::Group1, true) => self.group_key(bssid, &session, &key),
            _ => Err(EapolDrop::Unexpected),
        };
        self.sessions.insert(pair, session);
        result
    }

    /// What is known of `client` at `bssid`.
    pub fn session(&self, bssid: MacAddr, client: MacAddr) -> Option<&ObservedSession> {
        self.sessions.get(&(bssid, client))
    }

    /// The group keys of a BSS, newest first.
    pub fn group_keys(&self, bssid: MacAddr) -> impl Iterator<Item = &ObservedGroupKey> {
        self.groups.get(&bssid).into_iter().flatten().rev()
    }

    /// All handshakes, in the order in which they were begun.
    pub fn handshakes(&self) -> &[ObservedHandshake] {
        &self.handshakes
    }

    fn message_2(
        &mut self,
        pair: (MacAddr, MacAddr),
        session: &mut ObservedSession,
        key: &EapolKey<'_>,
        pdu: &[u8],
    ) -> Result<(), EapolDrop> {
        let choice = Choice::of(key);
        self.report(pair, session, key.nonce(), choice);
        self.see(session, 1);
        let anonces = session.anonces.clone();
        for anonce in anonces.iter().rev() {
            if let Some(found) = self.search(pair, choice, anonce, key.nonce(), key) {
                self.found(session, found);
                return Ok(());
            }
        }
        remember(&mut session.messages_2, pdu.to_vec());
        Err(EapolDrop::Mic)
    }

    fn message_3(
        &mut self,
        pair: (MacAddr, MacAddr),
        session: &mut ObservedSession,
        key: &EapolKey<'_>,
    ) -> Result<(), EapolDrop> {
        self.see(session, 2);
        for pdu in session.messages_2.clone().iter().rev() {
            let Some(m2) = EapolKey::parse(pdu, MIC_LEN)? else { continue };
            if let Some(found) = self.search(pair, Choice::of(&m2), key.nonce(), m2.nonce(), key) {
                self.found(session, found);
                break;
            }
        }
        remember(&mut session.anonces, *key.nonce());
        self.group_key(pair.0, session, key)
    }

    /// Takes the group key out of message 3 or group message 1.
    fn group_key(
        &mut self,
        bssid: MacAddr,
        session: &ObservedSession,
        key: &EapolKey<'_>,
    ) -> Result<(), EapolDrop> {
        let key_data = session.open(key)?;
        let groups = self.groups.entry(bssid).or_default();
        let announced = rsn_of(&key_data).and_then(|rsn| rsn.group).map(|suite| suite.0);
        let known = groups.last().and_then(|group| group.cipher);
        let cipher = announced.map_or(known, Cipher::from_suite);
        for item in KeyData::new(&key_data) {
            if let Ok(KeyDataItem::Kde(Kde::Gtk { key_id, key, .. })) = item {
                let gtk = Gtk::new(key).map_err(|_| EapolDrop::WeakKey)?;
                let cipher = cipher.filter(|cipher| cipher.key_len() == key.len());
                let group = ObservedGroupKey { gtk, key_id, cipher };
                if !groups.contains(&group) {
                    groups.push(group);
                    if groups.len() > MAX_KEYS {
                        groups.remove(0);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tries all PMKs with these nonces; the MIC of `proof` decides.
    fn search(
        &self,
        (aa, spa): (MacAddr, MacAddr),
        choice: Choice,
        anonce: &[u8; 32],
        snonce: &[u8; 32],
        proof: &EapolKey<'_>,
    ) -> Option<ObservedKey> {
        let pairwise = choice.cipher.map_or(Some(Cipher::Ccmp128), Cipher::from_suite)?;
        for akm in choice.akms() {
            for pmk in &self.pmks {
                let parties = Parties { aa, spa, pmk: pmk.clone(), akm, pairwise };
                let Ok(ptk) = parties.derive(anonce, snonce) else { continue };
                if parties.verify(&ptk.kck, proof).is_ok() {
                    return Some(ObservedKey { tk: ptk.tk.clone(), cipher: pairwise, akm, parties, ptk });
                }
            }
        }
        None
    }

    fn found(&mut self, session: &mut ObservedSession, key: ObservedKey) {
        if let Some(report) = session.handshake.and_then(|at| self.handshakes.get_mut(at)) {
            report.verified = true;
        }
        if session.keys.last().is_some_and(|last| last.tk == key.tk) {
            return;
        }
        session.keys.push(key);
        if session.keys.len() > MAX_KEYS {
            session.keys.remove(0);
        }
    }

    /// A new nonce of the station is a new handshake.
    fn report(
        &mut self,
        (bssid, client): (MacAddr, MacAddr),
        session: &mut ObservedSession,
        snonce: &[u8; 32],
        choice: Choice,
    ) {
        if session.snonce.as_ref() == Some(snonce) || self.handshakes.len() >= MAX_RECORDS {
            return;
        }
        session.snonce = Some(*snonce);
        session.seen = [!session.anonces.is_empty(), false, false, false];
        session.handshake = Some(self.handshakes.len());
        let Choice { akm, cipher, .. } = choice;
        let report = ObservedHandshake { bssid, client, complete: false, verified: false, akm, cipher };
        self.handshakes.push(report);
    }

    fn see(&mut self, session: &mut ObservedSession, message: usize) {
        if let Some(seen) = session.seen.get_mut(message) {
            *seen = true;
        }
        if let Some(report) = session.handshake.and_then(|at| self.handshakes.get_mut(at)) {
            report.complete |= session.seen == [true; 4];
        }
    }
}

impl ObservedSession {
    /// Key data of a frame that one of the keys proves and decrypts.
    fn open(&self, key: &EapolKey<'_>) -> Result<Zeroizing<Vec<u8>>, EapolDrop> {
        for known in self.keys() {
            let verified: Result<Verified<'_>, _> = known.parties.verify(&known.ptk.kck, key);
            if let Ok(verified) = verified {
                return verified.encrypted_key_data(&known.ptk.kek);
            }
        }
        Err(EapolDrop::Mic)
    }
}

/// What a message 2 says of suites.
#[derive(Clone, Copy)]
struct Choice {
    version: u8,
    akm: Option<[u8; 4]>,
    cipher: Option<[u8; 4]>,
}

impl Choice {
    fn of(key: &EapolKey<'_>) -> Self {
        let rsn = rsn_of(key.key_data());
        let akm = rsn.and_then(|rsn| rsn.akms().iter().next()).map(|suite| suite.0);
        let cipher = rsn.and_then(|rsn| rsn.pairwise_ciphers().iter().next()).map(|suite| suite.0);
        Self { version: key.info().version(), akm, cipher }
    }

    /// The suites whose algorithms may be meant.
    fn akms(self) -> Vec<Akm> {
        match (self.akm.map(Akm::from_suite), self.version) {
            (Some(Some(akm)), version) if akm.descriptor_version() == version => vec![akm],
            (Some(None), _) => vec![],
            (_, 2) => vec![Akm::Psk],
            (_, 3) => vec![Akm::PskSha256],
            (_, 0) => vec![Akm::Sae, Akm::Owe],
            _ => vec![],
        }
    }
}

fn rsn_of(key_data: &[u8]) -> Option<Rsn<'_>> {
    let [rsne, _] = security_elements(key_data)?;
    Rsn::parse(rsne?.get(2..)?).ok()
}

fn remember<T: PartialEq>(list: &mut VecDeque<T>, value: T) {
    list.retain(|known| *known != value);
    if list.len() >= MAX_NONCES {
        list.pop_front();
    }
    list.push_back(value);
}
