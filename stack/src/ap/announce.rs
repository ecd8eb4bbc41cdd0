//! Beacons and probe responses, and the elements that say what an AP can do.

use crate::ap::channel_switch::SwitchAnnouncement;
use crate::ap::config::{NetworkConfig, RadioConfig, Security};
use crate::ap::network::capabilities;
use crate::mac::robust_rate;
use crate::wire::element::{
    BssLoad, ElementWriter, ElementsBuf, ExtendedCapabilities, HtCapabilities, Rsn, Ssid, Tim, Wmm,
};
use crate::wire::{Band, ElementId, FrameKind, MacAddr, MacHeader, Rate, SequenceControl};

/// In units of 500 kb/s, bit 7 for the basic ones.
const RATES_2GHZ: [u8; 12] = [0x82, 0x84, 0x8b, 0x96, 0x0c, 0x12, 0x18, 0x24, 0x30, 0x48, 0x60, 0x6c];
const RATES_5GHZ: [u8; 8] = [0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c];
/// Spatial multiplexing power save disabled, A-MSDUs of 3839 bytes.
const HT_INFORMATION: u16 = 0x000c;
/// Extended Capabilities, bit 48: the SSID is UTF-8.
const UTF8_SSID: [u8; 8] = [0, 0, 0, 0, 0, 0, 1, 0];
/// Where the timestamp of a beacon or probe response is.
const TIMESTAMP: std::ops::Range<usize> = 24..32;

/// What is announced: a network on a radio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announcement<'a> {
    pub(super) radio: &'a RadioConfig,
    pub(super) network: &'a NetworkConfig,
    /// RSNE, empty if the network is open.
    pub(super) rsn: &'a [u8],
    pub(super) announcer: Announcer,
    /// The channel that the BSS is about to go to.
    pub(super) switch: Option<SwitchAnnouncement>,
}

/// What announces a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announcer {
    /// A BSS that a client may choose: a shared one, or what a single client is offered.
    Bss,
    /// The parent of a per-client network. Nobody can associate with it, so it makes itself unattractive: a client
    /// that scans actively hears it besides the BSSID that it was offered, and should choose the latter. So there is
    /// no HT, by which clients estimate less throughput, and the BSS Load element shows a channel without any time left.
    Parent,
    /// The virtual AP of a client that is there. Others hear its beacons though they don't go to them, and a client that
    /// scans would take it for a choice of its own: its beacons do not name the network.
    Taken,
}

/// From whom to whom an announcement goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) bssid: MacAddr,
    pub(super) to: MacAddr,
    pub(super) sequence: u16,
}

/// The rates of the band.
pub(super) const fn rates(radio: &RadioConfig) -> &'static [u8] {
    match radio.channel.band() {
        Band::Ghz2 => &RATES_2GHZ,
        Band::Ghz5 | Band::Ghz6 => &RATES_5GHZ,
    }
}

/// The rate of what must arrive or goes to all.
pub(super) fn robust(radio: &RadioConfig) -> Rate {
    robust_rate(rates(radio))
}

/// The RSNE of a network, empty if it is open.
pub(super) fn rsn_element(security: &Security) -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    if matches!(security, Security::Wpa2(_)) {
        elements.writer().put(&Rsn::WPA2_PSK);
    }
    elements.into_bytes()
}

/// Writes the TSF timer into a beacon or probe response.
pub(super) fn stamp(frame: &mut [u8], timestamp: u64) {
    if let Some(field) = frame.get_mut(TIMESTAMP) {
        field.copy_from_slice(&timestamp.to_le_bytes());
    }
}

/// The elements of an association response, in the order of 802.11-2020 9.3.3.6.
pub(super) fn association_elements(radio: &RadioConfig, network: &NetworkConfig) -> ElementsBuf {
    let mut elements = ElementsBuf::new();
    let mut writer = elements.writer();
    writer.rates(rates(radio));
    put_ht(radio, &mut writer);
    put_last(network, &mut writer);
    elements
}

