//! The frames of a capture, one after the other.

use std::collections::BTreeMap;

use serde::Serialize;
use stack::crypto::CipherKey;
use stack::wire::element::{Elements, Rsn};
use stack::wire::frame::{DataFrame, ManagementFrame};
use stack::wire::management::ManagementBody;
use stack::wire::{Frame, FrameType, MacAddr};
use zeroize::Zeroizing;

use super::derive::Secret;
use super::handshake::{Bss, Handshake, Pair};

/// More networks or pairs than a capture of the real world has; what comes after them is not followed.
const MAX_TRACKED: usize = 65_536;
/// CCMP and GCMP set the Extended IV bit; WEP does not, and TKIP sets it too.
const EXT_IV: u8 = 0x20;

/// What became of the frames.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// All.
    pub frames: u64,
    /// Could not be read as 802.11.
    pub malformed: u64,
    /// Had the Protected bit.
    pub protected: u64,
    /// Were decrypted, their MIC being right.
    pub decrypted: u64,
    /// Were protected by WEP, or by TKIP where that is known: not supported, and not safe.
    pub legacy: u64,
}

/// Follows handshakes and decrypts. Show it every frame with [`Self::frame`], in order.
pub struct Decryptor {
    secrets: Vec<Secret>,
    ssid: Option<Vec<u8>>,
    pmks: BTreeMap<Vec<u8>, Vec<Zeroizing<[u8; 32]>>>,
    networks: BTreeMap<MacAddr, Bss>,
    pairs: BTreeMap<(MacAddr, MacAddr), Pair>,
    handshakes: Vec<Handshake>,
    counts: Counts,
    plain: Vec<u8>,
}

impl Decryptor {
    /// Knows these secrets, of the network `ssid`; without a name they are tried on every network whose name is heard.
    pub fn new(secrets: Vec<Secret>, ssid: Option<Vec<u8>>) -> Self {
        Self {
            secrets,
            ssid,
            pmks: BTreeMap::new(),
            networks: BTreeMap::new(),
            pairs: BTreeMap::new(),
            handshakes: Vec::new(),
            counts: Counts::default(),
            plain: Vec::new(),
        }
    }

    /// What became of the frames so far.
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// The 4-way handshakes seen so far.
    pub fn handshakes(&self) -> &[Handshake] {
        &self.handshakes
    }

    /// Counts a record in which there is no 802.11 frame.
    pub const fn malformed(&mut self) {
        self.counts.frames += 1;
        self.counts.malformed += 1;
    }

    /// Looks at an MPDU. If it could be decrypted, the plain one comes back: Protected cleared, cipher header and MIC
    /// gone.
    pub fn frame(&mut self, mpdu: &[u8]) -> Option<&[u8]> {
        self.counts.frames += 1;
        let Ok(frame) = Frame::parse(mpdu) else {
            self.counts.malformed += 1;
            return None;
        };
        if frame.frame_control().protected() && frame.frame_control().frame_type() != FrameType::Control {
            self.counts.protected += 1;
            return self.protected(&frame, mpdu);
        }
        match &frame {
            Frame::Management(frame) => self.management(frame),
            Frame::Data(frame) => self.handshake(frame, frame.payload()),
            Frame::Control(_) | Frame::Extension(_) => {}
        }
        None
    }

    fn management(&mut self, frame: &ManagementFrame<'_>) {
        let Ok(body) = frame.parse_body() else {
            self.counts.malformed += 1;
            return;
        };
        let elements = body.elements();
        let (bssid, from, to) = (frame.bssid(), frame.addr2(), frame.addr1());
        match body {
            ManagementBody::Beacon(_) | ManagementBody::ProbeResponse(_) => self.network(bssid, elements),
            ManagementBody::AssociationRequest(_) | ManagementBody::ReassociationRequest(_) => {
                self.network_name(bssid, elements);
                if let Some(pair) = pair(&mut self.pairs, bssid, from) {
                    pair.association(elements);
                }
            }
            ManagementBody::Authentication(body) if body.algorithm.0 == 2 && body.transaction == 2 => {
                self.transition(bssid, to, body.fields);
            }
            ManagementBody::ReassociationResponse(_) => {
                let bss = self.networks.get_mut(&bssid);
                if let (Some(pair), Some(bss)) = (self.pairs.get(&(bssid, to)), bss) {
                    pair.transition_group_key(elements, bss);
                }
            }
            _ => {}
        }
    }

