//! One BSS as a value.

use std::collections::BTreeMap;

use crate::ap::beacon::rsn_element;
use crate::ap::config::{NetworkConfig, Security};
use crate::crypto::Cipher;
use crate::mac::{Bss, GroupQueue, GroupTx, Peer, SequenceNumbers, SequenceSpace};
use crate::random::{self, Random};
use crate::rsn::{Authenticator, GroupKeyData, Gtk};
use crate::time::{Instant, TU};
use crate::wire::{MacAddr, MacHeader, ManagementBody, SequenceControl};

/// Highest association ID (802.11-2020 9.4.1.8).
const MAX_AID: u16 = 2007;

/// A station of a virtual AP.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) peer: Peer,
    pub(super) authenticator: Option<Authenticator>,
    /// A Null frame asked whether it is there, at this time.
    pub(super) asked: Option<Instant>,
    pub(super) dozing: bool,
}

/// The group key in use, as handshakes hand it out and as frames are sent under it.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) data: GroupKeyData,
    pub(super) tx: GroupTx,
}

/// One BSS: an owned value that refers to nothing outside itself.
#[derive(Debug)]
pub struct VirtualAp {
    pub(super) config: NetworkConfig,
    pub(super) bssid: MacAddr,
    pub(super) stations: BTreeMap<MacAddr, Station>,
    /// RSNE, exactly as in beacons.
    pub(super) rsn: Vec<u8>,
    pub(super) group: Option<Group>,
    pub(super) group_queue: GroupQueue,
    /// Group frames that may still follow the last DTIM beacon.
    pub(super) burst: usize,
    pub(super) dozing: usize,
    pub(super) sequence: SequenceNumbers,
    pub(super) dtim_count: u8,
    pub(super) next_beacon: Instant,
    pub(super) beacon_due: bool,
    /// The TSF timer is our clock less this.
    pub(super) tsf_zero: Instant,
}

impl VirtualAp {
    pub(super) fn new(config: NetworkConfig, bssid: MacAddr, now: Instant, random: &mut dyn Random) -> Self {
        let protected = config.security != Security::Open;
        let group = if protected { Group::fresh(1, random) } else { None };
        Self {
            rsn: rsn_element(&config.security),
            config,
            bssid,
            stations: BTreeMap::new(),
            group,
            group_queue: GroupQueue::new(protected),
            burst: 0,
            dozing: 0,
            sequence: SequenceNumbers::new(),
            dtim_count: 0,
            next_beacon: now,
            beacon_due: false,
            tsf_zero: now,
        }
    }

    /// Its BSSID.
    pub const fn bssid(&self) -> MacAddr {
        self.bssid
    }

    /// What it was told.
    pub const fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// Its stations, in the order of their addresses.
    pub fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.stations.values().map(|station| &station.peer)
    }

    pub(super) const fn bss(&self) -> Bss {
        Bss::access_point(self.bssid)
    }

    /// The lowest association ID that is free, `None` if the network is full.
    pub(super) fn free_aid(&self) -> Option<u16> {
        if self.stations.len() >= usize::from(self.config.max_stations.min(MAX_AID)) {
            return None;
        }
        let mut used = [false; MAX_AID as usize + 1];
        for station in self.stations.values() {
            if let Some(slot) = used.get_mut(usize::from(station.peer.config().association_id)) {
                *slot = true;
            }
        }
        (1..=MAX_AID).find(|&aid| used.get(usize::from(aid)) == Some(&false))
    }

    /// A beacon is due at every multiple of the interval of the TSF timer; missed ones are skipped.
    pub(super) fn tick_beacon(&mut self, now: Instant) {
        if self.next_beacon > now {
            return;
        }
        self.beacon_due = true;
        let interval = (TU * u32::from(self.config.beacon_interval.max(1))).as_micros() as u64;
        let elapsed = now.since(self.tsf_zero).as_micros() as u64;
        let next = (elapsed / interval + 1) * interval;
        self.next_beacon = self.tsf_zero + std::time::Duration::from_micros(next);
    }

    pub(super) fn timestamp(&self, now: Instant) -> u64 {
        now.since(self.tsf_zero).as_micros() as u64
    }

    pub(super) fn management_frame(&mut self, to: MacAddr, body: &ManagementBody<'_>) -> Vec<u8> {
        let number = self.sequence.next(SequenceSpace::Common);
        let header = MacHeader::management(body.kind(), to, self.bssid, self.bssid)
            .with_sequence(SequenceControl::new(number, 0));
        let mut frame = Vec::with_capacity(256);
        header.emit(&mut frame);
        body.emit(&mut frame);
        frame
    }
}

impl Group {
    /// A key from `random`; `None` if that is so broken that it gives zeroes.
    pub(super) fn fresh(key_id: u8, random: &mut dyn Random) -> Option<Self> {
        let gtk = Gtk::new(&random::bytes::<16>(random)).ok()?;
        let tx = GroupTx::new(Cipher::Ccmp128, gtk.expose(), key_id).ok()?;
        Some(Self { data: GroupKeyData { gtk, key_id, rsc: 0 }, tx })
    }
}
