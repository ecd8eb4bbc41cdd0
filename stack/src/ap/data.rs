//! Frames in, MSDUs across the bridge.

use crate::ap::admission::Pair;
use crate::ap::arrival::Turn;
use crate::ap::block::Place;
use crate::ap::config::{ApEvent, NetworkId};
use crate::ap::management::Standing;
use crate::ap::radio::ApRadio;
use crate::mac::rx::{self, Delivery, Kept};
use crate::mac::{Bss, DropReason, Msdu};
use crate::time::Instant;
use crate::wire::{Frame, MacAddr, RxInfo};

impl ApRadio {
    /// Takes a frame that was heard and decrypts it in place. Afterwards all polls may have something new.
    pub fn handle_frame(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) {
        if let Err(reason) = self.dispatch(now, info, mpdu) {
            self.drops.count(reason);
        }
    }

    /// Takes an Ethernet frame for the stations of a network.
    pub fn handle_msdu(&mut self, now: Instant, network: NetworkId, ethernet: &[u8]) {
        match (self.position(network), Msdu::from_ethernet(ethernet)) {
            (Some(position), Ok(msdu)) if msdu.destination.is_group() => {
                self.deliver_to_group(now, position, None, &msdu);
            }
            (Some(position), Ok(msdu)) => match self.directory.settled(position, msdu.destination) {
                Some(place) => self.deliver(now, place, &msdu),
                None => self.drops.count(DropReason::NoDestination),
            },
            (None, _) => self.drops.count(DropReason::NoDestination),
            (_, Err(reason)) => self.drops.count(reason),
        }
    }

    /// To the BSS whose BSSID is the receiver. Frames to groups are looked at once: of these an AP wants probe requests
    /// only. Nothing comes from an address of our own block (SEC-M3), and nothing is for us that is for another radio.
    fn dispatch(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) -> Result<(), DropReason> {
        let address = |at: usize| mpdu.get(at..at + 6).and_then(MacAddr::from_slice);
        let receiver = address(4).ok_or(DropReason::Malformed)?;
        let transmitter = address(10).unwrap_or(MacAddr::ZERO);
        if let Some(place) = self.block().place(transmitter).filter(|_| !info.bad_fcs) {
            self.report_beacon(now, place, mpdu);
            return Err(DropReason::BadTransmitter);
        }
        let place = if receiver.is_group() { self.own_at(0) } else { self.block().place(receiver) };
        let pair = (place.ok_or(DropReason::NotForUs)?, transmitter);
        let mut late = false;
        if !receiver.is_group() {
            self.report_signal(now, info, pair);
            if self.standing(pair) == Standing::Elsewhere {
                return self.stray(info, pair, mpdu);
            }
            // What another radio heard on its channel, and passed on, says nothing about this one.
            if !info.bad_fcs && info.frequency == Some(self.config.channel.frequency()) {
                self.followed(now, pair);
            }
            match self.turn(now, info, pair, mpdu) {
                Turn::Now => {}
                Turn::Later(numbers) => {
                    self.keep_early(now, info, pair, numbers, mpdu);
                    return Ok(());
                }
                Turn::Late => late = true,
                Turn::Never => return Err(DropReason::Duplicate),
            }
        }
        self.receive(now, info, pair, mpdu, late);
        self.release_arrivals(now, pair.0);
        Ok(())
    }

