//! The link against the authenticator, under keys.

use super::tests::{
    AID, AP, Counting, OTHER, STATION, association, at, authentication, elements, ethernet, events, hear,
    kinds, management, random, sent,
};
use super::{Link, LinkConfig, LinkEnd, LinkEvent, LinkSecurity, LinkState};
use crate::crypto::{Cipher, CipherKey};
use crate::mac::DropReason;
use crate::rsn::{
    Akm, Authenticator, AuthenticatorConfig, AuthenticatorEvent, GroupKeyData, Gtk, HandshakeFailure, Pmk,
};
use crate::wire::element::{ElementsBuf, Rsn};
use crate::wire::management::Beacon;
use crate::wire::{
    Capabilities, EtherType, Frame, FrameKind, Llc, MacAddr, MacHeader, ManagementBody, SequenceControl,
    StatusCode, Transmit,
};

/// An AP with one station: its authenticator, its keys, its packet numbers.
struct Ap {
    machine: Authenticator,
    random: Counting,
    pairwise: Option<CipherKey>,
    group: CipherKey,
    pn: u64,
    sequence: u16,
}

fn rsne() -> Vec<u8> {
    let mut elements = ElementsBuf::new();
    elements.writer().put(&Rsn::WPA2_PSK);
    elements.into_bytes()
}

fn beacon() -> Vec<u8> {
    let mut list = elements(b"open", None);
    list.writer().raw(&rsne());
    let capabilities = Capabilities::default().with_ess(true).with_privacy(true);
    let beacon = Beacon { timestamp: 1, interval: 100, capabilities, elements: list.elements() };
    management(AP, &ManagementBody::Beacon(beacon))
}

fn link(pmk: u8) -> Link {
    let security = LinkSecurity::Wpa2(Pmk::new(&[pmk; 32]).unwrap());
    Link::new(LinkConfig { security, ..LinkConfig::new(STATION, b"open") }, random())
}

/// An authenticator that has announced these elements.
fn authenticator(ap_elements: Vec<u8>) -> Authenticator {
    Authenticator::new(AuthenticatorConfig {
        aa: AP,
        spa: STATION,
        pmk: Pmk::new(&[1; 32]).unwrap(),
        akm: Akm::Psk,
        pairwise: Cipher::Ccmp128,
        group: GroupKeyData { gtk: Gtk::new(&[9; 16]).unwrap(), key_id: 1, rsc: 40 },
        ap_elements,
        sta_elements: rsne(),
    })
}

/// Associated, and nothing more: message 1 has not been sent.
fn associated(pmk: u8) -> (Link, Ap) {
    let mut link = link(pmk);
    link.start(at(0));
    hear(&mut link, 10, &beacon());
    link.handle_timeout(at(120));
    hear(&mut link, 125, &authentication(AP, 2, StatusCode::SUCCESS));
    let request = sent(&mut link).pop().unwrap();
    assert!(request.frame.windows(22).any(|bytes| bytes == rsne()), "our RSNE is in the request");
    hear(&mut link, 130, &association(AP, StatusCode::SUCCESS, AID));
    assert_eq!(link.state(), LinkState::Securing);
    let group = Gtk::new(&[9; 16]).unwrap().cipher_key(Cipher::Ccmp128).unwrap();
    (
        link,
        Ap {
            machine: authenticator(rsne()),
            random: Counting(100),
            pairwise: None,
            group,
            pn: 0,
            sequence: 0,
        },
    )
}

fn joined() -> (Link, Ap) {
    let (mut link, mut ap) = associated(1);
    ap.machine.start(at(131), &mut ap.random);
    ap.exchange(&mut link, 132);
    assert_eq!(events(&mut link), [LinkEvent::Connected { bssid: AP, aid: AID }]);
    (link, ap)
}

