//! Forgeries, damage, and bytes of no kind.

use proptest::prelude::*;

use super::super::heads::Heads;
use super::super::record::Record;
use super::super::seal::Domain;
use super::*;

const HEADER: usize = 22;

#[test]
fn no_bit_can_be_changed_and_a_refusal_teaches_nothing() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile, 4);
        let bytes = pair.announce(0);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(pair.hear(bit as u64 * 20, &changed).is_err(), "{profile:?}: bit {bit}");
        }
        pair.hear(200_000, &bytes).unwrap();
    }
}

#[test]
fn an_announcement_of_another_node_or_epoch_is_worth_nothing() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile, 4);
        // The same key for both nodes: the domain alone tells them apart.
        let theirs = SignerConfig { node: OTHER, ..config(NODE, profile, 4) };
        let plan = EpochPlan::new(theirs, SignerState::default(), &mut Seeded::new(0));
        let mut other = plan.open(at(0), &mut Memory::default()).unwrap();
        pair.verifier.trust(OTHER, identity(NODE).public());
        introduce(&mut pair.verifier, &other, at(0));
        let next = open(NODE, profile, 4, at(0), &mut pair.journal);
        introduce(&mut pair.verifier, &next, at(0));

        let bytes = other.signer.sign(at(0), &[]).unwrap().release(&mut Memory::default()).unwrap();
        let mut as_node = bytes.clone();
        as_node[2..10].copy_from_slice(&NODE.0.to_le_bytes());
        let mut as_next = as_node.clone();
        as_next[10..18].copy_from_slice(&2u64.to_le_bytes());
        for forged in [as_node, as_next] {
            let refused = pair.hear(0, &forged).unwrap_err();
            let expected =
                [Refusal::BinsDiffer, Refusal::BadSeal, Refusal::BadSignature, Refusal::BadIndices];
            assert!(expected.contains(&refused), "{profile:?}: {refused:?}");
        }
        pair.hear(0, &bytes).unwrap();
    }
}

/// Row 5 of four chains, and the heads of row 0 for them.
fn few_chains(node: NodeId, epoch: Epoch, salt: u8) -> (Vec<(u16, Seal)>, Heads) {
    let domain = Domain { node, epoch };
    let above = SealRow::parse(&(0..64).map(|byte| byte ^ salt).collect::<Vec<u8>>(), 4).unwrap();
    let row = domain.walk_row(6, 5, &above);
    let heads = Heads::new(domain, 0, domain.walk_row(5, 0, &row));
    (row.iter().map(|(index, seal)| (index, *seal)).collect(), heads)
}

#[test]
fn a_seal_counts_in_its_chain_its_row_its_epoch_and_its_node_alone() {
    let (seals, mut heads) = few_chains(NODE, Epoch(1), 0);
    assert!(heads.authenticate(5, seals.clone()).is_ok());
    assert!(heads.authenticate(5, seals[1..3].to_vec()).is_ok());

    let swapped = vec![(0, seals[1].1), (1, seals[0].1)];
    assert_eq!(heads.authenticate(5, swapped).unwrap_err(), Refusal::BadSeal);
    for row in [0, 1, 4, 6, 64] {
        assert_eq!(heads.authenticate(row, seals.clone()).unwrap_err(), Refusal::BadSeal, "{row}");
    }
    assert_eq!(heads.authenticate(65, seals.clone()).unwrap_err(), Refusal::HeadsTooOld);
    assert_eq!(heads.authenticate(5, vec![(4, seals[0].1)]).unwrap_err(), Refusal::BadIndices);
    for (node, epoch, salt) in [(OTHER, Epoch(1), 0), (NODE, Epoch(2), 0), (NODE, Epoch(1), 1)] {
        let (_, mut heads) = few_chains(node, epoch, salt);
        assert_eq!(heads.authenticate(5, seals.clone()).unwrap_err(), Refusal::BadSeal);
    }
}

#[test]
fn what_a_refused_announcement_proves_moves_no_head() {
    let (seals, mut heads) = few_chains(NODE, Epoch(1), 0);
    let domain = Domain { node: NODE, epoch: Epoch(1) };
    let mut forged = seals.clone();
    forged[3].1 = seals[2].1;
    for _ in 0..100 {
        assert_eq!(heads.authenticate(5, forged.clone()).unwrap_err(), Refusal::BadSeal);
    }
    // One that was on its way still finds its heads in row 0.
    let earlier = seals.iter().map(|&(index, seal)| (index, domain.walk(index, 5, 4, &seal))).collect();
    assert!(heads.authenticate(4, earlier).is_ok());
    assert!(heads.authenticate(5, seals).is_ok());
}

