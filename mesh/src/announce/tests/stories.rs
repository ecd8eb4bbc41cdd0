//! What ordinary days are like, and crashes.

use super::super::record::Unverified;
use super::*;

#[test]
fn what_is_announced_arrives_under_every_profile() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile, 40);
        let items = [
            claim(1),
            claim(2),
            Item::Load(Load { radio: 1, frequency: 2437, busy: 310, clients: 12 }),
            Item::Signal(Signal { client: MacAddr([2; 6]), radio: 0, dbm: -71, age: 40 }),
        ];
        for row in 1..=40 {
            for (count, micros) in [130_000, 240_000].into_iter().enumerate() {
                let now = at(row_start(row) + micros);
                let bytes = pair.signer.sign(now, &items).unwrap().release(&mut pair.journal).unwrap();
                let heard = pair.verifier.handle_announcement(now, &bytes).unwrap();
                assert_eq!(heard.payload.sequence, (row - 1) * 2 + count as u64 + 1);
                assert_eq!(heard.payload.items.collect::<Vec<_>>(), items, "{profile:?}");
                assert_eq!((heard.place.node, heard.place.epoch), (NODE, Epoch(1)));
            }
        }
        assert_eq!(pair.verifier.refusals().iter().next(), None);
    }
}

#[test]
fn twenty_one_claims_fit_one_announcement_and_no_more() {
    let mut pair = Pair::new(Profile::B16, 10);
    let claims: Vec<_> = (0..22).map(claim).collect();
    let pending = pair.signer.sign(at(1), &claims[..21]).unwrap();
    let bytes = pending.release(&mut pair.journal).unwrap();
    assert!(bytes.len() <= 1400, "{} bytes", bytes.len());
    let heard = pair.verifier.handle_announcement(at(1), &bytes).unwrap();
    assert_eq!(heard.payload.items.collect::<Vec<_>>(), claims[..21]);
    let refused = pair.signer.sign(at(2), &claims);
    assert_eq!(refused.unwrap_err(), SignError::Payload(PayloadError::TooLong));
}

#[test]
fn signatures_are_as_long_as_the_profile_says() {
    for (profile, len) in
        [(Profile::B16, 278), (Profile::B12, 211), (Profile::H16, 258), (Profile::ED25519, 64)]
    {
        let mut pair = Pair::new(profile, 2);
        let bytes = pair.signer.sign(at(1), &[]).unwrap().release(&mut pair.journal).unwrap();
        // Header, length, and the sequence number that is all of the payload.
        assert_eq!(bytes.len(), 22 + len + 2 + 8);
    }
}

#[test]
fn a_row_signs_two_messages_and_the_third_waits_for_the_next() {
    let mut pair = Pair::new(Profile::H16, 10);
    pair.announce(130_000);
    pair.announce(140_000);
    let refused = pair.signer.sign(at(150_000), &[claim(1)]).unwrap_err();
    assert_eq!(refused, SignError::Wait(ClusterTime(BEGIN + PERIOD)));
    // The next row has begun, but a verifier whose clock is late still believes the one before.
    let refused = pair.signer.sign(at(PERIOD), &[claim(1)]).unwrap_err();
    let public = PERIOD + 2 * CLOCK_ERROR;
    assert_eq!(refused, SignError::Wait(ClusterTime(BEGIN + public)));
    pair.announce(public);
    pair.announce(public);
}

#[test]
fn at_most_two_messages_are_known_of_a_row_that_is_believed() {
    let mut pair = Pair::new(Profile::H16, 600);
    let mut random = Seeded::new(5);
    let mut signed: Vec<(u64, u32)> = Vec::new();
    let mut micros = 0;
    while micros < row_start(599) {
        let [step] = stack::random::bytes(&mut random);
        micros += u64::from(step) * 1000;
        if let Ok(pending) = pair.signer.sign(at(micros), &[]) {
            signed.push((micros, pending.state().row));
        }
    }
    assert!(signed.len() > 300);
    for row in 1..600 {
        // By the clock of the signer a row is believed somewhere until this moment; SEALs of later rows age into it.
        let public = row_start(u64::from(row) + 1) + 2 * CLOCK_ERROR;
        let known = signed.iter().filter(|&&(micros, of)| of >= row && micros < public).count();
        assert!(known <= 2, "{known} messages of row {row}");
    }
}

#[test]
fn an_epoch_ends() {
    let mut pair = Pair::new(Profile::H16, 3);
    pair.announce(row_start(3));
    let refused = pair.signer.sign(at(row_start(4)), &[claim(1)]).unwrap_err();
    assert_eq!(refused, SignError::EpochOver);
}

#[test]
fn nothing_is_sent_before_it_is_saved() {
    let mut pair = Pair::new(Profile::B16, 10);
    assert_eq!(pair.journal.state, SignerState { epoch: Epoch(1), row: 0, count: 0 });
    let pending = pair.signer.sign(at(row_start(2)), &[claim(1)]).unwrap();
    let state = SignerState { epoch: Epoch(1), row: 2, count: 1 };
    assert_eq!(pending.state(), &state);
    pair.journal.broken = true;
    assert_eq!(pending.release(&mut pair.journal), Err("disk full"));
    // What was not sent is still used up: one more signature under this row.
    pair.journal.broken = false;
    pair.announce(row_start(2) + 150_000);
    assert_eq!(pair.journal.state, SignerState { count: 2, ..state });
    assert!(matches!(pair.signer.sign(at(row_start(2) + 160_000), &[]), Err(SignError::Wait(_))));

    let mut broken = Memory { broken: true, ..Memory::default() };
    let plan = EpochPlan::new(config(NODE, Profile::B16, 10), broken.state, &mut Seeded::new(1));
    assert_eq!(plan.open(at(0), &mut broken).unwrap_err(), OpenError::Journal("disk full"));
}

