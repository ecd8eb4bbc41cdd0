//! The group key of a BSS and its replacement (802.11-2020 12.7.7).
//!
//! A new key is handed to every station first. It is used when all of them have it, or when a bound has passed: who has
//! not answered by then is about to be deauthenticated by its authenticator. Key IDs alternate, so that stations hold
//! both keys in between.

use std::time::Duration;

use crate::ap::virtual_ap::{Station, VirtualAp};
use crate::crypto::Cipher;
use crate::mac::{GroupTx, InstallError, TxPn, TxRange};
use crate::random::{self, Random};
use crate::rsn::{GroupKeyData, Gtk};
use crate::time::Instant;

/// How long a new key waits for all stations to have it: as long as an authenticator tries.
const PATIENCE: Duration = Duration::from_secs(4);

/// A group key, as handshakes hand it out and as frames are sent under it.
#[derive(Debug)]
pub(super) struct GroupKey {
    data: GroupKeyData,
    pub(super) tx: GroupTx,
    /// Counts the keys of the BSS.
    pub(super) generation: u64,
}

/// The keys of a BSS.
#[derive(Debug)]
pub(super) struct Group {
    /// What group frames are sent under.
    pub(super) current: GroupKey,
    /// What is being handed out, and until when.
    next: Option<(GroupKey, Instant)>,
    since: Instant,
}

impl GroupKey {
    /// A key from `random`; `None` if that is so broken that it gives zeroes.
    fn fresh(key_id: u8, generation: u64, range: TxRange, random: &mut dyn Random) -> Option<Self> {
        let gtk = Gtk::new(&random::bytes::<16>(random)).ok()?;
        let tx = GroupTx::new(Cipher::Ccmp128, gtk.expose(), key_id, TxPn::within(range)).ok()?;
        Some(Self { data: GroupKeyData { gtk, key_id, rsc: 0 }, tx, generation })
    }

    /// The key as a station gets it now.
    pub(super) fn data(&self) -> GroupKeyData {
        GroupKeyData { rsc: self.tx.last_sent(), ..self.data.clone() }
    }
}

impl Group {
    pub(super) fn new(now: Instant, range: TxRange, random: &mut dyn Random) -> Option<Self> {
        Some(Self { current: GroupKey::fresh(1, 1, range, random)?, next: None, since: now })
    }

    /// The packet numbers of a key so far: what a message that hands it out says (SEC-K4).
    fn rsc(&self, generation: u64) -> u64 {
        let next = self.next.as_ref().map(|(key, _)| key);
        let key = [Some(&self.current), next].into_iter().flatten().find(|key| key.generation == generation);
        key.map_or(0, |key| key.tx.last_sent())
    }

    /// A key that was in use elsewhere since then.
    pub(super) fn moved(
        gtk: Gtk,
        key_id: u8,
        generation: u64,
        tx: TxPn,
        since: Instant,
    ) -> Result<Self, InstallError> {
        let tx = GroupTx::new(Cipher::Ccmp128, gtk.expose(), key_id, tx)?;
        let current = GroupKey { data: GroupKeyData { gtk, key_id, rsc: 0 }, tx, generation };
        Ok(Self { current, next: None, since })
    }

    /// Since when there is the key that stations should have.
    pub(super) const fn since(&self) -> Instant {
        self.since
    }

    /// The key that stations should have.
    fn wanted(&self) -> &GroupKey {
        self.next.as_ref().map_or(&self.current, |(key, _)| key)
    }
}

impl Station {
    /// Lets the authenticator know how far the group key has come that it hands out.
    pub(super) fn update_rsc(&mut self, group: Option<&Group>) {
        if let (Some(authenticator), Some(group)) = (&mut self.authenticator, group) {
            authenticator.set_group_rsc(group.rsc(self.group_handed));
        }
    }

    /// Hands the key that stations should have to one that has another. Before its port is open that waits: its handshake
    /// brings it the key that group frames are sent under now.
    pub(super) fn hand_group(&mut self, now: Instant, group: Option<&Group>) {
        let (Some(authenticator), Some(group)) = (&mut self.authenticator, group) else { return };
        let key = group.wanted();
        if self.peer.is_port_open() && self.group_handed != key.generation {
            self.group_handed = key.generation;
            authenticator.rekey_group(now, key.data());
        }
    }
}

impl VirtualAp {
    /// The group key has served its time, or its packet numbers run low (SEC-K12).
    pub(super) fn group_rekey_due(&self, now: Instant) -> bool {
        self.group.as_ref().is_some_and(|group| {
            let old = self.config.group_rekey.is_some_and(|age| now.since(group.since) >= age);
            group.next.is_none() && (old || group.current.tx.needs_rekey())
        })
    }

    /// Begins to hand out a new group key. Does nothing while one is being handed out.
    pub(super) fn begin_group_rekey(&mut self, now: Instant, range: TxRange, random: &mut dyn Random) {
        let Some(group) = self.group.as_mut().filter(|group| group.next.is_none()) else { return };
        let (key_id, generation) = (3 - group.current.data.key_id, group.current.generation + 1);
        let Some(key) = GroupKey::fresh(key_id, generation, range, random) else { return };
        group.next = Some((key, now + PATIENCE));
        group.since = now;
        for station in self.stations.values_mut() {
            station.hand_group(now, Some(group));
        }
        self.try_group_switch(now);
    }

    /// Takes the new group key into use when every station has it, or has had time enough.
    pub(super) fn try_group_switch(&mut self, now: Instant) {
        let Some(group) = &mut self.group else { return };
        let Some((key, until)) = group.next.take() else { return };
        let lacks = |station: &Station| station.peer.is_port_open() && station.group_has != key.generation;
        if now < until && self.stations.values().any(|station| lacks(station)) {
            group.next = Some((key, until));
        } else {
            group.current = key;
        }
    }
}