#[test]
fn an_index_counts_once() {
    let mut pair = Pair::new(Profile::B16, 4);
    let bytes = pair.announce(0);
    // The first SEAL in the place of the second as well, index and all: still in one bin, still authentic.
    let mut doubled = bytes.clone();
    let first = u16::from_le_bytes([bytes[HEADER + 2], bytes[HEADER + 3]]) & 0x3ff;
    let word = u32::from_le_bytes(bytes[HEADER + 2..HEADER + 6].try_into().unwrap());
    let word = word & !(0x3ff << 10) | u32::from(first) << 10;
    doubled[HEADER + 2..HEADER + 6].copy_from_slice(&word.to_le_bytes());
    let seals = HEADER + 2 + 20;
    doubled.copy_within(seals..seals + 16, seals + 16);
    assert_eq!(pair.hear(0, &doubled), Err(Refusal::BadIndices));
    pair.hear(0, &bytes).unwrap();
}

#[test]
fn fewer_seals_are_no_signature() {
    for profile in [Profile::B16, Profile::B12, Profile::H16] {
        let mut pair = Pair::new(profile, 4);
        let bytes = pair.announce(0);
        let end = HEADER + RowScheme::of(profile).unwrap().signature_len();
        let mut short = bytes.clone();
        short.drain(end - 16..end);
        assert_eq!(pair.hear(0, &short), Err(Refusal::Malformed));
        let mut made_up = bytes.clone();
        made_up[end - 16..end].fill(0x55);
        assert!(matches!(pair.hear(0, &made_up), Err(Refusal::BinsDiffer | Refusal::BadSeal)));
        let mut tries = bytes.clone();
        tries[HEADER..HEADER + 2].copy_from_slice(&MAX_TRIES.to_le_bytes());
        assert_eq!(pair.hear(0, &tries), Err(Refusal::TooManyTries));
        pair.hear(0, &bytes).unwrap();
    }
}

#[test]
fn what_the_bytes_alone_tell_is_told() {
    let mut pair = Pair::new(Profile::B16, 4);
    let bytes = pair.announce(0);
    let with = |at: usize, value: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        bytes
    };
    let foreign = HEADER + 278 + 2 + 8 + 2 + 8;
    let longer = [&bytes[..], &[0]].concat();
    for (bytes, reason) in [
        (with(0, 2), Refusal::UnsupportedVersion),
        (with(1, 4), Refusal::UnknownScheme),
        (with(1, 2), Refusal::WrongScheme),
        (with(2, 0), Refusal::UnknownNode),
        (with(10, 9), Refusal::UnknownEpoch),
        (with(18, 0), Refusal::RowOutside),
        (with(18, 200), Refusal::RowOutside),
        (with(foreign, 1), Refusal::ForeignClaim),
        (with(foreign - 1, 0xf0), Refusal::BadPayload),
        (longer, Refusal::Malformed),
        (bytes[..bytes.len() - 1].to_vec(), Refusal::Malformed),
        (Vec::new(), Refusal::Malformed),
    ] {
        assert_eq!(pair.hear(0, &bytes), Err(reason));
        assert!(pair.verifier.refusals().of(reason) > 0);
    }
    pair.hear(0, &bytes).unwrap();
}

#[test]
fn a_node_does_not_claim_for_another() {
    let mut pair = Pair::new(Profile::B16, 4);
    let Item::Claim(claim) = claim(1) else { panic!("a claim is a claim") };
    for (wrong, reason) in [
        (Claim { node: OTHER, ..claim }, PayloadError::ForeignClaim),
        (Claim { vlan: 4095, ..claim }, PayloadError::NoVlan),
    ] {
        let refused = pair.signer.sign(at(0), &[Item::Claim(wrong)]).unwrap_err();
        assert_eq!(refused, SignError::Payload(reason));
    }
}

#[test]
fn items_of_the_future_are_passed_over() {
    let mut payload = 1u64.to_le_bytes().to_vec();
    payload.extend([200, 3, 1, 2, 3]);
    payload.extend([2, 7, 1, 0, 0, 0, 0, 9, 0]);
    payload.extend([201, 0]);
    let read = Payload::parse(&payload, NODE).unwrap();
    let load = Load { radio: 1, frequency: 0, busy: 0, clients: 9 };
    assert_eq!(read.items.collect::<Vec<_>>(), [Item::Load(load)]);
}

