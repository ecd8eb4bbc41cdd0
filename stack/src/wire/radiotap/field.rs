//! What can stand in a radiotap header: one table of sizes, one enum of values.

use crate::wire::{Reader, Truncated};

bitflags::bitflags! {
    /// Properties of a frame (radiotap.org, "Flags").
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags: u8 {
        /// Sent or received during the contention-free period.
        const CFP = 0x01;
        /// Short preamble.
        const SHORT_PREAMBLE = 0x02;
        /// WEP encryption.
        const WEP = 0x04;
        /// Fragmentation.
        const FRAGMENT = 0x08;
        /// The frame ends with its frame check sequence.
        const FCS = 0x10;
        /// Padding between the 802.11 header and the payload, up to a multiple of four bytes.
        const DATA_PAD = 0x20;
        /// The frame check sequence did not match.
        const BAD_FCS = 0x40;
        /// Short guard interval (HT).
        const SHORT_GI = 0x80;
    }
}

bitflags::bitflags! {
    /// What was asked for a transmission, and what became of it (radiotap.org, "TX flags").
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct TxFlags: u16 {
        /// Given up after the last retry.
        const FAIL = 0x0001;
        /// Sent under CTS-to-self protection.
        const CTS = 0x0002;
        /// Sent under RTS/CTS.
        const RTS = 0x0004;
        /// No acknowledgement is expected.
        const NO_ACK = 0x0008;
        /// The sequence number in the frame stands.
        const NO_SEQNO = 0x0010;
        /// The frame is not to be reordered against others.
        const ORDER = 0x0020;
    }
}

/// An organisation's identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oui(pub [u8; 3]);

/// The VHT field. What is not `known` is to be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vht {
    /// Which of the others are known.
    pub known: u16,
    /// STBC, TXOP_PS, guard interval, ... (short guard interval is 0x04).
    pub flags: u8,
    /// Bandwidth code: 0 is 20 MHz, 1 to 3 are 40, 4 to 10 are 80, 11 to 25 are 160.
    pub bandwidth: u8,
    /// For each of up to four users: MCS in the high nibble, number of spatial streams in the low one.
    pub mcs_nss: [u8; 4],
    /// LDPC by user.
    pub coding: u8,
    /// Group id.
    pub group_id: u8,
    /// Partial AID.
    pub partial_aid: u16,
}

