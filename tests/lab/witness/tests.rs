//! Every question of the witness, asked of true recordings and of the same with one thing made wrong.

use std::path::Path;

use super::checks::{self, Verdict};
use super::frames::{
    self, ASSOCIATION_REQUEST, AUTHENTICATION, BEACON, DEAUTHENTICATION, Frame, PROBE_REQUEST,
    REASSOCIATION_REQUEST,
};
use super::hop;

const CLIENT: &str = "02:00:00:00:01:00";
const AP: &str = "02:00:00:00:00:00";

fn capture(name: &str) -> Vec<Frame> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures").join(name);
    let key = ("correct horse battery".to_owned(), "hwsim-test".to_owned());
    frames::read(&file, &[key]).expect("a capture of the project")
}

fn rekeys() -> Vec<Frame> {
    capture("hwsim__01_wpa2_psk_ccmp_rekeys.pcap")
}

fn dozes() -> Vec<Frame> {
    capture("hwsim__11_open_powersave_pspoll.pcap")
}

/// The check holds of the frames, and no longer when the first that `pick` picks was spoilt.
fn fails_once(
    frames: &[Frame],
    check: impl Fn(&[Frame]) -> Verdict,
    pick: impl Fn(&Frame) -> bool,
    spoil: impl Fn(&mut Frame),
) {
    check(frames).expect("the recording is good");
    let mut doctored = frames.to_vec();
    spoil(doctored.iter_mut().find(|frame| pick(frame)).expect("a frame to spoil"));
    check(&doctored).expect_err("the doctored recording is not");
}

fn protected(frame: &Frame) -> bool {
    frame.is_data() && frame.protected
}

fn from_ap(frame: &Frame) -> bool {
    protected(frame) && frame.ta == AP && frame.packet_number > Some(4)
}

#[test]
fn unprotected_data_is_seen() {
    fails_once(&rekeys(), checks::all_data_is_protected, from_ap, |frame| frame.protected = false);
    fails_once(&rekeys(), checks::all_data_is_protected, from_ap, |frame| frame.key = None);
    let mut misread = rekeys();
    for frame in misread.iter_mut().filter(|frame| protected(frame)) {
        (frame.key, frame.packet_number, frame.misread) = (None, None, true);
    }
    checks::all_data_is_protected(&misread).expect("it is protected");
    let mut forgotten = rekeys();
    let at = |message| move |frame: &Frame| frame.message == Some(message);
    let second = forgotten.iter().find(|frame| at(2)(frame)).expect("message 2").clone();
    let third = forgotten.iter().position(at(3)).expect("message 3");
    let number = forgotten[third].number;
    forgotten.insert(third + 1, Frame { number, ..second });
    for frame in forgotten.iter_mut().filter(|frame| protected(frame)) {
        frame.key = None;
    }
    checks::all_data_is_protected(&forgotten).expect("tshark has forgotten the keys");
    forgotten.remove(third + 1);
    checks::all_data_is_protected(&forgotten).expect_err("it has no reason to");
    fails_once(&misread, checks::all_data_is_protected, protected, |frame| frame.protected = false);
}

#[test]
fn protection_on_an_open_network_is_seen() {
    fails_once(&dozes(), checks::is_open, Frame::is_data, |frame| frame.protected = true);
}

#[test]
fn a_handshake_out_of_order_is_seen() {
    let second = |frame: &Frame| frame.message == Some(2) && !frame.protected;
    fails_once(&rekeys(), checks::handshakes_come_in_order, second, |frame| frame.message = Some(4));
    let fourth = |frame: &Frame| frame.message == Some(4) && !frame.protected;
    fails_once(&rekeys(), checks::handshakes_come_in_order, fourth, |frame| frame.message = Some(2));
}

#[test]
fn a_packet_number_that_does_not_rise_is_seen() {
    let rise = |frames: &[Frame]| checks::packet_numbers_rise(frames, 20);
    fails_once(&rekeys(), rise, from_ap, |frame| frame.packet_number = Some(0));
    let none = |frames: &[Frame]| checks::packet_numbers_rise(frames, 100_000);
    none(&rekeys()).expect_err("there are not so many");
}

#[test]
fn a_repeated_packet_number_is_seen_unless_it_is_a_retry() {
    let frames = rekeys();
    let at = frames.iter().position(from_ap).expect("a protected frame");
    let mut again = frames[at].clone();
    let with = |frame: Frame| [&frames[..=at], &[frame], &frames[at + 1..]].concat();
    checks::packet_numbers_rise(&with(again.clone()), 0).expect_err("a repetition");
    checks::packet_numbers_do_not_repeat(&with(again.clone())).expect_err("a repetition");
    again.retry = true;
    checks::packet_numbers_rise(&with(again.clone()), 0).expect("a retry");
    checks::packet_numbers_do_not_repeat(&with(again)).expect("a retry");
}

