//! Late, early, and what happens when a clock jumps.

use super::*;

#[test]
fn a_row_is_believed_for_its_time_and_the_clock_error_and_no_longer() {
    for (row, micros, expected) in [
        (10, row_start(10) - CLOCK_ERROR - 1, Err(Refusal::RowEarly)),
        (10, row_start(10) - CLOCK_ERROR, Ok(())),
        (10, row_start(11) + CLOCK_ERROR, Ok(())),
        (10, row_start(11) + CLOCK_ERROR + 1, Err(Refusal::RowExpired)),
    ] {
        for profile in [Profile::B16, Profile::H16] {
            let mut pair = Pair::new(profile, 20);
            let bytes = pair.announce(row_start(row));
            assert_eq!(pair.hear(micros, &bytes), expected, "{micros}");
        }
    }
}

#[test]
fn nothing_is_heard_twice_nor_out_of_order() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile, 20);
        let first = pair.announce(130_000);
        let second = pair.announce(140_000);
        pair.hear(140_000, &second).unwrap();
        assert_eq!(pair.hear(141_000, &second), Err(Refusal::Replay));
        assert_eq!(pair.hear(141_000, &first), Err(Refusal::Replay));
        assert_eq!(pair.verifier.refusals().of(Refusal::Replay), 2);
    }
}

#[test]
fn a_verifier_whose_clock_jumps_back_does_not_take_old_rows() {
    let mut pair = Pair::new(Profile::B16, 400);
    let kept_back = pair.announce(row_start(20));
    let heard = pair.announce(row_start(40));
    pair.hear(row_start(40), &heard).unwrap();
    // Ten rows later everybody may know the SEALs of row 20, and the clock says that it is row 20.
    let jumped = Reading { cluster: Some(ClusterTime(BEGIN + row_start(20))), ..at(row_start(50)) };
    let refused = pair.verifier.handle_announcement(jumped, &kept_back).unwrap_err();
    assert_eq!(refused, Refusal::ClockLost);
    let fresh = pair.announce(row_start(50));
    assert_eq!(
        pair.hear(row_start(50), &fresh),
        Err(Refusal::ClockLost),
        "nobody has said that it is right again"
    );
    // Even if somebody says so of a wrong clock: older than what was heard is older.
    pair.verifier.clock_is_set();
    let refused = pair.verifier.handle_announcement(jumped, &kept_back).unwrap_err();
    assert_eq!(refused, Refusal::RowOlder);
    pair.verifier.clock_is_set();
    pair.hear(row_start(50), &fresh).unwrap();
}

#[test]
fn a_signer_whose_clock_jumps_reveals_nothing() {
    for jump in [-(20 * PERIOD as i64), 20 * PERIOD as i64, CLOCK_ERROR as i64 + 200_000] {
        let mut pair = Pair::new(Profile::B16, 400);
        pair.announce(row_start(50));
        let now = row_start(51);
        let cluster = ClusterTime((BEGIN + now).checked_add_signed(jump).unwrap());
        let jumped = Reading { cluster: Some(cluster), ..at(now) };
        assert_eq!(pair.signer.sign(jumped, &[]).unwrap_err(), SignError::ClockLost);
        assert_eq!(pair.signer.sign(at(now), &[]).unwrap_err(), SignError::ClockLost);
        assert!(pair.signer.row_record(at(now)).is_none());
    }
}

#[test]
fn a_clock_that_is_slewed_back_does_not_bring_a_row_back() {
    let mut pair = Pair::new(Profile::H16, 10);
    pair.announce(row_start(2));
    let slewed = Reading { cluster: at(row_start(2) - 1000).cluster, ..at(row_start(2) + 1000) };
    let refused = pair.signer.sign(slewed, &[]).unwrap_err();
    assert_eq!(refused, SignError::Wait(ClusterTime(BEGIN + row_start(2))));
}

#[test]
fn without_clocks_ed25519_carries_on_and_hands_back() {
    let mut pair = Pair::new(Profile::B16, 400);
    let bytes = pair.announce(0);
    pair.hear(0, &bytes).unwrap();
    let mut micros = row_start(9);
    assert_eq!(pair.signer.sign(no_clock(micros), &[]).unwrap_err(), SignError::ClockLost);
    let plan = EpochPlan::new(config(NODE, Profile::B16, 9), pair.journal.state, &mut Seeded::new(2));
    let refused = plan.open(no_clock(micros), &mut pair.journal).unwrap_err();
    assert_eq!(refused, OpenError::ClockLost);

    let fallback = open(NODE, Profile::ED25519, 0, no_clock(micros), &mut pair.journal);
    assert!(fallback.row.is_none());
    introduce(&mut pair.verifier, &fallback, no_clock(micros));
    pair.signer = fallback.signer;
    for _ in 0..10 {
        micros += 1000;
        let pending = pair.signer.sign(no_clock(micros), &[claim(1)]).unwrap();
        let bytes = pending.release(&mut pair.journal).unwrap();
        pair.verifier.handle_announcement(no_clock(micros), &bytes).unwrap();
    }

    micros = row_start(20);
    let back = open(NODE, Profile::B16, 400, at(micros), &mut pair.journal);
    assert_eq!(back.signer.epoch(), Epoch(3));
    introduce(&mut pair.verifier, &back, at(micros));
    let last_of_fallback = pair.announce(micros);
    pair.signer = back.signer;
    let bytes = pair.announce(micros);
    pair.hear(micros, &bytes).unwrap();
    assert_eq!(pair.hear(micros, &last_of_fallback), Err(Refusal::UnknownEpoch));
}

#[test]
fn a_verifier_without_a_clock_takes_no_seals() {
    let mut pair = Pair::new(Profile::B16, 10);
    let bytes = pair.announce(0);
    let refused = pair.verifier.handle_announcement(no_clock(0), &bytes).unwrap_err();
    assert_eq!(refused, Refusal::ClockLost);
    pair.hear(0, &bytes).unwrap();
}

#[test]
fn a_flood_of_ed25519_is_not_checked_to_the_end() {
    let mut pair = Pair::new(Profile::ED25519, 0);
    let good = pair.announce(0);
    let mut bad = good.clone();
    bad[30] ^= 1;
    for _ in 0..1000 {
        assert!(pair.hear(1000, &bad).is_err());
    }
    assert!(pair.verifier.refusals().of(Refusal::BadSignature) <= 201);
    assert!(pair.verifier.refusals().of(Refusal::RateLimited) >= 799);
    pair.hear(500_000, &good).unwrap();
}
