//! Integrity of group-addressed management frames and of beacons: BIP (802.11-2020 12.5.4).

use aes::{Aes128, Aes128Enc, Aes256, Aes256Enc};
use aes_gcm::AesGcm;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit};
use cmac::{Cmac, Mac};
use subtle::ConstantTimeEq;

use crate::wire::element::{ElementId, ManagementMic, TypedElement};

/// Of a management frame without HT Control.
const HEADER: usize = 24;
/// The Order bit in the second byte of Frame Control: an HT Control field follows the header.
const ORDER: u8 = 0x80;
/// Retry, Power Management and More Data, which a retry may change.
const MASKED: u8 = 0x38;
/// Identifier, length, key identifier and packet number of a Management MIC element.
const ELEMENT_BEFORE_MIC: usize = 2 + 2 + 6;
const MAX_MIC: usize = 16;

/// A group management cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupManagementCipher {
    /// 00-0F-AC:6, a MIC of 8 bytes.
    BipCmac128,
    /// 00-0F-AC:11.
    BipGmac128,
    /// 00-0F-AC:12.
    BipGmac256,
    /// 00-0F-AC:13.
    BipCmac256,
}

impl GroupManagementCipher {
    /// The cipher with this suite selector (802.11-2020 Table 9-149), if it is one of these.
    pub const fn from_suite(suite: [u8; 4]) -> Option<Self> {
        match suite {
            [0x00, 0x0f, 0xac, 6] => Some(Self::BipCmac128),
            [0x00, 0x0f, 0xac, 11] => Some(Self::BipGmac128),
            [0x00, 0x0f, 0xac, 12] => Some(Self::BipGmac256),
            [0x00, 0x0f, 0xac, 13] => Some(Self::BipCmac256),
            _ => None,
        }
    }

    /// Length of an IGTK or BIGTK, in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::BipCmac128 | Self::BipGmac128 => 16,
            Self::BipGmac256 | Self::BipCmac256 => 32,
        }
    }

    /// Length of the MIC, in bytes.
    pub const fn mic_len(self) -> usize {
        match self {
            Self::BipCmac128 => 8,
            Self::BipGmac128 | Self::BipGmac256 | Self::BipCmac256 => MAX_MIC,
        }
    }
}

/// A key of a length that its cipher does not take, or all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key for {0:?}")]
pub struct IntegrityKeyError(pub GroupManagementCipher);

/// A frame whose integrity cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntegrityError {
    /// It is no whole management frame.
    #[error("too short for a management frame")]
    TooShort,
    /// It does not end with a Management MIC element that the cipher has.
    #[error("no Management MIC element at its end")]
    NoElement,
    /// The MIC is wrong: another key, or changed on the way.
    #[error("management MIC failure")]
    MicFailure,
}

/// An IGTK or BIGTK, made ready for use. Wiped when dropped.
#[derive(Clone)]
pub struct IntegrityKey {
    mode: Mode,
}

#[derive(Clone)]
enum Mode {
    Cmac128(Box<Cmac<Aes128>>),
    Cmac256(Box<Cmac<Aes256>>),
    Gmac128(Box<AesGcm<Aes128Enc, U12>>),
    Gmac256(Box<AesGcm<Aes256Enc, U12>>),
}

impl IntegrityKey {
    /// Takes a key into use.
    pub fn new(cipher: GroupManagementCipher, key: &[u8]) -> Result<Self, IntegrityKeyError> {
        let wrong = |_| IntegrityKeyError(cipher);
        if key.iter().all(|byte| *byte == 0) {
            return Err(IntegrityKeyError(cipher));
        }
        let mode = match cipher {
            GroupManagementCipher::BipCmac128 => {
                Mode::Cmac128(Box::new(Cmac::new_from_slice(key).map_err(wrong)?))
            }
            GroupManagementCipher::BipCmac256 => {
                Mode::Cmac256(Box::new(Cmac::new_from_slice(key).map_err(wrong)?))
            }
            GroupManagementCipher::BipGmac128 => {
                Mode::Gmac128(Box::new(AesGcm::new_from_slice(key).map_err(wrong)?))
            }
            GroupManagementCipher::BipGmac256 => {
                Mode::Gmac256(Box::new(AesGcm::new_from_slice(key).map_err(wrong)?))
            }
        };
        Ok(Self { mode })
    }

    /// The cipher that the key is for.
    pub const fn cipher(&self) -> GroupManagementCipher {
        match self.mode {
            Mode::Cmac128(_) => GroupManagementCipher::BipCmac128,
            Mode::Cmac256(_) => GroupManagementCipher::BipCmac256,
            Mode::Gmac128(_) => GroupManagementCipher::BipGmac128,
            Mode::Gmac256(_) => GroupManagementCipher::BipGmac256,
        }
    }

