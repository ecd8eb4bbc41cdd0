//! The bytes of a virtual AP on the road.

use proptest::prelude::*;
use stack::ap::{Context, ContextError, SharedClock};
use stack::wire::RecordError;

use crate::two::{OWN, Two, above, dozing};
use crate::world::{at, open, wpa2};

/// Of an open network, of one with keys, and with what waits for a client that dozes.
fn contexts() -> Vec<Context> {
    [Two::joined(open(OWN)), Two::joined(wpa2(OWN)), dozing(3)]
        .into_iter()
        .map(|mut two| {
            let now = at(two.world.now);
            two.take().into_context(now, SharedClock::default()).unwrap()
        })
        .collect()
}

#[test]
fn what_is_written_is_read_as_the_same() {
    for context in contexts() {
        let bytes = context.encode();
        assert_eq!(Context::decode(&bytes).as_ref(), Ok(&context));
        assert!(bytes.capacity() < 2048 + 3 * 200, "it has not grown: what that leaves behind is not wiped");
    }
}

#[test]
fn another_version_is_told_from_broken_bytes() {
    for context in contexts() {
        let mut bytes = context.encode().to_vec();
        for version in (0..=u8::MAX).filter(|version| *version != 4) {
            bytes[0] = version;
            assert_eq!(Context::decode(&bytes), Err(ContextError::Version(version)));
        }
        bytes[0] = 4;
        bytes.push(0);
        assert_eq!(Context::decode(&bytes), Err(ContextError::Trailing(1)));
        for len in 0..bytes.len() - 1 {
            let error = Context::decode(&bytes[..len]);
            assert!(
                matches!(error, Err(ContextError::Record(RecordError::Truncated(_)))),
                "{len}: {error:?}"
            );
        }
    }
    assert_eq!(Context::decode(&vec![3; 5 << 20]), Err(ContextError::TooLong(5 << 20)));
}

#[test]
fn whatever_byte_is_changed_it_is_refused_or_another_context() {
    let network = wpa2(OWN);
    for context in contexts() {
        let bytes = context.encode();
        for at_byte in 1..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at_byte] ^= change;
                let Ok(other) = Context::decode(&changed) else { continue };
                assert_eq!(other.encode()[..], changed[..]);
                assert_ne!(other, context);
                let _ = other.into_virtual_ap(at(1000), SharedClock::default(), &network, above);
            }
        }
    }
}

#[test]
fn keys_are_not_printed() {
    for context in contexts() {
        let text = format!("{context:?}");
        assert!(!text.contains("Kck([") && !text.contains("TemporalKey([") && text.len() > 500);
        assert_eq!(text.contains("TemporalKey(..)"), context.keys().count() == 2);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_context_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let versioned = [&[2], &bytes[..]].concat();
        for bytes in [&bytes, &versioned] {
            if let Ok(context) = Context::decode(bytes) {
                prop_assert_eq!(&context.encode()[..], &bytes[..]);
            }
        }
    }
}
