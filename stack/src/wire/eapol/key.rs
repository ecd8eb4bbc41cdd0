//! EAPOL-Key frames (802.11-2020 12.7.2, Figure 12-36).

use super::{EapolFrame, EapolType};
use crate::wire::{Reader, Truncated};

/// Where the MIC begins in the PDU: behind header, descriptor type, key information, key length, replay counter,
/// nonce, IV, RSC and a reserved field.
const MIC_OFFSET: usize = EapolFrame::HEADER_LEN + 1 + 2 + 2 + 8 + 32 + 16 + 8 + 8;

/// The Key Information field (802.11-2020 Figure 12-37).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyInfo(pub u16);

impl KeyInfo {
    /// Key Type: pairwise.
    pub const PAIRWISE: Self = Self(0x0008);
    /// Install.
    pub const INSTALL: Self = Self(0x0040);
    /// Key Ack.
    pub const ACK: Self = Self(0x0080);
    /// Key MIC.
    pub const MIC: Self = Self(0x0100);
    /// Secure.
    pub const SECURE: Self = Self(0x0200);
    /// Error.
    pub const ERROR: Self = Self(0x0400);
    /// Request.
    pub const REQUEST: Self = Self(0x0800);
    /// Encrypted Key Data.
    pub const ENCRYPTED: Self = Self(0x1000);
    /// SMK Message.
    pub const SMK: Self = Self(0x2000);

    /// Key Descriptor Version, 0 to 7.
    pub const fn version(self) -> u8 {
        (self.0 & 0x0007) as u8
    }

    /// These bits with the Key Descriptor Version `version`.
    #[must_use]
    pub const fn with_version(self, version: u8) -> Self {
        Self(self.0 & !0x0007 | (version & 0x07) as u16)
    }

    /// These bits and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// An EAPOL-Key frame, read in place. Nothing in it is to be believed before its MIC has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EapolKey<'a> {
    pdu: &'a [u8],
    descriptor: u8,
    info: KeyInfo,
    key_length: u16,
    replay_counter: u64,
    nonce: &'a [u8; 32],
    iv: &'a [u8; 16],
    rsc: &'a [u8; 8],
    mic: &'a [u8],
    key_data: &'a [u8],
}

impl<'a> EapolKey<'a> {
    /// Descriptor type of RSN.
    pub const RSN: u8 = 2;
    /// Descriptor type of WPA, the legacy of 2003.
    pub const WPA: u8 = 254;

    /// Reads an EAPOL PDU as an EAPOL-Key frame whose MIC field has `mic_len` bytes, 16 or 24 by AKM.
    ///
    /// `None` if it is another kind of EAPOL frame.
    pub fn parse(bytes: &'a [u8], mic_len: usize) -> Result<Option<Self>, Truncated> {
        let frame = EapolFrame::parse(bytes)?;
        if frame.kind() != EapolType::KEY {
            return Ok(None);
        }
        let pdu = frame.pdu();
        let mut reader = Reader::new(pdu);
        reader.take(EapolFrame::HEADER_LEN)?;
        let descriptor = reader.u8()?;
        let info = KeyInfo(reader.u16_be()?);
        let key_length = reader.u16_be()?;
        let replay_counter = reader.u64_be()?;
        let nonce = reader.array()?;
        let iv = reader.array()?;
        let rsc = reader.array()?;
        reader.take(8)?;
        let mic = reader.take(mic_len)?;
        let key_data_len = usize::from(reader.u16_be()?);
        let key_data = reader.take(key_data_len)?;
        Ok(Some(Self { pdu, descriptor, info, key_length, replay_counter, nonce, iv, rsc, mic, key_data }))
    }

    /// Key Information of a PDU that is long enough to have it, whatever the length of the MIC is.
    pub fn peek_info(pdu: &[u8]) -> Option<KeyInfo> {
        let bytes = pdu.get(EapolFrame::HEADER_LEN + 1..)?.first_chunk::<2>()?;
        Some(KeyInfo(u16::from_be_bytes(*bytes)))
    }

    /// Descriptor type, [`Self::RSN`] or another.
    pub const fn descriptor(&self) -> u8 {
        self.descriptor
    }

    /// Key Information.
    pub const fn info(&self) -> KeyInfo {
        self.info
    }

    /// Length of the pairwise temporal key, in bytes.
    pub const fn key_length(&self) -> u16 {
        self.key_length
    }

    /// Key Replay Counter.
    pub const fn replay_counter(&self) -> u64 {
        self.replay_counter
    }

