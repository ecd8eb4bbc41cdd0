//! Following a capture's handshakes and decrypting what their keys protect: what `airloom decrypt` does.
//!
//! [`Decryptor`] is shown every frame in order. The [`Observer`](stack::rsn::Observer) makes keys out of handshakes and
//! secrets; a frame is decrypted by the first key whose MIC fits, and nothing counts as decrypted without.

mod batch;
mod frames;
mod report;
mod secret;

pub use frames::{Counts, Decryptor};
pub use report::Handshake;
pub use secret::{SecretError, parse_secret};