impl Ap {
    /// Lets both talk until they have no more to say; what was not EAPOL comes back.
    fn exchange(&mut self, link: &mut Link, millis: u64) -> Vec<Vec<u8>> {
        let mut other = Vec::new();
        loop {
            let mut quiet = true;
            while let Some(eapol) = self.machine.poll_transmit() {
                let msdu = llc(EtherType::EAPOL, &eapol.pdu);
                hear(link, millis, &self.data(STATION, &msdu, eapol.protected));
                quiet = false;
            }
            while let Some(event) = self.machine.poll_event() {
                if let AuthenticatorEvent::InstallPairwise { tk, cipher } = event {
                    (self.pairwise, self.pn) = (Some(tk.cipher_key(cipher).unwrap()), 0);
                }
            }
            for transmit in sent(link) {
                quiet = false;
                let (protected, msdu) = self.read(&transmit);
                match Llc::parse(&msdu) {
                    Llc::Typed(EtherType::EAPOL, pdu) => {
                        self.machine.handle_eapol(at(millis), pdu, protected).unwrap();
                    }
                    _ => other.push(msdu),
                }
            }
            if quiet {
                return other;
            }
        }
    }

    fn data(&mut self, destination: MacAddr, msdu: &[u8], protected: bool) -> Vec<u8> {
        self.sequence += 1;
        let header =
            MacHeader::from_ds(destination, AP, OTHER).with_sequence(SequenceControl::new(self.sequence, 0));
        let mut frame = Vec::new();
        header.emit(&mut frame);
        if !protected {
            frame.extend_from_slice(msdu);
            return frame;
        }
        self.pn += 1;
        let mut out = Vec::new();
        if destination.is_group() {
            self.group.protect(40 + self.pn, 1, &frame, msdu, &mut out).unwrap();
        } else {
            self.pairwise.as_ref().unwrap().protect(self.pn, 0, &frame, msdu, &mut out).unwrap();
        }
        out
    }

    /// What a frame of the station carries, decrypted if it has to be.
    fn read(&self, transmit: &Transmit) -> (bool, Vec<u8>) {
        let mut frame = transmit.frame.clone();
        let Frame::Data(data) = Frame::parse(&transmit.frame).unwrap() else { panic!("data") };
        if !data.frame_control().protected() {
            return (false, data.payload().to_vec());
        }
        let opened = self.pairwise.as_ref().unwrap().unprotect(data.header_len(), &mut frame).unwrap();
        (true, frame[opened.payload].to_vec())
    }
}

fn llc(ethertype: EtherType, payload: &[u8]) -> Vec<u8> {
    let mut msdu = Vec::new();
    Llc::Typed(ethertype, payload).emit(&mut msdu);
    msdu
}

/// Experimental EtherType, so that it is neither IP nor EAPOL.
const PLAIN: EtherType = EtherType(0x88b5);

fn pn(transmit: &Transmit) -> u64 {
    let Frame::Data(data) = Frame::parse(&transmit.frame).unwrap() else { panic!("data") };
    crate::crypto::CipherHeader::peek(&transmit.frame, data.header_len()).unwrap().pn
}

#[test]
fn it_joins_and_carries_data_under_keys() {
    let (mut link, mut ap) = joined();
    assert_eq!(link.state(), LinkState::Connected);
    link.handle_msdu(at(140), &ethernet(OTHER, STATION));
    assert_eq!(ap.exchange(&mut link, 140), [llc(EtherType(0x0800), &[1, 2, 3])]);
    for destination in [STATION, MacAddr::BROADCAST] {
        let frame = ap.data(destination, &llc(PLAIN, &[7]), true);
        hear(&mut link, 141, &frame);
        assert!(matches!(&events(&mut link)[..], [LinkEvent::Msdu(frame)] if frame[14..] == [7]));
    }
}

