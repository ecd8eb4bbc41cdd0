//! Authentication and association (802.11-2020 11.3).

use std::time::Duration;

use crate::mac::DropReason;
use crate::sta::config::{LinkEnd, LinkEvent, LinkSecurity};
use crate::sta::data::Association;
use crate::sta::link::{Link, Phase};
use crate::sta::scan::Target;
use crate::sta::secure::Keys;
use crate::time::Instant;
use crate::wire::element::{ElementKind, ElementsBuf, Rsn, Ssid};
use crate::wire::management::{Algorithm, AssociationRequest, AssociationResponse, Authentication};
use crate::wire::{Capabilities, MacAddr, ManagementBody, StatusCode};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often a request is sent.
const TRIES: u8 = 4;
/// WMM information: subtype 0, version 1, no U-APSD.
const WMM_INFORMATION: [u8; 3] = [0, 1, 0];

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) target: Target,
    tries: u8,
    pub(super) deadline: Instant,
}

impl Link {
    pub(super) fn authenticate(&mut self, now: Instant, target: Target) {
        self.send_authentication(target.bssid);
        self.phase = Phase::Authenticating(Attempt { target, tries: 1, deadline: now + PATIENCE });
    }

    /// No answer: asks again, or gives up.
    pub(super) fn unanswered(&mut self, now: Instant) {
        let (bssid, associating, tries) = match &mut self.phase {
            Phase::Authenticating(attempt) => (attempt.target.bssid, None, &mut attempt.tries),
            Phase::Associating(attempt) => {
                (attempt.target.bssid, Some(attempt.target.qos), &mut attempt.tries)
            }
            _ => return,
        };
        if *tries >= TRIES {
            self.ended(now, LinkEnd::Unanswered);
            return;
        }
        *tries += 1;
        if let Phase::Authenticating(attempt) | Phase::Associating(attempt) = &mut self.phase {
            attempt.deadline = now + PATIENCE;
        }
        match associating {
            Some(qos) => self.send_association(bssid, qos),
            None => self.send_authentication(bssid),
        }
    }

    /// An authentication frame. One that was not asked for, of another BSS or of another step changes nothing (SEC-M13).
    pub(super) fn authenticated(
        &mut self,
        now: Instant,
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
            self.ended(now, LinkEnd::Refused(answer.status));
            return Ok(());
        }
        let target = attempt.target.clone();
        self.send_association(bssid, target.qos);
        self.phase = Phase::Associating(Attempt { target, tries: 1, deadline: now + PATIENCE });
        Ok(())
    }

    /// An association response; the same holds for it (SEC-M13).
    pub(super) fn associated(
        &mut self,
        now: Instant,
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
            self.ended(now, LinkEnd::Refused(answer.status));
            return Ok(());
        }
        let aid = answer.aid.number();
        if !(1..=2007).contains(&aid) {
            return Err(DropReason::BadAssociationId);
        }
        let mut target = attempt.target.clone();
        target.qos &= answer.elements.find_kind(ElementKind::WMM).is_some();
        let keys = match &self.config.security {
            LinkSecurity::Open => None,
            LinkSecurity::Wpa2(pmk) => {
                let heard = target.rsn.clone();
                Some(Keys::new(now, bssid, self.config.address, pmk.clone(), heard, rsn_element()))
            }
        };
        let open = keys.is_none();
        self.phase = Phase::Associated(Box::new(Association::new(now, target, aid, keys)));
        if open {
            self.joined();
            self.events.push_back(LinkEvent::Connected { bssid, aid });
        }
        Ok(())
    }

    fn send_authentication(&mut self, bssid: MacAddr) {
        let body = ManagementBody::Authentication(Authentication::open(1, StatusCode::SUCCESS));
        self.send_management(bssid, &body);
    }

    fn send_association(&mut self, bssid: MacAddr, qos: bool) {
        let mut elements = ElementsBuf::new();
        let ssid = self.config.ssid.clone();
        if let Some(ssid) = Ssid::new(&ssid) {
            elements.writer().put(&ssid).rates(&self.config.rates);
        }
        let private = self.config.security != LinkSecurity::Open;
        if private {
            elements.writer().raw(&rsn_element());
        }
        if qos {
            elements.writer().put_kind(ElementKind::WMM, |out| out.extend_from_slice(&WMM_INFORMATION));
        }
        let body = ManagementBody::AssociationRequest(AssociationRequest {
            capabilities: Capabilities::default()
                .with_ess(true)
                .with_short_slot(true)
                .with_qos(qos)
                .with_privacy(private),
            listen_interval: self.config.listen_interval,
            elements: elements.elements(),
        });
        self.send_management(bssid, &body);
    }
}

/// The RSN element of our association request.
fn rsn_element() -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Rsn::WPA2_PSK);
    elements.into_bytes()
}
