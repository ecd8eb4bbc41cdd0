//! A network as one radio has it: what it was told, whom it takes, where its BSSs are.

use std::time::Duration;

use crate::ap::announce::{Announcement, Announcer, rates, rsn_element};
use crate::ap::block::Place;
use crate::ap::config::{NetworkConfig, RadioConfig, Security, VirtualApKind};
use crate::crypto::Cipher;
use crate::mac::{PeerConfig, Rates, Uapsd};
use crate::rsn::{Akm, Authenticator, AuthenticatorConfig, GroupKeyData};
use crate::time::{Instant, TU};
use crate::wire::element::{AkmSuite, CipherSuite, ElementKind, ElementsBuf, HtCapabilities, Rsn, Wmm};
use crate::wire::{Capabilities, ElementId, Elements, MacAddr, SequenceControl, StatusCode};

/// Highest association ID (802.11-2020 9.4.1.8).
pub(super) const MAX_AID: u16 = 2007;

/// A network on one radio.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) config: NetworkConfig,
    /// RSNE, empty if it is open.
    pub(super) rsn: Vec<u8>,
    /// The BSSs that it has, in no order: group frames go to each of them.
    pub(super) members: Vec<Place>,
    /// Of a per-client network.
    pub(super) parent: Option<Parent>,
}

/// The BSSID that announces a per-client network to everybody, and that nobody associates with.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) next_beacon: Instant,
    pub(super) beacon_due: bool,
    pub(super) dtim_count: u8,
}

/// A (re)association request, as far as it matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) again: bool,
    pub(super) capabilities: Capabilities,
    pub(super) listen_interval: u16,
    pub(super) elements: Elements<'a>,
    pub(super) sequence: SequenceControl,
    pub(super) retry: bool,
}

impl Network {
    pub(super) fn new(config: NetworkConfig, first_beacon: Instant) -> Self {
        let parent = match config.kind {
            VirtualApKind::Shared => None,
            VirtualApKind::PerClient => {
                Some(Parent { next_beacon: first_beacon, beacon_due: false, dtim_count: 0 })
            }
        };
        Self { rsn: rsn_element(&config.security), config, members: Vec::new(), parent }
    }

    /// Who asks for the SSID in these elements of a probe request is answered; a hidden network only by its name.
    pub(super) fn is_asked_for(&self, elements: &Elements<'_>) -> bool {
        elements.ssid().is_some_and(|ssid| {
            ssid.as_bytes() == self.config.ssid || (ssid.is_wildcard() && !self.config.hidden)
        })
    }

    pub(super) fn is_named(&self, elements: &Elements<'_>) -> bool {
        elements.ssid().is_some_and(|ssid| ssid.as_bytes() == self.config.ssid)
    }

    /// Most stations at a time.
    pub(super) fn most(&self) -> usize {
        usize::from(self.config.max_stations.min(MAX_AID))
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        capabilities(&self.config)
    }

    pub(super) fn announcement<'a>(&'a self, radio: &'a RadioConfig) -> Announcement<'a> {
        Announcement { radio, network: &self.config, rsn: &self.rsn, announcer: Announcer::Bss, switch: None }
    }

    /// Whether an association request can be accepted (802.11-2020 11.3.5.3).
    pub(super) fn judge(&self, radio: &RadioConfig, request: &Request<'_>) -> Result<(), StatusCode> {
        let elements = request.elements;
        elements.check().map_err(|_| StatusCode::UNSPECIFIED_FAILURE)?;
        if !self.is_named(&elements) {
            return Err(StatusCode::UNSPECIFIED_FAILURE);
        }
        if !request.capabilities.ess() || request.capabilities.ibss() {
            return Err(StatusCode::UNSUPPORTED_CAPABILITIES);
        }
        let has = |rate: u8| elements.rates().any(|entry| entry.0 & 0x7f == rate & 0x7f);
        if !rates(radio).iter().filter(|&&rate| rate & 0x80 != 0).all(|&rate| has(rate)) {
            return Err(StatusCode::BASIC_RATES_MISMATCH);
        }
        match self.config.security {
            Security::Open => Ok(()),
            Security::Wpa2(_) => judge_rsn(&elements),
        }
    }

    /// What is agreed with a station by its request.
    pub(super) fn agreed(
        &self,
        radio: &RadioConfig,
        address: MacAddr,
        aid: u16,
        request: &Request<'_>,
    ) -> PeerConfig {
        let elements = request.elements;
        let wmm = elements.get::<Wmm<'_>>().ok().flatten().and_then(|wmm| wmm.qos());
        let ht = elements.get::<HtCapabilities<'_>>().ok().flatten();
        let listens = TU * u32::from(self.config.beacon_interval) * u32::from(request.listen_interval);
        PeerConfig {
            association_id: aid,
            protected: self.config.security != Security::Open,
            qos: wmm.is_some(),
            uapsd: Uapsd::from_qos_info(wmm.unwrap_or(0)),
            max_amsdu: wmm.and(ht).map(|ht| ht.max_amsdu()),
            fragmentation_threshold: self.config.fragmentation_threshold,
            rates: Rates::agreed(rates(radio), radio.ht_streams, &elements),
            buffer_age: listens.clamp(Duration::from_secs(1), Duration::from_secs(10)),
            ..PeerConfig::new(address)
        }
    }

    /// The authenticator of an association between these two, `None` in an open network.
    pub(super) fn authenticator(
        &self,
        (aa, spa): (MacAddr, MacAddr),
        group: Option<&GroupKeyData>,
        elements: &Elements<'_>,
    ) -> Option<Authenticator> {
        let Security::Wpa2(pmk) = &self.config.security else { return None };
        let mut sta_elements = ElementsBuf::new();
        for id in [ElementId::RSN, ElementId::RSN_EXTENSION] {
            if let Some(element) = elements.find_kind(ElementKind::Id(id)) {
                sta_elements.writer().element(id, element.data);
            }
        }
        Some(Authenticator::new(AuthenticatorConfig {
            aa,
            spa,
            pmk: pmk.clone(),
            akm: Akm::Psk,
            pairwise: Cipher::Ccmp128,
            group: group?.clone(),
            ap_elements: self.rsn.clone(),
            sta_elements: sta_elements.into_bytes(),
        }))
    }
}

/// What all BSSs of a network can do.
pub(super) fn capabilities(network: &NetworkConfig) -> Capabilities {
    Capabilities::default()
        .with_ess(true)
        .with_short_slot(true)
        .with_qos(true)
        .with_apsd(true)
        .with_privacy(network.security != Security::Open)
}

fn judge_rsn(elements: &Elements<'_>) -> Result<(), StatusCode> {
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
