//! The first words of a session, from both sides: which start of which node this is, and where it listens.
//!
//! ```text
//! hello   version u8 | count u64 | n u8 | n starts u64 | flags u8 | address, as text
//! ```

use std::net::SocketAddr;

use stack::wire::Reader;

use crate::engine::incarnation::{Incarnation, KNOWN_STARTS};

const VERSION: u8 = 1;
/// The node renews certificates.
const AUTHORITY: u8 = 1;

/// The longest hello, in bytes.
pub(super) const MAX_HELLO: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) incarnation: Incarnation,
    pub(super) address: SocketAddr,
    pub(super) authority: bool,
}

impl Hello {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let starts = &self.incarnation.starts;
        let mut out = vec![VERSION];
        out.extend(self.incarnation.count.to_le_bytes());
        out.push(u8::try_from(starts.len()).unwrap_or(u8::MAX));
        out.extend(starts.iter().flat_map(|start| start.to_le_bytes()));
        out.push(if self.authority { AUTHORITY } else { 0 });
        out.extend(self.address.to_string().into_bytes());
        out
    }

    /// `None` if it is none, or of a version that this node does not speak.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.u8().ok()? != VERSION {
            return None;
        }
        let count = reader.u64_le().ok()?;
        let len = usize::from(reader.u8().ok()?);
        if len == 0 || len > KNOWN_STARTS {
            return None;
        }
        let starts = (0..len).map(|_| reader.u64_le().ok()).collect::<Option<Vec<_>>>()?;
        let authority = reader.u8().ok()? & AUTHORITY != 0;
        let address = std::str::from_utf8(reader.rest()).ok()?.parse().ok()?;
        Some(Self { incarnation: Incarnation { count, starts }, address, authority })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_hello_is_read_as_it_was_written(
            count: u64, starts in prop::collection::vec(any::<u64>(), 1..=KNOWN_STARTS), authority: bool, port: u16,
        ) {
            let address = SocketAddr::from(([10, 9, 0, 1], port));
            let hello = Hello { incarnation: Incarnation { count, starts }, address, authority };
            let bytes = hello.to_bytes();
            prop_assert!(bytes.len() <= MAX_HELLO);
            prop_assert_eq!(Hello::parse(&bytes), Some(hello));
        }

        #[test]
        fn whatever_comes_is_a_hello_or_none(bytes in prop::collection::vec(any::<u8>(), 0..MAX_HELLO)) {
            let _ = Hello::parse(&bytes);
        }
    }
}
