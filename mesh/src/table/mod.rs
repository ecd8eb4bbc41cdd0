//! The shared table: rows that each node writes about itself, and all others read.

mod row;

pub(crate) use row::Row;
use stack::wire::MacAddr;

/// Which virtual AP a row is about, if it says whose that is.
pub fn owned_bssid(key: &[u8]) -> Option<MacAddr> {
    Row::owned_key(key)
}