/// One field of a radiotap header, in host byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Field<'a> {
    /// Bit 0: the radio's TSF timer at the first bit of the MPDU, microseconds.
    Tsft(u64),
    /// Bit 1.
    Flags(Flags),
    /// Bit 2: rate in 500 kb/s.
    Rate(u8),
    /// Bit 3: frequency in MHz, and channel flags.
    Channel(u16, u16),
    /// Bit 4: hop set and hop pattern.
    Fhss(u8, u8),
    /// Bit 5: signal in dBm.
    AntennaSignal(i8),
    /// Bit 6: noise in dBm.
    AntennaNoise(i8),
    /// Bit 7: Barker code lock, unitless.
    LockQuality(u16),
    /// Bit 8: distance from the maximum power set at the factory, unitless.
    TxAttenuation(u16),
    /// Bit 9: the same in dB.
    TxAttenuationDb(u16),
    /// Bit 10: transmit power in dBm.
    TxPower(i8),
    /// Bit 11: antenna index.
    Antenna(u8),
    /// Bit 12: signal in dB over an arbitrary reference.
    AntennaSignalDb(u8),
    /// Bit 13: noise in dB over an arbitrary reference.
    AntennaNoiseDb(u8),
    /// Bit 14: receive flags (0x0002: PLCP CRC check failed).
    RxFlags(u16),
    /// Bit 15.
    TxFlags(TxFlags),
    /// Bit 16: RTS retries.
    RtsRetries(u8),
    /// Bit 17: data retries.
    DataRetries(u8),
    /// Bit 18: extended channel: flags, frequency in MHz, channel number, maximum power.
    XChannel(u32, u16, u8, u8),
    /// Bit 19: HT: known, flags, MCS index.
    Mcs(u8, u8, u8),
    /// Bit 20: A-MPDU: reference number, flags, delimiter CRC.
    AMpdu(u32, u16, u8),
    /// Bit 21.
    Vht(Vht),
    /// Bit 22: device timestamp: value, accuracy, unit and position, flags.
    Timestamp(u64, u16, u8, u8),
    /// Bit 23: HE data 1 to 6.
    He([u16; 6]),
    /// Bit 24: HE-MU: flags 1, flags 2, resource units of channel 1 and of channel 2.
    HeMu(u16, u16, [u8; 4], [u8; 4]),
    /// Bit 25: HE-MU other user: per-user 1 and 2, position, known.
    HeMuOtherUser(u16, u16, u8, u8),
    /// Bit 26: a PPDU without PSDU: 0 sounding, 1 data not captured, 255 vendor specific.
    ZeroLengthPsdu(u8),
    /// Bit 27: L-SIG data 1 and 2.
    LSig(u16, u16),
    /// Bit 30, or TLV 30: a vendor's namespace: identifier, sub-namespace, data.
    Vendor(Oui, u8, &'a [u8]),
    /// TLV 33: U-SIG.
    USig(&'a [u8]),
    /// TLV 34: EHT.
    Eht(&'a [u8]),
    /// Any other TLV: type and data.
    Tlv(u16, &'a [u8]),
}

/// Alignment (from the first byte of the header) and size of the fields by bit number, 0 to 27.
pub(super) const LAYOUT: [(usize, usize); 28] = [
    (8, 8),  // TSFT
    (1, 1),  // flags
    (1, 1),  // rate
    (2, 4),  // channel
    (2, 2),  // FHSS
    (1, 1),  // antenna signal, dBm
    (1, 1),  // antenna noise, dBm
    (2, 2),  // lock quality
    (2, 2),  // TX attenuation
    (2, 2),  // TX attenuation, dB
    (1, 1),  // TX power
    (1, 1),  // antenna
    (1, 1),  // antenna signal, dB
    (1, 1),  // antenna noise, dB
    (2, 2),  // RX flags
    (2, 2),  // TX flags
    (1, 1),  // RTS retries
    (1, 1),  // data retries
    (4, 8),  // extended channel
    (1, 3),  // MCS
    (4, 8),  // A-MPDU
    (2, 12), // VHT
    (8, 12), // timestamp
    (2, 12), // HE
    (2, 12), // HE-MU
    (2, 6),  // HE-MU other user
    (1, 1),  // zero-length PSDU
    (2, 4),  // L-SIG
];

impl<'a> Field<'a> {
    /// Decodes the field of `bit` from its bytes, of the size in [`LAYOUT`]; `None` for a bit not in it.
    #[inline(always)]
    pub(super) fn decode(bit: u32, bytes: &'a [u8]) -> Result<Option<Self>, Truncated> {
        let mut r = Reader::new(bytes);
        Ok(Some(match bit {
            0 => Self::Tsft(r.u64_le()?),
            1 => Self::Flags(Flags::from_bits_retain(r.u8()?)),
            2 => Self::Rate(r.u8()?),
            3 => Self::Channel(r.u16_le()?, r.u16_le()?),
            4 => Self::Fhss(r.u8()?, r.u8()?),
            5 => Self::AntennaSignal(r.u8()?.cast_signed()),
            6 => Self::AntennaNoise(r.u8()?.cast_signed()),
            7 => Self::LockQuality(r.u16_le()?),
            8 => Self::TxAttenuation(r.u16_le()?),
            9 => Self::TxAttenuationDb(r.u16_le()?),
            10 => Self::TxPower(r.u8()?.cast_signed()),
            11 => Self::Antenna(r.u8()?),
            12 => Self::AntennaSignalDb(r.u8()?),
            13 => Self::AntennaNoiseDb(r.u8()?),
            14 => Self::RxFlags(r.u16_le()?),
            15 => Self::TxFlags(TxFlags::from_bits_retain(r.u16_le()?)),
            16 => Self::RtsRetries(r.u8()?),
            17 => Self::DataRetries(r.u8()?),
            18 => Self::XChannel(r.u32_le()?, r.u16_le()?, r.u8()?, r.u8()?),
            19 => Self::Mcs(r.u8()?, r.u8()?, r.u8()?),
            20 => Self::AMpdu(r.u32_le()?, r.u16_le()?, r.u8()?),
            21 => Self::Vht(Vht::decode(&mut r)?),
            22 => Self::Timestamp(r.u64_le()?, r.u16_le()?, r.u8()?, r.u8()?),
            23 => Self::He(he(&mut r)?),
            24 => Self::HeMu(r.u16_le()?, r.u16_le()?, *r.array()?, *r.array()?),
            25 => Self::HeMuOtherUser(r.u16_le()?, r.u16_le()?, r.u8()?, r.u8()?),
            26 => Self::ZeroLengthPsdu(r.u8()?),
            27 => Self::LSig(r.u16_le()?, r.u16_le()?),
            _ => return Ok(None),
        }))
    }

    /// A TLV by its type. Types below 32 are the fields of the present word in another dress.
    pub(super) fn from_tlv(kind: u16, data: &'a [u8]) -> Self {
        let plain = Self::decode(u32::from(kind), data).ok().flatten();
        match (kind, data) {
            (30, [a, b, c, sub, _, _, _, _, rest @ ..]) => Self::Vendor(Oui([*a, *b, *c]), *sub, rest),
            (33, _) => Self::USig(data),
            (34, _) => Self::Eht(data),
            _ => plain.unwrap_or(Self::Tlv(kind, data)),
        }
    }
}

impl Vht {
    fn decode(r: &mut Reader<'_>) -> Result<Self, Truncated> {
        Ok(Self {
            known: r.u16_le()?,
            flags: r.u8()?,
            bandwidth: r.u8()?,
            mcs_nss: *r.array()?,
            coding: r.u8()?,
            group_id: r.u8()?,
            partial_aid: r.u16_le()?,
        })
    }
}

fn he(r: &mut Reader<'_>) -> Result<[u16; 6], Truncated> {
    Ok([r.u16_le()?, r.u16_le()?, r.u16_le()?, r.u16_le()?, r.u16_le()?, r.u16_le()?])
}
