//! Keys as types: each wipes itself, prints nothing, compares in constant time, and is never all zero (SEC-K13).

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::crypto::{Cipher, CipherKey, EapolMic, KeyLength, psk_from_passphrase};
use crate::rsn::Akm;
use crate::wire::record::{Record, record};
use crate::wire::{MacAddr, Reader, RecordError};

/// KCK, KEK and temporal key at their longest.
const MAX_PTK: usize = 24 + 32 + 32;

/// Bytes that are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// All bytes are zero: what a broken or attacked peer uses in place of a key.
    #[error("an all-zero key is refused")]
    Zero,
    /// No key of this kind has that length.
    #[error("no such key has {0} bytes")]
    Length(usize),
}

/// A passphrase that WPA2 does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Too short or too long.
    #[error("a passphrase has 8 to 63 characters, this one has {0}")]
    Length(usize),
    /// A byte outside of printable ASCII.
    #[error("character {0} of the passphrase is not printable ASCII")]
    Character(usize),
    /// An SSID has 1 to 32 bytes.
    #[error("an SSID has 1 to 32 bytes, this one has {0}")]
    Ssid(usize),
}

/// Up to 32 secret bytes, at least one of them not zero.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Secret {
    bytes: [u8; 32],
    len: usize,
}

impl Secret {
    fn new(key: &[u8], lengths: &[usize]) -> Result<Self, KeyError> {
        if !lengths.contains(&key.len()) {
            return Err(KeyError::Length(key.len()));
        }
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(key) {
            *to = *from;
        }
        if bytes.ct_eq(&[0; 32]).into() {
            return Err(KeyError::Zero);
        }
        Ok(Self { bytes, len: key.len() })
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $lengths:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Secret);

        impl $name {
            /// Takes the bytes of a key; refuses wrong lengths and all zeroes.
            pub fn new(key: &[u8]) -> Result<Self, KeyError> {
                Secret::new(key, &$lengths).map(Self)
            }

            /// The bytes, for a cipher or for the wire.
            pub fn expose(&self) -> &[u8] {
                self.0.bytes()
            }
        }

