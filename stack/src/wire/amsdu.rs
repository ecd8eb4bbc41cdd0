//! A-MSDUs: several MSDUs in one data frame (802.11-2020 9.3.2.2.2).

use crate::wire::llc::{Llc, RFC_1042};
use crate::wire::{MacAddr, Reader, Truncated};

/// One MSDU of an A-MSDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmsduSubframe<'a> {
    /// Destination.
    pub destination: MacAddr,
    /// Source.
    pub source: MacAddr,
    /// The MSDU, from its LLC header on.
    pub msdu: &'a [u8],
}

/// The MSDUs of an A-MSDU, one after the other. After an error there are no more.
#[derive(Clone, Debug)]
pub struct Amsdu<'a> {
    reader: Reader<'a>,
}

impl<'a> Amsdu<'a> {
    /// The MSDUs in the payload of a data frame with the A-MSDU bit.
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { reader: Reader::new(payload) }
    }

    /// The payload begins with an LLC/SNAP header instead of a destination: so begins an MSDU whose A-MSDU bit an attacker
    /// has set (CVE-2020-24588).
    pub fn looks_like_plain_msdu(payload: &[u8]) -> bool {
        payload.starts_with(&RFC_1042)
    }

    fn subframe(&mut self) -> Result<AmsduSubframe<'a>, Truncated> {
        let destination = MacAddr(*self.reader.array()?);
        let source = MacAddr(*self.reader.array()?);
        let length = usize::from(self.reader.u16_be()?);
        let msdu = self.reader.take(length)?;
        // The last one need not be padded.
        let padding = length.wrapping_neg().wrapping_add(2) % 4;
        self.reader.take(padding.min(self.reader.remaining()))?;
        Ok(AmsduSubframe { destination, source, msdu })
    }
}

impl<'a> Iterator for Amsdu<'a> {
    type Item = Result<AmsduSubframe<'a>, Truncated>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let subframe = self.subframe();
        if subframe.is_err() {
            self.reader.rest();
        }
        Some(subframe)
    }
}

/// Writes an A-MSDU to the end of a buffer.
#[derive(Debug)]
pub struct AmsduWriter<'b> {
    out: &'b mut Vec<u8>,
    start: usize,
}

impl<'b> AmsduWriter<'b> {
    /// A writer to the end of `out`, where the A-MSDU begins.
    pub const fn new(out: &'b mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start }
    }

    /// How long the A-MSDU is, with nothing after its last MSDU.
    pub const fn len(&self) -> usize {
        self.out.len() - self.start
    }

    /// There is no MSDU yet.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long an A-MSDU of `len` bytes is with one more MSDU of `msdu` bytes.
    pub const fn len_with(len: usize, msdu: usize) -> usize {
        len.next_multiple_of(4) + 14 + msdu
    }

    /// One more MSDU. Its length must fit into 16 bits, which any MSDU's does.
    pub fn push(&mut self, destination: MacAddr, source: MacAddr, payload: &Llc<'_>) {
        let padded = self.start + self.len().next_multiple_of(4);
        self.out.resize(padded, 0);
        self.out.extend_from_slice(&destination.octets());
        self.out.extend_from_slice(&source.octets());
        self.out.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        payload.emit(self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;
    use proptest::prelude::*;

    #[test]
    fn padding_is_between_and_not_after() {
        let mut out = vec![9];
        let mut writer = AmsduWriter::new(&mut out);
        assert!(writer.is_empty());
        assert_eq!(AmsduWriter::len_with(writer.len(), 1), 15);
        writer.push(MacAddr([1; 6]), MacAddr([2; 6]), &Llc::Plain(&[1]));
        assert_eq!(AmsduWriter::len_with(writer.len(), 2), 32);
        writer.push(MacAddr([3; 6]), MacAddr([4; 6]), &Llc::Plain(&[2, 3]));
        assert_eq!(
            out[1..],
            hex!("010101010101 020202020202 0001 01 00 030303030303 040404040404 0002 0203")
        );
    }

    #[test]
    fn what_runs_over_ends_the_list() {
        let mut out = Vec::new();
        AmsduWriter::new(&mut out).push(MacAddr([1; 6]), MacAddr([2; 6]), &Llc::Plain(&[1, 2, 3]));
        out.pop();
        let subframes: Vec<_> = Amsdu::new(&out).collect();
        assert!(matches!(subframes[..], [Err(Truncated { .. })]));
        assert_eq!(Amsdu::new(&[0; 5]).filter(Result::is_ok).count(), 0);
    }

    #[test]
    fn an_msdu_taken_for_an_amsdu_shows() {
        let msdu = hex!("aaaa030000000800 4500 00 14 000000000000000000");
        assert!(Amsdu::looks_like_plain_msdu(&msdu) && !Amsdu::looks_like_plain_msdu(&msdu[1..]));
    }

    proptest! {
        #[test]
        fn round_trip(msdus in prop::collection::vec((any::<[u8; 6]>(), any::<Vec<u8>>()), 0..6)) {
            let mut out = Vec::new();
            let mut writer = AmsduWriter::new(&mut out);
            for (address, msdu) in &msdus {
                writer.push(MacAddr(*address), MacAddr::ZERO, &Llc::parse(msdu));
            }
            let read: Vec<_> = Amsdu::new(&out).map(Result::unwrap).map(|s| (s.destination.0, s.msdu.to_vec())).collect();
            prop_assert_eq!(read, msdus);
        }

        #[test]
        fn any_bytes(bytes in any::<Vec<u8>>()) {
            prop_assert!(Amsdu::new(&bytes).count() <= bytes.len() / 14 + 1);
        }
    }
}
