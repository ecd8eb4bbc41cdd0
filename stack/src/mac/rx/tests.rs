use super::*;
use crate::crypto::{Cipher, CipherKey};
use crate::mac::{BufferPool, PairwiseSa, PeerConfig, Uapsd};
use crate::wire::amsdu::AmsduWriter;
use crate::wire::frame::PsPoll;
use crate::wire::{FrameKind, MacHeader};
use proptest::prelude::*;
use std::time::Duration;

const AP: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);
const TK: [u8; 16] = [7; 16];
const NEW_TK: [u8; 16] = [8; 16];
const GTK: [u8; 16] = [9; 16];
const IP: &[u8] = &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45, 0, 1, 2, 3, 4, 5, 6];
const EAPOL: &[u8] = &[0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0x8e, 2, 3, 0, 0];

/// One end of a BSS, with what came out of it.
struct End {
    bss: Bss,
    peer: Option<Peer>,
    group: GroupRx,
    drops: DropCounts,
    now: Instant,
    out: Vec<Out>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Out {
    Management,
    Eapol(bool),
    Msdu(MacAddr, MacAddr, Vec<u8>),
    Doze,
    Wake,
    PsPoll,
    Trigger,
    NotAssociated(MacAddr),
}

impl End {
    fn new(bss: Bss, config: PeerConfig) -> Self {
        let peer = Some(Peer::new(Instant::ZERO, config, SaId(1)));
        let (group, drops) = (GroupRx::new(), DropCounts::new());
        Self { bss, peer, group, drops, now: Instant::ZERO, out: Vec::new() }
    }

    /// An AP whose station has completed the handshake.
    fn protected_ap() -> Self {
        let mut end = Self::new(Bss::access_point(AP), config(STA, true));
        end.install(2, &TK);
        end.peer().open_port();
        end
    }

    fn open_ap() -> Self {
        Self::new(Bss::access_point(AP), config(STA, false))
    }

    fn protected_station() -> Self {
        let mut end = Self::new(Bss::station(STA, AP), config(AP, true));
        end.install(2, &TK);
        end.peer().open_port();
        end.group.install(Cipher::Ccmp128, &GTK, 1, 0).unwrap();
        end
    }

    fn peer(&mut self) -> &mut Peer {
        self.peer.as_mut().unwrap()
    }

    fn install(&mut self, id: u64, tk: &[u8]) {
        let sa = PairwiseSa::new(SaId(id), Cipher::Ccmp128, tk).unwrap();
        let now = self.now;
        self.peer().install_pairwise(now, sa);
    }

    fn receive(&mut self, frame: &[u8]) -> Result<Vec<Out>, DropReason> {
        self.receive_as(frame, &RxInfo::default())
    }

    fn receive_as(&mut self, frame: &[u8], info: &RxInfo) -> Result<Vec<Out>, DropReason> {
        self.out.clear();
        let out = &mut self.out;
        let context = Context {
            now: self.now,
            info,
            bss: self.bss,
            peer: self.peer.as_mut(),
            group: Some(&mut self.group),
            late: false,
            drops: &mut self.drops,
        };
        let result = receive(context, &mut frame.to_vec(), &mut |delivery: Delivery<'_>| {
            out.push(match delivery {
                Delivery::Management(_) => Out::Management,
                Delivery::Eapol { protected, .. } => Out::Eapol(protected),
                Delivery::Msdu(msdu) => {
                    let mut body = Vec::new();
                    msdu.emit_body(&mut body);
                    Out::Msdu(msdu.destination, msdu.source, body)
                }
                Delivery::Doze => Out::Doze,
                Delivery::Wake => Out::Wake,
                Delivery::PsPoll => Out::PsPoll,
                Delivery::Trigger => Out::Trigger,
                Delivery::NotAssociated { transmitter } => Out::NotAssociated(transmitter),
                Delivery::Buffered { .. } => return,
            });
        });
        result.map(|()| self.out.clone())
    }
}

fn config(address: MacAddr, protected: bool) -> PeerConfig {
    let uapsd = Uapsd { flags: AccessCategory::Voice.uapsd_flag(), max_service_period: 2 };
    PeerConfig { protected, qos: true, association_id: 3, uapsd, ..PeerConfig::new(address) }
}

fn up(destination: MacAddr) -> MacHeader {
    MacHeader::to_ds(AP, STA, destination).with_qos(QosControl::new(0))
}

