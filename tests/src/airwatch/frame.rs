//! What the rules need of a frame: its header (802.11-2020 9.2.4), the CCMP header (12.5.3.2), a beacon's timestamp.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Type and subtype in one byte, type first.
pub const ASSOCIATION_REQUEST: u8 = 0x00;
/// See [`ASSOCIATION_REQUEST`].
pub const ASSOCIATION_RESPONSE: u8 = 0x01;
/// See [`ASSOCIATION_REQUEST`].
pub const REASSOCIATION_REQUEST: u8 = 0x02;
/// See [`ASSOCIATION_REQUEST`].
pub const REASSOCIATION_RESPONSE: u8 = 0x03;
/// See [`ASSOCIATION_REQUEST`].
pub const PROBE_REQUEST: u8 = 0x04;
/// See [`ASSOCIATION_REQUEST`].
pub const BEACON: u8 = 0x08;
/// See [`ASSOCIATION_REQUEST`].
pub const DISASSOCIATION: u8 = 0x0a;
/// See [`ASSOCIATION_REQUEST`].
pub const AUTHENTICATION: u8 = 0x0b;
/// See [`ASSOCIATION_REQUEST`].
pub const DEAUTHENTICATION: u8 = 0x0c;
/// See [`ASSOCIATION_REQUEST`].
pub const PS_POLL: u8 = 0x1a;
/// See [`ASSOCIATION_REQUEST`].
pub const ACK: u8 = 0x1d;

/// LLC and SNAP with the type of EAPOL.
const EAPOL: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e];

/// Behind LLC, SNAP, the EAPOL header and the type of descriptor (802.11-2020 12.7.2): the upper byte of the key
/// information, and in it the Secure bit.
const KEY_INFORMATION: usize = 8 + 4 + 1;
const SECURE: u8 = 0x02;

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub [u8; 6]);

impl Address {
    /// To more than one.
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes: Result<Vec<u8>, _> = text.split(':').map(|part| u8::from_str_radix(part, 16)).collect();
        let array = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        array.map(Self).ok_or_else(|| format!("{text} is no MAC address"))
    }
}

/// A frame of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its place in the recording by time, from 1 on.
    pub number: usize,
    /// Microseconds.
    pub time: u64,
    /// Type and subtype.
    pub kind: u8,
    /// To whom.
    pub to: Address,
    /// From whom; unset in an ACK.
    pub from: Option<Address>,
    /// On which it was sent, in MHz; 0 where the recording does not say.
    pub frequency: u16,
    /// The retry bit.
    pub retry: bool,
    /// The power management bit.
    pub dozes: bool,
    /// 0 to 4095.
    pub sequence: u16,
    /// Fragment number.
    pub fragment: u8,
    /// Of QoS data.
    pub tid: Option<u8>,
    /// Key ID and packet number of what is protected.
    pub cover: Option<(u8, u64)>,
    /// EAPOL in the clear.
    pub eapol: bool,
    /// That of a key that both sides have: message 3 or 4 of the handshake, from a client the last.
    pub agreed: bool,
    /// The TSF timer in a beacon, in microseconds.
    pub timer: Option<u64>,
    /// A hash of all behind the header.
    pub body: u64,
    /// Its receiver acknowledged it for certain (`super::acks`).
    pub acked: bool,
}

impl Frame {
    /// Reads it; `None` for what is too short, and for control frames other than ACKs and what asks for one.
    pub(super) fn parse(number: usize, time: u64, bytes: &[u8]) -> Option<Self> {
        let [first, flags] = *bytes.first_chunk::<2>()?;
        let kind = (first >> 2 & 3) << 4 | first >> 4;
        let address = |at: usize| Some(Address(bytes.get(at..at + 6)?.try_into().ok()?));
        let mut frame = Self {
            number,
            time,
            kind,
            to: address(4)?,
            from: None,
            frequency: 0,
            retry: flags & 0x08 != 0,
            dozes: flags & 0x10 != 0,
            sequence: 0,
            fragment: 0,
            tid: None,
            cover: None,
            eapol: false,
            agreed: false,
            timer: None,
            body: 0,
            acked: false,
        };
        if kind == ACK {
            return Some(frame);
        }
        frame.from = address(10);
        if kind >> 4 == 1 {
            return (kind == PS_POLL && frame.from.is_some()).then_some(frame);
        }
        let control = u16::from_le_bytes(bytes.get(22..24)?.try_into().ok()?);
        (frame.sequence, frame.fragment) = (control >> 4, control as u8 & 0x0f);
        frame.read_body(bytes, flags)?;
        Some(frame)
    }

    fn read_body(&mut self, bytes: &[u8], flags: u8) -> Option<()> {
        let is_qos = self.is_any_data() && self.kind & 0x08 != 0;
        let mut at = if self.is_any_data() && flags & 3 == 3 { 30 } else { 24 };
        if is_qos {
            self.tid = Some(bytes.get(at)? & 0x0f);
            at += 2;
        }
        // HT Control
        if flags & 0x80 != 0 && (is_qos || self.kind >> 4 == 0) {
            at += 4;
        }
        let body = bytes.get(at..)?;
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        self.body = hasher.finish();
        if flags & 0x40 != 0 {
            let [a, b, _, id, c, d, e, f] = *body.first_chunk::<8>()?;
            self.cover = Some((id >> 6, u64::from_be_bytes([0, 0, f, e, d, c, b, a])));
        } else if self.is_data() {
            self.eapol = body.starts_with(&EAPOL);
            self.agreed = self.eapol && body.get(KEY_INFORMATION).is_some_and(|high| high & SECURE != 0);
        } else if self.kind == BEACON {
            self.timer = Some(u64::from_le_bytes(*body.first_chunk::<8>()?));
        }
        Some(())
    }

    pub(super) const fn is_any_data(&self) -> bool {
        self.kind >> 4 == 2
    }

    /// Data that carries something.
    pub const fn is_data(&self) -> bool {
        self.is_any_data() && self.kind & 0x04 == 0
    }

    /// The same frame once more, perhaps with the retry bit: nothing that is encrypted, or authenticated, differs.
    pub(super) fn is_again(&self, before: &Self) -> bool {
        let parts =
            |frame: &Self| (frame.to, frame.from, frame.sequence, frame.fragment, frame.tid, frame.body);
        parts(self) == parts(before)
    }

    /// Sender and receiver begin anew with each other.
    pub(super) const fn is_beginning(&self) -> bool {
        matches!(
            self.kind,
            AUTHENTICATION
                | ASSOCIATION_REQUEST
                | ASSOCIATION_RESPONSE
                | REASSOCIATION_REQUEST
                | REASSOCIATION_RESPONSE
        )
    }

    /// What was known of this sender and receiver counts no more with this frame.
    pub(super) fn parts(&self, one: Address, other: Address) -> bool {
        let pair = (self.from, Some(self.to));
        self.is_beginning() && (pair == (Some(one), Some(other)) || pair == (Some(other), Some(one)))
    }
}

/// How far a sequence number is ahead of another, on the circle of 4096; negative if it is behind.
pub(super) fn ahead(number: u16, of: u16) -> i16 {
    let distance = number.wrapping_sub(of) & 0x0fff;
    if distance < 0x0800 { distance as i16 } else { distance as i16 - 0x1000 }
}
