use std::io;
use std::time::Duration;

use drivers::air::{Air, OnAir, RadioId};
use drivers::capture::{Direction, Reader};
use drivers::propagation::{Model, Position};
use stack::time::Instant;
use stack::wire::{Channel, MacAddr, MacHeader, Rate};

use super::witness::{Row, Witness};
use super::*;
use crate::demo::DemoError;
use crate::demo::capture::Tape;
use crate::demo::tests::{Full, Shared, seeds};
use crate::report::{Sight, hop_html};

fn played(seed: u64, seconds: u64) -> (HopDemo, Vec<u8>) {
    let out = Shared::default();
    let demo = play_hop(seed, Duration::from_secs(seconds), Box::new(out.clone())).unwrap();
    (demo, out.0.take())
}

#[test]
fn the_same_seed_is_the_same_demo_byte_for_byte_and_another_one_is_not() {
    let ((one, one_bytes), (two, two_bytes)) = (played(5, 3), played(5, 3));
    assert_eq!(one.outcome, two.outcome);
    assert_eq!(one.account, two.account);
    assert!(one_bytes == two_bytes, "the captures differ");
    assert!(hop_html(&one.story) == hop_html(&two.story), "the reports differ");
    assert!(played(6, 3).1 != one_bytes, "another seed, the same capture");
}

#[test]
fn four_networks_are_joined_and_nothing_is_lost_but_what_the_ap_without_power_had() {
    for seed in seeds(1) {
        let (demo, _) = played(seed + 1, 10);
        let HopOutcome { networks, joined, rejoins, rekeys, hops, air_kept, .. } = demo.outcome;
        let HopOutcome { msdus_lost, msdus_duplicated, pn_reuses, wrong_channel_frames, .. } = demo.outcome;
        let faults = [msdus_lost, msdus_duplicated, pn_reuses, wrong_channel_frames];
        assert_eq!(faults, [0; 4], "seed {}: {}", seed + 1, demo.account);
        assert_eq!((networks, joined), (4, 4), "{}", demo.account);
        assert!(rejoins >= 1 && rekeys >= 1, "{}", demo.account);
        assert!(hops > 300 && demo.outcome.dead_air_ms.p50 == 3.0, "{}", demo.account);
        assert!(air_kept > 0.85 && air_kept < 1.0, "{}", demo.account);
        let HopOutcome { msdus_sent, msdus_lost_by_outage, beacons_sent, beacons_heard, .. } = demo.outcome;
        assert!(msdus_sent > 3000 && msdus_lost_by_outage > 0, "{}", demo.account);
        assert!(beacons_heard > 50 && beacons_heard < beacons_sent, "{}", demo.account);
        assert!(demo.story.good, "{}", demo.story.result);
    }
}

#[test]
fn the_story_has_what_it_promises() {
    let (demo, _) = played(2, 10);
    let story = &demo.story;
    assert!(story.visits.is_sorted_by(|a, b| a.to <= b.from), "a radio is on one channel at a time");
    let last = story.visits.last().unwrap().to;
    assert!(last <= story.length && last + Duration::from_millis(10) > story.length, "{last:?}");
    let whole: Duration = story.visits.iter().map(|visit| visit.to - visit.from).sum();
    let present: Duration = story.networks.iter().map(|network| network.totals.present).sum();
    assert_eq!(whole, present, "it is on the channels of its networks only");
    for network in &story.networks {
        let totals = &network.totals;
        assert!(totals.joined.unwrap() < Duration::from_secs(5), "{}", network.name);
        assert!(totals.up.0 > 100 && totals.down.0 > 100, "{}", network.name);
        let marks = [&network.beacons, &network.up, &network.down, &network.leaves, &network.returns];
        assert!(marks.iter().all(|bins| bins.total() > 50), "{}", network.name);
        assert!(network.heard.total() <= network.beacons.total(), "{}", network.name);
    }
    let off = &story.networks[2];
    assert!(off.off.is_some() && off.totals.joins == 2 && off.losses.total() == off.totals.taken);
    let (from, to) = (story.close.from, story.close.from + story.close.length);
    assert_eq!(story.close.length, Duration::from_secs(1));
    assert!(story.close.marks.iter().all(|mark| from <= mark.at && mark.at <= to));
    let any = |is_it: fn(&Sight) -> bool| story.close.marks.iter().filter(|mark| is_it(&mark.what)).count();
    assert!(any(|what| *what == Sight::Beacon { heard: true }) > 5);
    assert!(any(|what| *what == Sight::Leaves { acked: true }) > 20);
    assert!(any(|what| *what == Sight::Returns { acked: true }) > 20);
    assert!(any(|what| matches!(what, Sight::Data { up: true, .. })) > 20);
    assert!(any(|what| matches!(what, Sight::Data { up: false, .. })) > 20);
    let key = |step: &str| story.close.marks.iter().any(|mark| mark.what == Sight::Key(step.into()));
    assert!(key("message 1") && key("message 4"), "the keys change in that second");
    assert!(story.keys.len() >= 8 && story.keys.iter().all(|key| key.frames > 0 && key.reuses == 0));
}