    /// Appends a Management MIC element to a management frame. `packet_number` is 48 bit and must never be used a second
    /// time with this key; `key_id` is 4 or 5 of an IGTK, 6 or 7 of a BIGTK. On error the frame is as it was.
    pub fn protect(&self, packet_number: u64, key_id: u16, mpdu: &mut Vec<u8>) -> Result<(), IntegrityError> {
        header_len(mpdu)?;
        let mic_len = self.cipher().mic_len();
        let length = u8::try_from(ELEMENT_BEFORE_MIC - 2 + mic_len).unwrap_or_default();
        let [a, b, c, d, e, f, _, _] = packet_number.to_le_bytes();
        mpdu.extend_from_slice(&[ElementId::MANAGEMENT_MIC.0, length]);
        mpdu.extend_from_slice(&key_id.to_le_bytes());
        mpdu.extend_from_slice(&[a, b, c, d, e, f]);
        let mic = self.mic(mpdu, packet_number)?;
        mpdu.extend_from_slice(mic.get(..mic_len).unwrap_or(&mic));
        Ok(())
    }

    /// Checks the Management MIC element at the end of a frame, in constant time; yields it for the replay check, which is
    /// the caller's.
    pub fn verify<'a>(&self, mpdu: &'a [u8]) -> Result<ManagementMic<'a>, IntegrityError> {
        let mic_len = self.cipher().mic_len();
        let element_len = ELEMENT_BEFORE_MIC + mic_len;
        let before = mpdu.len().checked_sub(element_len).filter(|before| *before >= HEADER);
        let element = before.and_then(|before| mpdu.get(before..)).ok_or(IntegrityError::TooShort)?;
        let data = match element {
            [id, length, data @ ..]
                if *id == ElementId::MANAGEMENT_MIC.0 && usize::from(*length) == data.len() =>
            {
                data
            }
            _ => return Err(IntegrityError::NoElement),
        };
        let element = ManagementMic::parse(data).map_err(|_| IntegrityError::NoElement)?;
        let [a, b, c, d, e, f] = element.packet_number;
        let packet_number = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        let unsigned = mpdu.get(..mpdu.len() - mic_len).unwrap_or_default();
        let expected = self.mic(unsigned, packet_number)?;
        let expected = expected.get(..mic_len).unwrap_or(&expected);
        if bool::from(expected.ct_eq(element.mic)) { Ok(element) } else { Err(IntegrityError::MicFailure) }
    }

    /// The MIC over a frame that ends where its MIC is to be (802.11-2020 12.5.4.5): over the masked Frame Control field,
    /// the three addresses, and the body with zeroes in the MIC's place.
    fn mic(&self, mpdu: &[u8], packet_number: u64) -> Result<[u8; MAX_MIC], IntegrityError> {
        let [fc0, fc1, _, _, addresses @ .., _, _] =
            mpdu.first_chunk::<HEADER>().ok_or(IntegrityError::TooShort)?;
        let body = mpdu.get(header_len(mpdu)?..).unwrap_or_default();
        let zeroes = [0; MAX_MIC];
        let zeroes = zeroes.get(..self.cipher().mic_len()).unwrap_or(&zeroes);
        let parts = [&[*fc0, fc1 & !MASKED], &addresses[..], body, zeroes];
        let [_, _, _, _, _, _, transmitter @ .., _, _, _, _, _, _] = addresses;
        match &self.mode {
            Mode::Cmac128(key) => Ok(cmac((**key).clone(), parts)),
            Mode::Cmac256(key) => Ok(cmac((**key).clone(), parts)),
            Mode::Gmac128(key) => gmac(&**key, *transmitter, packet_number, parts),
            Mode::Gmac256(key) => gmac(&**key, *transmitter, packet_number, parts),
        }
    }
}

fn cmac<M: Mac<OutputSize = U16>>(mut mac: M, parts: [&[u8]; 4]) -> [u8; MAX_MIC] {
    parts.into_iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// The nonce is the transmitter and the packet number, the highest byte first.
fn gmac<G: AeadInOut<NonceSize = U12, TagSize = U16>>(
    key: &G,
    transmitter: [u8; 6],
    packet_number: u64,
    parts: [&[u8]; 4],
) -> Result<[u8; MAX_MIC], IntegrityError> {
    let [a, b, c, d, e, f] = transmitter;
    let [_, _, pn5, pn4, pn3, pn2, pn1, pn0] = packet_number.to_be_bytes();
    let nonce = [a, b, c, d, e, f, pn5, pn4, pn3, pn2, pn1, pn0].into();
    let tag = key.encrypt_inout_detached(&nonce, &parts.concat(), (&mut [][..]).into());
    Ok(tag.map_err(|_| IntegrityError::TooShort)?.into())
}

fn header_len(mpdu: &[u8]) -> Result<usize, IntegrityError> {
    let flags = mpdu.get(1).copied().unwrap_or_default();
    let len = HEADER + if flags & ORDER == 0 { 0 } else { 4 };
    if mpdu.len() < len { Err(IntegrityError::TooShort) } else { Ok(len) }
}