#[test]
fn a_group_frame_without_its_dtim_beacon_is_seen() {
    let frames = dozes();
    assert!(checks::group_frames_follow_dtim(&frames).expect("a good recording") > 0);
    let check = |frames: &[Frame]| checks::group_frames_follow_dtim(frames).map(drop);
    let announces = |frame: &Frame| frame.kind == BEACON && frame.group_waits;
    fails_once(&frames, check, announces, |frame| frame.group_waits = false);
    fails_once(&frames, check, announces, |frame| frame.dtim_count = Some(1));
}

#[test]
fn a_frame_to_a_dozing_client_is_seen() {
    let frames = dozes();
    assert!(checks::dozing_clients_are_left_alone(&frames).expect("a good recording") > 0);
    let mut doctored = frames.clone();
    doctored
        .iter_mut()
        .filter(|frame| frame.ta == CLIENT && frame.is_any_data())
        .for_each(|frame| frame.dozes = true);
    checks::dozing_clients_are_left_alone(&doctored).expect_err("it never woke, and polled less often");
}

#[test]
fn late_beacons_are_seen() {
    let mut frames = rekeys();
    checks::beacons_keep_time(&frames).expect("a good recording");
    frames.iter_mut().for_each(|frame| frame.time *= 1.1);
    checks::beacons_keep_time(&frames).expect_err("every one is late");
}

#[test]
fn a_beacon_to_one_is_seen() {
    let mut frames = rekeys();
    checks::beacons_go_to_all(&frames).expect("a good recording");
    let beacon = frames.iter_mut().find(|frame| frame.kind == frames::BEACON).expect("a beacon");
    beacon.ra = "02:00:00:00:01:00".to_owned();
    beacon.ssid.clear();
    checks::beacons_go_to_all(&frames).expect_err("a beacon to a client");
}

#[test]
fn bssids_are_told_apart() {
    let frames = rekeys();
    checks::bssids_are_one(&frames).expect("one BSSID");
    checks::bssids_differ(&frames).expect("one client");
    let mut second = frames.iter().find(|frame| frame.message == Some(4)).expect("message 4").clone();
    second.ta = "02:00:00:00:02:00".to_owned();
    checks::bssids_differ(&[&frames[..], &[second.clone()]].concat()).expect_err("two clients at one");
    second.ra = "02:00:00:00:02:01".to_owned();
    checks::bssids_are_one(&[&frames[..], &[second]].concat()).expect_err("two BSSIDs");
    checks::bssids_differ(&[]).expect_err("nobody");
}

#[test]
fn a_client_that_gets_in_did_not_stay_out() {
    let frames = capture("hwsim__15_wrong_passphrase.pcap");
    let check = |frames: &[Frame]| checks::stayed_out(frames, CLIENT);
    let first = |frame: &Frame| frame.message == Some(1);
    fails_once(&frames, check, first, |frame| frame.message = Some(3));
    check(&rekeys()).expect_err("that one got in");
    checks::stayed_out(&frames, "02:00:00:00:07:00").expect_err("that one never tried");
}

#[test]
fn unanswered_pings_are_seen() {
    let mut frames = rekeys();
    checks::pings_were_answered(&frames, 10).expect("a good recording");
    frames.retain(|frame| frame.ping.is_none_or(|ping| ping.0 == 8));
    checks::pings_were_answered(&frames, 10).expect_err("no answers");
}

#[test]
fn keys_that_do_not_change_are_seen() {
    let mut frames = rekeys();
    checks::keys_changed(&frames, false, 2).expect("the pairwise key changed");
    frames.iter_mut().for_each(|frame| frame.key = frame.key.is_some().then(String::new));
    checks::keys_changed(&frames, false, 2).expect_err("all under one key");
}

#[test]
fn missing_fragments_are_seen() {
    let mut frames = capture("hwsim__13_wpa2_fragmentation.pcap");
    checks::fragments_were_sent(&frames, 10).expect("a good recording");
    frames.iter_mut().for_each(|frame| frame.fragment = 0);
    checks::fragments_were_sent(&frames, 10).expect_err("none");
}

#[test]
fn a_client_that_was_not_told_is_seen() {
    let frames = capture("hwsim__15_wrong_passphrase.pcap");
    let told = |frame: &Frame| frame.kind == DEAUTHENTICATION && frame.ta == AP;
    checks::clients_were_told(&frames).expect("a good recording");
    let silent: Vec<Frame> = frames.iter().filter(|frame| !told(frame)).cloned().collect();
    checks::clients_were_told(&silent).expect_err("nobody told it");
}

