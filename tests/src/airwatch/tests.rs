//! Every rule, asked of a good recording and of the same with one thing made wrong.

use std::path::PathBuf;

use super::frame::{ASSOCIATION_REQUEST, AUTHENTICATION, BEACON, DEAUTHENTICATION, PROBE_REQUEST};
use super::*;

const AP: Address = Address([2, 0, 0, 0, 0, 0]);
const CLIENT: Address = Address([2, 0, 0, 0, 1, 0]);
/// QoS data.
const DATA: u8 = 0x28;
/// Frames of each kind in the good recording.
const COUNT: usize = 100;

fn capture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../captures").join(name)
}

fn frame(kind: u8, from: Address, to: Address) -> Frame {
    let bytes = [&[kind << 4 | kind >> 2 & 0x0c, 0, 0, 0], &to.0[..], &from.0, &to.0, &[0; 20]].concat();
    Frame::parse(0, 0, &bytes).expect("a frame")
}

/// In order, numbered, and each a millisecond after the one before.
fn recording(frames: impl IntoIterator<Item = Frame>) -> Vec<Frame> {
    let frames = frames.into_iter().zip(1..);
    frames.map(|(frame, number)| Frame { number, time: 1000 * number as u64, ..frame }).collect()
}

/// A client joins; then a beacon, a frame from it, and one to it, again and again.
fn good() -> Vec<Frame> {
    let join = [
        frame(AUTHENTICATION, CLIENT, AP),
        frame(AUTHENTICATION, AP, CLIENT),
        frame(ASSOCIATION_REQUEST, CLIENT, AP),
        frame(0x01, AP, CLIENT),
        Frame { eapol: true, ..frame(DATA, AP, CLIENT) },
    ];
    let rounds = (0..COUNT).flat_map(|n| {
        let data = |from, to| Frame {
            sequence: n as u16 + 1,
            cover: Some((0, n as u64 + 1)),
            body: n as u64,
            acked: true,
            ..frame(DATA, from, to)
        };
        let timer = Some(1_000_000 + 3000 * n as u64);
        [Frame { timer, ..frame(BEACON, AP, Address([0xff; 6])) }, data(CLIENT, AP), data(AP, CLIENT)]
    });
    recording(join.into_iter().chain(rounds))
}

/// The place of the n-th frame to the client.
fn to_client(n: usize) -> usize {
    5 + 3 * n + 2
}

fn rules(frames: &[Frame], expected: &Expected) -> BTreeSet<&'static str> {
    watch(frames, expected).into_iter().map(|violation| violation.rule).collect()
}

/// What is found when the frames were changed.
fn doctored(change: impl FnOnce(&mut Vec<Frame>)) -> BTreeSet<&'static str> {
    let mut frames = good();
    assert_eq!(watch(&frames, &Expected::default()), [], "the recording is good");
    change(&mut frames);
    rules(&recording(frames), &Expected::default())
}

/// The frame at this place once more at the end, with the next packet number.
fn anew(frames: &mut Vec<Frame>, at: usize, change: impl FnOnce(&mut Frame)) {
    let mut again = Frame { cover: Some((0, COUNT as u64 + 1)), retry: true, ..frames[at].clone() };
    change(&mut again);
    frames.push(again);
}

#[test]
fn a_packet_number_that_falls_or_comes_again_is_seen() {
    let falls = doctored(|frames| frames[to_client(50)].cover = Some((0, 0)));
    assert_eq!(falls, BTreeSet::from(["numbers"]));
    let again = doctored(|frames| frames[to_client(50)].cover = frames[to_client(49)].cover);
    assert_eq!(again, BTreeSet::from(["numbers"]));
    let of_the_client = doctored(|frames| frames[to_client(50) - 1].cover = Some((0, 7)));
    assert_eq!(of_the_client, BTreeSet::from(["numbers"]), "two frames under one nonce");
}

#[test]
fn a_retry_is_the_same_frame_under_the_same_number_or_none() {
    let retry = |change: fn(&mut Frame)| {
        doctored(|frames| {
            let cover = frames[to_client(99)].cover;
            anew(frames, to_client(99), |again| {
                again.cover = cover;
                change(again);
            });
        })
    };
    assert_eq!(retry(|_| {}), BTreeSet::new());
    assert_eq!(retry(|again| again.body = 7), BTreeSet::from(["numbers"]), "two frames under one nonce");
    assert!(retry(|again| again.retry = false).contains("numbers"));
}

