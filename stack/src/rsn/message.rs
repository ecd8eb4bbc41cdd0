//! What both sides of a handshake share: reading, checking and building EAPOL-Key messages.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::{Cipher, unwrap, wrap};
use crate::random::{Random, bytes};
use crate::rsn::{Akm, Kck, Kek, Pmk, Ptk, PtkInputs};
use crate::wire::eapol::{EapolKey, EapolKeyFrame, KeyData, KeyDataItem, KeyDataWriter, KeyInfo, set_mic};
use crate::wire::{MacAddr, ReasonCode, Truncated};

/// Element IDs that a handshake compares (802.11-2020 12.7.6.3, 12.7.6.4).
const RSNE: u8 = 48;
const RSNXE: u8 = 244;

/// Why an EAPOL frame was discarded. Nothing is answered and nothing changes (802.11-2020 12.7.2, SEC-K6), but for
/// [`Self::ElementMismatch`], which ends the association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum EapolDrop {
    /// A length field asks for more than there is.
    #[error("malformed EAPOL frame")]
    Malformed,
    /// Not an EAPOL-Key frame: EAP, EAPOL-Start, EAPOL-Logoff have no meaning with a PSK (SEC-M4).
    #[error("not an EAPOL-Key frame")]
    NotKey,
    /// Another descriptor type or version than the AKM has.
    #[error("wrong key descriptor")]
    Descriptor,
    /// A message that has no place in the handshake now.
    #[error("unexpected handshake message")]
    Unexpected,
    /// A replay counter that was used before, or that answers nothing that was sent.
    #[error("replayed or unknown key replay counter")]
    ReplayCounter,
    /// Sent in plaintext where the handshake runs under a pairwise key (SEC-K11).
    #[error("EAPOL frame of a rekey in plaintext")]
    Plaintext,
    /// The MIC does not match: another PMK, or forged.
    #[error("EAPOL-Key MIC failure")]
    Mic,
    /// Key Data that does not unwrap, is not encrypted though it must be, or makes no sense.
    #[error("bad key data")]
    KeyData,
    /// A nonce or a key that is zero or was used before (SEC-K13).
    #[error("zero or repeated nonce or key")]
    WeakKey,
    /// RSNE or RSNXE differ from those of the association request, or of the beacon (SEC-K8).
    #[error("RSN elements differ")]
    ElementMismatch,
    /// More requests than are honoured.
    #[error("too many key requests")]
    RateLimited,
}

impl EapolDrop {
    /// A name for counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "eapol-malformed",
            Self::NotKey => "eapol-not-key",
            Self::Descriptor => "eapol-descriptor",
            Self::Unexpected => "eapol-unexpected",
            Self::ReplayCounter => "eapol-replay-counter",
            Self::Plaintext => "eapol-plaintext",
            Self::Mic => "eapol-mic",
            Self::KeyData => "eapol-key-data",
            Self::WeakKey => "eapol-weak-key",
            Self::ElementMismatch => "eapol-element-mismatch",
            Self::RateLimited => "eapol-rate-limited",
        }
    }
}

impl From<Truncated> for EapolDrop {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

/// Why a handshake ended without success. The association ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HandshakeFailure {
    /// The peer did not answer, or answered with another PMK.
    Timeout,
    /// The station did not answer the group key handshake.
    GroupTimeout,
    /// RSNE or RSNXE differ from those announced before.
    ElementMismatch,
    /// The randomness that was given repeats itself.
    Randomness,
}

impl HandshakeFailure {
    /// The reason code to deauthenticate with.
    pub const fn reason(self) -> ReasonCode {
        match self {
            Self::Timeout => ReasonCode::FOUR_WAY_TIMEOUT,
            Self::GroupTimeout => ReasonCode::GROUP_KEY_TIMEOUT,
            Self::ElementMismatch => ReasonCode::HANDSHAKE_ELEMENT_MISMATCH,
            Self::Randomness => ReasonCode::UNSPECIFIED,
        }
    }
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "4-way handshake timed out (wrong passphrase?)",
            Self::GroupTimeout => "group key handshake timed out",
            Self::ElementMismatch => "RSN elements of handshake and association differ",
            Self::Randomness => "the random number generator repeats itself",
        })
    }
}

