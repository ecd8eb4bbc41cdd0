//! Following a capture's handshakes and decrypting what their keys protect: what `airloom decrypt` does.
//!
//! [`Decryptor`] is shown every frame in order. It keeps the nonces of each pair of stations, tries the known secrets on
//! each second message, takes the pairwise key where the MIC is right, and the group keys out of what that key wraps.
//! A frame is decrypted by the first key whose MIC fits; nothing counts as decrypted without.

mod derive;
mod frames;
mod handshake;

pub use derive::{Secret, SecretError};
pub use frames::{Counts, Decryptor};
pub use handshake::Handshake;