fn down(destination: MacAddr) -> MacHeader {
    MacHeader::from_ds(destination, AP, HOST).with_qos(QosControl::new(0))
}

fn numbered(header: MacHeader, number: u16, fragment: u8, more: bool) -> MacHeader {
    let mut header = header.with_sequence(SequenceControl::new(number, fragment));
    header.frame_control = header.frame_control.with_more_fragments(more);
    header
}

fn plain(header: &MacHeader, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    header.emit(&mut frame);
    frame.extend_from_slice(body);
    frame
}

fn sealed(header: &MacHeader, body: &[u8], tk: &[u8], pn: u64, key_id: u8) -> Vec<u8> {
    let (mut bytes, mut frame) = (Vec::new(), Vec::new());
    header.emit(&mut bytes);
    let key = CipherKey::new(Cipher::Ccmp128, tk).unwrap();
    key.protect(pn, key_id, &bytes, body, &mut frame).unwrap();
    frame
}

fn msdu(body: &[u8]) -> Result<Vec<Out>, DropReason> {
    Ok(vec![Out::Msdu(HOST, STA, body.to_vec())])
}

fn flagged(header: MacHeader, edit: impl Fn(FrameControl) -> FrameControl) -> MacHeader {
    MacHeader { frame_control: edit(header.frame_control), ..header }
}

#[test]
fn ordinary_frames_pass() {
    let mut ap = End::protected_ap();
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 1, 0)), msdu(IP));
    let mut station = End::protected_station();
    let to_us = Ok(vec![Out::Msdu(STA, HOST, IP.to_vec())]);
    assert_eq!(station.receive(&sealed(&down(STA), IP, &TK, 1, 0)), to_us);
    let to_all = Ok(vec![Out::Msdu(MacAddr::BROADCAST, HOST, IP.to_vec())]);
    let group = MacHeader::from_ds(MacAddr::BROADCAST, AP, HOST);
    assert_eq!(station.receive(&sealed(&group, IP, &GTK, 1, 1)), to_all);
    assert_eq!(End::open_ap().receive(&plain(&up(HOST), IP)), msdu(IP));
    assert_eq!(ap.peer().stats.rx_frames, 1);
}

#[test]
fn sanity_names_what_is_no_frame() {
    let mut ap = End::protected_ap();
    let bad = RxInfo { bad_fcs: true, ..RxInfo::default() };
    assert_eq!(ap.receive_as(&plain(&up(HOST), IP), &bad), Err(DropReason::BadFcs));
    assert_eq!(ap.receive(&[0x88]), Err(DropReason::Malformed));
    assert_eq!(ap.receive(&[0x89; 40]), Err(DropReason::UnsupportedVersion));
    assert_eq!(ap.drops.total(), 3);
    assert_eq!(ap.peer().stats.rx_dropped, 3);
}

#[test]
fn sec_d1_plaintext_in_a_protected_association_is_dropped_but_for_the_handshake() {
    let mut ap = End::protected_ap();
    assert_eq!(ap.receive(&plain(&up(HOST), IP)), Err(DropReason::Unprotected));
    assert_eq!(ap.receive(&plain(&up(AP), EAPOL)), Err(DropReason::Unprotected));
    ap.peer().begin_rekey(SaId(2));
    assert_eq!(ap.receive(&plain(&up(AP), EAPOL)), Ok(vec![Out::Eapol(false)]));
    assert_eq!(ap.receive(&plain(&up(HOST), IP)), Err(DropReason::Unprotected));
    let mut ap = End::new(Bss::access_point(AP), config(STA, true));
    assert_eq!(ap.receive(&plain(&up(AP), EAPOL)), Ok(vec![Out::Eapol(false)]));
    assert_eq!(ap.receive(&plain(&up(HOST), IP)), Err(DropReason::Unprotected));
}

#[test]
fn a_station_takes_a_repeated_message_3_in_plaintext_until_the_ap_has_used_the_key() {
    let mut station = End::protected_station();
    let message = plain(&MacHeader::from_ds(STA, AP, AP), EAPOL);
    assert_eq!(station.receive(&message), Ok(vec![Out::Eapol(false)]));
    assert!(station.receive(&sealed(&down(STA), IP, &TK, 1, 0)).is_ok());
    assert_eq!(station.receive(&message), Err(DropReason::Unprotected));
}