/// An EAPOL PDU to be sent to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EapolTransmit {
    /// The PDU, from the EAPOL version on.
    pub pdu: Vec<u8>,
    /// Encrypt it under the pairwise key that is installed; in plaintext otherwise.
    pub protected: bool,
}

/// The messages of 802.11-2020 12.7.6 and 12.7.7, told apart by their Key Information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    M1,
    M2,
    M3,
    M4,
    Group1,
    Group2,
    /// A request for a new pairwise or group key.
    Request {
        pairwise: bool,
    },
}

impl Message {
    pub(super) fn of(key: &EapolKey<'_>) -> Option<Self> {
        let info = key.info();
        let has = |bit| info.contains(bit);
        if has(KeyInfo::SMK) || has(KeyInfo::ERROR) {
            return None;
        }
        let pairwise = has(KeyInfo::PAIRWISE);
        match (has(KeyInfo::REQUEST), has(KeyInfo::ACK), has(KeyInfo::MIC)) {
            (true, false, true) => Some(Self::Request { pairwise }),
            (false, true, false) if pairwise && !has(KeyInfo::INSTALL) && !has(KeyInfo::ENCRYPTED) => {
                Some(Self::M1)
            }
            (false, true, true) if pairwise => Some(Self::M3),
            (false, true, true) => Some(Self::Group1),
            // Message 2 of a rekey may have the Secure bit, so only its elements tell it from message 4.
            (false, false, true) if pairwise && key.key_data().is_empty() => Some(Self::M4),
            (false, false, true) if pairwise => Some(Self::M2),
            (false, false, true) => Some(Self::Group2),
            _ => None,
        }
    }
}

/// An EAPOL-Key frame whose MIC has been checked. Key Data is only to be had from here (SEC-K9).
#[derive(Debug)]
pub(super) struct Verified<'a>(EapolKey<'a>);

impl<'a> Verified<'a> {
    /// Checks the MIC of a frame of a handshake with this suite.
    pub(super) fn check(akm: Akm, kck: &Kck, key: &EapolKey<'a>) -> Result<Self, EapolDrop> {
        if akm.mic().verify(kck.expose(), &key.authenticated(), key.mic()) {
            Ok(Self(*key))
        } else {
            Err(EapolDrop::Mic)
        }
    }

    /// Key Data that was sent in the clear, as that of message 2.
    pub(super) fn clear_key_data(&self) -> Result<&'a [u8], EapolDrop> {
        if self.0.info().contains(KeyInfo::ENCRYPTED) {
            Err(EapolDrop::KeyData)
        } else {
            Ok(self.0.key_data())
        }
    }

    /// Key Data that must have been encrypted.
    pub(super) fn encrypted_key_data(&self, kek: &Kek) -> Result<Zeroizing<Vec<u8>>, EapolDrop> {
        if !self.0.info().contains(KeyInfo::ENCRYPTED) {
            return Err(EapolDrop::KeyData);
        }
        unwrap(kek.expose(), self.0.key_data()).map_err(|_| EapolDrop::KeyData)
    }
}

/// What a handshake is between, and how.
#[derive(Clone, Debug)]
pub(super) struct Parties {
    pub(super) aa: MacAddr,
    pub(super) spa: MacAddr,
    pub(super) pmk: Pmk,
    pub(super) akm: Akm,
    pub(super) pairwise: Cipher,
}