impl Announcement<'_> {
    /// Writes a whole beacon with this TIM, its timestamp to be filled in by [`stamp`].
    pub(super) fn beacon(&self, ends: Ends, tim: &Tim<'_>, out: &mut Vec<u8>) {
        self.emit(FrameKind::BEACON, ends, Some(tim), out);
    }

    /// Writes a whole probe response, its timestamp to be filled in by [`stamp`].
    pub(super) fn probe_response(&self, ends: Ends, out: &mut Vec<u8>) {
        self.emit(FrameKind::PROBE_RESPONSE, ends, None, out);
    }

    /// In the order of 802.11-2020 9.3.3.2 and 9.3.3.10.
    fn emit(&self, kind: FrameKind, ends: Ends, tim: Option<&Tim<'_>>, out: &mut Vec<u8>) {
        MacHeader::management(kind, ends.to, ends.bssid, ends.bssid)
            .with_sequence(SequenceControl::new(ends.sequence, 0))
            .emit(out);
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.network.beacon_interval.to_le_bytes());
        out.extend_from_slice(&capabilities(self.network).0.to_le_bytes());
        let nameless = self.network.hidden || self.announcer == Announcer::Taken;
        let secret = kind == FrameKind::BEACON && nameless;
        let ssid = if secret { Some(Ssid::WILDCARD) } else { Ssid::new(&self.network.ssid) };
        let (first, more) = rates(self.radio).split_at(8);
        let band = self.radio.channel.band();
        let mut writer = ElementWriter::new(out);
        if let Some(ssid) = ssid {
            writer.put(&ssid);
        }
        writer.element(ElementId::SUPPORTED_RATES, first);
        if band == Band::Ghz2 {
            writer.element(ElementId::DS_PARAMETER, &[self.radio.channel.number()]);
        }
        if let Some(tim) = tim {
            writer.put(tim);
        }
        self.put_country(&mut writer);
        let extended = self.switch.filter(|switch| switch.to.band() != band);
        if let Some(switch) = self.switch.filter(|_| extended.is_none()) {
            writer.put(&switch.element());
        }
        if band == Band::Ghz2 {
            writer.element(ElementId::ERP, &[0]).element(ElementId::EXTENDED_RATES, more);
        }
        writer.raw(self.rsn);
        if let Some(switch) = extended {
            writer.put(&switch.extended());
        }
        if self.announcer == Announcer::Parent {
            writer.put(&BssLoad { stations: 0, utilization: u8::MAX, admission: 0 });
        } else {
            put_ht(self.radio, &mut writer);
        }
        put_last(self.network, &mut writer);
    }

    fn put_country(&self, writer: &mut ElementWriter<'_>) {
        if let Some([a, b]) = self.radio.country {
            let (first, count) = match self.radio.channel.band() {
                Band::Ghz2 => (1, 13),
                Band::Ghz5 | Band::Ghz6 => (self.radio.channel.number(), 1),
            };
            writer.element(ElementId::COUNTRY, &[a, b, b' ', first, count, 20]);
        }
    }
}

/// Not of a radio that hops: a station that asks for block acknowledgement sends nothing for a second when its request falls
/// into an absence.
fn put_ht(radio: &RadioConfig, writer: &mut ElementWriter<'_>) {
    if radio.hops {
        return;
    }
    let mut operation = [0; 22];
    operation[0] = radio.channel.number();
    let second = if radio.ht_streams > 1 { 0xff } else { 0 };
    writer
        .element(ElementId::HT_CAPABILITIES, &HtCapabilities::data(HT_INFORMATION, 0, [0xff, second, 0, 0]))
        .element(ElementId::HT_OPERATION, &operation);
}

/// Extended Capabilities and WMM. The latter makes stations use QoS and lets them ask for U-APSD.
fn put_last(network: &NetworkConfig, writer: &mut ElementWriter<'_>) {
    if std::str::from_utf8(&network.ssid).is_ok() {
        writer.put(&ExtendedCapabilities::new(&UTF8_SSID));
    }
    writer.put(&Wmm::parameters(true));
}