#[test]
fn records_with_weak_or_costly_parameters_are_refused_though_they_are_signed() {
    let schedule = Schedule {
        start: ClusterTime(BEGIN),
        period: Duration::from_millis(250),
        clock_error: Duration::from_micros(CLOCK_ERROR),
        rows: 10,
    };
    let record = |profile, schedule| EpochRecord {
        node: NODE,
        epoch: Epoch(1),
        profile,
        rows: Some((schedule, RowHash([1; 32]))),
    };
    let good = record(Profile::B16, schedule);
    let weak = record(Profile::toy(SchemeId::Biba, 1024, 4, 134), schedule);
    let inaccurate = Schedule { clock_error: schedule.clock_error + Duration::from_micros(1), ..schedule };
    let hectic = Schedule { period: Duration::from_millis(1), clock_error: Duration::ZERO, ..schedule };
    let endless = Schedule { rows: MAX_ROWS + 1, ..schedule };
    let empty = Schedule { rows: 0, ..schedule };
    let mut verifier = Verifier::new(1);
    verifier.trust(NODE, identity(NODE).public());
    for bad in [inaccurate, hectic, endless, empty].map(|schedule| record(Profile::B16, schedule)) {
        let taken = verifier.handle_epoch_record(Instant::ZERO, &bad.emit(&identity(NODE)));
        assert_eq!(taken.unwrap_err(), Refusal::ImpossibleRecord, "{bad:?}");
    }
    let taken = verifier.handle_epoch_record(Instant::ZERO, &weak.emit(&identity(NODE)));
    assert_eq!(taken.unwrap_err(), Refusal::ImpossibleRecord);
    let taken = verifier.handle_epoch_record(Instant::ZERO, &good.emit(&identity(OTHER)));
    assert_eq!(taken.unwrap_err(), Refusal::BadSignature);
    let taken = verifier.handle_epoch_record(Instant::ZERO, &good.emit(&identity(NODE)));
    assert_eq!(taken, Ok(good));
}

#[test]
fn a_record_of_one_kind_is_none_of_another() {
    let mut pair = Pair::new(Profile::B16, 40);
    let (record, row) = pair.signer.row_record(at(row_start(9))).unwrap();
    let now = at(row_start(9)).monotonic;
    assert_eq!(pair.verifier.handle_epoch_record(now, &record).unwrap_err(), Refusal::UnknownScheme);
    let mut epoch = record.clone();
    epoch[1] = EpochRecord::KIND;
    assert!(pair.verifier.handle_epoch_record(now, &epoch).is_err());
    let mut forged = record;
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let refused = pair.verifier.handle_row_record(now, &forged, &row.to_bytes());
    assert_eq!(refused, Err(Refusal::BadSignature));
}

/// An announcement of each profile with its records, damaged as `edits` say: byte at, value, and whether it is
/// inserted, removed or replaced.
fn damage(bytes: &mut Vec<u8>, edits: &[(usize, u8, u8)]) {
    for &(at, value, how) in edits {
        let at = at % (bytes.len() + 1);
        match how % 4 {
            0 => bytes.insert(at, value),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ if at < bytes.len() => bytes[at] = value,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_of_no_kind_are_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), scheme in 0u8..5, epoch in 0u64..3,
    ) {
        let mut pair = Pair::new(Profile::H16, 3);
        let mut dressed = vec![VERSION, scheme];
        dressed.extend(NODE.0.to_le_bytes());
        dressed.extend(epoch.to_le_bytes());
        dressed.extend(1u32.to_le_bytes());
        dressed.extend(&bytes);
        for bytes in [&bytes, &dressed] {
            prop_assert!(pair.hear(0, bytes).is_err());
            prop_assert!(pair.verifier.handle_epoch_record(Instant::ZERO, bytes).is_err());
            prop_assert!(pair.verifier.handle_row_record(Instant::ZERO, bytes, bytes).is_err());
            prop_assert!(pair.verifier.handle_first_row(NODE, Epoch(1), bytes).is_err());
            if let Ok(payload) = Payload::parse(bytes, NODE) {
                prop_assert!(payload.items.count() <= bytes.len());
            }
        }
    }

    #[test]
    fn damaged_announcements_and_records_are_refused(
        which in 0usize..4, edits in proptest::collection::vec((0usize..2000, any::<u8>(), any::<u8>()), 1..5),
    ) {
        let profile = Profile::ALL[which];
        let mut pair = Pair::new(profile, 3);
        let bytes = pair.announce(0);
        let mut damaged = bytes.clone();
        damage(&mut damaged, &edits);
        prop_assert!(damaged == bytes || pair.hear(0, &damaged).is_err());
        prop_assert!(pair.hear(0, &bytes).is_ok());

        let opened = open(NODE, profile, 3, at(0), &mut pair.journal);
        let mut damaged = opened.record.clone();
        damage(&mut damaged, &edits);
        prop_assert!(
            damaged == opened.record || pair.verifier.handle_epoch_record(Instant::ZERO, &damaged).is_err()
        );
    }
}
