//! A virtual AP on the road: opaque bytes, and the little that the core has to know of them.

use std::fmt;

use stack::wire::{MacAddr, Reader, Truncated};
use zeroize::Zeroizing;

use super::title::{emit_address, parse_address};
use crate::announce::SaBinding;
use crate::lease::{Generation, KeyId};

/// Transmit keys of one virtual AP, at most.
pub const MAX_KEYS: usize = 16;

/// Bytes that hold keys or a client's traffic: wiped when dropped, and not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// A virtual AP as bytes, and what the core knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The client, where the virtual AP has one.
    pub client: Option<MacAddr>,
    /// The VLAN it is in, 0 for none.
    pub vlan: u16,
    /// Names the security association with the client. Another one tells that there was a handshake.
    pub sa: SaBinding,
    /// Its transmit keys, each with the highest generation that was seen of it. With more than [`MAX_KEYS`] of them a
    /// virtual AP stays where it is.
    pub keys: Vec<(KeyId, Generation)>,
    /// The rest, which is nobody's business here.
    pub bytes: SecretBytes,
}

impl Context {
    /// The highest generation of any of its keys.
    pub(super) fn generation(&self) -> Generation {
        self.keys.iter().map(|(_, generation)| *generation).max().unwrap_or_default()
    }

    /// Whether it can go to another node: with more keys than a message names, some would be used unreserved.
    pub(super) fn can_travel(&self) -> bool {
        self.keys.len() <= MAX_KEYS
    }

    /// All its keys are used under at least `generation` from now on.
    pub(super) fn raise(&mut self, generation: Generation) {
        for (_, seen) in &mut self.keys {
            *seen = generation.max(*seen);
        }
    }

    /// Takes over what `before` knew of the same keys: a generation that was seen stays seen.
    pub(super) fn remember(&mut self, before: &Self) {
        for (key, seen) in &mut self.keys {
            let known = before.keys.iter().find(|(other, _)| other == key);
            *seen = known.map_or(*seen, |(_, known)| (*seen).max(*known));
        }
    }

    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        emit_address(self.client, out);
        out.extend(self.vlan.to_le_bytes());
        out.extend(self.sa.0);
        emit_keys(&self.keys, out);
        emit_bytes(self.bytes.expose(), out);
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Option<Self>, Truncated> {
        let client = parse_address(reader)?;
        let (vlan, sa) = (reader.u16_le()?, SaBinding(*reader.array()?));
        let keys = parse_keys(reader)?;
        let bytes = parse_bytes(reader)?;
        Ok(keys.map(|keys| Self { client, vlan, sa, keys, bytes }))
    }
}

pub(super) fn emit_keys(keys: &[(KeyId, Generation)], out: &mut Vec<u8>) {
    let keys = keys.get(..MAX_KEYS).unwrap_or(keys);
    out.extend(u8::try_from(keys.len()).map(u8::to_le_bytes).unwrap_or_default());
    for (key, generation) in keys {
        out.extend(key.0);
        out.extend(generation.number().to_le_bytes());
    }
}

/// `None` if there are too many or a generation is out of range.
pub(super) fn parse_keys(reader: &mut Reader<'_>) -> Result<Option<Vec<(KeyId, Generation)>>, Truncated> {
    let count = usize::from(reader.u8()?);
    if count > MAX_KEYS {
        return Ok(None);
    }
    let key = |reader: &mut Reader<'_>| -> Result<_, Truncated> {
        let key = KeyId(*reader.array()?);
        Ok(Generation::new(reader.u16_le()?).map(|generation| (key, generation)))
    };
    (0..count).map(|_| key(reader)).collect()
}

/// Lengths beyond 32 bits do not occur: the link takes no message that long.
pub(super) fn emit_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(bytes);
}

pub(super) fn parse_bytes(reader: &mut Reader<'_>) -> Result<SecretBytes, Truncated> {
    let len = usize::try_from(reader.u32_le()?).unwrap_or(usize::MAX);
    reader.take(len).map(|bytes| bytes.to_vec().into())
}
