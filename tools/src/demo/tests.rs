use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use drivers::capture::{Direction, Reader};

use super::*;

/// A file in memory that outlives who writes it.
#[derive(Clone, Default)]
pub(super) struct Shared(pub(super) Rc<RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn played(seed: u64, seconds: u64) -> (Demo, Vec<u8>) {
    let out = Shared::default();
    let demo = play(seed, Duration::from_secs(seconds), Box::new(out.clone())).unwrap();
    (demo, out.0.take())
}

/// `AIRLOOM_SEEDS=N` plays N of them.
pub(super) fn seeds(usual: u64) -> std::ops::Range<u64> {
    0..std::env::var("AIRLOOM_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn the_same_seed_is_the_same_demo_byte_for_byte_and_another_one_is_not() {
    let ((one, one_bytes), (two, two_bytes)) = (played(5, 4), played(5, 4));
    assert_eq!(one.outcome, two.outcome);
    assert_eq!(one.account, two.account);
    assert!(one_bytes == two_bytes, "the captures differ");
    assert!(crate::report::html(&one.story) == crate::report::html(&two.story), "the reports differ");
    assert!(played(6, 4).1 != one_bytes, "another seed, the same capture");
}

#[test]
fn as_long_as_no_node_crashes_nobody_notices_a_move_whatever_the_seed() {
    for seed in seeds(2) {
        let demo = play::play_with(seed, Duration::from_secs(14), false, Box::new(io::sink())).unwrap();
        let outcome = &demo.outcome;
        let Outcome { msdus_lost, msdus_lost_by_crash, msdus_duplicated, pn_reuses, .. } = *outcome;
        let Outcome { reassociations, eapol_after_join, eapol_after_takeover, takeovers, .. } = *outcome;
        let faults = [msdus_lost, msdus_lost_by_crash, msdus_duplicated, pn_reuses, reassociations];
        assert_eq!(faults, [0; 5], "seed {seed}: {}", demo.account);
        let more = [eapol_after_join, eapol_after_takeover, takeovers];
        assert_eq!(more, [0; 3], "seed {seed}: {}", demo.account);
        let Outcome { moves_within_nodes, moves_between_nodes, handovers, .. } = *outcome;
        assert!(moves_within_nodes >= 4 && moves_between_nodes >= 6, "seed {seed}: {}", demo.account);
        assert!(handovers + 3 >= moves_within_nodes + moves_between_nodes, "seed {seed}: {}", demo.account);
        // A round trip of the backhaul, and what was on the air and unacknowledged when it began.
        assert!(outcome.gap_ms.p50 < 1.0 && outcome.gap_ms.max < 25.0, "seed {seed}: {}", demo.account);
        assert!(outcome.msdus_sent > 5000, "seed {seed}: {}", demo.account);
    }
}

#[test]
fn the_clients_of_a_node_that_crashes_are_served_by_the_other_and_only_they_lose_anything() {
    for seed in seeds(1) {
        let demo = play(seed, Duration::from_secs(20), Box::new(io::sink())).unwrap();
        let (outcome, story) = (&demo.outcome, &demo.story);
        let crash = story.crash.as_ref().unwrap();
        assert!(crash.clients.len() >= 3, "seed {seed}: {}", demo.account);
        assert_eq!(outcome.takeovers, crash.clients.len() as u64, "seed {seed}: {}", demo.account);
        for orphan in &crash.clients {
            assert!(orphan.gap.unwrap() < Duration::from_secs(1), "seed {seed}: {orphan:?}");
            assert!(story.radios[orphan.to.unwrap()].name.starts_with("south/"), "seed {seed}: {orphan:?}");
        }
        let Outcome { msdus_lost, msdus_duplicated, pn_reuses, .. } = *outcome;
        let Outcome { reassociations, eapol_after_join, msdus_lost_by_crash, .. } = *outcome;
        let faults = [msdus_lost, msdus_duplicated, pn_reuses, reassociations, eapol_after_join];
        assert_eq!(faults, [0; 5], "seed {seed}: {}", demo.account);
        assert!(msdus_lost_by_crash > 0, "seed {seed}: {}", demo.account);
        for client in &story.clients {
            let last = client.stays.last().unwrap();
            assert!(story.radios[last.radio].name.starts_with("south/"), "{}: {last:?}", client.name);
            assert_eq!(last.to, story.length, "{} is served to the end", client.name);
        }
    }
}

#[test]
fn the_story_has_what_it_promises() {
    let (demo, _) = played(2, 16);
    let client = |name: &str| demo.story.clients.iter().find(|client| client.name == name).unwrap();
    assert_eq!((demo.story.clients.len(), demo.story.radios.len()), (6, 4));
    for client in &demo.story.clients {
        assert!(client.walk.len() > 50 && client.stays.len() >= 2, "{} walks", client.name);
        assert_eq!(client.joins.len(), 1, "{} joins once", client.name);
    }
    assert!(client("tablet").totals.dozes > 5 && client("watch").totals.dozes > 5);
    assert!(client("laptop").totals.down.0 > 2000, "a download");
    let names: Vec<_> = client("laptop").joins[0].steps.iter().map(|step| step.name.as_str()).collect();
    assert!(names.ends_with(&["message 1", "message 2", "message 3", "message 4"]), "{names:?}");
    let of =
        |way: &str| demo.story.handovers.iter().filter(|handover| handover.way == way).collect::<Vec<_>>();
    for between in of("node to node") {
        let generations: Vec<u64> =
            between.packets.split(" → ").filter_map(|side| side.split(" · ").next()?.parse().ok()).collect();
        assert!(between.gap.is_some(), "{between:?}");
        if let [before, after] = generations[..] {
            assert!(after > before && between.key == "same", "{between:?}");
        }
    }
    assert!(of("radio to radio").len() >= 3 && of("node to node").len() >= 4 && !of("taken over").is_empty());
}

#[test]
fn the_capture_has_every_frame_in_order_with_what_was_decided() {
    let (demo, bytes) = played(1, 3);
    let mut reader = Reader::new(io::Cursor::new(bytes)).unwrap();
    let (mut frames, mut last, mut directions) = (0, 0, [0, 0]);
    while let Some(frame) = reader.next_frame() {
        let frame = frame.unwrap();
        assert!(frame.time >= last);
        last = frame.time;
        directions[usize::from(frame.direction == Some(Direction::Sent))] += 1;
        frames += 1;
    }
    assert!(demo.account.contains(&format!("On the air, {frames} frames")), "{frames} in {}", demo.account);
    assert!(directions.iter().all(|&count| count > 100), "{directions:?}");
}

/// A disk with little room.
pub(super) struct Full(pub(super) usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.0.checked_sub(bytes.len()) else {
            return Err(io::ErrorKind::StorageFull.into());
        };
        self.0 = left;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_capture_that_does_not_fit_is_an_error() {
    let failed = play(1, Duration::from_secs(2), Box::new(Full(100_000)));
    assert!(matches!(failed, Err(DemoError::Capture(_))));
}
