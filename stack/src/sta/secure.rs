//! The keys of a WPA2 association: the handshake that brings them, and what passes under them.

use crate::crypto::{Cipher, CipherHeader, CipherKey};
use crate::mac::{DropReason, PacketNumbersUsedUp, ReplayCounters, ReplaySpace, TxPn};
use crate::rsn::{
    Akm, GroupKeyData, HandshakeFailure, Pmk, Supplicant, SupplicantConfig, SupplicantEvent, TemporalKey,
};
use crate::time::Instant;
use crate::wire::MacAddr;

/// What an association has besides an open one's.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) supplicant: Supplicant,
    pairwise: Option<Pairwise>,
    /// By key ID.
    groups: [Option<Group>; 4],
    pub(super) authorized: bool,
}

struct Pairwise {
    key: CipherKey,
    tx: TxPn,
    rx: ReplayCounters,
    rekey_requested: bool,
}

struct Group {
    key: CipherKey,
    rx: ReplayCounters,
}

/// Where the plaintext of a frame is.
pub(super) type Plain = std::ops::Range<usize>;

impl Keys {
    pub(super) fn new(
        now: Instant,
        aa: MacAddr,
        spa: MacAddr,
        pmk: Pmk,
        ap_elements: Vec<u8>,
        sta_elements: Vec<u8>,
    ) -> Self {
        let mut supplicant = Supplicant::new(SupplicantConfig {
            aa,
            spa,
            pmk,
            akm: Akm::Psk,
            pairwise: Cipher::Ccmp128,
            group: Cipher::Ccmp128,
            ap_elements,
            sta_elements,
        });
        supplicant.start(now);
        Self { supplicant, pairwise: None, groups: [const { None }; 4], authorized: false }
    }

    /// Takes what the handshake has brought; says whether the port opened just now.
    pub(super) fn settle(&mut self) -> Result<bool, HandshakeFailure> {
        let mut opened = false;
        while let Some(event) = self.supplicant.poll_event() {
            match event {
                SupplicantEvent::InstallPairwise { tk, cipher } => self.install_pairwise(&tk, cipher),
                SupplicantEvent::InstallGroup(data) => self.install_group(&data),
                SupplicantEvent::Authorized => (self.authorized, opened) = (true, true),
                SupplicantEvent::Failed(failure) => return Err(failure),
            }
        }
        Ok(opened)
    }

    /// Decrypts a frame in place after all that can be told without its key, and lets each packet number in once.
    pub(super) fn open(
        &mut self,
        group: bool,
        tid: u8,
        header_len: usize,
        mpdu: &mut [u8],
    ) -> Result<Plain, DropReason> {
        let CipherHeader { pn, key_id } =
            CipherHeader::peek(mpdu, header_len).map_err(|_| DropReason::DecryptFailed)?;
        let (key, rx) = if group {
            let slot = self.groups.get_mut(usize::from(key_id)).and_then(Option::as_mut);
            let Group { key, rx } = slot.ok_or(DropReason::UnknownKeyId)?;
            (key, rx)
        } else {
            let Pairwise { key, rx, .. } = self.pairwise.as_mut().ok_or(DropReason::NoKey)?;
            if key_id != 0 {
                return Err(DropReason::UnknownKeyId);
            }
            (key, rx)
        };
        let space = ReplaySpace::Tid(tid);
        if !rx.is_new(space, pn) {
            return Err(DropReason::Replay);
        }
        let opened = key.unprotect(header_len, mpdu).map_err(|_| DropReason::DecryptFailed)?;
        if rx.accept(space, pn) { Ok(opened.payload) } else { Err(DropReason::Replay) }
    }

    /// Encrypts under the pairwise key and its next packet number (SEC-K12).
    pub(super) fn seal(&mut self, header: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, DropReason> {
        let pairwise = self.pairwise.as_mut().ok_or(DropReason::NoKey)?;
        let pn = pairwise.tx.next().map_err(|PacketNumbersUsedUp| DropReason::PacketNumbersUsedUp)?;
        let mut out = Vec::with_capacity(header.len() + plaintext.len() + Cipher::Ccmp128.overhead());
        pairwise.key.protect(pn, 0, header, plaintext, &mut out).map_err(|_| DropReason::EncryptFailed)?;
        if pairwise.tx.needs_rekey() && !pairwise.rekey_requested {
            pairwise.rekey_requested = true;
            self.supplicant.request_rekey();
        }
        Ok(out)
    }

    fn install_pairwise(&mut self, tk: &TemporalKey, cipher: Cipher) {
        // The supplicant derives keys of the cipher's own length; were it otherwise there would be no key.
        self.pairwise = tk.cipher_key(cipher).ok().map(|key| Pairwise {
            key,
            tx: TxPn::starting_after(0),
            rx: ReplayCounters::after(0),
            rekey_requested: false,
        });
    }

    fn install_group(&mut self, data: &GroupKeyData) {
        let Some(slot) = self.groups.get_mut(usize::from(data.key_id)) else { return };
        *slot = data
            .gtk
            .cipher_key(Cipher::Ccmp128)
            .ok()
            .map(|key| Group { key, rx: ReplayCounters::after(data.rsc) });
    }
}

impl std::fmt::Debug for Pairwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pairwise").field("tx", &self.tx).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Group").finish_non_exhaustive()
    }
}
