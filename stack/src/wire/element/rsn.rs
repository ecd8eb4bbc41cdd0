//! The RSN element: which ciphers and which key management.

use std::fmt;
use std::marker::PhantomData;

use super::{AkmSuite, CipherSuite, ElementId, ElementKind, Problem, TypedElement};
use crate::wire::Reader;
use crate::wire::bits::capability_bits;

/// The RSN element (802.11-2020 9.4.2.24). After the version every field may be missing, and with it all that follow;
/// the fields keep that, so that what was read is written again byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rsn<'a> {
    /// Group data cipher suite.
    pub group: Option<CipherSuite>,
    /// Pairwise cipher suites.
    pub pairwise: Option<Suites<'a, CipherSuite>>,
    /// Authentication and key management suites.
    pub akm: Option<Suites<'a, AkmSuite>>,
    /// RSN capabilities.
    pub capabilities: Option<RsnCapabilities>,
    /// Identifiers of pairwise master keys.
    pub pmkids: Option<Pmkids<'a>>,
    /// Group management cipher suite.
    pub group_management: Option<CipherSuite>,
    /// Bytes that follow and mean nothing.
    pub trailing: &'a [u8],
}

impl<'a> Rsn<'a> {
    /// What WPA2 with a passphrase asks: CCMP-128 for all, PSK, no capability.
    pub const WPA2_PSK: Rsn<'static> = Rsn {
        group: Some(CipherSuite::CCMP_128),
        pairwise: Some(Suites::of(&[CipherSuite::CCMP_128.0])),
        akm: Some(Suites::of(&[AkmSuite::PSK.0])),
        capabilities: Some(RsnCapabilities(0)),
        pmkids: None,
        group_management: None,
        trailing: &[],
    };

    /// The group data cipher; CCMP-128 if it is not said.
    pub fn group_cipher(&self) -> CipherSuite {
        self.group.unwrap_or(CipherSuite::CCMP_128)
    }

    /// The pairwise ciphers; CCMP-128 if none is said.
    pub fn pairwise_ciphers(&self) -> Suites<'a, CipherSuite> {
        self.pairwise.unwrap_or(const { Suites::of(&[CipherSuite::CCMP_128.0]) })
    }

    /// The key managements; 802.1X if none is said.
    pub fn akms(&self) -> Suites<'a, AkmSuite> {
        self.akm.unwrap_or(const { Suites::of(&[AkmSuite::IEEE_802_1X.0]) })
    }

    /// The capabilities; none if they are not said.
    pub fn capabilities(&self) -> RsnCapabilities {
        self.capabilities.unwrap_or_default()
    }
}

impl<'a> TypedElement<'a> for Rsn<'a> {
    const KIND: ElementKind = ElementKind::Id(ElementId::RSN);

    fn parse(data: &'a [u8]) -> Result<Self, Problem> {
        let mut reader = Reader::new(data);
        if reader.u16_le()? != 1 {
            return Err(Problem::Value("a version other than 1"));
        }
        let mut rsn = Self {
            group: None,
            pairwise: None,
            akm: None,
            capabilities: None,
            pmkids: None,
            group_management: None,
            trailing: &[],
        };
        if !reader.is_empty() {
            rsn.group = Some(CipherSuite(*reader.array()?));
        }
        if !reader.is_empty() {
            rsn.pairwise = Some(Suites::parse(&mut reader)?);
        }
        if !reader.is_empty() {
            rsn.akm = Some(Suites::parse(&mut reader)?);
        }
        // From here on a remnant too short for the next field is taken for padding, as other stacks do.
        if reader.remaining() >= 2 {
            rsn.capabilities = Some(RsnCapabilities(reader.u16_le()?));
        }
        if reader.remaining() >= 2 {
            rsn.pmkids = Some(Pmkids::parse(&mut reader)?);
        }
        if reader.remaining() >= 4 {
            rsn.group_management = Some(CipherSuite(*reader.array()?));
        }
        rsn.trailing = reader.rest();
        Ok(rsn)
    }

    /// Stops at the first field that is missing, since what follows it could not be told from it.
    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&1u16.to_le_bytes());
        self.emit_fields(out);
        out.extend_from_slice(self.trailing);
    }
}