#[test]
fn a_wrong_passphrase_ends_with_a_word_about_it_and_another_attempt() {
    let (mut link, mut ap) = associated(2);
    ap.machine.start(at(131), &mut ap.random);
    let message = ap.machine.poll_transmit().unwrap();
    let frame = ap.data(STATION, &llc(EtherType::EAPOL, &message.pdu), false);
    hear(&mut link, 132, &frame);
    let (_, answer) = ap.read(&sent(&mut link).remove(0));
    let Llc::Typed(_, pdu) = Llc::parse(&answer) else { panic!("EAPOL") };
    assert!(ap.machine.handle_eapol(at(133), pdu, false).is_err());
    for second in 1..11 {
        hear(&mut link, second * 1000, &beacon());
    }
    let (due, _) = link.poll_timeout().unwrap();
    link.handle_timeout(due);
    let end = LinkEnd::Handshake(HandshakeFailure::Timeout);
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end }]);
    assert_eq!(kinds(&sent(&mut link)), [FrameKind::DEAUTHENTICATION]);
    assert_eq!(link.state(), LinkState::Waiting);
}

#[test]
fn sec_k8_other_elements_in_message_3_than_in_the_beacon_end_the_attempt_at_once() {
    let (mut link, mut ap) = associated(1);
    let mut other = rsne();
    *other.last_mut().unwrap() ^= 0x20;
    ap.machine = authenticator(other);
    ap.machine.start(at(131), &mut ap.random);
    let message = ap.machine.poll_transmit().unwrap();
    hear(&mut link, 132, &ap.data(STATION, &llc(EtherType::EAPOL, &message.pdu), false));
    let (_, answer) = ap.read(&sent(&mut link).remove(0));
    let Llc::Typed(_, pdu) = Llc::parse(&answer) else { panic!("EAPOL") };
    ap.machine.handle_eapol(at(133), pdu, false).unwrap();
    let message = ap.machine.poll_transmit().unwrap();
    hear(&mut link, 134, &ap.data(STATION, &llc(EtherType::EAPOL, &message.pdu), false));
    let end = LinkEnd::Handshake(HandshakeFailure::ElementMismatch);
    assert_eq!(events(&mut link), [LinkEvent::Disconnected { bssid: AP, end }]);
    let farewell = sent(&mut link);
    assert_eq!(kinds(&farewell), [FrameKind::DEAUTHENTICATION]);
    assert_eq!((farewell[0].frame[24], link.state()), (17, LinkState::Waiting));
    assert_eq!(link.drops().of(DropReason::EapolRejected), 1);
}

#[test]
fn sec_d1_plaintext_is_dropped_before_and_after_the_handshake() {
    let (mut link, mut ap) = associated(1);
    for joined in [false, true] {
        let frame = ap.data(STATION, &llc(PLAIN, &[7]), false);
        hear(&mut link, 140, &frame);
        assert!(events(&mut link).is_empty());
        assert_eq!(link.drops().of(DropReason::Unprotected), 1 + u64::from(joined));
        ap.machine.start(at(141), &mut ap.random);
        ap.exchange(&mut link, 141);
        events(&mut link);
    }
}

#[test]
fn sec_k7_nothing_is_sent_before_the_port_opens() {
    let (mut link, _) = associated(1);
    link.handle_msdu(at(140), &ethernet(OTHER, STATION));
    assert!(sent(&mut link).is_empty());
    assert_eq!(link.drops().of(DropReason::PortClosed), 1);
}

#[test]
fn sec_k1_a_retransmitted_m3_resets_no_packet_number() {
    let (mut link, mut ap) = associated(1);
    ap.machine.start(at(131), &mut ap.random);
    let mut third = None;
    while link.state() == LinkState::Securing {
        let message = ap.machine.poll_transmit().unwrap();
        third = Some(message.pdu.clone());
        let frame = ap.data(STATION, &llc(EtherType::EAPOL, &message.pdu), false);
        hear(&mut link, 132, &frame);
        for transmit in sent(&mut link) {
            let (_, msdu) = ap.read(&transmit);
            let Llc::Typed(_, pdu) = Llc::parse(&msdu) else { panic!("EAPOL") };
            let pdu = pdu.to_vec();
            if link.state() == LinkState::Securing {
                ap.machine.handle_eapol(at(133), &pdu, false).unwrap();
            }
        }
    }
    link.handle_msdu(at(140), &ethernet(OTHER, STATION));
    assert_eq!(pn(&sent(&mut link)[0]), 1);
    events(&mut link);
    let again = ap.data(STATION, &llc(EtherType::EAPOL, &third.unwrap()), false);
    hear(&mut link, 141, &again);
    sent(&mut link);
    link.handle_msdu(at(142), &ethernet(OTHER, STATION));
    assert!(pn(sent(&mut link).last().unwrap()) > 1);
    assert!(events(&mut link).is_empty());
}

