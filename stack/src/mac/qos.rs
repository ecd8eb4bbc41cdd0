//! Priorities: which access category a frame waits in.

use crate::wire::{EtherType, Llc};

/// The four access categories, most urgent first (802.11-2020 Table 10-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessCategory {
    /// AC_VO.
    Voice,
    /// AC_VI.
    Video,
    /// AC_BE.
    BestEffort,
    /// AC_BK.
    Background,
}

impl AccessCategory {
    /// All four, most urgent first.
    pub const ALL: [Self; 4] = [Self::Voice, Self::Video, Self::BestEffort, Self::Background];

    /// The category of a TID: user priorities 1 and 2 are background, 0 and 3 best effort (802.11-2020 Table 10-1).
    pub const fn of_tid(tid: u8) -> Self {
        match tid & 7 {
            1 | 2 => Self::Background,
            0 | 3 => Self::BestEffort,
            4 | 5 => Self::Video,
            _ => Self::Voice,
        }
    }

    /// Its bit in the U-APSD flags of the QoS Info field from a station (802.11-2020 9.4.1.17).
    pub const fn uapsd_flag(self) -> u8 {
        match self {
            Self::Voice => 0x01,
            Self::Video => 0x02,
            Self::Background => 0x04,
            Self::BestEffort => 0x08,
        }
    }

    /// For people: `voice`, `video`, `best effort`, `background`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Video => "video",
            Self::BestEffort => "best effort",
            Self::Background => "background",
        }
    }
}

/// The TID of EAPOL: the handshake must not wait behind bulk data.
pub const EAPOL_TID: u8 = 7;

/// The TID of an MSDU by what it carries: the precedence, the upper three bits of the DS field of IPv4 and IPv6, as Linux
/// reads it; EAPOL is urgent; everything else is best effort.
pub(super) const fn tid_of(payload: &Llc<'_>) -> u8 {
    match payload {
        Llc::Typed(EtherType::IPV4, [_, ds, ..]) => *ds >> 5,
        Llc::Typed(EtherType::IPV6, [first, ..]) => *first >> 1 & 7,
        Llc::Typed(EtherType::EAPOL, _) => EAPOL_TID,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    #[test]
    fn precedence_becomes_the_tid() {
        let tid = |ethertype, payload| tid_of(&Llc::Typed(EtherType(ethertype), payload));
        assert_eq!(tid(0x0800, &hex!("45b8")), 5);
        assert_eq!(tid(0x86dd, &hex!("6e000000")), 7);
        assert_eq!(tid(0x86dd, &hex!("60000000")), 0);
        assert_eq!(tid(0x888e, &hex!("0203")), EAPOL_TID);
        assert_eq!(tid(0x0806, &hex!("0001")), 0);
        assert_eq!(tid(0x0800, &hex!("45")), 0);
        assert_eq!(tid_of(&Llc::Plain(&hex!("424203"))), 0);
    }

    #[test]
    fn tids_go_to_the_categories_of_the_standard() {
        use AccessCategory::{Background, BestEffort, Video, Voice};
        let categories: Vec<_> = (0..8).map(AccessCategory::of_tid).collect();
        assert_eq!(categories, [BestEffort, Background, Background, BestEffort, Video, Video, Voice, Voice]);
    }
}
