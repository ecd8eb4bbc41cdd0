use super::*;
use crate::crypto::{Cipher, CipherHeader, CipherKey};
use crate::mac::amsdu::{self, SubframeRule};
use crate::mac::{GroupTx, InFlight, PairwiseSa, PeerConfig, Rates, SaId, Scheduler, Uapsd};
use crate::wire::element::ElementsBuf;
use crate::wire::frame::DataFrame;
use crate::wire::{Frame, Transmit, TxStatus};
use proptest::prelude::*;
use std::time::Duration;

const AP: MacAddr = MacAddr([2, 0, 0, 0, 1, 0]);
const STA: MacAddr = MacAddr([2, 0, 0, 0, 0, 7]);
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 9, 9]);
const TK: [u8; 16] = [7; 16];
const NEW_TK: [u8; 16] = [8; 16];

/// One peer and what is needed to transmit to it.
struct End {
    bss: Bss,
    peer: Peer,
    pool: BufferPool,
    drops: DropCounts,
    sequence: SequenceNumbers,
    flight: InFlight<()>,
    now: Instant,
    max_mpdu: usize,
}

impl End {
    fn new(config: PeerConfig) -> Self {
        Self {
            bss: Bss::access_point(AP),
            peer: Peer::new(Instant::ZERO, config, SaId(1)),
            pool: BufferPool::new(64),
            drops: DropCounts::new(),
            sequence: SequenceNumbers::new(),
            flight: InFlight::new(64),
            now: Instant::ZERO,
            max_mpdu: 2304,
        }
    }

    fn open() -> Self {
        Self::new(PeerConfig { qos: true, ..PeerConfig::new(STA) })
    }

    fn protected() -> Self {
        let mut end = Self::new(config());
        end.install(2, &TK);
        end.peer.open_port();
        end
    }

    fn install(&mut self, id: u64, tk: &[u8]) {
        let sa = PairwiseSa::new(SaId(id), Cipher::Ccmp128, tk).unwrap();
        self.peer.install_pairwise(self.now, sa);
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Peer, &mut TxContext<'_>) -> T) -> T {
        let mut context = TxContext {
            now: self.now,
            bss: self.bss,
            pool: &mut self.pool,
            drops: &mut self.drops,
            sequence: &mut self.sequence,
            max_mpdu: self.max_mpdu,
            peer_window: 64,
            robust_rate: Rate::Legacy(12),
        };
        act(&mut self.peer, &mut context)
    }

    fn queue(&mut self, text: &[u8]) -> Result<(), DropReason> {
        self.queue_ds(text, 0)
    }

    /// An IPv4 packet with this DS field.
    fn queue_ds(&mut self, text: &[u8], ds: u8) -> Result<(), DropReason> {
        let mut frame = [&STA.octets()[..], &HOST.octets(), &[8, 0, 0x45, ds]].concat();
        frame.extend_from_slice(text);
        self.with(|peer, context| peer.enqueue(context, &Msdu::from_ethernet(&frame).unwrap()))
    }

    fn poll(&mut self) -> Option<Outgoing> {
        for category in AccessCategory::ALL {
            loop {
                match self.with(|peer, context| peer.poll(category, context)) {
                    Turn::Sent(outgoing) => return Some(outgoing),
                    Turn::Spent => {}
                    Turn::Idle => break,
                }
            }
        }
        None
    }

    fn frame(&mut self) -> Option<Vec<u8>> {
        self.poll().map(|outgoing| outgoing.frame)
    }

    /// Hands the next frame to the radio.
    fn launch(&mut self) -> Transmit {
        let outgoing = self.poll().unwrap();
        self.flight.launch(self.now, (), outgoing)
    }

    /// Sends the next frame to a radio that says what became of it.
    fn send(&mut self, acked: bool) -> Vec<u8> {
        let transmit = self.launch();
        let (id, frame) = (transmit.id, transmit.frame.clone());
        self.flight.reclaim(transmit, &mut self.pool);
        let (_, completion) = self.flight.handle_status(TxStatus { id, acked, retries: 0 }).unwrap();
        self.with(|peer, context| peer.handle_completion(completion, context));
        frame
    }
}

