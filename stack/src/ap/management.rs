//! Probes, authentication, association, leaving (802.11-2020 11.3).

use std::time::Duration;

use crate::ap::admission::Pair;
use crate::ap::beacon::rates;
use crate::ap::config::{ApEvent, Security};
use crate::ap::radio::ApRadio;
use crate::ap::virtual_ap::{Station, VirtualAp};
use crate::crypto::Cipher;
use crate::mac::{DropReason, Peer, PeerConfig, Uapsd};
use crate::rsn::{Akm, Authenticator, AuthenticatorConfig};
use crate::time::{Instant, TU};
use crate::wire::element::{AkmSuite, CipherSuite, ElementKind, ElementsBuf, HtCapabilities, Rsn, Wmm};
use crate::wire::frame::ManagementFrame;
use crate::wire::management::{Action, Algorithm, AssociationResponse, Authentication, Leave};
use crate::wire::{AssociationId, ElementId, Elements, MacAddr, ManagementBody, ReasonCode, StatusCode};

/// An authentication is good for this long.
const AUTHENTICATED: Duration = Duration::from_secs(60);
/// Between two answers to frames of a station that is not associated (SEC-M10).
const TELL: Duration = Duration::from_secs(1);
const BLOCK_ACK: u8 = 3;

impl ApRadio {
    pub(super) fn management(
        &mut self,
        now: Instant,
        bssid: MacAddr,
        frame: &ManagementFrame<'_>,
    ) -> Result<(), DropReason> {
        let pair = (bssid, frame.addr2());
        let body = frame.parse_body().map_err(|_| DropReason::MalformedBody)?;
        if let ManagementBody::ProbeRequest(request) = &body {
            self.probed(pair, &request.elements);
            return Ok(());
        }
        if frame.addr1().is_group() || frame.bssid() != bssid {
            return Err(DropReason::WrongBssid);
        }
        match &body {
            ManagementBody::Authentication(request) => self.authenticate(now, pair, request),
            ManagementBody::AssociationRequest(request) => {
                self.associate(now, pair, request.listen_interval, request.elements, false);
            }
            ManagementBody::ReassociationRequest(request) => {
                self.associate(now, pair, request.listen_interval, request.elements, true);
            }
            ManagementBody::Disassociation(leave) | ManagementBody::Deauthentication(leave) => {
                self.leave(pair, leave.reason, false);
            }
            ManagementBody::Action(action) => self.action(now, pair, action),
            _ => return Err(DropReason::UnexpectedManagement),
        }
        Ok(())
    }

    /// Tells a station that it is not associated, once a second at most (SEC-M10).
    pub(super) fn not_associated(&mut self, now: Instant, pair: Pair) {
        if pair.1.is_group() || !self.told.permits(pair, now, TELL) {
            self.drops.count(DropReason::RateLimited);
            return;
        }
        let reason = if self.authenticated.contains(pair, now, AUTHENTICATED) {
            ReasonCode::CLASS3_FRAME
        } else {
            ReasonCode::CLASS2_FRAME
        };
        self.send_management(pair, &ManagementBody::Deauthentication(Leave::new(reason)));
    }

    fn probed(&mut self, pair: Pair, elements: &Elements<'_>) {
        let Some(ap) = self.aps.get_mut(&pair.0) else { return };
        let Some(ssid) = elements.ssid() else { return };
        let wanted = ssid.as_bytes() == ap.config.ssid || (ssid.is_wildcard() && !ap.config.hidden);
        if wanted {
            let frame = ap.probe_response(&self.config, pair.1);
            self.send(pair, frame, true);
        }
    }

    /// Open System. An existing association stays until a new one takes its place (SEC-M9).
    fn authenticate(&mut self, now: Instant, pair: Pair, request: &Authentication<'_>) {
        let status = match (request.algorithm, request.transaction) {
            (Algorithm::OPEN, 1) => StatusCode::SUCCESS,
            (Algorithm::OPEN, _) => StatusCode::OUT_OF_SEQUENCE,
            _ => StatusCode::UNSUPPORTED_ALGORITHM,
        };
        if status == StatusCode::SUCCESS {
            self.authenticated.insert(pair, now);
        }
        let answer = Authentication { algorithm: request.algorithm, ..Authentication::open(2, status) };
        self.send_management(pair, &ManagementBody::Authentication(answer));
    }

    fn associate(&mut self, now: Instant, pair: Pair, listen: u16, elements: Elements<'_>, again: bool) {
        let known = self.aps.get(&pair.0).is_some_and(|ap| ap.stations.contains_key(&pair.1));
        if !known && !self.authenticated.contains(pair, now, AUTHENTICATED) {
            self.not_associated(now, pair);
            return;
        }
        let radio = self.config;
        let Some(ap) = self.aps.get_mut(&pair.0) else { return };
        let accepted = ap.judge(rates(&radio), &elements).and_then(|()| ap.aid_for(pair.1));
        let mut answer = ElementsBuf::new();
        answer.writer().rates(rates(&radio));
        VirtualAp::put_phy(&radio, &mut answer);
        let response = AssociationResponse {
            capabilities: ap.capabilities(),
            status: accepted.err().unwrap_or(StatusCode::SUCCESS),
            aid: AssociationId::new(accepted.unwrap_or(0)),
            elements: answer.elements(),
        };
        let body = if again {
            ManagementBody::ReassociationResponse(response)
        } else {
            ManagementBody::AssociationResponse(response)
        };
        self.send_management(pair, &body);
        if let Ok(aid) = accepted {
            self.leave(pair, ReasonCode::INVALID_AUTHENTICATION, false);
            self.admit(now, pair, aid, listen, &elements);
        }
    }

