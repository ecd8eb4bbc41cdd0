//! What the tests of this crate share.

pub mod airloom;
pub mod captures;
pub mod fuzz;