#[test]
fn a_new_key_is_one_only_where_keys_are_changed() {
    let mut frames = good();
    for n in 50..COUNT {
        frames[to_client(n)].cover = Some((0, n as u64 - 49));
    }
    assert_eq!(rules(&frames, &Expected::default()), BTreeSet::from(["numbers"]));
    assert_eq!(rules(&frames, &Expected { rekeys: true, ..Expected::default() }), BTreeSet::new());
}

#[test]
fn a_sequence_number_that_goes_back_is_seen() {
    let back = doctored(|frames| frames[to_client(50)].sequence = 20);
    assert!(back.contains("sequence"), "{back:?}");
    let skips = doctored(|frames| frames[to_client(99)].sequence = 600);
    assert_eq!(skips, BTreeSet::new(), "what was dropped on the way leaves gaps");
    let mut round = good();
    round[4].sequence = 4049;
    for n in 0..COUNT {
        round[to_client(n)].sequence = (4050 + n as u16) & 0x0fff;
    }
    assert_eq!(rules(&round, &Expected::default()), BTreeSet::new(), "round the circle");
}

#[test]
fn what_is_sent_anew_has_the_retry_bit_and_is_the_last_that_was_taken() {
    let last = doctored(|frames| anew(frames, to_client(99), |_| {}));
    assert_eq!(last, BTreeSet::new());
    let without_the_bit = doctored(|frames| anew(frames, to_client(99), |again| again.retry = false));
    assert_eq!(without_the_bit, BTreeSet::from(["sequence", "twice"]));
    let older = doctored(|frames| anew(frames, to_client(98), |_| {}));
    assert_eq!(older, BTreeSet::from(["resent", "twice"]));
    let not_known_to_have_come = doctored(|frames| {
        frames[to_client(98)].acked = false;
        frames[to_client(99)].acked = false;
        anew(frames, to_client(98), |_| {});
    });
    assert_eq!(not_known_to_have_come, BTreeSet::new());
    let overtaken = doctored(|frames| {
        frames[to_client(98)].acked = false;
        anew(frames, to_client(98), |_| {});
    });
    assert_eq!(overtaken, BTreeSet::from(["resent"]), "late, and perhaps twice");
}

#[test]
fn a_timer_that_jumps_is_seen() {
    let beacon = |n: usize| 5 + 3 * n;
    let shift = |by: i64| {
        doctored(|frames| {
            for n in 50..COUNT {
                let timer = &mut frames[beacon(n)].timer;
                *timer = timer.map(|timer| timer.saturating_add_signed(by));
            }
        })
    };
    assert_eq!(shift(30_000), BTreeSet::new(), "within what a busy machine does");
    assert_eq!(shift(100_000), BTreeSet::from(["timer"]));
    assert_eq!(shift(-10_000), BTreeSet::from(["timer"]), "it goes back");
    let where_nobody_is = doctored(|frames| {
        let other = Address([2, 0, 0, 0, 0, 9]);
        let beacon = frame(BEACON, other, Address([0xff; 6]));
        frames.extend([900, 100].map(|timer| Frame { timer: Some(timer), ..beacon.clone() }));
    });
    assert_eq!(where_nobody_is, BTreeSet::new());
}

#[test]
fn whatever_tells_a_client_of_a_move_is_seen() {
    for kind in [AUTHENTICATION, ASSOCIATION_REQUEST, 0x01, 0x02, 0x03, DEAUTHENTICATION, 0x0a] {
        let told = doctored(|frames| frames.push(frame(kind, AP, CLIENT)));
        assert_eq!(told, BTreeSet::from(["unwanted"]), "{kind:#04x}");
    }
    let all = doctored(|frames| frames.push(frame(DEAUTHENTICATION, AP, Address([0xff; 6]))));
    assert_eq!(all, BTreeSet::from(["unwanted"]));
    let eapol = Frame { eapol: true, sequence: 101, ..frame(DATA, AP, CLIENT) };
    assert_eq!(doctored(|frames| frames.push(eapol)), BTreeSet::from(["unwanted"]));
    let leaves = doctored(|frames| {
        frames.push(frame(DEAUTHENTICATION, CLIENT, AP));
        frames.push(frame(AUTHENTICATION, CLIENT, AP));
    });
    assert_eq!(leaves, BTreeSet::new(), "by itself");
}

/// Two networks on two channels, and a link to each.
const PAIRS: [(Address, Address, u16); 2] = [
    (Address([2, 0, 0, 0, 0, 1]), Address([2, 0, 0, 0, 1, 1]), 2412),
    (Address([2, 0, 0, 0, 0, 2]), Address([2, 0, 0, 0, 1, 2]), 5180),
];
/// Frames of a visit: beacons of both, "I am back", data, "I am away".
const VISIT: usize = 5;

