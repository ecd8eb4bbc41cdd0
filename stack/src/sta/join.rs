//! Authentication and association (802.11-2020 11.3).

use std::time::Duration;

use crate::mac::{DropReason, Uapsd};
use crate::sta::association::Association;
use crate::sta::config::{Fetch, LinkEnd, LinkSecurity};
use crate::sta::link::{Link, Phase};
use crate::sta::scan::Target;
use crate::sta::secure::{rsn_element, supplicant};
use crate::time::Instant;
use crate::wire::element::{ElementsBuf, HtCapabilities, Ssid, Wmm};
use crate::wire::management::{
    Algorithm, AssociationRequest, AssociationResponse, Authentication, ReassociationRequest,
};
use crate::wire::{Capabilities, ElementId, MacAddr, ManagementBody, StatusCode};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often a request is sent.
const TRIES: u8 = 4;
/// HT capability information: spatial multiplexing power save disabled, A-MSDUs of 3839 bytes.
const HT_INFORMATION: u16 = 0x000c;

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) target: Target,
    tries: u8,
    pub(super) deadline: Instant,
}

impl Link {
    pub(super) fn authenticate(&mut self, target: Target) {
        self.send_authentication(target.bssid);
        self.phase = Phase::Authenticating(Attempt { target, tries: 1, deadline: self.now + PATIENCE });
    }

    /// No answer: asks again, or gives up.
    pub(super) fn unanswered(&mut self) {
        let deadline = self.now + PATIENCE;
        let (Phase::Authenticating(attempt) | Phase::Associating(attempt)) = &mut self.phase else { return };
        if attempt.tries >= TRIES {
            self.ended(LinkEnd::Unanswered);
            return;
        }
        attempt.tries += 1;
        attempt.deadline = deadline;
        let target = attempt.target.clone();
        if matches!(self.phase, Phase::Associating(_)) {
            self.send_association(&target);
        } else {
            self.send_authentication(target.bssid);
        }
    }

    /// An authentication frame. One that was not asked for, of another BSS or of another step changes nothing (SEC-M13).
    pub(super) fn authenticated(
        &mut self,
        bssid: MacAddr,
        answer: &Authentication<'_>,
    ) -> Result<(), DropReason> {
        let Phase::Authenticating(attempt) = &self.phase else {
            return Err(DropReason::UnexpectedManagement);
        };
        if attempt.target.bssid != bssid {
            return Err(DropReason::WrongBssid);
        }
        if (answer.algorithm, answer.transaction) != (Algorithm::OPEN, 2) {
            return Err(DropReason::UnexpectedManagement);
        }
        if answer.status != StatusCode::SUCCESS {
            if answer.status == StatusCode::SUGGESTED_BSS_TRANSITION {
                self.look_elsewhere(bssid);
            }
            self.ended(LinkEnd::Refused(answer.status));
            return Ok(());
        }
        let target = attempt.target.clone();
        self.send_association(&target);
        self.phase = Phase::Associating(Attempt { target, tries: 1, deadline: self.now + PATIENCE });
        Ok(())
    }

    /// An association response; the same holds for it (SEC-M13).
    pub(super) fn associated(
        &mut self,
        bssid: MacAddr,
        answer: &AssociationResponse<'_>,
    ) -> Result<(), DropReason> {
        let Phase::Associating(attempt) = &self.phase else {
            return Err(DropReason::UnexpectedManagement);
        };
        if attempt.target.bssid != bssid {
            return Err(DropReason::WrongBssid);
        }
        if answer.status != StatusCode::SUCCESS {
            self.ended(LinkEnd::Refused(answer.status));
            return Ok(());
        }
        let aid = answer.aid.number();
        if !(1..=2007).contains(&aid) {
            return Err(DropReason::BadAssociationId);
        }
        let target = attempt.target.clone();
        let agreed = self.agreed(&target, aid, &answer.elements);
        let supplicant = match &self.config.security {
            LinkSecurity::Open => None,
            LinkSecurity::Wpa2(pmk) => {
                let own = self.config.address;
                Some(supplicant(self.now, bssid, own, pmk.clone(), target.rsn.clone()))
            }
        };
        let open = supplicant.is_none();
        let association = Association::new(self.now, target, agreed, self.sa_ids.next(), supplicant);
        self.phase = Phase::Associated(Box::new(association));
        if open {
            self.joined(bssid, aid);
        }
        Ok(())
    }

    fn send_authentication(&mut self, bssid: MacAddr) {
        let body = ManagementBody::Authentication(Authentication::open(1, StatusCode::SUCCESS));
        self.send_management(bssid, &body);
    }

    /// Asks to join, or to move here from the BSS that was lost.
    fn send_association(&mut self, target: &Target) {
        let elements = self.association_elements(target);
        let elements = elements.elements();
        let capabilities = Capabilities::default()
            .with_ess(true)
            .with_short_slot(true)
            .with_qos(target.qos)
            .with_privacy(self.config.security != LinkSecurity::Open);
        let listen_interval = self.config.listen_interval;
        let body = match self.left {
            None => ManagementBody::AssociationRequest(AssociationRequest {
                capabilities,
                listen_interval,
                elements,
            }),
            Some(current_ap) => ManagementBody::ReassociationRequest(ReassociationRequest {
                capabilities,
                listen_interval,
                current_ap,
                elements,
            }),
        };
        self.send_management(target.bssid, &body);
    }

    fn association_elements(&self, target: &Target) -> ElementsBuf {
        let mut elements = ElementsBuf::new();
        let mut writer = elements.writer();
        if let Some(ssid) = Ssid::new(&self.config.ssid) {
            writer.put(&ssid).rates(&target.rates);
        }
        if self.config.security != LinkSecurity::Open {
            writer.raw(&rsn_element());
        }
        if target.ht {
            let second = if self.config.ht_streams > 1 { 0xff } else { 0 };
            let data = HtCapabilities::data(HT_INFORMATION, 0, [0xff, second, 0, 0]);
            writer.element(ElementId::HT_CAPABILITIES, &data);
        }
        if target.qos {
            let uapsd = if self.config.fetch == Fetch::Trigger { Uapsd::ALL } else { Uapsd::default() };
            writer.put(&Wmm::Information { qos: uapsd.flags });
        }
        elements
    }
}
