//! One BSS as a value.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ap::announce::{Announcement, Announcer, Ends, rsn_element};
use crate::ap::channel_switch::ChannelSwitch;
use crate::ap::config::{NetworkConfig, RadioConfig, Security};
use crate::ap::group::Group;
use crate::ap::network::MAX_AID;
use crate::ap::tsf::Tsf;
use crate::mac::{Bss, GroupQueue, Peer, SaId, SequenceNumbers, SequenceSpace, TakenRates, TxRange};
use crate::random::Random;
use crate::rsn::Authenticator;
use crate::time::{Instant, TU};
use crate::wire::element::TimBitmap;
use crate::wire::{Channel, MacAddr, Rate, SequenceControl};

/// A station of a virtual AP.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) peer: Peer,
    /// The name of the association.
    pub(super) association: SaId,
    pub(super) authenticator: Option<Authenticator>,
    /// When the authenticator wants to see the time.
    pub(super) handshake_due: Option<Instant>,
    /// The numbers of the association request, by which a retransmission of it is known.
    pub(super) request: SequenceControl,
    pub(super) since: Instant,
    /// It has shown that it exists: it finished the handshake, or acknowledged something.
    pub(super) proven: bool,
    /// It was silent for too long and is asked since then whether it is there.
    pub(super) asked: Option<Instant>,
    pub(super) rekey: Rekey,
    /// When its pairwise key was installed.
    pub(super) key_since: Instant,
    /// The generation of the group key that it was handed last, and of the one that it has.
    pub(super) group_handed: u64,
    pub(super) group_has: u64,
    /// What it can be sent with, whatever radio does.
    pub(super) takes: TakenRates,
    /// When it was last said how it is heard.
    pub(super) reported: Option<Instant>,
    /// At what rate it is sent beacons that are meant for it alone, if it is near; the radio's choice if unset.
    pub(super) beacon_rate: Option<Rate>,
}

/// How far the replacement of a pairwise key is (SEC-K11). From its beginning on, what is queued waits for the new key,
/// which will have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rekey {
    None,
    /// What was queued before it goes out under the old key, until then at the latest.
    Draining {
        id: SaId,
        until: Instant,
    },
    /// The handshake runs.
    Handshake {
        id: SaId,
    },
    /// The station has confirmed the key, and is given until then at most to install it.
    Settling {
        until: Instant,
    },
}

/// One BSS: an owned value that refers to nothing outside itself.
#[derive(Debug)]
pub struct VirtualAp {
    pub(super) config: NetworkConfig,
    pub(super) bssid: MacAddr,
    /// The only station that it takes, in a per-client network.
    pub(super) client: Option<MacAddr>,
    /// Boxed: a node of the tree has room for eleven, and most virtual APs have one.
    pub(super) stations: BTreeMap<MacAddr, Box<Station>>,
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
    pub(super) tsf: Tsf,
    /// Nothing leaves: it is about to move.
    pub(super) parked: bool,
    /// The channel that its client was on last.
    pub(super) channel: Channel,
    /// Its client goes to another channel.
    pub(super) switch: Option<ChannelSwitch>,
}

impl VirtualAp {
    pub(super) fn new(
        config: NetworkConfig,
        bssid: MacAddr,
        client: Option<MacAddr>,
        channel: Channel,
        (now, tsf): (Instant, Tsf),
        range: TxRange,
        random: &mut dyn Random,
    ) -> Self {
        let protected = config.security != Security::Open;
        Self {
            rsn: rsn_element(&config.security),
            bssid,
            client,
            stations: BTreeMap::new(),
            group: if protected { Group::new(now, range, random) } else { None },
            group_queue: GroupQueue::new(protected),
            burst: 0,
            dozing: 0,
            sequence: SequenceNumbers::new(),
            dtim_count: 0,
            next_beacon: tsf.first_beacon(interval(&config), now),
            beacon_due: false,
            tsf,
            parked: false,
            channel,
            switch: None,
            config,
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

    /// The lowest association ID that is free.
    pub(super) fn free_aid(&self) -> Option<u16> {
        let mut used = [false; MAX_AID as usize + 1];
        for station in self.stations.values() {
            if let Some(slot) = used.get_mut(usize::from(station.peer.config().association_id)) {
                *slot = true;
            }
        }
        (1..=MAX_AID).find(|&aid| used.get(usize::from(aid)) == Some(&false))
    }

    /// Handshakes may begin: none may be under way when it moves, or its client changes the channel.
    pub(super) const fn has_time(&self) -> bool {
        !self.parked && self.switch.is_none()
    }

    /// Group frames may leave: nobody dozes, or a DTIM beacon has announced them.
    pub(super) fn releases_group_frames(&self) -> bool {
        !self.parked
            && !self.awaits_client()
            && !self.group_queue.is_empty()
            && (self.burst > 0 || self.dozing == 0)
    }

    /// Writes the next beacon and advances the DTIM count. Says whether it is a DTIM. That of a client's own virtual AP goes to
    /// all, too (802.11-2020 11.1.3.1): Linux drops others.
    pub(super) fn beacon(&mut self, now: Instant, radio: &RadioConfig, out: &mut Vec<u8>) -> bool {
        let dtim = self.dtim_count == 0;
        let period = self.config.dtim_period.max(1);
        let bitmap = self.traffic_indications();
        let tim = bitmap.tim(self.dtim_count, period, dtim && !self.group_queue.is_empty());
        let ends = Ends {
            bssid: self.bssid,
            to: MacAddr::BROADCAST,
            sequence: self.sequence.next(SequenceSpace::Common),
        };
        self.dtim_count = if dtim { period - 1 } else { self.dtim_count - 1 };
        let announcer = if self.client.is_some() { Announcer::Taken } else { Announcer::Bss };
        let switch = self.switch_announcement(now);
        Announcement { radio, network: &self.config, rsn: &self.rsn, announcer, switch }
            .beacon(ends, &tim, out);
        if dtim {
            self.burst = self.group_queue.len();
        }
        dtim
    }

    /// A station that is asked whether it is there finds its bit set, too: it will poll, and be heard.
    fn traffic_indications(&self) -> TimBitmap {
        let mut bitmap = TimBitmap::new();
        for station in self.stations.values() {
            let asked = station.asked.is_some() || self.awaits_client();
            let asked = asked && station.peer.power_save().is_dozing();
            if asked || station.peer.has_traffic_indication() {
                bitmap.set(station.peer.config().association_id, true);
            }
        }
        bitmap
    }
}

/// Between beacons.
pub(super) fn interval(network: &NetworkConfig) -> Duration {
    TU * u32::from(network.beacon_interval.max(1))
}
