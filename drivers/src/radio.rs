//! What every radio can do, real or simulated.

use std::time::Duration;

use stack::wire::{AckChange, Channel, MacAddr, RxInfo, Transmit, TxStatus};

/// Something that came from a radio.
#[derive(Debug)]
pub enum Received<'a> {
    /// A frame that was heard.
    Frame {
        /// How it was heard.
        info: RxInfo,
        /// The MPDU without FCS, in the radio's own memory: whoever reads it may decrypt it in place.
        frame: &'a mut [u8],
    },
    /// What became of a frame that was sent.
    Status(TxStatus),
}

/// Why a frame could not be given to a radio.
#[derive(Debug, thiserror::Error)]
pub enum TransmitError {
    /// The queue is full: offer the frame again after [`Radio::flush`] or the next status.
    #[error("the transmit queue is full")]
    Full,
    /// The frame is longer than the radio takes.
    #[error("a frame of {length} bytes is longer than the {limit} that the interface takes")]
    TooLong {
        /// Of the frame with its radiotap header, in bytes.
        length: usize,
        /// In bytes.
        limit: usize,
    },
}

/// Why a radio no longer does what it should.
#[derive(Debug, thiserror::Error)]
#[error("{interface}: {what}: {cause}")]
pub struct RadioError {
    /// The interface or the name of the radio.
    pub interface: String,
    /// What was tried.
    pub what: &'static str,
    /// What the system said.
    pub cause: std::io::Error,
}

/// A radio: frames in, frames out, one channel, a set of addresses that it acknowledges. Nothing blocks.
pub trait Radio {
    /// The next frame or status, `None` when there is none now. What is yielded lives until the next call.
    fn receive(&mut self) -> Result<Option<Received<'_>>, RadioError>;

    /// Takes a frame into the batch that [`Radio::flush`] sends.
    fn transmit(&mut self, transmit: &Transmit) -> Result<(), TransmitError>;

    /// Gives the batch to the air. What does not fit stays in the batch and goes first at the next call, which should
    /// come with every turn: each status that comes back has made room. When all room is taken and no status may come to
    /// tell of it, [`Radio::is_congested`] says that the descriptor is worth watching.
    fn flush(&mut self) -> Result<(), RadioError>;

    /// The last flush left frames behind because the radio's descriptor takes no more: watch it for being writable
    /// (`Reactor::watch_writable`), flush when it is, and end the watch when this is false again. Changes with
    /// [`Radio::flush`] only. A radio without a descriptor is never congested.
    fn is_congested(&self) -> bool {
        false
    }

    /// Tunes to a channel. The caller sees to it that nothing is in flight, and waits for [`Radio::is_tuned`]. Yields how long
    /// the call has waited for the hardware: zero for radios that return before they are there.
    fn set_channel(&mut self, channel: Channel) -> Result<Duration, RadioError>;

    /// The radio is on the channel that was set last. Radios whose `set_channel` returns when that is done say yes.
    fn is_tuned(&self) -> bool {
        true
    }

    /// Adds an address to those that are acknowledged, or removes one.
    fn change_ack(&mut self, change: AckChange) -> Result<(), RadioError>;

    /// Whether an address that was added is acknowledged by now. Radios that need no time for a change say yes.
    fn acknowledges(&self, _address: MacAddr) -> bool {
        true
    }

    /// Something that did not work and that people should know of, told once; the radio goes on. Cheap when there is
    /// nothing: it is asked for at every turn.
    fn poll_trouble(&mut self) -> Option<String> {
        None
    }
}
