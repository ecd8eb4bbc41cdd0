//! From a context to the virtual AP.

use std::collections::BTreeMap;

use super::{
    Context, ContextError, GroupRecord, KeyId, PairwiseRecord, SharedClock, StationRecord, SwitchRecord,
};
use crate::ap::announce::rsn_element;
use crate::ap::channel_switch::ChannelSwitch;
use crate::ap::config::{NetworkConfig, Security, VirtualApKind};
use crate::ap::group::Group;
use crate::ap::network::MAX_AID;
use crate::ap::transmit::BEACON_RATE;
use crate::ap::tsf::Tsf;
use crate::ap::virtual_ap::{Rekey, Station, VirtualAp, interval};
use crate::crypto::Cipher;
use crate::mac::{
    GroupQueue, InstallError, PairwiseSa, Peer, PeerConfig, Rates, ReplayCounters, TxPn, TxRange,
};
use crate::rsn::{Akm, Authenticator, AuthenticatorConfig, GroupKeyData, Pmk};
use crate::time::Instant;
use crate::wire::{MacAddr, RecordError};

impl Context {
    /// The virtual AP, to be [adopted](crate::ap::ApRadio::adopt) by a radio that serves `config`. `range` gives the packet
    /// numbers for each transmit key, by its name and the highest number that was used or reserved: they have to be above
    /// that (SEC-H1).
    pub fn into_virtual_ap(
        self,
        now: Instant,
        clock: SharedClock,
        config: &NetworkConfig,
        mut range: impl FnMut(KeyId, u64) -> Option<TxRange>,
    ) -> Result<VirtualAp, ContextError> {
        let pmk = self.check(config)?;
        let Self { bssid, client, sequence, station, pairwise, group, group_queue, .. } = self;
        let group = group.map(|group| group.restore(now, &mut range)).transpose()?;
        let data = group.as_ref().map(|group| group.current.data());
        let parties = pmk.zip(data).map(|(pmk, group)| (pmk, group, (bssid, client)));
        let keys = match pairwise.zip(parties) {
            Some((pairwise, parties)) => Some(pairwise.restore(now, parties, config, &mut range)?),
            None => None,
        };
        let dozing = usize::from(station.peer.is_dozing());
        let station = station.restore(now, client, config, keys)?;
        let tsf = Tsf::ahead_of_clock(self.tsf.wrapping_add(clock.ahead));
        let protected = config.security != Security::Open;
        let (beacon_interval, dtim_period) = (self.beacon_interval, self.dtim_period);
        let config = NetworkConfig { beacon_interval, dtim_period, ..config.clone() };
        Ok(VirtualAp {
            bssid,
            client: Some(client),
            stations: BTreeMap::from([(client, Box::new(station))]),
            rsn: rsn_element(&config.security),
            group,
            group_queue: GroupQueue::restore(now, protected, group_queue)?,
            burst: usize::from(self.burst),
            dozing,
            sequence,
            dtim_count: self.dtim_count,
            next_beacon: tsf.next_beacon(interval(&config), now),
            // One that came due on the way goes at once.
            beacon_due: tsf.at(now) >= self.tbtt,
            tsf,
            parked: true,
            channel: self.channel,
            switch: self.switch.map(|SwitchRecord { to, at }| ChannelSwitch {
                to,
                at,
                quiet: false,
                action: false,
                wait: None,
            }),
            config,
        })
    }

    /// Whether both hosts mean the same network, and the fields what can be. The PMK, if there is one.
    fn check(&self, config: &NetworkConfig) -> Result<Option<Pmk>, ContextError> {
        let (pmk, pmkid) = match &config.security {
            Security::Open => (None, None),
            Security::Wpa2(pmk) => (Some(pmk.clone()), Some(pmk.id(self.bssid, self.client))),
        };
        let protected = pmk.is_some();
        let keys = (self.pairwise.is_some(), self.group.is_some()) == (protected, protected);
        let suites = self.pairwise.as_ref().is_none_or(|PairwiseRecord { authenticator, .. }| {
            (authenticator.akm, authenticator.cipher) == (Akm::Psk, Cipher::Ccmp128)
        });
        let same = (&self.ssid, self.pmkid) == (&config.ssid, pmkid);
        if !same || !keys || !suites || config.kind != VirtualApKind::PerClient {
            return Err(ContextError::OtherNetwork);
        }
        if self.pmk_lifetime.is_some() {
            return Err(RecordError::Impossible("a PSK that expires").into());
        }
        if self.beacon_interval == 0 || self.dtim_count >= self.dtim_period {
            return Err(RecordError::Impossible("such a beacon interval or DTIM count").into());
        }
        if !(1..=MAX_AID).contains(&self.station.association_id) || self.client.is_group() {
            return Err(RecordError::Impossible("such an association").into());
        }
        Ok(pmk)
    }
}

