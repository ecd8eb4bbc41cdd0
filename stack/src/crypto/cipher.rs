//! Protection of single MPDUs: CCMP (802.11-2020 12.5.3) and GCMP (12.5.5).

use std::fmt;
use std::ops::Range;

use aes::{Aes128Enc, Aes256Enc};
use aes_gcm::AesGcm;
use aes_gcm::aead::KeyInit;
use aes_gcm::aead::consts::U12;

use super::aad::{HeaderFields, HeaderTooShort, PROTECTED};
use super::batch::{ProtectJob, UnprotectJob};
use crate::wire::record::Record;
use crate::wire::{Reader, RecordError};

/// Bytes between MAC header and payload: the CCMP or GCMP header.
const CIPHER_HEADER: usize = 8;
/// The Ext IV bit in its fourth byte.
const EXT_IV: u8 = 0x20;
/// CCM with a two-byte length field (L = 2) takes no longer message.
const MAX_PLAINTEXT: usize = 0xffff;

/// A data-confidentiality cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cipher {
    /// CCMP with a 128-bit key and an 8-byte MIC, 00-0F-AC:4.
    Ccmp128,
    /// GCMP with a 128-bit key, 00-0F-AC:8.
    Gcmp128,
    /// GCMP with a 256-bit key, 00-0F-AC:9.
    Gcmp256,
    /// CCMP with a 256-bit key and a 16-byte MIC, 00-0F-AC:10.
    Ccmp256,
}

impl Cipher {
    /// The cipher with this suite selector (OUI and type, 802.11-2020 Table 9-149), if it is one of these.
    pub const fn from_suite(suite: [u8; 4]) -> Option<Self> {
        match suite {
            [0x00, 0x0f, 0xac, 4] => Some(Self::Ccmp128),
            [0x00, 0x0f, 0xac, 8] => Some(Self::Gcmp128),
            [0x00, 0x0f, 0xac, 9] => Some(Self::Gcmp256),
            [0x00, 0x0f, 0xac, 10] => Some(Self::Ccmp256),
            _ => None,
        }
    }

    /// The suite selector, as in the RSN element.
    pub const fn suite(self) -> [u8; 4] {
        let kind = match self {
            Self::Ccmp128 => 4,
            Self::Gcmp128 => 8,
            Self::Gcmp256 => 9,
            Self::Ccmp256 => 10,
        };
        [0x00, 0x0f, 0xac, kind]
    }

    /// The standard's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ccmp128 => "CCMP-128",
            Self::Gcmp128 => "GCMP-128",
            Self::Gcmp256 => "GCMP-256",
            Self::Ccmp256 => "CCMP-256",
        }
    }

    /// Length of a temporal key, in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Ccmp128 | Self::Gcmp128 => 16,
            Self::Ccmp256 | Self::Gcmp256 => 32,
        }
    }

    /// Length of the MIC behind the payload, in bytes.
    pub const fn mic_len(self) -> usize {
        match self {
            Self::Ccmp128 => 8,
            Self::Gcmp128 | Self::Gcmp256 | Self::Ccmp256 => 16,
        }
    }

    /// By how many bytes a protected MPDU is longer than the plain one.
    pub const fn overhead(self) -> usize {
        CIPHER_HEADER + self.mic_len()
    }
}

/// By its suite selector.
impl Record for Cipher {
    fn put(&self, out: &mut Vec<u8>) {
        self.suite().put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
        Self::from_suite(Record::read(reader)?).ok_or(RecordError::Impossible("an unknown cipher suite"))
    }
}

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key of a length that its cipher does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {cipher} key has {} bytes, not {len}", .cipher.key_len())]
pub struct KeyLength {
    /// The cipher.
    pub cipher: Cipher,
    /// The length of what was given.
    pub len: usize,
}

/// A frame that cannot be protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    /// The header is no whole MAC header.
    #[error(transparent)]
    Header(#[from] HeaderTooShort),
    /// The payload is longer than the cipher's length field can say.
    #[error("payload of {0} bytes is too long to protect")]
    TooLong(usize),
}

