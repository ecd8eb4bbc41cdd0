//! A node's way into its cluster: who it is there, which part of the cluster's BSSIDs and packet numbers is its own.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use drivers::reactor::{self, Bell};
use mesh::announce::{self, ClusterTime, Profile, SignerState};
use mesh::engine::identity::{Authority, MachineId, NodeStore};
use mesh::engine::real::{Real, RealConfig};
use mesh::handover::Incarnation;
use mesh::lease::{Lease, NodeSlot};
use sha2::{Digest, Sha256};
use stack::ap::{BssidBlock, SharedClock};
use stack::mac::TxRange;
use stack::random::{self, Random};
use stack::wire::{Channel, MacAddr};
use zeroize::Zeroizing;

use super::block::Blocks;
use super::home::{Abroad, Home};
use super::member::{Announcing, Member, Segment, StoreJournal, range_of};
use super::orders::Order;
use super::random::OsRandom;
use super::switch::Switch;
use crate::config::MeshSettings;

/// Address bits of a cluster: nodes, radios of a node, virtual APs of a radio.
const CLUSTER_BITS: u8 = 16;
const RADIO_BITS: u8 = 2;
const OWN_BITS: u8 = 6;

/// Rows of an epoch of announcements: half an hour of them.
const ROWS: u32 = 7200;

/// Who the node is in its cluster, before it says anything there.
pub struct Identity {
    store: NodeStore,
    settings: MeshSettings,
    authority: Option<Authority>,
}

impl Identity {
    /// Opens what `airloom mesh node` or `mesh join` made.
    pub fn open(settings: &MeshSettings) -> anyhow::Result<Self> {
        let start = u64::from_le_bytes(random::bytes(&mut OsRandom as &mut dyn Random));
        let store = NodeStore::open(&settings.identity, MachineId::of_this_machine(), start)?;
        let authority = settings.authority.as_deref().map(Authority::open).transpose()?;
        Ok(Self { store, settings: settings.clone(), authority })
    }

    /// What the node is called there.
    pub fn name(&self) -> String {
        self.store.subject().name.to_string()
    }

    /// The node's slot in the cluster.
    pub fn slot(&self) -> NodeSlot {
        self.store.subject().slot
    }

    /// The packet numbers of keys that are made here.
    pub fn fresh_keys(&self) -> TxRange {
        range_of(&Lease::first(self.slot()))
    }

    /// The blocks of its radios: parts of the cluster's.
    pub fn blocks(&self, radios: usize) -> anyhow::Result<Blocks> {
        let subject = self.store.subject();
        blocks(&subject.cluster.to_string(), subject.slot, radios)
    }

    /// Enters the cluster with radios of these names on these channels. They are told to tell of their virtual APs, and
    /// `bell` is rung when there is something for [`Member::turn`].
    pub fn enter(
        self,
        switch: &Arc<Switch>,
        radios: Vec<(String, Channel)>,
        segments: Vec<Segment>,
        bell: &Bell,
    ) -> anyhow::Result<Member<Real>> {
        let MeshSettings { listen, peers, silence, flood, announce, .. } = self.settings;
        let usual = RealConfig::new(listen, peers);
        let idle = silence.unwrap_or(usual.idle);
        let config = RealConfig { authority: self.authority, idle, gossip: idle / 5, ..usual };
        let waker = bell.clone();
        let engine = Real::start(
            self.store,
            config,
            Box::new(move || {
                // A node that has ended is not rung.
                let _ = waker.ring();
            }),
        )?;
        let store = engine.store();
        let (tell, told) = mpsc::channel();
        let (clock, abroad) = (shared_clock()?, Abroad::default());
        for radio in 0..radios.len() {
            switch.order(
                radio,
                Order::Enlist(Home::new(tell.clone(), Some(bell.clone()), abroad.clone()), clock),
            );
        }
        let (name, incarnation) = (store.subject().name.to_string(), Incarnation(store.starts()));
        let announcing = announce.map(|profile| announcing(&store, profile)).transpose()?;
        let journal = Box::new(StoreJournal(store));
        let member = Member::new(engine, incarnation, journal, Arc::clone(switch), (told, abroad), radios)?;
        let member = member.serving(name, segments, flood);
        match announcing {
            Some(announcing) => {
                member.announcing(reactor::now().context("cannot read the clock")?, announcing)
            }
            None => Ok(member),
        }
    }
}

