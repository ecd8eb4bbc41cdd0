//! The parameters that there are. A verifier takes these and no others.

/// How announcements of an epoch are authenticated; the number is the one on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SchemeId {
    /// SEALs that fall into one bin.
    Biba = 1,
    /// SEALs that the hash of the message points at.
    Hors = 2,
    /// A conventional signature: the fallback without clocks.
    Ed25519 = 3,
}

impl SchemeId {
    /// The scheme with that number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Biba),
            2 => Some(Self::Hors),
            3 => Some(Self::Ed25519),
            _ => None,
        }
    }
}

/// The parameters of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    scheme: SchemeId,
    seals: u16,
    revealed: u8,
    bins: u16,
}

/// `s_max`: how many messages one row signs. [`Row`](super::Row) counts them in its type.
pub(super) const SIGNATURES_PER_ROW: u8 = 2;

impl Profile {
    /// BiBa with 1024 SEALs, 16 of them revealed: 278 bytes, 77 bits when both messages of a row are known.
    pub const B16: Self = Self { scheme: SchemeId::Biba, seals: 1024, revealed: 16, bins: 134 };
    /// BiBa with 2048 SEALs, 12 of them revealed: 211 bytes, 76.8 bits; signing takes twice as long.
    pub const B12: Self = Self { scheme: SchemeId::Biba, seals: 2048, revealed: 12, bins: 485 };
    /// HORS with 1024 SEALs, 16 of them revealed: 258 bytes, 80 bits; signing takes next to nothing.
    pub const H16: Self = Self { scheme: SchemeId::Hors, seals: 1024, revealed: 16, bins: 0 };
    /// Ed25519, 64 bytes: no SEALs, no rows, no clock.
    pub const ED25519: Self = Self { scheme: SchemeId::Ed25519, seals: 0, revealed: 0, bins: 0 };

    /// All of them.
    pub const ALL: [Self; 4] = [Self::B16, Self::B12, Self::H16, Self::ED25519];

    /// Its scheme.
    pub const fn scheme(&self) -> SchemeId {
        self.scheme
    }

    /// `t`: how many SEALs a row has, a power of two.
    pub const fn seals(&self) -> u16 {
        self.seals
    }

    /// `k`: how many of them a signature reveals.
    pub const fn revealed(&self) -> u8 {
        self.revealed
    }

    /// `n`: into how many bins BiBa throws them.
    pub const fn bins(&self) -> u16 {
        self.bins
    }

    /// How many bits name a SEAL.
    pub(super) const fn index_bits(&self) -> usize {
        self.seals.trailing_zeros() as usize
    }

    /// Parameters for experiments, too weak for anything else.
    #[cfg(test)]
    pub(super) const fn toy(scheme: SchemeId, seals: u16, revealed: u8, bins: u16) -> Self {
        Self { scheme, seals, revealed, bins }
    }
}
