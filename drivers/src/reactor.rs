//! What a radio thread sleeps on: descriptors, a deadline in microseconds, a wake-up from another thread.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use stack::time::Instant;

/// Descriptors that may become ready at one time before the rest waits for the next turn.
const EVENTS: usize = 64;
const TIMER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// The time now on `CLOCK_MONOTONIC`, the clock of all deadlines here.
pub fn now() -> io::Result<Instant> {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC)?;
    let micros = Duration::from(now).as_micros();
    Ok(Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
}

/// Sleeps until a descriptor is readable, a deadline is there, or another thread rings.
#[derive(Debug)]
pub struct Reactor {
    poll: Poll,
    events: Events,
    timer: TimerFd,
    armed: Option<Instant>,
    waker: Arc<Waker>,
}

/// Rings a reactor from another thread. Rings before the reactor looks count as one.
#[derive(Clone, Debug)]
pub struct Bell(Arc<Waker>);

impl Bell {
    /// Ends the current or the next [`Reactor::wait`].
    pub fn ring(&self) -> io::Result<()> {
        self.0.wake()
    }
}

impl Reactor {
    /// A reactor that watches nothing yet.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        poll.registry().register(&mut SourceFd(&timer.as_fd().as_raw_fd()), TIMER, Interest::READABLE)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Self { poll, events: Events::with_capacity(EVENTS), timer, armed: None, waker })
    }

    /// Watches a descriptor for being readable, under a number of the caller's choice. Readiness is told once: read
    /// until there is nothing left, or the rest waits for what comes next.
    pub fn watch(&self, fd: BorrowedFd<'_>, number: u32) -> io::Result<()> {
        let token = Token(usize::try_from(number).unwrap_or(0));
        self.poll.registry().register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)
    }

    /// Tells also when a watched descriptor takes more to write, or no longer does. A descriptor that takes more already
    /// is told at the next wait. To be asked for only while something waits to be written: a packet socket would
    /// otherwise be told for every frame that leaves.
    pub fn watch_writable(&self, fd: BorrowedFd<'_>, number: u32, writable: bool) -> io::Result<()> {
        let token = Token(usize::try_from(number).unwrap_or(0));
        let interest = if writable { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
        self.poll.registry().reregister(&mut SourceFd(&fd.as_raw_fd()), token, interest)
    }

    /// No longer watches a descriptor; call it before the descriptor is closed.
    pub fn forget(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.poll.registry().deregister(&mut SourceFd(&fd.as_raw_fd()))
    }

    /// What other threads ring this reactor with.
    pub fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.waker))
    }

    /// Sleeps until something is ready, at the longest until `deadline`, and yields the numbers of what is readable, or
    /// writable where that was asked for: none of them when it was the deadline or a bell. `last` is when the caller last
    /// looked at the clock, which costs a system call on some machines: a deadline no later than that only looks.
    pub fn wait(
        &mut self,
        last: Instant,
        deadline: Option<Instant>,
    ) -> io::Result<impl Iterator<Item = u32> + '_> {
        let passed = deadline.is_some_and(|deadline| deadline <= last);
        if !passed {
            self.arm(deadline)?;
        }
        match self.poll.poll(&mut self.events, passed.then_some(Duration::ZERO)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            other => other?,
        }
        if self.events.iter().any(|event| event.token() == TIMER) {
            self.armed = None;
        }
        Ok(self.events.iter().filter_map(|event| u32::try_from(event.token().0).ok()))
    }

    /// Sets the timer, unless it is set so already: most turns of a busy radio do not move its next deadline.
    fn arm(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if self.armed == deadline {
            return Ok(());
        }
        match deadline {
            Some(at) => self.timer.set(
                Expiration::OneShot(TimeSpec::from_duration(Duration::from_micros(at.as_micros()))),
                TimerSetTimeFlags::TFD_TIMER_ABSTIME,
            )?,
            None => self.timer.unset()?,
        }
        self.armed = deadline;
        Ok(())
    }
}

