//! A witness of the simulated air that holds the network's key: it decrypts all that is sent, and finds packet numbers
//! that are used twice or that do not rise.

use std::collections::{BTreeMap, BTreeSet};

use stack::crypto::{CipherHeader, CipherKey};
use stack::rsn::{NetworkSecret, Observer, Pmk};
use stack::wire::frame::DataFrame;
use stack::wire::{EtherType, Frame, Llc, MacAddr};

/// What was seen of a network. Give it every frame, in the order in which they are sent.
pub struct Recorder {
    observer: Observer,
    /// By key, transmitter and packet number: the frame without its header.
    numbers: BTreeMap<(Vec<u8>, MacAddr, u64), Vec<u8>>,
    keys: BTreeSet<Vec<u8>>,
    /// What must not be, in words.
    pub offences: Vec<String>,
    /// Protected data frames that were decrypted, retries not counted.
    pub decrypted: usize,
    /// Frames with EAPOL, encrypted or not, retries included.
    pub eapol: usize,
    /// The highest packet number, by key and transmitter.
    highest: BTreeMap<(Vec<u8>, MacAddr), u64>,
}

impl Recorder {
    /// A recorder of the networks with this key.
    pub fn new(pmk: Pmk) -> Self {
        Self {
            observer: Observer::new(vec![NetworkSecret::Pmk(pmk)]),
            numbers: BTreeMap::new(),
            keys: BTreeSet::new(),
            offences: Vec::new(),
            decrypted: 0,
            eapol: 0,
            highest: BTreeMap::new(),
        }
    }

    /// How many pairwise and group keys were used.
    pub fn keys(&self) -> usize {
        self.keys.len()
    }

    /// Takes a frame.
    pub fn hear(&mut self, mpdu: &[u8]) {
        let Ok(Frame::Data(frame)) = Frame::parse(mpdu) else { return };
        if frame.is_null() {
            return;
        }
        let from_ap = frame.frame_control().from_ds();
        let (bssid, client) =
            if from_ap { (frame.addr2(), frame.addr1()) } else { (frame.addr1(), frame.addr2()) };
        let body = if frame.frame_control().protected() {
            match self.open(&frame, bssid, client, mpdu) {
                Some(body) => body,
                None => return self.offences.push(format!("no key opens {frame:?}")),
            }
        } else {
            frame.payload().to_vec()
        };
        match Llc::parse(&body) {
            Llc::Typed(EtherType::EAPOL, pdu) => {
                self.eapol += 1;
                // Retransmissions and second messages teach nothing; that is no offence.
                let _ = self.observer.handle_eapol(frame.addr2(), frame.addr1(), pdu);
            }
            _ if !frame.frame_control().protected() => self.offences.push(format!("in plaintext: {frame:?}")),
            _ => {}
        }
    }

    fn open(
        &mut self,
        frame: &DataFrame<'_>,
        bssid: MacAddr,
        client: MacAddr,
        mpdu: &[u8],
    ) -> Option<Vec<u8>> {
        let at = frame.header_len();
        let pn = CipherHeader::peek(mpdu, at).ok()?.pn;
        let pairwise = self.observer.session(bssid, client).into_iter().flat_map(|session| session.keys());
        let pairwise = pairwise.filter(|_| !client.is_group()).map(|key| (key.tk.expose(), key.cipher));
        let group = self.observer.group_keys(bssid).filter(|_| client.is_group());
        let group = group.filter_map(|key| Some((key.gtk.expose(), key.cipher?)));
        let (key, body) = pairwise.chain(group).find_map(|(bytes, cipher)| {
            let mut copy = mpdu.to_vec();
            let opened = CipherKey::new(cipher, bytes).ok()?.unprotect(at, &mut copy).ok()?;
            Some((bytes.to_vec(), copy[opened.payload].to_vec()))
        })?;
        self.keys.insert(key.clone());
        let sealed = mpdu[at..].to_vec();
        let highest = self.highest.entry((key.clone(), frame.addr2())).or_default();
        let again = frame.frame_control().retry() && pn <= *highest;
        if pn <= *highest && !again {
            self.offences.push(format!("packet number {pn} after {highest}: {frame:?}"));
        }
        *highest = pn.max(*highest);
        match self.numbers.insert((key, frame.addr2(), pn), sealed.clone()) {
            None => self.decrypted += 1,
            Some(before) if before == sealed => {}
            Some(_) => self.offences.push(format!("packet number {pn} for two frames: {frame:?}")),
        }
        Some(body)
    }
}
