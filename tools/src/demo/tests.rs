use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Duration;

use drivers::capture::{Direction, Reader};

use super::*;

/// A file in memory that outlives who writes it.
#[derive(Clone, Default)]
struct Shared(Rc<RefCell<Vec<u8>>>);

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
fn whatever_the_seed_all_clients_join_and_nothing_comes_twice() {
    for seed in 0..6 {
        let (demo, _) = played(seed, 6);
        let outcome = &demo.outcome;
        assert_eq!(outcome.clients, 4);
        let joined = demo.story.clients.iter().all(|client| client.joins.iter().any(|join| join.complete));
        assert!(joined, "seed {seed}: {}", demo.account);
        let [twice, reuses, late] = [outcome.msdus_duplicated, outcome.pn_reuses, outcome.eapol_after_join];
        assert_eq!((twice, reuses, late), (0, 0, 0), "seed {seed}: {}", demo.account);
        assert!(outcome.msdus_sent > 500, "seed {seed}: {}", demo.account);
        assert!(outcome.msdus_lost * 200 < outcome.msdus_sent, "seed {seed}: {}", demo.account);
    }
}

#[test]
fn the_story_has_what_it_promises() {
    let (demo, _) = played(1, 20);
    let client = |name: &str| demo.story.clients.iter().find(|client| client.name == name).unwrap();
    assert_eq!(client("tablet").joins.len(), 2, "it leaves and comes back");
    assert!(client("tablet").totals.dozes > 5 && client("sensor").totals.dozes > 5);
    assert_eq!((client("laptop").radio, client("sensor").radio), (Some(0), Some(1)));
    let heard = client("phone").signal.iter().map(|sample| sample.dbm);
    let (low, high) = heard.fold((0.0_f64, -200.0_f64), |(low, high), dbm| (low.min(dbm), high.max(dbm)));
    assert!(high - low > 15.0, "the walk changes the signal: {low} to {high} dBm");
    assert!(client("laptop").totals.retries > 20, "the air is not perfect");
    assert!(demo.story.keys.len() >= 8 && demo.story.keys.iter().all(|key| key.frames == key.highest));
    let names: Vec<_> = client("laptop").joins[0].steps.iter().map(|step| step.name.as_str()).collect();
    assert!(names.ends_with(&["message 1", "message 2", "message 3", "message 4"]), "{names:?}");
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
struct Full(usize);

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