/// With what the node signs, out of its state.
fn announcing(store: &Arc<NodeStore>, profile: Profile) -> anyhow::Result<Announcing> {
    let fresh = Zeroizing::new(random::bytes(&mut OsRandom as &mut dyn Random));
    let identity = Arc::new(announce::Identity::from_seed(&store.announcing_seed(&fresh)?));
    Ok(Announcing {
        profile,
        identity,
        last: store.announced()?,
        journal: Box::new(AnnouncedIn(Arc::clone(store))),
        clock: Box::new(|_| {
            let day = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
            Some(ClusterTime(u64::try_from(day.as_micros()).ok()?))
        }),
        rows: ROWS,
        random: Box::new(OsRandom),
    })
}

/// How far a signer has come, kept in a node's state.
struct AnnouncedIn(Arc<NodeStore>);

impl announce::Journal for AnnouncedIn {
    type Error = anyhow::Error;

    fn save(&mut self, state: &SignerState) -> anyhow::Result<()> {
        Ok(self.0.keep_announced(state)?)
    }
}

/// The clock that all nodes share is that of the day.
fn shared_clock() -> anyhow::Result<SharedClock> {
    let own = reactor::now().context("cannot read the clock")?.as_micros();
    let day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let ahead = i64::try_from(day)? - i64::try_from(own)?;
    Ok(SharedClock { ahead })
}

/// The blocks of a node's radios: the cluster's is made of its name, and each slot has a part of it.
pub(crate) fn blocks(cluster: &str, slot: NodeSlot, radios: usize) -> anyhow::Result<Blocks> {
    let nodes = 1 << (CLUSTER_BITS - RADIO_BITS - OWN_BITS);
    let (number, most) = (slot.number(), 1 << RADIO_BITS);
    if number >= nodes || radios > most {
        bail!(
            "a cluster has BSSIDs for {nodes} nodes with {most} radios each: slot {number} with {radios} is beyond"
        );
    }
    let hash = Sha256::digest([b"airloom cluster ", cluster.as_bytes()].concat());
    let [first, b, c, d, ..] = hash.as_slice() else { bail!("a hash is longer") };
    // Bit 0 says group, bit 1 locally administered.
    let all = BssidBlock { base: MacAddr([first & 0xfc | 2, *b, *c, *d, 0, 0]), bits: CLUSTER_BITS };
    let own = (0..radios as u32).filter_map(|radio| {
        let index = (u32::from(number) << RADIO_BITS | radio) << OWN_BITS;
        Some(BssidBlock { base: all.address(index)?, bits: OWN_BITS })
    });
    Ok(Blocks { own: own.collect(), all: Some(all) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::contains;

    #[test]
    fn every_radio_of_a_cluster_has_a_part_of_its_own() {
        let of = |slot, radios| blocks("home", NodeSlot::new(slot).unwrap(), radios).unwrap();
        let all: Vec<_> = [0, 1, 255].into_iter().flat_map(|slot| of(slot, 4).own).collect();
        for (n, one) in all.iter().enumerate() {
            assert!(contains(&of(0, 1).all.unwrap(), one.base));
            assert!(all.iter().skip(n + 1).all(|other| !contains(one, other.base)));
        }
        assert!(blocks("home", NodeSlot::new(256).unwrap(), 1).is_err());
        assert!(blocks("home", NodeSlot::new(0).unwrap(), 5).is_err());
        assert_ne!(of(0, 1).all, blocks("office", NodeSlot::new(0).unwrap(), 1).unwrap().all);
    }
}
