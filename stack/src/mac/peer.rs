//! What both roles keep about one peer: a station at its AP, an AP at its station.

use std::time::Duration;

use crate::mac::association::{PairwiseSa, SaId};
use crate::mac::power_save::{PowerSave, Uapsd};
use crate::mac::queue::{Cover, Queued, Queues};
use crate::mac::rate::RateControl;
use crate::mac::tx::TxState;
use crate::mac::{
    AccessCategory, BufferPool, Defragmenter, DropCounts, DropReason, DuplicateCache, PeerStats, Rates,
    ReplayCounters, SequenceNumbers,
};
use crate::time::Instant;
use crate::wire::MacAddr;

/// How long frames under the old pairwise key are still read after a rekey, if the peer sends none under the new one:
/// as long as an AP may repeat message 3 under it, because message 4 was lost.
const OLD_KEY: Duration = Duration::from_secs(4);

/// Which side of a BSS we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The AP: our address is the BSSID.
    AccessPoint,
    /// A station of it.
    Station,
}

/// A BSS as seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bss {
    /// Which end.
    pub role: Role,
    /// Our address there.
    pub own: MacAddr,
    /// The AP's address.
    pub bssid: MacAddr,
}

impl Bss {
    /// As its AP.
    pub const fn access_point(bssid: MacAddr) -> Self {
        Self { role: Role::AccessPoint, own: bssid, bssid }
    }

    /// As a station of it.
    pub const fn station(own: MacAddr, bssid: MacAddr) -> Self {
        Self { role: Role::Station, own, bssid }
    }
}

/// What was agreed with a peer when it associated; it does not change during the association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// Its address.
    pub address: MacAddr,
    /// Its association ID (ours, if the peer is an AP).
    pub association_id: u16,
    /// An RSN association: data is encrypted or dropped.
    pub protected: bool,
    /// Both ends do QoS.
    pub qos: bool,
    /// What it asked for with U-APSD.
    pub uapsd: Uapsd,
    /// The longest A-MSDU it takes (3839 or 7935), `None` if it takes none.
    pub max_amsdu: Option<usize>,
    /// Both ends announced SPP A-MSDUs.
    pub spp_amsdu: bool,
    /// MPDUs longer than this many bytes (FCS included) are fragmented.
    pub fragmentation_threshold: Option<usize>,
    /// What it can be sent with.
    pub rates: Rates,
    /// How long frames are kept for the peer while it dozes: at least its listen interval.
    pub buffer_age: Duration,
}

impl PeerConfig {
    /// A peer without QoS in an open network, sent to at 6 Mb/s.
    pub const fn new(address: MacAddr) -> Self {
        Self {
            address,
            association_id: 0,
            protected: false,
            qos: false,
            uapsd: Uapsd { flags: 0, max_service_period: 0 },
            max_amsdu: None,
            spp_amsdu: false,
            fragmentation_threshold: None,
            rates: Rates::LOWEST,
            buffer_age: Duration::from_secs(10),
        }
    }
}

/// One peer, as a value that owns everything about it: keys, packet numbers, sequence numbers, queues, counters. It
/// exists from the association on; another association is another value.
#[derive(Debug)]
pub struct Peer {
    pub(super) config: PeerConfig,
    pub(super) association: SaId,
    pub(super) pairwise: Option<PairwiseSa>,
    pub(super) previous: Option<(PairwiseSa, Instant)>,
    pub(super) pending: Option<SaId>,
    /// Data waits for the peer to use its new key.
    pub(super) held: bool,
    /// Nothing new leaves: the virtual AP is about to move.
    pub(super) parked: bool,
    port_open: bool,
    pub(super) duplicates: DuplicateCache,
    pub(super) fragments: Defragmenter,
    pub(super) sequence: SequenceNumbers,
    pub(super) queues: Queues,
    pub(super) power: PowerSave,
    pub(super) tx: TxState,
    pub(super) rate: RateControl,
    /// Counters.
    pub stats: PeerStats,
}

impl Peer {
    /// A peer that has just associated. In an open network its port is open at once.
    pub fn new(now: Instant, config: PeerConfig, association: SaId) -> Self {
        Self {
            config,
            association,
            pairwise: None,
            previous: None,
            pending: None,
            held: false,
            parked: false,
            port_open: !config.protected,
            duplicates: DuplicateCache::new(),
            fragments: Defragmenter::new(),
            sequence: SequenceNumbers::new(),
            queues: Queues::default(),
            power: PowerSave::default(),
            tx: TxState::default(),
            rate: RateControl::new(config.address, config.rates),
            stats: PeerStats::new(now),
        }
    }

    /// Its address.
    pub const fn address(&self) -> MacAddr {
        self.config.address
    }

    /// Frames of the peer come on two ways from now on, and those that are overtaken are taken late; or no longer.
    pub(crate) fn expect_late(&mut self, expects: bool) {
        let counters = self.pairwise.as_mut().map(|sa| &mut sa.rx);
        if expects {
            self.duplicates.expect_late();
            counters.map(ReplayCounters::expect_late);
        } else {
            self.duplicates.expect_no_more();
            counters.map(ReplayCounters::expect_no_more);
        }
    }

    /// The last frames taken from it.
    pub const fn duplicates(&self) -> &DuplicateCache {
        &self.duplicates
    }

    /// What was agreed with it.
    pub const fn config(&self) -> &PeerConfig {
        &self.config
    }

    /// Data may pass: the association is open, or its handshake is complete.
    pub const fn is_port_open(&self) -> bool {
        self.port_open
    }

    /// Opens the controlled port: the handshake is complete. Without a key nothing opens.
    pub const fn open_port(&mut self) {
        self.port_open = !self.config.protected || self.pairwise.is_some();
    }