#[test]
fn a_crash_begins_a_new_epoch_and_the_old_one_is_over() {
    let mut pair = Pair::new(Profile::B16, 100);
    let before = pair.announce(0);
    pair.hear(0, &before).unwrap();
    let unheard = pair.announce(row_start(2));
    // What survives is the journal.
    let journal = &mut pair.journal;
    let opened = open(NODE, Profile::B16, 100, at(row_start(2)), journal);
    assert_eq!(opened.signer.epoch(), Epoch(2));
    assert_eq!(journal.state, SignerState { epoch: Epoch(2), row: 0, count: 0 });
    introduce(&mut pair.verifier, &opened, at(row_start(2)));
    pair.signer = opened.signer;
    let after = pair.announce(row_start(2));
    pair.hear(row_start(2), &after).unwrap();
    assert_eq!(pair.hear(row_start(2), &unheard), Err(Refusal::UnknownEpoch), "the old epoch is left");
}

#[test]
fn an_epoch_has_one_record_and_a_lower_one_is_not_taken() {
    let mut journal = Memory::default();
    let first = open(NODE, Profile::H16, 10, at(0), &mut journal);
    let second = open(NODE, Profile::H16, 10, at(0), &mut journal);
    let mut verifier = Verifier::new(1);
    verifier.trust(NODE, identity(NODE).public());
    introduce(&mut verifier, &second, at(0));
    for record in [&first.record, &second.record] {
        let taken = verifier.handle_epoch_record(Instant::ZERO, record);
        assert_eq!(taken.unwrap_err(), Refusal::EpochNotNewer);
    }
    assert_eq!(verifier.refusals().of(Refusal::EpochNotNewer), 2);
}

#[test]
fn between_two_epochs_both_are_heard() {
    let mut pair = Pair::new(Profile::B16, 100);
    let mut next = open(NODE, Profile::H16, 100, at(row_start(2)), &mut pair.journal);
    introduce(&mut pair.verifier, &next, at(row_start(2)));
    let old = pair.announce(row_start(2));
    pair.hear(row_start(2), &old).unwrap();
    let new = next.signer.sign(at(row_start(2)), &[]).unwrap().release(&mut pair.journal).unwrap();
    pair.hear(row_start(2), &new).unwrap();
}

#[test]
fn who_comes_late_takes_a_row_record() {
    let mut pair = Pair::new(Profile::B16, 400);
    let row = 100;
    let bytes = pair.announce(row_start(row));
    assert_eq!(pair.hear(row_start(row), &bytes), Err(Refusal::HeadsTooOld));
    let (record, seals) = pair.signer.row_record(at(row_start(row))).unwrap();
    let now = at(row_start(row)).monotonic;
    let mut wrong = seals.to_bytes();
    wrong[5] ^= 1;
    assert_eq!(pair.verifier.handle_row_record(now, &record, &wrong), Err(Refusal::RowHash));
    assert_eq!(pair.hear(row_start(row), &bytes), Err(Refusal::HeadsTooOld));
    pair.verifier.handle_row_record(now, &record, &seals.to_bytes()).unwrap();
    pair.hear(row_start(row), &bytes).unwrap();
    let again = pair.verifier.handle_row_record(now, &record, &seals.to_bytes());
    assert_eq!(again, Err(Refusal::RowNotNewer));
}

#[test]
fn row_records_now_and_then_keep_every_chain_within_reach() {
    let mut pair = Pair::new(Profile::H16, 300);
    for row in 1..300 {
        let micros = row_start(row) + 130_000;
        if row % 32 == 0 {
            let (record, seals) = pair.signer.row_record(at(micros)).unwrap();
            pair.verifier.handle_row_record(at(micros).monotonic, &record, &seals.to_bytes()).unwrap();
        }
        let bytes = pair.announce(micros);
        pair.hear(micros, &bytes).unwrap();
    }
}

#[test]
fn a_row_record_shows_the_newest_row_that_nobody_believes() {
    let mut pair = Pair::new(Profile::H16, 20);
    for micros in (0..row_start(20)).step_by(31_000) {
        let public = |row: u64| row_start(row + 1) + 2 * CLOCK_ERROR;
        let newest = (1..20).take_while(|&row| public(row) <= micros).last();
        let shown = pair.signer.row_record(at(micros)).map(|(record, row)| {
            let record = Unverified::<RowRecord>::parse(&record).unwrap();
            let record = record.verify(&identity(NODE).public()).unwrap();
            assert_eq!(record.hash, row.hash());
            u64::from(record.row)
        });
        assert_eq!(shown, newest, "after {micros} us");
    }
}

#[test]
fn a_node_that_is_not_trusted_is_not_heard() {
    let mut pair = Pair::new(Profile::B16, 10);
    let bytes = pair.announce(0);
    pair.verifier.distrust(NODE);
    assert_eq!(pair.hear(0, &bytes), Err(Refusal::UnknownNode));
    let mut verifier = Verifier::new(1);
    assert!(verifier.trust(OTHER, identity(OTHER).public()));
    assert!(!verifier.trust(NODE, identity(NODE).public()), "one node is enough");
    assert!(verifier.trust(OTHER, identity(NODE).public()), "an identity may change");
}
