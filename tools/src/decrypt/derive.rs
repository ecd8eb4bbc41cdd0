//! From a passphrase to the keys of a pair.

use std::fmt;

use sha2::{Digest, Sha256};
use stack::crypto::{EapolMic, kdf_sha256, prf_sha1, psk_from_passphrase};
use stack::wire::MacAddr;
use zeroize::Zeroizing;

/// A network's secret as people have it.
pub enum Secret {
    /// 8 to 63 bytes, from which each SSID makes another key.
    Passphrase(Zeroizing<Vec<u8>>),
    /// A pairwise master key (or PSK, which is one).
    Pmk(Zeroizing<[u8; 32]>),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase(_) => "Passphrase(..)",
            Self::Pmk(_) => "Pmk(..)",
        })
    }
}

/// A line that is no secret of a network. The line itself is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase has 8 to 63 characters and a key 64 hexadecimal digits; this line has {0} characters")]
pub struct SecretError(usize);

impl Secret {
    /// Reads a line: 64 hexadecimal digits are a key, everything else is a passphrase.
    pub fn parse(line: &str) -> Result<Self, SecretError> {
        let bytes = line.as_bytes();
        if let Some(key) = key_from_hex(bytes) {
            return Ok(Self::Pmk(key));
        }
        if !(8..=63).contains(&bytes.len()) {
            return Err(SecretError(line.chars().count()));
        }
        Ok(Self::Passphrase(Zeroizing::new(bytes.to_vec())))
    }

    /// The pairwise master key in the network of this name.
    pub(super) fn pmk(&self, ssid: &[u8]) -> Zeroizing<[u8; 32]> {
        match self {
            Self::Passphrase(passphrase) => psk_from_passphrase(passphrase, ssid),
            Self::Pmk(key) => key.clone(),
        }
    }
}

fn key_from_hex(digits: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| pair.get(at).and_then(|&c| char::from(c).to_digit(16));
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(key)
}

