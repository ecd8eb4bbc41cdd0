//! What is said about a frame besides its bytes: how it was heard, how it is to be sent, what became of it.
//!
//! These are the values behind a radiotap header, and the only words that a driver and the MAC exchange.

use crate::wire::MacAddr;

/// A modulation and its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// DSSS, CCK or OFDM, in units of 500 kb/s as in the Supported Rates element.
    Legacy(u8),
    /// HT, by MCS index (0 to 76).
    Ht {
        /// MCS index; the number of spatial streams is part of it.
        mcs: u8,
        /// 40 MHz instead of 20.
        wide: bool,
        /// 400 ns guard interval instead of 800.
        short_gi: bool,
    },
    /// VHT, by MCS index and number of spatial streams.
    Vht {
        /// MCS index, 0 to 9.
        mcs: u8,
        /// Number of spatial streams, 1 to 8.
        streams: u8,
        /// Channel width in MHz: 20, 40, 80 or 160.
        width: u8,
        /// 400 ns guard interval instead of 800.
        short_gi: bool,
    },
    /// HE, by MCS index and number of spatial streams.
    He {
        /// MCS index, 0 to 11.
        mcs: u8,
        /// Number of spatial streams, 1 to 8.
        streams: u8,
    },
}

/// How a frame was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxInfo {
    /// The radio's own TSF timer at the first bit of the MPDU, in microseconds.
    pub tsft: Option<u64>,
    /// Centre frequency of the primary channel, in MHz.
    pub frequency: Option<u16>,
    /// Signal at the antenna, in dBm.
    pub signal: Option<i8>,
    /// Noise at the antenna, in dBm.
    pub noise: Option<i8>,
    /// Modulation and rate.
    pub rate: Option<Rate>,
    /// The frame check sequence did not match: the bytes are not to be believed.
    pub bad_fcs: bool,
}

/// The name a transmission has between the MAC and its driver, so that its status finds its way back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub u64);

/// How a frame is to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TxOptions {
    /// Modulation and rate; the driver's own choice when `None`.
    pub rate: Option<Rate>,
    /// No acknowledgement is expected (group-addressed frames need not set this).
    pub no_ack: bool,
    /// How often the radio may retry; the driver's own limit when `None`.
    pub retries: Option<u8>,
}

/// A frame on its way to the air: an MPDU without FCS, its sequence number already in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transmit {
    /// The MPDU, without FCS.
    pub frame: Vec<u8>,
    /// How to send it.
    pub options: TxOptions,
    /// The name under which its [`TxStatus`] comes back.
    pub id: TxId,
}

/// What became of a transmission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxStatus {
    /// The name it was sent under.
    pub id: TxId,
    /// The receiver acknowledged it; always true for group-addressed frames that left.
    pub acked: bool,
    /// Retries that it took, where the driver tells.
    pub retries: u8,
}

/// Which addresses a radio acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AckChange {
    /// From now on frames to this address are acknowledged by this radio.
    Add(MacAddr),
    /// No longer.
    Remove(MacAddr),
}
