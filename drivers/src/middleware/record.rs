//! Everything that passes, in a file that Wireshark opens.

use std::io::Write;
use std::time::Duration;

use stack::wire::radiotap::TxInfo;
use stack::wire::{AckChange, Channel, MacAddr, RxInfo, Transmit};

use super::Clock;
use crate::capture::{CaptureError, Direction, Entry, InterfaceId, Writer};
use crate::radio::{Radio, RadioError, Received, TransmitError};

/// Writes frames heard and frames sent to a pcapng file. After a failed write nothing more is written; see
/// [`Self::error`].
pub struct Record<R, W: Write> {
    inner: R,
    writer: Writer<W>,
    interface: InterfaceId,
    clock: Clock,
    channel: Option<Channel>,
    error: Option<CaptureError>,
}

impl<R: Radio, W: Write> Record<R, W> {
    /// Around `inner`, which is called `name` in the file.
    pub fn new(inner: R, name: &str, out: W, clock: Clock) -> Result<Self, CaptureError> {
        let mut writer = Writer::new(out)?;
        let interface = writer.radio(name, "")?;
        Ok(Self { inner, writer, interface, clock, channel: None, error: None })
    }

    /// Why writing has stopped, if it has.
    pub const fn error(&self) -> Option<&CaptureError> {
        self.error.as_ref()
    }

    /// Ends the recording; the radio and the file go back.
    pub fn finish(mut self) -> Result<(R, W), CaptureError> {
        match self.error.take() {
            Some(error) => Err(error),
            None => {
                self.writer.flush()?;
                Ok((self.inner, self.writer.into_inner()))
            }
        }
    }
}

impl<R: Radio, W: Write> Radio for Record<R, W> {
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError> {
        let received = self.inner.receive()?;
        if let (Some(Received::Frame { info, frame }), None) = (&received, &self.error) {
            let entry = Entry {
                time: (self.clock)(),
                direction: Some(Direction::Received),
                rx: *info,
                mpdu: frame,
                ..Entry::default()
            };
            self.error = self.writer.write(self.interface, &entry).err();
        }
        Ok(received)
    }

    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError> {
        self.inner.transmit(transmit)?;
        if self.error.is_none() {
            let rx = RxInfo {
                rate: transmit.options.rate,
                frequency: self.channel.map(Channel::frequency),
                ..RxInfo::default()
            };
            let entry = Entry {
                time: (self.clock)(),
                direction: Some(Direction::Sent),
                rx,
                tx: Some(TxInfo::default()),
                mpdu: &transmit.frame,
                ..Entry::default()
            };
            self.error = self.writer.write(self.interface, &entry).err();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RadioError> {
        self.inner.flush()
    }

    fn is_congested(&self) -> bool {
        self.inner.is_congested()
    }

    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError> {
        let waited = self.inner.set_channel(channel)?;
        self.channel = Some(channel);
        Ok(waited)
    }

    fn change_ack(&mut self, change: AckChange) -> Result<(), RadioError> {
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