    /// `late`: frames that were sent after it may have been taken before.
    pub(super) fn receive(&mut self, now: Instant, info: &RxInfo, pair: Pair, mpdu: &mut [u8], late: bool) {
        let bss = Bss::access_point(self.block().bssid(pair.0));
        let slot = self.slots.get_mut(pair.0.index()).and_then(Option::as_deref_mut);
        let station = slot.and_then(|slot| slot.ap.stations.get_mut(&pair.1));
        let peer = station.map(|station| &mut station.peer);
        let mut arrived = std::mem::take(&mut self.arrived);
        let pool = &mut self.event_pool;
        let context = rx::Context { now, info, bss, peer, group: None, late, drops: &mut self.drops };
        // A drop is counted in there.
        let result = rx::receive(context, mpdu, &mut |delivery: Delivery<'_>| {
            arrived.push(delivery.keep(pool));
        });
        if result.is_ok() {
            self.heard(now, pair);
        }
        for what in arrived.drain(..) {
            self.act(now, pair, what, mpdu);
        }
        self.arrived = arrived;
    }

    /// A frame of the station was taken, a PS-Poll perhaps: it is there.
    fn heard(&mut self, now: Instant, pair: Pair) {
        let Some(station) = self.ap_mut(pair.0).and_then(|ap| ap.stations.get_mut(&pair.1)) else { return };
        station.heard(now);
        if station.settled(now) {
            self.settle(now, pair);
        }
    }

    fn act(&mut self, now: Instant, pair: Pair, what: Kept, mpdu: &[u8]) {
        match what {
            Kept::Management => {
                if let Ok(Frame::Management(frame)) = Frame::parse(mpdu)
                    && let Err(reason) = self.management(now, pair.0, &frame)
                {
                    self.drops.count(reason);
                }
            }
            Kept::Eapol(pdu, protected) => {
                self.eapol(now, pair, &pdu, protected);
                self.event_pool.give(pdu);
            }
            Kept::Ethernet(ethernet) => self.bridge(now, pair, ethernet),
            Kept::Doze(dozing) => self.dozes(pair, dozing),
            Kept::Ready => self.wake(pair),
            Kept::Stranger(transmitter) => self.not_associated(now, (pair.0, transmitter)),
            // What only a station is told.
            Kept::Buffered { .. } => {}
        }
    }

    fn dozes(&mut self, pair: Pair, dozing: bool) {
        let Some(ap) = self.ap_mut(pair.0) else { return };
        if !ap.stations.contains_key(&pair.1) {
            return;
        }
        ap.dozing = if dozing { ap.dozing + 1 } else { ap.dozing.saturating_sub(1) };
        let bssid = ap.bssid;
        self.event(ApEvent::PowerSave { bssid, station: pair.1, dozing });
        self.wake(pair);
        self.wake_group(pair.0, false);
    }

    /// What a station sent: to another station of its network, to all of them, to the distribution system.
    fn bridge(&mut self, now: Instant, pair: Pair, ethernet: Vec<u8>) {
        let Some(slot) = self.slot(pair.0) else { return };
        let (position, network, isolate) = (slot.network, slot.ap.config.id, slot.ap.config.isolate);
        let Ok(msdu) = Msdu::from_ethernet(&ethernet) else {
            self.drops.count(DropReason::MsduMalformed);
            self.event_pool.give(ethernet);
            return;
        };
        if msdu.destination.is_group() {
            if !isolate {
                self.deliver_to_group(now, position, Some(pair.0), &msdu);
            }
            self.event(ApEvent::Msdu { network, ethernet });
            return;
        }
        let Some(place) = self.directory.settled(position, msdu.destination) else {
            self.event(ApEvent::Msdu { network, ethernet });
            return;
        };
        if isolate {
            self.drops.count(DropReason::Isolated);
        } else {
            self.deliver(now, place, &msdu);
        }
        self.event_pool.give(ethernet);
    }

    /// To every BSS of the network in which there is somebody to hear it. What came from a client's own BSS does not go
    /// back there; in a shared one others hear it, and the sender knows its own frames.
    fn deliver_to_group(&mut self, now: Instant, position: usize, from: Option<Place>, msdu: &Msdu<'_>) {
        let count = self.networks.get(position).map_or(0, |network| network.members.len());
        for index in 0..count {
            let member = self.networks.get(position).and_then(|network| network.members.get(index)).copied();
            let Some(place) = member else { return };
            self.with_ap(now, place, |ap, context| {
                let back = from == Some(place) && ap.client.is_some();
                if !back && ap.stations.values().any(|station| station.peer.is_port_open()) {
                    ap.group_queue.push(context, msdu);
                }
            });
            self.wake_group(place, false);
        }
    }

    fn deliver(&mut self, now: Instant, place: Place, msdu: &Msdu<'_>) {
        let to = msdu.destination;
        self.with_ap(now, place, |ap, context| match ap.stations.get_mut(&to) {
            Some(station) => {
                // A refusal is counted in there.
                let _ = station.peer.enqueue(context, msdu);
            }
            None => context.drops.count(DropReason::NoDestination),
        });
        self.wake((place, to));
    }
}
