//! Data of an association, both ways.

use std::time::Duration;

use crate::mac::{DropReason, DuplicateCache, SequenceSpace, tid_of};
use crate::sta::config::{LinkConfig, LinkEnd, LinkEvent};
use crate::sta::doze::Power;
use crate::sta::link::{Link, Phase};
use crate::sta::scan::Target;
use crate::sta::secure::{Keys, Plain};
use crate::time::{Instant, earliest};
use crate::wire::management::{Beacon, Leave};
use crate::wire::{
    EtherType, EthernetFrame, Frame, Llc, MacAddr, MacHeader, ManagementBody, QosControl, SequenceControl,
};

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
    pub(super) keys: Option<Keys>,
    duplicates: DuplicateCache,
}

impl Association {
    pub(super) const fn new(now: Instant, target: Target, aid: u16, keys: Option<Keys>) -> Self {
        Self {
            target,
            aid,
            last_beacon: now,
            power: Power::Awake { idle_since: now },
            keys,
            duplicates: DuplicateCache::new(),
        }
    }

    pub(super) fn deadline(&self, config: &LinkConfig) -> (Instant, &'static str) {
        let lost = (self.beacons_lost(), "the AP's beacons are missing");
        // It dozes when it is connected, not before.
        let doze = self.power.deadline(config).filter(|_| self.port_open());
        let handshake = self.keys.as_ref().and_then(|keys| keys.supplicant.poll_timeout());
        earliest(Some(lost), earliest(doze, handshake)).unwrap_or(lost)
    }

    /// Data can flow.
    pub(super) fn port_open(&self) -> bool {
        self.keys.as_ref().is_none_or(|keys| keys.authorized)
    }

