//! The paper's formulas, held against its table and against what the code does at toy parameters.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::biba;
use super::heads::Heads;
use super::scheme::{Place, RowScheme, Scheme};
use super::seal::{Domain, Seal, SealRow};
use super::{Epoch, NodeId, Profile, SchemeId};

/// log2 of the chance of one try to forge BiBa, knowing `r` SEALs: C(r,k) (n-1)^(r-k) / n^(r-1).
fn biba_forgery(k: u32, n: u32, r: u32) -> f64 {
    let choose: f64 = (0..k).map(|i| (f64::from(r - i) / f64::from(k - i)).log2()).sum();
    choose + f64::from(r - k) * f64::from(n - 1).log2() - f64::from(r - 1) * f64::from(n).log2()
}

/// log2 of the chance of one try to forge HORS, knowing the SEALs of `s` messages: (s k / t)^k.
fn hors_forgery(t: u32, k: u32, s: u32) -> f64 {
    f64::from(k) * (f64::from(s * k) / f64::from(t)).log2()
}

/// The chance that of `t` balls in `n` bins some bin has `k` or more, exactly: bins fill as Poisson variables do, given
/// their sum.
fn biba_success(t: usize, k: usize, n: u32) -> f64 {
    let mean = t as f64 / f64::from(n);
    let poisson =
        |mean: f64, count: usize| (1..=count).fold(-mean, |log, i| log + (mean / i as f64).ln()).exp();
    let below: Vec<f64> = (0..k).map(|count| poisson(mean, count)).collect();
    let mut none = vec![1.0];
    for bit in (0..u32::BITS - n.leading_zeros()).rev() {
        none = convolve(&none, &none, t + 1);
        if n >> bit & 1 == 1 {
            none = convolve(&none, &below, t + 1);
        }
    }
    1.0 - none.get(t).copied().unwrap_or(0.0) / poisson(t as f64, t)
}

fn convolve(a: &[f64], b: &[f64], len: usize) -> Vec<f64> {
    let mut out = vec![0.0; (a.len() + b.len() - 1).min(len)];
    for (i, a) in a.iter().enumerate() {
        for (out, b) in out.iter_mut().skip(i).zip(b) {
            *out += a * b;
        }
    }
    out
}

#[test]
fn table_1_of_the_paper() {
    for (k, n, bits) in [
        (6, 994, 49.8),
        (8, 494, 62.6),
        (10, 310, 74.5),
        (11, 260, 80.2),
        (12, 222, 85.7),
        (13, 192, 91.0),
        (14, 168, 96.1),
        (16, 136, 106.3),
        (20, 96, 125.1),
    ] {
        assert!((biba_forgery(k, n, k) + bits).abs() < 0.051, "k = {k}: {}", biba_forgery(k, n, k));
        let success = biba_success(1024, k as usize, n);
        assert!((0.475..0.502).contains(&success), "k = {k}: {success}");
    }
}

#[test]
fn bits_after_several_messages_of_a_row() {
    for (t, k, n, table) in [
        (1024, 11, 257, &[80.1, 60.7, 47.4, 40.4, 35.6][..]),
        (1024, 12, 219, &[85.5, 64.2, 49.7, 42.1]),
        (1024, 16, 134, &[106.0, 77.0, 57.7, 47.7, 40.9]),
        (2048, 12, 485, &[98.1, 76.8, 62.2, 54.5, 49.2]),
        (2048, 16, 293, &[122.9, 93.8, 74.4, 64.1, 57.1]),
        (4096, 12, 1065, &[110.6, 89.3, 74.7, 66.9, 61.6]),
        (4096, 16, 633, &[139.6, 110.5, 90.9, 80.6, 73.5]),
    ] {
        for (s, bits) in [1, 2, 4, 6, 8].into_iter().zip(table) {
            let calculated = biba_forgery(k, n, s * k);
            assert!((calculated + bits).abs() < 0.06, "t = {t}, k = {k}, s = {s}: {calculated}");
        }
        let (at, above) = (biba_success(t, k as usize, n), biba_success(t, k as usize, n + 1));
        assert!(at >= 0.5 && above < 0.5, "t = {t}, k = {k}: n = {n} is not the largest: {at}, {above}");
    }
    for (s, bits) in [(1, 96.0), (2, 80.0), (4, 64.0), (6, 54.6), (8, 48.0)] {
        assert!((hors_forgery(1024, 16, s) + bits).abs() < 0.051);
    }
}

#[test]
fn the_profiles_are_rows_of_these_tables() {
    for (profile, bits) in [(Profile::B16, 77.0), (Profile::B12, 76.8)] {
        let (k, n) = (u32::from(profile.revealed()), u32::from(profile.bins()));
        assert!((biba_forgery(k, n, 2 * k) + bits).abs() < 0.06);
        assert!(biba_success(profile.seals().into(), k as usize, n) >= 0.5);
    }
    assert!(
        (hors_forgery(Profile::H16.seals().into(), Profile::H16.revealed().into(), 2) + 80.0).abs() < 0.01
    );
}

fn place(row: u32) -> Place {
    Place { node: NodeId(1), epoch: Epoch(1), row }
}