    /// What is sent now is sent under this.
    pub const fn current_sa(&self) -> SaId {
        match &self.pairwise {
            Some(sa) => sa.id(),
            None => self.association,
        }
    }

    /// The pairwise key in use.
    pub const fn pairwise(&self) -> Option<&PairwiseSa> {
        self.pairwise.as_ref()
    }

    /// A rekey has begun: MSDUs that come from now on wait for the key that will be installed under `id`, so that data
    /// stands still while the keys change (SEC-K11).
    pub const fn begin_rekey(&mut self, id: SaId) {
        self.pending = Some(id);
    }

    /// Everything that was queued before [`Self::begin_rekey`] has left, and what became of it is known.
    pub fn has_drained(&self) -> bool {
        let current = Cover::Association(self.current_sa());
        let old = |queued: &Queued| queued.cover == current;
        let waits =
            AccessCategory::ALL.iter().any(|category| self.queues.view(*category).head().is_some_and(old));
        !waits && self.tx.fragments.is_empty() && self.tx.in_flight == 0
    }

    /// Takes a pairwise key into use for both directions. Fragments of before are forgotten (SEC-D5). A key that it
    /// replaces is no longer used for sending, and is read until the peer uses the new one, for four seconds at most.
    pub fn install_pairwise(&mut self, now: Instant, sa: PairwiseSa) {
        let sa = sa.with_spp_amsdu(self.config.spp_amsdu);
        self.fragments.clear();
        self.pending = None;
        self.previous = self.pairwise.replace(sa).map(|old| (old, now + OLD_KEY));
    }

    /// The key that was just installed replaces another. A station confirms it before it has installed it itself, and
    /// would lose what came at once: data waits until it has sent a frame under the key, or until [`Self::release_data`].
    pub const fn hold_data(&mut self) {
        self.held = true;
    }

    /// Whether data waits since [`Self::hold_data`].
    pub const fn holds_data(&self) -> bool {
        self.held
    }

    /// The peer has had time enough.
    pub const fn release_data(&mut self) {
        self.held = false;
    }

    /// From now on nothing leaves but the rest of an MSDU whose first fragment has left, and what was sent in vain goes back
    /// into its queue.
    pub const fn park(&mut self) {
        self.parked = true;
    }

    /// Frames leave again. Wake the peer in the scheduler.
    pub const fn unpark(&mut self) {
        self.parked = false;
    }

    /// The peer has changed its channel: what it polled for before, it does not wait for any more.
    pub const fn forget_polls(&mut self) {
        self.power.forget_polls();
    }

    /// No MSDU is half on the air.
    pub fn is_whole(&self) -> bool {
        self.tx.fragments.is_empty()
    }

    /// No EAPOL of ours waits.
    pub fn has_no_eapol(&self) -> bool {
        self.tx.urgent.is_empty()
    }

    /// Leaves its radio: it is in no ring of the scheduler there. Fragments that were heard and EAPOL that was to be
    /// repeated do not come along (SEC-H10).
    pub fn leave_radio(&mut self, pool: &mut BufferPool, drops: &mut DropCounts) {
        self.fragments.clear();
        self.tx.urgent.flush(DropReason::StaleAssociation, pool, drops);
        self.tx.leave_radio();
        self.parked = false;
    }

    /// What the peer can be sent with from now on. What was learned of rates is kept if they are the same.
    pub fn set_rates(&mut self, rates: Rates) {
        if self.config.rates != rates {
            self.config.rates = rates;
            self.rate = RateControl::new(self.config.address, rates);
        }
    }

    /// The end of the association: everything queued is dropped, then the keys are deleted, and the port is closed
    /// (SEC-H5).
    pub fn close(&mut self, pool: &mut BufferPool, drops: &mut DropCounts) {
        self.port_open = false;
        self.flush(DropReason::StaleAssociation, pool, drops);
        self.fragments.clear();
        (self.pairwise, self.previous, self.pending, self.held) = (None, None, None, false);
    }

    /// Its power-save state.
    pub const fn power_save(&self) -> &PowerSave {
        &self.power
    }

    /// How many MSDUs are queued for it.
    pub fn queued(&self) -> usize {
        self.queues.len() + self.tx.urgent.len()
    }

    /// Its bit in the TIM: it dozes, and frames wait that it has to poll for (802.11-2020 11.2.3.5.1).
    pub fn has_traffic_indication(&self) -> bool {
        let waits = |category: &AccessCategory| {
            (!self.config.uapsd.enabled(*category) || self.config.uapsd.all()) && self.waiting(*category)
        };
        self.power.is_dozing() && AccessCategory::ALL.iter().any(waits)
    }

    /// Drops what has waited too long. To be called about every 100 ms, and the peer to be woken in the scheduler after
    /// it.
    pub fn expire(&mut self, now: Instant, pool: &mut BufferPool, drops: &mut DropCounts) {
        self.give_up_probe(now);
        let age = self.config.buffer_age;
        for queue in self.queues.all() {
            queue.expire(now, age, pool, drops);
        }
        self.tx.urgent.expire(now, age, pool, drops);
        if self.previous.as_ref().is_some_and(|(_, until)| now > *until) {
            self.previous = None;
        }
    }

    pub(super) fn waiting(&self, category: AccessCategory) -> bool {
        let urgent = category == AccessCategory::Voice && !self.tx.urgent.is_empty();
        urgent || !self.queues.view(category).is_empty()
    }

    fn flush(&mut self, reason: DropReason, pool: &mut BufferPool, drops: &mut DropCounts) {
        for queue in self.queues.all() {
            queue.flush(reason, pool, drops);
        }
        self.tx.urgent.flush(reason, pool, drops);
        for outgoing in self.tx.fragments.drain(..) {
            pool.give(outgoing.frame);
            drops.count(reason);
        }
    }
}
