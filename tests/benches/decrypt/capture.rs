//! Captures to be decrypted: a real one repeated, and made ones of a WPA2 network, for shapes that no real one has.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use stack::crypto::{Cipher, CipherKey};
use stack::random::Random;
use stack::rsn::{
    Akm, Authenticator, AuthenticatorConfig, AuthenticatorEvent, GroupKeyData, Gtk, Pmk, Supplicant,
    SupplicantConfig,
};
use stack::time::Instant;
use stack::wire::element::{ElementId, ElementsBuf};
use stack::wire::frame::{FrameKind, MacHeader, QosControl, SequenceControl};
use stack::wire::radiotap::build_rx;
use stack::wire::{EtherType, Llc, MacAddr, Rate, RxInfo};

pub const PASSPHRASE: &str = "correct horse battery";
pub const SSID: &str = "hwsim-test";

const BSSID: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const RSNE: &[u8] = &[48, 20, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 2, 0, 0];

/// What a made capture holds, apart from the handshakes.
pub struct Shape {
    /// Stations; each sends and is sent to in turn.
    pub stations: u8,
    /// Bytes of an MSDU; frame by frame the next of these.
    pub lengths: &'static [usize],
    /// Protected data frames.
    pub frames: u32,
    /// Data frames between two beacons.
    pub beacon_every: u32,
}

/// A pcap file with its records `times` times over.
pub fn repeat(source: &Path, to: &Path, times: usize) -> io::Result<()> {
    let bytes = std::fs::read(source)?;
    let (header, records) = bytes.split_at(24);
    std::fs::write(to, [header, &records.repeat(times)].concat())
}

/// Makes a capture: beacons, handshakes, then data frames of all stations in turn, up and down.
pub fn make(shape: &Shape, to: &Path) -> io::Result<()> {
    let mut out = Pcap::new(to)?;
    let pmk = Pmk::from_passphrase(PASSPHRASE, SSID.as_bytes()).expect("a good passphrase");
    out.beacon()?;
    let mut stations = Vec::new();
    for number in 0..shape.stations {
        let spa = MacAddr([2, 0, 0, 1, 0, number]);
        stations.push((spa, handshake(&mut out, spa, &pmk, number)?));
    }
    let mut protected = Vec::new();
    for n in 0..shape.frames {
        if n % shape.beacon_every == 0 {
            out.beacon()?;
        }
        let (spa, key) = &stations[n as usize % stations.len()];
        let down = n / u32::from(shape.stations) % 2 == 0;
        let header = data_header(*spa, down).with_sequence(SequenceControl::new((n % 4096) as u16, 0));
        let mut bytes = Vec::new();
        header.with_qos(QosControl(0)).emit(&mut bytes);
        let mut msdu = Vec::new();
        let length = shape.lengths[n as usize % shape.lengths.len()];
        Llc::Typed(EtherType::IPV4, &vec![n as u8; length - 8]).emit(&mut msdu);
        protected.clear();
        key.protect(u64::from(n) + 1, 0, &bytes, &msdu, &mut protected).expect("a whole header");
        out.frame(&protected)?;
    }
    out.file.flush()
}

/// The header of a data frame to or from the access point, as group and distribution system are of no matter here.
fn data_header(spa: MacAddr, down: bool) -> MacHeader {
    if down { MacHeader::from_ds(spa, BSSID, BSSID) } else { MacHeader::to_ds(BSSID, spa, BSSID) }
}

