//! The 4-way and group handshakes of one pair of stations, as a listener sees them.

use serde::Serialize;
use stack::crypto::{Cipher, CipherKey, unwrap};
use stack::wire::MacAddr;
use stack::wire::eapol::{EapolKey, Kde, KeyData, KeyDataItem, KeyInfo};
use stack::wire::element::{AkmSuite, CipherSuite, Elements, Rsn};
use zeroize::Zeroizing;

use super::derive::{Akm, Ends, Mobility, Ptk};

/// How many nonces and keys of each kind are remembered for a pair: enough for retries, forgeries and rekeys.
const REMEMBERED: usize = 8;

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
    #[serde(skip)]
    anonce: Option<[u8; 32]>,
}

/// A pairwise key and what it was made with.
pub(super) struct PairKey {
    ptk: Ptk,
    akm: Akm,
    pub(super) cipher: CipherKey,
}

/// A group key.
pub(super) struct GroupKey {
    pub(super) id: u8,
    bytes: Zeroizing<Vec<u8>>,
    pub(super) cipher: CipherKey,
}

/// What is known of a BSS.
#[derive(Default)]
pub(super) struct Bss {
    pub(super) ssid: Vec<u8>,
    pub(super) group_cipher: [u8; 4],
    pub(super) keys: Vec<GroupKey>,
}

/// What is known of a station in a BSS.
#[derive(Default)]
pub(super) struct Pair {
    anonces: Vec<[u8; 32]>,
    /// Nonce and PDU of second messages that no secret fitted yet.
    open: Vec<Vec<u8>>,
    /// AKM and cipher suite of the association.
    pub(super) suites: Option<([u8; 4], [u8; 4])>,
    pub(super) mobility: Mobility,
    pub(super) keys: Vec<PairKey>,
    /// The handshake that is going on.
    current: Option<usize>,
}

impl Bss {
    /// Takes a group key into use, unless it is in use already.
    fn add(&mut self, id: u8, bytes: &[u8]) {
        if self.keys.iter().any(|key| key.id == id && *key.bytes == bytes) {
            return;
        }
        let Some(cipher) = Cipher::from_suite(self.group_cipher) else { return };
        let Ok(cipher) = CipherKey::new(cipher, bytes) else { return };
        self.keys.insert(0, GroupKey { id, bytes: Zeroizing::new(bytes.to_vec()), cipher });
        self.keys.truncate(2 * REMEMBERED);
    }
}

/// Remembers the newest first, each once.
fn remember<T: PartialEq>(list: &mut Vec<T>, item: T) {
    list.retain(|known| *known != item);
    list.insert(0, item);
    list.truncate(REMEMBERED);
}

impl Pair {
    /// A message of a handshake between `bssid` and `client`; `pmks` are the secrets to try.
    pub(super) fn message(
        &mut self,
        (bssid, client): (MacAddr, MacAddr),
        pdu: &[u8],
        bss: &mut Bss,
        pmks: &[Zeroizing<[u8; 32]>],
        log: &mut Vec<Handshake>,
    ) {
        let Ok(Some(key)) = EapolKey::parse(pdu, 16) else { return };
        let has = |bits| key.info().contains(bits);
        if has(KeyInfo::REQUEST) {
            return;
        }
        // key descriptor version 1 is RC4 and HMAC-MD5: TKIP (802.11-2020 12.7.2)
        if key.info().version() == 1 && self.suites.is_none() {
            self.suites = Some((AkmSuite::PSK.0, CipherSuite::TKIP.0));
        }
        match (has(KeyInfo::PAIRWISE), has(KeyInfo::ACK), has(KeyInfo::MIC)) {
            (true, true, false) => {
                self.begin((bssid, client), key.nonce(), log);
                remember(&mut self.anonces, *key.nonce());
                self.note(1, log);
                self.try_open((bssid, client), bss, pmks, log);
            }
            (true, false, true) if *key.nonce() != [0; 32] && !key.key_data().is_empty() => {
                self.suites_of_second(&key);
                self.begin_if_none((bssid, client), log);
                self.note(2, log);
                remember(&mut self.open, pdu.to_vec());
                self.try_open((bssid, client), bss, pmks, log);
            }
            (true, true, true) => {
                if self.current.is_none() {
                    self.begin((bssid, client), key.nonce(), log);
                }
                remember(&mut self.anonces, *key.nonce());
                self.note(3, log);
                self.try_open((bssid, client), bss, pmks, log);
                self.take_group_key(&key, bss);
            }
            (true, false, true) => self.note(4, log),
            (false, true, true) => self.take_group_key(&key, bss),
            _ => {}
        }
        self.describe(log);
    }

