//! Our own vectors, made by a second implementation: `mesh/vectors/announce.py`.

use zeroize::Zeroizing;

use super::super::chain::{ChainBuilder, Seed};
use super::super::record::Record;
use super::super::seal::Domain;
use super::*;

const VECTORS: &str = include_str!("../../../vectors/announce.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the second implementation found.
fn vector(profile: &str, what: &str) -> &'static str {
    VECTORS.lines().find_map(|line| line.strip_prefix(&format!("{profile} {what} "))).unwrap()
}

#[test]
fn rows_and_signatures_are_those_of_the_second_implementation() {
    for (name, profile) in [("b16", Profile::B16), ("b12", Profile::B12), ("h16", Profile::H16)] {
        let place = Place { node: NODE, epoch: Epoch(5), row: 3 };
        let domain = Domain { node: place.node, epoch: place.epoch };
        let seed = Seed(Zeroizing::new(std::array::from_fn(|byte| byte as u8)));
        let (public, mut chains) = ChainBuilder::new(domain, 8, profile.seals(), &seed).finish();
        assert_eq!(hex(&public.hash().0), vector(name, "row-0"));
        let schedule = Schedule {
            start: ClusterTime(BEGIN),
            period: Duration::from_micros(PERIOD),
            clock_error: Duration::from_micros(CLOCK_ERROR),
            rows: 8,
        };
        let rows = Some((schedule, public.hash()));
        let record = EpochRecord { node: place.node, epoch: place.epoch, profile, rows };
        assert_eq!(hex(&record.emit(&zeros())), vector(name, "record"));
        let (row, scheme) = (chains.take(3).unwrap(), RowScheme::of(profile).unwrap());
        for message in ["hello", "again"] {
            let mut signature = Vec::new();
            scheme.sign(&row, &place, message.as_bytes(), &mut signature).unwrap();
            assert_eq!(signature.len(), scheme.signature_len());
            assert_eq!(hex(&signature), vector(name, message), "{name} {message}");
        }
    }
}

/// The identity that the second implementation signs with.
fn zeros() -> Identity {
    Identity::from_seed(&Zeroizing::new([0; 32]))
}

#[test]
fn the_fallback_signs_as_the_second_implementation_does() {
    let place = Place { node: NODE, epoch: Epoch(5), row: 0 };
    for message in ["hello", "again"] {
        let mut signature = Vec::new();
        Ed25519.sign(&zeros(), &place, message.as_bytes(), &mut signature).unwrap();
        assert_eq!(hex(&signature), vector("ed25519", message));
    }
}