    /// Where the plaintext of a frame is, once it is decrypted if it has to be.
    fn decrypt(
        &mut self,
        heard: &Heard,
        null: bool,
        tid: u8,
        header_len: usize,
        mpdu: &mut [u8],
    ) -> Result<Plain, DropReason> {
        match &mut self.keys {
            Some(keys) if heard.protected => keys.open(heard.group, tid, header_len, mpdu),
            None if heard.protected => Err(DropReason::ProtectedUnexpectedly),
            // EAPOL alone may be in plaintext (SEC-D1); a null frame has nothing to protect.
            Some(_) if !null && !is_eapol(mpdu.get(header_len..).unwrap_or_default()) => {
                Err(DropReason::Unprotected)
            }
            _ => Ok(header_len..mpdu.len()),
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
        let Phase::Associated(association) = &mut self.phase else { return };
        if association.beacons_lost() <= now {
            self.ended(now, LinkEnd::BeaconLoss);
        } else {
            if let Some(keys) = &mut association.keys {
                keys.supplicant.handle_timeout(now);
            }
            self.settle(now);
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
    pub(super) fn data(&mut self, now: Instant, mpdu: &mut [u8]) -> Result<(), DropReason> {
        let Ok(Frame::Data(frame)) = Frame::parse(mpdu) else { return Err(DropReason::Malformed) };
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
        if group && (control.more_fragments() || frame.sequence().fragment() > 0) {
            return Err(DropReason::GroupFragment);
        }
        if control.more_fragments() || frame.sequence().fragment() > 0 {
            return Err(DropReason::FragmentWithoutFirst);
        }
        let heard = Heard {
            destination: frame.destination(),
            source: frame.source(),
            group,
            protected: control.protected(),
        };
        let (tid, null, sequence) = (frame.qos().map(|qos| qos.tid()), frame.is_null(), frame.sequence());
        let amsdu = frame.qos().is_some_and(|qos| qos.amsdu());
        let space = tid.filter(|_| !group).map_or(SequenceSpace::Common, SequenceSpace::Tid);
        // SEC-D7: an A-MSDU is never taken in plaintext, whatever it looks like.
        if amsdu && association.keys.is_some() && !heard.protected {
            return Err(DropReason::PlaintextAmsdu);
        }
        if !group && association.duplicates.is_duplicate(space, sequence, control.retry()) {
            return Err(DropReason::Duplicate);
        }
        let plain = association.decrypt(&heard, null, tid.unwrap_or(0), frame.header_len(), mpdu)?;
        if !group {
            association.duplicates.record(space, sequence);
        }
        self.heard_data(now, group, control.more_data());
        if null {
            return Ok(());
        }
        if amsdu {
            // A station that announces no HT is not sent any (802.11-2020 10.11).
            return Err(DropReason::UnsupportedType);
        }
        self.msdu(now, &heard, mpdu.get(plain).unwrap_or_default())
    }

    /// An MSDU that is what it says: EAPOL to the handshake, the rest to the network layer once the port is open.
    fn msdu(&mut self, now: Instant, heard: &Heard, msdu: &[u8]) -> Result<(), DropReason> {
        let frame = EthernetFrame::from_msdu(heard.destination, heard.source, msdu);
        let Phase::Associated(association) = &mut self.phase else { return Ok(()) };
        if let (Some(keys), Llc::Typed(EtherType::EAPOL, pdu)) = (&mut association.keys, frame.payload) {
            if heard.group {
                return Err(DropReason::EapolNotForUs);
            }
            keys.supplicant
                .handle_eapol(now, pdu, heard.protected, &mut *self.random)
                .map_err(|_| DropReason::EapolRejected)?;
            self.settle(now);
            return Ok(());
        }
        // The port opens after the handshake alone (SEC-K7).
        if !association.port_open() {
            return Err(DropReason::PortClosed);
        }
        if heard.group && association.keys.is_some() && is_unicast_ip(&frame.payload) {
            return Err(DropReason::UnicastInGroup);
        }
        let mut ethernet = Vec::new();
        frame.emit(&mut ethernet).map_err(|_| DropReason::MsduMalformed)?;
        self.events.push_back(LinkEvent::Msdu(ethernet));
        Ok(())
    }

    /// Sends what the handshake wants sent, then takes its keys, in this order.
    pub(super) fn settle(&mut self, now: Instant) {
        loop {
            let Phase::Associated(association) = &mut self.phase else { return };
            let Some(keys) = &mut association.keys else { return };
            if let Some(eapol) = keys.supplicant.poll_transmit() {
                let mut msdu = Vec::new();
                Llc::Typed(EtherType::EAPOL, &eapol.pdu).emit(&mut msdu);
                let bssid = association.target.bssid;
                if let Err(reason) = self.send_data(bssid, &msdu, eapol.protected) {
                    self.drops.count(reason);
                }
                continue;
            }
            let (bssid, aid) = (association.target.bssid, association.aid);
            match keys.settle() {
                Ok(true) => {
                    self.joined();
                    self.events.push_back(LinkEvent::Connected { bssid, aid });
                }
                Ok(false) => {}
                Err(failure) => {
                    let leave = ManagementBody::Deauthentication(Leave::new(failure.reason()));
                    self.send_management(bssid, &leave);
                    self.ended(now, LinkEnd::Handshake(failure));
                }
            }
            return;
        }
    }

    fn send_msdu(&mut self, now: Instant, ethernet: &[u8]) -> Result<(), DropReason> {
        let ethernet = EthernetFrame::parse(ethernet).map_err(|_| DropReason::MsduMalformed)?;
        let Phase::Associated(association) = &self.phase else { return Err(DropReason::NoDestination) };
        if !association.port_open() {
            return Err(DropReason::PortClosed);
        }
        let protected = association.keys.is_some();
        let mut msdu = Vec::new();
        ethernet.payload.emit(&mut msdu);
        if msdu.len() > MAX_MSDU {
            return Err(DropReason::MsduTooLong);
        }
        self.send_data(ethernet.destination, &msdu, protected)?;
        self.wake(now);
        self.settle(now);
        Ok(())
    }

    fn send_data(&mut self, destination: MacAddr, msdu: &[u8], protected: bool) -> Result<(), DropReason> {
        let Phase::Associated(association) = &mut self.phase else { return Err(DropReason::NoDestination) };
        let mut header = MacHeader::to_ds(association.target.bssid, self.config.address, destination);
        let mut space = SequenceSpace::Common;
        if association.target.qos {
            let tid = tid_of(msdu);
            header = header.with_qos(QosControl::new(tid));
            space = SequenceSpace::Tid(tid);
        }
        let header = header.with_sequence(SequenceControl::new(self.sequence.next(space), 0));
        let mut frame = Vec::with_capacity(header.len() + msdu.len());
        header.emit(&mut frame);
        if protected {
            let keys = association.keys.as_mut().ok_or(DropReason::NoKey)?;
            frame = keys.seal(&frame, msdu)?;
        } else {
            frame.extend_from_slice(msdu);
        }
        self.send(frame);
        Ok(())
    }
}

/// What a data frame's header said.
struct Heard {
    destination: MacAddr,
    source: MacAddr,
    group: bool,
    protected: bool,
}

/// An IP packet to one host, which must not come under a key that every station has (SEC-D13). An IPv4 address that
/// ends in 255 may be a subnet's broadcast address, and passes.
fn is_unicast_ip(payload: &Llc<'_>) -> bool {
    match payload {
        Llc::Typed(EtherType::IPV4, packet) => {
            packet.get(16).is_some_and(|first| !(224..240).contains(first))
                && packet.get(19).is_some_and(|last| *last != 255)
        }
        Llc::Typed(EtherType::IPV6, packet) => packet.get(24).is_some_and(|first| *first != 0xff),
        _ => false,
    }
}

fn is_eapol(msdu: &[u8]) -> bool {
    Llc::parse(msdu).ethertype() == Some(EtherType::EAPOL)
}
