//! Frames in, MSDUs across the bridge, handshakes.

use crate::ap::admission::Pair;
use crate::ap::config::{ApEvent, NetworkId};
use crate::ap::radio::ApRadio;
use crate::mac::rx::{self, Delivery};
use crate::mac::{DropReason, Msdu, PairwiseSa};
use crate::rsn::AuthenticatorEvent;
use crate::time::Instant;
use crate::wire::{Frame, MacAddr, ReasonCode, RxInfo};

/// What a received frame brought, without a borrow of it.
#[derive(Debug)]
pub(super) enum Arrived {
    Management,
    Eapol(Vec<u8>, bool),
    Ethernet(Vec<u8>),
    Doze(bool),
    Ready,
    Stranger(MacAddr),
}

impl ApRadio {
    /// Takes a frame that was heard and decrypts it in place. Afterwards all polls may have something new.
    pub fn handle_frame(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) {
        let address = |at: usize| mpdu.get(at..at + 6).and_then(MacAddr::from_slice);
        let Some(receiver) = address(4) else {
            self.drops.count(DropReason::Malformed);
            return;
        };
        let transmitter = address(10).unwrap_or(MacAddr::ZERO);
        if receiver.is_group() {
            let bssids: Vec<MacAddr> = self.aps.keys().copied().collect();
            for bssid in bssids {
                self.receive(now, info, (bssid, transmitter), mpdu);
            }
        } else {
            self.receive(now, info, (receiver, transmitter), mpdu);
        }
    }

    /// Takes an Ethernet frame for the stations of a network.
    pub fn handle_msdu(&mut self, now: Instant, network: NetworkId, ethernet: &[u8]) {
        match (self.bssid_of(network), Msdu::from_ethernet(ethernet)) {
            (Some(bssid), Ok(msdu)) => self.deliver(now, bssid, &msdu),
            (None, _) => self.drops.count(DropReason::NoDestination),
            (_, Err(reason)) => self.drops.count(reason),
        }
    }

    /// Takes out what a station's handshake has to send and to say.
    pub(super) fn settle(&mut self, now: Instant, pair: Pair) {
        let id = self.sa_ids.next();
        let outcome = self.with_ap(now, pair.0, |ap, context, _| {
            let (mut joined, mut failed) = (false, None);
            let network = ap.config.id;
            let station = ap.stations.get_mut(&pair.1)?;
            let authenticator = station.authenticator.as_mut()?;
            while let Some(message) = authenticator.poll_transmit() {
                station.peer.enqueue_eapol(context, &message.pdu, message.protected);
            }
            while let Some(event) = authenticator.poll_event() {
                match event {
                    AuthenticatorEvent::InstallPairwise { tk, cipher } => {
                        match PairwiseSa::new(id, cipher, tk.expose()) {
                            Ok(sa) => station.peer.install_pairwise(now, sa),
                            Err(_) => failed = Some(ReasonCode::UNSPECIFIED),
                        }
                    }
                    AuthenticatorEvent::Authorized => {
                        station.peer.open_port();
                        joined = true;
                    }
                    AuthenticatorEvent::Failed(failure) => failed = Some(failure.reason()),
                    AuthenticatorEvent::GroupKeyDone
                    | AuthenticatorEvent::PairwiseRekeyRequested
                    | AuthenticatorEvent::GroupRekeyRequested => {}
                }
            }
            Some((network, joined, failed, authenticator.poll_timeout()))
        });
        let Some((network, joined, failed, timeout)) = outcome.flatten() else { return };
        if let Some((at, _)) = timeout {
            self.handshake = Some(self.handshake.map_or(at, |earlier| earlier.min(at)));
        }
        if joined {
            self.events.push_back(ApEvent::StationJoined { network, bssid: pair.0, station: pair.1 });
        }
        match failed {
            Some(reason) => self.leave(pair, reason, true),
            None => self.wake(pair),
        }
    }

    /// Lets every handshake see the time.
    pub(super) fn handshakes_due(&mut self, now: Instant) {
        self.handshake = None;
        for pair in self.pairs() {
            self.with_ap(now, pair.0, |ap, _, _| {
                if let Some(station) = ap.stations.get_mut(&pair.1)
                    && let Some(authenticator) = &mut station.authenticator
                {
                    authenticator.handle_timeout(now);
                }
            });
            self.settle(now, pair);
        }
    }

