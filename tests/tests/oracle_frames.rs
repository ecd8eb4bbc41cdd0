//! Frames as the crates `libwifi` and `ieee80211` read them, over the captures.
//!
//! Where the two are not asked: `libwifi` refuses many subtypes (PS-Poll, CF-End, disassociation, action no ack ...) and
//! takes source for destination in data frames to or from a distribution system, so only its management frames count;
//! `ieee80211` does not check lengths before it hands out addresses.

use std::panic::catch_unwind;

use ieee80211::GenericFrame;
use ieee80211::common::FrameType as TheirType;
use libwifi::Addresses;
use stack::wire::element::Rsn;
use stack::wire::{Elements, Frame, FrameType};
use tests::captures;

fn each_frame(mut check: impl FnMut(&[u8], &str)) {
    for path in captures::all() {
        let Ok(mut reader) = drivers::capture::Reader::open(&path) else { continue };
        while let Some(Ok(frame)) = reader.next_frame() {
            let number = frame.number;
            if let Ok(content) = frame.content
                && !content.rx.bad_fcs
            {
                check(content.mpdu, &format!("{} frame {number}", path.display()));
            }
        }
    }
}

#[test]
fn headers_as_ieee80211_reads_them() {
    let mut compared = 0;
    each_frame(|mpdu, at| {
        let Ok(frame) = Frame::parse(mpdu) else { return };
        let Ok(theirs) = GenericFrame::new(mpdu, false) else { return };
        let field = theirs.frame_control_field();
        let same_type = match field.frame_type() {
            TheirType::Management(_) => frame.kind().frame_type() == FrameType::Management,
            TheirType::Control(_) => frame.kind().frame_type() == FrameType::Control,
            TheirType::Data(_) => frame.kind().frame_type() == FrameType::Data,
            TheirType::Unknown(_) => frame.kind().frame_type() == FrameType::Extension,
        };
        assert!(same_type, "{at}");
        assert_eq!(field.into_bits(), frame.frame_control().0, "{at}");
        if matches!(frame, Frame::Management(_) | Frame::Data(_)) {
            assert_eq!(Some(theirs.address_1().0), frame.addr1().map(|a| a.0), "{at}");
            assert_eq!(theirs.address_2().map(|a| a.0), frame.addr2().map(|a| a.0), "{at}");
            assert_eq!(theirs.address_3().map(|a| a.0), frame.addr3().map(|a| a.0), "{at}");
            let theirs = theirs.sequence_control().unwrap();
            let ours = frame.sequence().unwrap();
            assert_eq!(
                (theirs.sequence_number(), theirs.fragment_number()),
                (ours.number(), ours.fragment()),
                "{at}"
            );
            compared += 1;
        }
    });
    assert!(compared > 1000, "only {compared} frames were compared");
}

#[test]
fn addresses_and_elements_as_libwifi_reads_them() {
    std::panic::set_hook(Box::new(|_| {}));
    let (mut compared, mut names, mut rsn, mut failed) = (0, 0, 0, Vec::new());
    each_frame(|mpdu, at| {
        let Ok(frame) = Frame::parse(mpdu) else { return };
        let Ok(Ok(theirs)) = catch_unwind(|| libwifi::parse_frame(mpdu, false)) else { return };
        let mut check = |same: bool, what: &str| {
            if !same {
                failed.push(format!("{at}: {what}: {frame:?} {theirs:?}"));
            }
        };
        if let Frame::Management(management) = frame {
            check(theirs.src().map(|a| a.0) == Some(management.source().0), "source");
            check(theirs.dest().0 == management.destination().0, "destination");
            compared += 1;
            let Ok(body) = management.parse_body() else { return };
            if body.elements().check().is_err() {
                return;
            }
            let Some(info) = station_info(&theirs) else { return };
            if let (Some(ours), Some(theirs)) = (body.elements().ssid(), &info.ssid_raw) {
                check(ours.as_bytes() == theirs, "SSID");
                names += 1;
            }
            if let (Some(ours), Some(theirs)) = (rsn_of(body.elements()), &info.rsn_information) {
                check(
                    ours.pairwise_ciphers().len() == theirs.pairwise_cipher_suites.len(),
                    "pairwise suites",
                );
                check(ours.akms().len() == theirs.akm_suites.len(), "AKM suites");
                check(ours.capabilities().mfp_required() == theirs.mfp_required, "MFP required");
                check(ours.capabilities().mfp_capable() == theirs.mfp_capable, "MFP capable");
                rsn += 1;
            }
        }
    });
    let _ = std::panic::take_hook();
    assert!(
        failed.is_empty(),
        "{} differ, such as\n{}",
        failed.len(),
        failed[..failed.len().min(5)].join("\n")
    );
    assert!(compared > 1000 && names > 200 && rsn > 100, "{compared} frames, {names} names, {rsn} RSN");
}

fn rsn_of(elements: Elements<'_>) -> Option<Rsn<'_>> {
    elements.get().ok().flatten()
}

fn station_info(frame: &libwifi::Frame) -> Option<&libwifi::frame::components::StationInfo> {
    match frame {
        libwifi::Frame::Beacon(frame) => Some(&frame.station_info),
        libwifi::Frame::ProbeResponse(frame) => Some(&frame.station_info),
        libwifi::Frame::ProbeRequest(frame) => Some(&frame.station_info),
        libwifi::Frame::AssociationRequest(frame) => Some(&frame.station_info),
        _ => None,
    }
}