    fn begin(&mut self, (bssid, client): (MacAddr, MacAddr), anonce: &[u8; 32], log: &mut Vec<Handshake>) {
        let current = self.current.and_then(|at| log.get(at));
        // a first message sent again does not begin another handshake
        if current.is_some_and(|handshake| handshake.anonce.as_ref() == Some(anonce)) {
            return;
        }
        self.current = Some(log.len());
        log.push(Handshake {
            bssid: bssid.to_string(),
            client: client.to_string(),
            complete: false,
            verified: false,
            messages: Vec::new(),
            akm: "unknown".into(),
            cipher: "unknown".into(),
            anonce: Some(*anonce),
        });
    }

    fn begin_if_none(&mut self, ends: (MacAddr, MacAddr), log: &mut Vec<Handshake>) {
        if self.current.is_none() {
            self.begin(ends, &[0; 32], log);
        }
    }

    fn note(&self, message: u8, log: &mut [Handshake]) {
        if let Some(handshake) = self.current.and_then(|at| log.get_mut(at))
            && !handshake.messages.contains(&message)
        {
            handshake.messages.push(message);
            handshake.messages.sort_unstable();
        }
    }

    /// What is known of the handshake that is going on, after a message.
    fn describe(&self, log: &mut [Handshake]) {
        let Some(handshake) = self.current.and_then(|at| log.get_mut(at)) else { return };
        if let Some((akm, cipher)) = self.suites {
            handshake.akm = AkmSuite(akm).to_string();
            handshake.cipher = CipherSuite(cipher).to_string();
        }
        if let (true, Some(newest)) = (handshake.verified, self.keys.first()) {
            handshake.akm = newest.akm.name().into();
            handshake.cipher = newest.cipher.cipher().name().into();
        }
        handshake.complete = handshake.verified && handshake.messages == [1, 2, 3, 4];
    }

    /// The second message repeats the RSN element of the association request, and what fast transition needs.
    fn suites_of_second(&mut self, key: &EapolKey<'_>) {
        self.association(Elements::new(key.key_data()));
    }

