//! Serving whoever connects, though they may be slow or hostile: so many at a time, and each for a time only.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What is read at a time.
const PIECE: usize = 4096;

/// A connection that is waited for with a bound.
pub(crate) trait Connection {
    /// Reads what is there within this time; 0 bytes are the end.
    fn read_within(&self, time: Duration, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes what there is room for within this time.
    fn write_within(&self, time: Duration, bytes: &[u8]) -> io::Result<usize>;
}

macro_rules! connection {
    ($($stream:ty),*) => {$(
        impl Connection for $stream {
            fn read_within(&self, time: Duration, buffer: &mut [u8]) -> io::Result<usize> {
                self.set_read_timeout(Some(time))?;
                (&*self).read(buffer)
            }

            fn write_within(&self, time: Duration, bytes: &[u8]) -> io::Result<usize> {
                self.set_write_timeout(Some(time))?;
                (&*self).write(bytes)
            }
        }
    )*};
}
connection!(UnixStream, TcpStream);

/// When a conversation is over, whatever the other side does until then: who takes an answer byte by byte does not get
/// to the end of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So much later than now.
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    fn left(self) -> io::Result<Duration> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    /// Reads some more bytes. `false` if the other side has closed.
    pub(crate) fn read(self, connection: &impl Connection, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let mut buffer = [0; PIECE];
        loop {
            match connection.read_within(self.left()?, &mut buffer) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes all of it.
    pub(crate) fn write(self, connection: &impl Connection, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match connection.write_within(self.left()?, rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(length) => rest = rest.get(length..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Conversations that there may be at a time.
#[derive(Debug)]
pub(crate) struct Places {
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Places {
    /// So many.
    pub(crate) fn new(most: usize) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// Takes one, if there is one left.
    pub(crate) fn take(&self) -> Option<Place> {
        let place = Place(Arc::clone(&self.taken));
        (self.taken.fetch_add(1, Ordering::AcqRel) < self.most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_places_as_were_made_and_one_that_is_given_back_is_there_again() {
        let places = Places::new(2);
        let (first, second) = (places.take(), places.take());
        assert!(first.is_some() && second.is_some() && places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
    }

    #[test]
    fn who_takes_nothing_does_not_get_to_the_end() {
        let (here, _there) = UnixStream::pair().unwrap();
        let lots = vec![0; 8 << 20];
        let late = Deadline::after(Duration::from_millis(20)).write(&here, &lots);
        assert!(matches!(late.unwrap_err().kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock));
        let silent = Deadline::after(Duration::from_millis(20)).read(&here, &mut Vec::new());
        assert!(matches!(silent.unwrap_err().kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock));
    }
}
