//! `demo.pcapng`: every frame of the air, with what was decided about it as comments.

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use drivers::air::OnAir;
use drivers::capture::{CaptureError, Direction, Entry, InterfaceId, Writer};
use stack::time::Instant;
use stack::wire::radiotap::TxInfo;
use stack::wire::{Channel, Rate, RxInfo};

/// The demo takes place on the first of January 2026, in nanoseconds since 1970: the same seed gives the same bytes.
const EPOCH: u64 = 1_767_225_600_000_000_000;
/// A frame waits so long for what is decided because of it.
const PATIENCE: Duration = Duration::from_millis(5);

/// A frame that may still be commented on.
struct Waiting {
    start: Instant,
    interface: InterfaceId,
    channel: Channel,
    rate: Rate,
    /// The radio sent it, at this attempt.
    sent: Option<u8>,
    mpdu: Vec<u8>,
    comments: Vec<String>,
}

/// The file while it is written. After a failed write nothing more is written; [`Self::finish`] says why.
pub(super) struct Tape {
    writer: Writer<Box<dyn Write>>,
    /// By radio, with its name.
    interfaces: Vec<(InterfaceId, String)>,
    waiting: VecDeque<Waiting>,
    error: Option<CaptureError>,
}

impl Tape {
    /// One interface for each of these radios, with its name and what is told of it, by one clock.
    pub(super) fn new(
        out: Box<dyn Write>,
        radios: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, CaptureError> {
        let mut writer = Writer::new(out)?;
        let mut interfaces = Vec::new();
        for (name, about) in radios {
            interfaces.push((writer.radio(&name, &about)?, name));
        }
        Ok(Self { writer, interfaces, waiting: VecDeque::new(), error: None })
    }

    /// Takes a frame that begins now: of which radio, and whether that sent it.
    pub(super) fn frame(&mut self, on_air: &OnAir<'_>, (radio, by_it): (usize, bool), comments: Vec<String>) {
        self.write_until(on_air.start - PATIENCE);
        let Some(&(interface, _)) = self.interfaces.get(radio) else { return };
        self.waiting.push_back(Waiting {
            start: on_air.start,
            interface,
            channel: on_air.channel,
            rate: on_air.rate,
            sent: by_it.then_some(on_air.attempt),
            mpdu: on_air.frame.to_vec(),
            comments,
        });
    }

    /// Something was decided at a radio: it is said of the latest frame there.
    pub(super) fn comment(&mut self, radio: usize, comment: &str) {
        let Some((interface, name)) = self.interfaces.get(radio) else { return };
        if let Some(frame) = self.waiting.iter_mut().rev().find(|frame| frame.interface == *interface) {
            frame.comments.push(format!("{name}: {comment}"));
        }
    }

    /// Writes what still waits, and all to its place.
    pub(super) fn finish(&mut self) -> Result<(), CaptureError> {
        self.write_until(Instant::from_micros(u64::MAX));
        match self.error.take() {
            Some(error) => Err(error),
            None => self.writer.flush(),
        }
    }

    fn write_until(&mut self, until: Instant) {
        while let Some(frame) = self.waiting.pop_front_if(|frame| frame.start <= until) {
            if self.error.is_none() {
                self.error = self.write(&frame).err();
            }
        }
    }

    fn write(&mut self, frame: &Waiting) -> Result<(), CaptureError> {
        let comments: Vec<&str> = frame.comments.iter().map(String::as_str).collect();
        let rx = RxInfo {
            tsft: Some(frame.start.as_micros()),
            frequency: Some(frame.channel.frequency()),
            rate: Some(frame.rate),
            ..RxInfo::default()
        };
        let entry = Entry {
            time: EPOCH + frame.start.as_micros().saturating_mul(1000),
            direction: Some(if frame.sent.is_some() { Direction::Sent } else { Direction::Received }),
            rx,
            tx: frame.sent.map(|attempt| TxInfo { data_retries: Some(attempt), ..TxInfo::default() }),
            mpdu: &frame.mpdu,
            comments: &comments,
        };
        self.writer.write(frame.interface, &entry)
    }
}
