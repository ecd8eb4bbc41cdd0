//! Where the bytes come from: a file, standard input, gzip or not; and a buffer that is used again.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

/// The least that is asked of the source at once.
const CHUNK: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Counts what has been read of the file itself, before decompression.
struct Counting<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(n)
    }
}

/// Bytes of a source, as many in a row as are asked for.
pub(super) struct Buffer {
    source: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// Where what must stay in memory begins; `start`, unless bytes are held.
    kept: usize,
    holding: bool,
    start: usize,
    end: usize,
    /// The offset of `start` in the decompressed file.
    offset: u64,
    count: Arc<AtomicU64>,
    size: Option<u64>,
}

impl Buffer {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::new(io::stdin(), None);
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Self::new(file, Some(metadata.len()).filter(|_| metadata.is_file()))
    }

    pub(super) fn new(source: impl Read + Send + 'static, size: Option<u64>) -> io::Result<Self> {
        let count = Arc::new(AtomicU64::new(0));
        let mut counting = Counting { inner: source, count: Arc::clone(&count) };
        let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
        counting.by_ref().take(2).read_to_end(&mut magic)?;
        let compressed = magic == GZIP_MAGIC;
        let whole = Cursor::new(magic).chain(counting);
        let source: Box<dyn Read + Send> = if compressed {
            Box::new(MultiGzDecoder::new(io::BufReader::with_capacity(CHUNK, whole)))
        } else {
            Box::new(whole)
        };
        Ok(Self {
            source,
            bytes: Vec::new(),
            kept: 0,
            holding: false,
            start: 0,
            end: 0,
            offset: 0,
            count,
            size,
        })
    }

    /// How many bytes of the file, of how many, have been read.
    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        (self.count.load(Ordering::Relaxed), self.size)
    }

    /// The offset of the next byte in the decompressed file.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Tries to have `n` bytes ready; yields how many are, at most `n`. Fewer means that the source has ended.
    pub(super) fn fill(&mut self, n: usize) -> io::Result<usize> {
        if self.end - self.start < n {
            self.refill(n)?;
        }
        Ok(n.min(self.end - self.start))
    }

    #[cold]
    fn refill(&mut self, n: usize) -> io::Result<()> {
        self.bytes.copy_within(self.kept..self.end, 0);
        self.start -= self.kept;
        self.end -= self.kept;
        self.kept = 0;
        let wanted = self.start + n;
        if self.bytes.len() < wanted.max(CHUNK) {
            self.bytes.resize(wanted.max(CHUNK), 0);
        }
        while self.end < wanted {
            let room = self.bytes.get_mut(self.end..).unwrap_or_default();
            match self.source.read(room) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Holds all that is passed from now on in memory, until [`Self::release`].
    pub(super) const fn hold(&mut self) {
        self.holding = true;
    }

    /// How many bytes are held.
    pub(super) const fn held(&self) -> usize {
        self.start - self.kept
    }

    /// The bytes that were held; they stay in place until the next call of [`Self::fill`].
    pub(super) fn release(&mut self) -> &mut [u8] {
        self.holding = false;
        let kept = std::mem::replace(&mut self.kept, self.start);
        self.bytes.get_mut(kept..self.start).unwrap_or_default()
    }

    /// The next bytes that are ready, without passing them.
    pub(super) fn peek(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Passes `n` bytes, which must be ready; they stay in place until the next call of [`Self::fill`].
    pub(super) fn take(&mut self, n: usize) -> &mut [u8] {
        let taken = self.start..(self.start + n).min(self.end);
        self.start = taken.end;
        if !self.holding {
            self.kept = self.start;
        }
        self.offset += u64::try_from(taken.len()).unwrap_or_default();
        self.bytes.get_mut(taken).unwrap_or_default()
    }

    /// Passes `n` bytes without having them in memory at once; yields how many there were.
    pub(super) fn skip(&mut self, mut n: u64) -> io::Result<u64> {
        let wanted = n;
        while n > 0 {
            let ready = self.fill(usize::try_from(n).unwrap_or(CHUNK).min(CHUNK))?;
            if ready == 0 {
                break;
            }
            self.take(ready);
            n -= u64::try_from(ready).unwrap_or(n);
        }
        Ok(wanted - n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_in_a_row_over_the_chunks() {
        let data: Vec<u8> = (0..3 * CHUNK).map(|n| n as u8).collect();
        let mut buffer = Buffer::new(Cursor::new(data.clone()), None).unwrap();
        assert_eq!(buffer.fill(CHUNK - 1).unwrap(), CHUNK - 1);
        assert_eq!(*buffer.take(CHUNK - 1), data[..CHUNK - 1]);
        assert_eq!(buffer.fill(CHUNK + 5).unwrap(), CHUNK + 5);
        assert_eq!(*buffer.take(CHUNK + 5), data[CHUNK - 1..2 * CHUNK + 4]);
        assert_eq!(buffer.skip(10 * CHUNK as u64).unwrap(), CHUNK as u64 - 4);
        assert_eq!(buffer.fill(1).unwrap(), 0);
        assert_eq!(buffer.offset(), 3 * CHUNK as u64);
    }

    #[test]
    fn what_is_held_stays_over_the_chunks() {
        let data: Vec<u8> = (0..3 * CHUNK).map(|n| n as u8).collect();
        let mut buffer = Buffer::new(Cursor::new(data.clone()), None).unwrap();
        buffer.fill(10).unwrap();
        buffer.take(10);
        buffer.hold();
        for _ in 0..2 * CHUNK / 100 {
            buffer.fill(100).unwrap();
            buffer.take(100);
        }
        let held = buffer.held();
        assert_eq!(held, 2 * CHUNK / 100 * 100);
        assert!(*buffer.release() == data[10..10 + held]);
        assert_eq!((buffer.fill(1).unwrap(), buffer.peek()[0]), (1, data[10 + held]));
        assert_eq!(buffer.held(), 0);
    }
}
