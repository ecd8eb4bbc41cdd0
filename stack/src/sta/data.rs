//! Data of an association, both ways.

use crate::mac::rx::{self, Delivery, Kept};
use crate::mac::{Bss, DropReason, Msdu, Turn};
use crate::sta::config::{LinkEnd, LinkEvent};
use crate::sta::link::{Link, Origin, PEER_WINDOW, Phase};
use crate::time::Instant;
use crate::wire::management::Beacon;
use crate::wire::{Frame, MacAddr, RxInfo};

/// An AP whose clock is set back by more, in microseconds, may have begun anew: less is corrected when clocks are brought into
/// step.
const JUMP: u64 = 100_000;

impl Link {
    /// Sends an Ethernet frame. Without an association it is dropped.
    pub fn handle_msdu(&mut self, now: Instant, ethernet: &[u8]) {
        self.now = now;
        let queued = Msdu::from_ethernet(ethernet).and_then(|msdu| {
            self.with_association(|association, context| association.peer.enqueue(context, &msdu).is_ok())
                .ok_or(DropReason::NoDestination)
        });
        match queued {
            Ok(true) => self.wake(),
            // The refusal was counted there.
            Ok(false) => {}
            Err(reason) => self.drops.count(reason),
        }
    }

    /// Takes a frame that was heard and decrypts it in place. Afterwards all polls may have something new.
    pub fn handle_frame(&mut self, now: Instant, info: &RxInfo, mpdu: &mut [u8]) {
        self.now = now;
        let bssid = self.bssid().unwrap_or(MacAddr::ZERO);
        let transmitter = mpdu.get(10..16).and_then(MacAddr::from_slice);
        let receiver = mpdu.get(4..10).and_then(MacAddr::from_slice);
        let (peer, group) = match &mut self.phase {
            Phase::Associated(association) if transmitter == Some(bssid) => {
                if receiver == Some(self.config.address) {
                    association.knows_us = Some(now);
                }
                (Some(&mut association.peer), Some(&mut association.group))
            }
            _ => (None, None),
        };
        let mut arrived = std::mem::take(&mut self.arrived);
        let pool = &mut self.event_pool;
        let bss = Bss::station(self.config.address, bssid);
        let late = peer.as_deref().is_some_and(|peer| !info.bad_fcs && rx::was_passed_over(peer, mpdu));
        let context = rx::Context { now, info, bss, peer, group, late, drops: &mut self.drops };
        // A drop is counted in there.
        let _ = rx::receive(context, mpdu, &mut |delivery: Delivery<'_>| {
            arrived.push(delivery.keep(pool));
        });
        for what in arrived.drain(..) {
            self.act(info, what, mpdu);
        }
        self.arrived = arrived;
        if let Phase::Associated(association) = &mut self.phase
            && association.settled(now)
        {
            self.schedule();
        }
    }

    fn act(&mut self, info: &RxInfo, what: Kept, mpdu: &[u8]) {
        let result = match what {
            Kept::Management => match Frame::parse(mpdu) {
                Ok(Frame::Management(frame)) => self.management(info, &frame),
                _ => Err(DropReason::Malformed),
            },
            Kept::Eapol(pdu, protected) => {
                let result = self.eapol(&pdu, protected);
                self.event_pool.give(pdu);
                result
            }
            Kept::Ethernet(ethernet) => {
                self.event(LinkEvent::Msdu(ethernet));
                Ok(())
            }
            Kept::Buffered { more_data, end_of_service_period, group } => {
                self.heard_data(more_data, end_of_service_period, group);
                Ok(())
            }
            // What only an AP is told.
            Kept::Doze(_) | Kept::Ready | Kept::Stranger(_) => Ok(()),
        };
        if let Err(reason) = result {
            self.drops.count(reason);
        }
    }

    pub(super) fn association_timeout(&mut self) {
        let now = self.now;
        let Phase::Associated(association) = &mut self.phase else { return };
        if association.beacons_lost() <= now {
            self.back_to_channel();
            self.ended(LinkEnd::BeaconLoss);
            return;
        }
        if let Some(supplicant) = &mut association.supplicant {
            supplicant.handle_timeout(now);
        }
        if association.settled(now) {
            self.schedule();
        }
        self.ask_due();
        self.settle();
        self.doze_timeout();
    }

    /// A beacon of our AP is also the clock by which old frames go.
    pub(super) fn beacon(&mut self, info: &RxInfo, bssid: MacAddr, beacon: &Beacon<'_>) {
        let now = self.now;
        let Phase::Associated(association) = &mut self.phase else { return };
        if association.target.bssid != bssid {
            return;
        }
        let before = std::mem::replace(&mut association.timestamp, beacon.timestamp);
        if beacon.timestamp.saturating_add(JUMP) < before {
            association.doubt(now);
        }
        (association.beacon, association.heard) = (Some(now), Some(now));
        association.peer.expire(now, &mut self.pool, &mut self.drops);
        self.give_up_lost();
        self.schedule();
        self.renew_key();
        self.follow_tim(beacon);
        self.followed(info);
        self.follow_elements(info, &beacon.elements);
    }

    /// Puts the AP into the scheduler if there is something to send to it.
    pub(super) fn schedule(&mut self) {
        if let Phase::Associated(association) = &mut self.phase {
            self.scheduler.wake(association.id, &mut association.peer, PEER_WINDOW);
        }
    }

    /// The next frame to the AP, by access category.
    pub(super) fn next_of_peer(&mut self) -> Option<(Origin, crate::mac::Outgoing)> {
        let mut scheduler = std::mem::take(&mut self.scheduler);
        let next = scheduler.poll(|id, category| {
            let turn = self.with_association(|association, context| {
                if association.id != id {
                    return Turn::Idle;
                }
                let turn = association.peer.poll(category, context);
                if matches!(turn, Turn::Idle) {
                    association.peer.unlist(category);
                }
                turn
            });
            match turn {
                Some(Turn::Sent(outgoing)) => Turn::Sent((Origin::Association(id), outgoing)),
                Some(Turn::Spent) => Turn::Spent,
                Some(Turn::Idle) | None => Turn::Idle,
            }
        });
        self.scheduler = scheduler;
        next
    }
}