#[test]
fn sec_d2_plaintext_fragments_are_dropped() {
    let mut ap = End::new(Bss::access_point(AP), config(STA, true));
    let first = plain(&numbered(up(AP), 1, 0, true), EAPOL);
    assert_eq!(ap.receive(&first), Err(DropReason::PlaintextFragment));
    let mut ap = End::protected_ap();
    assert_eq!(ap.receive(&sealed(&numbered(up(HOST), 1, 0, true), IP, &TK, 1, 0)), Ok(vec![]));
    let second = plain(&numbered(up(HOST), 1, 1, false), IP);
    assert_eq!(ap.receive(&second), Err(DropReason::PlaintextFragment));
}

#[test]
fn legal_fragments_become_one_msdu() {
    let mut ap = End::protected_ap();
    assert_eq!(ap.receive(&sealed(&numbered(up(HOST), 1, 0, true), &IP[..10], &TK, 1, 0)), Ok(vec![]));
    assert_eq!(ap.receive(&sealed(&numbered(up(HOST), 1, 1, false), &IP[10..], &TK, 2, 0)), msdu(IP));
}

#[test]
fn sec_d3_and_d5_a_rekey_between_fragments_ends_the_msdu() {
    let mut ap = End::protected_ap();
    assert!(ap.receive(&sealed(&numbered(up(HOST), 1, 0, true), &IP[..10], &TK, 1, 0)).is_ok());
    ap.install(3, &NEW_TK);
    let second = sealed(&numbered(up(HOST), 1, 1, false), &IP[10..], &NEW_TK, 2, 0);
    assert_eq!(ap.receive(&second), Err(DropReason::FragmentWithoutFirst));
    // and with the first fragment under the old key after the new one is there
    let mut ap = End::protected_ap();
    ap.install(3, &NEW_TK);
    assert_eq!(ap.receive(&sealed(&numbered(up(HOST), 1, 0, true), &IP[..10], &TK, 1, 0)), Ok(vec![]));
    let second = sealed(&numbered(up(HOST), 1, 1, false), &IP[10..], &NEW_TK, 2, 0);
    assert_eq!(ap.receive(&second), Err(DropReason::FragmentKey));
}

#[test]
fn held_data_is_released_by_a_frame_under_the_new_key_and_by_none_under_the_old() {
    let mut ap = End::protected_ap();
    ap.install(3, &NEW_TK);
    ap.peer().hold_data();
    assert!(ap.receive(&sealed(&up(HOST), IP, &TK, 1, 0)).is_ok());
    assert!(ap.peer().holds_data());
    ap.receive(&sealed(&up(HOST), IP, &[9; 16], 1, 0)).unwrap_err();
    assert!(ap.peer().holds_data());
    assert!(ap.receive(&sealed(&numbered(up(HOST), 2, 0, false), IP, &NEW_TK, 1, 0)).is_ok());
    assert!(!ap.peer().holds_data());
}

#[test]
fn sec_d4_fragments_with_a_gap_in_their_packet_numbers_are_dropped() {
    let mut ap = End::protected_ap();
    assert!(ap.receive(&sealed(&numbered(up(HOST), 1, 0, true), &IP[..10], &TK, 1, 0)).is_ok());
    let second = sealed(&numbered(up(HOST), 1, 1, false), &IP[10..], &TK, 3, 0);
    assert_eq!(ap.receive(&second), Err(DropReason::FragmentPacketNumber));
}

#[test]
fn sec_d6_fragments_to_a_group_are_dropped() {
    let mut station = End::protected_station();
    let first = sealed(&numbered(down(MacAddr::BROADCAST), 1, 0, true), IP, &GTK, 1, 1);
    assert_eq!(station.receive(&first), Err(DropReason::GroupFragment));
    let mut ap = End::open_ap();
    let group = MacHeader { addr1: MacAddr::BROADCAST, ..numbered(up(HOST), 1, 1, false) };
    assert_eq!(ap.receive(&plain(&group, IP)), Err(DropReason::NotForUs));
}

#[test]
fn sec_d7_a_plaintext_amsdu_is_dropped_even_if_it_looks_like_eapol() {
    let mut ap = End::new(Bss::access_point(AP), config(STA, true));
    let header = up(AP).with_qos(QosControl::new(0).with_amsdu(true));
    assert_eq!(ap.receive(&plain(&header, EAPOL)), Err(DropReason::PlaintextAmsdu));
}