#[test]
fn probes_and_names_are_seen() {
    let frames = rekeys();
    checks::nobody_probes(&frames).expect_err("the client probes");
    let mut quiet = frames.clone();
    quiet.retain(|frame| frame.kind != PROBE_REQUEST);
    checks::nobody_probes(&quiet).expect("nobody probes");
    checks::beacons_hide_the_name(&frames).expect_err("the beacons name the network");
    quiet.iter_mut().for_each(|frame| frame.ssid = "0000".to_owned());
    checks::beacons_hide_the_name(&quiet).expect("no name");
    checks::beacons_on(&frames, &[2412]).expect("on channel 1");
    checks::beacons_on(&frames, &[2412, 5180]).expect_err("on channel 1 only");
}

#[test]
fn a_timer_that_jumps_is_seen() {
    let frames = rekeys();
    let late = frames.iter().filter(|frame| frame.kind == BEACON).nth(20).expect("beacons").number;
    checks::tsf_goes_on(&frames).expect("the recording is good");
    let mut doctored = frames;
    for frame in doctored.iter_mut().filter(|frame| frame.number > late) {
        frame.timestamp = frame.timestamp.map(|tsf| tsf + 1_000_000);
    }
    checks::tsf_goes_on(&doctored).expect_err("the doctored recording is not");
    doctored.retain(|frame| frame.kind == BEACON);
    checks::tsf_goes_on(&doctored).expect("nobody is there");
}

#[test]
fn a_link_that_leaves_or_joins_again_is_seen() {
    let mut frames = rekeys();
    let of_link = |frame: &Frame| frame.ta == CLIENT;
    frames.retain(|frame| frame.kind != DEAUTHENTICATION);
    let last = frames.iter().rposition(of_link).expect("a client");
    for kind in [AUTHENTICATION, ASSOCIATION_REQUEST, REASSOCIATION_REQUEST] {
        let nth = |frame: &Frame| frame.number == frames[last].number;
        fails_once(&frames, hop::stayed, nth, |frame| frame.kind = kind);
    }
    let of_ap = |frame: &Frame| frame.kind == BEACON && frame.number > frames[last].number;
    fails_once(&frames, hop::stayed, of_ap, |frame| frame.kind = DEAUTHENTICATION);
    let mut left = frames.clone();
    left[last].kind = DEAUTHENTICATION;
    left.push(Frame { kind: AUTHENTICATION, ..frames[last].clone() });
    hop::stayed(&left).expect("it has left by itself");
    frames.retain(|frame| !(of_link(frame) && frame.is_data()));
    hop::stayed(&frames).expect_err("it was never there");
}

#[test]
fn a_second_join_is_seen() {
    let mut frames = rekeys();
    let joined = frames.iter().position(|frame| frame.message == Some(4)).expect("a join");
    let rekey = frames[joined + 1..].iter().position(|frame| frame.message.is_some()).expect("a rekey");
    frames.truncate(joined + 1 + rekey);
    let data = |frame: &Frame| frame.is_data() && frame.protected && frame.ta != AP;
    let number = frames.iter().find(|frame| data(frame)).expect("data").number;
    let early = |frame: &Frame| frame.kind == BEACON && frame.number < number;
    let late = |frame: &Frame| frame.kind == BEACON && frame.number > number;
    for kind in [AUTHENTICATION, ASSOCIATION_REQUEST, REASSOCIATION_REQUEST] {
        fails_once(&frames, checks::joined_once, late, |frame| frame.kind = kind);
        let mut asked_twice = frames.clone();
        asked_twice.iter_mut().find(|frame| early(frame)).expect("a beacon").kind = kind;
        checks::joined_once(&asked_twice).expect("before it was in");
    }
    let fourth = |frame: &Frame| frame.message == Some(4);
    fails_once(&frames, checks::joined_once, fourth, |frame| frame.message = None);
    fails_once(&frames, checks::joined_once, late, |frame| frame.message = Some(4));
    let mut repeated = frames.clone();
    let third = repeated.iter().position(|frame| frame.message == Some(3)).expect("message 3");
    repeated.insert(third, repeated[third].clone());
    checks::joined_once(&repeated).expect("it was in");
    repeated.iter_mut().find(|frame| late(frame)).expect("a beacon").message = Some(4);
    checks::joined_once(&repeated).expect("the answer was late");
    let another = |frame: &Frame| late(frame) && frame.message.is_none();
    fails_once(&repeated, checks::joined_once, another, |frame| frame.message = Some(4));
    let mut left = frames.clone();
    let last = left.last().expect("frames").clone();
    left.push(Frame { kind: DEAUTHENTICATION, ta: CLIENT.to_owned(), ra: AP.to_owned(), ..last.clone() });
    left.push(Frame { message: Some(1), ..last });
    checks::joined_once(&left).expect("it has left by itself");
    let of_ap = |frame: &Frame| frame.kind == 0x01 && frame.ta == AP;
    fails_once(&frames, checks::joined_once, of_ap, |frame| frame.kind = DEAUTHENTICATION);
}
