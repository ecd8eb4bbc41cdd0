//! What cannot be brought about from outside: packet numbers that run low.

use crate::ap::block::Place;
use crate::ap::radio::Parting;
use crate::ap::virtual_ap::{Rekey, VirtualAp};
use crate::ap::{ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind};
use crate::crypto::Cipher;
use crate::mac::{GroupTx, MAX_PACKET_NUMBER, PairwiseSa, ReplayCounters, SaId, TxPn, TxRange};
use crate::random::Random;
use crate::rsn::{Akm, Pmk, Supplicant, SupplicantConfig};
use crate::time::Instant;
use crate::wire::element::{ElementsBuf, Rsn, Ssid};
use crate::wire::management::{AssociationRequest, Authentication};
use crate::wire::{
    Capabilities, Channel, Frame, MacAddr, MacHeader, ManagementBody, ReasonCode, RxInfo, StatusCode,
    TxStatus,
};

const STATION: MacAddr = MacAddr([2, 0, 0, 0, 2, 1]);
const BSSID: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        for byte in buffer {
            self.0 = self.0.wrapping_mul(5).wrapping_add(3);
            *byte = self.0;
        }
        self.0 = self.0.wrapping_add(1);
    }
}

struct World {
    now: u64,
    ap: ApRadio,
    place: Place,
    supplicant: Supplicant,
}

impl World {
    /// A station has joined a shared BSS.
    fn joined() -> Self {
        let pmk = Pmk::new(&[1; 32]).unwrap();
        let security = Security::Wpa2(pmk.clone());
        let network = NetworkConfig::new(NetworkId(1), b"net".to_vec(), security);
        assert_eq!(network.kind, VirtualApKind::Shared);
        let block = BssidBlock { base: BSSID, bits: 3 };
        let config = RadioConfig::new(Channel::from_number(36).unwrap(), block);
        let ap = ApRadio::new(config, vec![network], Instant::ZERO, Box::new(Counting(1)));
        let mut rsn = ElementsBuf::new();
        rsn.writer().put(&Rsn::WPA2_PSK);
        let supplicant = Supplicant::new(SupplicantConfig {
            aa: BSSID,
            spa: STATION,
            pmk,
            akm: Akm::Psk,
            pairwise: Cipher::Ccmp128,
            group: Cipher::Ccmp128,
            ap_elements: rsn.as_bytes().to_vec(),
            sta_elements: rsn.as_bytes().to_vec(),
        });
        let mut world = Self { now: 0, ap, place: block.place(BSSID).unwrap(), supplicant };
        world.associate(&rsn);
        world.supplicant.start(Instant::ZERO);
        world.run(50);
        assert!(world.ap().peers().all(|peer| peer.is_port_open()));
        world
    }

    fn associate(&mut self, rsn: &ElementsBuf) {
        let mut elements = ElementsBuf::new();
        let rates = [0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c];
        elements.writer().put(&Ssid::new(b"net").unwrap()).rates(&rates).raw(rsn.as_bytes());
        let bodies = [
            ManagementBody::Authentication(Authentication::open(1, StatusCode::SUCCESS)),
            ManagementBody::AssociationRequest(AssociationRequest {
                capabilities: Capabilities::default().with_ess(true),
                listen_interval: 10,
                elements: elements.elements(),
            }),
        ];
        for body in bodies {
            let mut frame = Vec::new();
            MacHeader::management(body.kind(), BSSID, STATION, BSSID).emit(&mut frame);
            body.emit(&mut frame);
            self.ap.handle_frame(Instant::ZERO, &RxInfo::default(), &mut frame);
        }
    }

    /// Carries EAPOL that goes in plaintext.
    fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += 1000;
            let now = Instant::from_micros(self.now);
            self.ap.handle_timeout(now);
            while let Some(transmit) = self.ap.poll_transmit(now) {
                self.ap.handle_tx_status(now, TxStatus { id: transmit.id, acked: true, retries: 0 });
                if let Ok(Frame::Data(frame)) = Frame::parse(&transmit.frame)
                    && let [0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, pdu @ ..] = frame.payload()
                {
                    self.supplicant.handle_eapol(now, pdu, false, &mut Counting(9)).unwrap();
                }
                while let Some(answer) = self.supplicant.poll_transmit() {
                    self.ap.eapol(now, (self.place, STATION), &answer.pdu, false);
                }
            }
        }
    }

    fn ap(&mut self) -> &mut VirtualAp {
        self.ap.ap_mut(self.place).unwrap()
    }
}

#[test]
fn sec_m9_a_station_that_is_gone_keeps_no_place_among_those_that_have_something_to_send() {
    let mut world = World::joined();
    let mut rsn = ElementsBuf::new();
    rsn.writer().put(&Rsn::WPA2_PSK);
    for _ in 0..100 {
        world.associate(&rsn);
    }
    assert!(!world.ap.scheduler.is_empty(), "message 1 waits");
    world.ap.leave((world.place, STATION), ReasonCode::LEAVING, Parting::Silent);
    assert!(world.ap.scheduler.is_empty());
}

/// As many packet numbers are used up as it takes for a rekey.
const fn low() -> TxPn {
    TxPn::within(TxRange { after: MAX_PACKET_NUMBER / 8 * 7 + 1, ..TxRange::ALL })
}

#[test]
fn sec_k12_a_group_key_whose_packet_numbers_run_low_is_replaced() {
    let mut world = World::joined();
    let group = &mut world.ap().group.as_mut().unwrap().current;
    let data = group.data();
    group.tx = GroupTx::new(Cipher::Ccmp128, data.gtk.expose(), data.key_id, low()).unwrap();
    // The station does not answer: the message went encrypted.
    world.run(5000);
    let group = &world.ap().group.as_ref().unwrap().current;
    assert_eq!((group.generation, group.data().key_id, group.tx.last_sent()), (2, 2, 0));
}

#[test]
fn sec_k12_a_pairwise_key_whose_packet_numbers_run_low_is_replaced() {
    let mut world = World::joined();
    let now = Instant::from_micros(world.now);
    let station = world.ap().stations.get_mut(&STATION).unwrap();
    let sa = PairwiseSa::moved(SaId(u64::MAX), Cipher::Ccmp128, &[7; 16], low(), ReplayCounters::after(0));
    station.peer.install_pairwise(now, sa.unwrap());
    world.run(300);
    let station = world.ap().stations.get_mut(&STATION).unwrap();
    assert!(matches!(station.rekey, Rekey::Handshake { .. }), "{:?}", station.rekey);
    assert!(station.authenticator.as_ref().unwrap().holds_data());
}
