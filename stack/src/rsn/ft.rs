//! The key hierarchy of fast transition (802.11-2020 12.7.1.6): PMK, PMK-R0, PMK-R1.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::crypto::kdf_sha256;
use crate::rsn::{KeyError, Pmk, PmkR1};
use crate::wire::MacAddr;

/// Whom a PMK-R0 is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct R0Inputs<'a> {
    /// The network's name.
    pub ssid: &'a [u8],
    /// Mobility domain identifier.
    pub mobility_domain: [u8; 2],
    /// R0 key holder: whoever made the key, 1 to 48 bytes.
    pub r0_holder: &'a [u8],
    /// The station.
    pub spa: MacAddr,
}

/// Pairwise master key R0 of fast transition with SHA-256: of one station in a whole mobility domain. Wiped when dropped.
pub struct PmkR0 {
    key: Zeroizing<[u8; 32]>,
    name: [u8; 16],
}

impl PmkR0 {
    /// Derives the key from the PMK (802.11-2020 12.7.1.6.3).
    pub fn derive(pmk: &Pmk, inputs: R0Inputs<'_>) -> Self {
        let len = |bytes: &[u8]| [u8::try_from(bytes.len()).unwrap_or(u8::MAX)];
        let (ssid_len, holder_len) = (len(inputs.ssid), len(inputs.r0_holder));
        let spa = inputs.spa.octets();
        let context: [&[u8]; 6] =
            [&ssid_len, inputs.ssid, &inputs.mobility_domain, &holder_len, inputs.r0_holder, &spa];
        let mut out = Zeroizing::new([0; 48]);
        kdf_sha256(pmk.expose(), "FT-R0", &context, &mut *out);
        let (first, salt) = out.split_first_chunk::<32>().map_or((&[0; 32], &[][..]), |parts| parts);
        let digest = Sha256::new().chain_update("FT-R0N").chain_update(salt).finalize();
        let name = digest.first_chunk().copied().unwrap_or_default();
        Self { key: Zeroizing::new(*first), name }
    }

    /// PMKR0Name: by which the key is asked for. A PMKID list that holds it proves the PMK.
    pub const fn name(&self) -> &[u8; 16] {
        &self.name
    }

    /// Derives the key of one access point, by its R1 key holder (802.11-2020 12.7.1.6.4).
    pub fn r1(&self, r1_holder: &[u8; 6], spa: MacAddr) -> Result<PmkR1, KeyError> {
        let mut out = Zeroizing::new([0; 32]);
        kdf_sha256(&*self.key, "FT-R1", &[r1_holder, &spa.octets()], &mut *out);
        PmkR1::new(&*out)
    }
}
