//! From a virtual AP to its context.

use super::{Context, GroupRecord, MESSAGES, PairwiseRecord, SharedClock, StationRecord, SwitchRecord};
use crate::ap::config::Security;
use crate::ap::virtual_ap::{Rekey, Station, VirtualAp};
use crate::mac::Purpose;
use crate::time::Instant;

impl VirtualAp {
    /// The context with which another host can take over should this one fail. What is received and sent from now on is not
    /// in it, so it has neither queues nor receive counters: who uses it begins with a new handshake (SEC-H2).
    ///
    /// `None` if it is not of a single client, or while a handshake runs: ask again when that is over.
    pub fn context(&self, now: Instant, clock: SharedClock) -> Option<Context> {
        self.pack(now, clock, Purpose::Guard)
    }

    /// The context of a virtual AP that was taken out of its radio, for the move to another host. Of one that was not taken
    /// out there is none.
    pub fn into_context(self, now: Instant, clock: SharedClock) -> Option<Context> {
        self.pack(now, clock, Purpose::Move)
    }

    fn pack(&self, now: Instant, clock: SharedClock, purpose: Purpose) -> Option<Context> {
        if !self.can_move() {
            return None;
        }
        let client = self.client?;
        let station = self.stations.get(&client)?;
        let pmkid = match &self.config.security {
            Security::Open => None,
            Security::Wpa2(pmk) => Some(pmk.id(self.bssid, client)),
        };
        Some(Context {
            bssid: self.bssid,
            client,
            ssid: self.config.ssid.clone(),
            pmkid,
            pmk_lifetime: None,
            beacon_interval: self.config.beacon_interval,
            dtim_period: self.config.dtim_period.max(1),
            dtim_count: self.dtim_count,
            tbtt: self.tsf.at(if self.beacon_due { now } else { self.next_beacon }),
            tsf: self.tsf.ahead().wrapping_sub(clock.ahead),
            channel: self.channel,
            switch: self.switch_under_way().map(|switch| SwitchRecord { to: switch.to, at: switch.at }),
            burst: u16::try_from(self.burst).unwrap_or(u16::MAX),
            sequence: self.sequence.clone(),
            station: station.record(now, purpose),
            pairwise: station.pairwise_record(now, purpose),
            group: self.group.as_ref().map(|group| GroupRecord {
                gtk: group.current.data().gtk,
                key_id: group.current.tx.key_id(),
                sent: group.current.tx.spent(purpose),
                generation: group.current.generation,
                age: now.since(group.since()),
            }),
            group_queue: self.group_queue.record(now, purpose),
        })
    }
}

impl Station {
    fn record(&self, now: Instant, purpose: Purpose) -> StationRecord {
        let config = self.peer.config();
        let draining = match self.rekey {
            Rekey::Draining { until, .. } if purpose == Purpose::Move => Some(until.since(now)),
            _ => None,
        };
        StationRecord {
            association_id: config.association_id,
            qos: config.qos,
            uapsd: config.uapsd,
            max_amsdu: config.max_amsdu.map(|len| u16::try_from(len).unwrap_or(u16::MAX)),
            spp_amsdu: config.spp_amsdu,
            buffer_age: config.buffer_age,
            takes: self.takes,
            fast_beacons: self.beacon_rate.is_some(),
            request: self.request,
            age: now.since(self.since),
            proven: self.proven,
            asked: self.asked.map(|at| now.since(at)),
            key_age: now.since(self.key_since),
            draining,
            group_handed: self.group_handed,
            group_has: self.group_has,
            peer: self.peer.record(now, purpose),
        }
    }

    pub(super) fn pairwise_record(&self, now: Instant, purpose: Purpose) -> Option<PairwiseRecord> {
        let key = self.peer.pairwise()?.record(purpose);
        let mut authenticator = self.authenticator.as_ref()?.record(now)?;
        if purpose == Purpose::Guard {
            authenticator.counter = authenticator.counter.saturating_add(MESSAGES);
        }
        Some(PairwiseRecord { key, authenticator })
    }
}