fn config() -> PeerConfig {
    PeerConfig { protected: true, qos: true, ..PeerConfig::new(STA) }
}

fn data(frame: &[u8]) -> DataFrame<'_> {
    match Frame::parse(frame) {
        Ok(Frame::Data(data)) => data,
        other => panic!("{other:?}"),
    }
}

/// The packet number and body of a frame, under this key.
fn opened(frame: &[u8], tk: &[u8]) -> Option<(u64, Vec<u8>)> {
    let mut copy = frame.to_vec();
    let key = CipherKey::new(Cipher::Ccmp128, tk).unwrap();
    let opened = key.unprotect(data(frame).header_len(), &mut copy).ok()?;
    Some((opened.pn, copy[opened.payload].to_vec()))
}

fn body(text: &[u8]) -> Vec<u8> {
    [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0, 0x45, 0][..], text].concat()
}

#[test]
fn an_msdu_becomes_an_encrypted_mpdu() {
    let mut end = End::protected();
    end.queue(b"hello").unwrap();
    let frame = end.frame().unwrap();
    let header = data(&frame);
    assert_eq!((header.addr1(), header.addr2(), header.addr3()), (STA, AP, HOST));
    assert!(header.frame_control().from_ds() && header.frame_control().protected());
    assert_eq!(opened(&frame, &TK), Some((1, body(b"hello"))));
    assert!(end.frame().is_none());
}

#[test]
fn a_station_sends_to_its_ap_with_the_pm_bit_it_was_told() {
    let mut end = End::open();
    end.bss = Bss::station(STA, AP);
    end.peer = Peer::new(Instant::ZERO, PeerConfig::new(AP), SaId(1));
    end.peer.set_power_management(true);
    end.queue(b"up").unwrap();
    let frame = end.frame().unwrap();
    let header = data(&frame);
    assert_eq!((header.addr1(), header.addr2(), header.addr3()), (AP, STA, STA));
    assert!(header.frame_control().to_ds() && header.frame_control().power_management());
    assert_eq!((header.qos(), header.payload()), (None, &body(b"up")[..]));
}

#[test]
fn sequence_numbers_run_per_tid_and_urgent_categories_go_first() {
    let mut end = End::open();
    for (text, ds) in [(b"a", 0), (b"b", 0), (b"c", 0xb8)] {
        end.queue_ds(text, ds).unwrap();
    }
    let frames: Vec<_> = std::iter::from_fn(|| end.frame()).collect();
    let seen: Vec<_> = frames
        .iter()
        .map(|frame| (data(frame).qos().unwrap().tid(), data(frame).sequence().number()))
        .collect();
    assert_eq!(seen, [(5, 0), (0, 0), (0, 1)]);
}

#[test]
fn sec_h3_what_was_queued_under_another_key_is_dropped() {
    let mut end = End::protected();
    end.queue(b"old").unwrap();
    end.install(3, &NEW_TK);
    end.queue(b"new").unwrap();
    let frame = end.frame().unwrap();
    assert_eq!(opened(&frame, &NEW_TK), Some((1, body(b"new"))));
    assert!(end.frame().is_none());
    assert_eq!(end.drops.of(DropReason::StaleAssociation), 1);
}

#[test]
fn sec_h3_without_a_key_nothing_leaves_a_protected_association() {
    let mut end = End::new(config());
    assert_eq!(end.queue(b"early"), Err(DropReason::PortClosed));
    let mut end = End::protected();
    end.queue(b"late").unwrap();
    end.peer.pairwise = None;
    assert!(end.frame().is_none());
    assert_eq!(end.drops.of(DropReason::StaleAssociation), 1);
}

#[test]
fn sec_h3_fragments_left_over_from_the_old_key_are_dropped() {
    let mut end = End::new(PeerConfig { fragmentation_threshold: Some(256), ..config() });
    end.install(2, &TK);
    end.peer.open_port();
    end.queue(&[1; 600]).unwrap();
    assert!(end.frame().is_some());
    end.install(3, &NEW_TK);
    assert!(end.frame().is_none());
    assert!(end.drops.of(DropReason::StaleAssociation) >= 1);
}