/// Random SEALs of row 1, and the heads that authenticate them.
fn keys(profile: Profile, random: &mut ChaCha8Rng) -> (SealRow, Heads) {
    let seals = (0..profile.seals()).map(|_| {
        let mut seal = [0; 16];
        random.fill_bytes(&mut seal);
        Seal(seal)
    });
    let row = SealRow::new(seals.collect());
    let domain = Domain { node: NodeId(1), epoch: Epoch(1) };
    let heads = Heads::new(domain, 0, domain.walk_row(1, 0, &row));
    (row, heads)
}

/// `hits` of `trials` are what a chance of `p` gives, within five standard deviations.
fn assert_rate(hits: u32, trials: u32, p: f64, what: &str) {
    let (rate, deviation) = (f64::from(hits) / f64::from(trials), (p * (1.0 - p) / f64::from(trials)).sqrt());
    assert!((rate - p).abs() < 5.0 * deviation, "{what}: {rate}, expected {p} +- {deviation}");
}

#[test]
fn a_signer_succeeds_in_every_second_try() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (row, _) = keys(Profile::B16, &mut random);
    let scheme = RowScheme::of(Profile::B16).unwrap();
    let signings = 300;
    let (mut first, mut tries) = (0, 0);
    for message in 0..signings {
        let mut signature = Vec::new();
        scheme.sign(&row, &place(1), &u32::to_le_bytes(message), &mut signature).unwrap();
        let number = u32::from(u16::from_le_bytes([signature[0], signature[1]]));
        first += u32::from(number == 0);
        tries += number + 1;
    }
    let p = biba_success(1024, 16, 134);
    assert_rate(first, signings, p, "first tries that succeed");
    assert_rate(signings, tries, p, "tries that succeed");
}

/// What a forger gets who knows `known` SEALs of a row: puts nothing he can make up in place of the others, tries one
/// message after the other, and the verifier decides.
fn forgeries(scheme: RowScheme, profile: Profile, known: u16, trials: u32, seed: u64) -> u32 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (row, mut heads) = keys(profile, &mut random);
    let seen: Vec<Option<Seal>> = row.iter().map(|(index, seal)| (index < known).then_some(*seal)).collect();
    let mut hits = 0;
    for message in 0..trials {
        let message = message.to_le_bytes();
        if let Some(signature) = scheme.forge(&seen, &place(1), &message) {
            assert!(scheme.verify(&mut heads, &place(1), &message, &signature).is_ok());
            hits += 1;
        }
    }
    hits
}

impl RowScheme {
    /// A signature of `message` in the first try by somebody who knows some SEALs only.
    fn forge(&self, seen: &[Option<Seal>], place: &Place, message: &[u8]) -> Option<Vec<u8>> {
        let mut signature = vec![0, 0];
        match self {
            Self::Biba(biba) => {
                let known = (0u16..).zip(seen).filter_map(|(index, seal)| Some((index, seal.as_ref()?)));
                let indices = biba.select(&place.hash(biba::TAG, 0, message), known)?;
                biba::pack(&indices, biba.0.index_bits(), &mut signature);
                signature.extend(
                    indices.iter().filter_map(|&index| seen[usize::from(index)]).flat_map(|seal| seal.0),
                );
            }
            Self::Hors(hors) => {
                for index in hors.select(place, 0, message)? {
                    signature.extend(seen[usize::from(index)]?.0);
                }
            }
        }
        Some(signature)
    }
}

#[test]
fn forgery_of_biba_at_toy_parameters_is_as_likely_as_the_formula_says() {
    let trials = 30_000;
    for (k, n, r) in [(3, 20, 3), (3, 20, 5), (3, 20, 8), (3, 40, 8), (4, 16, 10)] {
        let profile = Profile::toy(SchemeId::Biba, 64, k, n);
        let scheme = RowScheme::of(profile).unwrap();
        let hits = forgeries(scheme, profile, r, trials, u64::from(r));
        // The formula counts bins with exactly k; bins with more sign too, and two such bins count once.
        let (k, n, r) = (u32::from(k), u32::from(n), u32::from(r));
        assert_rate(hits, trials, biba_success(r as usize, k as usize, n), "forgeries");
        let formula = biba_forgery(k, n, r).exp2();
        let exact = biba_success(r as usize, k as usize, n);
        assert!((exact / formula - 1.0).abs() < 0.12, "k = {k}, n = {n}, r = {r}: {exact} and {formula}");
    }
}

#[test]
fn with_fewer_than_k_seals_nothing_can_be_forged() {
    for scheme in [SchemeId::Biba, SchemeId::Hors] {
        let profile = Profile::toy(scheme, 64, 3, 4);
        assert_eq!(forgeries(RowScheme::of(profile).unwrap(), profile, 2, 20_000, 7), 0);
    }
}

#[test]
fn forgery_of_hors_at_toy_parameters_is_as_likely_as_the_formula_says() {
    let trials = 30_000;
    for (k, known) in [(3u8, 12u16), (3, 24), (4, 32)] {
        let profile = Profile::toy(SchemeId::Hors, 64, k, 0);
        let hits = forgeries(RowScheme::of(profile).unwrap(), profile, known, trials, u64::from(known));
        // Distinct SEALs: one less to choose from each time, both for the forger and in all.
        let p = (0..u16::from(k)).map(|i| f64::from(known - i) / f64::from(64u16)).product();
        assert_rate(hits, trials, p, "forgeries");
        assert!(p <= (f64::from(known) / 64.0).powi(k.into()), "the formula is an upper bound");
    }
}
