//! Authenticator and supplicant over a channel that loses, duplicates and reorders, in virtual time, seeded.

use std::time::Duration;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::crypto::Cipher;
use crate::random::Random;
use crate::rsn::{
    Akm, Authenticator, AuthenticatorConfig, AuthenticatorEvent, EapolTransmit, GroupKeyData, Gtk, Pmk,
    Supplicant, SupplicantConfig, SupplicantEvent, TemporalKey,
};
use crate::time::{Instant, earliest};
use crate::wire::MacAddr;

struct Seeded(ChaCha8Rng);

impl Random for Seeded {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0.fill_bytes(buffer);
    }
}

/// A frame on its way, with the pairwise key it was encrypted under.
struct InFlight {
    at: Instant,
    to_sta: bool,
    pdu: Vec<u8>,
    key: Option<TemporalKey>,
}

struct World {
    now: Instant,
    random: Seeded,
    /// Per cent.
    loss: u32,
    air: Vec<InFlight>,
    ap: Authenticator,
    sta: Supplicant,
    /// What each side has installed, oldest first. The newest encrypts; the one before still decrypts.
    ap_keys: Vec<TemporalKey>,
    sta_keys: Vec<TemporalKey>,
    sta_groups: Vec<Gtk>,
    ap_failed: bool,
    sta_failed: bool,
}

fn group(byte: u8, key_id: u8) -> GroupKeyData {
    GroupKeyData { gtk: Gtk::new(&[byte; 16]).unwrap(), key_id, rsc: 0 }
}

impl World {
    fn new(seed: u64, loss: u32) -> Self {
        let (aa, spa) = (MacAddr([2, 0, 0, 0, 1, 0]), MacAddr([2, 0, 0, 0, 2, 0]));
        let (pmk, akm, pairwise) = (Pmk::new(&[7; 32]).unwrap(), Akm::Psk, Cipher::Ccmp128);
        let (ap_elements, sta_elements) = (vec![48, 2, 1, 0], vec![48, 2, 1, 0]);
        let ap = Authenticator::new(AuthenticatorConfig {
            aa,
            spa,
            pmk: pmk.clone(),
            akm,
            pairwise,
            group: group(1, 1),
            ap_elements: ap_elements.clone(),
            sta_elements: sta_elements.clone(),
        });
        let sta = Supplicant::new(SupplicantConfig {
            aa,
            spa,
            pmk,
            akm,
            pairwise,
            group: pairwise,
            ap_elements,
            sta_elements,
        });
        Self {
            now: Instant::ZERO,
            random: Seeded(ChaCha8Rng::seed_from_u64(seed)),
            loss,
            air: vec![],
            ap,
            sta,
            ap_keys: vec![],
            sta_keys: vec![],
            sta_groups: vec![],
            ap_failed: false,
            sta_failed: false,
        }
    }

    fn send(&mut self, to_sta: bool, frame: &EapolTransmit) {
        let keys = if to_sta { &self.ap_keys } else { &self.sta_keys };
        let key = frame.protected.then(|| keys.last().expect("a key to protect with").clone());
        let copies = 1 + u32::from(self.random.0.next_u32() % 100 < 20);
        for _ in 0..copies {
            if self.random.0.next_u32() % 100 >= self.loss {
                // Up to 1.5 s late: past retransmissions, so that order is lost.
                let late = self.random.0.next_u32().is_multiple_of(4);
                let delay = self.random.0.next_u32() % if late { 1_500_000 } else { 5_000 };
                let at = self.now + Duration::from_micros(u64::from(delay));
                self.air.push(InFlight { at, to_sta, pdu: frame.pdu.clone(), key: key.clone() });
            }
        }
    }

    fn drain(&mut self) {
        while let Some(frame) = self.ap.poll_transmit() {
            self.send(true, &frame);
        }
        while let Some(frame) = self.sta.poll_transmit() {
            self.send(false, &frame);
        }
        while let Some(event) = self.ap.poll_event() {
            match event {
                AuthenticatorEvent::InstallPairwise { tk, .. } => install(&mut self.ap_keys, tk),
                AuthenticatorEvent::Failed(_) => self.ap_failed = true,
                _ => {}
            }
        }
        while let Some(event) = self.sta.poll_event() {
            match event {
                SupplicantEvent::InstallPairwise { tk, .. } => install(&mut self.sta_keys, tk),
                SupplicantEvent::InstallGroup(group) => install(&mut self.sta_groups, group.gtk),
                SupplicantEvent::Failed(_) => self.sta_failed = true,
                SupplicantEvent::Authorized => {}
            }
        }
    }

    /// Runs until nothing is in flight and nobody waits, or `limit` steps.
    fn settle(&mut self, limit: usize) -> bool {
        for _ in 0..limit {
            self.drain();
            let timer = earliest(self.ap.poll_timeout(), self.sta.poll_timeout()).map(|(at, _)| at);
            let next =
                self.air.iter().enumerate().min_by_key(|(_, frame)| frame.at).map(|(index, f)| (index, f.at));
            match (next, timer) {
                (Some((index, at)), timer) if timer.is_none_or(|timer| at <= timer) => {
                    let frame = self.air.swap_remove(index);
                    self.now = self.now.max(at);
                    self.deliver(&frame);
                }
                (_, Some(timer)) => {
                    self.now = self.now.max(timer);
                    self.ap.handle_timeout(self.now);
                    self.sta.handle_timeout(self.now);
                }
                _ => return true,
            }
        }
        false
    }

    fn deliver(&mut self, frame: &InFlight) {
        let keys = if frame.to_sta { &self.sta_keys } else { &self.ap_keys };
        if let Some(key) = &frame.key
            && !keys.iter().rev().take(2).any(|known| known == key)
        {
            return;
        }
        let protected = frame.key.is_some();
        let _ = if frame.to_sta {
            self.sta.handle_eapol(self.now, &frame.pdu, protected, &mut self.random)
        } else {
            self.ap.handle_eapol(self.now, &frame.pdu, protected)
        };
    }
}

/// The heart of KRACK: no key twice.
fn install<K: PartialEq + std::fmt::Debug>(keys: &mut Vec<K>, key: K) {
    assert!(!keys.contains(&key), "a key was installed twice");
    keys.push(key);
}

proptest! {
    #[test]
    fn both_converge_or_one_says_it_failed_and_no_key_is_installed_twice(seed: u64, loss in 0u32..60) {
        let mut world = World::new(seed, loss);
        world.sta.start(world.now);
        let World { ap, random, now, .. } = &mut world;
        ap.start(*now, random);
        for round in 0..4u8 {
            prop_assert!(world.settle(500), "never ends");
            prop_assert!(world.now < Instant::from_micros(60_000_000), "takes too long");
            if world.ap_failed || world.sta_failed {
                break;
            }
            prop_assert_eq!(world.ap_keys.last(), world.sta_keys.last());
            prop_assert_eq!(world.sta_groups.len(), 1 + usize::from(round / 2));
            let World { ap, random, now, .. } = &mut world;
            if round % 2 == 0 {
                ap.rekey_pairwise(*now, random);
            } else {
                ap.rekey_group(*now, group(2 + round, 2));
            }
        }
        prop_assert!(loss > 0 || !(world.ap_failed || world.sta_failed), "without loss it succeeds");
    }
}