#[test]
fn sec_h5_the_end_of_an_association_leaves_nothing_queued() {
    let mut end = End::protected();
    for _ in 0..10 {
        end.queue(b"x").unwrap();
    }
    end.with(|peer, context| peer.close(context.pool, context.drops));
    assert_eq!(end.peer.queued(), 0);
    assert!(end.frame().is_none());
    assert_eq!(end.queue(b"x"), Err(DropReason::PortClosed));
}

#[test]
fn sec_k11_data_stands_still_while_the_keys_change_and_eapol_does_not() {
    let mut end = End::protected();
    end.queue(b"before").unwrap();
    end.peer.begin_rekey(SaId(3));
    end.queue(b"during").unwrap();
    end.with(|peer, context| peer.enqueue_eapol(context, b"message", true));
    let message = end.frame().unwrap();
    assert_eq!(opened(&message, &TK).unwrap().1[6..], *b"\x88\x8emessage");
    assert_eq!(opened(&end.frame().unwrap(), &TK).unwrap().1, body(b"before"));
    assert!(end.frame().is_none());
    end.install(3, &NEW_TK);
    assert_eq!(opened(&end.frame().unwrap(), &NEW_TK), Some((1, body(b"during"))));
}

#[test]
fn data_waits_until_the_peer_uses_a_new_key_or_has_had_the_time_and_eapol_does_not() {
    let mut end = End::protected();
    end.install(3, &NEW_TK);
    end.peer.hold_data();
    end.queue(b"data").unwrap();
    assert!(end.frame().is_none());
    end.with(|peer, context| peer.enqueue_eapol(context, b"message", true));
    assert_eq!(opened(&end.frame().unwrap(), &NEW_TK).unwrap().1[6..], *b"\x88\x8emessage");
    assert!(end.frame().is_none());
    end.peer.release_data();
    assert_eq!(opened(&end.frame().unwrap(), &NEW_TK), Some((2, body(b"data"))));
}

#[test]
fn eapol_before_the_key_is_plaintext_and_ahead_of_all() {
    let mut end = End::new(config());
    end.with(|peer, context| peer.enqueue_eapol(context, b"message", false));
    let frame = end.frame().unwrap();
    assert!(!data(&frame).frame_control().protected());
    assert_eq!(data(&frame).qos().unwrap().tid(), EAPOL_TID);
}

#[test]
fn sec_k12_a_used_up_key_sends_nothing_more() {
    let mut end = End::protected();
    end.peer.pairwise.as_mut().unwrap().tx =
        crate::mac::TxPn::within(crate::mac::TxRange { after: 0, rekey_above: 0, limit: 1 });
    end.queue(b"a").unwrap();
    end.queue(b"b").unwrap();
    assert!(end.frame().is_some() && end.frame().is_none());
    assert!(end.peer.pairwise().unwrap().needs_rekey());
    assert_eq!(end.drops.of(DropReason::PacketNumbersUsedUp), 1);
}

#[test]
fn long_msdus_are_fragmented_with_packet_numbers_in_a_row() {
    let mut end = End::new(PeerConfig { fragmentation_threshold: Some(256), ..config() });
    end.install(2, &TK);
    end.peer.open_port();
    let text: Vec<u8> = (0..700u32).map(|n| n as u8).collect();
    end.queue(&text).unwrap();
    end.queue_ds(b"between", 0xb8).unwrap();
    let first = end.frame().unwrap();
    let frames: Vec<_> = std::iter::once(first).chain(std::iter::from_fn(|| end.frame())).collect();
    let mut whole = Vec::new();
    let mut numbers = Vec::new();
    for frame in frames.iter().filter(|frame| data(frame).qos().unwrap().tid() == 0) {
        assert!(frame.len() + 4 <= 256);
        let (pn, piece) = opened(frame, &TK).unwrap();
        numbers.push((pn, data(frame).sequence().fragment(), data(frame).frame_control().more_fragments()));
        whole.extend(piece);
    }
    assert_eq!(whole, body(&text));
    let (start, count) = (numbers[0].0, numbers.len());
    assert!(count > 3);
    for (index, &(pn, fragment, more)) in numbers.iter().enumerate() {
        assert_eq!((pn - start, usize::from(fragment), more), (index as u64, index, index + 1 < count));
    }
}