/// The radio joins both, and visits one after the other.
fn good_links() -> Vec<Frame> {
    let beacons =
        || PAIRS.map(|(ap, _, on)| Frame { frequency: on, ..frame(BEACON, ap, Address([0xff; 6])) });
    let join = PAIRS.into_iter().flat_map(|(ap, link, on)| {
        let away = Frame { dozes: true, acked: true, ..frame(0x24, link, ap) };
        let last_of_handshake =
            Frame { eapol: true, agreed: true, acked: true, sequence: 4095, ..frame(DATA, link, ap) };
        let said = [
            frame(PROBE_REQUEST, link, Address([0xff; 6])),
            frame(AUTHENTICATION, link, ap),
            frame(ASSOCIATION_REQUEST, link, ap),
            frame(0x01, ap, link),
            last_of_handshake,
            away,
        ];
        beacons().into_iter().chain(said.map(|one| Frame { frequency: on, ..one }))
    });
    let visits = (0..COUNT).flat_map(|n| {
        let (ap, link, on) = PAIRS[n % 2];
        let null = |dozes| Frame { dozes, acked: true, frequency: on, ..frame(0x24, link, ap) };
        let number = n as u64 + 1;
        let cover = Some((0, number));
        let data = Frame { sequence: n as u16, cover, body: number, ..frame(DATA, link, ap) };
        let visit = [null(false), Frame { acked: true, frequency: on, ..data }, null(true)];
        beacons().into_iter().chain(visit)
    });
    recording(join.chain(visits).chain(beacons()))
}

/// The place of a frame of the n-th visit: 2 "I am back", 3 data, 4 "I am away".
fn visit(n: usize, part: usize) -> usize {
    16 + VISIT * n + part
}

/// What is found when the frames of the two links were changed.
fn doctored_links(change: impl FnOnce(&mut Vec<Frame>)) -> BTreeSet<&'static str> {
    let mut frames = good_links();
    assert_eq!(watch_links(&frames, false), [], "the recording is good");
    assert_eq!(hops(&frames), COUNT + 1);
    change(&mut frames);
    watch_links(&recording(frames), false).into_iter().map(|violation| violation.rule).collect()
}

#[test]
fn a_frame_on_a_wrong_channel_is_seen() {
    let data = doctored_links(|frames| frames[visit(50, 3)].frequency = 5180);
    assert!(data.contains("channel"), "{data:?}");
    let null = doctored_links(|frames| frames[visit(50, 4)].frequency = 5180);
    assert!(null.contains("channel"), "{null:?}");
    let probe = doctored_links(|frames| {
        let (_, link, _) = PAIRS[0];
        let probe = frame(PROBE_REQUEST, link, Address([0xff; 6]));
        frames.insert(visit(50, 0), Frame { frequency: 2462, ..probe });
    });
    assert_eq!(probe, BTreeSet::new(), "it looks for a network while both know that it is away");
}

#[test]
fn an_access_point_that_goes_elsewhere_is_followed_there() {
    let follow = |from: usize| {
        doctored_links(|frames| {
            let (ap, link, _) = PAIRS[0];
            let of = |frame: &&mut Frame| frame.from == Some(ap) || frame.from == Some(link);
            frames.iter_mut().skip(from).filter(of).for_each(|frame| frame.frequency = 2437);
        })
    };
    assert_eq!(follow(visit(50, 0)), BTreeSet::new());
    assert_eq!(follow(visit(50, 3)), BTreeSet::new(), "between two of its beacons");
    let stays = doctored_links(|frames| {
        let of = |frame: &&mut Frame| frame.from == Some(PAIRS[0].0);
        frames.iter_mut().skip(visit(50, 0)).filter(of).for_each(|frame| frame.frequency = 2437);
    });
    assert!(stays.contains("channel"), "{stays:?}");
}

