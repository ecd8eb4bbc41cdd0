//! A line for each frame.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use stack::wire::{AckChange, Channel, Frame, MacAddr, RxInfo, Transmit};

use super::Clock;
use crate::radio::{Radio, RadioError, Received, TransmitError};

/// Writes what passes, one line each. A line that can't be written is lost; the frame is not.
pub struct Trace<R, W> {
    inner: R,
    out: W,
    clock: Clock,
}

impl<R: Radio, W: Write> Trace<R, W> {
    /// Around `inner`, onto `out`.
    pub const fn new(inner: R, out: W, clock: Clock) -> Self {
        Self { inner, out, clock }
    }

    fn line(&mut self, text: &str) {
        let now = (self.clock)();
        let (seconds, nanos) = (now / 1_000_000_000, now % 1_000_000_000);
        // The trace is an aid; a full disk must not take the radio down.
        let _ = writeln!(self.out, "{seconds}.{nanos:09} {text}");
    }
}

impl<R: Radio, W: Write> Radio for Trace<R, W> {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        // The line is written before the frame is handed on, which borrows the radio.
        let now = (self.clock)();
        let (seconds, nanos) = (now / 1_000_000_000, now % 1_000_000_000);
        let received = self.inner.receive()?;
        let text = match &received {
            Some(Received::Frame { info, frame }) => heard(info, frame),
            Some(Received::Status(status)) => {
                let end = if status.acked { "acknowledged" } else { "not acknowledged" };
                format!("status {} {end} after {} retries", status.id.0, status.retries)
            }
            None => return Ok(None),
        };
        let _ = writeln!(self.out, "{seconds}.{nanos:09} {text}");
        Ok(received)
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        let result = self.inner.transmit(transmit);
        let mut text = format!("sent {} {}", transmit.id.0, describe(&transmit.frame));
        if let Err(error) = &result {
            let _ = write!(text, ": {error}");
        }
        self.line(&text);
        result
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.inner.flush()
    }

    fn is_congested(&self) -> bool {
        self.inner.is_congested()
    }

    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError> {
        self.line(&format!("tuned to {channel}"));
        self.inner.set_channel(channel)
    }

    fn change_ack(&mut self, change: AckChange) -> Result<(), RadioError> {
        self.line(&match change {
            AckChange::Add(addr) => format!("acknowledges {addr}"),
            AckChange::Remove(addr) => format!("no longer acknowledges {addr}"),
        });
        self.inner.change_ack(change)
    }

    fn is_tuned(&self) -> bool {
        self.inner.is_tuned()
    }

    fn acknowledges(&self, address: MacAddr) -> bool {
        self.inner.acknowledges(address)
    }

    fn poll_trouble(&mut self) -> Option<String> {
        self.inner.poll_trouble()
    }
}

fn heard(info: &RxInfo, frame: &[u8]) -> String {
    let mut text = String::from("heard");
    if let Some(signal) = info.signal {
        let _ = write!(text, " {signal} dBm");
    }
    if info.bad_fcs {
        text.push_str(" bad FCS");
    }
    text.push(' ');
    text.push_str(&describe(frame));
    text
}

/// Kind, flags, addresses, number and length.
fn describe(frame: &[u8]) -> String {
    match Frame::parse(frame) {
        Err(error) => format!("{} bytes: {error}", frame.len()),
        Ok(parsed) => {
            let mut text = format!("{:?}", parsed.frame_control());
            if let Some(from) = parsed.addr2() {
                let _ = write!(text, " {from}");
            }
            if let Some(to) = parsed.addr1() {
                let _ = write!(text, " > {to}");
            }
            if let Some(sequence) = parsed.sequence() {
                let _ = write!(text, " #{}", sequence.number());
            }
            let _ = write!(text, " {} bytes", frame.len());
            text
        }
    }
}