#[test]
fn what_waits_for_one_peer_shares_an_mpdu_within_the_limits() {
    let mut end = End::new(PeerConfig { max_amsdu: Some(3839), ..config() });
    end.install(2, &TK);
    end.peer.open_port();
    for _ in 0..3 {
        end.queue(&[5; 900]).unwrap();
    }
    let frame = end.frame().unwrap();
    assert!(frame.len() <= 2304 && data(&frame).qos().unwrap().amsdu());
    assert_eq!(data(&frame).addr3(), AP);
    let (_, content) = opened(&frame, &TK).unwrap();
    let mut count = 0;
    amsdu::split(&content, SubframeRule::SourceIs(HOST), |msdu| {
        count += 1;
        assert_eq!((msdu.destination, msdu.payload().len()), (STA, 910));
        Ok(())
    })
    .unwrap();
    assert_eq!(count, 2);
    let alone = end.frame().unwrap();
    assert!(!data(&alone).qos().unwrap().amsdu());
}

#[test]
fn a_full_queue_loses_its_oldest_and_age_counts() {
    let mut end = End::open();
    for n in 0..300u32 {
        end.queue(&n.to_be_bytes()).unwrap();
    }
    assert_eq!((end.peer.queued(), end.drops.of(DropReason::QueueFull)), (256, 44));
    assert_eq!(data(&end.frame().unwrap()).payload()[10..], 44u32.to_be_bytes());
    end.now += Duration::from_secs(11);
    end.with(|peer, context| peer.expire(context.now, context.pool, context.drops));
    assert_eq!((end.peer.queued(), end.drops.of(DropReason::QueueExpired)), (0, 255));
}

#[test]
fn a_dozing_station_gets_one_frame_for_a_poll_and_all_of_them_in_order_when_it_wakes() {
    let mut end = End::protected();
    end.peer.power.set_dozing(true);
    for text in [b"1", b"2", b"3"] {
        end.queue(text).unwrap();
    }
    assert!(end.peer.has_traffic_indication() && end.frame().is_none());
    end.peer.power.polled();
    let frame = end.frame().unwrap();
    assert!(data(&frame).frame_control().more_data());
    assert_eq!(opened(&frame, &TK).unwrap().1, body(b"1"));
    assert!(end.frame().is_none());
    end.peer.power.set_dozing(false);
    let rest: Vec<_> =
        std::iter::from_fn(|| end.frame()).map(|frame| opened(&frame, &TK).unwrap().1).collect();
    assert_eq!(rest, [body(b"2"), body(b"3")]);
    assert!(!end.peer.has_traffic_indication());
}

#[test]
fn all_fragments_answer_one_poll() {
    let mut end = End::new(PeerConfig { fragmentation_threshold: Some(256), ..config() });
    end.install(2, &TK);
    end.peer.open_port();
    end.peer.power.set_dozing(true);
    for first in [1, 2] {
        end.queue(&[first; 600]).unwrap();
    }
    for first in [1, 2] {
        end.peer.power.polled();
        let mut whole = Vec::new();
        let mut last = true;
        while end.peer.is_ready(AccessCategory::Voice, 64) {
            let frame = end.frame().unwrap();
            whole.extend(opened(&frame, &TK).unwrap().1);
            last = !data(&frame).frame_control().more_fragments();
            assert_eq!(data(&frame).frame_control().more_data(), first == 1);
        }
        assert_eq!((whole, last), (body(&[first; 600]), true));
        assert!(end.frame().is_none());
    }
}

#[test]
fn what_was_queued_under_an_old_key_hides_nothing_behind_it() {
    let mut end = End::protected();
    end.with(|peer, context| peer.enqueue_eapol(context, b"message 3 again", true));
    end.install(3, &NEW_TK);
    end.queue_ds(b"urgent", 0xc0).unwrap();
    let frame = end.frame().unwrap();
    assert_eq!(opened(&frame, &NEW_TK).unwrap().0, 1);
    assert_eq!(end.drops.of(DropReason::StaleAssociation), 1);
}