#[test]
fn sec_d8_a_forged_amsdu_flag_delivers_nothing() {
    let mut ap = End::protected_ap();
    // the flag is not authenticated: the same ciphertext with the flag set decrypts
    let mut frame = sealed(&up(HOST), IP, &TK, 1, 0);
    frame[24] |= 0x80;
    assert_eq!(ap.receive(&frame), Err(DropReason::AmsduHeader));
}

#[test]
fn sec_d8_between_spp_peers_the_amsdu_flag_is_authentic() {
    let spp = PeerConfig { spp_amsdu: true, ..config(STA, true) };
    let mut ap = End::new(Bss::access_point(AP), spp);
    ap.install(2, &TK);
    ap.peer().open_port();
    let mut frame = sealed(&up(HOST), IP, &TK, 1, 0);
    frame[24] |= 0x80;
    assert_eq!(ap.receive(&frame), Err(DropReason::DecryptFailed));
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 1, 0)), msdu(IP));
}

#[test]
fn sec_d9_a_fragment_alone_is_not_delivered() {
    let mut ap = End::protected_ap();
    let second = sealed(&numbered(up(HOST), 1, 1, false), IP, &TK, 1, 0);
    assert_eq!(ap.receive(&second), Err(DropReason::FragmentWithoutFirst));
    let first = sealed(&numbered(up(HOST), 2, 0, true), IP, &TK, 2, 0);
    assert_eq!(ap.receive(&first), Ok(vec![]));
}

#[test]
fn sec_d10_before_the_handshake_nothing_passes_and_eapol_is_never_forwarded() {
    let mut ap = End::new(Bss::access_point(AP), config(STA, true));
    ap.install(2, &TK);
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 1, 0)), Err(DropReason::PortClosed));
    assert_eq!(ap.receive(&sealed(&up(AP), EAPOL, &TK, 2, 0)), Ok(vec![Out::Eapol(true)]));
    assert_eq!(ap.receive(&sealed(&up(HOST), EAPOL, &TK, 3, 0)), Err(DropReason::EapolNotForUs));
    ap.peer().open_port();
    assert_eq!(ap.receive(&sealed(&up(HOST), EAPOL, &TK, 4, 0)), Err(DropReason::EapolNotForUs));
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 5, 0)), msdu(IP));
}

#[test]
fn the_port_does_not_open_without_a_key() {
    let mut ap = End::new(Bss::access_point(AP), config(STA, true));
    ap.peer().open_port();
    assert!(!ap.peer().is_port_open());
}

#[test]
fn sec_d11_addresses_fit_the_roles() {
    let mut ap = End::protected_ap();
    let mut body = Vec::new();
    AmsduWriter::new(&mut body).push(HOST, HOST, &Llc::parse(IP));
    let header = up(HOST).with_qos(QosControl::new(0).with_amsdu(true));
    assert_eq!(ap.receive(&sealed(&header, &body, &TK, 1, 0)), Err(DropReason::SpoofedSource));
    let mut good = Vec::new();
    AmsduWriter::new(&mut good).push(HOST, STA, &Llc::parse(IP));
    assert_eq!(ap.receive(&sealed(&header, &good, &TK, 2, 0)), msdu(IP));

    let mut station = End::protected_station();
    let group = down(MacAddr::BROADCAST).with_qos(QosControl::new(0).with_amsdu(true));
    assert_eq!(station.receive(&sealed(&group, &body, &GTK, 1, 1)), Err(DropReason::AmsduGroup));
    let uplink = MacHeader { addr1: MacAddr::BROADCAST, ..up(STA) };
    assert_eq!(station.receive(&sealed(&uplink, IP, &GTK, 1, 1)), Err(DropReason::WrongDirection));
    let mut spoofed = MacHeader::to_ds(AP, AP, HOST);
    assert_eq!(ap.receive(&plain(&spoofed, IP)), Err(DropReason::BadTransmitter));
    spoofed.addr2 = MacAddr::BROADCAST;
    assert_eq!(ap.receive(&plain(&spoofed, IP)), Err(DropReason::BadTransmitter));
    let four = MacHeader { addr4: Some(HOST), ..up(HOST) };
    assert_eq!(ap.receive(&sealed(&four, IP, &TK, 3, 0)), Err(DropReason::FourAddress));
}