        /// In constant time.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.expose().ct_eq(other.expose()).into()
            }
        }

        impl Eq for $name {}

        /// Straight between the key and the bytes: no copy is left anywhere.
        impl Record for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(u8::try_from(self.expose().len()).unwrap_or(0));
                out.extend_from_slice(self.expose());
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, RecordError> {
                let len = usize::from(reader.u8()?);
                Self::new(reader.take(len)?).map_err(|_| RecordError::Impossible("such a key"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

secret! {
    /// Pairwise master key, 32 bytes. With a PSK it is the PSK itself (802.11-2020 12.7.1.3).
    Pmk, [32]
}
secret! {
    /// Pairwise master key R1 of fast transition, 32 bytes: of one access point and one station (802.11-2020 12.7.1.6.4).
    PmkR1, [32]
}
secret! {
    /// Key confirmation key: authenticates EAPOL-Key frames.
    Kck, [16, 24]
}
secret! {
    /// Key encryption key: wraps the Key Data of EAPOL-Key frames.
    Kek, [16, 32]
}
secret! {
    /// Pairwise temporal key: protects what the two stations send each other. 16 or 32 bytes, by cipher.
    TemporalKey, [16, 32]
}
secret! {
    /// Group temporal key: protects group-addressed frames of a BSS. 16 or 32 bytes, by cipher.
    Gtk, [16, 32]
}

impl Pmk {
    /// The PMK of a WPA2 passphrase, which depends on the SSID too (SEC-K10). Takes about a millisecond.
    pub fn from_passphrase(passphrase: &str, ssid: &[u8]) -> Result<Self, PassphraseError> {
        let bytes = passphrase.as_bytes();
        if !(8..=63).contains(&bytes.len()) {
            return Err(PassphraseError::Length(bytes.len()));
        }
        if let Some(at) = bytes.iter().position(|byte| !(0x20..0x7f).contains(byte)) {
            return Err(PassphraseError::Character(at));
        }
        if !(1..=32).contains(&ssid.len()) {
            return Err(PassphraseError::Ssid(ssid.len()));
        }
        let psk = psk_from_passphrase(bytes, ssid);
        // PBKDF2 never yields zeroes; the length is right by its type.
        Self::new(&*psk).map_err(|_| PassphraseError::Length(bytes.len()))
    }
}

impl Pmk {
    /// The PMKID of a PSK between these two (802.11-2020 12.7.1.3): who has the same has the same PMK.
    pub(crate) fn id(&self, aa: MacAddr, spa: MacAddr) -> [u8; 16] {
        let parts: [&[u8]; 3] = [b"PMK Name", &aa.octets(), &spa.octets()];
        let id = EapolMic::HmacSha1.compute(self.expose(), &parts);
        id.and_then(|id| id.first_chunk().copied()).unwrap_or_default()
    }
}

record!(Ptk { kck, kek, tk });

impl TemporalKey {
    /// The key made ready for its cipher.
    pub fn cipher_key(&self, cipher: Cipher) -> Result<CipherKey, KeyLength> {
        CipherKey::new(cipher, self.expose())
    }
}

impl Gtk {
    /// The key made ready for its cipher.
    pub fn cipher_key(&self, cipher: Cipher) -> Result<CipherKey, KeyLength> {
        CipherKey::new(cipher, self.expose())
    }
}

/// Pairwise transient key (802.11-2020 12.7.1.3): what a 4-way handshake agrees on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ptk {
    /// Key confirmation key.
    pub kck: Kck,
    /// Key encryption key.
    pub kek: Kek,
    /// Temporal key.
    pub tk: TemporalKey,
}

/// What a PTK is derived from besides the PMK: both addresses and both nonces.
#[derive(Clone, Copy, Debug)]
pub struct PtkInputs<'a> {
    /// Authenticator address: the BSSID.
    pub aa: MacAddr,
    /// Supplicant address.
    pub spa: MacAddr,
    /// The authenticator's nonce.
    pub anonce: &'a [u8; 32],
    /// The supplicant's nonce.
    pub snonce: &'a [u8; 32],
}

impl Ptk {
    /// Derives the PTK. The only possible error is a key that comes out all zero.
    pub fn derive(akm: Akm, cipher: Cipher, pmk: &Pmk, inputs: PtkInputs<'_>) -> Result<Self, KeyError> {
        let (aa, spa) = (inputs.aa.min(inputs.spa).octets(), inputs.aa.max(inputs.spa).octets());
        let (low, high) = (inputs.anonce.min(inputs.snonce), inputs.anonce.max(inputs.snonce));
        let context: [&[u8]; 4] = [&aa, &spa, low, high];
        Self::expand(akm, cipher, pmk.expose(), "Pairwise key expansion", &context)
    }

    /// Derives the PTK of a fast transition, or of the handshake that begins it (802.11-2020 12.7.1.6.5).
    pub fn derive_ft(akm: Akm, cipher: Cipher, r1: &PmkR1, inputs: PtkInputs<'_>) -> Result<Self, KeyError> {
        let (aa, spa) = (inputs.aa.octets(), inputs.spa.octets());
        let context: [&[u8]; 4] = [inputs.snonce, inputs.anonce, &aa, &spa];
        Self::expand(akm, cipher, r1.expose(), "FT-PTK", &context)
    }

    fn expand(
        akm: Akm,
        cipher: Cipher,
        key: &[u8],
        label: &str,
        context: &[&[u8]],
    ) -> Result<Self, KeyError> {
        let mut out = Zeroizing::new([0; MAX_PTK]);
        let (kck, kek) = akm.kck_and_kek_len();
        let bytes = out.get_mut(..kck + kek + cipher.key_len()).unwrap_or_default();
        akm.derive(key, label, context, bytes);
        let (kck, rest) = bytes.split_at_checked(kck).unwrap_or_default();
        let (kek, tk) = rest.split_at_checked(kek).unwrap_or_default();
        Ok(Self { kck: Kck::new(kck)?, kek: Kek::new(kek)?, tk: TemporalKey::new(tk)? })
    }
}

/// A group key with what goes along when it is handed to a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKeyData {
    /// The key.
    pub gtk: Gtk,
    /// Key ID, 1 to 3 by custom (0 is a pairwise key's).
    pub key_id: u8,
    /// The packet number that was last used with the key: what is at or below it is a replay (SEC-K4).
    pub rsc: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_k13_zero_keys_are_refused() {
        assert_eq!(Pmk::new(&[0; 32]), Err(KeyError::Zero));
        assert_eq!(TemporalKey::new(&[0; 16]), Err(KeyError::Zero));
        assert_eq!(TemporalKey::new(&[0; 32]), Err(KeyError::Zero));
        assert_eq!(Gtk::new(&[0; 16]), Err(KeyError::Zero));
        let mut almost = [0; 16];
        almost[15] = 1;
        assert!(Gtk::new(&almost).is_ok());
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert_eq!(Pmk::new(&[1; 31]), Err(KeyError::Length(31)));
        assert_eq!(Gtk::new(&[1; 33]), Err(KeyError::Length(33)));
        assert_eq!(Gtk::new(&[]), Err(KeyError::Length(0)));
    }

    #[test]
    fn sec_k13_keys_wipe_themselves_and_are_not_printed() {
        fn wipes<T: ZeroizeOnDrop>(_: &T) {}
        let key = Pmk::new(&[0xab; 32]).unwrap();
        wipes(&key.0);
        let mut secret = key.0.clone();
        secret.zeroize();
        assert_eq!((secret.bytes, secret.len), ([0; 32], 0));
        assert_eq!(format!("{key:?}"), "Pmk(..)");
    }

    #[test]
    fn passphrases_are_checked_as_the_standard_says() {
        let ssid = b"network";
        assert_eq!(Pmk::from_passphrase("seven77", ssid), Err(PassphraseError::Length(7)));
        assert_eq!(Pmk::from_passphrase(&"x".repeat(64), ssid), Err(PassphraseError::Length(64)));
        assert_eq!(Pmk::from_passphrase("with\nnewline", ssid), Err(PassphraseError::Character(4)));
        assert_eq!(Pmk::from_passphrase("good enough", b""), Err(PassphraseError::Ssid(0)));
        assert_eq!(Pmk::from_passphrase("good enough", &[1; 33]), Err(PassphraseError::Ssid(33)));
        assert!(Pmk::from_passphrase("good enough", &[0xff; 32]).is_ok());
    }

    #[test]
    fn sec_k10_another_ssid_gives_another_key() {
        let chosen = Pmk::from_passphrase("the same passphrase", b"chosen").unwrap();
        let spoofed = Pmk::from_passphrase("the same passphrase", b"spoofed").unwrap();
        assert_ne!(chosen, spoofed);
    }
}