#[test]
fn a_poll_for_nothing_is_answered_with_a_null_frame() {
    let mut end = End::protected();
    end.peer.power.set_dozing(true);
    end.peer.power.polled();
    let frame = end.frame().unwrap();
    assert!(data(&frame).is_null() && !data(&frame).frame_control().more_data());
    assert!(end.frame().is_none());
}

#[test]
fn a_service_period_ends_with_eosp_after_at_most_its_length() {
    let uapsd = Uapsd { flags: 0x0f, max_service_period: 2 };
    let mut end = End::new(PeerConfig { uapsd, ..config() });
    end.install(2, &TK);
    end.peer.open_port();
    end.peer.power.set_dozing(true);
    for text in [b"1", b"2", b"3"] {
        end.queue(text).unwrap();
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        end.peer.power.triggered(uapsd);
        while let Some(frame) = end.frame() {
            let header = data(&frame);
            let qos = header.qos().unwrap();
            seen.push((header.is_null(), header.frame_control().more_data(), qos.eosp()));
        }
    }
    assert_eq!(seen, [(false, true, false), (false, true, true), (false, false, true), (true, false, true)]);
}

#[test]
fn several_frames_that_failed_while_the_station_fell_asleep_keep_their_order() {
    let mut end = End::protected();
    for text in [b"1", b"2", b"3"] {
        end.queue(text).unwrap();
    }
    let sent: Vec<_> = (0..3).map(|_| end.poll().unwrap()).collect();
    end.queue(b"4").unwrap();
    end.peer.power.set_dozing(true);
    for outgoing in sent {
        let transmit = end.flight.launch(end.now, (), outgoing);
        let id = transmit.id;
        end.flight.reclaim(transmit, &mut end.pool);
        let (_, completion) = end.flight.handle_status(TxStatus { id, acked: false, retries: 7 }).unwrap();
        end.with(|peer, context| peer.handle_completion(completion, context));
    }
    end.peer.power.set_dozing(false);
    let texts: Vec<_> = (0..4).map(|_| opened(&end.send(true), &TK).unwrap().1).collect();
    assert_eq!(texts, [b"1", b"2", b"3", b"4"].map(|text| body(text)));
}

#[test]
fn a_station_sends_eapol_under_the_old_key_until_the_ap_has_used_the_new_one() {
    let mut end = End::protected();
    end.bss = Bss::station(HOST, STA);
    end.install(3, &NEW_TK);
    let frame = end.with(|peer, context| peer.eapol_frame(context, b"message 4", true)).unwrap().frame;
    assert!(opened(&frame, &TK).is_some());
    end.queue(b"data").unwrap();
    assert!(opened(&end.frame().unwrap(), &NEW_TK).is_some());
    end.peer.previous = None;
    let frame = end.with(|peer, context| peer.eapol_frame(context, b"message 4", true)).unwrap().frame;
    assert!(opened(&frame, &NEW_TK).is_some());
    let frame = end.with(|peer, context| peer.eapol_frame(context, b"message 2", false)).unwrap().frame;
    assert!(!data(&frame).frame_control().protected());
}

#[test]
fn a_frame_that_failed_while_the_station_fell_asleep_is_sent_again() {
    let mut end = End::protected();
    end.queue(b"1").unwrap();
    end.queue(b"2").unwrap();
    let outgoing = end.poll().unwrap();
    let transmit = end.flight.launch(end.now, (), outgoing);
    let (id, first) = (transmit.id, transmit.frame.clone());
    end.flight.reclaim(transmit, &mut end.pool);
    end.peer.power.set_dozing(true);
    let (_, completion) = end.flight.handle_status(TxStatus { id, acked: false, retries: 7 }).unwrap();
    end.with(|peer, context| peer.handle_completion(completion, context));
    end.peer.power.set_dozing(false);
    let again = end.send(true);
    let (before, after) = (data(&first), data(&again));
    assert_eq!(before.sequence(), after.sequence());
    assert!(after.frame_control().retry() && !before.frame_control().retry());
    assert_eq!(opened(&again, &TK), Some((2, body(b"1"))));
    assert_eq!(opened(&end.send(true), &TK), Some((3, body(b"2"))));
    assert_eq!((end.peer.stats.tx_failed, end.peer.stats.tx_frames), (1, 2));
}