/// The signals that end a node, as a descriptor. They are blocked in the calling thread and in those that it starts
/// from then on, so it is to be made before them.
#[derive(Debug)]
pub struct StopSignals(SignalFd);

impl StopSignals {
    /// Blocks SIGTERM and SIGINT and takes them in here.
    pub fn block() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGINT);
        signals.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self(SignalFd::with_flags(&signals, flags)?))
    }

    /// Whether one of them has come since the last call.
    pub fn taken(&mut self) -> io::Result<bool> {
        Ok(self.0.read_signal()?.is_some())
    }
}

impl AsFd for StopSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for StopSignals {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::thread;

    use nix::sys::signal::raise;

    use super::*;

    fn numbers(reactor: &mut Reactor, deadline: Option<Instant>) -> Vec<u32> {
        reactor.wait(now().unwrap(), deadline).unwrap().collect()
    }

    #[test]
    fn a_deadline_ends_the_sleep_and_not_too_early() {
        let mut reactor = Reactor::new().unwrap();
        for micros in [300, 2_000, 0] {
            let deadline = now().unwrap() + Duration::from_micros(micros);
            while now().unwrap() < deadline {
                assert_eq!(numbers(&mut reactor, Some(deadline)), []);
            }
        }
    }

    #[test]
    fn a_deadline_that_passed_only_looks() {
        let mut reactor = Reactor::new().unwrap();
        assert_eq!(numbers(&mut reactor, Some(Instant::from_micros(1))), []);
    }

    #[test]
    fn a_bell_of_another_thread_ends_the_sleep() {
        let mut reactor = Reactor::new().unwrap();
        let bell = reactor.bell();
        let ringer = thread::spawn(move || bell.ring());
        assert_eq!(numbers(&mut reactor, None), []);
        ringer.join().unwrap().unwrap();
    }

    #[test]
    fn what_is_readable_is_told_by_its_number() {
        let mut reactor = Reactor::new().unwrap();
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        reactor.watch(reader.as_fd(), 7).unwrap();
        writer.write_all(b"x").unwrap();
        assert_eq!(numbers(&mut reactor, None), [7]);
        reader.read_exact(&mut [0]).unwrap();
        reactor.forget(reader.as_fd()).unwrap();
        writer.write_all(b"y").unwrap();
        assert_eq!(numbers(&mut reactor, Some(Instant::from_micros(1))), []);
    }

    #[test]
    fn what_takes_more_is_told_only_while_that_is_asked_for() {
        let mut reactor = Reactor::new().unwrap();
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        reactor.watch(ours.as_fd(), 3).unwrap();
        let look = Some(Instant::from_micros(1));
        assert_eq!(numbers(&mut reactor, look), [], "there is room, and nobody asked");
        while (&ours).write(&[0; 4096]).is_ok() {}
        reactor.watch_writable(ours.as_fd(), 3, true).unwrap();
        assert_eq!(numbers(&mut reactor, look), [], "there is no room");
        while theirs.read(&mut [0; 4096]).is_ok() {}
        assert_eq!(numbers(&mut reactor, None), [3]);
        assert_eq!(numbers(&mut reactor, look), [], "it is told once");
        reactor.watch_writable(ours.as_fd(), 3, false).unwrap();
        while (&ours).write(&[0; 4096]).is_ok() {}
        while theirs.read(&mut [0; 4096]).is_ok() {}
        assert_eq!(numbers(&mut reactor, look), [], "nobody asks any more");
        theirs.write_all(b"x").unwrap();
        assert_eq!(numbers(&mut reactor, None), [3]);
    }

    #[test]
    fn a_signal_to_stop_is_read_and_ends_nothing_else() {
        let mut signals = StopSignals::block().unwrap();
        assert!(!signals.taken().unwrap());
        raise(Signal::SIGTERM).unwrap();
        assert!(signals.taken().unwrap());
        assert!(!signals.taken().unwrap());
    }
}
