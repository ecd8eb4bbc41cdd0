//! What cannot be brought about from outside: packet numbers that run low.

use crate::ap::virtual_ap::Rekey;
use crate::ap::{
    ApEvent, ApRadio, BssidBlock, NetworkConfig, NetworkId, RadioConfig, Security, VirtualApKind,
};
use crate::crypto::Cipher;
use crate::mac::{GroupTx, MAX_PACKET_NUMBER, PairwiseSa, ReplayCounters, SaId, TxPn};
use crate::random::Random;
use crate::rsn::Pmk;
use crate::sta::{Link, LinkConfig, LinkSecurity, LinkState};
use crate::time::Instant;
use crate::wire::{Channel, MacAddr, RxInfo, TxStatus};

const STATION: MacAddr = MacAddr([2, 0, 0, 0, 2, 1]);

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
    link: Link,
}

impl World {
    fn joined(kind: VirtualApKind) -> Self {
        let pmk = Pmk::new(&[1; 32]).unwrap();
        let security = Security::Wpa2(pmk.clone());
        let network = NetworkConfig { kind, ..NetworkConfig::new(NetworkId(1), b"net".to_vec(), security) };
        let block = BssidBlock { base: MacAddr([2, 0, 0, 0, 1, 0]), bits: 3 };
        let config = RadioConfig::new(Channel::from_number(36).unwrap(), block);
        let ap = ApRadio::new(config, vec![network], Instant::ZERO, Box::new(Counting(1)));
        let security = LinkSecurity::Wpa2(pmk);
        let config = LinkConfig { security, ..LinkConfig::new(STATION, b"net") };
        let mut link = Link::new(config, Box::new(Counting(9)));
        link.start(Instant::ZERO);
        let mut world = Self { now: 0, ap, link };
        world.run(400);
        assert_eq!(world.link.state(), LinkState::Connected);
        world
    }

    fn run(&mut self, millis: u64) {
        let info = RxInfo::default();
        for _ in 0..millis {
            self.now += 1000;
            let now = Instant::from_micros(self.now);
            self.ap.handle_timeout(now);
            self.link.handle_timeout(now);
            for _ in 0..8 {
                while let Some(mut transmit) = self.ap.poll_transmit(now) {
                    self.link.handle_frame(now, &info, &mut transmit.frame);
                    self.ap.handle_tx_status(now, TxStatus { id: transmit.id, acked: true, retries: 0 });
                }
                while let Some(mut transmit) = self.link.poll_transmit() {
                    self.ap.handle_frame(now, &info, &mut transmit.frame);
                }
            }
            while let Some(event) = self.ap.poll_event() {
                assert!(!matches!(event, ApEvent::StationLeft { .. }), "{event:?}");
            }
        }
    }

    fn ap(&mut self) -> &mut crate::ap::VirtualAp {
        let slot = self.ap.slots.iter_mut().flatten().next().unwrap();
        &mut slot.ap
    }
}

/// As many packet numbers are used up as it takes for a rekey.
const fn low() -> TxPn {
    TxPn::starting_after(MAX_PACKET_NUMBER / 8 * 7 + 1)
}

#[test]
fn sec_k12_a_group_key_whose_packet_numbers_run_low_is_replaced() {
    for kind in [VirtualApKind::Shared, VirtualApKind::PerClient] {
        let mut world = World::joined(kind);
        let group = &mut world.ap().group.as_mut().unwrap().current;
        let data = group.data();
        group.tx = GroupTx::moved(Cipher::Ccmp128, data.gtk.expose(), data.key_id, low()).unwrap();
        world.run(300);
        let group = &world.ap().group.as_ref().unwrap().current;
        assert_eq!((group.generation, group.data().key_id, group.tx.last_sent()), (2, 2, 0));
    }
}

#[test]
fn sec_k12_a_pairwise_key_whose_packet_numbers_run_low_is_replaced() {
    for kind in [VirtualApKind::Shared, VirtualApKind::PerClient] {
        let mut world = World::joined(kind);
        let now = Instant::from_micros(world.now);
        let station = world.ap().stations.get_mut(&STATION).unwrap();
        let sa =
            PairwiseSa::moved(SaId(u64::MAX), Cipher::Ccmp128, &[7; 16], low(), ReplayCounters::after(0));
        station.peer.install_pairwise(now, sa.unwrap());
        world.run(110);
        let station = world.ap().stations.get_mut(&STATION).unwrap();
        assert!(
            matches!(station.rekey, Rekey::Draining { .. } | Rekey::Handshake { .. }),
            "{:?}",
            station.rekey
        );
        world.run(110);
        let station = world.ap().stations.get_mut(&STATION).unwrap();
        assert!(station.authenticator.as_ref().unwrap().holds_data());
    }
}
