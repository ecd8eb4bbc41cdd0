//! Looking for the network.

use std::time::Duration;

use crate::sta::config::{LinkEvent, LinkSecurity};
use crate::sta::link::{Link, Phase};
use crate::time::TU;
use crate::wire::element::{AkmSuite, CipherSuite, ElementKind, ElementsBuf, Rsn, Ssid};
use crate::wire::management::{Beacon, ProbeRequest};
use crate::wire::{ElementId, MacAddr, ManagementBody, RxInfo};

/// How long a BSS is passed over that has sent us to another one.
const SHUNNED: Duration = Duration::from_secs(10);
/// How many such are remembered; the oldest makes room.
const MOST_SHUNNED: usize = 16;

/// A BSS of our network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) bssid: MacAddr,
    /// It answered our probe request, so it knows of us.
    answered: bool,
    signal: i8,
    pub(super) interval: Duration,
    /// Our rates that it has announced too; all of ours if it announced none.
    pub(super) rates: Vec<u8>,
    pub(super) qos: bool,
    pub(super) ht: bool,
    /// RSNE and RSNXE as they were heard, for the handshake to compare (SEC-K8); empty if it is open.
    pub(super) rsn: Vec<u8>,
}

impl Link {
    pub(super) fn probe(&mut self) {
        let mut elements = ElementsBuf::new();
        let ssid = self.config.ssid.clone();
        if let Some(ssid) = Ssid::new(&ssid) {
            elements.writer().put(&ssid).rates(&self.config.rates);
        }
        let body = ManagementBody::ProbeRequest(ProbeRequest { elements: elements.elements() });
        self.send_management(MacAddr::BROADCAST, &body);
    }

    /// Takes a beacon or probe response for the best so far, if it is: an answer before a beacon, then by signal.
    pub(super) fn consider(&mut self, info: &RxInfo, bssid: MacAddr, beacon: &Beacon<'_>, answered: bool) {
        let wanted = self.config.bssid.is_none_or(|wanted| wanted == bssid);
        let ours = beacon
            .elements
            .get::<Ssid<'_>>()
            .is_ok_and(|ssid| ssid.is_some_and(|ssid| ssid.as_bytes() == self.config.ssid));
        let Some(rsn) = self.protection(beacon).filter(|_| wanted && ours && beacon.capabilities.ess())
        else {
            return;
        };
        if self.shunned.iter().any(|&(shunned, until)| shunned == bssid && self.now < until) {
            return;
        }
        let rates = self.common_rates(beacon);
        let qos = beacon.elements.find_kind(ElementKind::WMM).is_some();
        let Phase::Scanning { best, .. } = &mut self.phase else { return };
        let target = Target {
            bssid,
            answered,
            signal: info.signal.unwrap_or(i8::MIN),
            interval: interval(beacon.interval),
            rsn,
            rates,
            qos,
            ht: qos && beacon.elements.find(ElementId::HT_CAPABILITIES).is_some(),
        };
        let rank = |target: &Target| (target.answered, target.signal);
        if best.as_ref().is_none_or(|best| rank(best) < rank(&target)) {
            *best = Some(target);
        }
    }

    /// The elements of the protection that we want, `None` if the BSS has another one or none.
    fn protection(&self, beacon: &Beacon<'_>) -> Option<Vec<u8>> {
        let privacy = beacon.capabilities.privacy();
        let rsn = beacon.elements.get::<Rsn<'_>>().ok()?;
        match (&self.config.security, rsn) {
            (LinkSecurity::Open, None) if !privacy => Some(Vec::new()),
            (LinkSecurity::Wpa2(_), Some(rsn)) if privacy => {
                let ccmp = CipherSuite::CCMP_128;
                let fits = rsn.group_cipher() == ccmp
                    && rsn.pairwise_ciphers().contains(ccmp)
                    && rsn.akms().contains(AkmSuite::PSK)
                    && !rsn.capabilities().mfp_required();
                let elements = [ElementId::RSN, ElementId::RSN_EXTENSION].map(|id| beacon.elements.find(id));
                fits.then(|| elements.iter().flatten().flat_map(|element| element.bytes).copied().collect())
            }
            _ => None,
        }
    }

    fn common_rates(&self, beacon: &Beacon<'_>) -> Vec<u8> {
        let announced = |rate: &u8| beacon.elements.rates().any(|entry| entry.0 & 0x7f == rate & 0x7f);
        let common: Vec<_> = self.config.rates.iter().copied().filter(announced).collect();
        if common.is_empty() { self.config.rates.clone() } else { common }
    }

    pub(super) fn scan_ended(&mut self) {
        let Phase::Scanning { best, .. } = &mut self.phase else { return };
        match best.take() {
            Some(target) => {
                self.unheard = 0;
                self.authenticate(target);
            }
            None => {
                self.event(LinkEvent::NotFound);
                self.wait();
                self.unheard = self.unheard.saturating_add(1);
            }
        }
    }

    /// This BSS has sent us to another one of its network: it is not asked again for a while, and the next scan follows
    /// at once.
    pub(super) fn look_elsewhere(&mut self, bssid: MacAddr) {
        let now = self.now;
        self.shunned.retain(|&(shunned, until)| shunned != bssid && now < until);
        if self.shunned.len() >= MOST_SHUNNED {
            self.shunned.remove(0);
        }
        self.shunned.push((bssid, now + SHUNNED));
    }
}

/// A beacon interval as a time, however absurd the field is (SEC-M8).
fn interval(tu: u16) -> Duration {
    TU * match tu {
        0 => 100,
        tu => u32::from(tu.clamp(10, 10_000)),
    }
}