/// A frame that cannot be unprotected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    /// The header is no whole MAC header.
    #[error(transparent)]
    Header(#[from] HeaderTooShort),
    /// No room for the cipher header and the MIC.
    #[error("protected frame too short: {0} bytes after the MAC header")]
    TooShort(usize),
    /// The Ext IV bit is clear: a WEP frame, or nothing that these ciphers made.
    #[error("no extended IV: not a CCMP or GCMP frame")]
    NoExtIv,
    /// The MIC does not match: another key, or not the frame that was sent.
    #[error("message integrity check failed")]
    MicFailure,
}

/// The CCMP or GCMP header of a protected MPDU (802.11-2020 12.5.3.2), readable without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherHeader {
    /// Packet number, 48 bit.
    pub pn: u64,
    /// Key ID, 0 to 3.
    pub key_id: u8,
}

impl CipherHeader {
    /// Reads the header that starts `header_len` bytes into `mpdu`.
    pub fn peek(mpdu: &[u8], header_len: usize) -> Result<Self, UnprotectError> {
        let after = mpdu.get(header_len..).unwrap_or_default();
        let Some(&[pn0, pn1, _, key, pn2, pn3, pn4, pn5]) = after.first_chunk::<CIPHER_HEADER>() else {
            return Err(UnprotectError::TooShort(after.len()));
        };
        if key & EXT_IV == 0 {
            return Err(UnprotectError::NoExtIv);
        }
        Ok(Self { pn: u64::from_le_bytes([pn0, pn1, pn2, pn3, pn4, pn5, 0, 0]), key_id: key >> 6 })
    }

    pub(super) const fn emit(self) -> [u8; CIPHER_HEADER] {
        let [pn0, pn1, pn2, pn3, pn4, pn5, _, _] = self.pn.to_le_bytes();
        [pn0, pn1, 0, EXT_IV | self.key_id << 6, pn2, pn3, pn4, pn5]
    }
}

/// What was in a protected MPDU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprotected {
    /// Packet number, for the replay check that is the caller's.
    pub pn: u64,
    /// Key ID.
    pub key_id: u8,
    /// Where in the MPDU the plaintext is.
    pub payload: Range<usize>,
}

/// One temporal key, made ready for use. Wiped when dropped.
#[derive(Clone)]
pub struct CipherKey {
    pub(super) mode: Mode,
    spp_amsdu: bool,
}

#[derive(Clone)]
pub(super) enum Mode {
    Ccmp128(Aes128Enc),
    Ccmp256(Aes256Enc),
    Gcmp128(Box<AesGcm<Aes128Enc, U12>>),
    Gcmp256(Box<AesGcm<Aes256Enc, U12>>),
}

impl CipherKey {
    /// Takes a temporal key into use.
    pub fn new(cipher: Cipher, key: &[u8]) -> Result<Self, KeyLength> {
        let wrong = |_| KeyLength { cipher, len: key.len() };
        let mode = match cipher {
            Cipher::Ccmp128 => Mode::Ccmp128(Aes128Enc::new_from_slice(key).map_err(wrong)?),
            Cipher::Ccmp256 => Mode::Ccmp256(Aes256Enc::new_from_slice(key).map_err(wrong)?),
            Cipher::Gcmp128 => Mode::Gcmp128(Box::new(AesGcm::new_from_slice(key).map_err(wrong)?)),
            Cipher::Gcmp256 => Mode::Gcmp256(Box::new(AesGcm::new_from_slice(key).map_err(wrong)?)),
        };
        Ok(Self { mode, spp_amsdu: false })
    }

    /// Protects the A-MSDU Present bit too, as two SPP A-MSDU capable peers agreed to (802.11-2020 10.11).
    #[must_use]
    pub fn with_spp_amsdu(self, spp_amsdu: bool) -> Self {
        Self { spp_amsdu, ..self }
    }

    /// The cipher that the key is for.
    pub const fn cipher(&self) -> Cipher {
        match self.mode {
            Mode::Ccmp128(_) => Cipher::Ccmp128,
            Mode::Ccmp256(_) => Cipher::Ccmp256,
            Mode::Gcmp128(_) => Cipher::Gcmp128,
            Mode::Gcmp256(_) => Cipher::Gcmp256,
        }
    }