#[test]
fn a_frame_that_failed_while_the_station_is_awake_gets_three_more_chances() {
    let mut end = End::protected();
    end.queue(b"1").unwrap();
    end.queue(b"2").unwrap();
    let first = end.send(false);
    for _ in 0..3 {
        assert!(end.frame().is_none(), "the station is left alone");
        end.peer.end_pause();
        let again = end.send(false);
        assert_eq!(data(&again).sequence(), data(&first).sequence());
        assert!(data(&again).frame_control().retry());
    }
    assert_eq!(end.drops.of(DropReason::NotAcknowledged), 1);
    assert_eq!(end.peer.stats.failures_in_a_row, 4);
    assert_eq!(opened(&end.send(true), &TK).unwrap().1, body(b"2"));
}

#[test]
fn a_frame_that_failed_is_lost_if_others_were_sent_after_it() {
    let mut end = End::protected();
    end.queue(b"1").unwrap();
    end.queue(b"2").unwrap();
    let [first, second] = [(); 2].map(|()| end.launch());
    completed(&mut end, first, false);
    assert_eq!(end.drops.of(DropReason::NotAcknowledged), 1);
    completed(&mut end, second, true);
    assert!(end.frame().is_none());
}

#[test]
fn a_frame_that_failed_is_lost_if_a_later_one_was_acknowledged_before_that_was_told() {
    let mut end = End::protected();
    end.queue(b"1").unwrap();
    end.queue(b"2").unwrap();
    let [first, second] = [(); 2].map(|()| end.launch());
    completed(&mut end, second, true);
    completed(&mut end, first, false);
    assert_eq!(end.drops.of(DropReason::NotAcknowledged), 1);
    assert!(end.frame().is_none());
}

/// Three frames in flight when the virtual AP is about to move.
fn parked() -> (End, [Transmit; 3]) {
    let mut end = End::protected();
    for text in [b"1", b"2", b"3"] {
        end.queue(text).unwrap();
    }
    let sent = [(); 3].map(|()| end.launch());
    end.peer.park();
    (end, sent)
}

/// What is sent now, with nobody moved after all.
fn unparked(end: &mut End) -> Vec<Vec<u8>> {
    end.peer.unpark();
    std::iter::from_fn(|| {
        end.poll().map(|outgoing| {
            let transmit = end.flight.launch(end.now, (), outgoing);
            let body = opened(&transmit.frame, &TK).unwrap().1;
            completed(end, transmit, true);
            body
        })
    })
    .collect()
}

#[test]
fn before_a_move_what_was_sent_in_vain_waits_unless_the_peer_has_one_that_was_sent_after_it() {
    let (mut end, [first, second, third]) = parked();
    completed(&mut end, first, false);
    completed(&mut end, second, true);
    completed(&mut end, third, false);
    assert_eq!(end.drops.of(DropReason::NotAcknowledged), 1);
    assert_eq!(unparked(&mut end), [body(b"3")]);

    let (mut end, [first, second, third]) = parked();
    completed(&mut end, third, true);
    completed(&mut end, second, false);
    completed(&mut end, first, false);
    assert_eq!(end.drops.of(DropReason::NotAcknowledged), 2);
    assert!(unparked(&mut end).is_empty());

    let (mut end, sent) = parked();
    for transmit in sent {
        completed(&mut end, transmit, false);
    }
    assert_eq!(unparked(&mut end), [body(b"1"), body(b"2"), body(b"3")]);
}

