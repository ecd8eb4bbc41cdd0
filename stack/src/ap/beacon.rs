//! Beacons, probe responses, and the elements that say what the AP can do.

use crate::ap::config::{RadioConfig, Security};
use crate::ap::virtual_ap::VirtualAp;
use crate::wire::Band;
use crate::wire::element::{ElementsBuf, HtCapabilities, Rsn, Ssid, TimBitmap, Wmm};
use crate::wire::management::Beacon;
use crate::wire::{Capabilities, ElementId, MacAddr, ManagementBody};

/// In units of 500 kb/s, bit 7 for the basic ones.
const RATES_2GHZ: [u8; 12] = [0x82, 0x84, 0x8b, 0x96, 0x0c, 0x12, 0x18, 0x24, 0x30, 0x48, 0x60, 0x6c];
const RATES_5GHZ: [u8; 8] = [0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c];
/// Spatial multiplexing power save disabled, A-MSDUs of 3839 bytes.
const HT_INFORMATION: u16 = 0x000c;

/// The rates of the band.
pub(super) const fn rates(radio: &RadioConfig) -> &'static [u8] {
    match radio.channel.band() {
        Band::Ghz2 => &RATES_2GHZ,
        Band::Ghz5 | Band::Ghz6 => &RATES_5GHZ,
    }
}

/// The RSNE of a network, empty if it is open.
pub(super) fn rsn_element(security: &Security) -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    if matches!(security, Security::Wpa2(_)) {
        elements.writer().put(&Rsn::WPA2_PSK);
    }
    elements.into_bytes()
}

impl VirtualAp {
    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_ess(true)
            .with_short_slot(true)
            .with_qos(true)
            .with_privacy(self.config.security != Security::Open)
    }

    /// The next beacon; advances the DTIM count. Says whether it is a DTIM.
    pub(super) fn beacon(&mut self, radio: &RadioConfig) -> (Vec<u8>, bool) {
        let dtim = self.dtim_count == 0;
        let mut bitmap = TimBitmap::new();
        for station in self.stations.values() {
            if station.peer.has_traffic_indication() {
                bitmap.set(station.peer.config().association_id, true);
            }
        }
        let mut elements = ElementsBuf::new();
        let ssid = if self.config.hidden { Some(Ssid::WILDCARD) } else { Ssid::new(&self.config.ssid) };
        self.put_first(radio, ssid, &mut elements);
        let period = self.config.dtim_period.max(1);
        elements.writer().put(&bitmap.tim(self.dtim_count, period, dtim && !self.group_queue.is_empty()));
        self.put_rest(radio, &mut elements);
        self.dtim_count = if dtim { period - 1 } else { self.dtim_count - 1 };
        let body = ManagementBody::Beacon(self.fixed(&elements));
        (self.management_frame(MacAddr::BROADCAST, &body), dtim)
    }

    pub(super) fn probe_response(&mut self, radio: &RadioConfig, to: MacAddr) -> Vec<u8> {
        let mut elements = ElementsBuf::new();
        self.put_first(radio, Ssid::new(&self.config.ssid), &mut elements);
        self.put_rest(radio, &mut elements);
        let body = ManagementBody::ProbeResponse(self.fixed(&elements));
        self.management_frame(to, &body)
    }

    /// HT and WMM, as beacons and association responses have them.
    pub(super) fn put_phy(radio: &RadioConfig, elements: &mut ElementsBuf) {
        let mut operation = [0; 22];
        operation[0] = radio.channel.number();
        elements
            .writer()
            .element(ElementId::HT_CAPABILITIES, &HtCapabilities::data(HT_INFORMATION, 0, [0xff, 0, 0, 0]))
            .element(ElementId::HT_OPERATION, &operation)
            .put(&Wmm::parameters(true));
    }

    fn put_first(&self, radio: &RadioConfig, ssid: Option<Ssid<'_>>, elements: &mut ElementsBuf) {
        let mut writer = elements.writer();
        if let Some(ssid) = ssid {
            writer.put(&ssid);
        }
        writer.rates(rates(radio)).element(ElementId::DS_PARAMETER, &[radio.channel.number()]);
    }

    fn put_rest(&self, radio: &RadioConfig, elements: &mut ElementsBuf) {
        if let Some([a, b]) = radio.country {
            let (first, count) = match radio.channel.band() {
                Band::Ghz2 => (1, 13),
                Band::Ghz5 | Band::Ghz6 => (radio.channel.number(), 1),
            };
            elements.writer().element(ElementId::COUNTRY, &[a, b, b' ', first, count, 20]);
        }
        if radio.channel.band() == Band::Ghz2 {
            elements.writer().element(ElementId::ERP, &[0]);
        }
        elements.writer().raw(&self.rsn);
        Self::put_phy(radio, elements);
    }

    fn fixed<'a>(&self, elements: &'a ElementsBuf) -> Beacon<'a> {
        Beacon {
            timestamp: 0,
            interval: self.config.beacon_interval,
            capabilities: self.capabilities(),
            elements: elements.elements(),
        }
    }
}