/// How a key management suite makes its pairwise key (802.11-2020 Table 9-151).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Akm {
    /// 802.1X and PSK: PRF with SHA-1, HMAC-SHA1.
    Sha1(&'static str),
    /// 802.1X and PSK with SHA-256, SAE: KDF with SHA-256, AES-CMAC.
    Sha256(&'static str),
    /// OWE: KDF and HMAC with SHA-256.
    Owe,
    /// Fast transition with SHA-256.
    Ft(&'static str),
}

impl Akm {
    /// By suite type; `None` for suites whose keys cannot be derived here.
    pub(super) const fn from_suite(suite: [u8; 4]) -> Option<Self> {
        match suite {
            [0x00, 0x0f, 0xac, 1] => Some(Self::Sha1("802.1X")),
            [0x00, 0x0f, 0xac, 2] => Some(Self::Sha1("PSK")),
            [0x00, 0x0f, 0xac, 4] => Some(Self::Ft("FT-PSK")),
            [0x00, 0x0f, 0xac, 5] => Some(Self::Sha256("802.1X-SHA256")),
            [0x00, 0x0f, 0xac, 6] => Some(Self::Sha256("PSK-SHA256")),
            [0x00, 0x0f, 0xac, 8] => Some(Self::Sha256("SAE")),
            [0x00, 0x0f, 0xac, 9] => Some(Self::Ft("FT-SAE")),
            [0x00, 0x0f, 0xac, 18] => Some(Self::Owe),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sha1(name) | Self::Sha256(name) | Self::Ft(name) => name,
            Self::Owe => "OWE",
        }
    }

    pub(super) const fn mic(self) -> EapolMic {
        match self {
            Self::Sha1(_) => EapolMic::HmacSha1,
            Self::Sha256(_) | Self::Ft(_) => EapolMic::AesCmac,
            Self::Owe => EapolMic::HmacSha256,
        }
    }
}

/// Both ends and their nonces.
#[derive(Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) bssid: MacAddr,
    pub(super) client: MacAddr,
    pub(super) anonce: &'a [u8; 32],
    pub(super) snonce: &'a [u8; 32],
}

/// Where a fast transition's keys come from (802.11-2020 12.7.1.6): the mobility domain and the key holders.
#[derive(Clone, Default)]
pub(super) struct Mobility {
    pub(super) ssid: Vec<u8>,
    pub(super) domain: [u8; 2],
    pub(super) r0_holder: Vec<u8>,
    pub(super) r1_holder: [u8; 6],
}

/// A pairwise transient key: 16 bytes KCK, 16 bytes KEK, temporal key.
#[derive(Clone)]
pub(super) struct Ptk(Zeroizing<Vec<u8>>);

impl Ptk {
    /// Derives the key; `tk_len` is the length of the temporal key in bytes.
    pub(super) fn derive(akm: Akm, pmk: &[u8], ends: Ends<'_>, mobility: &Mobility, tk_len: usize) -> Self {
        let mut out = Zeroizing::new(vec![0; 32 + tk_len]);
        let (bssid, client) = (ends.bssid.octets(), ends.client.octets());
        let (low, high) = (ends.anonce.min(ends.snonce), ends.anonce.max(ends.snonce));
        let context: [&[u8]; 4] = [&bssid.min(client), &bssid.max(client), low, high];
        let label = "Pairwise key expansion";
        match akm {
            Akm::Sha1(_) => prf_sha1(pmk, label, &context, &mut out),
            Akm::Sha256(_) | Akm::Owe => kdf_sha256(pmk, label, &context, &mut out),
            Akm::Ft(_) => {
                let r1 = mobility.r1_key(pmk, &client);
                kdf_sha256(&*r1, "FT-PTK", &[ends.snonce, ends.anonce, &bssid, &client], &mut out);
            }
        }
        Self(out)
    }

    /// The key of a direct link (802.11-2020 12.7.8.2), which the two stations agree on through the access point.
    pub(super) fn direct_link(bssid: MacAddr, stations: [MacAddr; 2], nonces: [&[u8; 32]; 2]) -> Self {
        let [a, b] = nonces;
        let [one, two] = stations.map(MacAddr::octets);
        let input = Zeroizing::new(<[u8; 32]>::from(
            Sha256::new().chain_update(a.min(b)).chain_update(a.max(b)).finalize(),
        ));
        let mut tpk = Zeroizing::new([0; 32]);
        kdf_sha256(&*input, "TDLS PMK", &[&one.min(two), &one.max(two), &bssid.octets()], &mut *tpk);
        let (kck, tk) = tpk.split_at(16);
        // nothing is wrapped for a direct link
        Self(Zeroizing::new([kck, &[0; 16], tk].concat()))
    }

    pub(super) fn kck(&self) -> &[u8] {
        self.0.get(..16).unwrap_or_default()
    }

    pub(super) fn kek(&self) -> &[u8] {
        self.0.get(16..32).unwrap_or_default()
    }

    pub(super) fn tk(&self) -> &[u8] {
        self.0.get(32..).unwrap_or_default()
    }
}

impl Mobility {
    fn r1_key(&self, pmk: &[u8], client: &[u8; 6]) -> Zeroizing<[u8; 32]> {
        let len = |bytes: &[u8]| [u8::try_from(bytes.len()).unwrap_or(u8::MAX)];
        let mut r0 = Zeroizing::new([0; 48]);
        let context: [&[u8]; 6] =
            [&len(&self.ssid), &self.ssid, &self.domain, &len(&self.r0_holder), &self.r0_holder, client];
        kdf_sha256(pmk, "FT-R0", &context, &mut *r0);
        let mut r1 = Zeroizing::new([0; 32]);
        kdf_sha256(r0.get(..32).unwrap_or_default(), "FT-R1", &[&self.r1_holder, client], &mut *r1);
        r1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passphrases_or_keys() {
        assert!(matches!(Secret::parse("correct horse"), Ok(Secret::Passphrase(_))));
        assert!(matches!(Secret::parse(&"0aF9".repeat(16)), Ok(Secret::Pmk(_))));
        assert_eq!(Secret::parse("short").unwrap_err(), SecretError(5));
        assert_eq!(Secret::parse(&"x".repeat(64)).unwrap_err(), SecretError(64));
        assert_eq!(format!("{:?}", Secret::parse("correct horse").unwrap()), "Passphrase(..)");
    }
}