    /// Appends the protected MPDU to `out`: `header` with Protected Frame set, the cipher header, the encrypted
    /// `plaintext`, the MIC. On error `out` is as it was.
    ///
    /// `pn` is 48 bit and must never be used a second time with this key; `key_id` is 0 to 3.
    pub fn protect(
        &self,
        pn: u64,
        key_id: u8,
        header: &[u8],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), ProtectError> {
        let mut job = [ProtectJob { pn, key_id, header, plaintext, out, result: Ok(()) }];
        self.protect_some::<1>(&mut job);
        let [job] = job;
        job.result
    }

    /// Decrypts an MPDU in place and checks its MIC; `header_len` is the length of its MAC header, HT Control
    /// included. The MAC header itself is left alone.
    ///
    /// After an error the encrypted part is zeroed or untouched, never unauthenticated plaintext.
    pub fn unprotect(&self, header_len: usize, mpdu: &mut [u8]) -> Result<Unprotected, UnprotectError> {
        let mut job = [UnprotectJob { header_len, mpdu, result: None }];
        self.unprotect_some::<1>(&mut job);
        let [job] = job;
        job.result.unwrap_or(Err(UnprotectError::MicFailure))
    }

    /// Everything about a protected MPDU but whether its MIC is right.
    pub(super) fn parse(
        &self,
        header_len: usize,
        mpdu: &[u8],
    ) -> Result<(HeaderFields, Unprotected), UnprotectError> {
        let CipherHeader { pn, key_id } = CipherHeader::peek(mpdu, header_len)?;
        let fields = HeaderFields::new(mpdu.get(..header_len).unwrap_or_default(), self.spp_amsdu)?;
        let start = header_len + CIPHER_HEADER;
        let end = mpdu.len().checked_sub(self.cipher().mic_len()).filter(|end| *end >= start);
        let end = end.ok_or(UnprotectError::TooShort(mpdu.len() - header_len))?;
        if end - start > MAX_PLAINTEXT {
            return Err(UnprotectError::MicFailure);
        }
        Ok((fields, Unprotected { pn, key_id, payload: start..end }))
    }

    pub(super) fn check(&self, header: &[u8], plaintext: &[u8]) -> Result<HeaderFields, ProtectError> {
        if plaintext.len() > MAX_PLAINTEXT {
            return Err(ProtectError::TooLong(plaintext.len()));
        }
        Ok(HeaderFields::new(header, self.spp_amsdu)?)
    }
}

impl fmt::Debug for CipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CipherKey").field("cipher", &self.cipher()).finish_non_exhaustive()
    }
}

/// Appends header, cipher header, plaintext and room for the MIC to `out`; yields the plaintext and that room.
pub(super) fn put_frame<'a>(
    cipher_header: CipherHeader,
    header: &[u8],
    plaintext: &[u8],
    mic_len: usize,
    out: &'a mut Vec<u8>,
) -> (&'a mut [u8], &'a mut [u8]) {
    let start = out.len();
    let payload = start + header.len() + CIPHER_HEADER;
    out.reserve(header.len() + CIPHER_HEADER + plaintext.len() + mic_len);
    out.extend_from_slice(header);
    if let Some(fc1) = out.get_mut(start + 1) {
        *fc1 |= PROTECTED;
    }
    out.extend_from_slice(&cipher_header.emit());
    out.extend_from_slice(plaintext);
    let end = out.len();
    out.resize(end + mic_len, 0);
    frame_parts(out, &(payload..end))
}

/// The payload of an MPDU and what follows it, its MIC.
pub(super) fn frame_parts<'a>(mpdu: &'a mut [u8], payload: &Range<usize>) -> (&'a mut [u8], &'a mut [u8]) {
    let (front, mic) = mpdu.split_at_mut_checked(payload.end).unwrap_or_default();
    (front.get_mut(payload.start..).unwrap_or_default(), mic)
}
