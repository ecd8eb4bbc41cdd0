//! Mesh.
#![forbid(unsafe_code)]