/// Runs a 4-way handshake on the record; yields the key that it agreed on.
fn handshake(out: &mut Pcap, spa: MacAddr, pmk: &Pmk, number: u8) -> io::Result<CipherKey> {
    let (aa, akm, pairwise) = (BSSID, Akm::Psk, Cipher::Ccmp128);
    let group = GroupKeyData { gtk: Gtk::new(&[0x47; 16]).expect("a key"), key_id: 1, rsc: 0 };
    let (ap_elements, sta_elements) = (RSNE.to_vec(), RSNE.to_vec());
    let mut ap = Authenticator::new(AuthenticatorConfig {
        aa,
        spa,
        pmk: pmk.clone(),
        akm,
        pairwise,
        group,
        ap_elements: ap_elements.clone(),
        sta_elements: sta_elements.clone(),
    });
    let group = pairwise;
    let pmk = pmk.clone();
    let mut sta =
        Supplicant::new(SupplicantConfig { aa, spa, pmk, akm, pairwise, group, ap_elements, sta_elements });
    let (mut ap_random, mut sta_random) = (Counting(number), Counting(number.wrapping_add(128)));
    ap.start(Instant::ZERO, &mut ap_random);
    sta.start(Instant::ZERO);
    while let Some(down) = ap.poll_transmit() {
        out.eapol(spa, true, &down.pdu)?;
        sta.handle_eapol(Instant::ZERO, &down.pdu, false, &mut sta_random).expect("a good message");
        let up = sta.poll_transmit().expect("an answer");
        out.eapol(spa, false, &up.pdu)?;
        ap.handle_eapol(Instant::ZERO, &up.pdu, false).expect("a good answer");
    }
    let key = std::iter::from_fn(|| ap.poll_event()).find_map(|event| match event {
        AuthenticatorEvent::InstallPairwise { tk, cipher } => tk.cipher_key(cipher).ok(),
        _ => None,
    });
    Ok(key.expect("the handshake agrees on a key"))
}

/// The same nonces in each run, others in each station.
struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.iter_mut().zip(1..).for_each(|(byte, n): (_, u8)| *byte = self.0 ^ n);
    }
}

/// A pcap file of radiotap frames: `airdecap-ng` does not read pcapng.
struct Pcap {
    file: BufWriter<File>,
    scratch: Vec<u8>,
    micros: u32,
}

impl Pcap {
    fn new(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        // magic, version 2.4, zone, accuracy, snapshot length, radiotap
        for word in [0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 65_535, 127_u32] {
            file.write_all(&word.to_le_bytes())?;
        }
        Ok(Self { file, scratch: Vec::new(), micros: 0 })
    }

    fn frame(&mut self, mpdu: &[u8]) -> io::Result<()> {
        self.micros += 100;
        self.scratch.clear();
        let (tsft, rate) = (Some(u64::from(self.micros)), Some(Rate::Legacy(108)));
        let (signal, frequency) = (Some(-40), Some(2412));
        build_rx(&RxInfo { tsft, rate, signal, frequency, ..RxInfo::default() }, &mut self.scratch);
        self.scratch.extend_from_slice(mpdu);
        let length = self.scratch.len() as u32;
        for word in [1_700_000_000 + self.micros / 1_000_000, self.micros % 1_000_000, length, length] {
            self.file.write_all(&word.to_le_bytes())?;
        }
        self.file.write_all(&self.scratch)
    }

    fn beacon(&mut self) -> io::Result<()> {
        let mut mpdu = Vec::new();
        MacHeader::management(FrameKind::BEACON, MacAddr::BROADCAST, BSSID, BSSID).emit(&mut mpdu);
        // timestamp, interval of 100 TU, ESS and privacy
        mpdu.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 0x11, 0]);
        let mut elements = ElementsBuf::new();
        elements
            .writer()
            .element(ElementId::SSID, SSID.as_bytes())
            .rates(&[0x82, 0x84, 0x8b, 0x96])
            .raw(RSNE);
        mpdu.extend_from_slice(elements.as_bytes());
        self.frame(&mpdu)
    }

    fn eapol(&mut self, spa: MacAddr, down: bool, pdu: &[u8]) -> io::Result<()> {
        let mut mpdu = Vec::new();
        data_header(spa, down).emit(&mut mpdu);
        Llc::Typed(EtherType::EAPOL, pdu).emit(&mut mpdu);
        self.frame(&mpdu)
    }
}
