//! Radiotap (radiotap.org): the header that monitor interfaces and capture files put before a frame.
//!
//! [`parse`] checks the header once, [`Radiotap::fields`] walks its fields over all namespaces without allocating, and
//! [`strip`] is what a driver needs: how the frame was heard, what became of it if it was ours, and where its bytes
//! are. [`build`], [`build_rx`] and [`build_tx`] write headers, for injection and for captures.
//!
//! The length the header claims is never believed beyond the buffer (SEC-M14).

mod build;
mod field;
mod fields;
mod summary;

pub use build::{build, build_rx, build_tx};
pub use field::{Field, Flags, Oui, TxFlags, Vht};
pub use fields::{Antenna, Antennas, Fields};
pub use summary::{Stripped, Summary, TxInfo, strip};

use crate::wire::Reader;

/// The length of a header without any field: version, padding, length, one present word.
const MIN_LEN: usize = 8;
/// The present bit that says that another present word follows.
const EXT: u32 = 1 << 31;

/// Why the bytes are not a radiotap header, or not one with a frame behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RadiotapError {
    /// Fewer than eight bytes.
    #[error("{0} bytes are too few for a radiotap header, which has at least 8")]
    Short(usize),
    /// Only version 0 exists.
    #[error("radiotap version {0}, only 0 is known")]
    Version(u8),
    /// The header claims fewer than its fixed eight bytes.
    #[error("radiotap header claims a length of {0}, less than its fixed 8 bytes")]
    Length(u16),
    /// The header claims more bytes than there are.
    #[error("radiotap header claims a length of {claimed}, but only {have} bytes are there")]
    Overrun {
        /// The length in the header.
        claimed: u16,
        /// The length of the buffer.
        have: usize,
    },
    /// The chain of present words runs over the end of the header.
    #[error("radiotap present words run over the end of the header")]
    PresentChain,
    /// A field runs over the end of the header.
    #[error("radiotap field {bit} at offset {offset} runs over the end of the header")]
    Field {
        /// The field's bit number, or type number in a TLV.
        bit: u16,
        /// Where it begins, from the first byte of the header.
        offset: usize,
    },
    /// The flags promise a frame check sequence, but the frame is shorter than one.
    #[error("radiotap flags promise an FCS, but only {0} bytes of frame are there")]
    ShortFcs(usize),
}

/// A view of one radiotap header whose length and present words have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Radiotap<'a> {
    header: &'a [u8],
    fields_at: usize,
}

/// Checks the header at the start of `bytes`; yields the view and the header's length, at which the frame begins.
///
/// Fields are checked while they are walked: a header can be good up to a field that overruns.
pub fn parse(bytes: &[u8]) -> Result<(Radiotap<'_>, usize), RadiotapError> {
    let short = |_| RadiotapError::Short(bytes.len());
    let mut reader = Reader::new(bytes);
    let [version, _pad] = *reader.array::<2>().map_err(short)?;
    let claimed = reader.u16_le().map_err(short)?;
    if version != 0 {
        return Err(RadiotapError::Version(version));
    }
    let length = usize::from(claimed);
    if length < MIN_LEN {
        return Err(RadiotapError::Length(claimed));
    }
    let header = bytes.get(..length).ok_or(RadiotapError::Overrun { claimed, have: bytes.len() })?;
    let fields_at = end_of_present_words(header)?;
    Ok((Radiotap { header, fields_at }, length))
}

fn end_of_present_words(header: &[u8]) -> Result<usize, RadiotapError> {
    let mut reader = Reader::new(header);
    let mut word = reader.take(4).and_then(|_| reader.u32_le());
    while word.map_err(|_| RadiotapError::PresentChain)? & EXT != 0 {
        word = reader.u32_le();
    }
    Ok(reader.offset())
}

impl<'a> Radiotap<'a> {
    /// The whole header.
    pub const fn bytes(&self) -> &'a [u8] {
        self.header
    }

    /// The fields, in the order in which they stand, over all namespaces.
    pub fn fields(&self) -> Fields<'a> {
        Fields::new(self.header, self.fields_at)
    }

    /// Signal and noise of each antenna: the first entry is the frame's as a whole where more than one follows.
    /// Ends at a field that overruns.
    pub fn antennas(&self) -> Antennas<'a> {
        Antennas::new(self.fields())
    }
}

#[cfg(test)]
mod tests;
