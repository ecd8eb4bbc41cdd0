//! Stories between a few nodes.