    /// The elements of an association request or a second message.
    pub(super) fn association(&mut self, elements: Elements<'_>) {
        if let Ok(Some(rsn)) = elements.get::<Rsn<'_>>() {
            let (akm, cipher) = (rsn.akms().iter().next(), rsn.pairwise_ciphers().iter().next());
            if let (Some(akm), Some(cipher)) = (akm, cipher) {
                self.suites = Some((akm.0, cipher.0));
            }
        }
        for element in elements {
            match (element.id.0, element.data) {
                (54, &[a, b, ..]) => self.mobility.domain = [a, b],
                (55, data) => self.mobility.holders(data),
                _ => {}
            }
        }
    }

    /// Tries the secrets on the second messages that are still open.
    fn try_open(
        &mut self,
        (bssid, client): (MacAddr, MacAddr),
        bss: &Bss,
        pmks: &[Zeroizing<[u8; 32]>],
        log: &mut [Handshake],
    ) {
        self.mobility.ssid.clone_from(&bss.ssid);
        let open = std::mem::take(&mut self.open);
        for pdu in open {
            match self.solve((bssid, client), &pdu, pmks) {
                Some(found) => {
                    self.install(found);
                    if let Some(handshake) = self.current.and_then(|at| log.get_mut(at)) {
                        handshake.verified = true;
                    }
                }
                None => self.open.push(pdu),
            }
        }
    }

    fn solve(&self, ends: (MacAddr, MacAddr), pdu: &[u8], pmks: &[Zeroizing<[u8; 32]>]) -> Option<PairKey> {
        let key = EapolKey::parse(pdu, 16).ok().flatten()?;
        let (bssid, client) = ends;
        for (akm, cipher) in self.candidates(key.info().version()) {
            for (pmk, anonce) in
                pmks.iter().flat_map(|pmk| self.anonces.iter().map(move |nonce| (pmk, nonce)))
            {
                let ends = Ends { bssid, client, anonce, snonce: key.nonce() };
                let ptk = Ptk::derive(akm, &**pmk, ends, &self.mobility, cipher.key_len());
                if akm.mic().verify(ptk.kck(), &key.authenticated(), key.mic()) {
                    let cipher = CipherKey::new(cipher, ptk.tk()).ok()?;
                    return Some(PairKey { ptk, akm, cipher });
                }
            }
        }
        None
    }

    /// The suites of the association; without it those that go with the key descriptor version.
    fn candidates(&self, version: u8) -> Vec<(Akm, Cipher)> {
        if let Some((akm, cipher)) = self.suites {
            let known = Akm::from_suite(akm).zip(Cipher::from_suite(cipher));
            return known.into_iter().collect();
        }
        let akms: &[Akm] = match version {
            2 => &[Akm::Sha1("PSK")],
            3 => &[Akm::Sha256("PSK-SHA256")],
            0 => &[Akm::Sha256("SAE"), Akm::Owe],
            _ => &[],
        };
        akms.iter().map(|&akm| (akm, Cipher::Ccmp128)).collect()
    }

    fn install(&mut self, found: PairKey) {
        // a message that was sent again brings a key that is there already
        if self.keys.iter().any(|known| known.ptk.tk() == found.ptk.tk()) {
            return;
        }
        self.keys.insert(0, found);
        self.keys.truncate(REMEMBERED);
    }

    /// The group key of a third message, or of a group handshake's first, if its MIC is right.
    fn take_group_key(&self, key: &EapolKey<'_>, bss: &mut Bss) {
        let right =
            |known: &&PairKey| known.akm.mic().verify(known.ptk.kck(), &key.authenticated(), key.mic());
        let Some(known) = self.keys.iter().find(right) else { return };
        if !key.info().contains(KeyInfo::ENCRYPTED) {
            return;
        }
        let Ok(data) = unwrap(known.ptk.kek(), key.key_data()) else { return };
        for item in KeyData::new(&data).flatten() {
            if let KeyDataItem::Kde(Kde::Gtk { key_id, key, .. }) = item {
                bss.add(key_id, key);
            }
        }
    }

    /// A fast transition's keys (802.11-2020 13.5): nonces and key holders stand in the FT element of the
    /// authentication response. Nothing proves the key but the frames that it decrypts.
    pub(super) fn transition(
        &mut self,
        (bssid, client): (MacAddr, MacAddr),
        elements: Elements<'_>,
        bss: &Bss,
        pmks: &[Zeroizing<[u8; 32]>],
    ) {
        self.association(elements);
        self.mobility.ssid.clone_from(&bss.ssid);
        let fte = elements.iter().find(|element| element.id.0 == 55).map(|element| element.data);
        let nonces = fte
            .and_then(|data| Some((data.get(18..50)?.try_into().ok()?, data.get(50..82)?.try_into().ok()?)));
        let Some((anonce, snonce)): Option<(&[u8; 32], &[u8; 32])> = nonces else { return };
        for (akm, cipher) in self.candidates(3) {
            for pmk in pmks {
                let ends = Ends { bssid, client, anonce, snonce };
                let ptk = Ptk::derive(akm, &**pmk, ends, &self.mobility, cipher.key_len());
                if let Ok(cipher) = CipherKey::new(cipher, ptk.tk()) {
                    self.install(PairKey { ptk, akm, cipher });
                }
            }
        }
    }

    /// A direct link's key: nonces stand in the FT element of its set-up, which is encrypted for the access point.
    pub(super) fn direct_link(&mut self, bssid: MacAddr, stations: [MacAddr; 2], fte: &[u8]) {
        let nonces = || Some([fte.get(18..50)?.try_into().ok()?, fte.get(50..82)?.try_into().ok()?]);
        let Some(nonces) = nonces() else { return };
        let ptk = Ptk::direct_link(bssid, stations, nonces);
        if let Ok(cipher) = CipherKey::new(Cipher::Ccmp128, ptk.tk()) {
            self.install(PairKey { ptk, akm: Akm::Sha256("TPK"), cipher });
        }
    }

    /// The group key in the FT element of a reassociation response: key information, key length, RSC, wrapped key.
    pub(super) fn transition_group_key(&self, elements: Elements<'_>, bss: &mut Bss) {
        let fte = elements.iter().find(|element| element.id.0 == 55);
        let subelements = fte.and_then(|element| element.data.get(82..)).map(Elements::new);
        for sub in subelements.into_iter().flatten().filter(|sub| sub.id.0 == 2) {
            let &[info, _, len, ref rest @ ..] = sub.data else { continue };
            let wrapped = rest.get(8..).unwrap_or_default();
            let unwrapped = self.keys.iter().find_map(|known| unwrap(known.ptk.kek(), wrapped).ok());
            if let Some(key) = unwrapped.as_ref().and_then(|key| key.get(..usize::from(len))) {
                bss.add(info & 0x03, key);
            }
        }
    }
}

impl Mobility {
    /// Key holders from an FT element: MIC control, MIC, two nonces, then subelements.
    fn holders(&mut self, data: &[u8]) {
        for sub in Elements::new(data.get(82..).unwrap_or_default()) {
            match (sub.id.0, sub.data) {
                (1, holder) => self.r1_holder = holder.try_into().unwrap_or(self.r1_holder),
                (3, holder) => self.r0_holder = holder.to_vec(),
                _ => {}
            }
        }
    }
}
