//! A cursor over bytes that cannot be read past.

/// There were fewer bytes than the format needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{need} more bytes needed at offset {offset}, {have} there")]
pub struct Truncated {
    /// Where the reader stood.
    pub offset: usize,
    /// How many bytes were asked for.
    pub need: usize,
    /// How many were left.
    pub have: usize,
}

/// Reads a byte slice from front to back. Every read either yields what was asked for or leaves the reader where it
/// was and says [`Truncated`].
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the first byte.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// How many bytes have been read.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.bytes.len()
    }

    /// Nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Truncated> {
        let Some((head, tail)) = self.bytes.split_at_checked(len) else {
            return Err(Truncated { offset: self.offset, need: len, have: self.bytes.len() });
        };
        self.bytes = tail;
        self.offset += len;
        Ok(head)
    }

    /// The next `N` bytes, by reference.
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Truncated> {
        let Some((head, tail)) = self.bytes.split_first_chunk::<N>() else {
            return Err(Truncated { offset: self.offset, need: N, have: self.bytes.len() });
        };
        self.bytes = tail;
        self.offset += N;
        Ok(head)
    }

    /// All that is left.
    pub const fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes;
        self.offset += rest.len();
        self.bytes = &[];
        rest
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        self.array::<1>().map(|&[byte]| byte)
    }

    /// Two bytes, least significant first.
    pub fn u16_le(&mut self) -> Result<u16, Truncated> {
        self.array().copied().map(u16::from_le_bytes)
    }

    /// Two bytes, most significant first.
    pub fn u16_be(&mut self) -> Result<u16, Truncated> {
        self.array().copied().map(u16::from_be_bytes)
    }

    /// Four bytes, least significant first.
    pub fn u32_le(&mut self) -> Result<u32, Truncated> {
        self.array().copied().map(u32::from_le_bytes)
    }

    /// Eight bytes, least significant first.
    pub fn u64_le(&mut self) -> Result<u64, Truncated> {
        self.array().copied().map(u64::from_le_bytes)
    }

    /// Eight bytes, most significant first.
    pub fn u64_be(&mut self) -> Result<u64, Truncated> {
        self.array().copied().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_read_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16_le(), Ok(0x0201));
        assert_eq!(reader.u16_be(), Err(Truncated { offset: 2, need: 2, have: 1 }));
        assert_eq!(reader.u8(), Ok(3));
        assert!(reader.is_empty());
    }
}