    /// A new association is a new peer: nothing of an earlier one is left (SEC-H3, SEC-H4).
    fn admit(&mut self, now: Instant, pair: Pair, aid: u16, listen: u16, elements: &Elements<'_>) {
        let id = self.sa_ids.next();
        let Some(ap) = self.aps.get_mut(&pair.0) else { return };
        let peer = Peer::new(now, ap.agreed(pair.1, aid, listen, elements), id);
        let mut authenticator = ap.authenticator(pair.1, elements);
        if let Some(authenticator) = &mut authenticator {
            authenticator.start(now, &mut *self.random);
        }
        let open = authenticator.is_none();
        let station = Station { peer, authenticator, asked: None, dozing: false };
        ap.stations.insert(pair.1, station);
        let (network, (bssid, station)) = (ap.config.id, pair);
        if open {
            self.events.push_back(ApEvent::StationJoined { network, bssid, station });
        } else {
            self.settle(now, pair);
        }
    }

    /// Block acknowledgement is declined: plain injection has none.
    fn action(&mut self, now: Instant, pair: Pair, action: &Action<'_>) {
        if !self.aps.get(&pair.0).is_some_and(|ap| ap.stations.contains_key(&pair.1)) {
            self.not_associated(now, pair);
            return;
        }
        if let (BLOCK_ACK, [0, dialog, p0, p1, t0, t1, ..]) = (action.category, action.details) {
            let [s0, s1] = StatusCode::REQUEST_DECLINED.0.to_le_bytes();
            let details = [1, *dialog, s0, s1, *p0, *p1, *t0, *t1];
            let answer = Action { category: BLOCK_ACK, details: &details };
            self.send_management(pair, &ManagementBody::Action(answer));
        }
    }
}

impl VirtualAp {
    /// Whether an association request can be accepted (802.11-2020 11.3.5.3).
    fn judge(&self, rates: &[u8], elements: &Elements<'_>) -> Result<(), StatusCode> {
        elements.check().map_err(|_| StatusCode::UNSPECIFIED_FAILURE)?;
        if elements.ssid().is_none_or(|ssid| ssid.as_bytes() != self.config.ssid) {
            return Err(StatusCode::UNSPECIFIED_FAILURE);
        }
        let has = |rate: u8| elements.rates().any(|entry| entry.0 & 0x7f == rate & 0x7f);
        if !rates.iter().filter(|&&rate| rate & 0x80 != 0).all(|&rate| has(rate)) {
            return Err(StatusCode::BASIC_RATES_MISMATCH);
        }
        if self.config.security == Security::Open {
            return Ok(());
        }
        let rsn = elements.get::<Rsn<'_>>().map_err(|_| StatusCode::INVALID_ELEMENT)?;
        let rsn = rsn.ok_or(StatusCode::INVALID_ELEMENT)?;
        if rsn.group_cipher() != CipherSuite::CCMP_128 {
            return Err(StatusCode::INVALID_GROUP_CIPHER);
        }
        let (ciphers, akms) = (rsn.pairwise_ciphers(), rsn.akms());
        if ciphers.len() != 1 || !ciphers.contains(CipherSuite::CCMP_128) {
            return Err(StatusCode::INVALID_PAIRWISE_CIPHER);
        }
        if akms.len() != 1 || !akms.contains(AkmSuite::PSK) {
            return Err(StatusCode::INVALID_AKM);
        }
        Ok(())
    }

    /// The association ID that the station has, or a free one.
    fn aid_for(&self, station: MacAddr) -> Result<u16, StatusCode> {
        let had = self.stations.get(&station).map(|station| station.peer.config().association_id);
        had.or_else(|| self.free_aid()).ok_or(StatusCode::TOO_MANY_STATIONS)
    }

    fn agreed(&self, address: MacAddr, aid: u16, listen: u16, elements: &Elements<'_>) -> PeerConfig {
        let wmm = elements.get::<Wmm<'_>>().ok().flatten().and_then(|wmm| wmm.qos());
        let ht = elements.get::<HtCapabilities<'_>>().ok().flatten();
        let interval = TU * u32::from(self.config.beacon_interval);
        PeerConfig {
            association_id: aid,
            protected: self.config.security != Security::Open,
            qos: wmm.is_some(),
            uapsd: Uapsd::from_qos_info(wmm.unwrap_or(0)),
            max_amsdu: wmm.and(ht).map(|ht| ht.max_amsdu()),
            fragmentation_threshold: self.config.fragmentation_threshold,
            buffer_age: (interval * u32::from(listen)).clamp(Duration::from_secs(1), Duration::from_secs(10)),
            ..PeerConfig::new(address)
        }
    }

    fn authenticator(&self, spa: MacAddr, elements: &Elements<'_>) -> Option<Authenticator> {
        let Security::Wpa2(pmk) = &self.config.security else { return None };
        let mut sta_elements = ElementsBuf::new();
        for id in [ElementId::RSN, ElementId::RSN_EXTENSION] {
            if let Some(element) = elements.find_kind(ElementKind::Id(id)) {
                sta_elements.writer().element(id, element.data);
            }
        }
        Some(Authenticator::new(AuthenticatorConfig {
            aa: self.bssid,
            spa,
            pmk: pmk.clone(),
            akm: Akm::Psk,
            pairwise: Cipher::Ccmp128,
            group: self.group.as_ref()?.data.clone(),
            ap_elements: self.rsn.clone(),
            sta_elements: sta_elements.into_bytes(),
        }))
    }
}