#[test]
fn an_ap_takes_nothing_under_its_group_key() {
    let mut ap = End::protected_ap();
    ap.group.install(Cipher::Ccmp128, &GTK, 1, 0).unwrap();
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &GTK, 1, 1)), Err(DropReason::UnknownKeyId));
    let group = MacHeader { addr1: MacAddr::BROADCAST, ..up(HOST) };
    assert_eq!(ap.receive(&sealed(&group, IP, &GTK, 1, 1)), Err(DropReason::NotForUs));
}

#[test]
fn sec_d12_replays_are_dropped_per_tid() {
    let mut ap = End::protected_ap();
    let frame = sealed(&up(HOST).with_sequence(SequenceControl::new(1, 0)), IP, &TK, 5, 0);
    assert_eq!(ap.receive(&frame), msdu(IP));
    assert_eq!(ap.receive(&frame), Err(DropReason::Replay));
    let older = sealed(&up(HOST).with_sequence(SequenceControl::new(2, 0)), IP, &TK, 4, 0);
    assert_eq!(ap.receive(&older), Err(DropReason::Replay));
    let other_tid = sealed(&up(HOST).with_qos(QosControl::new(6)), IP, &TK, 4, 0);
    assert_eq!(ap.receive(&other_tid), msdu(IP));
    let mut station = End::protected_station();
    let group = sealed(&MacHeader::from_ds(MacAddr::BROADCAST, AP, HOST), IP, &GTK, 1, 1);
    assert!(station.receive(&group).is_ok());
    assert_eq!(station.receive(&group), Err(DropReason::Replay));
}

#[test]
fn a_forged_frame_moves_no_counter() {
    let mut ap = End::protected_ap();
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &NEW_TK, 900, 0)), Err(DropReason::DecryptFailed));
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 1, 0)), msdu(IP));
}

#[test]
fn sec_d14_retransmissions_are_dropped_and_forgeries_do_not_count() {
    let mut ap = End::open_ap();
    let first = up(HOST).with_sequence(SequenceControl::new(7, 0));
    let again = flagged(first, |control| control.with_retry(true));
    assert_eq!(ap.receive(&plain(&again, IP)), msdu(IP));
    assert_eq!(ap.receive(&plain(&again, IP)), Err(DropReason::Duplicate));
    let mut ap = End::protected_ap();
    assert!(ap.receive(&plain(&first, IP)).is_err());
    assert_eq!(ap.receive(&sealed(&again, IP, &TK, 1, 0)), msdu(IP));
    assert_eq!(ap.receive(&sealed(&again, IP, &TK, 1, 0)), Err(DropReason::Duplicate));
}

#[test]
fn class_3_frames_of_strangers_are_reported() {
    let mut ap = End::protected_ap();
    ap.peer = None;
    assert_eq!(ap.receive(&plain(&up(HOST), IP)), Err(DropReason::UnknownStation));
    assert_eq!(ap.out, [Out::NotAssociated(STA)]);
    let mut poll = Vec::new();
    PsPoll { aid: 3, bssid: AP, station: STA }.emit(&mut poll);
    assert_eq!(ap.receive(&poll), Err(DropReason::UnknownStation));
    assert_eq!(ap.out, [Out::NotAssociated(STA)]);
}

fn pm(header: MacHeader) -> MacHeader {
    flagged(header, |control| control.with_power_management(true))
}

fn null() -> MacHeader {
    flagged(MacHeader::to_ds(AP, STA, AP), |control| control.with_kind(FrameKind::NULL))
}

#[test]
fn sec_h7_only_believed_frames_change_the_power_state() {
    let mut ap = End::protected_ap();
    for frame in [
        plain(&pm(up(HOST)), IP),
        plain(&pm(up(AP)), EAPOL),
        sealed(&pm(up(HOST)), IP, &NEW_TK, 1, 0),
        sealed(&pm(numbered(up(HOST), 1, 0, true)), IP, &TK, 1, 0),
        plain(&pm(MacHeader::management(FrameKind::REASSOCIATION_REQUEST, AP, STA, AP)), &[0; 10]),
    ] {
        let _ = ap.receive(&frame);
        assert!(!ap.peer().power_save().is_dozing());
    }
    assert_eq!(ap.receive(&plain(&pm(null()), &[])), Ok(vec![Out::Doze]));
    // whoever put it to sleep, its own next frame wakes it
    let wakes = ap.receive(&sealed(&up(HOST), IP, &TK, 2, 0)).unwrap();
    assert_eq!(wakes[0], Out::Wake);
}

