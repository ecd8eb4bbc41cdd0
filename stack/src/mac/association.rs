//! Security associations: keys in use, each with its packet numbers.

use crate::crypto::{Cipher, CipherKey, KeyLength};
use crate::mac::{Purpose, ReplayCounters, TxPn, TxRange};
use crate::wire::record::record;

/// The name of one association or of one installed key, unique as long as the program runs. A frame that was queued
/// under one is never sent under another (SEC-H3), and fragments that were opened under different ones are never put
/// together (SEC-D3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SaId(pub u64);

record!(SaId { 0 });

/// Gives out [`SaId`]s, each once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SaIds(u64);

impl SaIds {
    /// The first ID will be the one after `last`.
    pub const fn starting_after(last: u64) -> Self {
        Self(last)
    }

    /// The next ID; after the last of all comes the first.
    pub const fn next(&mut self) -> SaId {
        self.0 = self.0.wrapping_add(1);
        SaId(self.0)
    }
}

/// A key that is not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// All bits are zero: what is left when a key was cleared or never derived (SEC-K13, SEC-H5).
    #[error("an all-zero key is not installed")]
    ZeroKey,
    /// Not a length that the cipher takes.
    #[error(transparent)]
    Length(#[from] KeyLength),
    /// A group key with a key ID of pairwise keys, or one above 3.
    #[error("key ID {0} is not one of group keys: 1 to 3")]
    KeyId(u8),
}

/// A pairwise key in use: both directions, with everything that must not outlive it.
#[derive(Debug)]
pub struct PairwiseSa {
    pub(super) id: SaId,
    pub(super) key: CipherKey,
    pub(super) key_id: u8,
    pub(super) tx: TxPn,
    pub(super) rx: ReplayCounters,
    /// The counters are those of all that was ever received under the key.
    pub(super) rx_known: bool,
    /// A frame under this key came from the peer, so the peer has it.
    pub(super) heard: bool,
}

impl PairwiseSa {
    /// A fresh key: all packet numbers are ours, everything received above 0 is new.
    pub fn new(id: SaId, cipher: Cipher, key: &[u8]) -> Result<Self, InstallError> {
        Self::fresh(id, cipher, key, TxRange::ALL)
    }

    /// A fresh key of which only these packet numbers are ours: others may come to own it after us.
    pub fn fresh(id: SaId, cipher: Cipher, key: &[u8], range: TxRange) -> Result<Self, InstallError> {
        Self::moved(id, cipher, key, TxPn::within(range), ReplayCounters::after(0))
    }

    /// A key that was in use elsewhere, with the packet numbers that it may use from now on and those it has accepted.
    pub fn moved(
        id: SaId,
        cipher: Cipher,
        key: &[u8],
        tx: TxPn,
        rx: ReplayCounters,
    ) -> Result<Self, InstallError> {
        let key = usable_key(cipher, key)?;
        Ok(Self { id, key, key_id: 0, tx, rx, rx_known: true, heard: false })
    }

    /// The same for a key of which nobody knows what was received under it: nothing is taken but the handshake for a new one,
    /// which is due at once (SEC-H2).
    #[must_use]
    pub fn with_unknown_counters(self) -> Self {
        Self { rx_known: false, ..self }
    }

    /// The same for peers that both announced SPP A-MSDUs: the A-MSDU flag is protected (SEC-D8).
    #[must_use]
    pub fn with_spp_amsdu(self, spp_amsdu: bool) -> Self {
        Self { key: self.key.with_spp_amsdu(spp_amsdu), ..self }
    }

    /// Its name.
    pub const fn id(&self) -> SaId {
        self.id
    }

    /// Its cipher.
    pub const fn cipher(&self) -> Cipher {
        self.key.cipher()
    }

    /// So many packet numbers are used up that it should be replaced (SEC-K12), or its receive counters are not known.
    pub const fn needs_rekey(&self) -> bool {
        self.tx.needs_rekey() || !self.rx_known
    }

    /// The packet number of the last frame sent.
    pub const fn last_sent(&self) -> u64 {
        self.tx.last()
    }
}

/// The group key of an AP: for sending only.
#[derive(Debug)]
pub struct GroupTx {
    pub(super) key: CipherKey,
    pub(super) key_id: u8,
    pub(super) tx: TxPn,
}