    /// A network as it describes itself.
    fn network(&mut self, bssid: MacAddr, elements: Elements<'_>) {
        self.network_name(bssid, elements);
        if let (Some(bss), Ok(Some(rsn))) = (self.networks.get_mut(&bssid), elements.get::<Rsn<'_>>()) {
            bss.group_cipher = rsn.group_cipher().0;
        }
    }

    fn network_name(&mut self, bssid: MacAddr, elements: Elements<'_>) {
        if self.networks.len() >= MAX_TRACKED && !self.networks.contains_key(&bssid) {
            return;
        }
        let bss = self.networks.entry(bssid).or_insert_with(Bss::unknown);
        if let Some(ssid) = elements.ssid().filter(|ssid| !ssid.is_hidden() && !ssid.is_wildcard())
            && bss.ssid != ssid.as_bytes()
        {
            bss.ssid = ssid.as_bytes().to_vec();
        }
    }

    fn transition(&mut self, bssid: MacAddr, client: MacAddr, fields: &[u8]) {
        let pmks = self.pmks_of(bssid);
        let bss = self.networks.get(&bssid);
        if let (Some(pair), Some(bss)) = (pair(&mut self.pairs, bssid, client), bss) {
            pair.transition((bssid, client), Elements::new(fields), bss, &pmks);
        }
    }

    /// The secrets' keys in the network: PBKDF2 runs once for each name.
    fn pmks_of(&mut self, bssid: MacAddr) -> Vec<Zeroizing<[u8; 32]>> {
        let heard = self.networks.get(&bssid).map(|bss| bss.ssid.clone()).unwrap_or_default();
        let name = self.ssid.clone().unwrap_or(heard);
        if name.is_empty() || (self.pmks.len() >= 256 && !self.pmks.contains_key(&name)) {
            let keys = self.secrets.iter().filter(|secret| matches!(secret, Secret::Pmk(_)));
            return keys.map(|secret| secret.pmk(&[])).collect();
        }
        let secrets = &self.secrets;
        let derive = || secrets.iter().map(|secret| secret.pmk(&name)).collect();
        self.pmks.entry(name.clone()).or_insert_with(derive).clone()
    }

    /// A data frame in the clear, in which an EAPOL PDU may be.
    fn handshake(&mut self, frame: &DataFrame<'_>, payload: &[u8]) {
        let pdu = match payload {
            [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00, 0x88, 0x8e, pdu @ ..] => pdu,
            [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00, 0x89, 0x0d, pdu @ ..] => return self.direct_link(pdu),
            _ => return,
        };
        let Some((bssid, client)) = ends(frame) else { return };
        if self.handshakes.len() >= MAX_TRACKED {
            return;
        }
        let pmks = self.pmks_of(bssid);
        let bss = self.networks.entry(bssid).or_insert_with(Bss::unknown);
        if let (Some(ssid), true) = (&self.ssid, bss.ssid.is_empty()) {
            bss.ssid.clone_from(ssid);
        }
        if let Some(pair) = pair(&mut self.pairs, bssid, client) {
            pair.message((bssid, client), pdu, bss, &pmks, &mut self.handshakes);
        }
    }

    /// A TDLS Setup Response or Confirm (802.11-2020 9.6.12), whose elements name the link and its nonces.
    fn direct_link(&mut self, pdu: &[u8]) {
        let elements = match pdu {
            [2, 12, 1, _, _, _, _, _, elements @ ..] | [2, 12, 2, _, _, _, elements @ ..] => {
                Elements::new(elements)
            }
            _ => return,
        };
        let find = |id| elements.iter().find(|element| element.id.0 == id).map(|element| element.data);
        let (Some(fte), Some(link)) = (find(55), find(101)) else { return };
        let address = |at: usize| link.get(at..at + 6).and_then(MacAddr::from_slice);
        if let (Some(bssid), Some(initiator), Some(responder)) = (address(0), address(6), address(12))
            && let Some(pair) = pair(&mut self.pairs, initiator, responder)
        {
            pair.direct_link(bssid, [initiator, responder], fte);
        }
    }