#[test]
fn on_a_link_that_failed_one_frame_at_a_time_is_in_flight_until_eight_have_arrived() {
    let mut end = End::protected();
    for n in 0..12 {
        end.queue(&[n]).unwrap();
    }
    end.send(false);
    end.peer.end_pause();
    for _ in 0..8 {
        let transmit = end.launch();
        assert!(!end.peer.is_ready(AccessCategory::BestEffort, 64) && end.poll().is_none());
        completed(&mut end, transmit, true);
    }
    let [first, _] = [(); 2].map(|()| end.launch());
    completed(&mut end, first, true);
    assert_eq!(end.drops.of(DropReason::NotAcknowledged), 0);
}

#[test]
fn a_frame_that_took_most_of_its_retries_says_that_the_link_is_about_to_fail() {
    for (retries, room) in [(2, true), (9, false)] {
        let mut end = End::protected();
        for text in [b"1", b"2", b"3"] {
            end.queue(text).unwrap();
        }
        let transmit = end.launch();
        let id = transmit.id;
        end.flight.reclaim(transmit, &mut end.pool);
        let (_, completion) = end.flight.handle_status(TxStatus { id, acked: true, retries }).unwrap();
        end.with(|peer, context| peer.handle_completion(completion, context));
        end.launch();
        assert_eq!(end.poll().is_some(), room, "{retries} retries");
    }
}

#[test]
fn group_frames_leave_in_order_under_the_group_key_or_not_at_all() {
    let mut end = End::protected();
    let mut queue = GroupQueue::new(true);
    let mut key =
        GroupTx::new(Cipher::Ccmp128, &NEW_TK, 1, crate::mac::TxPn::within(crate::mac::TxRange::ALL))
            .unwrap();
    let frame = [&MacAddr::BROADCAST.octets()[..], &HOST.octets(), &[8, 6, 1]].concat();
    let msdu = Msdu::from_ethernet(&frame).unwrap();
    for _ in 0..3 {
        end.with(|_, context| queue.push(context, &msdu));
    }
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let sent = end.with(|_, context| queue.poll(Some(&mut key), true, context)).unwrap();
        let header = CipherHeader::peek(&sent.frame, 24).unwrap();
        numbers.push((header.pn, header.key_id, data(&sent.frame).frame_control().more_data()));
    }
    assert_eq!(numbers, [(1, 1, true), (2, 1, true)]);
    assert!(end.with(|_, context| queue.poll(None, true, context)).is_none());
    assert_eq!(end.drops.of(DropReason::StaleAssociation), 1);
}

#[test]
fn two_peers_share_the_air_and_not_the_frames() {
    let mut peers = [End::open(), End::open()];
    let mut scheduler = Scheduler::new();
    for (index, end) in peers.iter_mut().enumerate() {
        for _ in 0..if index == 0 { 100 } else { 20 } {
            end.queue(&[0; 1000]).unwrap();
        }
        scheduler.wake(index, &mut end.peer, 500);
    }
    let mut order = Vec::new();
    while let Some(index) = scheduler.poll(|index, category| {
        let end = &mut peers[index];
        end.peer.tx.in_flight = 0;
        match end.with(|peer, context| peer.poll(category, context)) {
            Turn::Sent(_) => Turn::Sent(index),
            Turn::Spent => Turn::Spent,
            Turn::Idle => {
                end.peer.unlist(category);
                Turn::Idle
            }
        }
    }) {
        order.push(index);
    }
    assert_eq!(order.len(), 120);
    let of_second = order[..60].iter().filter(|&&index| index == 1).count();
    assert_eq!(of_second, 20, "the second had its share while the first had more to send");
    assert!(scheduler.is_empty());
}

/// Queues and sends until a probe is in flight.
fn probing() -> (End, Transmit) {
    let mut elements = ElementsBuf::new();
    elements.writer().rates(&[0x8c, 0x18, 0x30, 0x6c]);
    let rates = Rates::agreed(&[0x8c, 0x18, 0x30, 0x6c], 0, &elements.elements());
    let mut end = End::new(PeerConfig { rates, max_amsdu: None, ..config() });
    end.install(2, &TK);
    end.peer.open_port();
    loop {
        end.queue(b"probe").unwrap();
        let outgoing = end.poll().unwrap();
        let probes = outgoing.sent.probe.is_some();
        let transmit = end.flight.launch(end.now, (), outgoing);
        if probes {
            return (end, transmit);
        }
        completed(&mut end, transmit, true);
    }
}

