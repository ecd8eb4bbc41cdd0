//! The shared table: rows that each node writes about itself, and all others read.

mod row;

pub(crate) use row::Row;