impl GroupTx {
    /// A group key with a key ID of 1 to 3, fresh or in use elsewhere before, with the packet numbers that it may use from now
    /// on.
    pub fn new(cipher: Cipher, key: &[u8], key_id: u8, tx: TxPn) -> Result<Self, InstallError> {
        if !(1..=3).contains(&key_id) {
            return Err(InstallError::KeyId(key_id));
        }
        Ok(Self { key: usable_key(cipher, key)?, key_id, tx })
    }

    /// Its key ID.
    pub const fn key_id(&self) -> u8 {
        self.key_id
    }

    /// The highest packet number that is used up.
    pub(crate) const fn spent(&self, purpose: Purpose) -> u64 {
        self.tx.spent(purpose)
    }

    /// The packet number of the last frame sent: the receive sequence counter that a station is told with the key.
    pub const fn last_sent(&self) -> u64 {
        self.tx.last()
    }

    /// So many packet numbers are used up that it should be replaced (SEC-K12).
    pub const fn needs_rekey(&self) -> bool {
        self.tx.needs_rekey()
    }
}

/// The group keys that a station holds of its AP: at most one for each key ID.
#[derive(Debug, Default)]
pub struct GroupRx([Option<GroupRxKey>; 3]);

/// One of them.
#[derive(Debug)]
pub(super) struct GroupRxKey {
    pub(super) key: CipherKey,
    pub(super) rx: ReplayCounters,
}

impl GroupRx {
    /// No key yet.
    pub const fn new() -> Self {
        Self([None, None, None])
    }

    /// Takes a group key into use in the place of the one with the same ID. `rsc` is the receive sequence counter that
    /// came with it: nothing up to it is accepted (SEC-K4). The caller does not install the same key twice (SEC-K3).
    pub fn install(&mut self, cipher: Cipher, key: &[u8], key_id: u8, rsc: u64) -> Result<(), InstallError> {
        let place = self.place(key_id).ok_or(InstallError::KeyId(key_id))?;
        *place = Some(GroupRxKey { key: usable_key(cipher, key)?, rx: ReplayCounters::after(rsc) });
        Ok(())
    }

    pub(super) fn key(&mut self, key_id: u8) -> Option<&mut GroupRxKey> {
        self.place(key_id)?.as_mut()
    }

    fn place(&mut self, key_id: u8) -> Option<&mut Option<GroupRxKey>> {
        self.0.get_mut(usize::from(key_id).checked_sub(1)?)
    }
}

fn usable_key(cipher: Cipher, key: &[u8]) -> Result<CipherKey, InstallError> {
    if key.iter().all(|&byte| byte == 0) {
        return Err(InstallError::ZeroKey);
    }
    Ok(CipherKey::new(cipher, key)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_k13_zero_keys_are_refused() {
        let mut group = GroupRx::new();
        assert_eq!(PairwiseSa::new(SaId(1), Cipher::Ccmp128, &[0; 16]).unwrap_err(), InstallError::ZeroKey);
        assert_eq!(
            GroupTx::new(Cipher::Ccmp128, &[0; 16], 1, TxPn::within(TxRange::ALL)).unwrap_err(),
            InstallError::ZeroKey
        );
        assert_eq!(group.install(Cipher::Ccmp128, &[0; 16], 1, 0), Err(InstallError::ZeroKey));
        assert!(PairwiseSa::new(SaId(1), Cipher::Ccmp128, &[1; 16]).is_ok());
    }

    #[test]
    fn group_keys_have_the_ids_one_to_three() {
        for key_id in [0, 4, 255] {
            assert_eq!(
                GroupTx::new(Cipher::Ccmp128, &[1; 16], key_id, TxPn::within(TxRange::ALL)).unwrap_err(),
                InstallError::KeyId(key_id)
            );
            assert_eq!(
                GroupRx::new().install(Cipher::Ccmp128, &[1; 16], key_id, 0),
                Err(InstallError::KeyId(key_id))
            );
        }
        assert!(GroupRx::new().install(Cipher::Ccmp128, &[1; 16], 3, 0).is_ok());
    }

    #[test]
    fn ids_are_given_out_once() {
        let mut ids = SaIds::starting_after(7);
        assert_eq!([ids.next(), ids.next()], [SaId(8), SaId(9)]);
    }
}