    /// Key Nonce.
    pub const fn nonce(&self) -> &'a [u8; 32] {
        self.nonce
    }

    /// EAPOL-Key IV.
    pub const fn iv(&self) -> &'a [u8; 16] {
        self.iv
    }

    /// Key RSC: the packet number of the group key, six bytes, least significant first.
    pub const fn rsc(&self) -> u64 {
        let [a, b, c, d, e, f, _, _] = *self.rsc;
        u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
    }

    /// Key MIC.
    pub const fn mic(&self) -> &'a [u8] {
        self.mic
    }

    /// Key Data, encrypted if [`KeyInfo::ENCRYPTED`] says so.
    pub const fn key_data(&self) -> &'a [u8] {
        self.key_data
    }

    /// What the MIC is computed over: the PDU with a zeroed MIC field, in three parts.
    pub fn authenticated(&self) -> [&'a [u8]; 3] {
        const ZERO: [u8; 32] = [0; 32];
        let before = self.pdu.get(..MIC_OFFSET).unwrap_or_default();
        let after = self.pdu.get(MIC_OFFSET + self.mic.len()..).unwrap_or_default();
        [before, ZERO.get(..self.mic.len()).unwrap_or(&ZERO), after]
    }
}

/// An EAPOL-Key frame to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EapolKeyFrame<'a> {
    /// EAPOL protocol version; 2 is what is commonly sent.
    pub version: u8,
    /// Descriptor type.
    pub descriptor: u8,
    /// Key Information.
    pub info: KeyInfo,
    /// Length of the pairwise temporal key, in bytes.
    pub key_length: u16,
    /// Key Replay Counter.
    pub replay_counter: u64,
    /// Key Nonce.
    pub nonce: [u8; 32],
    /// EAPOL-Key IV.
    pub iv: [u8; 16],
    /// Key RSC, 48 bit.
    pub rsc: u64,
    /// Key Data, already encrypted if it is to be.
    pub key_data: &'a [u8],
}

impl EapolKeyFrame<'_> {
    /// The PDU, its MIC field `mic_len` zeroes that [`set_mic`] fills. Key Data beyond what the length fields can say
    /// is cut off.
    pub fn emit(&self, mic_len: usize) -> Vec<u8> {
        let fixed = MIC_OFFSET - EapolFrame::HEADER_LEN + mic_len + 2;
        let room = usize::from(u16::MAX) - fixed;
        let key_data = self.key_data.get(..room).unwrap_or(self.key_data);
        let length = |len: usize| u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();

        let mut pdu = Vec::with_capacity(EapolFrame::HEADER_LEN + fixed + key_data.len());
        pdu.extend_from_slice(&[self.version, EapolType::KEY.0]);
        pdu.extend_from_slice(&length(fixed + key_data.len()));
        pdu.push(self.descriptor);
        pdu.extend_from_slice(&self.info.0.to_be_bytes());
        pdu.extend_from_slice(&self.key_length.to_be_bytes());
        pdu.extend_from_slice(&self.replay_counter.to_be_bytes());
        pdu.extend_from_slice(&self.nonce);
        pdu.extend_from_slice(&self.iv);
        pdu.extend_from_slice(&(self.rsc & 0xffff_ffff_ffff).to_le_bytes());
        pdu.extend_from_slice(&[0; 8]);
        pdu.resize(pdu.len() + mic_len, 0);
        pdu.extend_from_slice(&length(key_data.len()));
        pdu.extend_from_slice(key_data);
        pdu
    }
}

/// Writes `mic` into the MIC field of a PDU that [`EapolKeyFrame::emit`] made.
pub fn set_mic(pdu: &mut [u8], mic: &[u8]) {
    for (to, from) in pdu.iter_mut().skip(MIC_OFFSET).zip(mic) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_built_is_what_is_read(
            version: u8, descriptor: u8, info: u16, key_length: u16, replay_counter: u64, nonce: [u8; 32],
            iv: [u8; 16], rsc in 0u64..1 << 48, key_data in prop::collection::vec(any::<u8>(), 0..300),
            mic_len in prop::sample::select(vec![16usize, 24]),
        ) {
            let info = KeyInfo(info);
            let frame = EapolKeyFrame {
                version, descriptor, info, key_length, replay_counter, nonce, iv, rsc, key_data: &key_data,
            };
            let mut pdu = frame.emit(mic_len);
            let zeroed = pdu.clone();
            set_mic(&mut pdu, &vec![0x5a; mic_len]);
            let key = EapolKey::parse(&pdu, mic_len).unwrap().unwrap();
            prop_assert_eq!(key.mic(), vec![0x5a; mic_len]);
            prop_assert_eq!(key.authenticated().concat(), zeroed);
            let read = EapolKeyFrame {
                version: pdu[0], descriptor: key.descriptor(), info: key.info(), key_length: key.key_length(),
                replay_counter: key.replay_counter(), nonce: *key.nonce(), iv: *key.iv(), rsc: key.rsc(),
                key_data: key.key_data(),
            };
            prop_assert_eq!(read, frame);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = EapolKey::parse(&bytes, 16);
            let _ = EapolKey::parse(&bytes, 24);
        }
    }
}