#[test]
fn the_capture_has_every_frame_in_order_and_the_radio_that_hops_an_interface() {
    let (demo, bytes) = played(1, 3);
    let mut reader = Reader::new(io::Cursor::new(bytes)).unwrap();
    let (mut frames, mut last, mut hopper) = (0, 0, [0, 0]);
    while let Some(frame) = reader.next_frame() {
        let frame = frame.unwrap();
        assert!(frame.time >= last);
        (last, frames) = (frame.time, frames + 1);
        let (interface, direction) = (frame.interface, frame.direction);
        if interface == 0 {
            hopper[usize::from(direction == Some(Direction::Sent))] += 1;
        }
    }
    assert_eq!(reader.interface_name(0), Some("phy0"));
    assert!(demo.account.contains(&format!("On the air, {frames} frames")), "{frames} in {}", demo.account);
    assert!(hopper.iter().all(|&count| count > 100), "{hopper:?}");
}

#[test]
fn a_capture_that_does_not_fit_is_an_error() {
    let failed = play_hop(1, Duration::from_secs(2), Box::new(Full(100_000)));
    assert!(matches!(failed, Err(DemoError::Capture(_))));
}

const STATION: MacAddr = MacAddr([2, 0xc1, 0, 0, 0x70, 0]);
const BSSID: MacAddr = MacAddr([2, 0xf0, 0, 0, 1, 0]);

/// A witness of one network on channel 1, and the air's names of the radio that hops and of the AP.
fn witness() -> (Witness, [RadioId; 2]) {
    let channel = Channel::from_number(1).unwrap();
    let mut air = Air::new(1, Model::default());
    let ids = [0; 2].map(|_| air.add_radio(Position::default(), channel));
    let row = Row::new(Duration::from_secs(1), (STATION, BSSID), channel, true);
    let tape = Tape::new(Box::new(io::sink()), scene::radios()).unwrap();
    (Witness::new(vec![row], Vec::new(), channel, tape), ids)
}

fn see(witness: &mut Witness, radio: RadioId, (at, channel): (u64, u8), frame: &[u8]) {
    let (start, end) = (Instant::from_micros(at), Instant::from_micros(at + 100));
    let (channel, rate) = (Channel::from_number(channel).unwrap(), Rate::Legacy(12));
    witness.see(&OnAir { start, end, radio, channel, rate, attempt: 0, frame });
}

#[test]
fn a_frame_to_an_ap_on_another_channel_is_counted() {
    let (mut witness, [radio, _]) = witness();
    let mut frame = Vec::new();
    MacHeader::to_ds(BSSID, STATION, BSSID).emit(&mut frame);
    see(&mut witness, radio, (1000, 1), &frame);
    assert_eq!(witness.astray, 0);
    see(&mut witness, radio, (2000, 6), &frame);
    assert_eq!(witness.astray, 1);
}

#[test]
fn an_absence_is_known_once_it_is_acknowledged_and_dead_air_is_what_lies_between_two_channels() {
    let (mut witness, [radio, ap]) = witness();
    let [mut null, mut ack] = [vec![0x48, 0x11, 0, 0], vec![0xd4, 0, 0, 0]];
    for address in [BSSID, STATION, BSSID] {
        null.extend_from_slice(&address.octets());
    }
    null.extend_from_slice(&[0, 0]);
    ack.extend_from_slice(&STATION.octets());
    let close = |witness: &Witness| witness.sights.close(Instant::from_micros(9000)).marks;
    see(&mut witness, radio, (1000, 1), &null);
    assert_eq!(close(&witness)[0].what, Sight::Leaves { acked: false });
    see(&mut witness, ap, (1150, 1), &ack);
    assert_eq!(close(&witness)[0].what, Sight::Leaves { acked: true });
    witness.track(Instant::from_micros(2000), None);
    witness.track(Instant::from_micros(3500), Channel::from_number(6));
    witness.end(Instant::from_micros(9000));
    assert_eq!(witness.hops, [Duration::from_micros(1500)]);
    assert_eq!(witness.visits.iter().map(|visit| visit.channel).collect::<Vec<_>>(), [1, 6]);
}