#[test]
fn who_goes_without_a_word_is_seen() {
    let awake = doctored_links(|frames| frames[visit(50, 4)].dozes = false);
    assert_eq!(awake, BTreeSet::from(["away"]));
    let not_acknowledged = doctored_links(|frames| frames[visit(50, 4)].acked = false);
    assert_eq!(not_acknowledged, BTreeSet::from(["away"]));
    let looks_around = doctored_links(|frames| {
        let probe = frame(PROBE_REQUEST, PAIRS[0].1, Address([0xff; 6]));
        frames.insert(visit(50, 3), Frame { frequency: 2462, ..probe });
    });
    assert_eq!(looks_around, BTreeSet::from(["away"]), "a probe request is on some channel too");
    let in_the_handshake = doctored_links(|frames| {
        let last = visit(0, 0) - 2;
        (frames[last].agreed, frames[last + 1].acked) = (false, false);
    });
    assert_eq!(in_the_handshake, BTreeSet::new(), "it is not in yet");
    let right_after_the_join = doctored_links(|frames| frames[visit(0, 0) - 1].acked = false);
    assert_eq!(right_after_the_join, BTreeSet::from(["away"]));
    let sent_away = doctored_links(|frames| {
        let (ap, link, on) = PAIRS[0];
        frames[visit(50, 4)] = Frame { frequency: on, ..frame(DEAUTHENTICATION, ap, link) };
    });
    assert_eq!(sent_away, BTreeSet::new(), "it is nobody's any more");
    let silent = doctored_links(|frames| {
        frames[visit(50, 4)].acked = false;
        for frame in frames.iter_mut().skip(visit(51, 0)).filter(|frame| frame.from == Some(PAIRS[0].0)) {
            (frame.from, frame.kind) = (Some(CLIENT), DATA);
        }
        frames.truncate(visit(52, 0));
    });
    assert_eq!(silent, BTreeSet::new(), "an access point that is no more acknowledges nothing");
}

#[test]
fn packet_and_sequence_numbers_of_links_are_judged() {
    let number = doctored_links(|frames| frames[visit(50, 3)].cover = Some((0, 7)));
    assert_eq!(number, BTreeSet::from(["numbers"]), "of another visit to the same");
    let falls = doctored_links(|frames| frames[visit(50, 3)].cover = Some((0, 8)));
    assert_eq!(falls, BTreeSet::from(["numbers"]), "one that was passed over");
    let sequence = doctored_links(|frames| frames[visit(50, 3)].sequence = 3);
    assert_eq!(sequence, BTreeSet::from(["sequence"]));
}

#[test]
fn an_ack_is_taken_for_a_frame_only_where_it_can_be_for_no_other() {
    let data = || frame(DATA, AP, CLIENT);
    let ack = || Frame::parse(0, 0, &[&[0xd4, 0, 0, 0][..], &AP.0].concat()).expect("an ACK");
    let acked = |frames: Vec<Frame>| {
        let mut frames = recording(frames);
        acks::mark(&mut frames);
        frames.iter().filter(|frame| frame.acked).count()
    };
    assert_eq!(acked(vec![data(), ack(), data(), ack()]), 2);
    assert_eq!(acked(vec![data(), data(), ack(), ack()]), 2);
    assert_eq!(acked(vec![data(), data(), ack()]), 0);
    assert_eq!(acked(vec![data(), data(), ack(), data(), ack()]), 0);
    assert_eq!(acked(vec![ack(), data()]), 0);
}

#[test]
fn a_capture_is_read_in_either_byte_order() {
    let file = capture("hwsim__01_wpa2_psk_ccmp_rekeys.pcap");
    let frames = read(&file).expect("a capture of the project");
    let rekeys = Expected { rekeys: true, ..Expected::default() };
    assert_eq!(watch(&frames, &rekeys), []);
    assert!(rules(&frames, &Expected::default()).contains("numbers"), "its keys do change");
    let count = |which: fn(&Frame) -> bool| frames.iter().filter(|frame| which(frame)).count();
    let counts = (count(|frame| frame.cover.is_some()), count(|frame| frame.acked));
    assert_eq!(counts, (51, 53), "as many as tshark sees protected, and as there are ACKs");
    assert!(frames.iter().all(|frame| frame.frequency == 2412), "its only channel");
    let swapped = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(swapped.path(), swap(&std::fs::read(&file).expect("its bytes"))).expect("written");
    assert_eq!(read(swapped.path()), Ok(frames));
    std::fs::write(swapped.path(), [0; 30]).expect("written");
    assert!(read(swapped.path()).is_err());
}

/// The same capture in the other byte order.
fn swap(bytes: &[u8]) -> Vec<u8> {
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let words = |bytes: &[u8]| bytes.chunks(4).flat_map(reversed).collect::<Vec<u8>>();
    let mut out = words(&bytes[..24]);
    let mut rest = &bytes[24..];
    while let Some((record, after)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes(record[8..12].try_into().expect("four bytes")) as usize;
        out.extend(words(record));
        out.extend(&after[..length]);
        rest = &after[length..];
    }
    out
}