#[test]
fn sec_d12_a_packet_number_is_taken_once() {
    let (mut link, mut ap) = joined();
    for destination in [STATION, MacAddr::BROADCAST] {
        let frame = ap.data(destination, &llc(PLAIN, &[7]), true);
        hear(&mut link, 140, &frame);
        hear(&mut link, 141, &frame);
        assert_eq!(events(&mut link).len(), 1);
    }
    assert_eq!(link.drops().of(DropReason::Replay), 2);
}

#[test]
fn events_that_nobody_fetches_are_bounded() {
    let (mut link, mut ap) = joined();
    for _ in 0..3000 {
        let frame = ap.data(STATION, &llc(EtherType::IPV4, b"payload"), true);
        hear(&mut link, 200, &frame);
    }
    assert_eq!((events(&mut link).len(), link.drops().of(DropReason::EventsFull)), (2048, 3000 - 2048));
}

#[test]
fn sec_k4_group_frames_at_or_below_the_announced_counter_are_replays() {
    let (mut link, mut ap) = joined();
    for (pn, drops) in [(39, 1), (40, 2), (41, 2)] {
        let mut header = Vec::new();
        MacHeader::from_ds(MacAddr::BROADCAST, AP, OTHER).emit(&mut header);
        let mut frame = Vec::new();
        ap.group.protect(pn, 1, &header, &llc(PLAIN, &[7]), &mut frame).unwrap();
        hear(&mut link, 140, &frame);
        assert_eq!(link.drops().of(DropReason::Replay), drops, "{pn}");
    }
    assert_eq!(events(&mut link).len(), 1);
    ap.pn = 1;
}

#[test]
fn sec_d13_unicast_ip_under_the_group_key_is_dropped() {
    let (mut link, mut ap) = joined();
    let mut four = [0; 20];
    four[16..].copy_from_slice(&[192, 0, 2, 7]);
    let mut six = [0; 40];
    six[24] = 0x20;
    for (ethertype, packet) in [(EtherType::IPV4, &four[..]), (EtherType::IPV6, &six)] {
        let frame = ap.data(MacAddr::BROADCAST, &llc(ethertype, packet), true);
        hear(&mut link, 140, &frame);
    }
    assert!(events(&mut link).is_empty());
    assert_eq!(link.drops().of(DropReason::UnicastInGroup), 2);
    four[16..].copy_from_slice(&[255; 4]);
    six[24] = 0xff;
    for (ethertype, packet) in [(EtherType::IPV4, &four[..]), (EtherType::IPV6, &six)] {
        let frame = ap.data(MacAddr::BROADCAST, &llc(ethertype, packet), true);
        hear(&mut link, 141, &frame);
    }
    assert_eq!(events(&mut link).len(), 2);
}

#[test]
fn sec_k11_a_rekey_goes_under_the_old_key_and_then_the_new_one_counts() {
    let (mut link, mut ap) = joined();
    ap.machine.rekey_pairwise(at(200), &mut ap.random);
    ap.exchange(&mut link, 201);
    assert!(events(&mut link).is_empty(), "the port stays open");
    link.handle_msdu(at(210), &ethernet(OTHER, STATION));
    assert!(sent(&mut link).is_empty(), "the AP may not have installed it yet");
    link.handle_timeout(at(250));
    assert!(sent(&mut link).is_empty());
    link.handle_timeout(at(251));
    let up = sent(&mut link).remove(0);
    assert_eq!((pn(&up), ap.read(&up).0), (1, true));
}

