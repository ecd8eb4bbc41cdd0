//! What a link has while it is associated.

use std::time::Duration;

use crate::mac::{Bss, GroupRx, Peer, PeerConfig, Rates, SaId, TxContext, Uapsd, robust_rate};
use crate::rsn::Supplicant;
use crate::sta::config::{Fetch, LinkConfig, LinkSecurity};
use crate::sta::doze::Power;
use crate::sta::follow::Switch;
use crate::sta::link::{Link, Phase};
use crate::sta::scan::Target;
use crate::time::{Instant, earliest};
use crate::wire::Elements;
use crate::wire::element::{HtCapabilities, Wmm};

/// So many beacon intervals without a beacon, and at least [`SILENCE`]: the AP is gone.
const BEACONS_MISSED: u32 = 10;
const SILENCE: Duration = Duration::from_secs(1);
/// Bit 7 of the QoS information of an AP: it knows U-APSD.
const KNOWS_UAPSD: u8 = 0x80;

/// One association: the AP as a peer, and what is kept besides.
#[derive(Debug)]
pub(super) struct Association {
    pub(super) id: SaId,
    pub(super) target: Target,
    pub(super) aid: u16,
    since: Instant,
    /// When the last beacon of it was heard, as if the radio had been there ever since.
    pub(super) beacon: Option<Instant>,
    /// The same as it was.
    pub(super) heard: Option<Instant>,
    /// The time of its clock in that beacon, in microseconds.
    pub(super) timestamp: u64,
    /// When it last acknowledged a frame.
    pub(super) alive: Option<Instant>,
    /// When it last sent us something; `None` if there is reason to doubt that it knows us.
    pub(super) knows_us: Option<Instant>,
    /// When it is asked whether it still knows us.
    pub(super) ask: Option<Instant>,
    pub(super) power: Power,
    /// How often a doze was announced.
    pub(super) announced: u32,
    pub(super) fetch: Fetch,
    pub(super) peer: Peer,
    pub(super) group: GroupRx,
    pub(super) supplicant: Option<Supplicant>,
    /// The name of the pairwise key that a rekey will bring.
    pub(super) pending: Option<SaId>,
    pub(super) rekey_requested: bool,
    /// Until when data waits at most for the AP to use a key that replaces another.
    pub(super) settling: Option<Instant>,
    /// The AP goes to another channel.
    pub(super) switch: Option<Switch>,
}

impl Association {
    pub(super) fn new(
        now: Instant,
        target: Target,
        agreed: PeerConfig,
        id: SaId,
        supplicant: Option<Supplicant>,
    ) -> Self {
        let fetch = if agreed.uapsd.all() { Fetch::Trigger } else { Fetch::Poll };
        Self {
            id,
            target,
            aid: agreed.association_id,
            since: now,
            beacon: None,
            heard: None,
            timestamp: 0,
            alive: None,
            knows_us: Some(now),
            ask: None,
            power: Power::Awake { idle_since: now },
            announced: 0,
            fetch,
            peer: Peer::new(now, agreed, id),
            group: GroupRx::new(),
            supplicant,
            pending: None,
            rekey_requested: false,
            settling: None,
            switch: None,
        }
    }

    pub(super) fn deadline(&self, config: &LinkConfig) -> (Instant, &'static str) {
        let lost = (self.beacons_lost(), "the AP's beacons are missing");
        // It dozes when it is connected, not before.
        let doze = self.power.deadline(config).filter(|_| self.peer.is_port_open());
        let handshake = self.supplicant.as_ref().and_then(Supplicant::poll_timeout);
        let switch = self.switch.and_then(Switch::deadline);
        let ask = self.ask.map(|at| (at, "the AP has been silent for long"));
        let ask = earliest(ask, self.settling.map(|at| (at, "the AP has installed its key")));
        earliest(earliest(Some(lost), switch), earliest(earliest(doze, ask), handshake)).unwrap_or(lost)
    }

    /// The AP seems to have begun anew: it is asked, and believed when it sends us something. A beacon alone ends nothing,
    /// since anybody can send one (SEC-M8).
    pub(super) const fn doubt(&mut self, now: Instant) {
        (self.knows_us, self.ask) = (None, Some(now));
    }

    /// Beacons that came meanwhile could not be heard.
    pub(super) fn pass_over(&mut self, time: Duration) {
        self.since += time;
        self.beacon = self.beacon.map(|beacon| beacon + time);
        self.alive = self.alive.map(|alive| alive + time);
    }

    pub(super) fn beacons_lost(&self) -> Instant {
        self.beacon.max(self.alive).unwrap_or(self.since)
            + (self.target.interval * BEACONS_MISSED).max(SILENCE)
    }
}

impl Link {
    /// What the association response says that the AP and we have in common.
    pub(super) fn agreed(&self, target: &Target, aid: u16, elements: &Elements<'_>) -> PeerConfig {
        let wmm = elements.get::<Wmm<'_>>().ok().flatten().and_then(|wmm| wmm.qos()).filter(|_| target.qos);
        let ht = elements.get::<HtCapabilities<'_>>().ok().flatten().filter(|_| target.ht);
        let triggers = self.config.fetch == Fetch::Trigger && wmm.is_some_and(|qos| qos & KNOWS_UAPSD != 0);
        PeerConfig {
            association_id: aid,
            protected: self.config.security != LinkSecurity::Open,
            qos: wmm.is_some(),
            uapsd: if triggers { Uapsd::ALL } else { Uapsd::default() },
            max_amsdu: wmm.and(ht).map(|ht| ht.max_amsdu()),
            fragmentation_threshold: self.config.fragmentation_threshold,
            rates: Rates::agreed(&target.rates, self.config.ht_streams, elements),
            ..PeerConfig::new(target.bssid)
        }
    }

    /// Runs `f` with the association, if there is one, and the context to transmit in it.
    pub(super) fn with_association<T>(
        &mut self,
        f: impl FnOnce(&mut Association, &mut TxContext<'_>) -> T,
    ) -> Option<T> {
        let Phase::Associated(association) = &mut self.phase else { return None };
        let mut context = TxContext {
            now: self.now,
            bss: Bss::station(self.config.address, association.target.bssid),
            pool: &mut self.pool,
            drops: &mut self.drops,
            sequence: &mut self.sequence,
            max_mpdu: self.config.max_mpdu,
            peer_window: super::link::PEER_WINDOW,
            robust_rate: robust_rate(&association.target.rates),
        };
        Some(f(association, &mut context))
    }
}
