//! Both machines against each other, and against what an attacker makes of their frames.

mod forgery;
mod handshake;
mod observer;
mod rekey;

use std::time::Duration;

use crate::crypto::{Cipher, wrap};
use crate::random::Random;
use crate::rsn::message::{Draft, Parties};
use crate::rsn::{
    Akm, Authenticator, AuthenticatorConfig, AuthenticatorEvent, EapolDrop, EapolTransmit, GroupKeyData, Gtk,
    HandshakeFailure, Pmk, Supplicant, SupplicantConfig, SupplicantEvent, TemporalKey,
};
use crate::time::Instant;
use crate::wire::eapol::{EapolKey, Kde, KeyDataWriter, KeyInfo};
use crate::wire::{MacAddr, ReasonCode};

const AP_RSNE: [u8; 8] = [48, 6, 1, 0, 0, 0x0f, 0xac, 4];
const STA_RSNE: [u8; 8] = [48, 6, 1, 0, 0, 0x0f, 0xac, 8];

/// Counts up: every draw differs, every run is the same.
struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.0 += 1;
        buffer.fill(self.0);
    }
}

struct Constant(u8);

impl Random for Constant {
    fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

fn parties() -> Parties {
    Parties {
        aa: MacAddr([2, 0, 0, 0, 1, 0]),
        spa: MacAddr([2, 0, 0, 0, 2, 0]),
        pmk: Pmk::new(&[7; 32]).unwrap(),
        akm: Akm::Psk,
        pairwise: Cipher::Ccmp128,
    }
}

fn group(byte: u8, key_id: u8, rsc: u64) -> GroupKeyData {
    GroupKeyData { gtk: Gtk::new(&[byte; 16]).unwrap(), key_id, rsc }
}

struct Pair {
    now: Instant,
    random: Counting,
    ap: Authenticator,
    sta: Supplicant,
    ap_events: Vec<AuthenticatorEvent>,
    sta_events: Vec<SupplicantEvent>,
}

impl Pair {
    fn with(akm: Akm, sta_pmk: Pmk, heard_ap: &[u8], sent_sta: &[u8]) -> Self {
        let Parties { aa, spa, pmk, pairwise, .. } = parties();
        let ap = Authenticator::new(AuthenticatorConfig {
            aa,
            spa,
            pmk,
            akm,
            pairwise,
            group: group(0x11, 1, 0x42),
            ap_elements: AP_RSNE.to_vec(),
            sta_elements: STA_RSNE.to_vec(),
        });
        let sta = Supplicant::new(SupplicantConfig {
            aa,
            spa,
            pmk: sta_pmk,
            akm,
            pairwise,
            group: Cipher::Ccmp128,
            ap_elements: heard_ap.to_vec(),
            sta_elements: sent_sta.to_vec(),
        });
        let mut pair =
            Self { now: Instant::ZERO, random: Counting(0), ap, sta, ap_events: vec![], sta_events: vec![] };
        pair.sta.start(pair.now);
        pair.ap.start(pair.now, &mut pair.random);
        pair
    }

    fn new() -> Self {
        Self::with(Akm::Psk, parties().pmk, &AP_RSNE, &STA_RSNE)
    }

    fn joined() -> Self {
        let mut pair = Self::new();
        pair.run();
        assert!(pair.ap_events.contains(&AuthenticatorEvent::Authorized));
        pair.ap_events.clear();
        pair.sta_events.clear();
        pair
    }

    fn ap_sends(&mut self) -> EapolTransmit {
        self.ap.poll_transmit().expect("a frame from the AP")
    }

    fn sta_sends(&mut self) -> EapolTransmit {
        self.sta.poll_transmit().expect("a frame from the station")
    }

    fn give_sta(&mut self, frame: &EapolTransmit) -> Result<(), EapolDrop> {
        self.sta.handle_eapol(self.now, &frame.pdu, frame.protected, &mut self.random)
    }

    fn give_ap(&mut self, frame: &EapolTransmit) -> Result<(), EapolDrop> {
        self.ap.handle_eapol(self.now, &frame.pdu, frame.protected)
    }

    fn collect(&mut self) {
        self.ap_events.extend(std::iter::from_fn(|| self.ap.poll_event()));
        self.sta_events.extend(std::iter::from_fn(|| self.sta.poll_event()));
    }

    /// Carries frames until both are silent.
    fn run(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(frame) = self.ap.poll_transmit() {
                quiet = false;
                self.give_sta(&frame).unwrap();
            }
            while let Some(frame) = self.sta.poll_transmit() {
                quiet = false;
                self.give_ap(&frame).unwrap();
            }
            if quiet {
                return self.collect();
            }
        }
    }

    /// Up to the point where the AP has sent message 3 and the station has not seen it.
    fn up_to_message_3(&mut self) -> EapolTransmit {
        let m1 = self.ap_sends();
        self.give_sta(&m1).unwrap();
        let m2 = self.sta_sends();
        self.give_ap(&m2).unwrap();
        self.ap_sends()
    }

    fn expire(&mut self) {
        self.now = self.ap.poll_timeout().expect("a deadline").0;
        self.ap.handle_timeout(self.now);
    }

    fn sta_installs(&self) -> usize {
        self.sta_events
            .iter()
            .filter(|event| matches!(event, SupplicantEvent::InstallPairwise { .. }))
            .count()
    }

    fn ap_key(&self) -> TemporalKey {
        let key = self.ap_events.iter().rev().find_map(|event| match event {
            AuthenticatorEvent::InstallPairwise { tk, .. } => Some(tk.clone()),
            _ => None,
        });
        key.expect("the AP installed a key")
    }

    fn sta_key(&self) -> TemporalKey {
        let key = self.sta_events.iter().rev().find_map(|event| match event {
            SupplicantEvent::InstallPairwise { tk, .. } => Some(tk.clone()),
            _ => None,
        });
        key.expect("the station installed a key")
    }
}