#[test]
fn sec_k11_data_waits_for_the_key_that_a_rekey_brings() {
    let (mut link, mut ap) = joined();
    ap.machine.rekey_pairwise(at(200), &mut ap.random);
    for step in 0..2 {
        let message = ap.machine.poll_transmit().unwrap();
        let frame = ap.data(STATION, &llc(EtherType::EAPOL, &message.pdu), message.protected);
        hear(&mut link, 201, &frame);
        if step == 0 {
            link.handle_msdu(at(201), &ethernet(OTHER, STATION));
        }
        let last = sent(&mut link);
        assert_eq!(last.len(), 1, "an answer, and no data");
        let (protected, msdu) = ap.read(&last[0]);
        let Llc::Typed(_, pdu) = Llc::parse(&msdu) else { panic!("EAPOL") };
        ap.machine.handle_eapol(at(202), pdu, protected).unwrap();
    }
    ap.exchange(&mut link, 203);
    // It uses the key, so it has it.
    let down = ap.data(STATION, &llc(EtherType(0x0800), &[9]), true);
    hear(&mut link, 204, &down);
    let last = sent(&mut link);
    assert_eq!((pn(&last[0]), ap.read(&last[0]).1), (1, llc(EtherType(0x0800), &[1, 2, 3])));
}

#[test]
fn sec_d12_what_was_on_its_way_as_the_radio_left_is_taken_after_others_and_once() {
    let (mut link, mut ap) = joined();
    let got = |link: &mut Link, ap: &mut Ap| {
        let frames: Vec<_> = (0..3).map(|n| ap.data(STATION, &llc(EtherType(0x0800), &[n]), true)).collect();
        for n in [0, 2, 1, 1, 2] {
            hear(link, 260, &frames[n]);
        }
        events(link).into_iter().filter(|event| matches!(event, LinkEvent::Msdu(_))).count()
    };
    assert_eq!(got(&mut link, &mut ap), 2, "nothing was on its way");
    link.leave(at(261), at(262));
    link.handle_timeout(at(262));
    link.come_back(at(300));
    assert_eq!(got(&mut link, &mut ap), 3);
}

#[test]
fn an_open_network_of_that_name_is_not_ours() {
    let mut link = link(1);
    link.start(at(0));
    let list = elements(b"open", None);
    let capabilities = Capabilities::default().with_ess(true);
    let beacon = Beacon { timestamp: 1, interval: 100, capabilities, elements: list.elements() };
    hear(&mut link, 10, &management(AP, &ManagementBody::Beacon(beacon)));
    link.handle_timeout(at(120));
    assert_eq!(link.state(), LinkState::Waiting);
}

#[test]
fn sec_d7_a_plaintext_amsdu_that_looks_like_eapol_is_dropped() {
    let (mut link, _) = joined();
    let mut header = MacHeader::from_ds(STATION, AP, OTHER).with_sequence(SequenceControl::new(900, 0));
    header.qos = Some(crate::wire::QosControl::new(0).with_amsdu(true));
    let mut frame = Vec::new();
    header.emit(&mut frame);
    frame.extend_from_slice(&llc(EtherType::EAPOL, &[2, 3, 0, 95]));
    let rejected = link.drops().of(DropReason::EapolRejected);
    hear(&mut link, 140, &frame);
    assert!(events(&mut link).is_empty());
    assert_eq!(link.drops().of(DropReason::PlaintextAmsdu), 1);
    assert_eq!(link.drops().of(DropReason::EapolRejected), rejected);
}

proptest::proptest! {
    #[test]
    fn sec_m11_any_bytes_as_data_or_eapol_are_survived_under_keys(payloads in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..140), 1..12)) {
        for (mut link, mut ap) in [associated(1), joined()] {
            for (n, payload) in (0u64..).zip(&payloads) {
                for msdu in [payload.clone(), llc(EtherType::EAPOL, payload)] {
                    let plain = ap.data(STATION, &msdu, false);
                    hear(&mut link, 140 + n, &plain);
                    if ap.pairwise.is_some() {
                        let sealed = ap.data(STATION, &msdu, true);
                        hear(&mut link, 140 + n, &sealed);
                    }
                }
            }
            proptest::prop_assert!(sent(&mut link).len() <= 256);
        }
    }
}