fn completed(end: &mut End, transmit: Transmit, acked: bool) {
    let id = transmit.id;
    end.flight.reclaim(transmit, &mut end.pool);
    let (_, completion) = end.flight.handle_status(TxStatus { id, acked, retries: 0 }).unwrap();
    end.with(|peer, context| peer.handle_completion(completion, context));
}

#[test]
fn nothing_follows_a_probe_and_one_that_failed_goes_again_first() {
    let (mut end, transmit) = probing();
    end.queue(b"next").unwrap();
    assert!(end.frame().is_none() && !end.peer.is_ready(AccessCategory::BestEffort, 64));
    let number = data(&transmit.frame).sequence();
    assert_eq!(transmit.options.retries, Some(0));
    completed(&mut end, transmit, false);
    let again = end.launch();
    assert_eq!(again.options.rate, Some(Rate::Legacy(12)));
    assert!(data(&again.frame).sequence() == number && data(&again.frame).frame_control().retry());
    assert_eq!(opened(&again.frame, &TK).unwrap().1, body(b"probe"));
    assert!(end.frame().is_none(), "what follows would make it unknown");
    completed(&mut end, again, true);
    assert_eq!(opened(&end.frame().unwrap(), &TK).unwrap().1, body(b"next"));
}

#[test]
fn a_probe_whose_status_is_lost_holds_nothing_up_for_long_and_never_goes_again() {
    let (mut end, transmit) = probing();
    end.queue(b"next").unwrap();
    end.now += Duration::from_millis(60);
    let now = end.now;
    end.with(|peer, context| peer.expire(now, context.pool, context.drops));
    assert_eq!(opened(&end.frame().unwrap(), &TK).unwrap().1, body(b"next"));
    completed(&mut end, transmit, false);
    assert!(end.frame().is_none());
    assert_eq!(end.drops.of(DropReason::NotAcknowledged), 1);
}

#[test]
fn what_must_arrive_goes_at_the_robust_rate_and_data_says_its_retries() {
    let (mut end, transmit) = probing();
    completed(&mut end, transmit, true);
    end.with(|peer, context| peer.enqueue_eapol(context, b"message", true));
    let robust = TxOptions { rate: Some(Rate::Legacy(12)), ..TxOptions::default() };
    assert_eq!(end.poll().unwrap().options, robust);
    assert_eq!(end.with(|peer, context| peer.null_frame(context)).options, robust);
    end.queue(b"data").unwrap();
    assert!(end.poll().unwrap().options.retries.is_some());
}

proptest! {
    #[test]
    fn packet_numbers_only_go_up_whatever_happens(steps in proptest::collection::vec(0u8..8, 0..120)) {
        let uapsd = Uapsd { flags: 1, max_service_period: 2 };
        let mut end = End::new(PeerConfig {
            max_amsdu: Some(3839), uapsd, fragmentation_threshold: Some(300), ..config()
        });
        end.install(2, &TK);
        end.peer.open_port();
        let mut last = 0;
        for step in steps {
            match step {
                0 => drop(end.queue(&[1; 40])),
                1 => drop(end.queue_ds(&[2; 500], 0xb8)),
                2 => drop(end.peer.power.set_dozing(true)),
                3 => drop(end.peer.power.set_dozing(false)),
                4 => end.peer.power.polled(),
                5 => end.peer.power.triggered(uapsd),
                _ => while end.peer.is_ready(AccessCategory::Voice, 64)
                    || end.peer.is_ready(AccessCategory::BestEffort, 64)
                {
                    let frame = end.send(step == 6);
                    if let Some((pn, _)) = opened(&frame, &TK) {
                        // fragments are numbered together and may leave after a more urgent frame
                        prop_assert!(pn > last || data(&frame).sequence().fragment() > 0);
                        last = pn.max(last);
                    }
                    if end.peer.power.is_dozing() {
                        break;
                    }
                }
            }
        }
    }
}