    fn receive(&mut self, now: Instant, info: &RxInfo, pair: Pair, mpdu: &mut [u8]) {
        let Some(ap) = self.aps.get_mut(&pair.0) else { return };
        let bss = ap.bss();
        let peer = ap.stations.get_mut(&pair.1).map(|station| &mut station.peer);
        let mut arrived = std::mem::take(&mut self.arrived);
        let pool = &mut self.event_pool;
        let context = rx::Context { now, info, bss, peer, group: None, drops: &mut self.drops };
        // A drop is counted in there.
        let _ = rx::receive(context, mpdu, &mut |delivery: Delivery<'_>| {
            arrived.push(match delivery {
                Delivery::Management(_) => Arrived::Management,
                Delivery::Eapol { pdu, protected } => {
                    let mut copy = pool.take();
                    copy.extend_from_slice(pdu);
                    Arrived::Eapol(copy, protected)
                }
                Delivery::Msdu(msdu) => {
                    let mut ethernet = pool.take();
                    msdu.emit_ethernet(&mut ethernet);
                    Arrived::Ethernet(ethernet)
                }
                Delivery::Doze => Arrived::Doze(true),
                Delivery::Wake => Arrived::Doze(false),
                Delivery::PsPoll | Delivery::Trigger => Arrived::Ready,
                Delivery::NotAssociated { transmitter } => Arrived::Stranger(transmitter),
                Delivery::Buffered { .. } => return,
            });
        });
        for what in arrived.drain(..) {
            self.act(now, pair, what, mpdu);
        }
        self.arrived = arrived;
    }

    fn act(&mut self, now: Instant, pair: Pair, what: Arrived, mpdu: &[u8]) {
        match what {
            Arrived::Management => {
                if let Ok(Frame::Management(frame)) = Frame::parse(mpdu)
                    && let Err(reason) = self.management(now, pair.0, &frame)
                {
                    self.drops.count(reason);
                }
            }
            Arrived::Eapol(pdu, protected) => {
                self.eapol(now, pair, &pdu, protected);
                self.event_pool.give(pdu);
            }
            Arrived::Ethernet(ethernet) => self.bridge(now, pair, ethernet),
            Arrived::Doze(dozing) => self.dozes(pair, dozing),
            Arrived::Ready => self.wake(pair),
            Arrived::Stranger(transmitter) => self.not_associated(now, (pair.0, transmitter)),
        }
    }

    fn dozes(&mut self, pair: Pair, dozing: bool) {
        let Some(ap) = self.aps.get_mut(&pair.0) else { return };
        let Some(station) = ap.stations.get_mut(&pair.1) else { return };
        if station.dozing != dozing {
            station.dozing = dozing;
            ap.dozing = if dozing { ap.dozing + 1 } else { ap.dozing.saturating_sub(1) };
            self.events.push_back(ApEvent::PowerSave { bssid: pair.0, station: pair.1, dozing });
        }
        self.wake(pair);
    }

    /// EAPOL-Start and -Logoff are among what the handshake has no use for (SEC-M4).
    fn eapol(&mut self, now: Instant, pair: Pair, pdu: &[u8], protected: bool) {
        let result = self.with_ap(now, pair.0, |ap, _, _| {
            let sent = ap.group.as_ref().map_or(0, |group| group.tx.last_sent());
            let authenticator = ap.stations.get_mut(&pair.1)?.authenticator.as_mut()?;
            authenticator.set_group_rsc(sent);
            authenticator.handle_eapol(now, pdu, protected).ok()
        });
        match result.flatten() {
            Some(()) => self.settle(now, pair),
            None => self.drops.count(DropReason::EapolRejected),
        }
    }

    /// What a station sent: to another station of the BSS, to all of them, to the distribution system.
    fn bridge(&mut self, now: Instant, pair: Pair, ethernet: Vec<u8>) {
        let Some(ap) = self.aps.get(&pair.0) else { return };
        let (network, isolate) = (ap.config.id, ap.config.isolate);
        let Ok(msdu) = Msdu::from_ethernet(&ethernet) else { return };
        let local = ap.stations.contains_key(&msdu.destination);
        if isolate && local {
            self.drops.count(DropReason::Isolated);
        } else if local || (msdu.destination.is_group() && !isolate) {
            self.deliver(now, pair.0, &msdu);
        }
        if local {
            self.event_pool.give(ethernet);
        } else {
            self.events.push_back(ApEvent::Msdu { network, ethernet });
        }
    }

    fn deliver(&mut self, now: Instant, bssid: MacAddr, msdu: &Msdu<'_>) {
        let to = msdu.destination;
        self.with_ap(now, bssid, |ap, context, _| {
            if to.is_group() {
                ap.group_queue.push(context, msdu);
            } else if let Some(station) = ap.stations.get_mut(&to) {
                // A refusal is counted in there.
                let _ = station.peer.enqueue(context, msdu);
            } else {
                context.drops.count(DropReason::NoDestination);
            }
        });
        self.wake((bssid, to));
    }
}
