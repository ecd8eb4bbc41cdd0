//! Parse and classify real frames: `cargo bench -p airloom-tests --bench parse`.
//!
//! Against `libwifi` the work is as alike as can be: the header, the fixed fields of the body, every element walked, the
//! SSID and the RSN element read. Against `ieee80211`, which also borrows, header fields alone, and beacons to their SSID.

use std::hint::black_box;
use std::path::Path;

use ieee80211::GenericFrame;
use ieee80211::mgmt_frame::BeaconFrame;
use stack::wire::element::Rsn;
use stack::wire::{Frame, FrameKind};
use tests::bench;

/// The frames of the captures that ship which `libwifi` can read at all.
fn frames() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut frames = Vec::new();
    for path in paths {
        let Ok(mut reader) = drivers::capture::Reader::open(&path) else { continue };
        while let Some(Ok(frame)) = reader.next_frame() {
            if let Ok(content) = frame.content
                && Frame::parse(content.mpdu).is_ok()
                && std::panic::catch_unwind(|| libwifi::parse_frame(content.mpdu, false).is_ok())
                    .unwrap_or(false)
            {
                frames.push(content.mpdu.to_vec());
            }
        }
    }
    frames
}

fn ours(mpdu: &[u8]) {
    let Ok(frame) = Frame::parse(black_box(mpdu)) else { return };
    black_box((frame.kind(), frame.addr1(), frame.addr2(), frame.addr3(), frame.sequence()));
    if let Frame::Management(frame) = frame
        && let Ok(body) = frame.parse_body()
    {
        let elements = body.elements();
        let _ = black_box((body, elements.check(), elements.ssid(), elements.get::<Rsn<'_>>()));
    }
}

fn ours_header(mpdu: &[u8]) {
    let Ok(frame) = Frame::parse(black_box(mpdu)) else { return };
    black_box((frame.kind(), frame.addr1(), frame.addr2(), frame.addr3(), frame.sequence()));
}

fn theirs_header(mpdu: &[u8]) {
    let Ok(frame) = GenericFrame::new(black_box(mpdu), false) else { return };
    let kind = frame.frame_control_field().frame_type();
    black_box((kind, frame.address_1(), frame.address_2(), frame.address_3(), frame.sequence_control()));
}

fn ours_beacon(mpdu: &[u8]) {
    if let Ok(Frame::Management(frame)) = Frame::parse(black_box(mpdu))
        && let Ok(body) = frame.parse_body()
    {
        black_box(body.elements().ssid());
    }
}

fn theirs_beacon(mpdu: &[u8]) {
    if let Ok(frame) = GenericFrame::new(black_box(mpdu), false)
        && let Some(Ok(beacon)) = frame.parse_to_typed::<BeaconFrame<'_>>()
    {
        black_box(beacon.ssid());
    }
}

fn main() {
    let frames = frames();
    let is_beacon = |mpdu: &Vec<u8>| Frame::parse(mpdu).is_ok_and(|frame| frame.kind() == FrameKind::BEACON);
    let beacons: Vec<_> = frames.iter().filter(|mpdu| is_beacon(mpdu)).cloned().collect();
    println!("{} frames, {} of them beacons", frames.len(), beacons.len());
    let all = |run: fn(&[u8]), frames: &[Vec<u8>]| frames.iter().for_each(|mpdu| run(mpdu));
    bench::compare(
        "whole frame",
        frames.len(),
        &mut [
            ("airloom", &mut || all(ours, &frames)),
            ("libwifi", &mut || {
                all(|mpdu| drop(black_box(libwifi::parse_frame(black_box(mpdu), false))), &frames)
            }),
        ],
    );
    bench::compare(
        "header",
        frames.len(),
        &mut [
            ("airloom", &mut || all(ours_header, &frames)),
            ("ieee80211", &mut || all(theirs_header, &frames)),
        ],
    );
    bench::compare(
        "beacon to its SSID",
        beacons.len(),
        &mut [
            ("airloom", &mut || all(ours_beacon, &beacons)),
            ("ieee80211", &mut || all(theirs_beacon, &beacons)),
        ],
    );
}
