//! The kernel's side of the medium: frames from it, frames and their fates to it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use linux_raw_sys::netlink::NLM_F_ACK;
use stack::wire::MacAddr;

use super::error::MediumError;
use super::message::{Attempt, FAMILY, Fate, SHORTEST, Sent, command};
use crate::netlink::{Messages, Reply, Request, Socket};

/// Room for messages that wait in the kernel, in bytes: a hundred frames of each of many radios.
const ROOM: usize = 8 << 20;
/// Messages that wait here at the most. A radio has a hundred frames under way, then it drops some itself.
const BACKLOG: usize = 16_384;
/// What is sent to the kernel at once, in bytes, before what a further message adds.
const BATCH: usize = 48 << 10;

/// What has passed a medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediumCounts {
    /// Frames that radios sent.
    pub frames: u64,
    /// Times that one of them was on the air, retries included.
    pub attempts: u64,
    /// Times that a radio was handed one, which it refuses if it is off or on another channel.
    pub handed: u64,
    /// Frames that were acknowledged.
    pub acked: u64,
    /// Frames that waited for an ACK in vain.
    pub unacked: u64,
    /// Frames too short for the kernel to take back: control frames.
    pub too_short: u64,
    /// Messages that made no sense.
    pub malformed: u64,
    /// Messages that were lost: the kernel had no room for them, or this medium had none.
    pub lost: u64,
}

/// The socket that is registered, and what has come from it.
pub(super) struct Kernel {
    socket: Socket,
    buffer: Vec<u8>,
    backlog: VecDeque<Vec<u8>>,
    pub(super) counts: MediumCounts,
}

impl Kernel {
    /// Becomes the medium.
    pub(super) fn register() -> Result<Self, MediumError> {
        let mut socket = Socket::open(FAMILY)?;
        socket.set_room(ROOM).map_err(failed("making room"))?;
        let sequence = socket.next_sequence();
        let request = Request::new(socket.family(), NLM_F_ACK as u16, command::REGISTER).finish(sequence);
        let counts = MediumCounts::default();
        let mut kernel = Self { socket, buffer: vec![0; 1 << 16], backlog: VecDeque::new(), counts };
        kernel.socket.send(&request).map_err(failed("netlink"))?;
        let mut answer = Ok(());
        kernel.pull(Some(sequence), |of, errno| {
            if of == sequence && errno != 0 {
                answer = Err(MediumError::refused(io::Error::from_raw_os_error(errno)));
            }
        })?;
        answer.map(|()| kernel)
    }

    /// The next message that the kernel sent without being asked, as a datagram.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, MediumError> {
        if self.backlog.is_empty() {
            self.pull(None, |_, _| {})?;
        }
        Ok(self.backlog.pop_front())
    }

    /// Reads what waits: up to the reply to `last`, or all. Replies go to `reply`, with their error number.
    fn pull(&mut self, last: Option<u32>, mut reply: impl FnMut(u32, i32)) -> Result<(), MediumError> {
        loop {
            let length = match self.socket.receive(&mut self.buffer) {
                Ok(Some(length)) => length,
                Ok(None) => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => continue,
                Err(cause) => return Err(failed("netlink")(cause)),
            };
            let datagram = self.buffer.get(..length).unwrap_or_default();
            let mut ended = false;
            for (sequence, message) in Messages::new(datagram) {
                match message {
                    Reply::Done => reply(sequence, 0),
                    Reply::Refused { errno, .. } => reply(sequence, errno),
                    Reply::Data(..) if self.backlog.len() >= BACKLOG => self.counts.lost += 1,
                    Reply::Data(..) => self.backlog.push_back(datagram.to_vec()),
                }
                ended |= last == Some(sequence);
            }
            if ended || (last.is_none() && self.backlog.len() >= BACKLOG) {
                return Ok(());
            }
        }
    }

    /// Hands a frame to all that hear it. Yields the addressed ones that took it: those that are up and on its channel.
    pub(super) fn deliver(
        &mut self,
        sent: &Sent<'_>,
        attempt: &Attempt,
    ) -> Result<Vec<MacAddr>, MediumError> {
        if sent.frame.len() < SHORTEST {
            return Ok(Vec::new());
        }
        let family = self.socket.family();
        let mut asked = Vec::new();
        let mut batch = Vec::new();
        // The addressed ones last, so that when the last answer is there all are.
        let others = attempt.hearers.iter().filter(|hearer| !hearer.addressed);
        for hearer in others.chain(attempt.hearers.iter().filter(|hearer| hearer.addressed)) {
            let sequence = self.socket.next_sequence();
            let flags = if hearer.addressed { NLM_F_ACK as u16 } else { 0 };
            if hearer.addressed {
                asked.push((sequence, hearer.radio));
            }
            batch.extend(sent.heard(family, flags, attempt, *hearer).finish(sequence));
            self.counts.handed += 1;
            if batch.len() > BATCH {
                self.send(&batch)?;
                batch.clear();
            }
        }
        self.send(&batch)?;
        self.takers(&asked)
    }

    fn takers(&mut self, asked: &[(u32, MacAddr)]) -> Result<Vec<MacAddr>, MediumError> {
        let mut takers = Vec::new();
        if let Some((last, _)) = asked.last() {
            self.pull(Some(*last), |sequence, errno| {
                let taker = asked.iter().find(|(of, _)| *of == sequence && errno == 0);
                takers.extend(taker.map(|(_, radio)| *radio));
            })?;
        }
        Ok(takers)
    }

    /// Tells what became of a frame. The kernel may have given it up meanwhile.
    pub(super) fn report(&mut self, sent: &Sent<'_>, fate: Fate) -> Result<(), MediumError> {
        let counts = &mut self.counts;
        counts.frames += 1;
        counts.attempts += u64::from(fate.attempts);
        counts.acked += u64::from(fate.ack.is_some());
        counts.unacked += u64::from(fate.ack.is_none() && sent.wants_ack().is_some());
        counts.too_short += u64::from(sent.frame.len() < SHORTEST);
        let sequence = self.socket.next_sequence();
        self.send(&sent.report(self.socket.family(), fate).finish(sequence))
    }

    fn send(&self, batch: &[u8]) -> Result<(), MediumError> {
        if batch.is_empty() { Ok(()) } else { self.socket.send(batch).map_err(failed("netlink")) }
    }

    /// What has passed so far.
    pub(super) fn counts(&self) -> Result<MediumCounts, MediumError> {
        let lost = u64::from(self.socket.lost().map_err(failed("counting what was lost"))?);
        Ok(MediumCounts { lost: self.counts.lost + lost, ..self.counts })
    }
}

impl AsFd for Kernel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

pub(super) fn failed(what: &'static str) -> impl FnOnce(io::Error) -> MediumError {
    move |cause| MediumError::Socket { what, cause }
}