    fn protected(&mut self, frame: &Frame<'_>, mpdu: &[u8]) -> Option<&[u8]> {
        let header_len = frame.header_len();
        let &[_, _, _, flags, ..] = mpdu.get(header_len..)? else { return None };
        if flags & EXT_IV == 0 {
            self.counts.legacy += 1;
            return None;
        }
        let (to, from) = (frame.addr1()?, frame.addr2()?);
        let found = self.decrypt_by_any((to, from), flags >> 6, header_len, mpdu);
        if !found {
            self.counts.legacy += u64::from(self.is_tkip(to, from));
            return None;
        }
        self.counts.decrypted += 1;
        self.after(header_len);
        Some(&self.plain)
    }

    /// Tries the keys that the frame may be under, newest first.
    fn decrypt_by_any(
        &mut self,
        (to, from): (MacAddr, MacAddr),
        key_id: u8,
        header_len: usize,
        mpdu: &[u8],
    ) -> bool {
        let plain = &mut self.plain;
        if to.is_group() {
            let keys = self.networks.get(&from).map(|bss| bss.keys.as_slice()).unwrap_or_default();
            let mut keys = keys.iter().filter(|key| key.id == key_id);
            return keys.any(|key| decrypt(&key.cipher, header_len, mpdu, plain));
        }
        // in a four-address frame either end may be the access point
        let ends = [(to, from), (from, to)].into_iter();
        let mut keys = ends.filter_map(|ends| self.pairs.get(&ends)).flat_map(|pair| &pair.keys);
        keys.any(|key| decrypt(&key.cipher, header_len, mpdu, plain))
    }

    fn is_tkip(&self, to: MacAddr, from: MacAddr) -> bool {
        const TKIP: [u8; 4] = [0x00, 0x0f, 0xac, 2];
        let pairs = [(to, from), (from, to)];
        let pairwise =
            pairs.iter().filter_map(|ends| self.pairs.get(ends)?.suites).any(|(_, cipher)| cipher == TKIP);
        let group = self.networks.get(&from).is_some_and(|bss| bss.group_cipher == TKIP);
        pairwise || (to.is_group() && group)
    }

    /// A decrypted frame may be part of a handshake that renews the keys.
    fn after(&mut self, header_len: usize) {
        let plain = std::mem::take(&mut self.plain);
        if let Ok(Frame::Data(frame)) = Frame::parse(&plain) {
            self.handshake(&frame, plain.get(header_len..).unwrap_or_default());
        }
        self.plain = plain;
    }
}

impl Bss {
    fn unknown() -> Self {
        // what a network uses that has not been heard to say otherwise
        Self { group_cipher: [0x00, 0x0f, 0xac, 4], ..Self::default() }
    }
}

fn pair(
    pairs: &mut BTreeMap<(MacAddr, MacAddr), Pair>,
    bssid: MacAddr,
    client: MacAddr,
) -> Option<&mut Pair> {
    if pairs.len() >= MAX_TRACKED && !pairs.contains_key(&(bssid, client)) {
        return None;
    }
    Some(pairs.entry((bssid, client)).or_default())
}

/// Access point and station of a data frame. Of a four-address frame the receiver is taken for the access point, which
/// the direction of its EAPOL-Key messages will tell apart.
fn ends(frame: &DataFrame<'_>) -> Option<(MacAddr, MacAddr)> {
    let control = frame.frame_control();
    match (control.to_ds(), control.from_ds()) {
        (true, _) => Some((frame.addr1(), frame.addr2())),
        (false, true) => Some((frame.addr2(), frame.addr1())),
        (false, false) => None,
    }
}

/// Decrypts into `plain`; false if the MIC is wrong.
fn decrypt(key: &CipherKey, header_len: usize, mpdu: &[u8], plain: &mut Vec<u8>) -> bool {
    plain.clear();
    plain.extend_from_slice(mpdu);
    let Ok(unprotected) = key.unprotect(header_len, plain) else { return false };
    plain.truncate(unprotected.payload.end);
    plain.drain(header_len..unprotected.payload.start);
    if let Some(flags) = plain.get_mut(1) {
        *flags &= !0x40;
    }
    true
}
