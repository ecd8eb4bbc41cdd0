//! The rows that nodes keep in the shared table, each node its own.
//!
//! ```text
//! key    kind u8 | what it is about
//!   1 owned   BSSID [6]
//! value  version u8 = 1 | body
//!   1 owned   title: rank (sequence u64 | generation u16 | slot u16) | owner u64 | incarnation u64 | client [6]
//! ```

use stack::wire::{MacAddr, Reader};

use crate::handover::Title;

/// The version of the values.
const VERSION: u8 = 1;

const OWNED: u8 = 1;

/// How rows are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row;

impl Row {
    /// The key of the row that says: this virtual AP is mine.
    pub(crate) fn key_of_owned(bssid: MacAddr) -> Vec<u8> {
        let mut key = vec![OWNED];
        key.extend(bssid.octets());
        key
    }

    /// Which virtual AP a row is about, if it is about one.
    pub(crate) fn owned_key(key: &[u8]) -> Option<MacAddr> {
        let (kind, bssid) = key.split_first()?;
        MacAddr::from_slice(bssid).filter(|bssid| *kind == OWNED && !bssid.is_group())
    }

    pub(crate) fn emit_owned(title: &Title) -> Vec<u8> {
        let mut value = vec![VERSION];
        title.emit(&mut value);
        value
    }

    pub(crate) fn parse_owned(value: &[u8]) -> Option<Title> {
        let mut reader = Reader::new(value);
        let version = reader.u8().ok()?;
        let title = Title::parse(&mut reader).ok()??;
        (version == VERSION && reader.is_empty()).then_some(title)
    }
}