impl Rsn<'_> {
    fn emit_fields(&self, out: &mut Vec<u8>) -> Option<()> {
        out.extend_from_slice(&self.group?.0);
        self.pairwise?.emit(out);
        self.akm?.emit(out);
        out.extend_from_slice(&self.capabilities?.0.to_le_bytes());
        match (self.pmkids, self.group_management) {
            (Some(pmkids), _) => pmkids.emit(out),
            (None, Some(_)) => Pmkids::NONE.emit(out),
            (None, None) => {}
        }
        out.extend_from_slice(&self.group_management?.0);
        Some(())
    }
}

/// A list of suite selectors.
#[derive(Clone, Copy)]
pub struct Suites<'a, T> {
    selectors: &'a [[u8; 4]],
    suite: PhantomData<T>,
}

impl<'a, T: From<[u8; 4]> + PartialEq + Copy> Suites<'a, T> {
    /// A list of these selectors, such as `Suites::of(&[AkmSuite::PSK.0])`.
    pub const fn of(selectors: &'a [[u8; 4]]) -> Self {
        Self { selectors, suite: PhantomData }
    }

    /// The suites in their order, which is one of preference for none.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'a, T> {
        self.selectors.iter().map(|&selector| T::from(selector))
    }

    /// The suite is in the list.
    pub fn contains(&self, suite: T) -> bool {
        self.iter().any(|other| other == suite)
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.selectors.len()
    }

    /// There are none.
    pub const fn is_empty(&self) -> bool {
        self.selectors.is_empty()
    }

    fn parse(reader: &mut Reader<'a>) -> Result<Self, Problem> {
        let count = usize::from(reader.u16_le()?);
        if count == 0 {
            return Err(Problem::Value("a list of no suites"));
        }
        Ok(Self::of(reader.take(4 * count)?.as_chunks().0))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len() as u16).to_le_bytes());
        out.extend_from_slice(self.selectors.as_flattened());
    }
}

impl<T> PartialEq for Suites<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.selectors == other.selectors
    }
}

impl<T> Eq for Suites<'_, T> {}

impl<T: From<[u8; 4]> + PartialEq + Copy + fmt::Debug> fmt::Debug for Suites<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A list of PMKIDs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pmkids<'a>(pub &'a [[u8; 16]]);

impl<'a> Pmkids<'a> {
    const NONE: Self = Self(&[]);

    fn parse(reader: &mut Reader<'a>) -> Result<Self, Problem> {
        let count = usize::from(reader.u16_le()?);
        Ok(Self(reader.take(16 * count)?.as_chunks().0))
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u16).to_le_bytes());
        out.extend_from_slice(self.0.as_flattened());
    }
}

/// The RSN Capabilities field (802.11-2020 9.4.2.24.4).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RsnCapabilities(pub u16);

capability_bits! { RsnCapabilities:
    /// The authenticator supports preauthentication.
    preauthentication, with_preauthentication, 0;
    /// Supports one WEP default key besides a pairwise key.
    no_pairwise, with_no_pairwise, 1;
    /// Management frame protection required.
    mfp_required, with_mfp_required, 6;
    /// Management frame protection capable.
    mfp_capable, with_mfp_capable, 7;
    /// SPP A-MSDU capable: the A-MSDU bit is protected.
    spp_amsdu_capable, with_spp_amsdu_capable, 10;
    /// Only SPP A-MSDUs are accepted.
    spp_amsdu_required, with_spp_amsdu_required, 11;
    /// Extended key ID for individually addressed frames.
    extended_key_id, with_extended_key_id, 13;
    /// Operating channel validation capable.
    ocv_capable, with_ocv_capable, 14;
}

impl RsnCapabilities {
    /// How many replay counters there are per pairwise key: 1, 2, 4 or 16.
    pub const fn ptksa_replay_counters(self) -> u8 {
        replay_counters(self.0 >> 2)
    }

    /// How many replay counters there are per group key: 1, 2, 4 or 16.
    pub const fn gtksa_replay_counters(self) -> u8 {
        replay_counters(self.0 >> 4)
    }
}

const fn replay_counters(field: u16) -> u8 {
    match field & 3 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => 16,
    }
}

impl fmt::Debug for RsnCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#06x}", self.0)
    }
}