impl GroupRecord {
    fn restore(
        self,
        now: Instant,
        range: &mut impl FnMut(KeyId, u64) -> Option<TxRange>,
    ) -> Result<Group, ContextError> {
        let Self { gtk, key_id, sent, generation, age } = self;
        let tx = numbers(gtk.expose(), sent, range)?;
        Group::moved(gtk, key_id, generation, tx, now - age).map_err(no_key)
    }
}

impl PairwiseRecord {
    fn restore(
        self,
        now: Instant,
        (pmk, group, (aa, spa)): (Pmk, GroupKeyData, (MacAddr, MacAddr)),
        config: &NetworkConfig,
        range: &mut impl FnMut(KeyId, u64) -> Option<TxRange>,
    ) -> Result<(PairwiseSa, Authenticator), ContextError> {
        let Self { key, authenticator } = self;
        let tk = &authenticator.ptk.tk;
        let tx = numbers(tk.expose(), key.sent, range)?;
        let received = key.received.clone().unwrap_or(ReplayCounters::after(0));
        let sa =
            PairwiseSa::moved(key.id, authenticator.cipher, tk.expose(), tx, received).map_err(no_key)?;
        let sa = if key.received.is_some() { sa } else { sa.with_unknown_counters() };
        let config = AuthenticatorConfig {
            aa,
            spa,
            pmk,
            akm: authenticator.akm,
            pairwise: authenticator.cipher,
            group,
            ap_elements: rsn_element(&config.security),
            sta_elements: Vec::new(),
        };
        Ok((sa, Authenticator::restore(now, config, authenticator)))
    }
}

impl StationRecord {
    fn restore(
        self,
        now: Instant,
        client: MacAddr,
        config: &NetworkConfig,
        keys: Option<(PairwiseSa, Authenticator)>,
    ) -> Result<Station, ContextError> {
        let peer_config = PeerConfig {
            association_id: self.association_id,
            protected: keys.is_some(),
            qos: self.qos,
            uapsd: self.uapsd,
            max_amsdu: self.max_amsdu.map(usize::from),
            spp_amsdu: self.spp_amsdu,
            fragmentation_threshold: config.fragmentation_threshold,
            rates: Rates::LOWEST,
            buffer_age: self.buffer_age,
            ..PeerConfig::new(client)
        };
        let (association, pending) = (self.peer.association, self.peer.pending());
        let draining = pending.zip(self.draining);
        if pending.is_some() != draining.is_some() {
            return Err(RecordError::Impossible("a rekey of which nothing is known").into());
        }
        let (sa, authenticator) = keys.unzip();
        Ok(Station {
            peer: Peer::restore(now, peer_config, self.peer, sa)?,
            association,
            authenticator,
            handshake_due: None,
            request: self.request,
            since: now - self.age,
            proven: self.proven,
            asked: self.asked.map(|age| now - age),
            rekey: draining.map_or(Rekey::None, |(id, left)| Rekey::Draining { id, until: now + left }),
            key_since: now - self.key_age,
            group_handed: self.group_handed,
            group_has: self.group_has,
            takes: self.takes,
            reported: None,
            beacon_rate: self.fast_beacons.then_some(BEACON_RATE),
        })
    }
}

/// The packet numbers of a key from now on.
fn numbers(
    key: &[u8],
    used: u64,
    range: &mut impl FnMut(KeyId, u64) -> Option<TxRange>,
) -> Result<TxPn, ContextError> {
    let range = range(KeyId::of(key), used).ok_or(ContextError::NoRange)?;
    if range.after < used {
        return Err(ContextError::RangeTooLow { given: range.after, used });
    }
    Ok(TxPn::within(range))
}

fn no_key(_: InstallError) -> ContextError {
    RecordError::Impossible("such a key").into()
}