impl Parties {
    /// Reads a PDU as far as it can be read without a key.
    pub(super) fn parse<'a>(&self, pdu: &'a [u8]) -> Result<(EapolKey<'a>, Message), EapolDrop> {
        let key = EapolKey::parse(pdu, self.akm.mic().mic_len())?.ok_or(EapolDrop::NotKey)?;
        let version = key.info().version();
        if key.descriptor() != EapolKey::RSN || version != self.akm.descriptor_version() {
            return Err(EapolDrop::Descriptor);
        }
        let message = Message::of(&key).ok_or(EapolDrop::Unexpected)?;
        Ok((key, message))
    }

    pub(super) fn derive(&self, anonce: &[u8; 32], snonce: &[u8; 32]) -> Result<Ptk, EapolDrop> {
        if *anonce == [0; 32] || *snonce == [0; 32] || anonce == snonce {
            return Err(EapolDrop::WeakKey);
        }
        let inputs = PtkInputs { aa: self.aa, spa: self.spa, anonce, snonce };
        Ptk::derive(self.akm, self.pairwise, &self.pmk, inputs).map_err(|_| EapolDrop::WeakKey)
    }

    pub(super) fn verify<'a>(&self, kck: &Kck, key: &EapolKey<'a>) -> Result<Verified<'a>, EapolDrop> {
        Verified::check(self.akm, kck, key)
    }

    /// Builds a message; with a KCK its MIC is filled in.
    pub(super) fn build(&self, draft: Draft<'_>, kck: Option<&Kck>) -> Vec<u8> {
        let frame = EapolKeyFrame {
            version: 2,
            descriptor: EapolKey::RSN,
            info: draft.info.with_version(self.akm.descriptor_version()),
            key_length: draft.key_length,
            replay_counter: draft.replay_counter,
            nonce: draft.nonce,
            iv: [0; 16],
            rsc: draft.rsc,
            key_data: draft.key_data,
        };
        let mut pdu = frame.emit(self.akm.mic().mic_len());
        if let Some(mic) = kck.and_then(|kck| self.akm.mic().compute(kck.expose(), &[&pdu])) {
            set_mic(&mut pdu, &mic);
        }
        pdu
    }

    /// Key Length of pairwise messages from the authenticator.
    pub(super) fn key_length(&self) -> u16 {
        u16::try_from(self.pairwise.key_len()).unwrap_or_default()
    }
}

/// What differs between the messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) info: KeyInfo,
    pub(super) key_length: u16,
    pub(super) replay_counter: u64,
    pub(super) nonce: [u8; 32],
    pub(super) rsc: u64,
    pub(super) key_data: &'a [u8],
}

impl Draft<'_> {
    pub(super) const fn new(info: KeyInfo, replay_counter: u64) -> Self {
        Self { info, key_length: 0, replay_counter, nonce: [0; 32], rsc: 0, key_data: &[] }
    }
}

/// Pads and wraps key data. A KEK and padded data always fit key wrap; if not, nothing is sent in the clear.
pub(super) fn wrap_key_data(kek: &Kek, key_data: &mut KeyDataWriter) -> Vec<u8> {
    wrap(kek.expose(), key_data.pad().bytes()).unwrap_or_default()
}

/// RSNE and RSNXE among the elements and KDEs in `bytes`, the first of each. `None` if something in `bytes` is broken.
pub(super) fn security_elements(bytes: &[u8]) -> Option<[Option<&[u8]>; 2]> {
    let mut found = [None; 2];
    for item in KeyData::new(bytes) {
        let [rsne, rsnxe] = &mut found;
        match item.ok()? {
            KeyDataItem::Element { id: RSNE, bytes } => *rsne = rsne.or(Some(bytes)),
            KeyDataItem::Element { id: RSNXE, bytes } => *rsnxe = rsnxe.or(Some(bytes)),
            _ => {}
        }
    }
    Some(found)
}

/// SEC-K8: bit for bit the elements that were announced before the handshake.
pub(super) fn check_elements(announced: &[u8], in_handshake: &[u8]) -> Result<(), EapolDrop> {
    let heard = security_elements(in_handshake).ok_or(EapolDrop::KeyData)?;
    if security_elements(announced) == Some(heard) { Ok(()) } else { Err(EapolDrop::ElementMismatch) }
}

/// SEC-K13: a nonce that is not zero and not the one before. `None` says that the generator is broken.
pub(super) fn fresh_nonce(random: &mut dyn Random, previous: Option<&[u8; 32]>) -> Option<[u8; 32]> {
    let nonce = bytes::<32>(random);
    (nonce != [0; 32] && previous != Some(&nonce)).then_some(nonce)
}
