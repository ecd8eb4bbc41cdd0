use std::cell::RefCell;
use std::rc::Rc;

use stack::wire::{AckChange, Channel, MacAddr, Transmit, TxId};

use super::{Fault, Faults, Record, Trace};
use crate::air::{Air, AirRadio};
use crate::capture::Reader;
use crate::propagation::{Model, Position};
use crate::radio::{Radio, Received};

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

fn pair() -> (Rc<RefCell<Air>>, AirRadio, AirRadio) {
    let channel = Channel::from_number(6).unwrap();
    let air = Rc::new(RefCell::new(Air::new(1, Model::default())));
    let [a, b] = [0.0, 5.0].map(|x| air.borrow_mut().add_radio(Position::new(x, 0.0), channel));
    let (mut a, mut b) = (AirRadio::new(Rc::clone(&air), a), AirRadio::new(Rc::clone(&air), b));
    a.change_ack(AckChange::Add(A)).unwrap();
    b.change_ack(AckChange::Add(B)).unwrap();
    (air, a, b)
}

fn data(sequence: u16) -> Transmit {
    let mut frame = vec![0x08, 0x01, 0, 0];
    for addr in [B, A, B] {
        frame.extend_from_slice(&addr.octets());
    }
    frame.extend_from_slice(&(sequence << 4).to_le_bytes());
    frame.resize(60, 0);
    Transmit { frame, id: TxId(u64::from(sequence)), ..Transmit::default() }
}

fn run(air: &RefCell<Air>) {
    let mut air = air.borrow_mut();
    while let Some((at, _)) = air.poll_timeout() {
        air.advance(at);
    }
}

fn heard(radio: &mut impl Radio) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(received) = radio.receive().unwrap() {
        if let Received::Frame { frame, .. } = received {
            frames.push(frame.to_vec());
        }
    }
    frames
}

/// Sends 200 frames and says what came through, by sequence number.
fn numbers(faults: Faults, seed: u64) -> Vec<u16> {
    let (air, mut a, b) = pair();
    let mut b = Fault::new(b, seed, faults);
    for sequence in 0..200 {
        a.transmit(&data(sequence)).unwrap();
    }
    run(&air);
    heard(&mut b).iter().map(|frame| u16::from_le_bytes([frame[22], frame[23]]) >> 4).collect()
}

#[test]
fn without_faults_everything_passes_in_order() {
    assert_eq!(numbers(Faults::default(), 1), (0..200).collect::<Vec<_>>());
}

#[test]
fn faults_do_what_they_are_called() {
    let lossy = numbers(Faults { loss: 0.3, ..Faults::default() }, 1);
    assert!((110..170).contains(&lossy.len()) && lossy.is_sorted());
    let doubled = numbers(Faults { duplication: 0.3, ..Faults::default() }, 1);
    assert!((230..290).contains(&doubled.len()) && doubled.is_sorted());
    let reordered = numbers(Faults { reordering: 0.3, ..Faults::default() }, 1);
    assert!(!reordered.is_sorted() && reordered.len() >= 199);
    let mut once = reordered.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), reordered.len(), "nothing is heard twice");
    assert!((0..).zip(&reordered).all(|(place, number)| number.abs_diff(place) <= 1), "a step aside at most");
    assert_eq!(numbers(Faults { loss: 0.3, ..Faults::default() }, 1), lossy, "the same seed");
    assert_ne!(numbers(Faults { loss: 0.3, ..Faults::default() }, 2), lossy);
}

#[test]
fn a_lost_status_takes_nothing_else_with_it() {
    let told = |status_loss, seed| {
        let (air, a, mut b) = pair();
        let mut a = Fault::new(a, seed, Faults { status_loss, ..Faults::default() });
        for sequence in 0..200 {
            a.transmit(&data(sequence)).unwrap();
        }
        run(&air);
        assert_eq!(heard(&mut b).len(), 200, "what is sent passes untouched");
        b.transmit(&data(201)).unwrap();
        run(&air);
        let (mut ids, mut frames) = (Vec::new(), 0);
        while let Some(received) = a.receive().unwrap() {
            match received {
                Received::Status(status) => ids.push(status.id.0),
                Received::Frame { .. } => frames += 1,
            }
        }
        assert!(frames > 0, "frames are heard all the same");
        ids
    };
    assert_eq!(told(0.0, 1), (0..200).collect::<Vec<_>>());
    let some = told(0.3, 1);
    assert!((110..170).contains(&some.len()) && some.is_sorted());
    assert_eq!(told(0.3, 1), some, "the same seed");
    assert_eq!(told(1.0, 1), []);
}

#[test]
fn corruption_changes_one_bit() {
    let (air, mut a, b) = pair();
    let mut b = Fault::new(b, 1, Faults { corruption: 1.0, ..Faults::default() });
    a.transmit(&data(1)).unwrap();
    run(&air);
    let frame = heard(&mut b).remove(0);
    let bits: u32 = frame.iter().zip(&data(1).frame).map(|(a, b)| (a ^ b).count_ones()).sum();
    assert_eq!(bits, 1);
}

#[test]
fn the_trace_has_a_line_for_each_frame_and_status() {
    let (air, a, b) = pair();
    let (mut lines_a, mut lines_b) = (Vec::new(), Vec::new());
    let mut a = Trace::new(a, &mut lines_a, Box::new(|| 1_500_000_000));
    let mut b = Trace::new(b, &mut lines_b, Box::new(|| 2_000_000_001));
    a.transmit(&data(7)).unwrap();
    run(&air);
    heard(&mut a);
    heard(&mut b);
    let lines = String::from_utf8(lines_a).unwrap();
    assert!(
        lines
            .starts_with("1.500000000 sent 7 data to-ds 02:00:00:00:00:01 > 02:00:00:00:00:02 #7 60 bytes\n"),
        "{lines}"
    );
    assert!(lines.contains("status 7 acknowledged after 0 retries"), "{lines}");
    let lines = String::from_utf8(lines_b).unwrap();
    assert!(lines.starts_with("2.000000001 heard -44 dBm data to-ds"), "{lines}");
}

#[test]
fn the_recording_can_be_read_again() {
    let (air, a, b) = pair();
    let mut a = Record::new(a, "a", Vec::new(), Box::new(|| 1_700_000_000_000_000_123)).unwrap();
    let mut b = Record::new(b, "b", Vec::new(), Box::new(|| 5)).unwrap();
    a.transmit(&data(7)).unwrap();
    run(&air);
    heard(&mut b);
    for (file, time) in [(a.finish().unwrap().1, 1_700_000_000_000_000_123), (b.finish().unwrap().1, 5)] {
        let mut reader = Reader::new(std::io::Cursor::new(file)).unwrap();
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!((frame.time, frame.content.unwrap().mpdu.to_vec()), (time, data(7).frame));
    }
}
