//! Data of an association, both ways.

use std::time::Duration;

use crate::mac::{DropReason, DuplicateCache, SequenceSpace, tid_of};
use crate::sta::config::{LinkConfig, LinkEnd, LinkEvent};
use crate::sta::doze::Power;
use crate::sta::link::{Link, Phase};
use crate::sta::scan::Target;
use crate::time::Instant;
use crate::wire::frame::DataFrame;
use crate::wire::management::Beacon;
use crate::wire::{EthernetFrame, MacAddr, MacHeader, QosControl, SequenceControl};

/// So many beacon intervals without a beacon, and at least [`SILENCE`]: the AP is gone.
const BEACONS_MISSED: u32 = 10;
const SILENCE: Duration = Duration::from_secs(1);
/// The longest MSDU (802.11-2020 9.2.4.7.1), in bytes.
const MAX_MSDU: usize = 2304;

#[derive(Debug)]
pub(super) struct Association {
    pub(super) target: Target,
    pub(super) aid: u16,
    pub(super) last_beacon: Instant,
    pub(super) power: Power,
    duplicates: DuplicateCache,
}

impl Association {
    pub(super) const fn new(now: Instant, target: Target, aid: u16) -> Self {
        Self {
            target,
            aid,
            last_beacon: now,
            power: Power::Awake { idle_since: now },
            duplicates: DuplicateCache::new(),
        }
    }

    pub(super) fn deadline(&self, config: &LinkConfig) -> (Instant, &'static str) {
        let lost = (self.beacons_lost(), "the AP's beacons are missing");
        match self.power.deadline(config) {
            Some(doze) if doze.0 < lost.0 => doze,
            _ => lost,
        }
    }

    pub(super) fn beacons_lost(&self) -> Instant {
        self.last_beacon + (self.target.interval * BEACONS_MISSED).max(SILENCE)
    }
}

impl Link {
    /// Sends an Ethernet frame. Without an association it is dropped.
    pub fn handle_msdu(&mut self, now: Instant, ethernet: &[u8]) {
        if let Err(reason) = self.send_msdu(now, ethernet) {
            self.drops.count(reason);
        }
    }

    pub(super) fn association_timeout(&mut self, now: Instant) {
        let Phase::Associated(association) = &self.phase else { return };
        if association.beacons_lost() <= now {
            self.ended(now, LinkEnd::BeaconLoss);
        } else {
            self.doze_timeout(now);
        }
    }

    pub(super) fn beacon(&mut self, now: Instant, bssid: MacAddr, beacon: &Beacon<'_>) {
        let Phase::Associated(association) = &mut self.phase else { return };
        if association.target.bssid == bssid {
            association.last_beacon = now;
            self.follow_tim(now, beacon);
        }
    }

    /// A data frame: the steps in their order, each with the name of its drop.
    pub(super) fn data(&mut self, now: Instant, frame: &DataFrame<'_>) -> Result<(), DropReason> {
        let own = self.config.address;
        let group = frame.addr1().is_group();
        if frame.addr1() != own && !group {
            return Err(DropReason::NotForUs);
        }
        // SEC-D13: a group frame that goes to the DS is not for stations either.
        let control = frame.frame_control();
        if control.to_ds() || !control.from_ds() {
            return Err(DropReason::WrongDirection);
        }
        let Phase::Associated(association) = &mut self.phase else {
            return Err(DropReason::UnknownStation);
        };
        if frame.addr2() != association.target.bssid {
            return Err(DropReason::WrongBssid);
        }
        if frame.source() == own {
            return Err(DropReason::OwnEcho);
        }
        if control.protected() {
            return Err(DropReason::ProtectedUnexpectedly);
        }
        if group && (control.more_fragments() || frame.sequence().fragment() > 0) {
            return Err(DropReason::GroupFragment);
        }
        if control.more_fragments() || frame.sequence().fragment() > 0 {
            return Err(DropReason::FragmentWithoutFirst);
        }
        let space = match frame.qos() {
            Some(qos) if !group => SequenceSpace::Tid(qos.tid()),
            _ => SequenceSpace::Common,
        };
        if !group {
            if association.duplicates.is_duplicate(space, frame.sequence(), control.retry()) {
                return Err(DropReason::Duplicate);
            }
            association.duplicates.record(space, frame.sequence());
        }
        self.heard_data(now, group, control.more_data());
        if frame.is_null() {
            return Ok(());
        }
        if frame.qos().is_some_and(|qos| qos.amsdu()) {
            // A station that announces no HT is not sent any (802.11-2020 10.11).
            return Err(DropReason::UnsupportedType);
        }
        let mut ethernet = Vec::new();
        EthernetFrame::from_msdu(frame.destination(), frame.source(), frame.payload())
            .emit(&mut ethernet)
            .map_err(|_| DropReason::MsduMalformed)?;
        self.events.push_back(LinkEvent::Msdu(ethernet));
        Ok(())
    }

    fn send_msdu(&mut self, now: Instant, ethernet: &[u8]) -> Result<(), DropReason> {
        let ethernet = EthernetFrame::parse(ethernet).map_err(|_| DropReason::MsduMalformed)?;
        let Phase::Associated(association) = &self.phase else { return Err(DropReason::NoDestination) };
        let mut msdu = Vec::new();
        ethernet.payload.emit(&mut msdu);
        if msdu.len() > MAX_MSDU {
            return Err(DropReason::MsduTooLong);
        }
        let (bssid, qos) = (association.target.bssid, association.target.qos);
        let mut header = MacHeader::to_ds(bssid, self.config.address, ethernet.destination);
        let mut space = SequenceSpace::Common;
        if qos {
            let tid = tid_of(&msdu);
            header = header.with_qos(QosControl::new(tid));
            space = SequenceSpace::Tid(tid);
        }
        let header = header.with_sequence(SequenceControl::new(self.sequence.next(space), 0));
        let mut frame = Vec::with_capacity(header.len() + msdu.len());
        header.emit(&mut frame);
        frame.extend_from_slice(&msdu);
        self.send(frame);
        self.wake(now);
        Ok(())
    }
}