#[test]
fn sec_h7_nobody_is_put_to_sleep_during_the_handshake() {
    let mut ap = End::new(Bss::access_point(AP), config(STA, true));
    assert_eq!(ap.receive(&plain(&pm(null()), &[])), Ok(vec![]));
    assert_eq!(ap.receive(&plain(&pm(up(AP)), EAPOL)), Ok(vec![Out::Eapol(false)]));
    assert!(!ap.peer().power_save().is_dozing());
}

#[test]
fn polls_and_triggers_are_for_stations_that_doze() {
    let mut ap = End::protected_ap();
    let mut poll = Vec::new();
    PsPoll { aid: 3, bssid: AP, station: STA }.emit(&mut poll);
    assert_eq!(ap.receive(&poll), Err(DropReason::PollWhileAwake));
    assert_eq!(ap.receive(&plain(&pm(null()), &[])), Ok(vec![Out::Doze]));
    assert_eq!(ap.receive(&poll), Ok(vec![Out::PsPoll]));
    let mut wrong = Vec::new();
    PsPoll { aid: 4, bssid: AP, station: STA }.emit(&mut wrong);
    assert_eq!(ap.receive(&wrong), Err(DropReason::BadAssociationId));
    let trigger = pm(null()).with_qos(QosControl::new(6));
    assert_eq!(ap.receive(&plain(&trigger, &[])), Ok(vec![Out::Trigger]));
    let other = pm(null()).with_qos(QosControl::new(0));
    assert_eq!(ap.receive(&plain(&other, &[])), Ok(vec![]));
}

#[test]
fn both_keys_are_read_during_a_rekey_and_the_old_one_no_longer_than_needed() {
    let mut ap = End::protected_ap();
    assert!(ap.receive(&sealed(&up(HOST), IP, &TK, 1, 0)).is_ok());
    ap.install(3, &NEW_TK);
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 2, 0)), msdu(IP));
    assert!(ap.receive(&sealed(&up(HOST), IP, &TK, 2, 0)).is_err());
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &NEW_TK, 1, 0)), msdu(IP));
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 3, 0)), Err(DropReason::DecryptFailed));
    ap.install(4, &TK);
    ap.now += Duration::from_secs(5);
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &NEW_TK, 2, 0)), Err(DropReason::DecryptFailed));
}

#[test]
fn sec_d13_what_came_under_the_group_key_is_neither_eapol_nor_a_packet_to_one_host() {
    let mut station = End::protected_station();
    let all = down(MacAddr::BROADCAST);
    let mut packet = IP.to_vec();
    packet.resize(8 + 20, 1);
    assert_eq!(station.receive(&sealed(&all, &packet, &GTK, 1, 1)), Err(DropReason::UnicastInGroup));
    packet[8 + 16..].copy_from_slice(&[224, 0, 0, 251]);
    assert!(station.receive(&sealed(&all, &packet, &GTK, 2, 1)).is_ok());
    let pae = down(MacAddr([0x01, 0x80, 0xc2, 0, 0, 3]));
    assert_eq!(station.receive(&sealed(&pae, EAPOL, &GTK, 3, 1)), Err(DropReason::EapolNotForUs));
}

#[test]
fn sec_h5_after_the_end_no_key_is_left() {
    let mut ap = End::protected_ap();
    let (mut pool, mut drops) = (BufferPool::new(1), DropCounts::new());
    ap.peer().close(&mut pool, &mut drops);
    assert_eq!(ap.receive(&sealed(&up(HOST), IP, &TK, 1, 0)), Err(DropReason::NoKey));
    assert!(!ap.peer().is_port_open() && ap.peer().pairwise().is_none());
}

proptest! {
    #[test]
    fn any_bytes_in_any_state(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..120), 1..8),
        kind in 0u8..3, addressed in any::<bool>(),
    ) {
        let mut end = match kind {
            0 => End::protected_ap(),
            1 => End::open_ap(),
            _ => End::protected_station(),
        };
        for mut frame in frames {
            if addressed && frame.len() >= 16 {
                let (own, peer) = (end.bss.own, end.peer().address());
                frame[0] &= 0xfc;
                frame[4..10].copy_from_slice(&own.octets());
                frame[10..16].copy_from_slice(&peer.octets());
            }
            let _ = end.receive(&frame);
        }
    }
}
